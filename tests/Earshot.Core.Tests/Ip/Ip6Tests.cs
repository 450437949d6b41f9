using System;
using System.Buffers.Binary;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Ip;

/// <summary>IPv6 in: addresses, extension headers, ICMPv6. Expected values: linux-sockets-ip.md section 17.</summary>
public sealed class Ip6Tests : HostTest
{
    private static readonly InetAddress AllNodes = InetAddress.Parse("ff02::1");

    private static byte[] Padding => [0, 0, 1, 4, 0, 0, 0, 0];

    [Theory]
    [InlineData("::", "::")]
    [InlineData("::1", "::1")]
    [InlineData("2001:DB8:0:0:0:0:0:1", "2001:db8::1")]
    [InlineData("::ffff:10.0.0.1", "10.0.0.1")]
    [InlineData("fe80::1:0:0:1", "fe80::1:0:0:1")]
    public void Addresses_are_read_and_written_as_text(string text, string canonical) =>
        Assert.Equal(canonical, InetAddress.Parse(text).ToString());

    [Theory]
    [InlineData(":")]
    [InlineData("1::2::3")]
    [InlineData("[::1]")]
    [InlineData("fe80::1%eth0")]
    [InlineData("::1/64")]
    [InlineData("12345::")]
    public void What_is_not_an_address_is_refused(string text) => Assert.False(InetAddress.TryParse(text, out _));

    [Fact]
    public void The_default_address_is_0_0_0_0_and_differs_from_the_IPv6_wildcard()
    {
        Assert.Equal("0.0.0.0", default(InetAddress).ToString());
        Assert.True(default(InetAddress).IsIPv4);
        Assert.NotEqual(default, InetAddress.IPv6Any);
        Assert.True(InetAddress.IPv6Any.IsAny && InetAddress.IPv6Any.IsIPv6 && InetAddress.IPv6Loopback.IsLoopback);
        Assert.Equal("[2001:db8::1]:80", InetEndpoint.Parse("[2001:db8::1]:80").ToString());
        Assert.Throws<FormatException>(() => InetEndpoint.Parse("2001:db8::1:80"));
    }

    [Fact]
    public void A_handshake_over_IPv6_announces_an_MSS_of_the_MTU_less_60()
    {
        int listener = Host.Listen(address: InetAddress.IPv6Any);
        var peer = new Peer(Host, ipv6: true, timestamps: true);
        Packet synAck = Assert.Single(peer.Syn());
        Assert.StartsWith("020405a0", synAck.OptionText);
        Assert.Equal(45 * 1428, synAck.Window);
        Assert.Equal(TestHost.Address6, synAck.From);
        Assert.Equal(TcpState.SynRecv, Host.State(peer));
        peer.Ack();
        int fd = Host.Calls.Accept(listener, out InetEndpoint name);
        Assert.Equal(peer.Endpoint, name);
        peer.Data(100);
        byte[] buffer = new byte[200];
        Assert.Equal(100, Host.Calls.Receive(fd, buffer));
        Assert.Equal(Host.Moved(Counter.Ip6InReceives), Host.Moved(Counter.Ip6InDelivers));
        Assert.Equal(0, Host.Moved(Counter.IpInReceives));
    }

    [Fact]
    public void A_dual_stack_listener_takes_both()
    {
        Host.Listen(address: InetAddress.IPv6Any);
        Assert.Equal("SA", Assert.Single(new Peer(Host).Syn()).Text);
        Assert.Equal("SA", Assert.Single(new Peer(Host, ipv6: true).Syn()).Text);
    }

    [Fact]
    public void A_request_over_IPv6_is_sent_again_and_expires()
    {
        Host.Listen(address: InetAddress.IPv6Any);
        var peer = new Peer(Host, ipv6: true);
        peer.Syn();
        Assert.Equal(5, Host.Run(80).Length);
        Assert.DoesNotContain(Host.Rows(), row => row.State == TcpState.SynRecv);
    }

