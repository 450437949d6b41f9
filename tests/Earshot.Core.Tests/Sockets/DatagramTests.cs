using System;
using System.Buffers.Binary;
using System.Linq;
using System.Text;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Sockets;

/// <summary>UDP sockets on one host; each answer was seen on the host kernel 6.18.</summary>
[Trait("Linux", "udp_sendmsg")]
public sealed class DatagramTests : HostTest
{
    private const ushort Port = 5353;
    private const int Peek = 0x2;
    private const int Cut = 0x20;

    private static readonly InetEndpoint Here = new(InetAddress.Loopback, Port);

    private Core.Sockets.SocketCalls Calls => Host.Calls;

    [Fact]
    public void A_datagram_arrives_with_its_senders_name()
    {
        int to = Bound();
        int from = Calls.Socket(2, 2, 0);
        Assert.Equal(5, Calls.SendTo(from, "hello"u8, 0, Name(Here)));
        Assert.Equal(0x345, Calls.Poll(to));
        var name = new byte[28];
        int length = name.Length;
        var bytes = new byte[16];
        Assert.Equal(5, Calls.ReceiveFrom(to, bytes, 0, name, ref length));
        Assert.Equal("hello", Encoding.ASCII.GetString(bytes, 0, 5));
        Assert.Equal(16, length);
        Calls.GetSocketName(from, out InetEndpoint local);
        Assert.Equal(local.Port, BinaryPrimitives.ReadUInt16BigEndian(name.AsSpan(2)));
        Assert.Equal(1, Host.Moved(Counter.UdpInDatagrams));
        Assert.Equal(1, Host.Moved(Counter.UdpOutDatagrams));
        Assert.Equal(-Errno.EAGAIN, Calls.Receive(to, bytes, 0));
    }

    [Fact]
    public void A_datagram_that_does_not_fit_is_cut_and_says_so()
    {
        int to = Bound();
        int from = Connected();
        Calls.Send(from, new byte[10]);
        var message = new IncomingMessage { Data = new byte[4] };
        Assert.Equal(4, Calls.ReceiveMessage(to, ref message, Peek));
        Assert.Equal(Cut, message.Flags);
        Assert.Equal(10, Calls.Receive(to, new byte[4], Cut));
        Assert.Equal(-Errno.EAGAIN, Calls.Receive(to, new byte[4], Cut));
    }

    [Fact]
    public void Recv_of_nothing_eats_a_datagram_and_read_of_nothing_does_not()
    {
        int to = Bound();
        int from = Connected();
        Calls.Send(from, new byte[3]);
        Calls.Send(from, new byte[4]);
        Assert.Equal(0, Calls.Receive(to, default));
        Assert.Equal(0, Calls.Receive(to, default, 0));
        Assert.Equal(4, Calls.Receive(to, new byte[9]));
    }

    [Fact]
    public void Arguments_are_judged_in_the_kernels_order()
    {
        int fd = Calls.Socket(2, 2, 0);
        Assert.Equal(-Errno.EDESTADDRREQ, Calls.Send(fd, new byte[1]));
        Assert.Equal(-Errno.EMSGSIZE, Calls.SendTo(fd, new byte[65536], 1, Name(Here)));
        Assert.Equal(-Errno.EOPNOTSUPP, Calls.SendTo(fd, new byte[1], 1, Name(Here)));
        Assert.Equal(-Errno.EINVAL, Calls.SendTo(fd, new byte[1], 0, Name(Here).AsSpan(0, 15)));
        Assert.Equal(-Errno.EINVAL, Calls.SendTo(fd, new byte[1], 0, default));
        Assert.Equal(-Errno.EAFNOSUPPORT, Calls.SendTo(fd, new byte[1], 0, [10, 0, .. Name(Here)[2..]]));
        Assert.Equal(1, Calls.SendTo(fd, new byte[1], 0, [0, 0, .. Name(Here)[2..]]));
        Assert.Equal(-Errno.EINVAL, Calls.SendTo(fd, new byte[1], 0, Name(Here with { Port = 0 })));
        Assert.Equal(-Errno.EMSGSIZE, Calls.SendTo(fd, new byte[65508], 0, Name(Here)));
        Assert.Equal(65507, Calls.SendTo(fd, new byte[65507], 0, Name(Here)));
        Assert.Equal(
            -Errno.EACCES, Calls.SendTo(fd, new byte[1], 0, Name(new(InetAddress.Parse("10.0.0.255"), 9))));
        Assert.Equal(
            -Errno.ENETUNREACH, Calls.SendTo(fd, new byte[1], 0, Name(new(InetAddress.Parse("11.0.0.1"), 9))));
        Assert.Equal(-Errno.EOPNOTSUPP, Calls.Listen(fd, 1));
    }

