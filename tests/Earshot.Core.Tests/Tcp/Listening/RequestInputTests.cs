using System.Linq;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Listening;

[Trait("Linux", "tcp_check_req")]
public sealed class RequestInputTests : HostTest
{
    [Fact]
    public void A_duplicate_SYN_is_answered_again_with_the_same_numbers_and_counted()
    {
        Peer peer = SynReceived();
        Packet again = Assert.Single(Host.Send(peer.SynPacket() with { Seq = Peer.Isn }));
        Assert.Equal(("SA", peer.HostIsn, Peer.Isn + 1), (again.Text, again.Seq, again.Ack));
        Host.Moves("RetransSegs+1", "TCPSynRetrans+1");
        Assert.Equal(1, Host.Moved(Counter.TcpOutSegs));
    }

    [Fact]
    [Trait("Linux", "tcp_oow_rate_limited")]
    public void Duplicate_SYNs_within_half_a_second_are_answered_once()
    {
        Peer peer = SynReceived();
        Packet syn = peer.SynPacket() with { Seq = Peer.Isn };
        Assert.Single(Host.Send(syn));
        Host.Run(0.495);
        Assert.Empty(Host.Send(syn));
        Host.Run(0.006);
        Assert.Single(Host.Send(syn));
        Host.Moves("RetransSegs+2", "TCPSynRetrans+2", "TCPACKSkippedSynRecv+1");
    }

