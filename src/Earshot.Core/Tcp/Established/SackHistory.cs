using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>Which pieces beyond gaps are told in SACK blocks, the newest first. Linux: tcp_sack_new_ofo_skb.</summary>
/// <remarks>A piece is known by a sequence number in it: it may grow, or melt into another. RFC 2018 §4.</remarks>
internal struct SackHistory
{
    /// <summary>Pieces that are remembered; a header has room for three beside timestamps.</summary>
    internal const int Limit = 4;

    private const int BlockLength = 8;
    private const byte Nop = 1;
    private const byte KindSack = 5;

    private Numbers _newest;
    private int _count;

    /// <summary>Bytes of the option with its two NOPs when it has so many blocks.</summary>
    internal static int Length(int blocks) => 4 + (blocks * BlockLength);

    /// <summary>Forgets all pieces.</summary>
    internal void Clear() => _count = 0;

    /// <summary>Notes the piece that a sequence number is in as the newest.</summary>
    /// <param name="seq">The number.</param>
    /// <param name="buffer">The pieces.</param>
    /// <param name="readNext">The sequence number of the next byte to be read.</param>
    internal void Add(SeqNumber seq, in ReceiveBuffer buffer, SeqNumber readNext)
    {
        if (!buffer.TryFindRange(seq - readNext, out int start, out int end))
        {
            return;
        }

        // The others keep their order; those that lie in the same piece now go.
        Numbers older = _newest;
        int kept = 1;
        for (int i = 0; i < _count && kept < Limit; i++)
        {
            int offset = older[i] - readNext;
            if (offset < start || offset >= end)
            {
                _newest[kept++] = older[i];
            }
        }

        _newest[0] = seq;
        _count = kept;
    }

    /// <summary>Writes the option.</summary>
    /// <param name="target">Where: <see cref="Length"/> of <paramref name="most"/> blocks.</param>
    /// <param name="most">The most blocks that there is room for.</param>
    /// <param name="buffer">The pieces.</param>
    /// <param name="readNext">The sequence number of the next byte to be read.</param>
    /// <param name="fin">The sequence number of a FIN beyond a gap, which belongs to the piece before it.</param>
    /// <returns>Bytes written, 0 when there is nothing to tell.</returns>
    internal readonly int Write(
        Span<byte> target, int most, in ReceiveBuffer buffer, SeqNumber readNext, SeqNumber? fin)
    {
        int blocks = 0;
        for (int i = 0; i < _count && blocks < most; i++)
        {
            if (buffer.TryFindRange(_newest[i] - readNext, out int start, out int end))
            {
                SeqNumber right = readNext + end;
                right = right == fin ? right + 1 : right;
                Span<byte> block = target[Length(blocks)..];
                BinaryPrimitives.WriteUInt32BigEndian(block, (readNext + start).Value);
                BinaryPrimitives.WriteUInt32BigEndian(block[sizeof(uint)..], right.Value);
                blocks++;
            }
        }

        if (blocks == 0)
        {
            return 0;
        }

        target[0] = target[1] = Nop;
        target[2] = KindSack;
        target[3] = (byte)(Length(blocks) - 2);
        return Length(blocks);
    }

    [InlineArray(Limit)]
    private struct Numbers
    {
        private SeqNumber _first;
    }
}
