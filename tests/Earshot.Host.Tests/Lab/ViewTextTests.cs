using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Earshot.Core.Profiles;
using Earshot.Lab.Experiments;
using Earshot.Lab.Targets;
using Earshot.Tests;
using Xunit;

namespace Earshot.Host.Tests.Lab;

/// <summary>After the same plan the stack's netstat, ss, nstat and /proc/net are what the real tools print in the
/// namespace of the host's kernel.</summary>
public sealed class ViewTextTests
{
    private const string Tools = "netstat ss nstat cat";
    private const int SideBySide = 4;
    private const int Tries = 5;

    // Two paths to one file, read before and after all others: while they say the same, no timer came between.
    private const string Before = "cat /proc/net/netstat";
    private const string After = "cat /proc/self/net/netstat";

    private static readonly string[] Sockets =
    [
        "netstat -nat", "netstat -nato", "netstat -natoe", "netstat -nlt", "ss -ntl", "ss -nta", "ss -nt", "ss -ntao",
        "ss -ntae", "ss -ntam", "ss -ntai", "ss -ntaOemi", "cat /proc/net/tcp", "cat /proc/net/tcp6",
    ];

    private static readonly string[] Counters =
    [
        "cat /proc/net/snmp", Before, "cat /proc/net/snmp6", "netstat -s", "nstat -az",
    ];

    private static readonly string[] Others = [.. Counters.Where(command => command != Before)];

    // First of all: ss leaves a socket behind that the kernel frees a little later.
    private static readonly string[] Memory = ["cat /proc/net/sockstat", "cat /proc/net/sockstat6"];

    [RootFact(Tools)]
    public void The_text_of_the_articles_plans_is_that_of_the_real_tools_at_their_first_looks() =>
        Same(PlanCatalog.Names, TimeSpan.FromSeconds(2));

    [SlowFact(Needs = Needs.Root, Tools = Tools)]
    public void The_text_of_the_articles_plans_is_that_of_the_real_tools_at_every_look() =>
        Same(PlanCatalog.Names, TimeSpan.FromSeconds(PlanLimits.MaxLookSeconds));

    [SlowFact(Needs = Needs.Root, Tools = Tools)]
    public void The_text_of_every_differential_plan_is_that_of_the_real_tools_at_its_end() =>
        Same(PlanCatalog.Differential, TimeSpan.FromSeconds(PlanLimits.MaxLookSeconds));

    private static void Same(IReadOnlyList<string> names, TimeSpan until)
    {
        Plan[] plans = [.. names.Select(PlanCatalog.Load)
            .Where(plan => plan.Looks[0] <= until).Select(plan => plan.Until(until))
            .OrderByDescending(p => p.Duration)];
        Assert.NotEmpty(plans);
        var differences = new List<string>();
        Parallel.ForEach(
            plans, new ParallelOptions { MaxDegreeOfParallelism = SideBySide }, plan =>
            {
                List<string> found = Differences(
                    plan with { Views = [.. Memory, Before, .. Sockets, .. Others, After] });
                lock (differences)
                {
                    differences.AddRange(found);
                }
            });
        Assert.True(differences.Count == 0, string.Join("\n", differences.Take(5000)));
    }

    private static List<string> Differences(Plan plan)
    {
        RunResult host = new HostTarget().Run(plan);
        for (int i = 1; i < Tries && host.Samples.Any(IsTorn); i++)
        {
            // The machine was too busy for all tools to see one moment.
            host = new HostTarget().Run(plan);
        }

        RunResult stack = new StackTarget(KernelProfile.Linux618).Run(plan);
        var found = new List<string>();
        foreach ((Sample theirs, Sample ours) in host.Samples.Zip(stack.Samples)
            .Where(pair => pair.First.Texts.Count > 0 && !IsTorn(pair.First)))
        {
            HashSet<string> names = [.. Pairs(ours).Select(counter => counter.Key)];
            KeyValuePair<string, long>[] all = [.. Pairs(theirs)];
            foreach (string command in plan.Views.Where(view => view != After))
            {
                bool counts = Counters.Contains(command);
                IReadOnlyList<string> expected = counts
                    ? CounterText.Of(command, theirs.Texts[command], names, all)
                    : Lines(command, theirs.Texts[command]);
                IReadOnlyList<string> actual = counts
                    ? CounterText.Of(command, ours.Texts[command], names, [.. Pairs(ours)])
                    : Lines(command, ours.Texts[command]);
                found.AddRange(Differences($"{plan.Name} at {ours.At.TotalSeconds} s, {command}", expected, actual));
            }
        }

        return found;
    }

    // A timer came between the look and the tools, or between two of them.
    private static bool IsTorn(Sample sample)
    {
        const string Timeouts = "TcpExtTCPTimeouts";
        return sample.Texts.Count > 0 && (sample.Texts[Before] != sample.Texts[After]
            || CounterText.Pairs(sample.Texts[Before]).First(counter => counter.Key == Timeouts).Value
                != sample.Counters.GetValueOrDefault(Timeouts));
    }

    private static IEnumerable<KeyValuePair<string, long>> Pairs(Sample sample) =>
        Counters[..3].SelectMany(command => CounterText.Pairs(sample.Texts[command]));

    private static IReadOnlyList<string> Lines(string command, string text) =>
        Memory.Contains(command) ? Sockstat(text) : MaskedText.Of(command, text);

    // Of the sockets' files the families that our stack has. orphan, alloc and mem are the whole host's there, and
    // among the sockets used are those with which the lab watches.
    private static string[] Sockstat(string text) =>
        [.. text.Split('\n').Where(line => line.StartsWith("TCP", StringComparison.Ordinal))
            .Select(line => line.Split(' '))
            .Select(words => words[0] == "TCP:" ? $"inuse {words[2]} tw {words[6]}" : string.Join(' ', words))];

    private static IEnumerable<string> Differences(
        string where, IReadOnlyList<string> expected, IReadOnlyList<string> actual)
    {
        for (int i = 0; i < Math.Max(expected.Count, actual.Count); i++)
        {
            string theirs = i < expected.Count ? expected[i] : "(nothing)";
            string ours = i < actual.Count ? actual[i] : "(nothing)";
            if (theirs != ours)
            {
                yield return $"{where}:\n  kernel: {theirs}\n  stack:  {ours}\n";
            }
        }
    }
}
