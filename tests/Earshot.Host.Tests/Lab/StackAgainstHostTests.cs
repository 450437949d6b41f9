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

/// <summary>The embedded stack under linux-6.18 against the host kernel: nothing that is compared differs.</summary>
public sealed class StackAgainstHostTests(HostRuns runs) : IClassFixture<HostRuns>
{
    [HostFact]
    public void Backlog_shows_no_difference() => Same(runs["backlog"]);

    [HostFact]
    public void Syn_backlog_shows_no_difference() => Same(runs["syn-backlog"]);

    [HostFact]
    public void Somaxconn_shows_no_difference() => Same(runs["somaxconn"]);

    [HostFact]
    public void All_clients_at_once_show_no_difference()
    {
        Plan plan = PlanCatalog.Load("backlog").Until(TimeSpan.FromSeconds(2));
        Same(new HostTarget().Run(plan with { Clients = plan.Clients with { Mode = ClientMode.AtOnce } }));
    }

    [HostFact]
    public void A_port_that_nobody_listens_on_shows_no_difference()
    {
        Plan plan = PlanCatalog.Load("backlog").Until(TimeSpan.FromSeconds(1));
        Same(new HostTarget().Run(plan with { Clients = plan.Clients with { Port = 6667 } }));
    }

    [SlowFact(Needs = Needs.Root)]
    public void All_three_plans_show_no_difference_in_200_seconds()
    {
        Task<RunResult>[] all = [.. new[] { "backlog", "syn-backlog", "somaxconn" }.Select(name =>
            OwnThread.Start(() => new HostTarget().Run(PlanCatalog.Load(name))))];
        foreach (Task<RunResult> run in all)
        {
            Same(run.GetAwaiter().GetResult());
        }
    }

    private static void Same(RunResult host)
    {
        RunResult stack = new StackTarget(KernelProfile.Linux618).Run(host.Plan);
        IReadOnlyList<Difference> found = Compare.Runs(stack, host);
        Assert.Equal([], found.Select(d => d.Describe(stack.Target, host.Target)));
    }
}
