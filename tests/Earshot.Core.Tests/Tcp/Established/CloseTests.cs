using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Established;

public sealed class CloseTests : HostTest
{
    private readonly int _listener;

    public CloseTests() => _listener = Host.Listen();

    [Fact]
    [Trait("Linux", "tcp_fin")]
    public void A_FIN_that_came_early_is_taken_once_when_the_gap_closes_with_its_copy()
    {
        Peer peer = new Peer(Host).Establish(_listener);
        Packet late = peer.Segment(TcpFlags.Ack | TcpFlags.Fin, Peer.Bytes(100)) with { Seq = peer.Next + 100 };
        Host.Send(late);
        Packet whole = peer.Segment(TcpFlags.Ack | TcpFlags.Fin, Peer.Bytes(200));
        Host.Send(whole);
        Host.Run(0.3);
        Assert.Equal(TcpState.CloseWait, Host.State(peer));
        Assert.Equal(whole.End, Host.Take()[^1].Ack);
        Assert.Equal(200, Host.Calls.Receive(peer.Fd, new byte[1000]));
        Assert.Equal(0, Host.Calls.Receive(peer.Fd, new byte[1000]));
    }

    [Fact]
    [Trait("Linux", "tcp_fin")]
    public void A_bare_FIN_that_came_early_is_taken_when_the_gap_closes()
    {
        Peer peer = new Peer(Host).Establish(_listener);
        Host.Send(peer.Segment(TcpFlags.Ack | TcpFlags.Fin) with { Seq = peer.Next + 100 });
        Assert.Equal(TcpState.Established, Host.State(peer));
        peer.Data(100);
        Assert.Equal(TcpState.CloseWait, Host.State(peer));
    }

    [Fact]
    [Trait("Linux", "tcp_rcv_state_process")]
    public void Data_that_reaches_beyond_a_FIN_resets_the_connection()
    {
        Peer peer = new Peer(Host).Establish(_listener);
        peer.Data(100);
        peer.Fin();
        Host.Mark();
        Packet beyond = peer.Segment(TcpFlags.Ack, Peer.Bytes(20)) with { Seq = peer.Next - 10 };
        Assert.Equal("R", Assert.Single(Host.Send(beyond)).Text);
        Assert.Equal(1, Host.Moved(Counter.TcpExtTCPAbortOnData));
        byte[] buffer = new byte[200];
        Assert.Equal(100, Host.Calls.Receive(peer.Fd, buffer));
        Assert.Equal(0, Host.Calls.Receive(peer.Fd, buffer));
    }

    [Fact]
    [Trait("Linux", "tcp_rcv_state_process")]
    public void Data_behind_a_FIN_is_ignored()
    {
        Peer peer = new Peer(Host).CloseWait(_listener);
        peer.Data(10);
        Assert.Equal(TcpState.CloseWait, Host.State(peer));
        Assert.Equal(0, Host.Calls.Receive(peer.Fd, new byte[10]));
    }

    [Fact]
    [Trait("Linux", "tcp_reset_check")]
    public void In_CLOSE_WAIT_a_RST_with_the_number_of_the_FIN_resets()
    {
        Peer peer = new Peer(Host).CloseWait(_listener);
        Host.Run(0.3);
        Host.Send(peer.Segment(TcpFlags.Rst) with { Seq = peer.Next - 1 });
        Assert.Equal(TcpState.None, Host.State(peer));
    }

    [Fact]
    [Trait("Linux", "tcp_reset_check")]
    public void In_FIN_WAIT2_a_RST_one_before_the_next_number_is_ignored()
    {
        Peer peer = new Peer(Host).FinWait2(_listener);
        Assert.Empty(Host.Send(peer.Segment(TcpFlags.Rst) with { Seq = peer.Next - 1 }));
        Assert.Equal(TcpState.FinWait2, Host.State(peer));
    }

