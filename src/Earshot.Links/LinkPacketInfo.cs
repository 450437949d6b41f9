using System;

namespace Earshot.Links;

/// <summary>What is known about a packet's checksum.</summary>
[Flags]
public enum LinkPacketFlags : byte
{
    /// <summary>Nothing is known: the receiver verifies.</summary>
    None = 0,

    /// <summary>Received: the transport checksum was verified, or the way was one that cannot damage it.</summary>
    ChecksumGood = 1,

    /// <summary>
    /// The checksum field holds only the pseudo-header's sum, uncomplemented. Received, it counts as good: the packet
    /// never was on a wire. Sent, the link (or the far end) completes it.
    /// </summary>
    ChecksumPartial = 2,
}

/// <summary>What travels beside a packet: its checksum's state and, for a super-packet, how to cut it.</summary>
/// <param name="Flags">The state of the transport checksum.</param>
/// <param name="SegmentSize">Payload bytes per segment of a TCP super-packet; 0 for a single packet.</param>
/// <param name="ChecksumStart">
/// With <see cref="LinkPacketFlags.ChecksumPartial"/>: where summing starts, in bytes from the start of the IP header.
/// </param>
/// <param name="ChecksumOffset">
/// With <see cref="LinkPacketFlags.ChecksumPartial"/>: where the checksum field lies, in bytes from
/// <paramref name="ChecksumStart"/>.
/// </param>
public readonly record struct LinkPacketInfo(
    LinkPacketFlags Flags, ushort SegmentSize = 0, ushort ChecksumStart = 0, ushort ChecksumOffset = 0)
{
    /// <summary>The longest packet any link carries, in bytes: an IPv6 header and a full payload.</summary>
    public const int MaxPacketLength = 40 + 65535;

    private const int MinTcpHeaderLength = 20;

    /// <summary>Throws when the packet leaves work to a link that the link does not do.</summary>
    internal void CheckForSending(int packetLength, LinkOffload offload)
    {
        bool partial = (Flags & LinkPacketFlags.ChecksumPartial) != 0;
        if (!partial && SegmentSize == 0)
        {
            return;
        }

        if (!partial)
        {
            throw new ArgumentException("A super-packet's checksum has to be left to the link (ChecksumPartial).");
        }

        if ((offload & LinkOffload.Checksum) == 0)
        {
            throw new ArgumentException("This link does not complete checksums: see ILink.Offload.");
        }

        if (SegmentSize != 0 && (offload & LinkOffload.Segmentation) == 0)
        {
            throw new ArgumentException("This link does not cut super-packets into segments: see ILink.Offload.");
        }

        int needed = SegmentSize == 0 ? ChecksumOffset + sizeof(ushort) : MinTcpHeaderLength;
        if (ChecksumStart + needed > packetLength)
        {
            throw new ArgumentException("ChecksumStart and ChecksumOffset point outside the packet.");
        }
    }
}
