using System;
using System.Linq;
using Earshot.Core.Sockets;
using Earshot.Core.Tcp.Listening;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Listening;

/// <summary>Corners of the handshake that only a number on either side of them shows.</summary>
public sealed class HandshakeEdgeTests : HostTest
{
    private static readonly byte[] Payload = Peer.Bytes(3000);

    // tcp_paws_reject: a RST need not be newer than a timestamp that is a minute old.
    [Theory]
    [Trait("Linux", "tcp_paws_reject")]
    [InlineData(31.5, TcpState.SynRecv)]
    [InlineData(66.5, TcpState.None)]
    public void A_RST_with_an_older_timestamp_ends_a_request_only_after_a_minute(double seconds, TcpState left)
    {
        Host.Set("net.ipv4.tcp_synack_retries", 9);
        Host.Listen();
        var peer = new Peer(Host, timestamps: true);
        peer.Syn();
        Host.Run(seconds);
        peer.Clock--;
        Host.Send(peer.Segment(TcpFlags.Rst));
        Assert.Equal(left, Host.State(peer));
    }

    // A peer that names no MSS is taken to have 536 (RFC 9293 s3.7.1), over IPv6 1220.
    [Theory]
    [Trait("Linux", "tcp_mss_clamp")]
    [InlineData(false, 0, 0, 536)]
    [InlineData(true, 0, 0, 1220)]
    [InlineData(false, 1460, 500, 500)]
    [InlineData(false, 400, 500, 400)]
    [InlineData(false, 1460, 0, 1460)]
    public void Data_goes_in_segments_of_what_the_peer_and_the_listener_permit(
        bool ipv6, int announced, int listenerMaximum, int segment)
    {
        int listener = Host.Listen(address: ipv6 ? InetAddress.IPv6Any : default);
        if (listenerMaximum != 0)
        {
            Assert.Equal(0, Host.Calls.SetOption(listener, SocketOption.MaximumSegment, listenerMaximum));
        }

        var peer = new Peer(Host, ipv6: ipv6);
        Packet reply = Assert.Single(Host.Send(peer.SynPacket() with
        {
            Options = announced == 0 ? [] : [2, 4, (byte)(announced >> 8), (byte)announced],
        }));
        peer.Next = Peer.Isn + 1;
        peer.Expected = reply.Seq + 1;
        peer.Ack();
        int fd = Host.Calls.Accept(listener, out _);
        Assert.Equal(Payload.Length, Host.Calls.Send(fd, Payload));
        Assert.Equal(segment, Host.Take().First(packet => packet.Payload.Length > 0).Payload.Length);
    }

    // The history, section 3: y = 2*young; while thresh > 2 and q >= y: thresh-1, y*2.
    [Fact]
    [Trait("Linux", "reqsk_timer_handler")]
    public void Each_doubling_of_the_young_that_fits_takes_one_retry_away()
    {
        // After two timeouts, with four retries and four young ones: of 16 two doublings fit, so that two retries are
        // left and the first request ends; of the 15 that are left only one.
        Host.Set("net.ipv4.tcp_synack_retries", 4);
        Host.Listen(16);
        for (ushort port = 1; port <= 16; port++)
        {
            if (port == 13)
            {
                Host.Run(6.5);
            }

            new Peer(Host, port).Syn();
        }

        Assert.Equal((16, 4), (Host.Listener.SynCount, Host.Listener.YoungCount));
        Host.Run(0.95);
        Assert.Equal((15, 4), (Host.Listener.SynCount, Host.Listener.YoungCount));
    }

    [Fact]
    [Trait("Linux", "TCP_DEFER_ACCEPT")]
    public void A_second_bare_ACK_is_held_back_as_the_first_was()
    {
        int fd = Host.Listen();
        Host.Options(fd).DeferAccept = 4;
        var peer = new Peer(Host);
        peer.Syn();
        Host.Mark();
        Assert.Empty(peer.Ack());
        Assert.Empty(peer.Ack());
        Host.Moves("TCPDeferAcceptDrop+2");
        Assert.Empty(Host.Run(14.9));
        Assert.Equal("SA", Assert.Single(Host.Run(1)).Text);
    }

    // The history, section 1: 4.4BSD's slow tick is 500 ms; the first timeout of 6 s is twelve of them.
    [Fact]
    public void Under_4_4BSD_SYN_ACKs_come_again_at_ticks_of_half_a_second()
    {
        using var host = new TestHost(TestHost.Profile("bsd-4.4"));
        host.Listen();
        new Peer(host, 1).Syn();
        host.Run(0.2);
        new Peer(host, 2).Syn();
        double sent = host.Now.Seconds;
        Packet[] again = host.Run(7);
        Assert.Equal(2, again.Length);
        Assert.InRange(again[^1].Time.Seconds - sent, 5.5, 6.0);
        double apart = again[1].Time.Seconds - again[0].Time.Seconds;
        Assert.Equal(Math.Round(apart * 2) / 2, apart, 6);
    }

