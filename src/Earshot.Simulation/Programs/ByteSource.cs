using System;
using System.Buffers.Binary;

namespace Earshot.Simulation.Programs;

/// <summary>Pseudo-random bytes: the same seed gives the same bytes, in pieces of any length.</summary>
internal struct ByteSource
{
    private ulong _counter;
    private ulong _key;
    private ulong _word;
    private int _left;

    /// <summary>Makes the source.</summary>
    /// <param name="key">Which bytes.</param>
    internal ByteSource(ulong key) => _key = key | 1;

    /// <summary>Takes the next bytes.</summary>
    internal void Fill(Span<byte> target)
    {
        while (!target.IsEmpty && _left > 0)
        {
            target[0] = TakeByte();
            target = target[1..];
        }

        while (target.Length >= sizeof(ulong))
        {
            BinaryPrimitives.WriteUInt64LittleEndian(target, NextWord());
            target = target[sizeof(ulong)..];
        }

        if (!target.IsEmpty)
        {
            _word = NextWord();
            _left = sizeof(ulong);
            for (int i = 0; i < target.Length; i++)
            {
                target[i] = TakeByte();
            }
        }
    }

    private byte TakeByte()
    {
        byte next = (byte)_word;
        _word >>= 8;
        _left--;
        return next;
    }

    // SplitMix64: one multiplication chain a word, and the position is the whole state.
    private ulong NextWord()
    {
        _counter += 0x9e3779b97f4a7c15;
        ulong x = _counter ^ _key;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
        x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
        return x ^ (x >> 31);
    }
}
