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

    // One a second: half of the limit, rounded up, and what is drawn below it, which is nothing.
    [Fact]
    [Trait("Linux", "tcp_send_challenge_ack")]
    public void A_challenge_beyond_the_limit_of_the_host_has_that_reason_too()
    {
        Host.Set("net.ipv4.tcp_challenge_ack_limit", 1);
        Peer first = SynReceived();
        var second = new Peer(Host, 41000);
        second.Syn();
        Host.Mark();
        Assert.Single(Host.Send(first.Segment(TcpFlags.Rst) with { Seq = first.Next + 1 }));
        Assert.Empty(Host.Send(second.Segment(TcpFlags.Rst) with { Seq = second.Next + 1 }));
        Host.Moves("TCPChallengeACK+1");
        Assert.Equal(RuleId.RequestChallengeLimited, Host.Rule(second));
    }

    // tcp_check_req: only a SYN-ACK that was sent again starts the timer anew.
    [Fact]
    [Trait("Linux", "tcp_check_req")]
    public void A_duplicate_SYN_too_soon_does_not_start_the_timer_anew()
    {
        Peer peer = SynReceived();
        Packet syn = peer.SynPacket() with { Seq = Peer.Isn };
        Host.Run(0.3);
        Assert.Single(Host.Send(syn));
        Host.Run(0.3);
        Assert.Empty(Host.Send(syn));
        Assert.Single(Host.Run(0.8));
    }

    [Fact]
    [Trait("Linux", "syn_ack_recalc")]
    public void A_silent_turn_of_the_timer_is_told_with_its_number()
    {
        Host.Options(Host.Listen()).DeferAccept = 4;
        var peer = new Peer(Host);
        peer.Syn();
        peer.Ack();
        Assert.Empty(Host.Run(3.5));
        Assert.True(Host.Stack.Ledger.TryFindLast(peer.HostPort, peer.Endpoint, out LedgerEntry entry));
        Assert.Equal((RuleId.RequestDeferredTimer, 2u, 4u), (entry.Rule, entry.A, entry.B));
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
