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
    private const uint Version4 = 0x45000000;
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
        uint first = Version4 | ((uint)tos << 16) | Length;
        const uint second = IpPacket.DontFragmentBit;
        uint third = ((uint)ttl << 24) | (IpPacket.ProtocolTcp << 16);
        uint from = tuple.Local.Address.Bits;
        uint to = tuple.Remote.Address.Bits;
        ulong ends = (ulong)from + to;
        third |= Checksum.Finish(ends + first + second + third);

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
            ends + (IpPacket.ProtocolTcp + SegmentLength) + ports + isn + acknowledged + control + size + stamps + stamp
            + echo + scale);

        BigEndian.Write(ref start, 0, first, second);
        BigEndian.Write(ref start, 8, third, from);
        BigEndian.Write(ref start, 16, to, ports);
        BigEndian.Write(ref start, 24, isn, acknowledged);
        BigEndian.Write(ref start, 32, control, checksum << 16);
        BigEndian.Write(ref start, 40, size, stamps);
        BigEndian.Write(ref start, 48, stamp, echo);
        BigEndian.Write(ref start, 56, scale);
    }
}