    [Fact]
    public void A_duplicate_SYN_pushes_the_timer_back_and_does_not_age_the_request()
    {
        Peer peer = SynReceived();
        Host.Run(0.9);
        Host.Send(peer.SynPacket() with { Seq = Peer.Isn });
        Assert.Empty(Host.Run(0.9));
        Assert.Equal(1, Host.Listener.YoungCount);
        Packet timed = Assert.Single(Host.Run(0.3));
        Assert.Equal("SA", timed.Text);
        Assert.Equal(0, Host.Listener.YoungCount);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    [InlineData(100000)]
    public void A_wrong_ACK_is_reset_with_its_own_number_and_the_request_survives(int off)
    {
        Peer peer = SynReceived();
        uint wrong = peer.Expected + (uint)off;
        Packet reset = Assert.Single(Host.Send(peer.Segment(TcpFlags.Ack) with { Ack = wrong }));
        Assert.Equal(("R", wrong, 0u, (ushort)0), (reset.Text, reset.Seq, reset.Ack, reset.Window));
        Host.Moves("OutRsts+1");
        Assert.Equal(TcpState.SynRecv, Host.State(peer));
        Assert.Equal(RuleId.RequestWrongAck, Host.Rule(peer));
        peer.Ack();
        Assert.Equal(TcpState.Established, Host.State(peer));
    }

    [Fact]
    public void An_ACK_outside_the_window_is_answered_with_a_scaled_window_and_moves_no_counter()
    {
        Peer peer = SynReceived(timestamps: true);
        Packet ack = Assert.Single(Host.Send(peer.Segment(TcpFlags.Ack) with { Seq = peer.Next + 65536 }));
        Assert.Equal(("A", peer.Expected, peer.Next), (ack.Text, ack.Seq, ack.Ack));
        Assert.Equal(65160 >> 10, ack.Window);
        Assert.Equal((0, true), (ack.Id, ack.DontFragment));
        Assert.StartsWith("0101080a", ack.OptionText);
        Host.Moves();
        Assert.Equal(1, Host.Moved(Counter.TcpOutSegs));
        Assert.Equal(TcpState.SynRecv, Host.State(peer));
    }

    [Fact]
    public void A_segment_at_the_right_edge_without_length_is_in_the_window_and_one_with_data_is_not()
    {
        Peer peer = SynReceived();
        uint edge = peer.Next + 64240;
        Assert.Equal("A", Assert.Single(Host.Send(
            peer.Segment(TcpFlags.Ack, [1]) with { Seq = edge })).Text);
        Assert.Equal(TcpState.SynRecv, Host.State(peer));
        Host.Send(peer.Segment(TcpFlags.Ack) with { Seq = edge });
        Assert.Equal(TcpState.Established, Host.State(peer));
    }

    [Fact]
    public void Answers_to_segments_outside_the_window_are_limited_unless_they_carry_data()
    {
        Peer peer = SynReceived();
        Packet bare = peer.Segment(TcpFlags.Ack) with { Seq = peer.Next - 5 };
        Packet data = bare with { Payload = [1, 2] };
        Assert.Single(Host.Send(bare));
        Assert.Empty(Host.Send(bare));
        Assert.Single(Host.Send(data));
        Assert.Single(Host.Send(data));
        Host.Moves("TCPACKSkippedSynRecv+1");
    }

    [Fact]
    public void The_tos_of_an_answer_is_that_of_the_offending_segment()
    {
        Peer peer = SynReceived();
        Packet ack = Assert.Single(Host.Send(peer.Segment(TcpFlags.Ack) with { Seq = peer.Next - 5, Tos = 0x28 }));
        Assert.Equal(0x28, ack.Tos);
    }

    [Fact]
    public void An_old_timestamp_is_refused_answered_and_counted()
    {
        Peer peer = SynReceived(timestamps: true);
        peer.Clock--;
        Assert.Equal("A", Assert.Single(peer.Ack()).Text);
        Host.Moves("PAWSEstab+1");
        Assert.Equal(RuleId.RequestOldTimestamp, Host.Rule(peer));
        peer.Clock++;
        peer.Ack();
        Assert.Equal(TcpState.Established, Host.State(peer));
    }

    [Theory]
    [InlineData(-1, true)]
    [InlineData(1, true)]
    [InlineData(0, false)]
    public void An_echo_of_a_timestamp_that_was_never_sent_is_refused(int off, bool refused)
    {
        Peer peer = SynReceived(timestamps: true);
        peer.Echo += (uint)off;
        peer.Ack();
        Assert.Equal(refused ? TcpState.SynRecv : TcpState.Established, Host.State(peer));
        Assert.Equal(refused ? 1 : 0, Host.Moved(Counter.TcpExtTSEcrRejected));
    }

    [Fact]
    public void An_echo_of_any_SYN_ACK_sent_so_far_is_good_and_so_is_none()
    {
        Peer peer = SynReceived(timestamps: true);
        uint first = peer.Echo;
        Packet second = Assert.Single(Host.Run(1.1));
        Assert.True(second.TsVal > first);
        peer.Echo = second.TsVal;
        peer.Ack();
        Assert.Equal(TcpState.Established, Host.State(peer));

        Peer other = SynReceived(timestamps: true, port: 40001);
        other.Echo = 0;
        other.Ack();
        Assert.Equal(TcpState.Established, Host.State(other));
    }

    [Fact]
    public void A_third_ACK_without_timestamps_is_good_although_they_were_negotiated()
    {
        Peer peer = SynReceived(timestamps: true);
        Host.Send(peer.Segment(TcpFlags.Ack) with { Options = [] });
        Assert.Equal(TcpState.Established, Host.State(peer));
    }

    [Fact]
    public void The_exact_RST_removes_the_request_silently()
    {
        Peer peer = SynReceived();
        Assert.Empty(Host.Send(peer.Segment(TcpFlags.Rst)));
        Host.Moves("AttemptFails+1", "EmbryonicRsts+1");
        Assert.Equal(TcpState.None, Host.State(peer));
        Assert.Equal(0, Host.Listener.SynCount);
    }

    [Fact]
    [Trait("Linux", "tcp_challenge_ack_check_req")]
    public void Another_RST_in_the_window_is_challenged_once_in_half_a_second()
    {
        Peer peer = SynReceived();
        Packet rst = peer.Segment(TcpFlags.Rst) with { Seq = peer.Next + 1 };
        Packet challenge = Assert.Single(Host.Send(rst));
        Assert.Equal(("A", peer.Expected, peer.Next), (challenge.Text, challenge.Seq, challenge.Ack));
        Assert.Empty(Host.Send(rst));
        Host.Moves("TCPChallengeACK+1", "TCPACKSkippedChallenge+1");
        Assert.Equal(TcpState.SynRecv, Host.State(peer));
    }

    [Fact]
    public void A_RST_outside_the_window_is_ignored()
    {
        Peer peer = SynReceived();
        Assert.Empty(Host.Send(peer.Segment(TcpFlags.Rst) with { Seq = peer.Next - 1 }));
        Host.Moves();
        Assert.Equal(TcpState.SynRecv, Host.State(peer));
    }

    [Fact]
    public void A_new_SYN_in_the_window_is_reset_and_removes_the_request()
    {
        Peer peer = SynReceived();
        Packet reset = Assert.Single(Host.Send(peer.Segment(TcpFlags.Syn) with { Seq = peer.Next + 10 }));
        Assert.Equal(("RA", 0u, peer.Next + 11), (reset.Text, reset.Seq, reset.Ack));
        Host.Moves("AttemptFails+1", "EmbryonicRsts+1", "OutRsts+1");
        Assert.Equal(TcpState.None, Host.State(peer));
    }

    [Fact]
    public void A_new_SYN_outside_the_window_gets_an_ACK_and_the_request_stays()
    {
        Peer peer = SynReceived();
        Assert.Equal("A", Assert.Single(Host.Send(peer.Segment(TcpFlags.Syn) with { Seq = peer.Next - 50 })).Text);
        Host.Moves();
        Assert.Equal(TcpState.SynRecv, Host.State(peer));
    }

    [Fact]
    public void A_SYN_ACK_with_the_right_numbers_is_out_of_window_and_never_a_connection()
    {
        Peer peer = SynReceived();
        Packet reply = Assert.Single(
            Host.Send(peer.Segment(TcpFlags.Syn | TcpFlags.Ack) with { Seq = Peer.Isn }));
        Assert.Equal("A", reply.Text);
        Assert.Equal(TcpState.SynRecv, Host.State(peer));
    }

    [Theory]
    [InlineData(TcpFlags.Fin, 0)]
    [InlineData(TcpFlags.Psh, 10)]
    [InlineData(TcpFlags.None, 0)]
    public void A_segment_without_ACK_is_ignored(TcpFlags flags, int length)
    {
        Peer peer = SynReceived();
        Assert.Empty(Host.Send(peer.Segment(flags, Peer.Bytes(length))));
        Host.Moves();
        Assert.Equal(RuleId.RequestNoAck, Host.Rule(peer));
        Assert.Equal(TcpState.SynRecv, Host.State(peer));
    }

    [Fact]
    public void The_third_ACK_may_carry_data_which_is_there_at_accept()
    {
        Peer peer = SynReceived();
        peer.Data(10);
        Assert.Equal(TcpState.Established, Host.State(peer));
        int fd = Host.Calls.Accept(3, out _);
        byte[] buffer = new byte[20];
        Assert.Equal(10, Host.Calls.Receive(fd, buffer));
        Assert.Equal(Peer.Bytes(10), buffer.Take(10));
    }

    [Fact]
    public void The_third_ACK_may_carry_a_FIN_and_the_child_waits_in_CLOSE_WAIT()
    {
        Peer peer = SynReceived();
        peer.Fin();
        Assert.Equal(TcpState.CloseWait, Host.State(peer));
        Assert.Equal(1, Host.Listener.AcceptCount);
        Host.Moves("PassiveOpens+1", "CurrEstab+1");
    }

    [Fact]
    [Trait("Linux", "tcp_v4_syn_recv_sock")]
    public void A_third_ACK_counts_a_passive_open_a_pure_ACK_and_one_established()
    {
        Peer peer = SynReceived();
        Assert.Empty(peer.Ack());
        Host.Moves("PassiveOpens+1", "CurrEstab+1", "TCPPureAcks+1");
        Assert.Equal((0, 0, 1), (Host.Listener.SynCount, Host.Listener.YoungCount, Host.Listener.AcceptCount));
    }

    [Fact]
    public void A_third_ACK_on_a_full_accept_queue_is_dropped_and_any_later_segment_can_finish()
    {
        int listener = Host.Listen(backlog: 1);
        Peer second = Overflow();
        Assert.Empty(second.Ack());
        Assert.Empty(second.Ack());
        Host.Moves("ListenOverflows+2", "ListenDrops+2");
        Assert.Equal(TcpState.SynRecv, Host.State(second));
        Assert.Equal("SA", Assert.Single(Host.Run(1.2)).Text);
        Assert.True(Host.Calls.Accept(listener, out _) > 0);
        second.Data(5);
        Assert.Equal(TcpState.Established, Host.State(second));
    }

    [Fact]
    public void With_abort_on_overflow_the_third_ACK_is_reset_and_the_request_removed()
    {
        Host.Listen(backlog: 1);
        Host.Set("net.ipv4.tcp_abort_on_overflow", 1);
        Peer second = Overflow();
        Packet reset = Assert.Single(second.Ack());
        Assert.Equal(("R", second.Expected, 0u), (reset.Text, reset.Seq, reset.Ack));
        Host.Moves("ListenOverflows+1", "ListenDrops+1", "EmbryonicRsts+1", "OutRsts+1");
        Assert.Equal(TcpState.None, Host.State(second));
    }

    [Fact]
    public void A_SYN_with_data_and_ACK_leaves_a_child_that_any_later_ACK_establishes()
    {
        // The SYN bit of the first number is ignored only when data follows it; the child answers it with a challenge.
        Peer peer = SynReceived();
        Packet odd = peer.Segment(TcpFlags.Syn | TcpFlags.Ack, [1, 2, 3]) with { Seq = Peer.Isn };
        Assert.Equal("A", Assert.Single(Host.Send(odd)).Text);
        int fd = Host.Calls.Accept(3, out _);
        Assert.True(fd > 0);
        peer.Ack();
        Assert.Equal(TcpState.Established, Host.State(peer));
    }

    /// <summary>With a backlog of 1: two connections wait, and the third's handshake lacks its ACK.</summary>
    private Peer Overflow()
    {
        Peer[] peers = [new(Host, 1), new(Host, 2), new(Host, 3)];
        peers[0].Syn();
        peers[1].Syn();
        peers[0].Ack();
        Assert.Single(peers[2].Syn());
        peers[1].Ack();
        Assert.Equal((2, 1), (Host.Listener.AcceptCount, Host.Listener.SynCount));
        Host.Mark();
        return peers[2];
    }

    private Peer SynReceived(bool timestamps = false, ushort port = 40000)
    {
        if (port == 40000)
        {
            Host.Listen();
        }

        var peer = new Peer(Host, port, timestamps);
        Assert.Equal("SA", Assert.Single(peer.Syn()).Text);
        Assert.Equal(TcpState.SynRecv, Host.State(peer));
        Host.Mark();
        return peer;
    }
}