    [Fact]
    public void A_closed_port_is_told_once_to_a_connected_socket()
    {
        int fd = Connected();
        Assert.Equal(1, Calls.Send(fd, new byte[1]));
        Assert.Equal(0x30c, Calls.Poll(fd));
        Assert.Equal(-Errno.ECONNREFUSED, Calls.Send(fd, new byte[1]));
        Assert.Equal(1, Calls.Send(fd, new byte[1]));
        Assert.Equal(-Errno.ECONNREFUSED, Calls.Receive(fd, new byte[1]));
        Assert.Equal(-Errno.EAGAIN, Calls.Receive(fd, new byte[1]));
    }

    [Fact]
    public void An_unconnected_socket_hears_of_errors_only_if_it_asks()
    {
        int fd = Calls.Socket(2, 2, 0);
        Calls.SendTo(fd, new byte[1], 0, Name(Here));
        Assert.Equal(0x304, Calls.Poll(fd));
        Set(fd, 0, 11, 1);
        Calls.SendTo(fd, "lost"u8, 0, Name(Here));
        Assert.Equal(0x30c, Calls.Poll(fd));
        var message = new IncomingMessage { Data = new byte[16], Name = new byte[16], Control = new byte[128] };
        Assert.Equal(4, Calls.ReceiveMessage(fd, ref message, 0x2000));
        Assert.Equal("lost", Encoding.ASCII.GetString(message.Data[..4]));
        Assert.Equal(0x2000, message.Flags);
        Assert.Equal(Name(Here), message.Name.ToArray());
        Assert.Equal(48, message.ControlLength);
        Assert.Equal(
            "3000000000000000" + "00000000" + "0b000000" + "6f000000" + "02030300" + "0000000000000000"
                + "02000000" + "7f000001" + "0000000000000000",
            Convert.ToHexStringLower(message.Control[..48]));
        Assert.Equal(0x304, Calls.Poll(fd));
        Assert.Equal(-Errno.EAGAIN, Calls.ReceiveMessage(fd, ref message, 0x2000));
    }

    [Fact]
    public void The_receive_buffer_counts_what_a_packet_costs()
    {
        // 832 bytes for a tiny datagram; the first always fits.
        int to = Bound();
        Set(to, 1, 8, 0);
        int from = Connected();
        for (int i = 0; i < 4; i++)
        {
            Calls.Send(from, new byte[1]);
        }

        Assert.Equal(2, Host.Moved(Counter.UdpRcvbufErrors));
        Assert.Equal(2, Host.Moved(Counter.UdpInErrors));
        var memory = new byte[36];
        int length = 36;
        Assert.Equal(0, Calls.GetSocketOption(to, 1, 55, memory, ref length));
        Assert.Equal(1664, BitConverter.ToInt32(memory));
        Assert.Equal(2, BitConverter.ToInt32(memory, 32));
        Assert.Equal(1, Calls.Receive(to, new byte[9]));
        Assert.Equal(1, Calls.Receive(to, new byte[9]));
        Calls.Send(from, new byte[10000]);
        Assert.Equal(10000, Calls.Receive(to, new byte[20000]));
    }

    [Fact]
    public void A_cork_puts_datagrams_together()
    {
        int to = Bound();
        int from = Connected();
        Assert.Equal(2, Calls.Send(from, "ab"u8, 0x8000));
        Assert.Equal(2, Calls.SendTo(from, "cd"u8, 0, Name(Here with { Port = 1 })));
        Set(from, 17, 1, 1);
        Calls.Send(from, "ef"u8);
        Calls.Send(from, "g"u8);
        Set(from, 17, 1, 0);
        Assert.Equal("abcd", Read(to));
        Assert.Equal("efg", Read(to));
    }

    [Fact]
    public void One_call_sends_many_equal_pieces()
    {
        int to = Bound();
        int from = Connected();
        Set(from, 17, 103, 2);
        Assert.Equal(5, Calls.Send(from, "abcde"u8));
        Assert.Equal(["ab", "cd", "e"], Enumerable.Range(0, 3).Select(_ => Read(to)));
        Assert.Equal(-Errno.EINVAL, Calls.Send(from, new byte[258]));
        Set(from, 17, 103, 65500);
        Assert.Equal(65507, Calls.Send(from, new byte[65507]));
    }

