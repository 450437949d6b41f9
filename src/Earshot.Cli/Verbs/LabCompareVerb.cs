using System.Collections.Generic;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Core.Profiles;
using Earshot.Lab.Experiments;
using Earshot.Lab.Targets;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot lab compare PLAN</c>: the stack under the reference profile beside the kernel that runs
/// here.</summary>
internal static class LabCompareVerb
{
    internal static Command Create(Terminal terminal)
    {
        Argument<string> plan = LabRunVerb.PlanArgument();
        var command = new Command(
            "compare",
            $"Run a plan on the stack ({KernelProfile.Linux618.Name}) and on the host's kernel (root), and compare.")
        {
            plan,
        };
        command.SetAction((parsed, cancellation) =>
        {
            using var end = new EndSignal(cancellation);
            return Task.FromResult(Run(PlanCatalog.Load(parsed.GetRequiredValue(plan)), terminal, end.Token));
        });
        return command;
    }

    private static int Run(Plan plan, Terminal terminal, CancellationToken cancellation)
    {
        RunResult ours, theirs;
        using (var progress = new ProgressLine(terminal))
        {
            ours = new StackTarget(KernelProfile.Linux618).Run(plan, progress, cancellation);
            theirs = new HostTarget().Run(plan, progress, cancellation);
        }

        foreach (string note in theirs.Notes)
        {
            terminal.Say($"host: {note}");
        }

        IReadOnlyList<Difference> differences = Compare.Runs(ours, theirs);
        if (differences.Count == 0)
        {
            terminal.Out.WriteLine(
                $"{plan.Name}: no difference between {ours.Target} and the host's kernel at {plan.Looks.Count} "
                + $"moments, in {ours.Connects.Count} connect() calls and {ours.Packets.Count} packets");
            return ExitCode.Fine;
        }

        terminal.Out.WriteLine($"{plan.Name}: {differences[0].Describe(ours.Target, theirs.Target)}");
        if (differences.Count > 1)
        {
            terminal.Say($"and {differences.Count - 1} more differences, which may follow from this first one");
        }

        return ExitCode.Findings;
    }
}
