using System;
using System.Buffers.Binary;
using System.Linq;
using System.Net;

namespace Earshot.Links.Tests;

/// <summary>Builds and reads the few packets the TUN tests speak; independent of the stack on purpose.</summary>
internal static class Packets
{
    internal const byte Icmp = 1, Tcp = 6, Udp = 17;
    internal const int TcpHeaderLength = 20;
    internal const byte Syn = 2, Psh = 8, Ack = 16;

    /// <summary>An IP packet around a payload, IPv6 when the addresses are.</summary>
    internal static byte[] Ip(IPAddress source, IPAddress target, byte protocol, ReadOnlySpan<byte> payload)
    {
        byte[] from = source.GetAddressBytes(), to = target.GetAddressBytes();
        byte[] header;
        if (from.Length == 4)
        {
            header = new byte[20];
            header[0] = 0x45;
            BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), (ushort)(20 + payload.Length));
            header[6] = 0x40;
            header[8] = 64;
            header[9] = protocol;
            from.CopyTo(header, 12);
            to.CopyTo(header, 16);
            BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(10), (ushort)~Sum(header));
        }
        else
        {
            header = new byte[40];
            header[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(4), (ushort)payload.Length);
            header[6] = protocol;
            header[7] = 64;
            from.CopyTo(header, 8);
            to.CopyTo(header, 24);
        }

        return [.. header, .. payload];
    }

    internal static byte[] Echo(ushort id, int dataLength)
    {
        byte[] data = Enumerable.Range(0, dataLength).Select(i => (byte)i).ToArray();
        byte[] echo = [8, 0, 0, 0, (byte)(id >> 8), (byte)id, 0, 1, .. data];
        BinaryPrimitives.WriteUInt16BigEndian(echo.AsSpan(2), (ushort)~Sum(echo));
        return echo;
    }

    /// <summary>A UDP datagram without a checksum (allowed on IPv4).</summary>
    internal static byte[] Datagram(ushort source, ushort target, ReadOnlySpan<byte> data)
    {
        byte[] header = new byte[8];
        BinaryPrimitives.WriteUInt16BigEndian(header, source);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), target);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(4), (ushort)(8 + data.Length));
        return [.. header, .. data];
    }

    /// <summary>A TCP segment in its IP packet; its checksum complete, or only the pseudo-header's sum.</summary>
    internal static byte[] Segment(
        IPEndPoint source, IPEndPoint target, uint seq, uint ack, byte flags, ReadOnlySpan<byte> data, bool partial)
    {
        // A SYN announces an MSS of 1460 and no scaling.
        byte[] options = (flags & Syn) != 0 ? [2, 4, 0x05, 0xB4] : [];
        byte[] segment = new byte[TcpHeaderLength + options.Length + data.Length];
        BinaryPrimitives.WriteUInt16BigEndian(segment, (ushort)source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(2), (ushort)target.Port);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(4), seq);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(8), ack);
        segment[12] = (byte)((TcpHeaderLength + options.Length) / 4 << 4);
        segment[13] = flags;
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(14), 65535);
        options.CopyTo(segment, TcpHeaderLength);
        data.CopyTo(segment.AsSpan(TcpHeaderLength + options.Length));
        ushort pseudo = PseudoSum(source.Address, target.Address, Tcp, segment.Length);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(16), partial ? pseudo : (ushort)~Sum(segment, pseudo));
        return Ip(source.Address, target.Address, Tcp, segment);
    }

    internal static int HeaderLength(ReadOnlySpan<byte> packet) => packet[0] >> 4 == 6 ? 40 : (packet[0] & 15) * 4;

    internal static byte Protocol(ReadOnlySpan<byte> packet) => packet[0] >> 4 == 6 ? packet[6] : packet[9];

    internal static ReadOnlySpan<byte> Payload(ReadOnlySpan<byte> packet) => packet[HeaderLength(packet)..];

    /// <summary>The sum over the pseudo-header, uncomplemented (RFC 9293 §3.1, RFC 8200 §8.1).</summary>
    internal static ushort PseudoSum(IPAddress source, IPAddress target, byte protocol, int length) =>
        Sum([.. source.GetAddressBytes(), .. target.GetAddressBytes(), 0, protocol, (byte)(length >> 8), (byte)length]);

    internal static ushort Sum(ReadOnlySpan<byte> bytes, uint sum = 0)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            sum += (uint)(bytes[i] << (i % 2 == 0 ? 8 : 0));
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (ushort)sum;
    }
}
