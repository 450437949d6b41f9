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
    private const uint Version4 = 0x45000000;
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
        uint first = Version4 | ((uint)ip.Tos << 16) | (ushort)(HeaderLength + payload);
        uint second = ((uint)ip.Identification << 16) | (ip.DontFragment ? IpPacket.DontFragmentBit : 0u);
        uint third = ((uint)ip.Ttl << 24) | (IpPacket.ProtocolTcp << 16);
        uint from = ip.Source.Bits;
        uint to = ip.Destination.Bits;
        ulong ends = (ulong)from + to;
        third |= Checksum.Finish(ends + first + second + third);

        uint ports = ((uint)tcp.SourcePort << 16) | tcp.DestinationPort;
        uint control = ((uint)TcpLength << 26) | ((uint)tcp.ReservedBits << 24) | ((uint)tcp.Flags << 16)
            | tcp.WindowField;
        uint stamp = tcp.Options.TsVal;
        uint echo = tcp.Options.TsEcr;
        BigEndian.Write(ref start, 0, first, second);
        BigEndian.Write(ref start, 8, third, from);
        BigEndian.Write(ref start, 16, to, ports);
        BigEndian.Write(ref start, 24, tcp.Seq.Value, tcp.Ack.Value);
        BigEndian.Write(ref start, 32, control, tcp.UrgentPointer);
        BigEndian.Write(ref start, 40, StampsOption, stamp);
        BigEndian.Write(ref start, 48, echo);
        return Checksum.FromBigEndian(
            ends + IpPacket.ProtocolTcp + (uint)(TcpLength + payload) + ports + tcp.Seq.Value + tcp.Ack.Value + control
            + tcp.UrgentPointer + StampsOption + stamp + echo);
    }
}
