using System.Linq;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Listening;

public sealed class ListenerTests : HostTest
{
    private const int Any = 0;

    [Theory]
    [Trait("Linux", "tcp_rcv_state_process")]
    [InlineData(TcpFlags.Ack, "R")]
    [InlineData(TcpFlags.Ack | TcpFlags.Syn, "R")]
    [InlineData(TcpFlags.Ack | TcpFlags.Fin, "R")]
    [InlineData(TcpFlags.Ack | TcpFlags.Rst, "")]
    [InlineData(TcpFlags.Rst, "")]
    [InlineData(TcpFlags.Rst | TcpFlags.Syn, "")]
    [InlineData(TcpFlags.Syn | TcpFlags.Fin, "")]
    [InlineData(TcpFlags.Fin, "")]
    [InlineData(TcpFlags.None, "")]
    [InlineData(TcpFlags.Urg | TcpFlags.Psh, "")]
    [InlineData(TcpFlags.Syn | TcpFlags.Psh | TcpFlags.Urg | TcpFlags.Ece | TcpFlags.Cwr, "SA")]
    public void A_listener_asks_for_ACK_then_RST_then_SYN_with_FIN(TcpFlags flags, string answer)
    {
        Host.Listen();
        var peer = new Peer(Host);
        Host.Mark();
        Packet[] replies = Host.Send(peer.Segment(flags) with { Ack = 555 });
        Assert.Equal(answer, string.Concat(replies.Select(reply => reply.Text)));
        if (answer == "R")
        {
            Assert.Equal((555u, 0u), (replies[0].Seq, replies[0].Ack));
        }

        Assert.Equal(0, Host.Moved(Counter.TcpExtListenDrops));
        Assert.Equal(answer == "R" ? 1 : 0, Host.Moved(Counter.TcpOutRsts));
    }

    [Theory]
    [Trait("Linux", "tcp_rcv_state_process")]
    [InlineData(TcpFlags.Ack | TcpFlags.Rst | TcpFlags.Syn | TcpFlags.Fin, RuleId.ListenAck)]
    [InlineData(TcpFlags.Rst | TcpFlags.Syn | TcpFlags.Fin, RuleId.ListenRst)]
    [InlineData(TcpFlags.Syn | TcpFlags.Fin, RuleId.ListenSynFin)]
    [InlineData(TcpFlags.Fin, RuleId.ListenNothing)]
    [InlineData(TcpFlags.Syn, RuleId.SynQueued)]
    public void The_rule_that_spoke_is_the_first_that_holds(TcpFlags flags, RuleId rule)
    {
        Host.Listen();
        var peer = new Peer(Host);
        Host.Send(peer.Segment(flags));
        Assert.Equal(rule, Host.Rule(peer));
    }

    [Theory]
    [Trait("Linux", "tcp_v4_send_reset")]
    [InlineData(TcpFlags.Syn, 0, "RA", 0u, 101u)]
    [InlineData(TcpFlags.Syn, 3, "RA", 0u, 104u)]
    [InlineData(TcpFlags.Syn | TcpFlags.Fin, 0, "RA", 0u, 102u)]
    [InlineData(TcpFlags.Fin, 0, "RA", 0u, 101u)]
    [InlineData(TcpFlags.None, 0, "RA", 0u, 100u)]
    [InlineData(TcpFlags.Ack, 0, "R", 555u, 0u)]
    public void A_closed_port_answers_with_a_RST(TcpFlags flags, int length, string text, uint seq, uint ack)
    {
        Packet reset = Assert.Single(Host.Send(new Packet
        {
            SourcePort = 9,
            Seq = 100,
            Ack = 555,
            Flags = flags,
            Payload = Peer.Bytes(length),
            Tos = 0x07,
        }));
        Assert.Equal((text, seq, ack), (reset.Text, reset.Seq, reset.Ack));
        Assert.Equal((0, 0, true, 64, 0x04), (reset.Window, reset.Id, reset.DontFragment, reset.Ttl, reset.Tos));
        Assert.Empty(reset.Options);
        Host.Moves("OutRsts+1");
        Assert.Equal(1, Host.Moved(Counter.TcpOutSegs));
    }

