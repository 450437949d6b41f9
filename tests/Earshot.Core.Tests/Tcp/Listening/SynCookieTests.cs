using System.Linq;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Listening;

[Trait("Linux", "cookie_v4_check")]
public sealed class SynCookieTests : HostTest
{
    private const string Mss = "020405b4";
    private static readonly byte[] MssOption = [2, 4, 5, 0xb4];
    private static readonly byte[] Scale = [1, 3, 3, 7];

    [Fact]
    [Trait("Linux", "tcp_conn_request")]
    public void A_full_SYN_queue_answers_with_a_cookie_that_leaves_nothing_behind()
    {
        Peer peer = Flooded();
        Packet reply = Assert.Single(peer.Syn());
        Host.Moves("TCPReqQFullDoCookies+1", "SyncookiesSent+1");
        Assert.Equal(("SA", Peer.Isn + 1, Mss, 64240), (reply.Text, reply.Ack, reply.OptionText, reply.Window));
        Assert.Equal(RuleId.SynCookie, Host.Rule(peer));
        Assert.Equal(default(TcpState), Host.State(peer));
        Assert.DoesNotContain(Host.Run(120), packet => packet.DestinationPort == peer.Port);
    }

    [Fact]
    public void The_ACK_of_a_cookie_is_a_connection()
    {
        int listener = Host.Listen(0);
        Peer peer = Flood();
        peer.Syn();
        Host.Mark();
        Assert.Empty(peer.Ack());
        Host.Moves("SyncookiesRecv+1", "PassiveOpens+1", "CurrEstab+1", "TCPPureAcks+1");
        Assert.Equal(TcpState.Established, Host.State(peer));
        Assert.Equal(1, Host.Listener.AcceptCount);
        int fd = Host.Calls.Accept(listener, out InetEndpoint remote);
        Assert.Equal(peer.Endpoint, remote);
        Assert.True(fd > 0);
    }

    [Theory]
    [InlineData(TcpFlags.Ack | TcpFlags.Psh, 10, "Established")]
    [InlineData(TcpFlags.Ack | TcpFlags.Fin, 0, "CloseWait")]
    public void Data_or_a_FIN_may_come_with_the_ACK_of_a_cookie(TcpFlags flags, int length, string state)
    {
        Peer peer = Flooded();
        peer.Syn();
        Host.Send(peer.Segment(flags, Peer.Bytes(length)));
        Assert.Equal(1, Host.Listener.AcceptCount);
        Assert.Equal(state, Host.State(peer).ToString());
    }

    [Fact]
    public void Equal_tuples_in_one_minute_give_cookies_as_far_apart_as_their_SYNs()
    {
        Peer peer = Flooded();
        uint first = Assert.Single(peer.Syn()).Seq;
        uint second = Assert.Single(Host.Send(peer.SynPacket() with { Seq = Peer.Isn + 12345 })).Seq;
        Assert.Equal(12345u, second - first);
    }

    [Theory]
    [InlineData(0, 536)]
    [InlineData(1, 536)]
    [InlineData(535, 536)]
    [InlineData(536, 536)]
    [InlineData(1299, 536)]
    [InlineData(1300, 1300)]
    [InlineData(1439, 1300)]
    [InlineData(1440, 1440)]
    [InlineData(1459, 1440)]
    [InlineData(1460, 1460)]
    [InlineData(9000, 1460)]
    public void A_cookie_remembers_the_largest_MSS_of_its_table_that_is_not_too_large(int mss, int kept)
    {
        Peer peer = Flooded();
        byte[] options = mss == 0 ? [] : [2, 4, (byte)(mss >> 8), (byte)mss];
        Packet reply = Assert.Single(Host.Send(peer.SynPacket() with { Options = options }));
        Assert.Equal(Mss, reply.OptionText);
        Complete(peer, reply);
        Assert.Contains($"its MSS is {kept}", Host.Why(peer));
    }

