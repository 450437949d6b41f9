using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Earshot.Core.Wire;

namespace Earshot.Lab.Experiments;

/// <summary>Where in an IP packet its payload is, and between which addresses it goes.</summary>
/// <param name="From">The sender.</param>
/// <param name="To">The receiver.</param>
/// <param name="Protocol">6 for TCP, 1 and 58 for ICMP.</param>
/// <param name="Start">Where the payload starts.</param>
/// <param name="End">Where it ends, by the packet's own word.</param>
internal readonly record struct PacketPlace(InetAddress From, InetAddress To, int Protocol, int Start, int End);

/// <summary>Says what is in a packet's headers, so that two packets of different runs can be compared as
/// text.</summary>
internal static class WireText
{
    private const int Ipv4HeaderLength = 20;
    private const int Ipv6HeaderLength = 40;
    private const int TcpHeaderLength = 20;
    private const int OptionMss = 2;
    private const int OptionScale = 3;
    private const int OptionSackPermitted = 4;
    private const int OptionTimestamp = 8;
    private const int OptionFastOpen = 34;

    // The order of the letters in PacketRecord.Flags, with each flag's bit.
    private static readonly (char Letter, int Bit)[] Letters =
        [('S', 0x02), ('A', 0x10), ('F', 0x01), ('R', 0x04), ('P', 0x08), ('U', 0x20), ('E', 0x40), ('C', 0x80)];

    /// <summary>Finds the payload of an IPv4 packet, or of an IPv6 packet without extension headers.</summary>
    public static bool TryFind(ReadOnlySpan<byte> packet, out PacketPlace place)
    {
        place = default;
        if (packet.Length >= Ipv4HeaderLength && packet[0] >> 4 == 4)
        {
            int start = (packet[0] & 0xf) * 4;
            place = new PacketPlace(
                InetAddress.Read(packet[12..16]),
                InetAddress.Read(packet[16..20]),
                packet[9],
                start,
                BinaryPrimitives.ReadUInt16BigEndian(packet[2..]));
            return start >= Ipv4HeaderLength && packet.Length >= start;
        }

        if (packet.Length >= Ipv6HeaderLength && packet[0] >> 4 == 6)
        {
            place = new PacketPlace(
                InetAddress.ReadIPv6(packet[8..24]),
                InetAddress.ReadIPv6(packet[24..40]),
                packet[6],
                Ipv6HeaderLength,
                Ipv6HeaderLength + BinaryPrimitives.ReadUInt16BigEndian(packet[4..]));
            return true;
        }

        return false;
    }

    /// <summary>The TCP flags as letters in the order <c>SAFRPUEC</c>.</summary>
    public static string Flags(int flags)
    {
        Span<char> text = stackalloc char[Letters.Length];
        int length = 0;
        foreach ((char letter, int bit) in Letters)
        {
            if ((flags & bit) != 0)
            {
                text[length++] = letter;
            }
        }

        return new string(text[..length]);
    }

    /// <summary>The IP header: TTL, service and what a router needs; an identification only as zero or not.</summary>
    public static string Ip(ReadOnlySpan<byte> packet)
    {
        if (packet[0] >> 4 == 6)
        {
            uint first = BinaryPrimitives.ReadUInt32BigEndian(packet);
            return $"hops {packet[7]} class 0x{(first >> 20) & 0xff:x2}{((first & 0xfffff) == 0 ? " no flow" : "")}";
        }

        int fragment = BinaryPrimitives.ReadUInt16BigEndian(packet[6..]);
        string id = BinaryPrimitives.ReadUInt16BigEndian(packet[4..]) == 0 ? " id 0" : "";
        string options = (packet[0] & 0xf) > 5 ? " options" : "";
        return $"ttl {packet[8]} tos 0x{packet[1]:x2}{((fragment & 0x4000) != 0 ? " DF" : "")}{id}{options}";
    }

    /// <summary>The window and the options of a TCP segment, in their order; time stamps by name only.</summary>
    /// <param name="segment">The segment, at least its first 20 bytes.</param>
    /// <param name="value">The time stamp, null without the option.</param>
    /// <param name="echo">The echoed time stamp.</param>
    public static string Tcp(ReadOnlySpan<byte> segment, out uint? value, out uint? echo)
    {
        value = echo = null;
        var words = new List<string> { $"win {BinaryPrimitives.ReadUInt16BigEndian(segment[14..])}" };
        int end = Math.Min((segment[12] >> 4) * 4, segment.Length);
        ReadOnlySpan<byte> options = end > TcpHeaderLength ? segment[TcpHeaderLength..end] : default;
        while (!options.IsEmpty)
        {
            int kind = options[0];
            int length = kind < 2 ? 1 : options.Length > 1 ? options[1] : 0;
            if (length == 0 || length > options.Length)
            {
                words.Add("cut");
                break;
            }

            if (kind == OptionTimestamp && length == 10)
            {
                value = BinaryPrimitives.ReadUInt32BigEndian(options[2..]);
                echo = BinaryPrimitives.ReadUInt32BigEndian(options[6..]);
            }

            words.Add(Option(kind, options[..length]));
            options = options[length..];
        }

        return string.Join(' ', words);
    }

    /// <summary>The Fast Open cookie of a segment; null without one.</summary>
    public static byte[]? FastOpenCookie(ReadOnlySpan<byte> segment)
    {
        int end = Math.Min((segment[12] >> 4) * 4, segment.Length);
        for (int at = TcpHeaderLength; at < end && segment[at] != 0;)
        {
            int length = segment[at] == 1 ? 1 : at + 1 < end ? segment[at + 1] : 0;
            if (length == 0 || at + length > end)
            {
                return null;
            }

            if (segment[at] == OptionFastOpen && length > 2)
            {
                return segment.Slice(at + 2, length - 2).ToArray();
            }

            at += length;
        }

        return null;
    }

    private static string Option(int kind, ReadOnlySpan<byte> option) => kind switch
    {
        0 => "eol",
        1 => "nop",
        OptionMss when option.Length == 4 => $"mss {BinaryPrimitives.ReadUInt16BigEndian(option[2..])}",
        OptionScale when option.Length == 3 => $"wscale {option[2]}",
        OptionSackPermitted when option.Length == 2 => "sackOK",
        OptionTimestamp when option.Length == 10 => "ts",
        OptionFastOpen => $"cookie of {option.Length - 2}",
        _ => $"option {kind} of {option.Length}",
    };
}
