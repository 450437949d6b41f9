using System;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established.Recovery;

/// <summary>A stretch of the stream that the peer has. RFC 2018 §3.</summary>
internal struct SackBlock
{
    internal SeqNumber Start;
    internal SeqNumber End;
}

/// <summary>The blocks of a SACK option, at most four. Linux: tcp_parse_options, TCPOPT_SACK.</summary>
internal struct SackBlocks
{
    internal const int Limit = 4;
    private const byte KindEnd = 0;
    private const byte KindNop = 1;
    private const byte KindSack = 5;
    private const int BlockLength = 8;

    private Room _blocks;

    /// <summary>How many blocks there are.</summary>
    internal int Count { get; private set; }

    [UnscopedRef]
    internal ref SackBlock this[int index] => ref _blocks[index];

    /// <summary>Reads the option of a segment. Linux takes the last one that is sound.</summary>
    internal static SackBlocks Read(in TcpSegment segment)
    {
        SackBlocks blocks = default;
        ReadOnlySpan<byte> bytes = segment.Options;
        while (bytes.Length > 0 && bytes[0] != KindEnd)
        {
            if (bytes[0] == KindNop)
            {
                bytes = bytes[1..];
                continue;
            }

            if (bytes.Length < 2 || bytes[1] < 2 || bytes[1] > bytes.Length)
            {
                break;
            }

            int length = bytes[1] - 2;
            if (bytes[0] == KindSack && length >= BlockLength && length % BlockLength == 0)
            {
                blocks.Take(bytes.Slice(2, length));
            }

            bytes = bytes[bytes[1]..];
        }

        return blocks;
    }

    /// <summary>Adds a block.</summary>
    internal void Add(in SackBlock block) => _blocks[Count++] = block;

    /// <summary>Sorts them by their starts; equal ones keep their order.</summary>
    /// <param name="marked">The place of a block to be followed, or -1.</param>
    /// <returns>Its new place.</returns>
    internal int Sort(int marked)
    {
        for (int i = 1; i < Count; i++)
        {
            for (int j = i; j > 0 && _blocks[j - 1].Start > _blocks[j].Start; j--)
            {
                (_blocks[j - 1], _blocks[j]) = (_blocks[j], _blocks[j - 1]);
                marked = marked == j ? j - 1 : marked == j - 1 ? j : marked;
            }
        }

        return marked;
    }

    private void Take(ReadOnlySpan<byte> bytes)
    {
        Count = Math.Min(Limit, bytes.Length / BlockLength);
        for (int i = 0; i < Count; i++)
        {
            ReadOnlySpan<byte> block = bytes.Slice(i * BlockLength, BlockLength);
            _blocks[i].Start = new SeqNumber(BinaryPrimitives.ReadUInt32BigEndian(block));
            _blocks[i].End = new SeqNumber(BinaryPrimitives.ReadUInt32BigEndian(block[sizeof(uint)..]));
        }
    }

    [InlineArray(Limit)]
    private struct Room
    {
        private SackBlock _first;
    }
}
