using Earshot.Core.Tcp.Listening;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Listening;

[Trait("Linux", "TCP_DEFER_ACCEPT")]
public sealed class DeferAcceptTests : HostTest
{
    [Theory]
    [InlineData(true, 0, 4, false, true)]
    [InlineData(true, 3, 4, false, true)]
    [InlineData(true, 4, 4, false, false)]
    [InlineData(true, 9, 4, true, true)]
    [InlineData(false, 0, 4, false, false)]
    [InlineData(false, 0, 4, true, false)]
    [InlineData(true, 0, 0, false, false)]
    [InlineData(true, 0, 0, true, false)]
    [Trait("Linux", "tcp_check_req")]
    public void A_bare_ACK_is_held_back_until_the_timeouts_have_passed(
        bool bare, int timeouts, int limit, bool forEver, bool held) =>
        Assert.Equal(held, DeferRules.HoldsBack(bare, timeouts, limit, forEver));

    [Theory]
    [InlineData(4, 5, 0, true, false, false, true)]
    [InlineData(5, 5, 0, true, false, true, true)]
    [InlineData(0, 5, 4, false, false, false, true)]
    [InlineData(2, 5, 4, true, false, false, false)]
    [InlineData(3, 5, 4, true, false, false, true)]
    [InlineData(5, 5, 4, true, false, true, true)]
    [InlineData(5, 5, 8, true, false, false, false)]
    [InlineData(5, 5, 8, false, false, true, true)]
    [InlineData(8, 5, 8, true, false, true, true)]
    [InlineData(2, 5, 4, true, true, false, true)]
    [Trait("Linux", "syn_ack_recalc")]
    public void The_timer_is_silent_after_the_ACK_but_for_the_last_time(
        int timeouts, int retries, int limit, bool acked, bool forEver, bool expires, bool resends) =>
        Assert.Equal((expires, resends), DeferRules.OnTimer(timeouts, retries, limit, acked, forEver));

    [Fact]
    public void A_bare_third_ACK_is_dropped_and_data_makes_the_connection()
    {
        Peer peer = Deferred(4);
        Assert.Empty(peer.Ack());
        Host.Moves("TCPDeferAcceptDrop+1");
        Assert.Equal(TcpState.SynRecv, Host.State(peer));
        Assert.Equal(RuleId.RequestDeferred, Host.Rule(peer));
        peer.Data(10);
        Assert.Equal((TcpState.Established, 1), (Host.State(peer), Host.Listener.AcceptCount));
    }

    [Fact]
    public void A_FIN_makes_the_connection_at_once()
    {
        Peer peer = Deferred(4);
        Host.Send(peer.Segment(TcpFlags.Ack | TcpFlags.Fin));
        Assert.Equal(TcpState.CloseWait, Host.State(peer));
        Assert.Equal(0, Host.Moved(Counter.TcpExtTCPDeferAcceptDrop));
    }

    [Fact]
    public void After_the_ACK_one_SYN_ACK_comes_at_the_last_timeout_and_its_ACK_connects_without_data()
    {
        // Ten seconds are four timeouts: 1 + 2 + 4 + 8.
        Peer peer = Deferred(4);
        peer.Ack();
        Assert.Empty(Host.Run(14.9));
        Assert.Equal(RuleId.RequestDeferredTimer, Host.Rule(peer));
        Host.Moves("TCPDeferAcceptDrop+1", "TCPTimeouts+3");
        Packet last = Assert.Single(Host.Run(1));
        Assert.Equal(("SA", peer.HostIsn), (last.Text, last.Seq));
        peer.Ack();
        Assert.Equal(TcpState.Established, Host.State(peer));
        Assert.Equal(4, Host.Moved(Counter.TcpExtTCPTimeouts));
        Assert.Equal(1, Host.Moved(Counter.TcpExtTCPDeferAcceptDrop));
    }