    [Fact]
    public void Accepted_connections_are_counted_by_their_wait_also_after_days()
    {
        int fd = Host.Listen();
        new Peer(Host, 1).Connect();
        new Peer(Host, 2).Connect();
        Assert.True(Host.Calls.Accept(fd, out _) > 0);
        Host.Run(700_000);
        Assert.True(Host.Calls.Accept(fd, out _) > 0);
        Assert.Equal(2, Host.Listener.AcceptWaits.Sum());
        Assert.Equal(1, Host.Listener.AcceptWaits[^1]);
    }

    // RFC 6528: F() takes both addresses, both ports and a secret key.
    [Theory]
    [Trait("Linux", "secure_tcp_seq_and_ts_off")]
    [InlineData("10.0.0.1", "10.0.0.2", "10.0.0.3")]
    [InlineData("2001:db8::1", "2001:db8::2", "2001:db8::3")]
    public void The_initial_number_depends_on_each_part_of_the_connection_and_on_the_key(
        string local, string remote, string other)
    {
        InetEndpoint here = new(InetAddress.Parse(local), 80);
        InetEndpoint there = new(InetAddress.Parse(remote), 40000);
        var sequence = new InitialSequence(new Chance(Chance.Spread(1), default));
        var differently = new InitialSequence(new Chance(Chance.Spread(2), default));
        (uint, uint)[] numbers =
        [
            Of(sequence, here, there),
            Of(sequence, new InetEndpoint(InetAddress.Parse(other), 80), there),
            Of(sequence, here, new InetEndpoint(InetAddress.Parse(other), 40000)),
            Of(sequence, here with { Port = 81 }, there),
            Of(sequence, here, there with { Port = 40001 }),
            Of(differently, here, there),
        ];
        Assert.Equal(numbers.Length, numbers.Select(pair => pair.Item1).Distinct().Count());
        Assert.Equal(numbers.Length, numbers.Select(pair => pair.Item2).Distinct().Count());

        static (uint Number, uint Offset) Of(InitialSequence sequence, InetEndpoint local, InetEndpoint remote)
        {
            uint number = sequence.Next(new FourTuple(local, remote), Instant.Zero, out uint offset).Value;
            return (number, offset);
        }
    }

    // A cookie's hash takes the same four (the history, section 3: "hash1(4-tuple)").
    [Theory]
    [Trait("Linux", "cookie_hash")]
    [InlineData(false)]
    [InlineData(true)]
    public void A_cookie_depends_on_each_part_of_the_connection(bool ipv6)
    {
        Host.Set("net.ipv4.tcp_syncookies", 2);
        Host.Listen(port: 80, address: ipv6 ? InetAddress.IPv6Any : default);
        Host.Listen(port: 81, address: ipv6 ? InetAddress.IPv6Any : default);
        Packet syn = new Peer(Host, 40000, ipv6: ipv6).SynPacket();
        InetAddress other = InetAddress.Parse(ipv6 ? "2001:db8::77" : "10.0.0.77");
        uint[] cookies =
        [
            Cookie(syn), Cookie(syn with { SourcePort = 40001 }), Cookie(syn with { DestinationPort = 81 }),
            Cookie(syn with { From = other }),
        ];
        Assert.Equal(4, cookies.Distinct().Count());

        uint Cookie(Packet packet) => Assert.Single(Host.Send(packet)).Seq;
    }

    // The sheet: BPF_SK_REUSEPORT_SELECT_OR_MIGRATE migrates without tcp_migrate_req, and chooses who takes over.
    [Theory]
    [Trait("Linux", "reuseport_migrate_sock")]
    [InlineData(true, 0)]
    [InlineData(true, 1)]
    [InlineData(false, 0)]
    public void A_chooser_of_the_group_may_also_choose_who_takes_over(bool migrates, int heir)
    {
        int asked = 0;
        int[] fds = [.. Enumerable.Range(0, 3).Select(Member)];
        new Peer(Host, 1).Connect();
        Host.Calls.Close(fds[2]);
        Assert.Equal(migrates ? 1 : 0, asked);
        Assert.Equal(migrates && heir == 0, Host.Calls.Accept(fds[0], out _) > 0);
        Assert.Equal(migrates && heir == 1, Host.Calls.Accept(fds[1], out _) > 0);

        int Member(int index)
        {
            int fd = Host.Calls.Socket(2, 1, 0);
            Assert.Equal(0, Host.Calls.SetOption(fd, SocketOption.ReusePort, 1));
            Assert.Equal(0, Host.Calls.Bind(fd, new InetEndpoint(InetAddress.Parse("0.0.0.0"), TestHost.Port)));
            if (index == 0)
            {
                Assert.Equal(0, Host.Calls.SetReusePortSelector(fd, Choose, migrates));
            }

            Assert.Equal(0, Host.Calls.Listen(fd, 5));
            return fd;
        }

        int Choose(in ReusePortQuestion question)
        {
            asked += question.IsMigration ? 1 : 0;
            return question.IsMigration ? heir : 2;
        }
    }
}