    [Fact]
    public void The_number_of_a_cookie_moves_with_the_place_of_its_MSS()
    {
        Peer peer = Flooded();
        uint[] numbers =
        [
            .. new[] { 536, 1300, 1440, 1460 }.Select(mss => Assert.Single(Host.Send(
                peer.SynPacket() with { Options = [2, 4, (byte)(mss >> 8), (byte)mss] })).Seq),
        ];
        Assert.Equal([0u, 1u, 2u, 3u], numbers.Select(number => number - numbers[0]));
    }

    [Theory]
    [InlineData(1, 0, 1440)]
    [InlineData(0, -1, 1440)]
    [InlineData(3, 0, 536)]
    [InlineData(0, 0, 1460)]
    public void A_number_next_to_a_cookies_is_taken_with_another_MSS(int seq, int ack, int kept)
    {
        Peer peer = Flooded();
        peer.Syn();
        Host.Mark();
        Host.Send(peer.Segment(TcpFlags.Ack) with { Seq = peer.Next + (uint)seq, Ack = peer.Expected + (uint)ack });
        Assert.Equal(1, Host.Moved(Counter.TcpExtSyncookiesRecv));
        Assert.Contains($"its MSS is {kept}", Host.Why(peer));
    }

    [Theory]
    [InlineData(4, 0)]
    [InlineData(-1, 0)]
    [InlineData(0, 1)]
    [InlineData(0, 0x1000000)]
    public void A_number_that_is_no_cookie_is_counted_and_reset(int seq, int ack)
    {
        Peer peer = Flooded();
        peer.Syn();
        Host.Mark();
        Packet reset = Assert.Single(Host.Send(
            peer.Segment(TcpFlags.Ack) with { Seq = peer.Next + (uint)seq, Ack = peer.Expected + (uint)ack }));
        Assert.Equal(("R", peer.Expected + (uint)ack), (reset.Text, reset.Seq));
        Host.Moves("SyncookiesFailed+1", "OutRsts+1");
        Assert.Equal(RuleId.CookieBad, Host.Rule(peer));
    }

    [Fact]
    public void Without_a_cookie_sent_lately_an_ACK_is_reset_uncounted()
    {
        Host.Listen(0);
        var peer = new Peer(Host);
        Assert.Equal("R", Assert.Single(Host.Send(peer.Segment(TcpFlags.Ack) with { Ack = 555 })).Text);
        Host.Moves("OutRsts+1");
        Assert.Equal(RuleId.CookieNotExpected, Host.Rule(peer));
    }

    [Fact]
    [Trait("Linux", "tcp_synq_no_recent_overflow")]
    public void Cookies_are_believed_for_120_s_after_the_last_was_sent()
    {
        Peer peer = Flooded();
        peer.Syn();
        Host.Run(119.9);
        Host.Mark();
        Host.Send(peer.Segment(TcpFlags.Ack) with { Ack = 555 });
        Host.Moves("SyncookiesFailed+1", "OutRsts+1");
        Host.Run(0.2);
        Host.Mark();
        Host.Send(peer.Segment(TcpFlags.Ack) with { Ack = 555 });
        Host.Moves("OutRsts+1");
    }

    [Fact]
    [Trait("Linux", "tcp_synq_overflow")]
    public void The_stamp_of_the_last_cookie_is_renewed_once_a_second()
    {
        Peer peer = Flooded();
        peer.Syn();
        Host.Run(0.9);
        Host.Send(peer.SynPacket() with { Seq = 77 });
        Host.Run(119.2);
        Host.Mark();
        Host.Send(peer.Segment(TcpFlags.Ack) with { Ack = 555 });
        Host.Moves("OutRsts+1");
    }

    [Fact]
    [Trait("Linux", "tcp_synq_no_recent_overflow")]
    public void A_fresh_listener_believes_cookies_around_the_wrap_of_jiffies()
    {
        // The stamp of a listener that never sent one is 0, and jiffies pass 0 five minutes after the start.
        Host.Listen(0);
        Host.Run(298.9);
        Assert.Equal(0, Failed());
        Host.Run(0.2);
        Assert.Equal(1, Failed());
        Host.Run(120.8);
        Assert.Equal(1, Failed());
        Host.Run(0.2);
        Assert.Equal(0, Failed());

        long Failed()
        {
            Host.Mark();
            Host.Send(new Peer(Host).Segment(TcpFlags.Ack) with { Ack = 555 });
            return Host.Moved(Counter.TcpExtSyncookiesFailed);
        }
    }

