using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Profiles;
using Earshot.Lab.Experiments;
using Earshot.Lab.Targets;
using Xunit;

namespace Earshot.Lab.Tests.Experiments;

/// <summary>Plans that also run on the host kernel look where the order of things is certain.</summary>
public sealed class LookTests
{
    // A timer's jiffy, and how late a machine with other things to do may look.
    private static readonly TimeSpan Room = TimeSpan.FromMilliseconds(20);

    [Fact]
    public void No_look_of_a_plan_lies_on_a_moment_at_which_something_is_sent()
    {
        IEnumerable<string> close = PlanCatalog.All.Select(PlanCatalog.Load).SelectMany(static plan =>
        {
            RunResult run = new StackTarget(KernelProfile.Linux618).Run(plan);
            return plan.Looks.SelectMany(look => run.Packets
                .Where(p => (p.Time - look).Duration() < Room)
                .Take(1)
                .Select(p => $"{plan.Name}: look at {look.TotalSeconds} s, packet at {p.Time.TotalSeconds} s"));
        });
        Assert.Equal([], close);
    }
}