    [Fact]
    public void A_closed_port_resets_and_keeps_the_class_without_its_ECN_bits()
    {
        Packet syn = new Peer(Host, ipv6: true).SynPacket() with { Tos = 7 };
        Packet reset = Assert.Single(Host.Send(syn));
        Assert.Equal("RA", reset.Text);
        Assert.Equal(4, reset.Tos);
    }

    [Fact]
    public void Extension_headers_in_front_of_a_SYN_are_walked_over()
    {
        Host.Listen(address: InetAddress.IPv6Any);
        Packet syn = new Peer(Host, ipv6: true).SynPacket() with
        {
            Extensions =
                [(0, Padding), (60, Padding), (43, [0, 0, 0, 0, 0, 0, 0, 0]), (44, new byte[8]), (60, Padding)],
        };
        Assert.Equal("SA", Assert.Single(Host.Send(syn)).Text);
    }

    [Theory]
    [InlineData(0x3e, "SA", 0, 0)]
    [InlineData(0x7e, "", 0, 0)]
    [InlineData(0xbe, "", 2, 42)]
    [InlineData(0xfe, "", 2, 42)]
    public void The_top_bits_of_an_unknown_option_say_what_happens(byte option, string reply, byte code, uint pointer)
    {
        Host.Listen(address: InetAddress.IPv6Any);
        Packet syn = new Peer(Host, ipv6: true).SynPacket() with { Extensions = [(60, [0, 0, option, 0, 0, 0, 0, 0])] };
        Packet[] replies = Host.Send(syn);
        Assert.Equal(reply, replies.Length == 0 ? "" : replies[0].Text);
        if (reply.Length == 0)
        {
            Assert.Equal(1, Host.Moved(Counter.Ip6InHdrErrors));
        }

        if (code == 0)
        {
            Assert.Empty(Host.Icmp6);
        }
        else
        {
            AssertError(4, code, pointer);
        }
    }

    [Fact]
    public void A_hop_by_hop_header_elsewhere_than_first_is_an_unknown_header()
    {
        Host.Listen(address: InetAddress.IPv6Any);
        Packet syn = new Peer(Host, ipv6: true).SynPacket() with { Extensions = [(60, Padding), (0, Padding)] };
        Assert.Empty(Host.Send(syn));
        AssertError(4, 1, 40);
        Assert.Equal(1, Host.Moved(Counter.Ip6InUnknownProtos));
    }

    [Fact]
    public void A_routing_header_with_segments_left_is_a_problem_and_segment_routing_is_silence()
    {
        Host.Listen(address: InetAddress.IPv6Any);
        Packet syn = new Peer(Host, ipv6: true).SynPacket();
        Host.Send(syn with { Extensions = [(43, [0, 0, 4, 1, 0, 0, 0, 0])] });
        Assert.Empty(Host.Icmp6);
        Assert.Equal(0, Host.Moved(Counter.Ip6InHdrErrors));
        Host.Send(syn with { Extensions = [(43, [0, 0, 0, 1, 0, 0, 0, 0])] });
        AssertError(4, 0, 42);
    }

    [Fact]
    public void A_header_longer_than_the_packet_is_a_header_error()
    {
        byte[] bytes = Packet.Datagram6(TestHost.PeerAddress6, TestHost.Address6, 60, [6, 200, 0, 0, 0, 0, 0, 0]);
        Host.Send(bytes);
        Assert.Equal(1, Host.Moved(Counter.Ip6InHdrErrors));
        Assert.Empty(Host.Icmp6);
    }

    [Theory]
    [InlineData("::1", "2001:db8::1", Counter.Ip6InHdrErrors)]
    [InlineData("2001:db8::2", "::1", Counter.Ip6InHdrErrors)]
    [InlineData("ff02::5", "2001:db8::1", Counter.Ip6InHdrErrors)]
    [InlineData("::ffff:1.2.3.4", "2001:db8::1", Counter.Ip6InHdrErrors)]
    [InlineData("2001:db8::2", "ff01::1", Counter.Ip6InHdrErrors)]
    [InlineData("2001:db8::2", "2001:db8::3", Counter.Ip6InAddrErrors)]
    [InlineData("2001:db8::2", "2001:db9::3", Counter.Ip6InNoRoutes)]
    [InlineData("2001:db8::2", "ff02::1234", Counter.Ip6InMcastPkts)]
    public void Packets_with_impossible_or_foreign_addresses_are_counted(string from, string to, Counter counter)
    {
        byte[] echo = [128, 0, 0, 0, 0, 1, 0, 1];
        Host.Send(Packet.Datagram6(InetAddress.Parse(from), InetAddress.Parse(to), 58, echo));
        Assert.Equal(1, Host.Moved(counter));
        Assert.Equal(1, Host.Moved(Counter.Ip6InReceives));
        Assert.Equal(0, Host.Moved(Counter.Ip6InDelivers));
        Assert.Equal(counter == Counter.Ip6InNoRoutes ? 1 : 0, Host.Icmp6.Count);
    }

