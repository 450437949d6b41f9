using System;
using System.Buffers.Binary;
using Earshot.Core;
using Earshot.Core.Wire;

namespace Earshot.Simulation;

/// <summary>Packets as a bad link or a narrow router makes them.</summary>
internal static class Bend
{
    /// <summary>Bytes of the longest answer of a router.</summary>
    internal const int LongestError = 128;

    private const int Quoted = 48;

    /// <summary>Turns one bit of a packet over; a checksum left to the link is completed first, as the device before
    /// the link would have done.</summary>
    internal static WirePacket OneBit(scoped in WirePacket packet, Chance chance)
    {
        byte[] bytes = packet.Bytes.ToArray();
        PacketInfo info = packet.Info;
        if (info.SegmentSize != 0)
        {
            // A super-packet has no checksum that could tell: it stays as it is.
            return new WirePacket(bytes, info, packet.From, packet.Time, packet.Ordinal);
        }

        // Behind a switch nobody knows any more where the checksum would stand: such a packet is damaged all the more.
        if ((info.Flags & PacketFlags.ChecksumPartial) == 0)
        {
            info = default;
        }
        else
        {
            ushort sum = Checksum.Finish(Checksum.Add(bytes.AsSpan(info.ChecksumStart)));
            BinaryPrimitives.WriteUInt16LittleEndian(
                bytes.AsSpan(info.ChecksumStart + info.ChecksumOffset), sum);
            info = default;
        }

        if (bytes.Length > 0)
        {
            bytes[chance.Below((uint)bytes.Length)] ^= (byte)(1 << (int)chance.Below(8));
        }

        return new WirePacket(bytes, info, packet.From, packet.Time, packet.Ordinal) { IsDamaged = true };
    }

    /// <summary>Whether the sender of an IP packet speaks ECN, and nobody has marked the packet yet.</summary>
    internal static bool IsCapable(ReadOnlySpan<byte> packet) =>
        IpPacket.Parse(packet, out IpPacket parsed) == IpParseError.None && (parsed.Tos & 3) is 1 or 2;

    /// <summary>Marks an IP packet, as a router does that sees congestion come.</summary>
    internal static WirePacket Mark(scoped in WirePacket packet)
    {
        const int HeaderWords = 4;
        byte[] bytes = packet.Bytes.ToArray();
        if (bytes[0] >> HeaderWords == 6)
        {
            bytes[1] |= 3 << HeaderWords;
        }
        else
        {
            bytes[1] |= 3;
            const int ChecksumOffset = 10;
            bytes[ChecksumOffset] = bytes[ChecksumOffset + 1] = 0;
            ushort sum = Checksum.Finish(Checksum.Add(bytes.AsSpan(0, (bytes[0] & 0xf) * sizeof(uint))));
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(ChecksumOffset), sum);
        }

        return new WirePacket(bytes, packet.Info, packet.From, packet.Time, packet.Ordinal);
    }

    /// <summary>Writes what a router answers to a packet that is too big: fragmentation needed, or packet too
    /// big.</summary>
    /// <returns>Its bytes; 0: the packet is not one to answer.</returns>
    internal static int WriteTooBig(ReadOnlySpan<byte> packet, int mtu, Span<byte> error)
    {
        if (IpPacket.Parse(packet, out IpPacket parsed) != IpParseError.None)
        {
            return 0;
        }

        bool isIPv4 = !parsed.IsIPv6;
        int header = isIPv4 ? IpPacket.MinimumHeaderLength : IpPacket.IPv6HeaderLength;
        int quote = Math.Min(isIPv4 ? header + 8 : Quoted, packet.Length);
        int length = IcmpPacket.HeaderLength + quote;
        byte protocol = isIPv4 ? IpPacket.ProtocolIcmp : IpPacket.ProtocolIcmpV6;
        var fields = new IpFields(parsed.Destination, parsed.Source, protocol, 0, 0, 64, DontFragment: false);
        IpPacket.WriteHeader(error, fields, length);
        Span<byte> message = error.Slice(header, length);
        packet[..quote].CopyTo(message[IcmpPacket.HeaderLength..]);
        if (isIPv4)
        {
            const byte FragmentationNeeded = 4;
            IcmpPacket.WriteHeader(message, IcmpType.DestinationUnreachable, FragmentationNeeded, (uint)mtu);
            return header + length;
        }

        message[0] = Icmp6Type.PacketTooBig;
        message[1] = message[2] = message[3] = 0;
        BinaryPrimitives.WriteUInt32BigEndian(message[4..], (uint)mtu);
        ulong pseudo = Checksum.PseudoHeader(parsed.Destination, parsed.Source, protocol, length);
        BinaryPrimitives.WriteUInt16LittleEndian(message[2..], Checksum.Finish(Checksum.Add(message, pseudo)));
        return header + length;
    }
}
