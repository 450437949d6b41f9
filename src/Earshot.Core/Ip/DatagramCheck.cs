using System.Buffers.Binary;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>Which UDP datagrams are worth an answer. Linux: __udp4_lib_rcv, __udp6_lib_rcv.</summary>
/// <remarks>
/// <code>
/// |          Source port          |       Destination port        |
/// |            Length             |           Checksum            |
/// </code>
/// </remarks>
internal sealed class DatagramCheck(StackContext context)
{
    private const int HeaderLength = 8;
    private const int LengthOffset = 4;
    private const int ChecksumOffset = 6;

    /// <summary>Whether a datagram is whole and its checksum right; what is not is counted and has its
    /// verdict.</summary>
    /// <param name="packet">The packet that carries it.</param>
    /// <param name="info">What its link knows of it.</param>
    internal bool IsSound(in IpPacket packet, PacketInfo info)
    {
        if (!HasLength(packet, out int length))
        {
            return Refuse(packet, RuleId.SegmentHeader);
        }

        // An IPv4 sender may do without a checksum, an IPv6 sender may not. RFC 768; RFC 8200 §8.1.
        bool isIPv4 = packet.Source.IsIPv4;
        bool lacks = BinaryPrimitives.ReadUInt16BigEndian(packet.Payload[ChecksumOffset..]) == 0;
        bool trusted = (info.Flags & (PacketFlags.ChecksumGood | PacketFlags.ChecksumPartial)) != 0;
        ulong pseudo = Checksum.PseudoHeader(packet.Source, packet.Destination, IpPacket.ProtocolUdp, length);
        if (lacks ? isIPv4 : trusted || Checksum.IsValid(Checksum.Add(packet.Payload[..length], pseudo)))
        {
            return true;
        }

        context.Mib.Count(isIPv4 ? Counter.UdpInCsumErrors : Counter.Udp6InCsumErrors);
        return Refuse(packet, RuleId.SegmentChecksum);
    }

    /// <summary>Counts a datagram to a port that nobody has.</summary>
    /// <param name="packet">The packet that carries it.</param>
    /// <param name="isUnicast">Whether it was for this host alone; else it is ignored rather than answered.</param>
    internal void CountClosed(in IpPacket packet, bool isUnicast)
    {
        bool isIPv4 = packet.Source.IsIPv4;
        context.Mib.Count(isUnicast
            ? isIPv4 ? Counter.UdpNoPorts : Counter.Udp6NoPorts
            : isIPv4 ? Counter.UdpIgnoredMulti : Counter.Udp6IgnoredMulti);
    }

    // Bytes behind the datagram's own length are padding; of a jumbogram the length is 0.
    private static bool HasLength(in IpPacket packet, out int length)
    {
        int there = packet.Payload.Length;
        length = 0;
        if (there < HeaderLength)
        {
            return false;
        }

        length = BinaryPrimitives.ReadUInt16BigEndian(packet.Payload[LengthOffset..]);
        length = length == 0 && packet.Source.IsIPv6 ? there : length;
        return length >= HeaderLength && length <= there;
    }

    private bool Refuse(in IpPacket packet, RuleId rule)
    {
        context.Mib.Count(packet.Source.IsIPv4 ? Counter.UdpInErrors : Counter.Udp6InErrors);
        context.Judge(
            new FourTuple(new InetEndpoint(packet.Destination, 0), new InetEndpoint(packet.Source, 0)),
            new Verdict(rule));
        return false;
    }
}
