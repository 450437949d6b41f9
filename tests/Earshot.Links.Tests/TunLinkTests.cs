using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;

using Earshot.Links.Tests.Native;

using Xunit;

namespace Earshot.Links.Tests;

/// <summary>TUN devices in a network namespace of each test's own.</summary>
public sealed class TunLinkTests
{
    private const string Device = "earshot0";
    private static readonly IPAddress Kernel = IPAddress.Parse("10.9.8.1");
    private static readonly IPAddress Stack = IPAddress.Parse("10.9.8.2");
    private static readonly TunOptions Made = new() { Address = "10.9.8.1/24" };
    private static readonly LinkPacketInfo Plain = new(LinkPacketFlags.None);

    [TunFact]
    public void What_the_kernel_sends_is_received() => InNamespace(Made, link =>
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.SendTo("hello"u8, new IPEndPoint(Stack, 7777));
        byte[] packet = Receive(link, Packets.Udp, out LinkPacketInfo info);
        Assert.Equal("hello"u8.ToArray(), Packets.Payload(packet)[8..].ToArray());
        Assert.Equal(Plain, info);
    });

    [TunFact]
    public void What_is_sent_reaches_a_socket_of_the_kernel() => InNamespace(Made, link =>
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.ReceiveTimeout = 5000;
        socket.Bind(new IPEndPoint(Kernel, 0));
        int port = ((IPEndPoint)socket.LocalEndPoint!).Port; // Bound, so it has one.
        Assert.True(link.TrySend(
            Packets.Ip(Stack, Kernel, Packets.Udp, Packets.Datagram(7777, (ushort)port, "hello"u8)), Plain));
        byte[] data = new byte[100];
        EndPoint sender = new IPEndPoint(IPAddress.Any, 0);
        Assert.Equal(5, socket.ReceiveFrom(data, ref sender));
        Assert.Equal(new IPEndPoint(Stack, 7777), sender);
    });

    [TunFact]
    public void The_kernel_answers_a_ping_with_and_without_offload()
    {
        foreach (bool offload in (bool[])[false, true])
        {
            InNamespace(Made with { Offload = offload }, link =>
            {
                byte[] echo = Packets.Echo(id: 77, dataLength: 1400);
                Assert.True(link.TrySend(Packets.Ip(Stack, Kernel, Packets.Icmp, echo), Plain));
                byte[] reply = Packets.Payload(Receive(link, Packets.Icmp, out _)).ToArray();
                Assert.Equal(0, reply[0]);
                Assert.Equal(echo[4..], reply[4..]);
            });
        }
    }

    [TunFact]
    public void A_device_it_makes_gets_address_and_MTU_and_goes_away_with_it() => NetworkNamespace.Run(() =>
    {
        using (TunLink link = TunLink.Open("earshot%d", Made with { Mtu = 9000 }))
        {
            Assert.Equal("earshot0", link.Name);
            Assert.Equal(9000, link.Mtu);
            Assert.True(link.IsMade);
            string shown = Ip("addr", "show", "dev", link.Name);
            Assert.Contains("inet 10.9.8.1/24", shown, StringComparison.Ordinal);
            Assert.Contains("mtu 9000", shown, StringComparison.Ordinal);
            Assert.Contains(",UP", shown, StringComparison.Ordinal);
            Assert.Contains("10.9.8.0/24", Ip("route"), StringComparison.Ordinal);
        }

        Assert.DoesNotContain("earshot0", Ip("link"), StringComparison.Ordinal);
    });

    [TunFact]
    public void An_IPv6_address_is_given_too() => InNamespace(new TunOptions { Address = "fd09::1/64" }, link =>
        Assert.Contains("inet6 fd09::1/64", Ip("addr", "show", "dev", link.Name), StringComparison.Ordinal));

    [TunFact]
    public void An_existing_device_keeps_its_configuration() => NetworkNamespace.Run(() =>
    {
        Ip("tuntap", "add", "dev", Device, "mode", "tun");
        Ip("link", "set", Device, "mtu", "1400");
        string before = Ip("addr", "show", "dev", Device);
        using (TunLink link = TunLink.Open(Device, Made with { Mtu = 9000, AttachOnly = true }))
        {
            Assert.False(link.IsMade);
            Assert.Equal(1400, link.Mtu);
            Assert.DoesNotContain("10.9.8.1", Ip("addr", "show", "dev", Device), StringComparison.Ordinal);
        }

        Assert.Equal(before, Ip("addr", "show", "dev", Device));
    });

    [TunFact]
    public void Offload_does_not_outlive_its_owner_on_an_existing_device() => NetworkNamespace.Run(() =>
    {
        Ip("tuntap", "add", "dev", Device, "mode", "tun");
        Ip("addr", "add", "10.9.8.1/24", "dev", Device);
        Ip("link", "set", Device, "up");
        TunLink.Open(Device, new TunOptions { Offload = true }).Dispose();
        using TunLink link = TunLink.Open(Device, new TunOptions());
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        byte[] packet = Receive(link, Packets.Udp, out _, () => socket.SendTo("hello"u8, new IPEndPoint(Stack, 7777)));
        ReadOnlySpan<byte> datagram = Packets.Payload(packet);
        ushort pseudo = Packets.PseudoSum(Kernel, Stack, Packets.Udp, datagram.Length);
        Assert.Equal(0xFFFF, Packets.Sum(datagram, pseudo));
    });

    [TunFact]
    public void A_partial_checksum_is_told_and_taken() => InNamespace(Made with { Offload = true }, link =>
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.ReceiveTimeout = 5000;
        socket.Bind(new IPEndPoint(Kernel, 0));
        socket.SendTo("hello"u8, new IPEndPoint(Stack, 7777));
        byte[] packet = Receive(link, Packets.Udp, out LinkPacketInfo info);
        Assert.Equal(new LinkPacketInfo(LinkPacketFlags.ChecksumPartial, 0, 20, 6), info);

        // The same datagram back: the addresses change places, which leaves the pseudo-header's sum as it is.
        byte[] back = Packets.Ip(Stack, Kernel, Packets.Udp, Packets.Payload(packet));
        (back[20], back[21], back[22], back[23]) = (back[22], back[23], back[20], back[21]);
        Assert.True(link.TrySend(back, info));
        Assert.Equal(5, socket.Receive(new byte[100]));
    });

    [TunFact]
    public void Super_packets_go_both_ways() =>
        InNamespace(Made with { Offload = true }, link => ExchangeSuperPackets(link, Kernel, Stack));

    [TunFact]
    public void Super_packets_go_both_ways_over_IPv6() =>
        InNamespace(new TunOptions { Address = "fd09::1/64", Offload = true }, link =>
            ExchangeSuperPackets(link, IPAddress.Parse("fd09::1"), IPAddress.Parse("fd09::2")));

    [TunFact]
    public void A_packet_larger_than_the_buffer_is_dropped_and_counted()
    {
        foreach (bool offload in (bool[])[false, true])
        {
            InNamespace(Made with { Offload = offload }, link =>
            {
                using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
                socket.SendTo(new byte[1000], new IPEndPoint(Stack, 7777));
                socket.SendTo(new byte[72], new IPEndPoint(Stack, 7777));
                byte[] buffer = new byte[100];
                Assert.Equal(100, Next(link, buffer, Packets.Udp, out _));
                Assert.Equal(1, link.ReceiveOversized);
            });
        }
    }

    [TunFact]
    public void A_device_that_is_down_drops_and_counts_and_comes_back() => InNamespace(Made, link =>
    {
        byte[] ping = Packets.Ip(Stack, Kernel, Packets.Icmp, Packets.Echo(1, 0));
        Ip("link", "set", Device, "down");
        Assert.True(link.TrySend(ping, Plain));
        Assert.Equal(1, link.SendDropped);
        DrainQuietly(link, new byte[2000]);
        Assert.False(link.IsGone);
        Ip("link", "set", Device, "up");
        Assert.True(link.TrySend(ping, Plain));
        Receive(link, Packets.Icmp, out _);
        Assert.Equal(1, link.SendDropped);
    });

    [TunFact]
    public void Bytes_that_are_no_IP_packet_are_dropped_and_counted() => InNamespace(Made, link =>
    {
        Assert.True(link.TrySend([], Plain));
        Assert.True(link.TrySend(new byte[100], Plain));
        Assert.Equal(2, link.SendDropped);
    });

    [TunFact]
    public void A_deleted_device_is_gone_and_lets_the_pump_sleep() => InNamespace(Made, link =>
    {
        Ip("link", "delete", Device);
        byte[] buffer = new byte[2000];
        while (!link.IsGone)
        {
            link.Wait(TimeSpan.FromSeconds(5));
            link.Receive(buffer, out _);
        }

        Assert.True(link.TrySend(Packets.Ip(Stack, Kernel, Packets.Icmp, Packets.Echo(1, 0)), Plain));
        Assert.Equal(1, link.SendDropped);
        Assert.False(link.Wait(TimeSpan.FromMilliseconds(20)));
        link.Wake();
        Assert.True(link.Wait(Timeout.InfiniteTimeSpan));
    });

    [TunFact]
    public void Waiting_ends_by_packet_by_wake_and_by_time() => InNamespace(Made, link =>
    {
        byte[] buffer = new byte[2000];
        DrainQuietly(link, buffer);
        long start = Stopwatch.GetTimestamp();
        Assert.False(link.Wait(TimeSpan.FromMilliseconds(5)));
        Assert.True(Stopwatch.GetElapsedTime(start).TotalMilliseconds >= 5);

        link.Wake();
        Assert.True(link.Wait(Timeout.InfiniteTimeSpan));
        Assert.False(link.Wait(TimeSpan.Zero));

        Task waker = Task.Run(async () =>
        {
            await Task.Delay(50);
            link.Wake();
        });
        Assert.True(link.Wait(TimeSpan.FromSeconds(20)));
        waker.Wait();

        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        Task sender = Task.Run(async () =>
        {
            await Task.Delay(50);
            socket.SendTo("hello"u8, new IPEndPoint(Stack, 7777));
        });
        Assert.True(link.Wait(TimeSpan.FromSeconds(20)));
        Assert.NotEqual(0, link.Receive(buffer, out _));
        sender.Wait();
    });

    [TunFact]
    public void Disposal_ends_the_wait_under_way() => InNamespace(Made, link =>
    {
        DrainQuietly(link, new byte[2000]);
        Task sleeper = Task.Factory.StartNew(
            () => link.Wait(Timeout.InfiniteTimeSpan), TaskCreationOptions.LongRunning);
        Thread.Sleep(50);
        link.Dispose();
        Assert.True(sleeper.Wait(TimeSpan.FromSeconds(10)));
        Assert.Throws<ObjectDisposedException>(() => link.Receive(new byte[100], out _));
        link.Wake();
        Assert.DoesNotContain(Device, Ip("link"), StringComparison.Ordinal);
    });

    [TunFact]
    public void Steady_traffic_allocates_nothing() => InNamespace(Made with { Offload = true }, link =>
    {
        byte[] ping = Packets.Ip(Stack, Kernel, Packets.Icmp, Packets.Echo(1, 56)), buffer = new byte[70_000];
        int answers = 0;
        void Round()
        {
            link.TrySend(ping, Plain);
            link.Wait(TimeSpan.FromSeconds(1));
            while (link.Receive(buffer, out _) > 0)
            {
                answers++;
            }
        }

        Round();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            Round();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.InRange(answers, 101, 200);
    });

    [TunFact]
    public void A_device_in_use_says_so() => InNamespace(Made, link =>
    {
        LinkException exception = Assert.Throws<LinkException>(() => TunLink.Open(Device, Made));
        Assert.Equal(LinkFailure.Busy, exception.Failure);
        Assert.Contains(Device, exception.Message, StringComparison.Ordinal);
    });

    [TunFact]
    public void A_missing_device_is_not_made_when_only_attaching() => NetworkNamespace.Run(() =>
    {
        LinkException exception = Assert.Throws<LinkException>(
            () => TunLink.Open(Device, new TunOptions { AttachOnly = true }));
        Assert.Equal(LinkFailure.NoSuchDevice, exception.Failure);
        Assert.DoesNotContain(Device, Ip("link"), StringComparison.Ordinal);
    });

    [TunFact]
    public void A_device_of_another_kind_says_so() => NetworkNamespace.Run(() =>
    {
        Ip("tuntap", "add", "dev", Device, "mode", "tap");
        Assert.Equal(
            LinkFailure.WrongKind, Assert.Throws<LinkException>(() => TunLink.Open(Device, Made)).Failure);
    });

    [Theory]
    [InlineData("")]
    [InlineData("a name")]
    [InlineData("a/b")]
    [InlineData("sixteen-bytes-xx")]
    public void A_name_that_cannot_be_a_devices_is_refused(string name) =>
        Assert.Throws<ArgumentException>(() => TunLink.Open(name, Made));

    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("10.0.0.1/33")]
    [InlineData("10.0.0/x")]
    [InlineData("fd00::1/129")]
    [InlineData("/24")]
    public void An_address_without_a_good_prefix_length_is_refused(string address) =>
        Assert.Throws<ArgumentException>(() => TunLink.Open(Device, new TunOptions { Address = address }));

    [Theory]
    [InlineData(67)]
    [InlineData(65_536)]
    public void An_MTU_out_of_range_is_refused(int mtu) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => TunLink.Open(Device, new TunOptions { Mtu = mtu }));

    private static void InNamespace(TunOptions options, Action<TunLink> body) => NetworkNamespace.Run(() =>
    {
        using TunLink link = TunLink.Open(Device, options);
        body(link);
    });

    /// <summary>A TCP connection by hand: the kernel connects and sends 14 000 bytes, and so do we.</summary>
    private static void ExchangeSuperPackets(TunLink link, IPAddress kernel, IPAddress stack)
    {
        const int amount = 14_000, mss = 1460;
        byte[] fromKernel = Enumerable.Range(0, amount).Select(i => (byte)(i % 251)).ToArray();
        byte[] fromStack = Enumerable.Range(0, amount).Select(i => (byte)(i % 241)).ToArray();
        int headers = kernel.AddressFamily == AddressFamily.InterNetwork ? 20 : 40;

        using Socket socket = new(kernel.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
        {
            ReceiveTimeout = 5000,
            NoDelay = true,
            LingerState = new LingerOption(true, 0),
        };
        IPEndPoint own = new(stack, 80);
        Task connected = socket.ConnectAsync(own);
        byte[] syn = Receive(link, Packets.Tcp, out _);
        IPEndPoint peer = new(kernel, BitConverterBig16(Packets.Payload(syn)));
        uint next = BitConverterBig32(Packets.Payload(syn)[4..]) + 1;
        const uint iss = 1000;
        link.TrySend(Packets.Segment(own, peer, iss, next, Packets.Syn | Packets.Ack, [], partial: false), Plain);
        Assert.True(connected.Wait(TimeSpan.FromSeconds(5)));

        // In: the initial window lets the kernel send all of it at once.
        socket.Send(fromKernel);
        byte[] received = [];
        int largest = 0;
        while (received.Length < amount)
        {
            byte[] packet = Receive(link, Packets.Tcp, out LinkPacketInfo info);
            received = [.. received, .. TcpData(packet)];
            Assert.Equal(LinkPacketFlags.ChecksumPartial, info.Flags);
            Assert.Equal((headers, 16), (info.ChecksumStart, info.ChecksumOffset));
            if (packet.Length > link.Mtu)
            {
                Assert.Equal(kernel.AddressFamily == AddressFamily.InterNetwork ? mss : 1440, info.SegmentSize);
                largest = Math.Max(largest, packet.Length);
            }
        }

        Assert.Equal(fromKernel, received);
        Assert.True(largest > 1500, "the kernel sent no super-packet");

        // Out: one super-packet, cut by nobody because the kernel's socket is its end.
        byte[] super = Packets.Segment(
            own, peer, iss + 1, next + amount, Packets.Psh | Packets.Ack, fromStack, partial: true);
        Assert.True(link.TrySend(
            super, new LinkPacketInfo(LinkPacketFlags.ChecksumPartial, 1400, (ushort)headers, 16)));
        byte[] data = new byte[amount];
        for (int at = 0; at < amount;)
        {
            int count = socket.Receive(data.AsSpan(at));
            Assert.NotEqual(0, count);
            at += count;
        }

        Assert.Equal(fromStack, data);
        Assert.Equal(0, link.SendDropped);
    }

    private static ReadOnlySpan<byte> TcpData(ReadOnlySpan<byte> packet)
    {
        ReadOnlySpan<byte> segment = Packets.Payload(packet);
        return segment[((segment[12] >> 4) * 4)..];
    }

    private static int BitConverterBig16(ReadOnlySpan<byte> bytes) => (bytes[0] << 8) | bytes[1];

    private static uint BitConverterBig32(ReadOnlySpan<byte> bytes) =>
        System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes);

    private static byte[] Receive(TunLink link, byte protocol, out LinkPacketInfo info, Action? again = null)
    {
        byte[] buffer = new byte[70_000];
        int length = Next(link, buffer, protocol, out info, again);
        return buffer[..length];
    }

    /// <summary>
    /// The next packet of a protocol (the kernel also sends router solicitations and the like); what makes the kernel
    /// send it may be done again while nothing comes.
    /// </summary>
    private static int Next(
        TunLink link, byte[] buffer, byte protocol, out LinkPacketInfo info, Action? again = null)
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(10))
        {
            int length = link.Receive(buffer, out info);
            if (length == 0)
            {
                again?.Invoke();
                link.Wait(TimeSpan.FromMilliseconds(200));
            }
            else if (Packets.Protocol(buffer) == protocol)
            {
                return length;
            }
        }

        throw new TimeoutException($"No packet of protocol {protocol} came.");
    }

    /// <summary>Turns IPv6's own traffic off and takes what there is of it.</summary>
    private static void DrainQuietly(TunLink link, byte[] buffer)
    {
        Ip("addr", "flush", "dev", link.Name, "scope", "link");
        while (link.Wait(TimeSpan.FromMilliseconds(20)))
        {
            while (link.Receive(buffer, out _) > 0)
            {
            }
        }
    }

    private static string Ip(params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("ip", arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        }) ?? throw new IOException("ip did not start.");
        string output = process.StandardOutput.ReadToEnd();
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, errors);
        return output;
    }
}