    [Fact]
    public void One_second_is_one_timeout()
    {
        Peer peer = Deferred(1);
        peer.Ack();
        Assert.Equal("SA", Assert.Single(Host.Run(1.1)).Text);
        peer.Ack();
        Assert.Equal(TcpState.Established, Host.State(peer));
    }

    [Fact]
    public void A_request_whose_ACK_came_outlives_the_retries()
    {
        Host.Set("net.ipv4.tcp_synack_retries", 1);
        Peer peer = Deferred(4);
        peer.Ack();
        Host.Run(14.9);
        Assert.Equal(TcpState.SynRecv, Host.State(peer));
        Assert.Single(Host.Run(1));
        Host.Run(20);
        Assert.DoesNotContain(Host.Rows(), row => row.Remote == peer.Endpoint);
    }

    [Fact]
    public void A_full_accept_queue_is_asked_about_after_the_data_has_come()
    {
        int listener = Host.Listen(1);
        Host.Options(listener).DeferAccept = 4;
        Peer[] peers = [new(Host, 1), new(Host, 2), new(Host, 3)];
        peers[0].Syn();
        peers[0].Data(1);
        peers[1].Syn();
        peers[2].Syn();
        peers[1].Data(1);
        Host.Mark();
        peers[2].Ack();
        Host.Moves("TCPDeferAcceptDrop+1");
        peers[2].Data(1);
        Host.Moves("TCPDeferAcceptDrop+1", "ListenOverflows+1", "ListenDrops+1");
    }

    [Fact]
    [Trait("Linux", "TCP_SAVED_SYN")]
    public void The_headers_of_a_SYN_are_kept_for_the_connection_if_asked_for()
    {
        int listener = Host.Listen();
        Host.Options(listener).SaveSyn = 1;
        var peer = new Peer(Host, timestamps: true);
        byte[] syn = (peer.SynPacket() with { Payload = [1, 2, 3] }).ToBytes();
        Packet reply = Assert.Single(Host.Send(syn));
        peer.Next = Peer.Isn + 1;
        peer.Expected = reply.Seq + 1;
        peer.Echo = reply.TsVal;
        peer.Ack();
        int fd = Host.Calls.Accept(listener, out _);
        Assert.True(Host.Calls.Descriptors.TryGet(fd, out Core.Sockets.Socket socket));
        Assert.Equal(syn[..^3], socket.Connection!.SavedSyn);

        Peer plain = new Peer(Host, 7);
        Host.Options(listener).SaveSyn = 0;
        plain.Connect();
        fd = Host.Calls.Accept(listener, out _);
        Assert.True(Host.Calls.Descriptors.TryGet(fd, out socket));
        Assert.Null(socket.Connection!.SavedSyn);
    }

    [Fact]
    public void A_saved_SYN_is_forgotten_with_its_request_and_not_kept_for_a_cookie()
    {
        int listener = Host.Listen(0);
        Host.Options(listener).SaveSyn = 2;
        var gone = new Peer(Host, 1);
        gone.Syn();
        var cookie = new Peer(Host, 2);
        cookie.Syn();
        Host.Send(gone.Segment(TcpFlags.Rst));
        Host.Options(listener).SaveSyn = 0;
        var next = new Peer(Host, 3);
        next.Connect();
        Host.Calls.Accept(listener, out _);
        cookie.Ack();
        int fd = Host.Calls.Accept(listener, out InetEndpoint remote);
        Assert.Equal(cookie.Endpoint, remote);
        Assert.True(Host.Calls.Descriptors.TryGet(fd, out Core.Sockets.Socket socket));
        Assert.Null(socket.Connection!.SavedSyn);
        Assert.DoesNotContain(Host.Rows(), row => row.Remote == gone.Endpoint);
    }

    private Peer Deferred(byte timeouts)
    {
        int listener = Host.Listen();
        Host.Options(listener).DeferAccept = timeouts;
        var peer = new Peer(Host);
        Assert.Equal("SA", Assert.Single(peer.Syn()).Text);
        Host.Mark();
        return peer;
    }
}
