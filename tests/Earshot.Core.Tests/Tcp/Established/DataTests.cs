using System;
using System.Linq;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Established;

public sealed class DataTests : HostTest
{
    private readonly int _listener;

    public DataTests() => _listener = Host.Listen();

    [Fact]
    [Trait("Linux", "tcp_send_delayed_ack")]
    public void After_the_quick_ACKs_of_the_start_an_ACK_waits_40_ms()
    {
        Peer peer = new Peer(Host).Establish(_listener);
        int quick = 0;
        while (peer.Data(100, TcpFlags.None).Length == 1 && quick < 100)
        {
            quick++;
        }

        Assert.InRange(quick, 16, 21);
        double from = Host.Now.Seconds;
        Packet ack = Assert.Single(Host.Run(1));
        Assert.InRange(ack.Time.Seconds - from, 0.040, 0.048);
        Assert.Equal(peer.Next, ack.Ack);
        Assert.Equal(1, Host.Stack.Mib[Counter.TcpExtDelayedACKs]);
    }

    [Fact]
    [Trait("Linux", "tcp_retransmit_timer")]
    public void Unanswered_data_is_sent_again_after_200_ms_and_twice_as_long_each_time()
    {
        Peer peer = new Peer(Host).Establish(_listener);
        Host.Calls.Send(peer.Fd, Peer.Bytes(100));
        Host.Take();
        Host.Mark();
        double before = Host.Now.Seconds;
        Packet[] again = Host.Run(30);
        double wait = 0.2;
        foreach (Packet packet in again)
        {
            Assert.Equal((peer.Expected, 100, "PA"), (packet.Seq, packet.Payload.Length, packet.Text));
            Assert.InRange(packet.Time.Seconds - before, wait, (wait * 1.125) + 0.012);
            before = packet.Time.Seconds;
            wait *= 2;
        }

        Assert.Equal(again.Length, Host.Moved(Counter.TcpRetransSegs));
        Assert.Equal(again.Length, Host.Moved(Counter.TcpExtTCPTimeouts));
        Assert.InRange(again.Length, 6, 7);
    }

    [Fact]
    [Trait("Linux", "tcp_write_timeout")]
    public void Data_that_nobody_acknowledges_is_given_up_after_some_fifteen_minutes()
    {
        Peer peer = new Peer(Host).Establish(_listener);
        Host.Calls.Send(peer.Fd, [1]);
        Host.Run(924);
        Assert.Equal(TcpState.Established, Host.State(peer));
        Host.Run(150);
        Assert.Equal(TcpState.None, Host.State(peer));
        Assert.Equal(-Errno.ETIMEDOUT, Host.Calls.Receive(peer.Fd, new byte[1]));
        Assert.Equal(1, Host.Stack.Mib[Counter.TcpExtTCPAbortOnTimeout]);
    }

    [Fact]
    [Trait("Linux", "tcp_write_timeout")]
    public void TCP_USER_TIMEOUT_gives_up_sooner()
    {
        Peer peer = new Peer(Host).Establish(_listener);
        Host.Calls.SetOption(peer.Fd, SocketOption.UserTimeout, 3000);
        Host.Calls.Send(peer.Fd, [1]);
        Host.Run(3.1);
        Assert.Equal(TcpState.Established, Host.State(peer));
        Host.Run(0.35);
        Assert.Equal(-Errno.ETIMEDOUT, Host.Calls.Receive(peer.Fd, new byte[1]));
    }

    // Found by `lab fuzz --established --seed 140008178`: the host answers without DF.
    [Theory]
    [InlineData(552, true)]
    [InlineData(300, false)]
    [Trait("Linux", "ip_rt_update_pmtu")]
    public void A_path_below_the_least_mtu_is_one_without_DF_also_when_it_was_at_the_least_before(
        ushort second, bool withDontFragment)
    {
        Peer peer = new Peer(Host).Establish(_listener);
        Host.Calls.Send(peer.Fd, Peer.Bytes(1000));
        Packet sent = Host.Take()[0];
        Host.Send(ConnectTests.Icmp(3, 4, sent, mtu: 552));
        Host.Send(ConnectTests.Icmp(3, 4, sent, mtu: second));
        Host.Calls.Send(peer.Fd, Peer.Bytes(10));
        Host.Send(peer.Segment(TcpFlags.Ack) with { Ack = sent.Seq + 1000 });
        Packet[] packets = Host.Run(1);
        Assert.NotEmpty(packets);
        Assert.All(packets, packet => Assert.Equal(withDontFragment, packet.DontFragment));
    }