    [Theory]
    [InlineData(59.9, true)]
    [InlineData(119.9, true)]
    [InlineData(120.1, false)]
    public void A_cookie_lives_for_this_minute_and_the_next(double seconds, bool lives)
    {
        Peer peer = AtTheStartOfAMinute();
        peer.Syn();
        Host.Run(30);
        new Peer(Host, 50000).Syn();
        Host.Run(seconds - 30);
        Host.Mark();
        peer.Ack();
        Assert.Equal(lives ? 1 : 0, Host.Moved(Counter.TcpExtSyncookiesRecv));
    }

    [Fact]
    [Trait("Linux", "cookie_init_timestamp")]
    public void With_timestamps_all_options_are_offered_and_come_back()
    {
        Peer peer = Flooded(timestamps: true);
        Packet reply = Assert.Single(peer.Syn());
        Assert.Equal((Mss + "0101080a", 65160), (reply.OptionText[..16], reply.Window));
        Assert.EndsWith("000001f4" + "0103030a", reply.OptionText);
        peer.Clock += 10;
        Host.Mark();
        Assert.Empty(peer.Ack());
        Assert.Equal(1, Host.Moved(Counter.TcpExtSyncookiesRecv));
        Packet data = Assert.Single(peer.Data(100));
        Assert.Equal(510u, data.TsEcr);

        // The window counts in units of 1024 again, from what the cookie's MSS makes of the buffer.
        Assert.Equal((64240 - 100) >> 10, data.Window, 2.0);
    }

    [Fact]
    [Trait("Linux", "cookie_init_timestamp")]
    public void The_low_six_bits_of_a_cookies_timestamp_remember_options_and_it_is_not_of_the_future()
    {
        Host.Set("net.ipv4.tcp_timestamps", 2);
        Peer peer = Flooded(timestamps: true);
        Packet reply = Assert.Single(peer.Syn());
        uint now = (uint)Host.Now.Milliseconds;
        Assert.Equal(7u, reply.TsVal & 63);
        Assert.InRange(now - reply.TsVal, 0u, 63u);
        Packet without = Assert.Single(Host.Send(
            peer.SynPacket() with { Options = [.. MssOption, .. Packet.Timestamps(77, 0)] }));
        Assert.Equal(15u, without.TsVal & 63);
        Packet ecn = Assert.Single(Host.Send(peer.SynPacket() with
        {
            Options = [.. MssOption, .. Packet.Timestamps(77, 0)],
            Flags = TcpFlags.Syn | TcpFlags.Ece | TcpFlags.Cwr,
        }));
        Assert.Equal(32u + 15, ecn.TsVal & 63);
        Assert.True(ecn.Flags.HasFlag(TcpFlags.Ece));
    }

    [Fact]
    public void Without_a_timestamp_ECN_and_the_window_scale_are_forgotten()
    {
        Peer peer = Flooded();
        Packet reply = Assert.Single(Host.Send(peer.SynPacket() with
        {
            Options = [.. MssOption, .. Scale],
            Flags = TcpFlags.Syn | TcpFlags.Ece | TcpFlags.Cwr,
        }));
        Assert.Equal((Mss, TcpFlags.Syn | TcpFlags.Ack), (reply.OptionText, reply.Flags));
    }

    [Fact]
    public void An_ACK_without_timestamps_has_lost_the_window_scale_that_was_offered()
    {
        Peer peer = Flooded(timestamps: true);
        Packet reply = Assert.Single(peer.Syn());
        Packet data = Assert.Single(Host.Send(
            peer.Segment(TcpFlags.Ack | TcpFlags.Psh, Peer.Bytes(10)) with { Options = [] }));
        Assert.Equal((reply.Seq + 1, 0), (data.Seq, data.Options.Length));
        Assert.InRange(data.Window, 64240 - 10, 64240);
    }

