using System;
using Earshot.Core.Profiles;
using Earshot.Lab.Packetdrill;
using Earshot.Lab.Targets;
using Xunit;

namespace Earshot.Lab.Tests.Packetdrill;

/// <summary>Only what came late may run again on a busy host: what came early, or otherwise, is a difference.</summary>
public sealed class LateTests
{
    private static readonly StackPacketTargetMaker Stack = new(KernelProfile.Linux618);

    // The SYN-ACK comes again after a second.
    [Theory]
    [InlineData("+.5 > S. 0:0(0) ack 1 <mss 1460>", true)]
    [InlineData("+2 > S. 0:0(0) ack 1 <mss 1460>", false)]
    [InlineData("+.5 > S. 0:0(0) ack 2 <mss 1460>", false)]
    public void A_packet_that_is_right_but_late_is_told_apart(string expected, bool isLate) =>
        Assert.Equal(isLate, Failing(Stack, $"""
            +0 < S 0:0(0) win 1000 <mss 1000>
            +0 > S. 0:0(0) ack 1 <mss 1460>
            {expected}
            """).IsLate);

    // The call's time is over after 0.3 s.
    [Theory]
    [InlineData("0...0.2", true)]
    [InlineData("0...0.1", true)]
    [InlineData("0...0.35", false)]
    public void A_call_that_returns_late_is_told_apart_from_one_that_returns_early(string time, bool isLate) =>
        Assert.Equal(isLate, Failing(Stack, $$"""
            +0 setsockopt(3, SOL_SOCKET, SO_RCVTIMEO, {tv_sec=0, tv_usec=300000}, 16) = 0
            {{time}} accept(3, ..., ...) = -1 EAGAIN
            """).IsLate);

    [Theory]
    [InlineData(100, true)]
    [InlineData(2, false)]
    public void What_is_seen_after_a_step_that_came_late_may_be_otherwise_by_that(int most, bool isLate) =>
        Assert.Equal(isLate, Failing(new LateTargetMaker(Stack, 1, TimeSpan.FromMilliseconds(most)), """
            +.5 < S 0:0(0) win 1000 <mss 1000>
            +0 > S. 0:0(0) ack 2 <mss 1460>
            """).IsLate);

    [Theory]
    [InlineData(100, true)]
    [InlineData(2, false)]
    public void What_is_seen_after_a_call_that_returned_late_may_be_earlier_by_that(int most, bool isLate) =>
        Assert.Equal(
            isLate, Failing(new LateTargetMaker(Stack, 1, TimeSpan.Zero, TimeSpan.FromMilliseconds(most)), """
            +0 < S 0:0(0) win 1000 <mss 1000>
            +0 > S. 0:0(0) ack 1 <mss 1460>
            +0 < . 1:1(0) ack 1 win 1000
            +0 accept(3, ..., ...) = 4
            +0 write(4, ..., 10) = 10
            +.05 > P. 1:11(10) ack 1
            """).IsLate);

    // The SYN-ACK comes again after a second or a little more: in time by the part that may be missed, and behind.
    [Theory]
    [InlineData("+.993 > S. 0:0(0) ack 1 <mss 1460>", true)]
    [InlineData("", false)]
    public void An_assertion_that_fails_while_the_run_is_behind_may_be_wrong_by_that(string expected, bool isLate)
    {
        ScriptVerdict verdict = Failing(Stack, $$"""
            +0 < S 0:0(0) win 1000 <mss 1000>
            +0 > S. 0:0(0) ack 1 <mss 1460>
            {{expected}}
            +0 < . 1:1(0) ack 1 win 1000
            +0 accept(3, ..., ...) = 4
            +0 %{ assert tcpi_state == 2 }%
            """);
        Assert.Contains("tcpi_state == 2", verdict.Reason);
        Assert.Equal(isLate, verdict.IsLate);
    }

    /// <summary>Runs what follows listen(): it must fail.</summary>
    private static ScriptVerdict Failing(IPacketTargetMaker maker, string steps)
    {
        const string listens = """
            0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
            +0 bind(3, ..., ...) = 0
            +0 listen(3, 1) = 0

            """;
        Script script = Script.Parse("late.pkt", listens + steps);
        ScriptVerdict verdict = ScriptBatch.Run([(script, IpVersion.IPv4)], maker)[0];
        Assert.False(verdict.Passed);
        return verdict;
    }
}
