using System;
using System.Buffers.Binary;
using System.Linq;
using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Core.Tests;

/// <summary>A TCP packet written and read byte by byte, with nothing of the code under test but its types.</summary>
internal sealed record Packet
{
    internal InetAddress From { get; init; } = TestHost.PeerAddress;

    internal InetAddress To { get; init; } = TestHost.Address;

    internal ushort SourcePort { get; init; }

    internal ushort DestinationPort { get; init; } = TestHost.Port;

    internal uint Seq { get; init; }

    internal uint Ack { get; init; }

    internal TcpFlags Flags { get; init; }

    internal ushort Window { get; init; } = 65535;

    internal byte[] Options { get; init; } = [];

    internal byte[] Payload { get; init; } = [];

    internal byte Tos { get; init; }

    internal byte Ttl { get; init; } = 64;

    internal ushort Id { get; init; }

    internal bool DontFragment { get; init; }

    internal Instant Time { get; init; }

    /// <summary>The flags as tcpdump has them, "SA" for a SYN-ACK.</summary>
    internal string Text
    {
        get
        {
            string text = "";
            text += Flags.HasFlag(TcpFlags.Syn) ? "S" : "";
            text += Flags.HasFlag(TcpFlags.Fin) ? "F" : "";
            text += Flags.HasFlag(TcpFlags.Rst) ? "R" : "";
            text += Flags.HasFlag(TcpFlags.Psh) ? "P" : "";
            return text + (Flags.HasFlag(TcpFlags.Ack) ? "A" : "");
        }
    }

    internal uint End => Seq + (uint)Payload.Length
        + (Flags.HasFlag(TcpFlags.Syn) ? 1u : 0) + (Flags.HasFlag(TcpFlags.Fin) ? 1u : 0);

    internal string OptionText => Convert.ToHexStringLower(Options);

    /// <summary>TSval, or 0 when there is no timestamps option.</summary>
    internal uint TsVal => Timestamp(0);

    /// <summary>TSecr, or 0 when there is no timestamps option.</summary>
    internal uint TsEcr => Timestamp(4);