    [Fact]
    public void Control_messages_come_in_linuxs_order()
    {
        int to = Bound();
        foreach (int name in (int[])[8, 12, 13, 20])
        {
            Set(to, 0, name, 1);
        }

        Set(to, 1, 29, 1);
        int from = Connected();
        Set(from, 0, 1, 0x13);
        Calls.Send(from, new byte[1]);
        var message = new IncomingMessage { Data = new byte[1], Control = new byte[256] };
        Assert.Equal(1, Calls.ReceiveMessage(to, ref message));
        Assert.Equal([(1, 29, 32), (0, 8, 28), (0, 2, 20), (0, 1, 17), (0, 20, 32)], Messages(message));
        Calls.Send(from, new byte[1]);
        message = new IncomingMessage { Data = new byte[1], Control = new byte[60] };
        Assert.Equal(1, Calls.ReceiveMessage(to, ref message));
        Assert.Equal(8, message.Flags);
        Assert.Equal([(1, 29, 32), (0, 8, 28)], Messages(message));
    }

    [Fact]
    public void Disconnecting_gives_back_what_was_not_asked_for()
    {
        int fd = Connected();
        Calls.GetSocketName(fd, out InetEndpoint local);
        Assert.Equal(InetAddress.Loopback, local.Address);
        Assert.Equal(0, Calls.Disconnect(fd));
        Calls.GetSocketName(fd, out local);
        Assert.Equal(new InetEndpoint(InetAddress.Any, 0), local);
        Assert.Equal(-Errno.ENOTCONN, Calls.GetPeerName(fd, out _));
    }

    [Fact]
    public void A_connected_socket_hears_only_its_peer()
    {
        int server = Bound();
        int client = Connected();
        Calls.Send(client, new byte[1]);
        Calls.GetSocketName(client, out InetEndpoint local);
        int stranger = Calls.Socket(2, 2, 0);
        Calls.SendTo(stranger, new byte[1], 0, Name(local));
        Assert.Equal(-Errno.EAGAIN, Calls.Receive(client, new byte[1]));
        Calls.SendTo(server, new byte[1], 0, Name(local));
        Assert.Equal(1, Calls.Receive(client, new byte[1]));
    }

    [Fact]
    public void Shutting_down_takes_effect_without_a_peer_too()
    {
        int fd = Bound();
        Assert.Equal(-Errno.ENOTCONN, Calls.Shutdown(fd, 0));
        Assert.Equal(0x2345, Calls.Poll(fd));
        Assert.Equal(-Errno.ENOTCONN, Calls.Shutdown(fd, 1));
        Assert.Equal(0x2355, Calls.Poll(fd));
        Assert.Equal(-Errno.EPIPE, Calls.SendTo(fd, new byte[1], 0, Name(Here)));
    }

    [Fact]
    [Trait("Linux", "ip_mc_join_group")]
    public void Members_of_a_group_hear_what_is_sent_to_it_until_they_leave()
    {
        InetAddress group = InetAddress.Parse("239.1.2.3");
        byte[] request = [239, 1, 2, 3, 0, 0, 0, 0, 2, 0, 0, 0];
        int member = Calls.Socket(2, 2, 0);
        int other = Calls.Socket(2, 2, 0);
        foreach (int fd in (int[])[member, other])
        {
            Set(fd, 1, 2, 1);
            Assert.Equal(0, Calls.Bind(fd, new InetEndpoint(InetAddress.Any, Port)));
        }

        Host.Send(Datagram(group));
        Assert.Equal(-Errno.EAGAIN, Calls.Receive(member, new byte[9]));
        Assert.Equal(-Errno.EINVAL, Calls.SetSocketOption(member, 0, 35, Name(Here).AsSpan(4, 8)));
        Assert.Equal(-Errno.EADDRNOTAVAIL, Calls.SetSocketOption(member, 0, 36, request));
        Assert.Equal(0, Calls.SetSocketOption(member, 0, 35, request));
        Assert.Equal(-Errno.EADDRINUSE, Calls.SetSocketOption(member, 0, 35, request));
        Host.Send(Datagram(group));

        // IP_MULTICAST_ALL: the other hears it too, unless it says that it does not want to.
        Assert.Equal(4, Calls.Receive(member, new byte[9]));
        Assert.Equal(4, Calls.Receive(other, new byte[9]));
        Set(other, 0, 49, 0);
        Host.Send(Datagram(group));
        Assert.Equal(4, Calls.Receive(member, new byte[9]));
        Assert.Equal(-Errno.EAGAIN, Calls.Receive(other, new byte[9]));
        Calls.Close(member);
        Host.Send(Datagram(group));
        Assert.Equal(-Errno.EAGAIN, Calls.Receive(other, new byte[9]));
    }