    [Fact]
    public void An_echo_is_answered_with_its_whole_traffic_class()
    {
        byte[] echo = [128, 0, 0, 0, 0, 7, 0, 1, 1, 2, 3];
        Host.Send(Packet.Datagram6(TestHost.PeerAddress6, TestHost.Address6, 58, echo, tos: 0xb9));
        byte[] reply = Assert.Single(Host.Icmp6);
        Assert.Equal(0xb9, (byte)(BinaryPrimitives.ReadUInt16BigEndian(reply) >> 4));
        Assert.Equal(129, reply[40]);
        Assert.Equal(echo[4..], reply[44..]);
        Host.Send(Packet.Datagram6(TestHost.PeerAddress6, AllNodes, 58, echo));
        Assert.Equal(TestHost.Address6, InetAddress.ReadIPv6(Host.Icmp6[1].AsSpan(8)));
    }

    [Fact]
    public void A_UDP_port_nobody_has_is_unreachable_with_at_most_1280_bytes()
    {
        Host.Send(Packet.Datagram6(TestHost.PeerAddress6, TestHost.Address6, 17, new byte[1400], tos: 0x20));
        byte[] error = AssertError(1, 4, 0);
        Assert.Equal(1280, error.Length);
        Assert.Equal(0x60, error[0]);
        Assert.Equal(0, error[1] >> 4);
    }

    [Fact]
    public void Errors_to_one_host_are_limited_by_the_length_of_its_route()
    {
        byte[] datagram = Packet.Datagram6(TestHost.PeerAddress6, TestHost.Address6, 17, new byte[20]);
        for (int i = 0; i < 20; i++)
        {
            Host.Send(datagram);
        }

        Assert.Equal(6, Host.Icmp6.Count);
        Host.Run(0.5);
        Host.Send(datagram);
        Host.Send(datagram);
        Host.Send(datagram);
        Assert.Equal(8, Host.Icmp6.Count);
        Assert.Equal(15, Host.Moved(Counter.Icmp6OutRateLimitHost));
    }

    [Theory]
    [InlineData(1, 0, false)]
    [InlineData(1, 1, true)]
    [InlineData(1, 3, false)]
    [InlineData(1, 4, true)]
    [InlineData(3, 0, false)]
    [InlineData(4, 1, true)]
    public void An_ICMPv6_error_ends_a_request_or_not(byte type, byte code, bool ends)
    {
        Host.Listen(address: InetAddress.IPv6Any);
        var peer = new Peer(Host, ipv6: true);
        Packet synAck = Assert.Single(peer.Syn());
        byte[] quoted = synAck.ToBytes();
        byte[] message = [type, code, 0, 0, 0, 0, 0, 0, .. quoted];
        Host.Send(Packet.Datagram6(TestHost.PeerAddress6, TestHost.Address6, 58, message));
        Assert.Equal(ends ? default : TcpState.SynRecv, Host.State(peer));
        Assert.Equal(ends ? 1 : 0, Host.Moved(Counter.TcpExtListenDrops));
    }

    private byte[] AssertError(byte type, byte code, uint pointer)
    {
        byte[] error = Assert.Single(Host.Icmp6);
        Assert.Equal((type, code), (error[40], error[41]));
        Assert.Equal(pointer, BinaryPrimitives.ReadUInt32BigEndian(error.AsSpan(44)));
        return error;
    }
}