    [Fact]
    [Trait("Linux", "tcp_trim_head")]
    public void An_ACK_inside_a_segment_that_the_path_no_longer_takes_delivers_nothing_less_than_nothing()
    {
        Peer peer = new Peer(Host).Establish(_listener);
        Host.Calls.Send(peer.Fd, Peer.Bytes(1460));
        Packet sent = Assert.Single(Host.Take());
        Host.Send(peer.Segment(TcpFlags.Ack) with { Window = 0 });
        Host.Send(ConnectTests.Icmp(3, 4, sent, mtu: 576));
        Host.Take();
        Host.Mark();
        peer.Expected += 1;
        peer.Ack();
        Assert.InRange(Host.Moved(Counter.TcpExtTCPDelivered), 0, 3);
        Host.Stack.CheckInvariants();
        peer.Expected = sent.End;
        peer.Ack();
        Host.Take();
        Host.Calls.Send(peer.Fd, [1]);
        Assert.Single(Host.Take());
    }

    [Fact]
    [Trait("Linux", "tcp_fastretrans_alert")]
    public void The_third_duplicate_ACK_sends_the_first_segment_again_once()
    {
        Peer peer = new Peer(Host).Establish(_listener);
        Host.Calls.Send(peer.Fd, Peer.Bytes(14600));
        Assert.Equal(10, Host.Take().Length);
        Host.Mark();
        Assert.DoesNotContain(peer.Ack(), packet => packet.Seq == peer.Expected);
        Assert.DoesNotContain(peer.Ack(), packet => packet.Seq == peer.Expected);
        Packet again = Assert.Single(peer.Ack(), packet => packet.Seq == peer.Expected);
        Assert.Equal(1460, again.Payload.Length);
        Assert.DoesNotContain(peer.Ack(), packet => packet.Seq == peer.Expected);
        Assert.Equal(1, Host.Moved(Counter.TcpExtTCPRenoRecovery));
        Assert.Equal(1, Host.Moved(Counter.TcpRetransSegs));
    }

    [Fact]
    [Trait("Linux", "tcp_probe_timer")]
    public void A_closed_window_is_probed_ever_more_rarely_and_data_flows_when_it_opens()
    {
        Peer peer = new Peer(Host).Establish(_listener);
        Host.Send(peer.Segment(TcpFlags.Ack) with { Window = 0 });
        Host.Calls.Send(peer.Fd, Peer.Bytes(100));
        Assert.Empty(Host.Take());
        double before = Host.Now.Seconds;
        double wait = 0.2;
        foreach (Packet probe in Host.Run(15))
        {
            Assert.Equal(("A", peer.Expected - 1, 0), (probe.Text, probe.Seq, probe.Payload.Length));
            Assert.InRange(probe.Time.Seconds - before, wait, (wait * 1.125) + 0.012);
            before = probe.Time.Seconds;
            wait *= 2;
        }

        Assert.Equal(6, Host.Stack.Mib[Counter.TcpExtTCPWinProbe]);
        Packet data = Assert.Single(Host.Send(peer.Segment(TcpFlags.Ack) with { Window = 1000 }));
        Assert.Equal((peer.Expected, 100), (data.Seq, data.Payload.Length));
    }

