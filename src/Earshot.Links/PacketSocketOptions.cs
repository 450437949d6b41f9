using System;

namespace Earshot.Links;

/// <summary>How <see cref="PacketSocketLink.Open"/> listens on a device.</summary>
public sealed record PacketSocketOptions
{
    /// <summary>The least and the most bytes of a block of the ring.</summary>
    public const int LeastBlockBytes = 1 << 17;

    /// <summary>The most bytes of the whole ring.</summary>
    public const int MostRingBytes = 1 << 28;

    /// <summary>Bytes of a block, a power of two of at least 128 KiB, so that it holds the longest frame. 256 KiB by
    /// default.</summary>
    public int BlockBytes { get; init; } = 1 << 18;

    /// <summary>Blocks of the ring, at least 2; block bytes and blocks make at most 256 MiB. 16 by default.</summary>
    public int Blocks { get; init; } = 16;

    /// <summary>How long the kernel gathers frames before it hands over a block that is not full: whole milliseconds,
    /// at least 1. 1 ms by default.</summary>
    public TimeSpan BlockTimeout { get; init; } = TimeSpan.FromMilliseconds(1);

    /// <summary>Whether frames to other stations are taken too, which a stack needs whose Ethernet address is not the
    /// device's own. On by default.</summary>
    public bool Promiscuous { get; init; } = true;
}
