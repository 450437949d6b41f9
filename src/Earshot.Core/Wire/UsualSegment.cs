using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Earshot.Core.Wire;

/// <summary>The headers of nearly every segment of a connection: IPv4 without options, TCP with timestamps alone. They
/// are written and summed at once, a number at a time, where <see cref="TcpFields"/> would ask of each option whether
/// it is there.</summary>
internal static class UsualSegment
{
    /// <summary>Bytes of both headers.</summary>
    internal const int HeaderLength = IpPacket.MinimumHeaderLength + TcpLength;

    private const int TcpLength = TcpSegment.MinimumHeaderLength + TcpOptions.TimestampLength;
    private const uint StampsOption = 0x0101080a;

    /// <summary>Writes them; TCP's checksum is left 0.</summary>
    /// <param name="target">At least <see cref="HeaderLength"/> bytes.</param>
    /// <param name="ip">What the IP header says; the addresses are of IPv4.</param>
    /// <param name="tcp">What the TCP header says; of options only the timestamps count.</param>
    /// <param name="payload">Bytes of data that follow.</param>
    /// <returns>The partial sum of TCP's header and pseudo-header, folded, in the machine's order.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static ulong Write(Span<byte> target, in IpFields ip, in TcpFields tcp, int payload)
    {
        ref byte start = ref MemoryMarshal.GetReference(target[..HeaderLength]);
        uint from = ip.Source.Bits;
        uint to = ip.Destination.Bits;
        IpPacket.WriteIPv4(
            ref start, HeaderLength + payload, ip.Tos, ip.Identification, ip.DontFragment, ip.Ttl,
            IpPacket.ProtocolTcp, from, to);

        uint ports = ((uint)tcp.SourcePort << 16) | tcp.DestinationPort;
        uint control = ((uint)TcpLength << 26) | ((uint)tcp.ReservedBits << 24) | ((uint)tcp.Flags << 16)
            | tcp.WindowField;
        uint stamp = tcp.Options.TsVal;
        uint echo = tcp.Options.TsEcr;
        ref byte segment = ref Unsafe.Add(ref start, IpPacket.MinimumHeaderLength);
        BigEndian.Write(ref segment, TcpSegment.SourcePortOffset, ports, tcp.Seq.Value);
        BigEndian.Write(ref segment, TcpSegment.AcknowledgmentOffset, tcp.Ack.Value, control);
        BigEndian.Write(ref segment, TcpSegment.ChecksumOffset, tcp.UrgentPointer, StampsOption);
        BigEndian.Write(ref segment, 24, stamp, echo);
        return Checksum.FromBigEndian(
            (ulong)from + to + IpPacket.ProtocolTcp + (uint)(TcpLength + payload) + ports + tcp.Seq.Value
            + tcp.Ack.Value + control + tcp.UrgentPointer + StampsOption + stamp + echo);
    }
}
