using System;
using System.Buffers.Binary;
using System.Linq;
using System.Text;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Sockets;

/// <summary>What a kernel 6.18.44 answered to the same calls.</summary>
public sealed class SocketOptionTests : HostTest
{
    private const int Sol = 1;
    private const int Tcp = 6;
    private const int Ip = 0;
    private const int Ipv6 = 41;
    private const int Inval = -Errno.EINVAL;
    private const int Unknown = -Errno.ENOPROTOOPT;

    [Theory]
    [Trait("Linux", "sk_setsockopt")]
    [InlineData(Sol, 2, 7, 0, 1)]
    [InlineData(Sol, 15, 7, 0, 1)]
    [InlineData(Sol, 9, 2, 0, 1)]
    [InlineData(Sol, 8, 0, 0, 2304)]
    [InlineData(Sol, 8, 2303, 0, 4606)]
    [InlineData(Sol, 8, -1, 0, 8388608)]
    [InlineData(Sol, 7, 0, 0, 4608)]
    [InlineData(Sol, 7, -1, 0, 8388608)]
    [InlineData(Sol, 18, -1, 0, 16777216)]
    [InlineData(Sol, 18, 0, 0, 1)]
    [InlineData(Sol, 49, 3, 0, 3)]
    [InlineData(Sol, 49, -1, 0, -1)]
    [InlineData(Sol, 62, 2, 0, 2)]
    [InlineData(Sol, 62, -1, Inval, 0)]
    [InlineData(Sol, 72, 4, Inval, 0)]
    [InlineData(Sol, 72, 3, 0, 3)]
    [InlineData(Sol, 14, 1, 0, 0)]
    [InlineData(Sol, 3, 1, Unknown, 1)]
    [InlineData(Sol, 4, 1, Unknown, 0)]
    [InlineData(Sol, 19, 1, Unknown, 1)]
    [InlineData(Sol, 30, 1, Unknown, 0)]
    [InlineData(Sol, 38, 1, Unknown, 6)]
    [InlineData(Sol, 39, 1, Unknown, 2)]
    [InlineData(Tcp, 1, -1, 0, 1)]
    [InlineData(Tcp, 2, 0, 0, 536)]
    [InlineData(Tcp, 2, 87, Inval, 536)]
    [InlineData(Tcp, 2, 88, 0, 88)]
    [InlineData(Tcp, 2, 32767, 0, 32767)]
    [InlineData(Tcp, 2, 32768, Inval, 536)]
    [InlineData(Tcp, 7, 0, Inval, 6)]
    [InlineData(Tcp, 7, 127, 0, 127)]
    [InlineData(Tcp, 7, 128, Inval, 6)]
    [InlineData(Tcp, 8, -1, 0, -1)]
    [InlineData(Tcp, 8, 0, 0, 60)]
    [InlineData(Tcp, 8, 127, 0, 120)]
    [InlineData(Tcp, 9, -1, 0, 0)]
    [InlineData(Tcp, 9, 1, 0, 1)]
    [InlineData(Tcp, 9, 2, 0, 3)]
    [InlineData(Tcp, 9, 4, 0, 7)]
    [InlineData(Tcp, 9, 50, 0, 63)]
    [InlineData(Tcp, 9, 128, 0, 247)]
    [InlineData(Tcp, 9, 1000, 0, 1087)]
    [InlineData(Tcp, 9, 32767, 0, 29887)]
    [InlineData(Tcp, 9, int.MaxValue, 0, 29887)]
    [InlineData(Tcp, 10, -1, 0, 1152)]
    [InlineData(Tcp, 10, 0, 0, 0)]
    [InlineData(Tcp, 10, 5000, 0, 5000)]
    [InlineData(Tcp, 4, 0, Inval, 7200)]
    [InlineData(Tcp, 4, 32767, 0, 32767)]
    [InlineData(Tcp, 4, 32768, Inval, 7200)]
    [InlineData(Tcp, 5, 1, 0, 1)]
    [InlineData(Tcp, 5, 0, Inval, 75)]
    [InlineData(Tcp, 6, 127, 0, 127)]
    [InlineData(Tcp, 6, 128, Inval, 9)]
    [InlineData(Tcp, 44, 999, Inval, 120000)]
    [InlineData(Tcp, 44, 1000, 0, 1000)]
    [InlineData(Tcp, 44, 120001, Inval, 120000)]
    [InlineData(Tcp, 18, -1, Inval, 0)]
    [InlineData(Tcp, 18, 5, 0, 5)]
    [InlineData(Tcp, 23, -1, Inval, 0)]
    [InlineData(Tcp, 23, 100000, 0, 4096)]
    [InlineData(Tcp, 27, 2, 0, 2)]
    [InlineData(Tcp, 27, 3, Inval, 0)]
    [InlineData(Tcp, 34, 1, 0, 1)]
    [InlineData(Tcp, 34, 2, Inval, 0)]
    [InlineData(Ip, 1, 255, 0, 252)]
    [InlineData(Ip, 1, 300, 0, 44)]
    [InlineData(Ip, 2, 0, Inval, 64)]
    [InlineData(Ip, 2, 255, 0, 255)]
    [InlineData(Ip, 2, -1, 0, 64)]
    [InlineData(Ip, 2, 256, Inval, 64)]
    [InlineData(Ip, 15, 300, 0, 1)]
    [InlineData(Ip, 21, 256, Inval, 0)]
    [InlineData(Ip, 21, 5, 0, 5)]
    [InlineData(Ip, 10, 6, Inval, 1)]
    [InlineData(Ip, 10, 0, 0, 0)]
    [InlineData(Ip, 24, -1, 0, 1)]
    public void Options_have_Linuxs_ranges_and_read_back_as_under_Linux(
        int level, int name, int value, int result, int read)
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        Assert.Equal(result, Set(fd, level, name, value));
        Assert.Equal(read, Get(fd, level, name));
    }

    [Theory]
    [Trait("Linux", "do_ipv6_setsockopt")]
    [InlineData(16, 300, Inval, 64)]
    [InlineData(16, 255, 0, 255)]
    [InlineData(16, 0, 0, 0)]
    [InlineData(16, -1, 0, 64)]
    [InlineData(16, -2, Inval, 64)]
    [InlineData(67, 255, 0, 252)]
    [InlineData(67, -1, 0, 0)]
    [InlineData(67, 256, Inval, 0)]
    [InlineData(73, -1, Inval, 0)]
    [InlineData(73, 255, 0, 255)]
    [InlineData(26, 300, 0, 1)]
    [InlineData(75, 1, 0, 1)]
    [InlineData(78, 1, 0, 1)]
    [InlineData(201, 1, -Errno.EOPNOTSUPP, -Errno.EOPNOTSUPP)]
    [InlineData(99, 1, Unknown, Unknown)]
    public void IPv6_options_too(int name, int value, int result, int read)
    {
        int fd = Host.Calls.Socket(10, 1, 0);
        Assert.Equal(result, Set(fd, Ipv6, name, value));
        Assert.Equal(read, Get(fd, Ipv6, name));
    }

    [Theory]
    [Trait("Linux", "do_sock_setsockopt")]
    [InlineData(2, 1, Sol, 100, 4, Unknown, Unknown)]
    [InlineData(2, 1, Sol, 100, 3, Inval, Unknown)]
    [InlineData(2, 1, Tcp, 100, 4, Unknown, Unknown)]
    [InlineData(2, 1, Tcp, 100, 3, Inval, Unknown)]
    [InlineData(2, 1, Ip, 100, 4, Unknown, Unknown)]
    [InlineData(2, 1, Ip, 200, 0, -Errno.EOPNOTSUPP, -Errno.EOPNOTSUPP)]
    [InlineData(2, 1, 99, 1, 4, Unknown, -Errno.EOPNOTSUPP)]
    [InlineData(2, 1, 17, 1, 4, Unknown, -Errno.EOPNOTSUPP)]
    [InlineData(2, 1, Ipv6, 26, 4, Unknown, -Errno.EOPNOTSUPP)]
    [InlineData(2, 2, Tcp, 1, 4, Unknown, -Errno.EOPNOTSUPP)]
    [InlineData(10, 1, Ipv6, 26, 3, Inval, 0)]
    [InlineData(2, 1, Tcp, 9, 3, Inval, 0)]
    [InlineData(2, 1, Sol, 2, 64, 0, 0)]
    [InlineData(2, 1, Ip, 1, 0, 0, 0)]
    [InlineData(2, 1, Ip, 1, 1, 0, 0)]
    [InlineData(2, 1, Ip, 2, 0, Inval, 0)]
    [InlineData(2, 1, Ip, 51, 3, Inval, 0)]
    [InlineData(2, 1, Ip, 51, 8, Inval, 0)]
    [InlineData(2, 1, Sol, 13, 7, Inval, 0)]
    [InlineData(2, 1, Sol, 20, 15, Inval, 0)]
    [InlineData(2, 1, Tcp, 33, 15, Inval, 0)]
    [InlineData(2, 1, Tcp, 13, 0, Inval, 0)]
    [InlineData(2, 1, Tcp, 11, 4, Unknown, 0)]
    public void Lengths_levels_and_names_are_refused_as_Linux_refuses_them(
        int domain, int type, int level, int name, int length, int set, int get)
    {
        int fd = Host.Calls.Socket(domain, type, 0);
        Assert.Equal(set, Host.Calls.SetSocketOption(fd, level, name, new byte[length]));
        int given = 300;
        Assert.Equal(get, Host.Calls.GetSocketOption(fd, level, name, new byte[300], ref given));
        given = -1;
        Assert.Equal(Inval, Host.Calls.GetSocketOption(fd, level, name, new byte[300], ref given));
        Assert.Equal(-Errno.EBADF, Host.Calls.SetSocketOption(99, level, name, []));
    }

    [Theory]
    [Trait("Linux", "do_ip_getsockopt")]
    [InlineData(Sol, 38, 2, "0600")]
    [InlineData(Sol, 38, 0, "")]
    [InlineData(Sol, 38, 64, "06000000")]
    [InlineData(Ip, 2, 3, "40")]
    [InlineData(Ip, 2, 4, "40000000")]
    [InlineData(Ip, 2, 0, "")]
    [InlineData(Tcp, 7, 1, "06")]
    [InlineData(Tcp, 13, 64, "63756269630000000000000000000000")]
    [InlineData(Tcp, 13, 4, "63756269")]
    [InlineData(Tcp, 33, 64, "")]
    [InlineData(Tcp, 28, 64, "")]
    public void A_value_is_cut_to_the_room_there_is(int level, int name, int room, string hex)
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        byte[] bytes = new byte[64];
        int length = room;
        Assert.Equal(0, Host.Calls.GetSocketOption(fd, level, name, bytes, ref length));
        Assert.Equal(hex, Convert.ToHexStringLower(bytes[..length]));
    }

    [Fact]
    [Trait("Linux", "ns_capable")]
    public void Some_options_need_a_privilege()
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        Host.Calls.Credentials = new SocketCredentials(1000, SocketCapabilities.None);
        Assert.Equal(-Errno.EPERM, Set(fd, Sol, 33, 1));
        Assert.Equal(-Errno.EPERM, Set(fd, Sol, 32, 1));
        Assert.Equal(-Errno.EPERM, Set(fd, Sol, 36, 1));
        Assert.Equal(-Errno.EPERM, Set(fd, Ip, 19, 1));
        Assert.Equal(-Errno.EACCES, Set(fd, Sol, 1, 1));
        Assert.Equal(0, Set(fd, Sol, 1, 0));
        Assert.Equal(0, Set(fd, Sol, 12, 6));
        Assert.Equal(-Errno.EPERM, Set(fd, Sol, 12, 7));
        Assert.Equal(0, Set(fd, Sol, 62, 2));
        Assert.Equal(-Errno.EPERM, Set(fd, Sol, 62, 0));
        Host.Calls.Credentials = SocketCredentials.Root;
        Assert.Equal(0, Set(fd, Sol, 33, 10_000_000));
        Assert.Equal(20_000_000, Get(fd, Sol, 8));
        Assert.Equal(Unknown, Get(fd, Sol, 33));
    }

    [Fact]
    [Trait("Linux", "sock_setbindtodevice")]
    public void SO_BINDTODEVICE_knows_interfaces_by_name()
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        byte[] name = new byte[16];
        int length = 16;
        Assert.Equal(-Errno.ENODEV, Host.Calls.SetSocketOption(fd, Sol, 25, "nope"u8));
        Assert.Equal(0, Host.Calls.GetSocketOption(fd, Sol, 25, name, ref length));
        Assert.Equal(0, length);
        Assert.Equal(0, Host.Calls.SetSocketOption(fd, Sol, 25, "if0\0and more"u8));
        length = 15;
        Assert.Equal(Inval, Host.Calls.GetSocketOption(fd, Sol, 25, name, ref length));
        length = 16;
        Assert.Equal(0, Host.Calls.GetSocketOption(fd, Sol, 25, name, ref length));
        Assert.Equal("if0\0", Encoding.ASCII.GetString(name, 0, length));
        Assert.Equal(2, Get(fd, Sol, 62));
        Assert.Equal(0, Host.Calls.SetSocketOption(fd, Sol, 25, []));
        Assert.Equal(0, Get(fd, Sol, 62));
    }

    [Theory]
    [Trait("Linux", "sock_set_timeout")]
    [InlineData(1, 500000, 0, 1, 500000)]
    [InlineData(0, 1, 0, 0, 4000)]
    [InlineData(0, 999999, 0, 1, 0)]
    [InlineData(-1, 0, 0, 0, 0)]
    [InlineData(0, 1000000, -Errno.EDOM, 0, 0)]
    [InlineData(0, -1, -Errno.EDOM, 0, 0)]
    public void SO_RCVTIMEO_is_rounded_up_to_a_tick(
        long seconds, long microseconds, int result, long readSeconds, long readMicroseconds)
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        byte[] bytes = new byte[16];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, seconds);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), microseconds);
        Assert.Equal(result, Host.Calls.SetSocketOption(fd, Sol, 20, bytes));
        int length = 16;
        Assert.Equal(0, Host.Calls.GetSocketOption(fd, Sol, 20, bytes, ref length));
        Assert.Equal(
            (readSeconds, readMicroseconds),
            (BinaryPrimitives.ReadInt64LittleEndian(bytes), BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(8))));
    }

    [Fact]
    [Trait("Linux", "sk_setsockopt")]
    public void SO_LINGER_off_keeps_the_seconds_of_before()
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        Assert.Equal(0, Host.Calls.SetSocketOption(fd, Sol, 13, [1, 0, 0, 0, 5, 0, 0, 0]));
        Assert.Equal(0, Host.Calls.SetSocketOption(fd, Sol, 13, [0, 0, 0, 0, 9, 0, 0, 0]));
        byte[] bytes = new byte[8];
        int length = 8;
        Host.Calls.GetSocketOption(fd, Sol, 13, bytes, ref length);
        Assert.Equal("0000000005000000", Convert.ToHexStringLower(bytes));
        Host.Calls.SetSocketOption(fd, Sol, 13, [5, 0, 0, 0, 0xfd, 0xff, 0xff, 0xff]);
        Host.Calls.GetSocketOption(fd, Sol, 13, bytes, ref length);
        Assert.Equal("01000000df4f8d97", Convert.ToHexStringLower(bytes));
    }

    [Fact]
    [Trait("Linux", "do_tcp_setsockopt")]
    public void Some_TCP_options_can_only_be_set_in_CLOSE_and_LISTEN()
    {
        int listener = Host.Listen();
        Assert.Equal(0, Set(listener, Tcp, 23, 10));
        Assert.Equal(Inval, Set(listener, Tcp, 10, 0));
        Assert.Equal(0, Set(listener, Tcp, 34, 1));
        Assert.Equal(0, Host.Calls.SetSocketOption(listener, Tcp, 33, new byte[16]));
        Peer peer = new Peer(Host).Establish(listener);
        Assert.Equal(Inval, Set(peer.Fd, Tcp, 23, 10));
        Assert.Equal(Inval, Set(peer.Fd, Tcp, 10, 0));
        Assert.Equal(0, Set(peer.Fd, Tcp, 10, 5));
        Assert.Equal(1152, Get(peer.Fd, Tcp, 10));
        Assert.Equal(Inval, Set(peer.Fd, Tcp, 34, 1));
        Assert.Equal(0, Set(peer.Fd, Tcp, 9, 3));
        Assert.Equal(Unknown, Set(listener, Ipv6, 26, 1));
    }

    [Fact]
    [Trait("Linux", "tcp_get_info")]
    public void TCP_INFO_of_a_listener_tells_its_accept_queue()
    {
        int fd = Host.Listen(backlog: 5);
        new Peer(Host).Connect();
        byte[] info = new byte[300];
        int length = 300;
        Assert.Equal(0, Host.Calls.GetSocketOption(fd, Tcp, 11, info, ref length));
        Assert.Equal(280, length);
        int[] words = [.. Enumerable.Range(0, 70).Select(i => BitConverter.ToInt32(info, 4 * i))];
        var expected = new int[70];
        (expected[0], expected[6], expected[7], expected[20], expected[22]) = (10, 1, 5, 10, 3);
        expected[26] = expected[27] = expected[28] = expected[29] = -1;
        Assert.Equal(expected, words);
    }

    [Theory]
    [Trait("Linux", "tcp_disconnect")]
    [InlineData(true)]
    [InlineData(false)]
    public void A_listener_that_stops_forgets_its_segment_size_and_its_window_clamp_alone(bool stops)
    {
        int fd = Host.Listen();
        (int Name, int Value, int After)[] options =
            [(2, 88, 536), (10, 5000, 0), (7, 3, 3), (18, 700, 700), (1, 1, 1)];
        foreach ((int name, int value, _) in options)
        {
            Assert.Equal(0, Set(fd, Tcp, name, value));
        }

        Assert.Equal(0, stops ? Host.Calls.Shutdown(fd, 2) : Host.Calls.Disconnect(fd));
        Assert.Equal(options.Select(option => option.After), options.Select(option => Get(fd, Tcp, option.Name)));
        Assert.Equal(0, Host.Calls.Listen(fd, 1));
        Assert.StartsWith("020405b4", Assert.Single(new Peer(Host).Syn()).OptionText);
    }

    [Fact]
    [Trait("Linux", "tcp_disconnect")]
    public void A_socket_that_never_listened_forgets_them_by_a_disconnect_too()
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        Assert.Equal(0, Set(fd, Tcp, 2, 88));
        Assert.Equal(0, Set(fd, Tcp, 10, 5000));
        Assert.Equal(0, Host.Calls.Disconnect(fd));
        Assert.Equal((536, 0), (Get(fd, Tcp, 2), Get(fd, Tcp, 10)));
    }

    [Fact]
    [Trait("Linux", "sk_clone_lock")]
    public void An_accepted_socket_has_its_listeners_options_but_for_a_few()
    {
        int listener = Host.Listen();
        (int Level, int Name, int Value, int Inherited)[] options =
        [
            (Sol, 2, 1, 1), (Sol, 15, 1, 1), (Sol, 9, 1, 1), (Sol, 8, 9000, 18000), (Sol, 12, 5, 0), (Sol, 10, 1, 1),
            (Sol, 18, 7, 7), (Sol, 49, 9, 0), (Tcp, 1, 1, 1), (Tcp, 7, 3, 3), (Tcp, 8, 9, 9), (Tcp, 9, 10, 0),
            (Tcp, 10, 5000, 5000), (Tcp, 18, 4, 4), (Tcp, 23, 4, 0), (Tcp, 27, 1, 1), (Ip, 1, 8, 8), (Ip, 2, 9, 9),
            (Ip, 21, 3, 3), (Ip, 12, 1, 1),
        ];
        foreach ((int level, int name, int value, _) in options)
        {
            Assert.Equal(0, Set(listener, level, name, value));
        }

        Peer peer = new Peer(Host);
        peer.Syn();

        // With TCP_DEFER_ACCEPT an ACK alone would not do.
        peer.Data(1);
        int fd = Host.Calls.Accept(listener, out _);
        foreach ((int level, int name, _, int inherited) in options)
        {
            Assert.Equal((level, name, inherited), (level, name, Get(fd, level, name)));
        }

        Assert.Equal(0, Get(fd, Sol, 30));
    }

    [Theory]
    [Trait("Linux", "tcp_v4_rcv")]
    [InlineData(false)]
    [InlineData(true)]
    public void Segments_from_too_far_away_are_dropped(bool ipv6)
    {
        int fd = Host.Listen(address: ipv6 ? InetAddress.IPv6Any : InetAddress.Any);
        Peer peer = new Peer(Host, ipv6: ipv6).Establish(fd);
        Assert.Equal(0, ipv6 ? Set(fd, Ipv6, 73, 65) : Set(fd, Ip, 21, 65));
        Assert.Equal(0, ipv6 ? Set(peer.Fd, Ipv6, 73, 65) : Set(peer.Fd, Ip, 21, 65));
        Host.Mark();
        Assert.Empty(new Peer(Host, 40001, ipv6: ipv6).Syn());
        Assert.Empty(peer.Data(10));
        Host.Moves("TCPMinTTLDrop+2");
        Assert.Equal(RuleId.SegmentTtl, Host.Rule(peer));
    }

    [Theory]
    [Trait("Linux", "ip_dont_fragment")]
    [InlineData(false, 1, true)]
    [InlineData(false, 0, false)]
    [InlineData(false, 3, false)]
    [InlineData(true, -1, false)]
    public void IP_MTU_DISCOVER_decides_on_DF_but_not_of_a_SYN_ACK(bool sysctl, int option, bool dontFragment)
    {
        Host.Set("net.ipv4.ip_no_pmtu_disc", sysctl ? 1 : 0);
        int listener = Host.Listen();
        if (option >= 0)
        {
            Assert.Equal(0, Set(listener, Ip, 10, option));
        }

        Peer peer = new(Host);
        Assert.True(Assert.Single(peer.Syn()).DontFragment);
        peer.Ack();
        int fd = Host.Calls.Accept(listener, out _);
        Host.Calls.Send(fd, new byte[10]);
        Assert.Equal(dontFragment, Assert.Single(Host.Take(), packet => packet.Text == "PA").DontFragment);
    }

    [Fact]
    [Trait("Linux", "ipv4_default_advmss")]
    public void The_MSS_announced_is_at_least_min_adv_mss()
    {
        Host.Set("net.ipv4.route.min_adv_mss", 3000);
        Host.Listen();
        Assert.StartsWith("02040bb8", Assert.Single(new Peer(Host).Syn()).OptionText);
    }

    [Fact]
    [Trait("Linux", "tcp_keepalive_timer")]
    public void Keepalive_probes_go_by_the_sockets_own_times()
    {
        int listener = Host.Listen();
        foreach ((int level, int name, int value) in new[] { (Sol, 9, 1), (Tcp, 4, 5), (Tcp, 5, 2), (Tcp, 6, 3) })
        {
            Assert.Equal(0, Set(listener, level, name, value));
        }

        Peer peer = new Peer(Host).Establish(listener);
        Packet[] sent = Host.Run(20);
        Assert.Equal(["A", "A", "A", "RA"], sent.Select(packet => packet.Text));
        Assert.Equal(TcpState.None, Host.State(peer));
    }

    [Theory]
    [Trait("Linux", "tcp_rto_max")]
    [InlineData(true)]
    [InlineData(false)]
    public void TCP_RTO_MAX_MS_holds_for_connections_and_its_sysctl_for_new_sockets(bool bySysctl)
    {
        if (bySysctl)
        {
            Host.Set("net.ipv4.tcp_rto_max_ms", 1000);
        }

        int listener = Host.Listen();
        if (!bySysctl)
        {
            Assert.Equal(0, Set(listener, Tcp, 44, 1000));
        }

        Host.Set("net.ipv4.tcp_rto_max_ms", 120_000);
        Peer peer = new Peer(Host).Establish(listener);
        Host.Calls.Send(peer.Fd, new byte[10]);
        Host.Take();
        Assert.InRange(Host.Run(10).Length, 9, 13);
    }

    private int Set(int fd, int level, int name, int value) =>
        Host.Calls.SetSocketOption(fd, level, name, BitConverter.GetBytes(value));

    private int Get(int fd, int level, int name)
    {
        byte[] bytes = new byte[4];
        int length = 4;
        int result = Host.Calls.GetSocketOption(fd, level, name, bytes, ref length);
        return result < 0 ? result : BitConverter.ToInt32(bytes);
    }
}
