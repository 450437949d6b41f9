using System;
using System.Buffers.Binary;
using System.Numerics;

namespace Earshot.Core.Wire;

/// <summary>The digest of RFC 1321, for TCP's signature option (RFC 2385), in pieces and without an
/// allocation.</summary>
/// <remarks>It keeps nobody out who can search for collisions; the option knows no other.</remarks>
internal struct Md5
{
    internal const int DigestLength = 16;
    private const int BlockLength = 64;
    private const int LengthOffset = 56;

    private static readonly uint[] Constants = MakeConstants();

    private uint _a;
    private uint _b;
    private uint _c;
    private uint _d;
    private ulong _length;
    private Block _block;

    /// <summary>A digest of nothing yet.</summary>
    internal static Md5 Begin() => new()
    {
        _a = 0x67452301,
        _b = 0xefcdab89,
        _c = 0x98badcfe,
        _d = 0x10325476,
    };

    /// <summary>Takes more bytes in.</summary>
    internal void Add(scoped ReadOnlySpan<byte> bytes)
    {
        Span<byte> block = _block;
        int used = (int)(_length % BlockLength);
        _length += (ulong)bytes.Length;
        while (bytes.Length > 0)
        {
            int count = Math.Min(BlockLength - used, bytes.Length);
            bytes[..count].CopyTo(block[used..]);
            bytes = bytes[count..];
            used += count;
            if (used == BlockLength)
            {
                Mix(block);
                used = 0;
            }
        }
    }

    /// <summary>Writes the digest of what was added.</summary>
    internal void Finish(Span<byte> digest)
    {
        ulong bits = _length * 8;
        Span<byte> padding = stackalloc byte[BlockLength + sizeof(ulong)];
        padding.Clear();
        padding[0] = 0x80;
        int used = (int)(_length % BlockLength);
        int length = (used < LengthOffset ? LengthOffset : LengthOffset + BlockLength) - used;
        BinaryPrimitives.WriteUInt64LittleEndian(padding[length..], bits);
        Add(padding[..(length + sizeof(ulong))]);
        BinaryPrimitives.WriteUInt32LittleEndian(digest, _a);
        BinaryPrimitives.WriteUInt32LittleEndian(digest[4..], _b);
        BinaryPrimitives.WriteUInt32LittleEndian(digest[8..], _c);
        BinaryPrimitives.WriteUInt32LittleEndian(digest[12..], _d);
    }

    // RFC 1321 §3.4: four rounds of sixteen steps.
    private void Mix(ReadOnlySpan<byte> block)
    {
        ReadOnlySpan<byte> shifts = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
        uint a = _a;
        uint b = _b;
        uint c = _c;
        uint d = _d;
        for (int i = 0; i < BlockLength; i++)
        {
            int round = i / 16;
            (uint f, int word) = round switch
            {
                0 => ((b & c) | (~b & d), i),
                1 => ((d & b) | (~d & c), (5 * i) + 1),
                2 => (b ^ c ^ d, (3 * i) + 5),
                _ => (c ^ (b | ~d), 7 * i),
            };
            uint sum = a + f + Constants[i] + BinaryPrimitives.ReadUInt32LittleEndian(block[(word % 16 * 4)..]);
            a = d;
            d = c;
            c = b;
            b += BitOperations.RotateLeft(sum, shifts[(round * 4) + (i % 4)]);
        }

        _a += a;
        _b += b;
        _c += c;
        _d += d;
    }

    private static uint[] MakeConstants()
    {
        var constants = new uint[BlockLength];
        for (int i = 0; i < BlockLength; i++)
        {
            constants[i] = (uint)(Math.Abs(Math.Sin(i + 1)) * 4294967296.0);
        }

        return constants;
    }

    [System.Runtime.CompilerServices.InlineArray(BlockLength)]
    private struct Block
    {
        private byte _first;
    }
}