    [Fact]
    [Trait("Linux", "tcp_keepalive_timer")]
    public void Keepalive_probes_an_idle_peer_and_resets_a_dead_one()
    {
        Host.Set("net.ipv4.tcp_keepalive_time", 10);
        Host.Set("net.ipv4.tcp_keepalive_intvl", 3);
        Host.Set("net.ipv4.tcp_keepalive_probes", 2);
        Peer peer = new Peer(Host).Establish(_listener);
        Host.Calls.SetOption(peer.Fd, SocketOption.KeepAlive, 1);
        Packet[] sent = Host.Run(25);
        Assert.Equal(["A", "A", "RA"], sent.Select(packet => packet.Text));
        Assert.Equal(peer.Expected - 1, sent[0].Seq);
        Assert.Equal(-Errno.ETIMEDOUT, Host.Calls.Receive(peer.Fd, new byte[1]));
    }

    [Fact]
    [Trait("Linux", "tcp_select_window")]
    public void An_unread_buffer_closes_the_window_and_reading_opens_it()
    {
        Peer peer = new Peer(Host).Establish(_listener);
        int taken = 0;
        Packet last = Assert.Single(peer.Data(100));
        while (last.Window > 0 && taken < 200)
        {
            int length = Math.Min(1460, (int)last.Window);
            Packet[] replies = [.. peer.Data(length), .. Host.Run(0.3)];
            last = replies[^1];
            taken++;
        }

        Assert.Equal(0, last.Window);
        Assert.InRange(taken, 30, 60);
        Host.Mark();
        Assert.Equal(0, Assert.Single(peer.Data(1)).Window);
        peer.Next--;
        byte[] buffer = new byte[100_000];
        Host.Take();
        Assert.True(Host.Calls.Receive(peer.Fd, buffer) > 40_000);
        Assert.True(Assert.Single(Host.Take()).Window > 20_000);
    }

    [Fact]
    [Trait("Linux", "tcp_data_queue_ofo")]
    public void Data_out_of_order_is_answered_at_once_and_read_in_order()
    {
        Peer peer = new Peer(Host).Establish(_listener);
        byte[] stream = Peer.Bytes(500);
        uint start = peer.Next;
        foreach (int piece in new[] { 4, 2, 3, 1 })
        {
            Packet ack = Assert.Single(Host.Send(
                peer.Segment(TcpFlags.Ack, stream[(piece * 100)..((piece * 100) + 100)])
                    with
                { Seq = start + (uint)(piece * 100) }));
            Assert.Equal(start, ack.Ack);
        }

        Packet filled = Assert.Single(Host.Send(peer.Segment(TcpFlags.Ack, stream[..100])));
        Assert.Equal(start + 500, filled.Ack);
        byte[] read = new byte[600];
        Assert.Equal(500, Host.Calls.Receive(peer.Fd, read));
        Assert.Equal(stream, read[..500]);
    }

    [Fact]
    [Trait("Linux", "tcp_nagle_test")]
    public void A_small_write_waits_for_the_ACK_of_the_one_before_unless_NODELAY()
    {
        Peer peer = new Peer(Host).Establish(_listener);
        Host.Calls.Send(peer.Fd, [1]);
        Host.Calls.Send(peer.Fd, [2]);
        Host.Calls.Send(peer.Fd, [3]);
        Assert.Single(Host.Take());
        peer.Expected++;
        Assert.Equal([2, 3], Assert.Single(peer.Ack()).Payload);
        Host.Take();
        Host.Calls.SetOption(peer.Fd, SocketOption.NoDelay, 1);
        Host.Calls.Send(peer.Fd, [4]);
        Assert.Single(Host.Take());
    }

    [Fact]
    [Trait("Linux", "tcp_validate_incoming")]
    public void An_old_timestamp_is_refused_and_one_tick_back_is_not()
    {
        Peer peer = new Peer(Host, timestamps: true).Establish(_listener);
        peer.Clock += 100;
        peer.Data(10);
        Host.Mark();
        peer.Clock -= 1;
        peer.Data(10);
        Assert.Equal(0, Host.Moved(Counter.TcpExtPAWSEstab));
        peer.Clock -= 1;
        peer.Data(10);
        Assert.Equal(1, Host.Moved(Counter.TcpExtPAWSEstab));
        Assert.Equal(20, Host.Calls.Receive(peer.Fd, new byte[100]));
    }
}
