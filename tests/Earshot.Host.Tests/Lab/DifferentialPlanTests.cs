using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Lab.Experiments;
using Earshot.Tests;
using Xunit;
using Xunit.Abstractions;

namespace Earshot.Host.Tests.Lab;

/// <summary>The plans that take at most 15 s, on the embedded stack and on the host's kernel, once for all
/// tests.</summary>
public sealed class FastComparisons
{
    internal static readonly TimeSpan Longest = TimeSpan.FromSeconds(15);

    private readonly Lazy<IReadOnlyList<Comparison>> _all = new(() =>
        Comparison.All([.. Plans().Where(p => p.Duration <= Longest)]));

    public IReadOnlyList<Comparison> All => _all.Value;

    internal static IEnumerable<Plan> Plans() =>
        PlanCatalog.All.Select(PlanCatalog.Load);
}

/// <summary>The embedded stack under linux-6.18 against the host kernel, one behaviour after the other: calls, errnos,
/// states, queues, counters and packets.</summary>
public sealed class DifferentialPlanTests(FastComparisons fast, ITestOutputHelper output)
    : IClassFixture<FastComparisons>
{
    private const int LeastPlans = 80;

    [HostFact]
    public void Every_plan_comes_out_on_the_stack_as_on_the_kernel() => Same(fast.All);

    [SlowFact(Needs = Needs.Root)]
    public void Every_plan_that_takes_longer_comes_out_on_the_stack_as_on_the_kernel() =>
        Same(Comparison.All([.. FastComparisons.Plans().Where(p => p.Duration > FastComparisons.Longest)]));

    [HostFact]
    public void There_are_enough_plans_and_each_makes_calls_or_connects()
    {
        Assert.InRange(fast.All.Count, LeastPlans, int.MaxValue);
        Assert.All(fast.All, c => Assert.True(c.Host!.Calls.Count + c.Host.Connects.Count > 0));
    }

    [HostFact]
    public void Every_rule_is_hit_by_a_plan_that_also_ran_on_the_kernel_or_says_why_it_cannot_be()
    {
        var coverage = new RuleCoverage();
        foreach (Comparison comparison in fast.All)
        {
            coverage.Add(comparison);
        }

        foreach (string line in coverage.Lines())
        {
            output.WriteLine(line);
        }

        Assert.Equal([], coverage.Missing);
        Assert.Equal([], RuleCoverage.Elsewhere.Keys.Where(coverage.IsHit));
    }

    private void Same(IReadOnlyList<Comparison> all)
    {
        output.WriteLine($"{all.Count} plans, {all.Sum(c => c.Host?.Packets.Count ?? 0)} packets");
        IEnumerable<string> problems = all.Where(c => c.Problem is not null).Select(c => $"{c.Plan.Name}: {c.Problem}");
        IEnumerable<string> differences = all.SelectMany(c => c.Differences.Take(5).Select(
            d => $"{c.Plan.Name}: {d.Describe(c.Stack!.Target, c.Host!.Target)}"));
        Assert.Equal([], problems.Concat(differences));
    }
}
