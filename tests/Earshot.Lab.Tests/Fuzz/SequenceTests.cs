using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Profiles;
using Earshot.Core.Time;
using Earshot.Lab.Fuzz;
using Earshot.Lab.Targets;
using Xunit;

namespace Earshot.Lab.Tests.Fuzz;

public sealed class SequenceTests
{
    [Fact]
    public void The_same_seed_makes_the_same_sequence_and_another_seed_another()
    {
        Assert.Equal(SequenceMaker.Make(7).Text, SequenceMaker.Make(7).Text);
        Assert.NotEqual(SequenceMaker.Make(7).Text, SequenceMaker.Make(8).Text);
    }

    [Fact]
    public void Sequences_use_every_call_every_echo_and_both_versions()
    {
        Sequence[] made = [.. Enumerable.Range(0, 300).Select(seed => SequenceMaker.Make((ulong)seed))];
        Step[] steps = [.. made.SelectMany(sequence => sequence.Steps)];
        Assert.Equal(
            System.Enum.GetValues<Call>().Except([Call.Connect, Call.Receive]).Order(),
            steps.OfType<CallStep>().Select(step => step.Call).Distinct().Order());
        Assert.Equal(
            System.Enum.GetValues<Echo>().Except([Echo.First]).Order(),
            steps.OfType<SegmentStep>().Select(step => step.Echo).Distinct().Order());
        Assert.Contains(made, sequence => sequence.IsIPv6);
        Assert.Contains(made, sequence => !sequence.IsIPv6);
    }

    [Fact]
    public void Sequences_about_connections_open_them_from_both_sides_and_tell_of_them()
    {
        Assert.Equal(EstablishedMaker.Make(7).Text, EstablishedMaker.Make(7).Text);
        Sequence[] made = [.. Enumerable.Range(0, 100).Select(seed => EstablishedMaker.Make((ulong)seed))];
        Step[] steps = [.. made.SelectMany(sequence => sequence.Steps)];
        Assert.Contains(steps, step => step is CallStep { Call: Call.Connect });
        Assert.Contains(steps, step => step is CallStep { Call: Call.Accept });
        Assert.Contains(steps, step => step is SegmentStep { Sacks.Count: > 0 });
        Assert.Contains(steps, step => step is ErrorStep { Mtu: > 0 });
        List<Observation> seen = OnStack(made.First(sequence => sequence.Steps.Any(
            step => step is CallStep { Call: Call.Accept })));
        Assert.Contains(seen, observation => observation.Info.GetValueOrDefault("tcpi_snd_cwnd") > 0);
    }

    [Fact]
    public void A_run_that_is_followed_at_its_own_moments_shows_the_same()
    {
        Sequence sequence = EstablishedMaker.Make(3);
        List<Observation> first = OnStack(sequence);
        List<Observation> second = new StackPacketTargetMaker(KernelProfile.Linux618).Run(
            new PacketTargetOptions(), target => SequenceRun.Follow(target, sequence, first, default));
        Assert.Equal(first.Count, Moments.Alike(first, second, first.Count));
    }

    [Theory]
    [InlineData(1ul)]
    [InlineData(2ul)]
    [InlineData(3ul)]
    public void On_the_stack_a_sequence_shows_the_same_twice(ulong seed)
    {
        Sequence sequence = SequenceMaker.Make(seed);
        List<Observation> first = OnStack(sequence);
        Assert.Null(Difference.Between(first, OnStack(sequence)));
        Assert.True(first.Zip(OnStack(sequence)).All(pair => pair.First.IsLike(pair.Second)));
        Assert.Contains(first, observation => observation.Answers.Count > 0);
    }

    [Fact]
    public void Results_packets_times_sockets_and_counters_are_told_apart()
    {
        var plain = new Observation
        {
            Result = "0",
            Answers = [new Answer(1, Instant.FromSeconds(1), "> a")],
            Sockets = ["a", "b"],
            Counters = new Dictionary<string, long> { ["TcpInSegs"] = 1 },
        };
        Assert.Null(Compare(plain, plain with { }));
        Assert.StartsWith("result", Compare(plain, plain with { Result = "EINVAL" })!.What);
        Assert.StartsWith("packet", Compare(plain, plain with { Answers = [] })!.What);
        Answer other = plain.Answers[0] with { Text = "> b" };
        Assert.StartsWith("packet", Compare(plain, plain with { Answers = [other] })!.What);
        Answer late = plain.Answers[0] with { Time = Instant.FromSeconds(1.3) };
        Assert.StartsWith("time", Compare(plain, plain with { Answers = [late] })!.What);
        Answer soon = plain.Answers[0] with { Time = Instant.FromSeconds(1.1) };
        Assert.Null(Compare(plain, plain with { Answers = [soon] }));
        Assert.StartsWith("sockets", Compare(plain, plain with { Sockets = ["a"] })!.What);
        Difference counters = Compare(plain, plain with { Counters = new Dictionary<string, long>() })!;
        Assert.Equal("counters: TcpInSegs host 1, stack 0", counters.What);
        Assert.Equal("counters: TcpInSegs host #, stack #", counters.Kind);
    }

    private static Difference? Compare(Observation host, Observation stack) => Difference.Between([host], [stack]);

    private static List<Observation> OnStack(Sequence sequence) =>
        new StackPacketTargetMaker(KernelProfile.Linux618).Run(
            new PacketTargetOptions(), target => SequenceRun.Of(target, sequence));
}
