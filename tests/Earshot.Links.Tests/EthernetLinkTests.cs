using System;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Earshot.Links.Tests.Native;
using Xunit;

namespace Earshot.Links.Tests;

/// <summary>TAP devices and packet sockets in a network namespace of each test's own.</summary>
public sealed class EthernetLinkTests
{
    private static readonly byte[] Station = [2, 0, 0, 0, 0, 9];
    private static readonly IPAddress Kernel = IPAddress.Parse("10.9.8.1");
    private static readonly IPAddress Stack = IPAddress.Parse("10.9.8.2");
    private static readonly LinkPacketInfo Plain = new(LinkPacketFlags.None);

    [TunFact]
    public void The_kernel_asks_a_TAP_link_by_ARP_and_takes_its_answer() => NetworkNamespace.Run(() =>
    {
        using TapLink link = TapLink.Open("earshot0", new TunOptions { Address = "10.9.8.1/24" });
        Assert.True(link.IsEthernet && link.IsMade);
        Converse(link);
    });

    [TunFact]
    public void A_packet_socket_hears_the_other_end_of_a_pair_and_answers_it() => NetworkNamespace.Run(() =>
    {
        Ip("link", "add", "a0", "type", "veth", "peer", "name", "b0");
        Ip("addr", "add", "10.9.8.1/24", "dev", "a0");
        Ip("link", "set", "a0", "up");
        Ip("link", "set", "b0", "up");
        using PacketSocketLink link = PacketSocketLink.Open("b0");
        Assert.Equal((1500, 6), (link.Mtu, link.HardwareAddress.Length));
        Converse(link);
        Assert.Equal(0, link.SendDropped);
    });

    [TunFact]
    public void Many_frames_cross_a_packet_socket_in_order() => NetworkNamespace.Run(() =>
    {
        Ip("link", "add", "a0", "type", "veth", "peer", "name", "b0");
        Ip("link", "set", "a0", "up");
        Ip("link", "set", "b0", "up");
        using PacketSocketLink one = PacketSocketLink.Open("a0");
        using PacketSocketLink other = PacketSocketLink.Open("b0");
        const int Count = 5000;
        int next = 0;
        int sent = 0;
        byte[] frame = new byte[200];
        byte[] buffer = new byte[65536];
        Station.CopyTo(frame, 0);
        frame[12] = 0x88;
        frame[13] = 0xb5;
        long start = Stopwatch.GetTimestamp();
        while (next < Count && Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(20))
        {
            for (int i = 0; i < 100 && sent < Count; i++)
            {
                BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(20), sent);
                if (!one.TrySend(frame, Plain))
                {
                    break;
                }

                sent++;
            }

            one.Wait(TimeSpan.Zero);
            other.Wait(TimeSpan.FromMilliseconds(10));
            for (int length; (length = other.Receive(buffer, out _)) > 0;)
            {
                if (buffer[12] == 0x88 && buffer[13] == 0xb5)
                {
                    int number = BinaryPrimitives.ReadInt32BigEndian(buffer.AsSpan(20));
                    Assert.Equal((next++, frame.Length), (number, length));
                }
            }
        }

        Assert.Equal(Count, next);
    });

    [TunFact]
    public void A_device_that_is_not_there_is_named() => NetworkNamespace.Run(() =>
    {
        LinkException error = Assert.Throws<LinkException>(() => PacketSocketLink.Open("nodev0"));
        Assert.Equal(LinkFailure.NoSuchDevice, error.Failure);
        Assert.Throws<ArgumentException>(
            () => PacketSocketLink.Open("lo", new PacketSocketOptions { BlockBytes = 1000 }));
        Assert.Throws<ArgumentException>(() => TapLink.Open("x", new TunOptions { Offload = true }));
    });

    // The kernel sends a datagram to the station: it asks by ARP, is answered, and the datagram comes.
    private static void Converse(ILink link)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.SendTo("hello"u8, new IPEndPoint(Stack, 7777));
        byte[] ask = Receive(link, frame => frame[12] == 8 && frame[13] == 6);
        Assert.Equal(Stack.GetAddressBytes(), ask[38..42]);
        byte[] reply =
        [
            .. ask[6..12], .. Station, 8, 6, 0, 1, 8, 0, 6, 4, 0, 2,
            .. Station, .. Stack.GetAddressBytes(), .. ask[6..12], .. Kernel.GetAddressBytes(),
        ];
        Assert.True(link.TrySend(reply, Plain));
        byte[] datagram = Receive(link, frame => frame[12] == 8 && frame[13] == 0 && frame[23] == 17);
        Assert.Equal(Station, datagram[..6]);
        Assert.Equal("hello"u8.ToArray(), datagram[42..47]);
    }

    private static byte[] Receive(ILink link, Func<byte[], bool> wanted)
    {
        byte[] buffer = new byte[65536];
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(10))
        {
            int length = link.Receive(buffer, out _);
            if (length == 0)
            {
                link.Wait(TimeSpan.FromSeconds(1));
            }
            else if (length >= 42 && wanted(buffer))
            {
                return buffer[..length];
            }
        }

        throw new InvalidOperationException("the frame did not come");
    }

    private static void Ip(params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"ip {string.Join(' ', arguments)}: {error}");
    }
}
