using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;

namespace Earshot.Lab.Packetdrill;

/// <summary>Where a packet goes from and to, and the fields of its IP header.</summary>
internal readonly record struct Envelope(
    IPAddress Source, IPAddress Destination, int TypeOfService, int TimeToLive, int FlowLabel);

/// <summary>Makes packets byte by byte; independent of the stack, which it is to judge.</summary>
internal static class SegmentBytes
{
    public const int Tcp = 6;
    public const int Icmp = 1;
    public const int Icmp6 = 58;
    public const int TcpHeader = 20;
    public const int Ip4Header = 20;
    public const int Ip6Header = 40;
    private const ushort FastOpenMagic = 0xf989;

    /// <summary>Bytes that options take, padded to a multiple of four.</summary>
    public static int OptionLength(IReadOnlyList<OptionPattern> options)
    {
        int length = 0;
        foreach (OptionPattern option in options)
        {
            length += LengthOf(option);
        }

        return (length + 3) & ~3;
    }

    /// <summary>A TCP segment in an IP packet.</summary>
    public static byte[] Segment(
        in Envelope envelope,
        ushort sourcePort,
        ushort destinationPort,
        TcpPattern tcp,
        uint sequence,
        uint acknowledgment,
        IReadOnlyList<OptionPattern> options,
        ReadOnlySpan<byte> payload)
    {
        int optionLength = OptionLength(options);
        byte[] packet = Packet(envelope, Tcp, TcpHeader + optionLength + payload.Length, out Span<byte> segment);
        BinaryPrimitives.WriteUInt16BigEndian(segment, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(segment[2..], destinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(segment[4..], sequence);
        BinaryPrimitives.WriteUInt32BigEndian(segment[8..], acknowledgment);
        int offset = (TcpHeader + optionLength) / 4;
        BinaryPrimitives.WriteUInt16BigEndian(segment[12..], (ushort)((offset << 12) | tcp.Flags));
        BinaryPrimitives.WriteUInt16BigEndian(segment[14..], tcp.Window ?? 0);
        BinaryPrimitives.WriteUInt16BigEndian(segment[18..], tcp.Urgent);
        int at = TcpHeader;
        foreach (OptionPattern option in options)
        {
            at += Write(option, segment[at..]);
        }

        payload.CopyTo(segment[(TcpHeader + optionLength)..]);
        BinaryPrimitives.WriteUInt16BigEndian(segment[16..], TransportSum(envelope, Tcp, segment));
        return packet;
    }

    /// <summary>An ICMP message that quotes a packet.</summary>
    public static byte[] Message(in Envelope envelope, int type, int code, int mtu, ReadOnlySpan<byte> quoted)
    {
        bool six = IsSix(envelope);
        byte[] packet = Packet(envelope, six ? Icmp6 : Icmp, 8 + quoted.Length, out Span<byte> message);
        message[0] = (byte)type;
        message[1] = (byte)code;
        if (six)
        {
            BinaryPrimitives.WriteUInt32BigEndian(message[4..], (uint)mtu);
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(message[6..], (ushort)mtu);
        }

        quoted.CopyTo(message[8..]);
        ushort sum = six ? TransportSum(envelope, Icmp6, message) : Finish(Sum(message, 0));
        BinaryPrimitives.WriteUInt16BigEndian(message[2..], sum);
        return packet;
    }

    /// <summary>The checksum of what is behind an IP header, with the pseudo header; 0 when a stored one is
    /// right.</summary>
    public static ushort TransportSum(in Envelope envelope, int protocol, ReadOnlySpan<byte> bytes)
    {
        Span<byte> addresses = stackalloc byte[32];
        envelope.Source.TryWriteBytes(addresses, out int length);
        envelope.Destination.TryWriteBytes(addresses[length..], out int more);
        uint sum = Sum(addresses[..(length + more)], 0);
        sum += (uint)protocol + (uint)(bytes.Length & 0xffff) + (uint)(bytes.Length >> 16);
        return Finish(Sum(bytes, sum));
    }

    /// <summary>Adds 16-bit words; an odd last byte counts as the upper half.</summary>
    public static uint Sum(ReadOnlySpan<byte> bytes, uint sum)
    {
        for (int i = 0; i < bytes.Length; i += 2)
        {
            sum += (uint)(bytes[i] << 8) + (i + 1 < bytes.Length ? bytes[i + 1] : 0u);
        }

        return sum;
    }

    /// <summary>Folds a sum and complements it.</summary>
    public static ushort Finish(uint sum)
    {
        while (sum >> 16 != 0)
        {
            sum = (sum & 0xffff) + (sum >> 16);
        }

        return (ushort)~sum;
    }

    private static bool IsSix(in Envelope envelope) =>
        envelope.Source.AddressFamily == AddressFamily.InterNetworkV6;

    private static byte[] Packet(in Envelope envelope, int protocol, int length, out Span<byte> payload)
    {
        bool six = IsSix(envelope);
        int header = six ? Ip6Header : Ip4Header;
        var packet = new byte[header + length];
        payload = packet.AsSpan(header);
        Span<byte> ip = packet;
        if (six)
        {
            uint first = (6u << 28) | ((uint)envelope.TypeOfService << 20) | (uint)envelope.FlowLabel;
            BinaryPrimitives.WriteUInt32BigEndian(ip, first);
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)length);
            ip[6] = (byte)protocol;
            ip[7] = (byte)envelope.TimeToLive;
            envelope.Source.TryWriteBytes(ip[8..], out _);
            envelope.Destination.TryWriteBytes(ip[24..], out _);
            return packet;
        }

        ip[0] = 0x45;
        ip[1] = (byte)envelope.TypeOfService;
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)packet.Length);
        ip[6] = 0x40;
        ip[8] = (byte)envelope.TimeToLive;
        ip[9] = (byte)protocol;
        envelope.Source.TryWriteBytes(ip[12..], out _);
        envelope.Destination.TryWriteBytes(ip[16..], out _);
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], Finish(Sum(ip[..Ip4Header], 0)));
        return packet;
    }

    private static int LengthOf(OptionPattern option) => option.Kind switch
    {
        OptionKind.End or OptionKind.Nop => 1,
        OptionKind.Mss => 4,
        OptionKind.WindowScale => 3,
        OptionKind.SackPermitted => 2,
        OptionKind.Sack => 2 + (8 * option.Ranges.Count),
        OptionKind.Timestamp => 10,
        OptionKind.FastOpenExperimental => 4 + option.Bytes.Length,
        _ => 2 + option.Bytes.Length,
    };

    private static int Write(OptionPattern option, Span<byte> target)
    {
        int length = LengthOf(option);
        target[0] = (byte)option.Kind;
        if (length == 1)
        {
            return length;
        }

        target[1] = (byte)length;
        Span<byte> value = target[2..length];
        switch (option.Kind)
        {
            case OptionKind.Mss:
                BinaryPrimitives.WriteUInt16BigEndian(value, (ushort)option.Number);
                break;
            case OptionKind.WindowScale:
                value[0] = (byte)option.Number;
                break;
            case OptionKind.Timestamp:
                BinaryPrimitives.WriteUInt32BigEndian(value, option.Number);
                BinaryPrimitives.WriteUInt32BigEndian(value[4..], option.Echo);
                break;
            case OptionKind.Sack:
                for (int i = 0; i < option.Ranges.Count; i++)
                {
                    BinaryPrimitives.WriteUInt32BigEndian(value[(8 * i)..], option.Ranges[i].Left);
                    BinaryPrimitives.WriteUInt32BigEndian(value[((8 * i) + 4)..], option.Ranges[i].Right);
                }

                break;
            case OptionKind.FastOpenExperimental:
                BinaryPrimitives.WriteUInt16BigEndian(value, FastOpenMagic);
                option.Bytes.CopyTo(value[2..]);
                break;
            default:
                option.Bytes.CopyTo(value);
                break;
        }

        return length;
    }
}
