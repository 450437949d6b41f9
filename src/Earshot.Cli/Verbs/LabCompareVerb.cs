using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Core.Profiles;
using Earshot.Lab.Experiments;
using Spectre.Console;
using Command = System.CommandLine.Command;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot lab compare PLAN ...</c>: the stack under the reference profile beside the kernel that runs
/// here.</summary>
internal static class LabCompareVerb
{
    private const int MostAtOnce = 256;
    private const int ShownOfAPlan = 20;

    // Plans that take longer on the host are left to those who ask for all.
    private static readonly TimeSpan LongestFast = TimeSpan.FromSeconds(15);

    internal static Command Create(Terminal terminal)
    {
        var plans = new Argument<string[]>("PLAN")
        {
            Description = "A plan's name (see 'lab list --all') or the path of a plan file; several run at once.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var all = new Option<bool>("--all") { Description = "Every plan that comes with the lab." };
        var fast = new Option<bool>("--fast")
        {
            Description = $"With --all: only those that take at most {LongestFast.TotalSeconds:0} s.",
        };
        var rules = new Option<bool>("--rules")
        {
            Description = "Tell for each rule of the ledger which plan hit it.",
        };
        Option<int?> jobs = Arguments.NumberOption(
            "--jobs", "N", "Run at most N plans at a time.", 1, MostAtOnce);
        var command = new Command(
            "compare",
            $"Run plans on the stack ({KernelProfile.Linux618.Name}) and on the host's kernel (root), and compare.")
        {
            plans, all, fast, rules, jobs,
        };
        command.Validators.Add(result =>
        {
            bool named = result.GetResult(plans) is { Tokens.Count: > 0 };
            if (named == result.GetResult(all) is { Implicit: false })
            {
                result.AddError("name a PLAN, or several, or give --all");
            }
        });
        command.SetAction((parsed, cancellation) =>
        {
            using var end = new EndSignal(cancellation);
            IEnumerable<Plan> chosen = parsed.GetValue(all)
                ? PlanCatalog.All.Select(PlanCatalog.Load)
                : parsed.GetRequiredValue(plans).Select(LabVerb.Load);
            Plan[] list = [.. chosen.Where(p => !parsed.GetValue(fast) || p.Duration <= LongestFast)];
            int atOnce = parsed.GetValue(jobs) ?? Comparison.DefaultAtOnce;
            return Task.FromResult(list.Length == 1
                ? One(list[0], parsed.GetValue(rules), terminal, end.Token)
                : Several(list, atOnce, parsed.GetValue(rules), terminal, end.Token));
        });
        return command;
    }

    private static int One(Plan plan, bool tellsRules, Terminal terminal, CancellationToken cancellation)
    {
        Comparison comparison;
        using (var progress = new ProgressLine(terminal))
        {
            comparison = Comparison.Of(plan, progress, cancellation);
        }

        Tell(comparison, terminal);
        if (comparison.IsSame)
        {
            RunResult ours = comparison.Stack!; // Both ran, or it would not be the same.
            string calls = ours.Calls.Count > 0
                ? $"{ours.Calls.Count} calls"
                : $"{ours.Connects.Count} connect() calls";
            terminal.Out.WriteLine(
                $"{plan.Name}: no difference between {ours.Target} and the host's kernel at {plan.Looks.Count} "
                + $"moments, in {calls} and {ours.Packets.Count} packets");
        }

        if (tellsRules)
        {
            TellRules([comparison], terminal);
        }

        return comparison.Problem is not null ? ExitCode.ExperimentFailed
            : comparison.IsSame ? ExitCode.Fine
            : ExitCode.Findings;
    }

    private static int Several(
        Plan[] plans, int atOnce, bool tellsRules, Terminal terminal, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        int done = 0;
        IReadOnlyList<Comparison> all;
        using (var progress = new ProgressLine(terminal))
        {
            all = Comparison.All(
                plans,
                atOnce,
                _ =>
                {
                    lock (progress)
                    {
                        progress.Report($"{++done} of {plans.Length} plans");
                    }
                },
                cancellation);
        }

        foreach (Comparison comparison in all.Where(c => !c.IsSame))
        {
            Tell(comparison, terminal);
        }

        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns("plan", "s", "looks", "calls", "packets", "result");
        foreach (Comparison c in all)
        {
            table.AddRow(
                Markup.Escape(c.Plan.Name),
                LabTables.Number(c.Plan.Duration.TotalSeconds),
                LabTables.Number(c.Plan.Looks.Count),
                LabTables.Number((c.Host?.Calls.Count ?? 0) + (c.Host?.Connects.Count ?? 0)),
                LabTables.Number(c.Host?.Packets.Count ?? 0),
                c.Problem is not null ? "could not be run"
                    : c.IsSame ? "same" : $"{LabTables.Number(c.Differences.Count)} differences");
        }

        terminal.Write(table);
        if (tellsRules)
        {
            TellRules(all, terminal);
        }

        int same = all.Count(c => c.IsSame);
        terminal.Out.WriteLine(
            $"{same} of {all.Count} plans the same, {all.Count - same} not, in "
            + $"{LabTables.Number(Math.Round(Stopwatch.GetElapsedTime(start).TotalSeconds))} s");
        return same == all.Count ? ExitCode.Fine : ExitCode.Findings;
    }

    private static void TellRules(IEnumerable<Comparison> comparisons, Terminal terminal)
    {
        var coverage = new RuleCoverage();
        foreach (Comparison comparison in comparisons)
        {
            coverage.Add(comparison);
        }

        foreach (string line in coverage.Lines())
        {
            terminal.Out.WriteLine(line);
        }
    }

    private static void Tell(Comparison comparison, Terminal terminal)
    {
        string name = comparison.Plan.Name;
        foreach (string note in comparison.Host?.Notes ?? [])
        {
            terminal.Say($"{name} on the host: {note}");
        }

        if (comparison.Problem is { } problem)
        {
            terminal.Out.WriteLine($"{name}: {problem}");
        }

        foreach (Difference difference in comparison.Differences.Take(ShownOfAPlan))
        {
            terminal.Out.WriteLine(
                $"{name}: {difference.Describe(comparison.Stack!.Target, comparison.Host!.Target)}"); // Both ran.
        }

        if (comparison.Differences.Count > ShownOfAPlan)
        {
            terminal.Out.WriteLine(
                $"{name}: and {LabTables.Number(comparison.Differences.Count - ShownOfAPlan)} more differences");
        }
    }
}
