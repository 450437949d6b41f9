using System;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Lab.Experiments;
using Earshot.Lab.Targets;
using Xunit;

namespace Earshot.Lab.Tests.Targets;

public sealed class StepRunTests
{
    private static RunResult Run(string steps, string looks = "1", string sysctls = "") =>
        new StackTarget(KernelProfile.Linux618).Run(
            PlanReader.Read("f", $"name = x\nlook = {looks}\n[host]\n{sysctls}\n[steps]\n{steps}\n"));

    private static string[] Results(RunResult run) => [.. run.Calls.Select(c => c.Result)];

    [Fact]
    public void Each_call_is_told_with_its_result() =>
        Assert.Equal(
            [
                "ok", "ok", "ok", "EINPROGRESS", "IN|RDNORM", "127.0.0.1 port chosen", "EAGAIN", "3", "3", "EAGAIN",
                "ok", "end",
            ],
            Results(Run("""
                0   = server a 127.0.0.1:6666 5
                0.1 = connect c 127.0.0.1:6666
                0.2 = poll a; accept a s; accept a t; send c 3; recv s 10; recv s 10
                0.3 = shutdown c wr
                0.4 = recv s 1
                """)));

    [Fact]
    public void A_name_without_a_socket_is_a_bad_descriptor() =>
        Assert.Equal(
            ["EBADF", "ok", "ok", "EBADF"], Results(Run("0 = listen a 1; socket a; close a; bind a 127.0.0.1:1")));

    [Fact]
    public void A_raw_peer_is_answered_and_acknowledges_what_it_was_sent()
    {
        RunResult run = Run("0 = server a 0.0.0.0:6666 5\n0.1 = syn p\n0.2 = raw p A\n0.3 = accept a s");
        Assert.Equal(["S", "SA", "A"], run.Packets.Select(p => p.Flags));
        Assert.Equal([0L, 0, 1], run.Packets.Select(p => p.Seq));
        Assert.Equal([0L, 1, 1], run.Packets.Select(p => p.Ack));
        Assert.Equal("10.20.0.1:10000", run.Calls[^1].Result);
        Assert.Contains(RuleId.RequestPromoted, run.Rules);
    }

    [Fact]
    public void A_sysctl_can_be_changed_in_mid_run() =>
        Assert.Equal(
            ["4096", "ok", "2", "EINVAL", "ENOENT"],
            Results(Run("""
                0 = sysctl net.core.somaxconn; sysctl net.core.somaxconn 2; sysctl net.core.somaxconn
                0 = sysctl net.core.somaxconn x; sysctl net.ipv4.no_such_thing 1
                """)));

    [Fact]
    public void A_broken_packet_is_counted_and_nothing_comes_back()
    {
        RunResult run = Run("0 = server a 0.0.0.0:6666 5\n0.1 = syn p badsum");
        Assert.Single(run.Packets);
        Assert.Equal(1, run.Samples[0].Counters["TcpInCsumErrors"]);
    }

    [Fact]
    public void An_ICMP_error_quotes_what_the_peer_was_sent()
    {
        RunResult run = Run("0 = server a 0.0.0.0:6666 5\n0.1 = syn p\n0.2 = icmp p 3/1");
        Assert.Equal("ICMP 3/1", run.Packets[^1].Flags);
        Assert.Contains(RuleId.RequestIcmp, run.Rules);
    }

    [Fact]
    public void A_sysctl_of_the_plan_that_is_refused_ends_the_experiment() =>
        Assert.Contains("net.core.somaxconn = 'x': EINVAL", Assert.Throws<ExperimentFailedException>(
            () => Run("0 = socket a", sysctls: "net.core.somaxconn = x")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("icmp p 3/1", "was sent nothing that ICMP could quote")]
    [InlineData("again p", "has sent nothing that could be sent again")]
    public void A_packet_of_which_there_was_none_ends_the_experiment(string step, string problem) =>
        Assert.Contains(
            problem,
            Assert.Throws<ExperimentFailedException>(() => Run($"0 = {step}")).Message,
            StringComparison.Ordinal);

    [Fact]
    public void The_same_plan_gives_the_same_packets_every_time()
    {
        const string steps = "0 = server a 0.0.0.0:6666 1\n0.1 = syn p1..p9; connect c1..c3 127.0.0.1:6666";
        RunResult one = Run(steps);
        RunResult two = Run(steps);
        Assert.Equal(one.Packets.Select(p => p.Bytes.ToArray()), two.Packets.Select(p => p.Bytes.ToArray()));
        Assert.Empty(Compare.Runs(one, two));
    }

    [Fact]
    public void A_call_that_returns_otherwise_is_a_difference()
    {
        RunResult one = Run("0 = socket a");
        RunResult other = one with { Calls = [one.Calls[0] with { Result = "EMFILE" }] };
        Assert.Equal(
            "at 0 s: call 1, socket a: left ok, right EMFILE",
            Assert.Single(Compare.Runs(one, other)).Describe("left", "right"));
    }

    [Fact]
    public void A_window_that_differs_is_a_difference()
    {
        RunResult one = Run("0 = server a 0.0.0.0:6666 5\n0.1 = syn p");
        RunResult other = one with
        {
            Packets = [one.Packets[0], one.Packets[1] with { Details = one.Packets[1].Details + " more" }],
        };
        Assert.StartsWith(
            "headers of packet 2 of connection 1 (SA)",
            Assert.Single(Compare.Runs(one, other)).What,
            StringComparison.Ordinal);
    }
}
