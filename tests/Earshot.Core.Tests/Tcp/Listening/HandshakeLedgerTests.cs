using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Listening;

/// <summary>Whatever befalls a request or a connection that waits, the ledger has its reason.</summary>
public sealed class HandshakeLedgerTests : HostTest
{
    [Fact]
    public void A_duplicate_SYN_and_one_too_soon_have_reasons_of_their_own()
    {
        Peer peer = SynReceived();
        Packet syn = peer.SynPacket() with { Seq = Peer.Isn };
        Host.Send(syn);
        Assert.Equal(RuleId.RequestSynAgain, Host.Rule(peer));
        Host.Send(syn);
        Assert.Equal(RuleId.RequestSynAgainLimited, Host.Rule(peer));
    }

    [Fact]
    public void A_challenge_and_one_too_soon_have_reasons_of_their_own()
    {
        Peer peer = SynReceived();
        Packet rst = peer.Segment(TcpFlags.Rst) with { Seq = peer.Next + 1, Tos = 0x29 };
        Assert.Equal(0x28, Assert.Single(Host.Send(rst)).Tos);
        Assert.Equal(RuleId.RequestChallenge, Host.Rule(peer));
        Host.Send(rst);
        Assert.Equal(RuleId.RequestChallengeLimited, Host.Rule(peer));
    }

    [Theory]
    [InlineData(TcpFlags.Rst, 0, RuleId.RequestReset)]
    [InlineData(TcpFlags.Syn, 10, RuleId.RequestSynInWindow)]
    public void What_ended_a_request_is_told(TcpFlags flags, int off, RuleId rule)
    {
        Peer peer = SynReceived();
        Host.Send(peer.Segment(flags) with { Seq = peer.Next + (uint)off });
        Assert.Equal(rule, Host.Rule(peer));
    }

    [Fact]
    public void The_timer_of_a_request_speaks()
    {
        Peer peer = SynReceived();
        Host.Run(1.2);
        Assert.Equal(RuleId.RequestTimer, Host.Rule(peer));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_request_without_a_listener_says_so_at_its_segment_or_its_timer(bool segment)
    {
        int fd = Host.Listen();
        var peer = new Peer(Host);
        peer.Syn();
        Host.Calls.Close(fd);
        if (segment)
        {
            peer.Ack();
        }
        else
        {
            Host.Run(1.2);
        }

        Assert.Contains(
            Host.Stack.Ledger.Tallies, tally => tally.Rule == RuleId.RequestListenerGone && tally.Count == 1);
    }

    [Fact]
    public void A_listener_that_closes_tells_of_itself_and_of_each_that_it_resets()
    {
        int fd = Host.Listen();
        Peer peer = new Peer(Host, 7).Connect();
        Host.Calls.Close(fd);
        Assert.Equal(RuleId.ChildReset, Host.Rule(peer));
        Assert.Contains(Host.Stack.Ledger.Tallies, tally => tally.Rule == RuleId.ListenStopped && tally.Count == 1);
    }

    [Fact]
    public void An_accept_is_told_with_what_is_left()
    {
        int fd = Host.Listen();
        Peer peer = new Peer(Host, 7).Connect();
        Assert.True(Host.Calls.Accept(fd, out _) > 0);
        Assert.Equal(RuleId.Accepted, Host.Rule(peer));
    }

    [Fact]
    public void A_SYN_to_a_broadcast_address_is_told_and_counted_as_2_4_did()
    {
        using var host = new TestHost(TestHost.Profile("linux-2.4"));
        host.Listen();
        Assert.Empty(host.Send(new Packet
        {
            SourcePort = 9,
            Seq = 100,
            Flags = TcpFlags.Syn,
            To = InetAddress.Parse("10.0.0.255"),
        }));

        // The history, 2.3: "Drops count TcpAttemptFails (2.4.27, 2.6.11), not ListenDrops".
        host.Moves("AttemptFails+1");
        Assert.Contains(host.Stack.Ledger.Tallies, tally => tally.Rule == RuleId.SynNotUnicast && tally.Count == 1);
    }

    private Peer SynReceived()
    {
        Host.Listen();
        var peer = new Peer(Host);
        Assert.Equal("SA", Assert.Single(peer.Syn()).Text);
        return peer;
    }
}