    internal static byte[] Timestamps(uint value, uint echo)
    {
        byte[] option = [1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt32BigEndian(option.AsSpan(4), value);
        BinaryPrimitives.WriteUInt32BigEndian(option.AsSpan(8), echo);
        return option;
    }

    /// <summary>IPv6 extension headers, each with a first byte that <see cref="ToBytes"/> sets.</summary>
    internal (byte Kind, byte[] Bytes)[] Extensions { get; init; } = [];

    internal byte[] ToBytes()
    {
        int header = 20 + ((Options.Length + 3) & ~3);
        if (From.IsIPv6)
        {
            byte[] segment = new byte[header + Payload.Length];
            WriteSegment(segment, header);
            return Datagram6(From, To, 6, segment, Tos, Ttl, Extensions);
        }

        byte[] bytes = new byte[20 + header + Payload.Length];
        bytes[0] = 0x45;
        bytes[1] = Tos;
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), (ushort)bytes.Length);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(4), Id);
        bytes[6] = DontFragment ? (byte)0x40 : (byte)0;
        bytes[8] = Ttl;
        bytes[9] = 6;
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(12), From.Bits);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(16), To.Bits);
        WriteSegment(bytes.AsSpan(20), header);
        Finish(bytes);
        return bytes;
    }

    /// <summary>An IPv6 packet around what begins with a TCP, UDP or ICMPv6 header, its checksum completed.</summary>
    internal static byte[] Datagram6(
        InetAddress from, InetAddress to, byte protocol, byte[] payload, byte tos = 0, byte ttl = 64,
        params (byte Kind, byte[] Bytes)[] extensions)
    {
        int checksum = protocol switch { 6 => 16, 17 => 6, 58 => 2, _ => -1 };
        byte[] pseudo = new byte[40];
        from.WriteIPv6(pseudo);
        to.WriteIPv6(pseudo.AsSpan(16));
        BinaryPrimitives.WriteInt32BigEndian(pseudo.AsSpan(32), payload.Length);
        pseudo[39] = protocol;
        payload = [.. payload];
        if (checksum >= 0)
        {
            payload[checksum] = payload[checksum + 1] = 0;
            ushort sum = (ushort)~Sum(payload, Sum(pseudo, 0));
            BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(checksum), sum);
        }

        byte[] headers = [.. extensions.SelectMany(extension => extension.Bytes)];
        for (int i = 0, at = 0; i < extensions.Length; at += extensions[i++].Bytes.Length)
        {
            headers[at] = i + 1 < extensions.Length ? extensions[i + 1].Kind : protocol;
        }

        byte[] bytes = new byte[40 + headers.Length + payload.Length];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, 0x60000000u | ((uint)tos << 20));
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(4), (ushort)(headers.Length + payload.Length));
        bytes[6] = extensions.Length > 0 ? extensions[0].Kind : protocol;
        bytes[7] = ttl;
        pseudo.AsSpan(0, 32).CopyTo(bytes.AsSpan(8));
        headers.CopyTo(bytes.AsSpan(40));
        payload.CopyTo(bytes.AsSpan(40 + headers.Length));
        return bytes;
    }

    private void WriteSegment(Span<byte> tcp, int header)
    {
        BinaryPrimitives.WriteUInt16BigEndian(tcp, SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[2..], DestinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(tcp[4..], Seq);
        BinaryPrimitives.WriteUInt32BigEndian(tcp[8..], Ack);
        tcp[12] = (byte)(header << 2);
        tcp[13] = (byte)Flags;
        BinaryPrimitives.WriteUInt16BigEndian(tcp[14..], Window);
        Options.CopyTo(tcp[20..]);
        Payload.CopyTo(tcp[header..]);
    }

    /// <summary>Completes both checksums of a packet with a 20-byte IP header.</summary>
    internal static void Finish(byte[] bytes)
    {
        bytes[10] = bytes[11] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(10), (ushort)~Sum(bytes.AsSpan(0, 20), 0));
        if (bytes[9] == 6 && bytes.Length >= 40)
        {
            bytes[36] = bytes[37] = 0;
            uint pseudo = Sum(bytes.AsSpan(12, 8), 6u + (uint)(bytes.Length - 20));
            BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(36), (ushort)~Sum(bytes.AsSpan(20), pseudo));
        }
    }

    /// <summary>The one's-complement sum in network order, word by word.</summary>
    internal static ushort Sum(ReadOnlySpan<byte> bytes, uint start)
    {
        uint sum = start;
        for (int i = 0; i < bytes.Length; i++)
        {
            sum += (i & 1) == 0 ? (uint)bytes[i] << 8 : bytes[i];
            sum = (sum & 0xffff) + (sum >> 16);
        }

        return (ushort)((sum & 0xffff) + (sum >> 16));
    }

    internal static Packet Read(ReadOnlySpan<byte> bytes, Instant time)
    {
        bool isIPv6 = bytes[0] >> 4 == 6;
        ReadOnlySpan<byte> tcp = bytes[(isIPv6 ? 40 : 20)..];
        int header = (tcp[12] >> 4) * 4;
        return new Packet
        {
            From = isIPv6 ? InetAddress.ReadIPv6(bytes[8..]) : InetAddress.Read(bytes[12..]),
            To = isIPv6 ? InetAddress.ReadIPv6(bytes[24..]) : InetAddress.Read(bytes[16..]),
            SourcePort = BinaryPrimitives.ReadUInt16BigEndian(tcp),
            DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(tcp[2..]),
            Seq = BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]),
            Ack = BinaryPrimitives.ReadUInt32BigEndian(tcp[8..]),
            Flags = (TcpFlags)tcp[13],
            Window = BinaryPrimitives.ReadUInt16BigEndian(tcp[14..]),
            Options = tcp[20..header].ToArray(),
            Payload = tcp[header..].ToArray(),
            Tos = isIPv6 ? (byte)(BinaryPrimitives.ReadUInt16BigEndian(bytes) >> 4) : bytes[1],
            Ttl = isIPv6 ? bytes[7] : bytes[8],
            Id = isIPv6 ? (ushort)0 : BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]),
            DontFragment = !isIPv6 && (bytes[6] & 0x40) != 0,
            Time = time,
        };
    }

    public override string ToString() =>
        $"{Time.Seconds:F3} {Text} {Seq}:{End} ack {Ack} win {Window} [{OptionText}]";

    private uint Timestamp(int offset)
    {
        for (int i = 0; i + 1 < Options.Length; i += Options[i] <= 1 ? 1 : Math.Max(2, (int)Options[i + 1]))
        {
            if (Options[i] == 8)
            {
                return BinaryPrimitives.ReadUInt32BigEndian(Options.AsSpan(i + 2 + offset));
            }
        }

        return 0;
    }
}
