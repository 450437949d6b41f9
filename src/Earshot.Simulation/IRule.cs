using System;
using Earshot.Core;
using Earshot.Core.Time;

namespace Earshot.Simulation;

/// <summary>
/// One thing that a wire does to packets. Rules stand in a chain; the first that does not pass decides.
/// </summary>
public interface IRule
{
    /// <summary>Judges a packet that enters the wire.</summary>
    /// <param name="packet">The packet, valid only during the call.</param>
    /// <param name="chance">The only source of chance a rule may use: the wire's stream for this direction.</param>
    /// <returns>What becomes of the packet.</returns>
    Fate Judge(in WirePacket packet, Chance chance);
}

/// <summary>The kinds of answer that a rule can give.</summary>
public enum FateKind
{
    /// <summary>The next rule decides; after the last one the packet is delivered after the wire's latency.</summary>
    Pass,

    /// <summary>The packet is delivered later than the wire's latency alone would have it.</summary>
    Deliver,

    /// <summary>The packet is lost.</summary>
    Drop,

    /// <summary>There are two of it now, and the next rules judge each for itself.</summary>
    Twice,

    /// <summary>One of its bits is turned over, and the next rules judge it.</summary>
    Damage,

    /// <summary>The packet is lost, and its sender told by ICMP what the way takes.</summary>
    TooBig,
}

/// <summary>What a rule does with a packet.</summary>
/// <param name="Kind">The kind of answer.</param>
/// <param name="After">Of <see cref="FateKind.Deliver"/>: the time added to the wire's latency, 0 or more.</param>
/// <param name="Mtu">Of <see cref="FateKind.TooBig"/>: bytes of the largest packet.</param>
public readonly record struct Fate(FateKind Kind, TimeSpan After = default, int Mtu = 0)
{
    /// <summary>Of <see cref="FateKind.Deliver"/>: whether the packet gets the mark of congestion, if its sender speaks
    /// ECN.</summary>
    public bool Marks { get; init; }

    /// <summary>The next rule decides.</summary>
    public static Fate Pass => default;

    /// <summary>The packet is lost.</summary>
    public static Fate Drop => new(FateKind.Drop);

    /// <summary>There are two of it now.</summary>
    public static Fate Twice => new(FateKind.Twice);

    /// <summary>One of its bits is turned over.</summary>
    public static Fate Damage => new(FateKind.Damage);

    /// <summary>The packet is lost, and its sender told what the way takes.</summary>
    /// <param name="mtu">Bytes of the largest packet.</param>
    public static Fate TooBig(int mtu) => new(FateKind.TooBig, default, mtu);

    /// <summary>The packet is delivered.</summary>
    /// <param name="after">The time added to the wire's latency, 0 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">Less than 0.</exception>
    public static Fate Deliver(TimeSpan after)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(after, TimeSpan.Zero);
        return new Fate(FateKind.Deliver, after);
    }
}

/// <summary>A packet that enters a wire, as a rule sees it.</summary>
public readonly ref struct WirePacket
{
    internal WirePacket(ReadOnlySpan<byte> bytes, PacketInfo info, Node from, Instant time, long ordinal)
    {
        Bytes = bytes;
        Info = info;
        From = from;
        Time = time;
        Ordinal = ordinal;
    }

    /// <summary>The whole IP packet.</summary>
    public ReadOnlySpan<byte> Bytes { get; }

    /// <summary>What its sender left to the link.</summary>
    public PacketInfo Info { get; }

    /// <summary>The host or switch that sent it.</summary>
    public Node From { get; }

    /// <summary>When it was sent.</summary>
    public Instant Time { get; }

    /// <summary>Whether a rule has damaged it, or is about to.</summary>
    internal bool IsDamaged { get; init; }

    /// <summary>Its number among the packets that entered the wire in this direction, from 0.</summary>
    public long Ordinal { get; }
}
