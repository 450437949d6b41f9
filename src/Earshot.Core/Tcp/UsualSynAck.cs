using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Earshot.Core.Tcp.Listening;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp;

/// <summary>The answer to nearly every SYN: over IPv4, with MSS, timestamps and window scale. It is written and summed
/// at once, a number at a time, where <see cref="TcpFields"/> would ask of each option whether it is there.</summary>
internal static class UsualSynAck
{
    /// <summary>Bytes of the packet.</summary>
    internal const int Length = IpPacket.MinimumHeaderLength + SegmentLength;

    private const int SegmentLength = 40;
    private const uint MssOption = 0x02040000;
    private const uint StampsOption = 0x0101080a;
    private const uint SackAndStampsOptions = 0x0402080a;
    private const uint ScaleOption = 0x01030300;

    /// <summary>Writes it, with both checksums.</summary>
    /// <param name="target"><see cref="Length"/> bytes.</param>
    /// <param name="request">Whose answer it is.</param>
    /// <param name="tuple">Both ends.</param>
    /// <param name="tos">Type of service.</param>
    /// <param name="ttl">Time to live, in hops.</param>
    /// <param name="mss">The MSS to announce, in bytes.</param>
    /// <param name="stamp">TSval.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Write(
        Span<byte> target, in ConnectionRequest request, in FourTuple tuple, byte tos, byte ttl, int mss, uint stamp)
    {
        ref byte start = ref MemoryMarshal.GetReference(target[..Length]);
        uint from = tuple.Local.Address.Bits;
        uint to = tuple.Remote.Address.Bits;
        IpPacket.WriteIPv4(
            ref start, Length, tos, identification: 0, dontFragment: true, ttl, IpPacket.ProtocolTcp, from, to);

        TcpFlags flags = TcpFlags.Syn | TcpFlags.Ack | (request.Has(RequestFlags.Ecn) ? TcpFlags.Ece : 0);
        uint ports = ((uint)request.LocalPort << 16) | request.RemotePort;
        uint isn = request.Isn;
        uint acknowledged = request.ReceiveNext.Value;
        uint window = Math.Min(request.WindowBytes, ushort.MaxValue);
        uint control = ((uint)SegmentLength << 26) | ((uint)flags << 16) | window;
        uint size = MssOption | (ushort)mss;
        uint stamps = request.Has(RequestFlags.Sack) ? SackAndStampsOptions : StampsOption;
        uint echo = request.TsRecent;
        uint scale = ScaleOption | request.OwnWindowScale;
        uint checksum = Checksum.Finish(
            (ulong)from + to + (IpPacket.ProtocolTcp + SegmentLength) + ports + isn + acknowledged + control + size
            + stamps + stamp + echo + scale);

        ref byte segment = ref Unsafe.Add(ref start, IpPacket.MinimumHeaderLength);
        BigEndian.Write(ref segment, TcpSegment.SourcePortOffset, ports, isn);
        BigEndian.Write(ref segment, TcpSegment.AcknowledgmentOffset, acknowledged, control);
        BigEndian.Write(ref segment, TcpSegment.ChecksumOffset, checksum << 16, size);
        BigEndian.Write(ref segment, 24, stamps, stamp);
        BigEndian.Write(ref segment, 32, echo, scale);
    }
}
