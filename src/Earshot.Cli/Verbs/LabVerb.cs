using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using Earshot.Core.Profiles;
using Earshot.Lab.Experiments;
using Earshot.Lab.Targets;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot lab</c>: the article's first experiment under two kernels side by side; the other lab verbs are
/// below it.</summary>
internal static class LabVerb
{
    private const string ArticlePlan = "backlog";

    internal static Command Create(Terminal terminal)
    {
        var command = new Command(
            "lab",
            "Run experiments on the stack in virtual time; without more, the article's first one under two kernels.")
        {
            LabListVerb.Create(terminal),
            LabRunVerb.Create(terminal),
            LabCompareVerb.Create(terminal),
            LabMatrixVerb.Create(terminal),
            LabClaimsVerb.Create(terminal),
            LabFuzzVerb.Create(terminal),
        };
        command.SetAction(_ => Show(terminal));
        return command;
    }

    /// <summary>The plan that a user named.</summary>
    /// <exception cref="CommandException">It is a folder, or no name at all.</exception>
    internal static Plan Load(string nameOrPath)
    {
        if (!PlanCatalog.Names.Contains(nameOrPath) && !PlanCatalog.Differential.Contains(nameOrPath))
        {
            Files.RefuseFolder(nameOrPath);
        }

        return PlanCatalog.Load(nameOrPath);
    }

    private static int Show(Terminal terminal)
    {
        Plan plan = PlanCatalog.Load(ArticlePlan);
        List<RunResult> results = [];
        foreach (KernelProfile profile in (KernelProfile[])[KernelProfile.LinuxEl6, KernelProfile.Linux618])
        {
            results.Add(new StackTarget(profile).Run(plan));
        }

        LabTables.SideBySide(plan, results, terminal);
        terminal.Out.WriteLine(
            $"More: 'earshot lab list', 'earshot lab run {ArticlePlan} --seeds 100', or by hand: 'earshot up --profile "
            + $"{KernelProfile.LinuxEl6.Name}', and in other terminals 'earshot listen 127.0.0.1 6666 5', "
            + "'earshot connect localhost 6666 9', 'earshot netstat -nt', 'earshot why 6666'.");
        return ExitCode.Fine;
    }
}
