using System;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

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

/// <summary>SipHash-2-4: the keyed hash of sequence numbers, cookies and tables.</summary>
public static class SipHash
{
    /// <summary>Hashes two words.</summary>
    /// <param name="k0">First half of the key.</param>
    /// <param name="k1">Second half of the key.</param>
    /// <param name="m0">First eight bytes of the message, little-endian.</param>
    /// <param name="m1">Last eight bytes.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Hash(ulong k0, ulong k1, ulong m0, ulong m1)
    {
        ulong v0 = k0 ^ 0x736f6d6570736575;
        ulong v1 = k1 ^ 0x646f72616e646f6d;
        ulong v2 = k0 ^ 0x6c7967656e657261;
        ulong v3 = k1 ^ 0x7465646279746573;
        v3 ^= m0;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        v0 ^= m0;
        v3 ^= m1;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        v0 ^= m1;
        const ulong Length = 16ul << 56;
        v3 ^= Length;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        v0 ^= Length;
        v2 ^= 0xff;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        return v0 ^ v1 ^ v2 ^ v3;
    }

    /// <summary>Hashes bytes.</summary>
    /// <param name="k0">First half of the key.</param>
    /// <param name="k1">Second half of the key.</param>
    /// <param name="message">The message.</param>
    public static ulong Hash(ulong k0, ulong k1, ReadOnlySpan<byte> message)
    {
        ulong v0 = k0 ^ 0x736f6d6570736575;
        ulong v1 = k1 ^ 0x646f72616e646f6d;
        ulong v2 = k0 ^ 0x6c7967656e657261;
        ulong v3 = k1 ^ 0x7465646279746573;
        ulong last = (ulong)message.Length << 56;
        while (message.Length >= 8)
        {
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(message);
            v3 ^= word;
            Round(ref v0, ref v1, ref v2, ref v3);
            Round(ref v0, ref v1, ref v2, ref v3);
            v0 ^= word;
            message = message[8..];
        }

        for (int i = 0; i < message.Length; i++)
        {
            last |= (ulong)message[i] << (8 * i);
        }

        v3 ^= last;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        v0 ^= last;
        v2 ^= 0xff;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        return v0 ^ v1 ^ v2 ^ v3;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3)
    {
        v0 += v1;
        v1 = BitOperations.RotateLeft(v1, 13) ^ v0;
        v0 = BitOperations.RotateLeft(v0, 32);
        v2 += v3;
        v3 = BitOperations.RotateLeft(v3, 16) ^ v2;
        v0 += v3;
        v3 = BitOperations.RotateLeft(v3, 21) ^ v0;
        v2 += v1;
        v1 = BitOperations.RotateLeft(v1, 17) ^ v2;
        v2 = BitOperations.RotateLeft(v2, 32);
    }
}