    [Theory]
    [InlineData(TcpFlags.Rst)]
    [InlineData(TcpFlags.Rst | TcpFlags.Ack)]
    public void A_closed_port_does_not_answer_a_RST(TcpFlags flags)
    {
        Assert.Empty(Host.Send(new Packet { SourcePort = 9, Seq = 100, Flags = flags }));
        Host.Moves();
    }

    [Fact]
    [Trait("Linux", "tcp_v4_conn_request")]
    public void A_SYN_to_a_broadcast_address_is_a_counted_drop()
    {
        Host.Listen();
        Assert.Empty(Host.Send(new Packet
        {
            SourcePort = 9,
            Seq = 100,
            Flags = TcpFlags.Syn,
            To = InetAddress.Parse("10.0.0.255"),
        }));
        Host.Moves("ListenDrops+1");
    }

    [Theory]
    [Trait("Linux", "tcp_conn_request")]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 3)]
    [InlineData(5, 6)]
    public void A_backlog_admits_one_more_half_open_and_one_more_connection(int backlog, int admitted)
    {
        Host.Set("net.ipv4.tcp_syncookies", 0);
        Host.Listen(backlog);
        for (ushort port = 1; port <= admitted; port++)
        {
            Assert.Single(new Peer(Host, port).Syn());
        }

        Host.Mark();
        Assert.Empty(new Peer(Host, 100).Syn());
        Host.Moves("TCPReqQFullDrop+1", "ListenDrops+1");

        using var other = new TestHost();
        other.Listen(backlog);
        for (ushort port = 1; port <= admitted; port++)
        {
            new Peer(other, port).Connect();
        }

        other.Mark();
        Assert.Empty(new Peer(other, 100).Syn());
        other.Moves("ListenOverflows+1", "ListenDrops+1");
    }

    [Fact]
    [Trait("Linux", "tcp_conn_request")]
    public void Thirteen_of_sixteen_SYNs_are_admitted_without_cookies()
    {
        Host.Set("net.ipv4.tcp_syncookies", 0);
        Host.Set("net.ipv4.tcp_max_syn_backlog", 16);
        Host.Listen(1000);
        int admitted = Enumerable.Range(1, 20).Count(port => new Peer(Host, (ushort)port).Syn().Length == 1);
        Assert.Equal(13, admitted);
        Host.Moves("ListenDrops+7");
    }

    [Theory]
    [Trait("Linux", "__sys_listen_socket")]
    [InlineData(-1, 4096)]
    [InlineData(int.MinValue, 4096)]
    [InlineData(int.MaxValue, 4096)]
    [InlineData(4097, 4096)]
    [InlineData(4096, 4096)]
    [InlineData(0, 0)]
    public void The_backlog_is_compared_as_unsigned_with_somaxconn(int asked, long backlog)
    {
        Host.Listen(asked);
        Assert.Equal(backlog, Host.Listener.Backlog);
    }

    [Fact]
    [Trait("Linux", "__sys_listen_socket")]
    public void A_change_of_somaxconn_waits_for_the_next_listen_which_changes_only_the_limit()
    {
        int fd = Host.Listen(100);
        new Peer(Host, 1).Connect();
        new Peer(Host, 2).Connect();
        new Peer(Host, 3).Syn();
        ushort id = Host.Listener.Id;
        Host.Set("net.core.somaxconn", 1);
        Assert.Equal(100, Host.Listener.Backlog);
        Assert.Equal(0, Host.Calls.Listen(fd, 100));
        ListenerRow row = Host.Listener;
        Assert.Equal((1L, 2, 1, id), (row.Backlog, row.AcceptCount, row.SynCount, row.Id));
        Assert.Equal(0, Host.Calls.Listen(fd, 0));
        Assert.Equal(0, Host.Listener.Backlog);
    }

    [Fact]
    [Trait("Linux", "inet_csk_listen_stop")]
    public void Closing_resets_the_queued_in_their_order_and_leaves_the_half_open_in_silence()
    {
        int fd = Host.Listen();
        Peer[] peers = [new Peer(Host, 7).Connect(), new Peer(Host, 5).Connect(), new Peer(Host, 6).Connect()];
        peers[1].Data(100);
        var half = new Peer(Host, 8);
        half.Syn();
        Host.Take();
        Host.Mark();
        Assert.Equal(0, Host.Calls.Close(fd));
        Packet[] resets = Host.Take();
        Assert.Equal([7, 5, 6], resets.Select(reset => (int)reset.DestinationPort));
        Assert.All(resets, reset => Assert.Equal(("RA", true), (reset.Text, reset.DontFragment)));
        Assert.Equal(peers.Select(peer => peer.Expected), resets.Select(reset => reset.Seq));
        Assert.Equal(peers.Select(peer => peer.Next), resets.Select(reset => reset.Ack));
        Host.Moves("EstabResets+3", "OutRsts+3", "CurrEstab-3");

        // The half-open stays until something finds it: no SYN-ACK any more, a RST on contact.
        Assert.Equal(TcpState.SynRecv, Host.State(half));
        Packet late = Assert.Single(half.Ack());
        Assert.Equal(("R", half.Expected), (late.Text, late.Seq));
        Assert.Equal(TcpState.None, Host.State(half));
    }

    [Fact]
    [Trait("Linux", "reqsk_timer_handler")]
    public void A_half_open_whose_listener_is_gone_ends_at_its_timer_without_a_word()
    {
        int fd = Host.Listen();
        var half = new Peer(Host);
        half.Syn();
        Host.Calls.Close(fd);
        Host.Take();
        Host.Mark();
        Assert.Empty(Host.Run(1.2));
        Assert.Equal(TcpState.None, Host.State(half));
        Host.Moves();
    }

    [Fact]
    [Trait("Linux", "inet_csk_accept")]
    public void Accept_takes_the_oldest_first_and_then_has_none()
    {
        int fd = Host.Listen();
        var late = new Peer(Host, 1);
        late.Syn();
        new Peer(Host, 2).Connect();
        late.Ack();
        Assert.True(Host.Calls.Accept(fd, out InetEndpoint first) > 0);
        Assert.True(Host.Calls.Accept(fd, out InetEndpoint second) > 0);
        Assert.Equal((2, 1), (first.Port, second.Port));
        Assert.Equal(-Errno.EAGAIN, Host.Calls.Accept(fd, out _));
    }

    [Fact]
    [Trait("Linux", "inet_csk_accept")]
    public void Without_a_free_descriptor_accept_leaves_the_connection_queued()
    {
        using var host = new TestHost(descriptorLimit: 4);
        int fd = host.Listen();
        new Peer(host).Connect();
        Assert.Equal(-Errno.EMFILE, host.Calls.Accept(fd, out _));
        Assert.Equal(1, host.Listener.AcceptCount);
    }

    [Fact]
    public void Accept_wants_a_listener()
    {
        int fresh = Host.Calls.Socket(2, 1, 0);
        Assert.Equal(-Errno.EINVAL, Host.Calls.Accept(fresh, out _));
        Assert.Equal(-Errno.EBADF, Host.Calls.Accept(99, out _));
        int listener = Host.Listen();
        Peer peer = new Peer(Host).Establish(listener);
        Assert.Equal(-Errno.EINVAL, Host.Calls.Accept(peer.Fd, out _));
        Assert.Equal(-Errno.EINVAL, Host.Calls.Listen(peer.Fd, 5));
        Host.Calls.Shutdown(listener, Any);
        Assert.Equal(-Errno.EINVAL, Host.Calls.Accept(listener, out _));
    }

    [Fact]
    [Trait("Linux", "inet_csk_accept")]
    public void A_child_that_was_reset_is_still_accepted_and_tells_then()
    {
        int fd = Host.Listen();
        Peer peer = new Peer(Host).Connect();
        Host.Send(peer.Segment(TcpFlags.Rst));
        Assert.Equal(1, Host.Listener.AcceptCount);
        int child = Host.Calls.Accept(fd, out InetEndpoint remote);
        Assert.Equal(peer.Endpoint, remote);
        Assert.Equal(-Errno.ENOTCONN, Host.Calls.GetPeerName(child, out _));
        Assert.Equal(-Errno.ECONNRESET, Host.Calls.Receive(child, new byte[1]));
        Assert.Equal(0, Host.Calls.Receive(child, new byte[1]));
    }

    [Fact]
    public void Other_calls_on_a_listener_fail_as_on_Linux()
    {
        int fd = Host.Listen();
        var to = new InetEndpoint(TestHost.PeerAddress, 1);
        Assert.Equal(-Errno.EISCONN, Host.Calls.Connect(fd, to));
        Assert.Equal(-Errno.EINVAL, Host.Calls.Bind(fd, new InetEndpoint(InetAddress.Any, 81)));
        Assert.Equal(-Errno.EPIPE, Host.Calls.Send(fd, [1]));
        Assert.Equal(-Errno.ENOTCONN, Host.Calls.Receive(fd, new byte[1]));
        Assert.Equal(-Errno.ENOTCONN, Host.Calls.GetPeerName(fd, out _));
        Assert.Equal(0, Host.Calls.GetOption(fd, SocketOption.AcceptConnections, out int accepts));
        Assert.Equal(1, accepts);
    }

    [Fact]
    [Trait("Linux", "inet_shutdown")]
    public void SHUT_WR_means_nothing_to_a_listener_and_SHUT_RD_ends_it_and_keeps_its_port()
    {
        int fd = Host.Listen();
        Peer queued = new Peer(Host, 1).Connect();
        Host.Take();
        Assert.Equal(0, Host.Calls.Shutdown(fd, 1));
        Assert.Empty(Host.Take());
        Assert.Single(new Peer(Host, 2).Syn());
        Host.Take();
        Assert.Equal(0, Host.Calls.Shutdown(fd, 0));
        Packet reset = Assert.Single(Host.Take());
        Assert.Equal(("RA", queued.Port), (reset.Text, reset.DestinationPort));
        Assert.Equal("RA", Assert.Single(Host.Send(new Peer(Host, 3).SynPacket())).Text);
        Assert.Equal(0x114, (int)Poll(fd));
        Assert.Equal(0, Host.Calls.Listen(fd, 5));
        Assert.Equal(0, Host.Calls.GetSocketName(fd, out InetEndpoint local));
        Assert.Equal(TestHost.Port, local.Port);
        Assert.Equal("SA", Assert.Single(new Peer(Host, 4).Syn()).Text);
    }

    [Fact]
    [Trait("Linux", "tcp_disconnect")]
    public void Disconnecting_a_listener_stops_it_and_it_can_listen_again()
    {
        int fd = Host.Listen();
        new Peer(Host, 1).Connect();
        Host.Take();
        Assert.Equal(0, Host.Calls.Disconnect(fd));
        Assert.Equal("RA", Assert.Single(Host.Take()).Text);
        Assert.Equal(0, Host.Calls.Listen(fd, 5));
        Assert.Equal("SA", Assert.Single(new Peer(Host, 2).Syn()).Text);
    }

    [Fact]
    [Trait("Linux", "inet_csk_get_port")]
    public void Listening_without_bind_takes_a_port_of_the_range()
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        Assert.Equal(0, Host.Calls.Listen(fd, 5));
        Host.Calls.GetSocketName(fd, out InetEndpoint local);
        Assert.InRange(local.Port, 32768, 60999);
        Assert.Equal(1, local.Port % 2);
        Assert.Equal(0, Host.Calls.Shutdown(fd, 2));
        Host.Calls.GetSocketName(fd, out InetEndpoint after);
        Assert.Equal(local, after);
        Assert.Equal(0, Host.Calls.Bind(Host.Calls.Socket(2, 1, 0), local));
    }

    [Theory]
    [Trait("Linux", "inet_csk_bind_conflict")]
    [InlineData(false, "0.0.0.0", "0.0.0.0", -Errno.EADDRINUSE, 0)]
    [InlineData(true, "0.0.0.0", "0.0.0.0", 0, -Errno.EADDRINUSE)]
    [InlineData(true, "10.0.0.1", "0.0.0.0", 0, -Errno.EADDRINUSE)]
    [InlineData(false, "10.0.0.1", "127.0.0.1", 0, 0)]
    [InlineData(false, "10.0.0.1", "0.0.0.0", -Errno.EADDRINUSE, 0)]
    public void Two_sockets_on_a_port_conflict_at_bind_or_at_the_second_listen(
        bool reuse, string first, string second, int bind, int listen)
    {
        int a = Host.Calls.Socket(2, 1, 0);
        int b = Host.Calls.Socket(2, 1, 0);
        Host.Calls.SetOption(a, SocketOption.ReuseAddress, reuse ? 1 : 0);
        Host.Calls.SetOption(b, SocketOption.ReuseAddress, reuse ? 1 : 0);
        Assert.Equal(0, Host.Calls.Bind(a, new InetEndpoint(InetAddress.Parse(first), 80)));
        Assert.Equal(bind, Host.Calls.Bind(b, new InetEndpoint(InetAddress.Parse(second), 80)));
        Assert.Equal(0, Host.Calls.Listen(a, 5));
        if (bind == 0)
        {
            Assert.Equal(listen, Host.Calls.Listen(b, 5));
        }
    }

    [Fact]
    [Trait("Linux", "inet_csk_bind_conflict")]
    public void A_listening_socket_with_SO_REUSEADDR_refuses_the_second_bind()
    {
        int a = Host.Calls.Socket(2, 1, 0);
        int b = Host.Calls.Socket(2, 1, 0);
        Host.Calls.SetOption(a, SocketOption.ReuseAddress, 1);
        Host.Calls.SetOption(b, SocketOption.ReuseAddress, 1);
        Host.Calls.Bind(a, new InetEndpoint(InetAddress.Any, 80));
        Host.Calls.Listen(a, 5);
        Assert.Equal(-Errno.EADDRINUSE, Host.Calls.Bind(b, new InetEndpoint(InetAddress.Any, 80)));
    }

    [Fact]
    [Trait("Linux", "__inet_lookup_listener")]
    public void A_listener_on_the_address_comes_before_one_on_the_wildcard()
    {
        int any = Host.Calls.Socket(2, 1, 0);
        int own = Host.Calls.Socket(2, 1, 0);
        foreach ((int fd, InetAddress address) in new[] { (any, InetAddress.Any), (own, InetAddress.Loopback) })
        {
            Assert.Equal(0, Host.Calls.Bind(fd, new InetEndpoint(address, (ushort)(fd == any ? 80 : 81))));
            Assert.Equal(0, Host.Calls.Listen(fd, 5));
        }

        // 81 is bound to loopback only, so from outside it is closed.
        Assert.Equal("RA", Assert.Single(Host.Send(new Peer(Host, hostPort: 81).SynPacket())).Text);
        Assert.Equal("SA", Assert.Single(Host.Send(new Peer(Host, hostPort: 80).SynPacket())).Text);
    }

    private PollMask Poll(int fd)
    {
        Host.Calls.Wait(fd, (PollMask)0xffff, 1);
        Assert.True(Host.Stack.TryTakeEvent(out StackEvent happened));
        return happened.Mask;
    }
}
