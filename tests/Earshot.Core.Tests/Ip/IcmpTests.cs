using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Ip;

/// <summary>What ICMP and UDP to closed ports are answered with, as scanners see it. Seen live on the host's
/// kernel.</summary>
public sealed class IcmpTests : IDisposable
{
    private const byte Icmp = 1;
    private const byte Udp = 17;
    private static readonly TimeSpan TimeOfDay = new(23, 59, 59);

    private readonly NetworkStack _stack;
    private readonly PacketBatch _batch = new(1);
    private Instant _now = Instant.FromSeconds(10);

    public IcmpTests() => _stack = new NetworkStack(
        new StackOptions
        {
            TimeOfDay = TimeOfDay,
            Interfaces = [new InterfaceOptions { Addresses = [InterfaceAddress.Parse("10.0.0.1/24")] }],
        },
        _now);

    public void Dispose() => _stack.Dispose();

    [Theory]
    [Trait("Linux", "icmp_timestamp")]
    [InlineData(0)]
    [InlineData(3)]
    public void The_time_of_day_is_told_in_milliseconds_since_midnight(byte code)
    {
        byte[] request = [13, code, 0, 0, 0x12, 0x34, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0];
        byte[] reply = Assert.Single(Send(Icmp, Summed(request), tos: 0x10));
        Assert.Equal(40, reply.Length);
        Assert.Equal(0x10, reply[1]);

        // 23:59:59 and the ten seconds of the stack's clock: nine seconds after midnight.
        Assert.Equal("0e00", Convert.ToHexStringLower(reply.AsSpan(20, 2)));
        Assert.Equal("12340001" + "00000007" + "00002328" + "00002328", Convert.ToHexStringLower(reply.AsSpan(24)));
        Assert.Equal((1, 1), (_stack.Mib[Counter.IcmpInTimestamps], _stack.Mib[Counter.IcmpOutEchoReps]));
    }

    [Fact]
    [Trait("Linux", "icmp_timestamp")]
    public void A_timestamp_request_without_a_time_is_an_error()
    {
        Assert.Empty(Send(Icmp, Summed([13, 0, 0, 0, 0x12, 0x34, 0, 1, 0, 0, 0])));
        Assert.Equal(1, _stack.Mib[Counter.IcmpInErrors]);
    }

    [Fact]
    [Trait("Linux", "__ip_select_ident")]
    public void Identifications_advance_by_one_and_a_part_of_the_ticks_between()
    {
        int last = Identification();
        for (int i = 0; i < 50; i++)
        {
            int next = Identification();
            Assert.Equal(1, (ushort)(next - last));
            last = next;
        }

        var leaps = new HashSet<int>();
        for (int i = 0; i < 200; i++)
        {
            _now += TimeSpan.FromMilliseconds(40);
            int next = Identification();
            leaps.Add((ushort)(next - last));
            last = next;
        }

        // Ten ticks of 4 ms: one and 0 to 9 more.
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], new SortedSet<int>(leaps));
    }

    [Fact]
    [Trait("Linux", "__udp4_lib_rcv")]
    public void A_datagram_to_a_closed_port_is_quoted_in_full()
    {
        byte[] datagram = Datagram(100, 0);
        byte[] reply = Assert.Single(Send(Udp, datagram, tos: 0xff));
        Assert.Equal((0xde, 0), (reply[1], reply[6]));
        Assert.Equal("030300000000", Convert.ToHexStringLower([.. reply.AsSpan(20, 2), .. reply.AsSpan(24, 4)]));
        Assert.Equal(datagram, reply[48..]);
        Assert.Equal(1, _stack.Mib[Counter.UdpNoPorts]);
        Assert.Equal(576, Assert.Single(Send(Udp, Datagram(1200, 0))).Length);
    }

    [Theory]
    [Trait("Linux", "__udp4_lib_rcv")]
    [InlineData(0x1234, 0, 28, 1, 1)]
    [InlineData(0, 1, 28, 1, 0)]
    [InlineData(0, -21, 28, 1, 0)]
    [InlineData(0, 0, 7, 1, 0)]
    public void A_broken_datagram_is_dropped_in_silence(
        int sum, int longer, int kept, int errors, int checksumErrors)
    {
        byte[] datagram = Datagram(20, (ushort)sum);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(4), (ushort)(28 + longer));
        Assert.Empty(Send(Udp, datagram[..kept]));
        Assert.Equal(
            (errors, checksumErrors, 0),
            (_stack.Mib[Counter.UdpInErrors], _stack.Mib[Counter.UdpInCsumErrors], _stack.Mib[Counter.UdpNoPorts]));
    }

    [Fact]
    [Trait("Linux", "__udp4_lib_mcast_deliver")]
    public void A_datagram_to_everybody_is_ignored()
    {
        Assert.Empty(Send(Udp, Datagram(20, 0), to: InetAddress.Parse("10.0.0.255")));
        Assert.Equal((1, 0), (_stack.Mib[Counter.UdpIgnoredMulti], _stack.Mib[Counter.UdpNoPorts]));
    }

    private static byte[] Datagram(int data, ushort sum)
    {
        byte[] bytes = new byte[8 + data];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, 5000);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), 99);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(4), (ushort)bytes.Length);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(6), sum);
        return bytes;
    }

    private static byte[] Summed(byte[] message)
    {
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), (ushort)~Packet.Sum(message, 0));
        return message;
    }

    private int Identification()
    {
        byte[] reply = Assert.Single(Send(Icmp, Summed([8, 5, 0, 0, 0, 1, 0, 1])));
        Assert.Equal("0005", Convert.ToHexStringLower(reply.AsSpan(20, 2)));
        return BinaryPrimitives.ReadUInt16BigEndian(reply.AsSpan(4));
    }

    private List<byte[]> Send(byte protocol, byte[] payload, byte tos = 0, InetAddress? to = null)
    {
        byte[] packet = new byte[20 + payload.Length];
        packet[0] = 0x45;
        packet[1] = tos;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
        packet[8] = 64;
        packet[9] = protocol;
        InetAddress.Parse("10.0.0.2").Write(packet.AsSpan(12));
        (to ?? InetAddress.Parse("10.0.0.1")).Write(packet.AsSpan(16));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), (ushort)~Packet.Sum(packet.AsSpan(0, 20), 0));
        payload.CopyTo(packet, 20);
        _batch.Clear();
        Assert.True(_batch.TryAdd(packet, 2));
        _stack.OnPackets(_batch, _now);
        List<byte[]> sent = [];
        while (_stack.TryTransmit(out OutboundPacket answer))
        {
            sent.Add(answer.Bytes.ToArray());
        }

        return sent;
    }
}
