using System.Runtime.InteropServices;

namespace Earshot.Links.Native;

/// <summary>struct virtio_net_hdr, in the machine's byte order: what IFF_VNET_HDR puts before each packet.</summary>
/// <remarks>
/// <code>
///   0        1         2                 4                 6                 8               10
///  +--------+---------+-----------------+-----------------+-----------------+-----------------+
///  | flags  | gsoType |  headerLength   |   segmentSize   |  checksumStart  | checksumOffset  |
///  +--------+---------+-----------------+-----------------+-----------------+-----------------+
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct VirtioNetHeader
{
    internal const int Length = 10;

    private const byte NeedsChecksum = 1;
    private const byte DataValid = 2;
    private const byte SegmentationNone = 0;
    private const byte SegmentationTcp4 = 1;
    private const byte SegmentationTcp6 = 4;

    // Set beside the type when a segment has CWR; the kernel hands such packets over in one piece only if asked to.
    private const byte SegmentationEcn = 0x80;

    private const int TcpDataOffset = 12;

    private byte _flags;
    private byte _segmentationType;
    private ushort _headerLength;
    private ushort _segmentSize;
    private ushort _checksumStart;
    private ushort _checksumOffset;

    /// <summary>The header for a packet to send; the packet has passed the check for sending.</summary>
    internal static VirtioNetHeader For(System.ReadOnlySpan<byte> packet, in LinkPacketInfo info)
    {
        VirtioNetHeader header = default;
        if ((info.Flags & LinkPacketFlags.ChecksumPartial) == 0)
        {
            return header;
        }

        header._flags = NeedsChecksum;
        header._checksumStart = info.ChecksumStart;
        header._checksumOffset = info.ChecksumOffset;
        if (info.SegmentSize != 0)
        {
            int tcpHeaderLength = (packet[info.ChecksumStart + TcpDataOffset] >> 4) * 4;
            header._segmentationType = packet[0] >> 4 == 6 ? SegmentationTcp6 : SegmentationTcp4;
            header._segmentSize = info.SegmentSize;
            header._headerLength = (ushort)(info.ChecksumStart + tcpHeaderLength);
        }

        return header;
    }

    /// <summary>Reads what the kernel said; false for a kind of super-packet that was never asked for.</summary>
    internal readonly bool TryRead(out LinkPacketInfo info)
    {
        LinkPacketFlags flags = LinkPacketFlags.None;
        ushort start = 0, offset = 0, segmentSize = 0;
        if ((_flags & NeedsChecksum) != 0)
        {
            flags = LinkPacketFlags.ChecksumPartial;
            start = _checksumStart;
            offset = _checksumOffset;
        }
        else if ((_flags & DataValid) != 0)
        {
            flags = LinkPacketFlags.ChecksumGood;
        }

        bool known = true;
        switch (_segmentationType & ~SegmentationEcn)
        {
            case SegmentationNone:
                break;
            case SegmentationTcp4 or SegmentationTcp6:
                segmentSize = _segmentSize;
                break;
            default:
                known = false;
                break;
        }

        info = new LinkPacketInfo(flags, segmentSize, start, offset);
        return known;
    }
}
