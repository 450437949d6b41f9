using System.Numerics;

namespace Earshot.Core;

/// <summary>The named streams of randomness: a new draw in one stream shifts no other.</summary>
public enum ChanceStream
{
    /// <summary>Keys of initial sequence numbers and timestamp offsets.</summary>
    InitialSequence,

    /// <summary>The key of the socket table and of every listener's SYN table.</summary>
    SocketHash,

    /// <summary>Local ports.</summary>
    Ports,

    /// <summary>IP identifications.</summary>
    Identification,

    /// <summary>The phase of the tick, and delays that the kernel draws.</summary>
    Time,

    /// <summary>Which verdicts the ledger keeps as samples.</summary>
    Ledger,

    /// <summary>Limits that are drawn anew, such as those of challenge ACKs and ICMP.</summary>
    Limits,

    /// <summary>What a simulated wire does to packets.</summary>
    Wire,

    /// <summary>What a simulated program does.</summary>
    Program,

    /// <summary>The keys of SYN cookies.</summary>
    SynCookies,

    /// <summary>The key of Fast Open cookies.</summary>
    FastOpen,

    /// <summary>Identifications of IPv6 fragments.</summary>
    Fragments,

    /// <summary>How long neighbours are held to be reachable.</summary>
    Neighbors,

    /// <summary>Delays and nonces of neighbour discovery.</summary>
    Discovery,

    /// <summary>Delays of reports about groups of IPv4.</summary>
    Groups,

    /// <summary>Delays of reports about groups of IPv6.</summary>
    Groups6,
}

/// <summary>One stream of random numbers (xoshiro256**), derived from a 256-bit seed and a name.</summary>
/// <remarks>Not for keys that an attacker must not guess unless the seed itself came from the operating
/// system.</remarks>
public sealed class Chance
{
    private ulong _s0;
    private ulong _s1;
    private ulong _s2;
    private ulong _s3;

    /// <summary>Derives a stream from a seed.</summary>
    /// <param name="seed">Four words; shorter seeds are spread with <see cref="Spread"/>.</param>
    /// <param name="stream">The stream's name.</param>
    public Chance(in Seed256 seed, ChanceStream stream)
    {
        // SipHash of the name under the seed's halves gives four independent starting words.
        ulong name = (ulong)stream + 1;
        _s0 = SipHash.Hash(seed.A, seed.B, name, 0);
        _s1 = SipHash.Hash(seed.B, seed.C, name, 1);
        _s2 = SipHash.Hash(seed.C, seed.D, name, 2);
        _s3 = SipHash.Hash(seed.D, seed.A, name, 3) | 1;
    }

    /// <summary>Spreads a short seed over 256 bits.</summary>
    public static Seed256 Spread(ulong seed) => new(
        SplitMix(seed), SplitMix(seed + 0x9e3779b97f4a7c15), SplitMix(seed + 0x3c6ef372fe94f82a),
        SplitMix(seed + 0xdaa66d2c7ddf743f));

    /// <summary>The next 64 bits.</summary>
    public ulong Next()
    {
        ulong result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        ulong t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>The next 32 bits.</summary>
    public uint NextUInt32() => (uint)(Next() >> 32);

    /// <summary>A number from 0 up to, not including, <paramref name="bound"/>.</summary>
    /// <param name="bound">At least 1.</param>
    public uint Below(uint bound) => (uint)((Next() >> 32) * bound >> 32);

    /// <summary>A number between 0 and 1, neither of them.</summary>
    public double Fraction() => ((Next() >> 11) + 0.5) * (1.0 / (1ul << 53));

    /// <summary>Whether an event of this probability happens.</summary>
    /// <param name="probability">0 to 1.</param>
    public bool Happens(double probability) => (Next() >> 11) * (1.0 / (1ul << 53)) < probability;

    private static ulong SplitMix(ulong x)
    {
        x += 0x9e3779b97f4a7c15;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
        x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
        return x ^ (x >> 31);
    }
}

/// <summary>A 256-bit seed.</summary>
/// <param name="A">First word.</param>
/// <param name="B">Second word.</param>
/// <param name="C">Third word.</param>
/// <param name="D">Fourth word.</param>
public readonly record struct Seed256(ulong A, ulong B, ulong C, ulong D);
