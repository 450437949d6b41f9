using System;

namespace Earshot.Core;

/// <summary>What is known about a packet's transport checksum.</summary>
[Flags]
public enum PacketFlags : byte
{
    /// <summary>Nothing: verify it coming in, complete it going out.</summary>
    None = 0,

    /// <summary>Coming in: it need not be verified.</summary>
    ChecksumGood = 1,

    /// <summary>Going out: only the pseudo-header is summed; the link completes it.</summary>
    ChecksumPartial = 2,
}

/// <summary>What a link tells about a packet, or is told.</summary>
/// <remarks>One number holds it all but the mark: it is copied with every packet, and a copy of parts just written
/// would wait for them.</remarks>
public readonly record struct PacketInfo
{
    private const int SizeShift = 16;
    private const int StartShift = 32;
    private const int OffsetShift = 48;
    private const PacketFlags LoopedBackFlag = (PacketFlags)0x80;
    private readonly ulong _packed;

    /// <summary>Makes one.</summary>
    /// <param name="flags">What is known about the checksum.</param>
    /// <param name="segmentSize">Payload bytes of each segment of a merged packet; 0: a single segment.</param>
    /// <param name="checksumStart">Offset in bytes where the checksum to be completed begins.</param>
    /// <param name="checksumOffset">Where it is stored, in bytes after its beginning.</param>
    /// <param name="mark">The packet's mark.</param>
    public PacketInfo(
        PacketFlags flags, ushort segmentSize = 0, ushort checksumStart = 0, ushort checksumOffset = 0, uint mark = 0)
    {
        _packed = (ulong)flags | ((ulong)segmentSize << SizeShift) | ((ulong)checksumStart << StartShift)
            | ((ulong)checksumOffset << OffsetShift);
        Mark = mark;
    }

    /// <summary>Of a copy for this host of what it sends to several. Linux: PACKET_LOOPBACK.</summary>
    internal static PacketInfo LoopedBack { get; } = new(LoopedBackFlag);

    internal bool IsLoopedBack => (Flags & LoopedBackFlag) != 0;

    /// <summary>What is known about the checksum.</summary>
    public PacketFlags Flags => (PacketFlags)(byte)_packed;

    /// <summary>Payload bytes of each segment of a merged packet; 0: a single segment.</summary>
    public ushort SegmentSize => (ushort)(_packed >> SizeShift);

    /// <summary>Offset in bytes where the checksum to be completed begins.</summary>
    public ushort ChecksumStart => (ushort)(_packed >> StartShift);

    /// <summary>Where it is stored, in bytes after its beginning.</summary>
    public ushort ChecksumOffset => (ushort)(_packed >> OffsetShift);

    /// <summary>The packet's mark: what came with it, or SO_MARK of the socket that sends it.</summary>
    public uint Mark { get; init; }
}

/// <summary>What the link behind an interface does for the stack.</summary>
[Flags]
public enum InterfaceOffload : byte
{
    /// <summary>Nothing: packets leave complete, no longer than the MTU.</summary>
    None = 0,

    /// <summary>The link completes checksums.</summary>
    Checksum = 1,

    /// <summary>The link cuts super-packets of up to 64 KB into segments.</summary>
    Segmentation = 2,

    /// <summary>The link tells when it is done with packets, by <see cref="NetworkStack.CompleteTransmissions"/>; until
    /// then they count as waiting in it. Without this they have left when the stack gives them away.</summary>
    Completion = 4,
}

/// <summary>A packet on its way out; valid until the next call into the stack.</summary>
public ref struct OutboundPacket
{
    /// <summary>The whole IP packet.</summary>
    public ReadOnlySpan<byte> Bytes { get; internal set; }

    /// <summary>The interface that it leaves by: 2 is the first after loopback.</summary>
    public int Interface { get; internal set; }

    /// <summary>What the link has to do.</summary>
    public PacketInfo Info { get; internal set; }

    /// <summary>When the stack sent it.</summary>
    public Time.Instant Time { get; internal set; }
}