    [Fact]
    [Trait("Linux", "cookie_timestamp_decode")]
    public void An_echo_that_asks_for_a_scale_is_refused_when_scaling_is_off()
    {
        Peer peer = Flooded(timestamps: true);
        peer.Syn();
        Host.Set("net.ipv4.tcp_window_scaling", 0);
        Host.Mark();
        Assert.Equal("R", Assert.Single(peer.Ack()).Text);
        Host.Moves("SyncookiesRecv+1", "OutRsts+1");
        Assert.Equal(RuleId.CookieOptions, Host.Rule(peer));
    }

    [Fact]
    public void An_ACK_of_a_cookie_that_meets_a_full_accept_queue_is_dropped_in_silence()
    {
        Host.Set("net.ipv4.tcp_abort_on_overflow", 1);
        Peer peer = Flooded();
        var other = new Peer(Host, 50000);
        other.Syn();
        peer.Syn();
        other.Ack();
        Host.Mark();
        Assert.Empty(peer.Ack());
        Host.Moves("SyncookiesRecv+1", "ListenOverflows+1", "ListenDrops+1");
        Assert.Equal(RuleId.CookieOverflow, Host.Rule(peer));
        Assert.Empty(new Peer(Host, 50001).Syn());
    }

    [Fact]
    [Trait("Linux", "tcp_conn_request")]
    public void A_full_accept_queue_beside_a_full_SYN_queue_costs_three_counters_and_sends_nothing()
    {
        Peer peer = Flooded();
        var other = new Peer(Host, 50000);
        other.Syn();
        other.Ack();
        Host.Mark();
        Assert.Empty(peer.Syn());
        Host.Moves("TCPReqQFullDoCookies+1", "ListenOverflows+1", "ListenDrops+1");
    }

    [Fact]
    public void With_2_every_SYN_gets_a_cookie_and_the_log_is_silent()
    {
        Host.Set("net.ipv4.tcp_syncookies", 2);
        Host.Listen(5);
        var peer = new Peer(Host);
        Assert.Single(peer.Syn());
        Host.Moves("TCPReqQFullDoCookies+1", "SyncookiesSent+1");
        Assert.Equal(RuleId.SynCookieForced, Host.Rule(peer));
        Assert.Empty(Host.Stack.Log.Lines);
        peer.Ack();
        Assert.Equal(TcpState.Established, Host.State(peer));
    }

    [Fact]
    public void With_0_there_are_no_cookies_and_an_ACK_is_not_looked_at()
    {
        Peer peer = Flooded();
        peer.Syn();
        Host.Set("net.ipv4.tcp_syncookies", 0);
        Host.Mark();
        Assert.Equal("R", Assert.Single(peer.Ack()).Text);
        Host.Moves("OutRsts+1");
        Assert.Equal(RuleId.ListenAck, Host.Rule(peer));
        Assert.Empty(new Peer(Host, 50000).Syn());
        Host.Moves("OutRsts+1", "TCPReqQFullDrop+1", "ListenDrops+1");
    }

    [Fact]
    [Trait("Linux", "tcp_check_req")]
    public void A_wrong_ACK_for_a_request_is_tried_as_a_cookie_and_the_request_stays()
    {
        Host.Listen(0);
        var first = new Peer(Host, 40001);
        first.Syn();
        new Peer(Host, 40002).Syn();
        Host.Mark();
        Assert.Equal("R", Assert.Single(Host.Send(first.Segment(TcpFlags.Ack) with { Ack = 555 })).Text);
        Host.Moves("SyncookiesFailed+1", "OutRsts+1");
        Assert.Equal(TcpState.SynRecv, Host.State(first));
    }

