using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Simulation.Scenarios;
using Xunit;

namespace Earshot.Simulation.Tests;

/// <summary>Random worlds keep every rule, repeat themselves byte for byte, and are made small when they
/// fail.</summary>
public sealed class ScenarioTests
{
    private const ulong First = 1;

    [Fact]
    public void Random_worlds_keep_every_rule() => Seeds.Run(60, seed =>
    {
        Scenario scenario = ScenarioMaker.Make(First + seed);
        ScenarioResult result = ScenarioRun.Run(scenario);
        Assert.True(
            result.Failure is null, $"./earshot sim --seed {First + seed} --seeds 1: {result.Failure}\n{scenario}");
        Assert.True(result.Segments > 0);
    });

    [Fact]
    public void Random_harsh_worlds_keep_every_rule() => Seeds.Run(20, seed =>
    {
        Scenario scenario = ScenarioMaker.MakeHarsh(First + seed);
        ScenarioResult result = ScenarioRun.Run(scenario);
        Assert.True(
            result.Failure is null,
            $"./earshot sim --seed {First + seed} --seeds 1 --harsh: {result.Failure}\n{scenario}");
    });

    /// <summary>Worlds that were once broken: by retransmissions without room for SACK blocks (51), an MTU probe longer
    /// than the own link (2021), two segments of 64 KB in one packet (2958), a bare FIN that was joined with the data
    /// before it (18518), a switch that believed a damaged packet (10143). And worlds in which an end is cut off and
    /// rightly gives up: by bursts (2041, 2575), after repairing piece by piece (4445), without an answer from its
    /// neighbour (1655), though another one answers meanwhile (260010002).</summary>
    [Theory]
    [InlineData(51)]
    [InlineData(2021)]
    [InlineData(2958)]
    [InlineData(2041)]
    [InlineData(2575)]
    [InlineData(4445)]
    [InlineData(1655)]
    [InlineData(18518)]
    [InlineData(10143)]
    [InlineData(260010002)]
    public void What_was_mended_stays_so(ulong seed) =>
        Assert.Null(ScenarioRun.Run(ScenarioMaker.Make(seed)).Failure);

    [Fact]
    public void An_end_that_is_cut_off_may_give_up()
    {
        var scenario = new Scenario(
            7, [new ScenarioWay(), new ScenarioWay()], [new ScenarioTalk { ToServer = 100_000, Port = 1000 }],
            [new ScenarioEvent(2, 0, EventKind.Cut, 2_000_000)], []);
        ScenarioResult result = ScenarioRun.Run(scenario);
        Assert.Null(result.Failure);
        Assert.Equal(0, result.Finished);
    }

    [Fact]
    public void Every_packet_can_be_seen_and_every_loss()
    {
        var scenario = new Scenario(
            7, [new ScenarioWay { Loss = 0.05 }, new ScenarioWay()],
            [new ScenarioTalk { ToServer = 100_000, Port = 1000 }], [], []);
        List<string> lines = [];
        ScenarioResult result = ScenarioRun.Run(scenario, lines.Add);
        int lost = lines.Count(line => line.EndsWith(" lost", StringComparison.Ordinal));
        Assert.InRange(lost, 1, 20);
        Assert.Equal(result.Segments, lines.Count(line => line.Contains(":1000", StringComparison.Ordinal)) - lost);
        Assert.Equal(result, ScenarioRun.Run(scenario));
    }

    [Fact]
    public void The_same_scenario_gives_the_same_packets()
    {
        for (ulong seed = First; seed < First + 10; seed++)
        {
            ScenarioResult one = ScenarioRun.Run(ScenarioMaker.Make(seed));
            ScenarioResult other = ScenarioRun.Run(ScenarioMaker.Make(seed));
            Assert.Equal(one, other);
        }
    }

    [Fact]
    public void A_failing_world_shrinks_to_what_makes_it_fail()
    {
        // A way on which nothing arrives in time, and much that has nothing to do with it.
        Scenario made = ScenarioMaker.Make(2003);
        Scenario scenario = made with
        {
            Events = [],
            Ways = [made.Ways[0] with { Latency = 2_000_000_000, Loss = 0.01, BurstStart = 0 }, new ScenarioWay()],
            Talks =
            [
                new ScenarioTalk { ToServer = 5000, Pause = 5, NoDelay = true, Port = 1000 },
                new ScenarioTalk { Client = 1, Server = 0, ToClient = 5000, Port = 1001 },
            ],
            Settings = [new ScenarioSetting(0, "net.ipv4.tcp_sack", "0")],
        };
        string failure = ScenarioRun.Run(scenario).Failure!;
        Assert.NotNull(failure);
        Scenario small = Shrinker.Shrink(scenario, failure);
        Assert.Equal(Shrinker.Kind(failure), Shrinker.Kind(ScenarioRun.Run(small).Failure!));
        Assert.Single(small.Talks);
        Assert.Empty(small.Settings);
        Assert.Equal((0, 0), (small.Talks[0].ToServer + small.Talks[0].ToClient, small.Talks[0].Pause));
        Assert.Equal(2_000_000_000, small.Ways[0].Latency);
        Assert.True(small.Size < scenario.Size);
        Assert.Contains("talk h", small.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Scenarios_are_mild_and_hostile_over_both_families_and_kinds_of_link()
    {
        Scenario[] made = [.. Enumerable.Range(1, 500).Select(seed => ScenarioMaker.Make((ulong)seed))];
        Assert.InRange(made.Count(scenario => scenario.IsSlow), 100, 400);
        Assert.InRange(made.Count(scenario => scenario.IsEthernet), 40, 150);
        Assert.InRange(made.Count(scenario => scenario.Ways.Count > 2), 60, 200);
        Assert.Contains(made, scenario => scenario.Talks.Any(talk => talk.IsIPv6));
        Assert.Equal(8, made.SelectMany(scenario => scenario.Talks).Select(talk => talk.End).Distinct().Count());
        Assert.All(made.SelectMany(scenario => scenario.Talks), talk => Assert.Equal(TalkHabits.None, talk.Habits));
        Scenario[] harsh = [.. Enumerable.Range(1, 500).Select(seed => ScenarioMaker.MakeHarsh((ulong)seed))];
        TalkHabits drawn = harsh.SelectMany(scenario => scenario.Talks).Aggregate(
            TalkHabits.None, (sum, talk) => sum | talk.Habits);
        Assert.Equal(Enum.GetValues<TalkHabits>().Aggregate((sum, habit) => sum | habit), drawn);
    }
}
