using System;
using Earshot.Core.Time;

namespace Earshot.Core;

/// <summary>A packet as a capture sees it.</summary>
public readonly ref struct TappedPacket
{
    internal TappedPacket(
        ReadOnlySpan<byte> bytes,
        Instant time,
        int @interface,
        bool outbound,
        PacketInfo info,
        ReadOnlySpan<LedgerEntry> verdicts)
    {
        Bytes = bytes;
        Time = time;
        Interface = @interface;
        IsOutbound = outbound;
        Info = info;
        Verdicts = verdicts;
    }

    /// <summary>The whole IP packet.</summary>
    public ReadOnlySpan<byte> Bytes { get; }

    /// <summary>When it arrived or left.</summary>
    public Instant Time { get; }

    /// <summary>The interface: 1 is loopback, where each packet is seen once, arriving.</summary>
    public int Interface { get; }

    /// <summary>Whether it leaves this host.</summary>
    public bool IsOutbound { get; }

    /// <summary>What is known about its checksum and its size.</summary>
    public PacketInfo Info { get; }

    /// <summary>The verdicts that it got, in order; empty for a packet that leaves.</summary>
    public ReadOnlySpan<LedgerEntry> Verdicts { get; }
}

/// <summary>Sees every packet of a stack, after it was judged. It must not call into the stack.</summary>
/// <param name="packet">The packet, valid only during the call.</param>
public delegate void PacketTap(in TappedPacket packet);
