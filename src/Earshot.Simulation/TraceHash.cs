using System;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Earshot.Simulation;

/// <summary>
/// A running 64-bit fingerprint of everything that happened on the wires: equal runs have equal values.
/// </summary>
/// <remarks>A multiply-and-rotate hash over words, for comparing runs; it is no defence against anybody.</remarks>
internal struct TraceHash
{
    private const ulong Start = 0xcbf29ce484222325;
    private const ulong Multiplier = 0x9e3779b97f4a7c15;
    private ulong _state;

    /// <summary>The fingerprint of what was added so far.</summary>
    internal readonly ulong Value
    {
        get
        {
            ulong x = _state ^ Start;
            x = (x ^ (x >> 32)) * Multiplier;
            return x ^ (x >> 29);
        }
    }

    /// <summary>Adds a number.</summary>
    internal void Add(ulong word) => _state = BitOperations.RotateLeft((_state ^ word) * Multiplier, 31);

    /// <summary>Adds bytes and their count.</summary>
    internal void Add(ReadOnlySpan<byte> bytes)
    {
        Add((ulong)bytes.Length);
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (ulong word in words)
        {
            Add(BitConverter.IsLittleEndian ? word : System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(word));
        }

        ulong rest = 0;
        foreach (byte b in bytes[(words.Length * sizeof(ulong))..])
        {
            rest = (rest << 8) | b;
        }

        Add(rest);
    }
}
