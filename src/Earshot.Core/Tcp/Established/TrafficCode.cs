using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Earshot.Core.Tcp.Established;

/// <summary>The short form of a connection's numbers: while nothing moves most of them are 0, small or alike.</summary>
/// <remarks>Exact for every state. Differences are taken of what is alike; a bit for each word of 32 bits tells whether
/// it is there; those that are follow, as small numbers of either sign, seven bits a byte, the lowest first.</remarks>
internal static class TrafficCode
{
    private const int WordBits = 32;
    private const int MapBits = 64;
    private const int Lane = 8;
    private const int PayloadBits = 7;
    private const byte More = 0x80;

    /// <summary>The most bytes that a short form takes.</summary>
    internal static int LongestForm => (Maps * sizeof(ulong)) + (Words * ((WordBits / PayloadBits) + 1));

    private static int Words => Unsafe.SizeOf<TrafficState>() / sizeof(uint);

    private static int Maps => (Words + MapBits - 1) / MapBits;

    /// <summary>Writes the short form.</summary>
    /// <param name="state">The numbers, which are others afterwards.</param>
    /// <param name="target">Room for <see cref="LongestForm"/> bytes.</param>
    /// <returns>Its bytes.</returns>
    internal static int Write(ref TrafficState state, Span<byte> target)
    {
        state.Shorten();
        ReadOnlySpan<uint> words = MemoryMarshal.Cast<TrafficState, uint>(new ReadOnlySpan<TrafficState>(in state));
        int length = Maps * sizeof(ulong);
        Invariant.Check(target.Length >= LongestForm, "the longest form fits");
        Span<ulong> maps = MemoryMarshal.Cast<byte, ulong>(target[..length]);
        Map(words, maps);

        // Room for all was seen to: checked for each byte it would take twice as long.
        ref byte next = ref target[length - 1];
        ref uint group = ref MemoryMarshal.GetReference(words);
        foreach (ulong map in maps)
        {
            for (ulong left = map; left != 0; left &= left - 1)
            {
                uint signed = Unsafe.Add(ref group, BitOperations.TrailingZeroCount(left));
                uint word = (signed << 1) ^ (uint)((int)signed >> (WordBits - 1));
                for (; word >= More; word >>= PayloadBits)
                {
                    next = ref Unsafe.Add(ref next, 1);
                    next = (byte)(word | More);
                }

                next = ref Unsafe.Add(ref next, 1);
                next = (byte)word;
            }

            group = ref Unsafe.Add(ref group, MapBits);
        }

        return (int)Unsafe.ByteOffset(ref MemoryMarshal.GetReference(target), ref next) + 1;
    }

    /// <summary>Reads a short form.</summary>
    /// <param name="form">What <see cref="Write"/> has written.</param>
    /// <param name="state">All zeros before.</param>
    internal static void Read(ReadOnlySpan<byte> form, ref TrafficState state)
    {
        Span<uint> words = MemoryMarshal.Cast<TrafficState, uint>(new Span<TrafficState>(ref state));
        int length = Maps * sizeof(ulong);
        ReadOnlySpan<ulong> maps = MemoryMarshal.Cast<byte, ulong>(form[..length]);
        for (int i = 0; i < maps.Length; i++)
        {
            for (ulong left = maps[i]; left != 0; left &= left - 1)
            {
                uint word = 0;
                int shift = 0;
                byte next;
                while ((next = form[length++]) >= More)
                {
                    word |= (next & (More - 1u)) << shift;
                    shift += PayloadBits;
                }

                word |= (uint)next << shift;
                words[(i * MapBits) + BitOperations.TrailingZeroCount(left)] = (word >> 1) ^ (0u - (word & 1));
            }
        }

        state.Restore();
    }

    private static void Map(ReadOnlySpan<uint> words, Span<ulong> maps)
    {
        maps.Clear();
        int i = 0;
        for (; i + Lane <= words.Length; i += Lane)
        {
            Vector256<uint> zeros = Vector256.Equals(Vector256.Create(words[i..]), Vector256<uint>.Zero);
            maps[i / MapBits] |= (ulong)(byte)~zeros.ExtractMostSignificantBits() << (i % MapBits);
        }

        for (; i < words.Length; i++)
        {
            maps[i / MapBits] |= words[i] != 0 ? 1UL << (i % MapBits) : 0;
        }
    }
}
