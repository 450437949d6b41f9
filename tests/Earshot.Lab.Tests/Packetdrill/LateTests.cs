using Earshot.Core.Profiles;
using Earshot.Lab.Packetdrill;
using Earshot.Lab.Targets;
using Xunit;

namespace Earshot.Lab.Tests.Packetdrill;

/// <summary>Only what came late may run again on a busy host: what came early, or otherwise, is a difference.</summary>
public sealed class LateTests
{
    // The SYN-ACK comes again after a second.
    [Theory]
    [InlineData("+.5 > S. 0:0(0) ack 1 <mss 1460>", true)]
    [InlineData("+2 > S. 0:0(0) ack 1 <mss 1460>", false)]
    [InlineData("+.5 > S. 0:0(0) ack 2 <mss 1460>", false)]
    public void A_packet_that_is_right_but_late_is_told_apart(string expected, bool isLate)
    {
        Script script = Script.Parse("late.pkt", $"""
            0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
            +0 bind(3, ..., ...) = 0
            +0 listen(3, 1) = 0
            +0 < S 0:0(0) win 1000 <mss 1000>
            +0 > S. 0:0(0) ack 1 <mss 1460>
            {expected}
            """);
        ScriptVerdict verdict = ScriptBatch.Run(
            [(script, IpVersion.IPv4)], new StackPacketTargetMaker(KernelProfile.Linux618))[0];
        Assert.False(verdict.Passed);
        Assert.Equal(isLate, verdict.IsLate);
    }
}
