using System;
using System.Linq;
using Earshot.Lab.Experiments;
using Xunit;

namespace Earshot.Lab.Tests.Experiments;

public sealed class StepReaderTests
{
    private static Plan Read(string steps) => PlanReader.Read("f", $"name = x\nlook = 1\n[steps]\n{steps}\n");

    private static string Problem(string steps) => Assert.Throws<PlanException>(() => Read(steps)).Message;

    [Fact]
    public void A_line_has_a_moment_and_several_steps()
    {
        Plan plan = Read("0.5 = listen a 5; accept a s1..s3 flags=0");
        Assert.Equal(["listen", "accept"], plan.Steps.Select(s => s.Verb));
        Assert.All(plan.Steps, s => Assert.Equal(TimeSpan.FromSeconds(0.5), s.At));
        Assert.Equal(["s1..s3", "flags=0"], plan.Steps[1].Words);
    }

    [Theory]
    [InlineData("a", "a")]
    [InlineData("c1..c3", "c1 c2 c3")]
    [InlineData("c3..c1", "c3 c2 c1")]
    [InlineData("a,c9..c10", "a c9 c10")]
    [InlineData("c2..c2", "c2")]
    public void Names_may_be_a_range_or_a_list(string text, string names) =>
        Assert.Equal(names.Split(' '), Read($"0 = close {text}").Steps[0].Names);

    [Fact]
    public void Lines_with_the_same_moment_follow_one_another() =>
        Assert.Equal(["poll", "close"], Read("1 = poll a\n1 = close a").Steps.Select(s => s.Verb));

    [Fact]
    public void A_plan_of_steps_has_no_programs()
    {
        Plan plan = Read("0 = socket a");
        Assert.Equal(0, plan.Clients.Count);
        Assert.Equal(TimeSpan.FromSeconds(1), plan.Duration);
    }

    [Theory]
    [InlineData("0 = jump a", "f:4: expected one of socket, server")]
    [InlineData("soon = close a", "f:4: expected seconds from 0 to 86400 in [steps], not 'soon'")]
    [InlineData("1 = close a\n0.5 = close b", "f:5: expected a moment not before the line above, not '0.5'")]
    [InlineData("0 = bind a", "f:4: expected 'bind NAMES ADDRESS:PORT', not 'bind a'")]
    [InlineData("0 = close c1..d2", "f:4: expected a name, or names as c1..c9, not 'c1..d2'")]
    [InlineData("0 = close a-b", "f:4: expected a name, or names as c1..c9, not 'a-b'")]
    [InlineData("0 = close c1..c99999", "f:4: expected at most 4096 names (MaxClients)")]
    [InlineData("0 = sysctl kernel.hostname x", "f:4: expected a sysctl such as net.core.somaxconn")]
    [InlineData("0 = sysctl net.ipv4.a..b x", "f:4: expected a sysctl such as net.core.somaxconn")]
    [InlineData("0 = ;", "f:3: expected at least one step in [steps]")]
    [InlineData("0 = socket a\n[clients]\naddress = localhost", "f:5: expected [steps] or [clients], not both")]
    public void A_wrong_step_is_told_with_its_line(string steps, string problem) =>
        Assert.StartsWith(problem, Problem(steps), StringComparison.Ordinal);

    [Fact]
    public void More_steps_than_the_limit_are_refused() =>
        Assert.Contains(
            "at most 1024 steps (MaxSteps)",
            Problem(string.Join('\n', Enumerable.Repeat("0 = poll a; poll a; poll a; poll a; poll a", 300))),
            StringComparison.Ordinal);

    [Fact]
    public void Every_differential_plan_can_be_read_and_bears_the_name_of_its_file() =>
        Assert.All(PlanCatalog.Differential, name => Assert.Equal(name, PlanCatalog.Load(name).Name));

    [Fact]
    public void No_differential_plan_is_among_those_to_learn_from() =>
        Assert.Empty(PlanCatalog.Differential.Intersect(PlanCatalog.Names));
}
