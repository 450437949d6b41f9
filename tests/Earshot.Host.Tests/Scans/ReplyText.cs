using System;
using System.Buffers.Binary;
using System.Text;

namespace Earshot.Host.Tests.Scans;

/// <summary>A packet as a line of text in which what is random, or differs between two hosts anyway, is
/// masked.</summary>
internal static class ReplyText
{
    private const int IpHeader = 20;
    private const byte Icmp = 1;
    private const byte Tcp = 6;
    private const byte SynAck = 0x12;

    /// <summary>The text of an IPv4 packet; payload beyond what was captured is not looked at.</summary>
    public static string Of(ReadOnlySpan<byte> packet)
    {
        int header = (packet[0] & 0xf) * 4;
        var text = new StringBuilder();
        text.Append($"tos {packet[1]:x2} length {Word(packet, 2)} id {(Word(packet, 4) == 0 ? "0" : "some")} ");
        text.Append($"fragment {Word(packet, 6):x4} ttl {packet[8]} protocol {packet[9]}");
        if (header > IpHeader)
        {
            text.Append($" options {Convert.ToHexStringLower(packet[IpHeader..header])}");
        }

        ReadOnlySpan<byte> payload = packet[header..];
        return packet[9] switch
        {
            Tcp => text.Append(TcpText(payload)).ToString(),
            Icmp => text.Append(IcmpText(payload)).ToString(),
            _ => text.Append(Convert.ToHexStringLower(payload)).ToString(),
        };
    }

    private static string TcpText(ReadOnlySpan<byte> segment)
    {
        int header = (segment[12] >> 4) * 4;
        byte flags = segment[13];
        uint seq = BinaryPrimitives.ReadUInt32BigEndian(segment[4..]);
        uint ack = BinaryPrimitives.ReadUInt32BigEndian(segment[8..]);
        bool own = (flags & SynAck) == SynAck;
        return $" tcp {Word(segment, 0)} flags {flags:x2} reserved {segment[12] & 0xf:x} window {Word(segment, 14)}"
            + $" seq {(own ? "own" : seq)} ack {ack} urgent {Word(segment, 18)}"
            + $" options {OptionText(segment[20..header])} data {Convert.ToHexStringLower(segment[header..])}";
    }

    private static string OptionText(ReadOnlySpan<byte> options)
    {
        const byte Timestamps = 8;
        byte[] masked = options.ToArray();
        int at = 0;
        while (at < masked.Length && masked[at] != 0)
        {
            if (masked[at] == Timestamps)
            {
                masked.AsSpan(at + 2, 8).Clear();
            }

            at += masked[at] == 1 ? 1 : Math.Max(2, (int)masked[at + 1]);
        }

        return Convert.ToHexStringLower(masked);
    }

    private static string IcmpText(ReadOnlySpan<byte> message)
    {
        const int Header = 8;
        byte[] masked = message.ToArray();
        masked.AsSpan(2, 2).Clear();
        if (message[0] is 3 or 11 or 12 && masked.Length >= Header + IpHeader)
        {
            // Of the quoted packet: identification, checksum and addresses, and the sum that the addresses are in.
            Span<byte> quote = masked.AsSpan(Header);
            quote.Slice(4, 2).Clear();
            quote[10..IpHeader].Clear();
            int sum = IpHeader + (quote[9] == 17 ? 6 : 16);
            if (quote[9] is 6 or 17 && quote.Length >= sum + 2)
            {
                quote.Slice(sum, 2).Clear();
            }
        }
        else
        {
            // The asker's number, and the time of day.
            masked.AsSpan(4, 4).Clear();
            if (message[0] == 14)
            {
                masked.AsSpan(Header).Clear();
            }
        }

        return $" icmp {message.Length} {Convert.ToHexStringLower(masked)}";
    }

    private static ushort Word(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]);
}