    [Fact]
    [Trait("Linux", "tcp_close")]
    public void Closing_while_connecting_sends_and_counts_nothing()
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        Host.Calls.Connect(fd, new InetEndpoint(TestHost.PeerAddress, 9));
        Host.Take();
        Host.Mark();
        Host.Calls.Close(fd);
        Assert.Empty(Host.Run(5));
        Host.Moves();
    }

    [Fact]
    [Trait("Linux", "tcp_close")]
    public void A_child_in_SYN_RECV_that_is_closed_sends_its_FIN_and_does_not_stay_for_ever()
    {
        var peer = new Peer(Host);
        peer.Syn();
        Host.Send(peer.Segment(TcpFlags.Syn | TcpFlags.Ack, [1, 2, 3]) with { Seq = Peer.Isn });
        int fd = Host.Calls.Accept(_listener, out _);
        Host.Take();
        Host.Calls.Close(fd);
        Assert.Equal("FA", Assert.Single(Host.Take()).Text);
        Host.Run(2000);
        Assert.Equal(TcpState.None, Host.State(peer));
    }

    [Fact]
    [Trait("Linux", "tcp_close")]
    public void Closing_with_unread_data_resets()
    {
        Peer peer = new Peer(Host).Establish(_listener);
        peer.Data(10);
        Host.Take();
        Host.Mark();
        Host.Calls.Close(peer.Fd);
        Packet reset = Assert.Single(Host.Take());
        Assert.Equal(("RA", peer.Expected, peer.Next), (reset.Text, reset.Seq, reset.Ack));
        Host.Moves("TCPAbortOnClose+1", "OutRsts+1", "EstabResets+1", "CurrEstab-1");
        Assert.Equal(TcpState.None, Host.State(peer));
    }

    [Fact]
    [Trait("Linux", "tcp_close")]
    public void Closing_with_linger_0_resets()
    {
        Peer peer = new Peer(Host).Establish(_listener);
        Host.Calls.SetOption(peer.Fd, SocketOption.Linger, 0);
        Host.Take();
        Host.Mark();
        Host.Calls.Close(peer.Fd);
        Assert.Equal("RA", Assert.Single(Host.Take()).Text);
        Host.Moves("TCPAbortOnData+1", "OutRsts+1", "EstabResets+1", "CurrEstab-1");
    }

    [Fact]
    public void After_the_last_ACK_nothing_is_left()
    {
        Peer peer = new Peer(Host).LastAck(_listener);
        peer.Expected++;
        Assert.Empty(peer.Ack());
        Assert.Equal(TcpState.None, Host.State(peer));
    }

    [Fact]
    public void A_simultaneous_close_ends_in_TIME_WAIT()
    {
        Peer peer = new Peer(Host).Closing(_listener);
        peer.Expected++;
        peer.Ack();
        Assert.Equal(TcpState.TimeWait, Host.State(peer));
    }

    [Theory]
    [Trait("Linux", "tcp_poll")]
    [InlineData(0, -Errno.EAGAIN, 1)]
    [InlineData(1, 0, 1)]
    [InlineData(2, -Errno.EAGAIN, -Errno.EPIPE)]
    [InlineData(3, 0, -Errno.EPIPE)]
    public void What_recv_and_send_say_depends_on_the_state(int state, int receive, int send)
    {
        var peer = new Peer(Host);
        peer = state switch
        {
            0 => peer.Establish(_listener),
            1 => peer.CloseWait(_listener),
            2 => peer.FinWait2(_listener),
            _ => peer.Closing(_listener),
        };
        Assert.Equal(receive, Host.Calls.Receive(peer.Fd, new byte[1]));
        Assert.Equal(send, Host.Calls.Send(peer.Fd, [1]));
        Host.Calls.GetOption(peer.Fd, SocketOption.Error, out int error);
        Assert.Equal(0, error);
    }

    [Fact]
    [Trait("Linux", "tcp_reset")]
    public void After_a_RST_recv_gives_the_data_then_the_error_once_then_the_end()
    {
        Peer peer = new Peer(Host).Establish(_listener);
        peer.Data(10);
        Host.Send(peer.Segment(TcpFlags.Rst));
        byte[] buffer = new byte[20];
        Assert.Equal(10, Host.Calls.Receive(peer.Fd, buffer));
        Assert.Equal(-Errno.ECONNRESET, Host.Calls.Receive(peer.Fd, buffer));
        Assert.Equal(0, Host.Calls.Receive(peer.Fd, buffer));
        Assert.Equal(-Errno.EPIPE, Host.Calls.Send(peer.Fd, [1]));
    }

    [Fact]
    [Trait("Linux", "tcp_reset")]
    public void After_a_RST_in_CLOSE_WAIT_recv_says_0_and_the_error_is_EPIPE()
    {
        Peer peer = new Peer(Host).CloseWait(_listener);
        Host.Send(peer.Segment(TcpFlags.Rst));
        Assert.Equal(0, Host.Calls.Receive(peer.Fd, new byte[1]));
        Host.Calls.GetOption(peer.Fd, SocketOption.Error, out int error);
        Assert.Equal(Errno.EPIPE, error);
        Assert.Equal(-Errno.EPIPE, Host.Calls.Send(peer.Fd, [1]));
    }

    [Fact]
    [Trait("Linux", "tcp_send_challenge_ack")]
    public void A_RST_in_the_window_that_is_not_exact_is_challenged()
    {
        Peer peer = new Peer(Host).Establish(_listener);
        Host.Mark();
        Packet challenge = Assert.Single(Host.Send(peer.Segment(TcpFlags.Rst) with { Seq = peer.Next + 1 }));
        Assert.Equal(("A", peer.Expected, peer.Next), (challenge.Text, challenge.Seq, challenge.Ack));
        Host.Moves("TCPChallengeACK+1");
    }

    [Fact]
    [Trait("Linux", "tcp_validate_incoming")]
    public void A_SYN_on_a_connection_is_challenged_and_counted()
    {
        Peer peer = new Peer(Host).Establish(_listener);
        Host.Mark();
        Assert.Equal("A", Assert.Single(Host.Send(peer.SynPacket() with { Seq = Peer.Isn })).Text);
        Host.Moves("TCPChallengeACK+1", "TCPSYNChallenge+1", "InErrs+1");
    }

    [Fact]
    [Trait("Linux", "tcp_timewait_state_process")]
    public void TIME_WAIT_lasts_sixty_seconds_and_ends_silently()
    {
        Peer peer = new Peer(Host).TimeWait(_listener);
        Assert.Empty(Host.Run(59.9));
        Assert.Equal(TcpState.TimeWait, Host.State(peer));
        Assert.Empty(Host.Run(60 / 8.0));
        Assert.Equal(TcpState.None, Host.State(peer));
    }

    [Fact]
    [Trait("Linux", "tcp_timewait_state_process")]
    public void A_newer_SYN_takes_TIME_WAIT_over_with_a_number_beyond_the_old_ones()
    {
        Peer peer = new Peer(Host).TimeWait(_listener);
        Packet reply = Assert.Single(Host.Send(peer.SynPacket() with { Seq = peer.Next + 1 }));
        Assert.Equal(("SA", peer.Expected + 65537), (reply.Text, reply.Seq));
    }

    [Fact]
    [Trait("Linux", "tcp_timewait_state_process")]
    public void An_old_SYN_gets_the_ACK_of_TIME_WAIT_and_does_not_extend_it()
    {
        Peer peer = new Peer(Host).TimeWait(_listener);
        Host.Run(30);
        Packet reply = Assert.Single(Host.Send(peer.SynPacket() with { Seq = peer.Next - 10 }));
        Assert.Equal(("A", peer.Expected, peer.Next), (reply.Text, reply.Seq, reply.Ack));
        Assert.Equal((0, true), (reply.Id, reply.DontFragment));
        Host.Run(38);
        Assert.Equal(TcpState.None, Host.State(peer));
    }

    [Theory]
    [Trait("RFC", "1337")]
    [InlineData(0, TcpState.None)]
    [InlineData(1, TcpState.TimeWait)]
    public void A_RST_ends_TIME_WAIT_unless_rfc1337_is_on(int rfc1337, TcpState after)
    {
        Host.Set("net.ipv4.tcp_rfc1337", rfc1337);
        Peer peer = new Peer(Host).TimeWait(_listener);
        Assert.Empty(Host.Send(peer.Segment(TcpFlags.Rst)));
        Assert.Equal(after, Host.State(peer));
    }

    [Fact]
    [Trait("Linux", "tcp_timewait_state_process")]
    public void A_repeated_FIN_is_answered_and_starts_the_sixty_seconds_anew()
    {
        Peer peer = new Peer(Host).TimeWait(_listener);
        Host.Run(30);
        Packet fin = peer.Segment(TcpFlags.Ack | TcpFlags.Fin) with { Seq = peer.Next - 1 };
        Assert.Single(Host.Send(fin));
        Assert.Single(Host.Send(fin));
        Host.Run(59.9);
        Assert.Equal(TcpState.TimeWait, Host.State(peer));
    }

    [Fact]
    [Trait("Linux", "tcp_time_wait")]
    public void An_orphan_in_FIN_WAIT2_ends_after_tcp_fin_timeout_and_an_owner_stays()
    {
        Host.Set("net.ipv4.tcp_fin_timeout", 5);
        Peer owned = new Peer(Host, 1).FinWait2(_listener);
        Peer orphan = new Peer(Host, 2).FinWait2(_listener);
        Host.Calls.Close(orphan.Fd);
        Assert.Equal(TcpState.FinWait2, Host.State(orphan));
        Assert.Empty(Host.Run(4.9));
        Assert.Equal(TcpState.FinWait2, Host.State(orphan));
        Assert.Empty(Host.Run(1));
        Assert.Equal(TcpState.None, Host.State(orphan));
        Host.Run(300);
        Assert.Equal(TcpState.FinWait2, Host.State(owned));
    }

    [Fact]
    [Trait("Linux", "tcp_timewait_state_process")]
    public void Data_for_an_orphan_in_FIN_WAIT2_is_reset_without_a_counter_of_its_own()
    {
        Peer peer = new Peer(Host).FinWait2(_listener);
        Host.Calls.Close(peer.Fd);
        Host.Mark();
        Packet reset = Assert.Single(peer.Data(10));
        Assert.Equal(("R", peer.Expected), (reset.Text, reset.Seq));
        Host.Moves("OutRsts+1");
        Assert.Equal(TcpState.None, Host.State(peer));
    }

    [Fact]
    [Trait("Linux", "tcp_rcv_state_process")]
    public void Data_for_an_orphan_in_FIN_WAIT1_is_reset_and_counted()
    {
        Peer peer = new Peer(Host).FinWait1(_listener);
        Host.Calls.Close(peer.Fd);
        Host.Take();
        Host.Mark();
        Assert.Equal("R", Assert.Single(peer.Data(10)).Text);
        Host.Moves("TCPAbortOnData+1", "OutRsts+1");
    }
}
