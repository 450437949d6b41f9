using System;
using System.Buffers.Binary;
using System.Net;
using Earshot.Core.Wire;

namespace Earshot.Lab.Targets;

/// <summary>Builds the packets of peers that exist only as packets, wrong ones included.</summary>
internal static class RawPackets
{
    /// <summary>The protocol number of TCP.</summary>
    public const int Tcp = 6;

    private const int Icmp4 = 1;
    private const int Icmp6 = 58;
    private const int Ipv4HeaderLength = 20;
    private const int Ipv6HeaderLength = 40;
    private const int TcpChecksumOffset = 16;
    private const int IcmpChecksumOffset = 2;
    private const int IcmpHeaderLength = 8;
    private const int SeqOffset = 4;

    /// <summary>An IP packet around a segment or message, with all checksums.</summary>
    public static byte[] Ip(IPAddress from, IPAddress to, int protocol, byte[] payload, RawWords words)
    {
        bool six = to.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        int start = six ? Ipv6HeaderLength : Ipv4HeaderLength + words.IpOptions.Length;
        var packet = new byte[start + payload.Length];
        payload.CopyTo(packet, start);
        if (six)
        {
            BinaryPrimitives.WriteUInt32BigEndian(packet, 0x6000_0000 | (uint)words.Service << 20);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)payload.Length);
            packet[6] = (byte)protocol;
            packet[7] = (byte)words.TimeToLive;
            from.TryWriteBytes(packet.AsSpan(8), out _);
            to.TryWriteBytes(packet.AsSpan(24), out _);
        }
        else
        {
            packet[0] = (byte)(0x40 | (start / 4));
            packet[1] = (byte)words.Service;
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), 1);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), (ushort)(words.IsFragment ? 0x2000 : 0x4000));
            packet[8] = (byte)words.TimeToLive;
            packet[9] = (byte)(words.Protocol ?? protocol);
            from.TryWriteBytes(packet.AsSpan(12), out _);
            to.TryWriteBytes(packet.AsSpan(16), out _);
            words.IpOptions.CopyTo(packet, Ipv4HeaderLength);
        }

        Sum(packet, start, protocol, words.IsSumWrong);
        if (!six)
        {
            ushort header = Checksum.Finish(Checksum.Add(packet.AsSpan(0, start)));
            Put(packet.AsSpan(10), header, words.IsHeaderWrong);
        }

        return words.Cut is { } cut && cut < packet.Length ? packet[..cut] : packet;
    }

    /// <summary>An ICMP error that quotes a packet's IP header and the first 8 bytes after it.</summary>
    public static byte[] Icmp(
        IPAddress from, IPAddress to, int type, int code, ReadOnlySpan<byte> about, RawWords words)
    {
        bool six = about[0] >> 4 == 6;
        int start = six ? Ipv6HeaderLength : (about[0] & 0xf) * 4;
        byte[] quoted = about[..Math.Min(about.Length, start + 8)].ToArray();
        Span<byte> seq = quoted.AsSpan(start + SeqOffset);
        BinaryPrimitives.WriteUInt32BigEndian(seq, words.Seq.Over(BinaryPrimitives.ReadUInt32BigEndian(seq)));
        var message = new byte[IcmpHeaderLength + quoted.Length];
        message[0] = (byte)type;
        message[1] = (byte)code;
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(6), (ushort)words.Mtu);
        quoted.CopyTo(message, IcmpHeaderLength);
        return Ip(from, to, six ? Icmp6 : Icmp4, message, words);
    }

    /// <summary>Whether an ICMP message asks something rather than tell of an error.</summary>
    public static bool IsQuery(int type, IPEndPoint server)
    {
        const int echoReply = 0;
        const int echo = 8;
        const int firstAfterErrors = 13;
        const int firstOfVersion6 = 128;
        return server.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6
            ? type >= firstOfVersion6
            : type is echoReply or echo or >= firstAfterErrors and < 64;
    }

    /// <summary>An ICMP message with identification 1, sequence number 1 and 12 bytes of zero.</summary>
    public static byte[] Query(IPAddress from, IPAddress to, int type, int code, RawWords words)
    {
        const int data = 12;
        var message = new byte[IcmpHeaderLength + data];
        message[0] = (byte)type;
        message[1] = (byte)code;
        message[5] = message[7] = 1;
        bool six = to.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        return Ip(from, to, six ? Icmp6 : Icmp4, message, words);
    }

    private static void Sum(byte[] packet, int start, int protocol, bool wrong)
    {
        Span<byte> payload = packet.AsSpan(start);
        int offset = protocol == Tcp ? TcpChecksumOffset : IcmpChecksumOffset;
        ulong sum = protocol == Icmp4 || !TryEnds(packet, out InetAddress from, out InetAddress to)
            ? 0
            : Checksum.PseudoHeader(from, to, (byte)protocol, payload.Length);
        ushort value = Checksum.Finish(Checksum.Add(payload, sum));
        Put(payload[offset..], value, wrong);
    }

    // A sum is in the machine's byte order already.
    private static void Put(Span<byte> target, ushort sum, bool wrong) =>
        BitConverter.TryWriteBytes(target, (ushort)(wrong ? sum ^ 0x0101 : sum));

    private static bool TryEnds(byte[] packet, out InetAddress from, out InetAddress to)
    {
        bool found = Experiments.WireText.TryFind(packet, out Experiments.PacketPlace place);
        (from, to) = (place.From, place.To);
        return found;
    }
}