    // From the peer to a group: "data" without a checksum.
    private static byte[] Datagram(InetAddress to)
    {
        var packet = new byte[32];
        IpPacket.WriteHeader(packet, new IpFields(TestHost.PeerAddress, to, 17, 1, 0, 1, DontFragment: false), 12);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(20), 9);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(22), Port);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(24), 12);
        "data"u8.CopyTo(packet.AsSpan(28));
        return packet;
    }

    [Fact]
    public void A_dual_stack_socket_hears_both_families_and_names_ipv4_mapped()
    {
        int six = Calls.Socket(10, 2, 0);
        Set(six, 41, 49, 1);
        Set(six, 41, 51, 1);
        Set(six, 41, 66, 1);
        Assert.Equal(0, Calls.Bind(six, new InetEndpoint(InetAddress.IPv6Any, Port)));
        int four = Connected();
        Assert.Equal(2, Calls.Send(four, "v4"u8));
        var message = new IncomingMessage { Data = new byte[9], Name = new byte[28], Control = new byte[256] };
        Assert.Equal(2, Calls.ReceiveMessage(six, ref message));
        Assert.Equal("0000000000000000ffff7f000001", Convert.ToHexStringLower(message.Name[10..24]));
        Assert.Equal([(41, 50, 36)], Messages(message));
        int from = Calls.Socket(10, 2, 0);
        var here = new byte[28];
        here[0] = 10;
        BinaryPrimitives.WriteUInt16BigEndian(here.AsSpan(2), Port);
        here[23] = 1;
        Assert.Equal(2, Calls.SendTo(from, "v6"u8, 0, here));
        Assert.Equal(2, Calls.SendTo(from, "v4"u8, 0, Name(Here)));
        message = new IncomingMessage { Data = new byte[9], Name = new byte[28], Control = new byte[256] };
        Assert.Equal(2, Calls.ReceiveMessage(six, ref message));
        Assert.Equal([(41, 50, 36), (41, 52, 20), (41, 67, 20)], Messages(message));
        Assert.Equal("v4", Read(six));
        Assert.Equal(-Errno.EINVAL, Calls.SendTo(from, "v6"u8, 0, here.AsSpan(0, 23)));
    }

    [Fact]
    public void A_group_of_sockets_shares_a_port_by_hash()
    {
        int[] group = [.. Enumerable.Range(0, 4).Select(_ =>
        {
            int fd = Calls.Socket(2, 2, 0);
            Set(fd, 1, 15, 1);
            Assert.Equal(0, Calls.Bind(fd, Here));
            return fd;
        })];
        for (int i = 0; i < 64; i++)
        {
            Calls.SendTo(Calls.Socket(2, 2, 0), new byte[1], 0, Name(Here));
        }

        int[] counts = [.. group.Select(fd =>
        {
            int count = 0;
            while (Calls.Receive(fd, new byte[1]) == 1)
            {
                count++;
            }

            return count;
        })];
        Assert.Equal(64, counts.Sum());
        Assert.All(counts, count => Assert.InRange(count, 4, 40));
    }

    private static (int Level, int Type, int Length)[] Messages(in IncomingMessage message)
    {
        var found = new System.Collections.Generic.List<(int, int, int)>();
        ReadOnlySpan<byte> rest = message.Control[..message.ControlLength];
        while (rest.Length >= 16)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(rest);
            found.Add((BinaryPrimitives.ReadInt32LittleEndian(rest[8..]),
                BinaryPrimitives.ReadInt32LittleEndian(rest[12..]), length));
            rest = rest[Math.Min((length + 7) & ~7, rest.Length)..];
        }

        return [.. found];
    }

    private static byte[] Name(InetEndpoint endpoint)
    {
        var name = new byte[16];
        name[0] = 2;
        BinaryPrimitives.WriteUInt16BigEndian(name.AsSpan(2), endpoint.Port);
        endpoint.Address.Write(name.AsSpan(4));
        return name;
    }

    private int Bound()
    {
        int fd = Calls.Socket(2, 2, 0);
        Assert.Equal(0, Calls.Bind(fd, Here));
        return fd;
    }

    private int Connected()
    {
        int fd = Calls.Socket(2, 2, 0);
        Assert.Equal(0, Calls.Connect(fd, Here));
        return fd;
    }

    private string Read(int fd)
    {
        var bytes = new byte[64];
        int count = Calls.Receive(fd, bytes);
        return Encoding.ASCII.GetString(bytes, 0, Math.Max(count, 0));
    }

    private void Set(int fd, int level, int name, int value) =>
        Assert.Equal(0, Calls.SetSocketOption(fd, level, name, BitConverter.GetBytes(value)));
}
