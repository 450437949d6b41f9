using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;

namespace Earshot.Lab.Fuzz;

/// <summary>The first thing in which two runs of a sequence differ.</summary>
/// <param name="Step">The step after which it was seen, counted from 0.</param>
/// <param name="What">What it is: host first, stack second.</param>
internal sealed partial record Difference(int Step, string What)
{
    // What a timer may be late by on the host: its wheel's granule, and the machine's other work.
    private const double Granule = 0.14;
    private const double Slack = 0.040;

    /// <summary>The difference without its numbers, so that like ones can be counted together.</summary>
    internal string Kind => Numbers().Replace(What, "#");

    /// <summary>Compares what the host and the stack showed.</summary>
    /// <returns>Null when it is the same.</returns>
    internal static Difference? Between(IReadOnlyList<Observation> host, IReadOnlyList<Observation> stack)
    {
        var last = new Dictionary<int, (double Host, double Stack)>();
        for (int i = 0; i < host.Count; i++)
        {
            if (Between(host[i], stack[i], last) is { } what)
            {
                return new Difference(i, what);
            }
        }

        return null;
    }

    /// <param name="host">What the host showed.</param>
    /// <param name="stack">What the stack showed.</param>
    /// <param name="last">When each peer was last sent something: times between packets are compared, since the steps
    /// themselves take the host longer.</param>
    private static string? Between(
        Observation host, Observation stack, Dictionary<int, (double Host, double Stack)> last)
    {
        if (host.Result != stack.Result)
        {
            return $"result: host {host.Result}, stack {stack.Result}";
        }

        for (int i = 0; i < Math.Max(host.Answers.Count, stack.Answers.Count); i++)
        {
            string expected = i < host.Answers.Count ? host.Answers[i].Text : "nothing";
            string seen = i < stack.Answers.Count ? stack.Answers[i].Text : "nothing";
            if (expected != seen)
            {
                return $"packet:\n    host  {expected}\n    stack {seen}";
            }

            int flow = host.Answers[i].Flow;
            double at = host.Answers[i].Time.Seconds;
            double ours = stack.Answers[i].Time.Seconds;
            bool isAnswer = (at - host.Begun.Seconds < Slack && ours - stack.Begun.Seconds < Slack)
                || Math.Abs(at - ours) < Slack;
            (double Host, double Stack) before = last.GetValueOrDefault(
                flow, (host.Begun.Seconds, stack.Begun.Seconds));
            last[flow] = (at, ours);
            double theirs = at - before.Host;
            double mine = ours - before.Stack;
            if (!isAnswer && Math.Abs(theirs - mine) > Slack + (Granule * Math.Max(theirs, mine)))
            {
                return $"time of {expected}: host after {theirs:F3} s, stack after {mine:F3} s";
            }
        }

        string[] fields =
        [
            .. host.Info.Keys.Union(stack.Info.Keys)
                .Where(name => !FuzzRules.IsLike(
                    name, host.Info.GetValueOrDefault(name), stack.Info.GetValueOrDefault(name)))
                .Select(name =>
                    $"{name} host {host.Info.GetValueOrDefault(name)}, stack {stack.Info.GetValueOrDefault(name)}"),
        ];
        if (fields.Length > 0)
        {
            return "account: " + string.Join("; ", fields);
        }

        string[] missing = [.. host.Sockets.Except(stack.Sockets)];
        string[] surplus = [.. stack.Sockets.Except(host.Sockets)];
        if (missing.Length + surplus.Length > 0)
        {
            return $"sockets: host {string.Join("; ", missing)}, stack {string.Join("; ", surplus)}";
        }

        string[] counters =
        [
            .. host.Counters.Keys.Union(stack.Counters.Keys).Order(StringComparer.Ordinal)
                .Where(name => !FuzzRules.TellsOfPages(name))
                .Where(name => host.Counters.GetValueOrDefault(name) != stack.Counters.GetValueOrDefault(name))
                .Select(name => $"{name} host {host.Counters.GetValueOrDefault(name)}, "
                    + $"stack {stack.Counters.GetValueOrDefault(name)}"),
        ];
        return counters.Length > 0 ? "counters: " + string.Join("; ", counters) : null;
    }

    [GeneratedRegex(@"-?\d+")]
    private static partial Regex Numbers();
}