    [Fact]
    [Trait("Linux", "tcp_syn_flood_action")]
    public void The_flood_is_told_to_the_log_once_in_a_listeners_life()
    {
        int listener = Host.Listen(0);
        new Peer(Host, 1).Syn();
        new Peer(Host, 2).Syn();
        new Peer(Host, 3).Syn();
        const string Line = "TCP: request_sock_TCP: Possible SYN flooding on port 0.0.0.0:80. Sending cookies.";
        Assert.Equal([Line], Host.Stack.Log.Lines.Select(line => line.Text));
        Host.Calls.Listen(listener, 0);
        new Peer(Host, 4).Syn();
        Assert.Single(Host.Stack.Log.Lines);
        Host.Calls.Close(listener);
        Host.Set("net.ipv4.tcp_syncookies", 0);
        Host.Run(70);
        Host.Listen(0);
        new Peer(Host, 1).Syn();
        new Peer(Host, 2).Syn();
        Assert.Equal(Line.Replace("Sending cookies", "Dropping request"), Host.Stack.Log.Lines.Last().Text);
    }

    [Fact]
    [Trait("Linux", "net_ratelimit")]
    public void Ten_lines_in_five_seconds_are_told_and_the_rest_counted()
    {
        for (ushort port = 1; port <= 13; port++)
        {
            Host.Listen(0, port);
            new Peer(Host, 1, hostPort: port).Syn();
            new Peer(Host, 2, hostPort: port).Syn();
        }

        Assert.Equal(10, Host.Stack.Log.Lines.Count);
        Host.Run(5.1);
        Host.Listen(0, 14);
        new Peer(Host, 1, hostPort: 14).Syn();
        new Peer(Host, 2, hostPort: 14).Syn();
        Assert.Equal(12, Host.Stack.Log.Lines.Count);
        Assert.Equal("net_ratelimit: 3 callbacks suppressed", Host.Stack.Log.Lines.ElementAt(10).Text);
    }

    [Fact]
    [Trait("Linux", "synq_overflow_ts")]
    public void Members_of_a_group_believe_one_anothers_cookies()
    {
        Host.Set("net.ipv4.tcp_syncookies", 2);
        int[] group = [Member(), Member()];
        int chosen = 0;
        Assert.Equal(0, Host.Calls.SetReusePortSelector(
            group[0], (in ReusePortQuestion _) => chosen, migrates: false));
        var peer = new Peer(Host);
        Assert.Single(peer.Syn());
        chosen = 1;
        peer.Ack();
        Assert.Equal(-Errno.EAGAIN, Host.Calls.Accept(group[0], out InetEndpoint _));
        Assert.True(Host.Calls.Accept(group[1], out InetEndpoint _) > 0);

        int Member()
        {
            int fd = Host.Calls.Socket(2, 1, 0);
            Host.Options(fd).ReusePort = true;
            Assert.Equal(0, Host.Calls.Bind(fd, new InetEndpoint(InetAddress.Any, TestHost.Port)));
            Assert.Equal(0, Host.Calls.Listen(fd, 5));
            return fd;
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_cookies_and_another_gives_others()
    {
        uint[] seeds = [.. new ulong[] { 1, 1, 2 }.Select(seed =>
        {
            using var host = new TestHost(seed: seed);
            host.Set("net.ipv4.tcp_syncookies", 2);
            host.Listen();
            return Assert.Single(new Peer(host).Syn()).Seq;
        })];
        Assert.Equal(seeds[0], seeds[1]);
        Assert.NotEqual(seeds[0], seeds[2]);
    }

    private Peer Flooded(bool timestamps = false)
    {
        Host.Listen(0);
        return Flood(timestamps);
    }

    /// <summary>Fills the SYN queue of a listener whose backlog is 0.</summary>
    private Peer Flood(bool timestamps = false)
    {
        new Peer(Host, 39999).Syn();
        Host.Mark();
        return new Peer(Host, timestamps: timestamps);
    }

    private Peer AtTheStartOfAMinute()
    {
        // Jiffies start 300 s before their wrap at 2^32, which is no whole number of minutes of 250 Hz.
        const double Wrap = (1L << 32) / 250.0;
        double past = (Wrap - 300) % 60;
        Host.Run(60 - past + 0.01);
        return Flooded();
    }

    private void Complete(Peer peer, Packet reply)
    {
        peer.Expected = reply.Seq + 1;
        peer.Next = Peer.Isn + 1;
        Host.Mark();
        peer.Ack();
        Assert.Equal(1, Host.Moved(Counter.TcpExtSyncookiesRecv));
    }
}
