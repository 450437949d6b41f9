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
/// <param name="Flags">What is known about the checksum.</param>
/// <param name="SegmentSize">Payload bytes of each segment of a merged packet; 0: a single segment.</param>
/// <param name="ChecksumStart">Offset in bytes where the checksum to be completed begins.</param>
/// <param name="ChecksumOffset">Where it is stored, in bytes after its beginning.</param>
public readonly record struct PacketInfo(
    PacketFlags Flags = PacketFlags.None,
    ushort SegmentSize = 0,
    ushort ChecksumStart = 0,
    ushort ChecksumOffset = 0)
{
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
}

/// <summary>A packet on its way out; valid until the next call into the stack.</summary>
public readonly ref struct OutboundPacket
{
    internal OutboundPacket(ReadOnlySpan<byte> bytes, int @interface, PacketInfo info, Time.Instant time)
    {
        Bytes = bytes;
        Interface = @interface;
        Info = info;
        Time = time;
    }

    /// <summary>The whole IP packet.</summary>
    public ReadOnlySpan<byte> Bytes { get; }

    /// <summary>The interface that it leaves by: 2 is the first after loopback.</summary>
    public int Interface { get; }

    /// <summary>What the link has to do.</summary>
    public PacketInfo Info { get; }

    /// <summary>When the stack sent it.</summary>
    public Time.Instant Time { get; }
}
