using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>The SACK blocks to be told, the newest first, and one D-SACK block before them. Linux: selective_acks,
/// duplicate_sack.</summary>
internal struct SackHistory
{
    /// <summary>Blocks that are remembered; a header has room for three beside timestamps. Linux:
    /// TCP_NUM_SACKS.</summary>
    internal const int Limit = 4;

    private const int BlockLength = 8;
    private const byte Nop = 1;
    private const byte KindSack = 5;

    private Blocks _blocks;
    private SackBlock _duplicate;

    /// <summary>Blocks beyond gaps.</summary>
    internal int Count { get; private set; }

    /// <summary>Whether a duplicate is to be told of.</summary>
    internal bool HasDuplicate { get; private set; }

    /// <summary>Whether nothing is to be told.</summary>
    internal readonly bool IsEmpty => Count == 0 && !HasDuplicate;

    /// <summary>Where the highest block ends. There is one.</summary>
    internal readonly SeqNumber HighestEnd
    {
        get
        {
            SeqNumber end = _blocks[0].End;
            for (int i = 1; i < Count; i++)
            {
                end = _blocks[i].End > end ? _blocks[i].End : end;
            }

            return end;
        }
    }

    /// <summary>Bytes of the option with its two NOPs when it has so many blocks.</summary>
    internal static int Length(int blocks) => 4 + (blocks * BlockLength);

    /// <summary>The length that the option will have.</summary>
    /// <param name="room">Bytes that the header has left for it.</param>
    internal readonly int WireLength(int room)
    {
        int blocks = Math.Min(Count + (HasDuplicate ? 1 : 0), (room - Length(0)) / BlockLength);
        return blocks > 0 ? Length(blocks) : 0;
    }

    /// <summary>Forgets everything. Linux: tcp_sack_reset.</summary>
    internal void Clear()
    {
        Count = 0;
        HasDuplicate = false;
    }

    /// <summary>Forgets the blocks beyond gaps, and not a duplicate.</summary>
    internal void ForgetBlocks() => Count = 0;

    /// <summary>Forgets a duplicate that was not told.</summary>
    internal void ForgetDuplicate() => HasDuplicate = false;

    /// <summary>Sets the block of a duplicate. Linux: tcp_dsack_set.</summary>
    internal void SetDuplicate(SeqNumber start, SeqNumber end)
    {
        HasDuplicate = true;
        _duplicate = new SackBlock(start, end);
    }

    /// <summary>Makes the duplicate's block longer, if the two touch. Linux: tcp_sack_extend.</summary>
    internal void ExtendDuplicate(SeqNumber start, SeqNumber end) => TryExtend(ref _duplicate, start, end);

    /// <summary>The place of the block that a range touches; the number of blocks when there is none.</summary>
    internal readonly int Find(SeqNumber start, SeqNumber end)
    {
        int place = 0;
        while (place < Count && !(start <= _blocks[place].End && _blocks[place].Start <= end))
        {
            place++;
        }

        return place;
    }

    /// <summary>Adds a range beyond a gap. Linux: tcp_sack_new_ofo_skb.</summary>
    /// <param name="place">What <see cref="Find"/> said.</param>
    /// <param name="start">Where it begins.</param>
    /// <param name="end">Where it ends.</param>
    internal void Add(int place, SeqNumber start, SeqNumber end)
    {
        if (place == Count)
        {
            // The fifth is forgotten.
            int last = Math.Min(Count, Limit - 1);
            MoveToFront(last, new SackBlock(start, end));
            Count = last + 1;
            return;
        }

        SackBlock block = _blocks[place];
        TryExtend(ref block, start, end);
        MoveToFront(place, block);
        for (int i = 1; i < Count;)
        {
            if (TryExtend(ref _blocks[0], _blocks[i].Start, _blocks[i].End))
            {
                RemoveAt(i);
            }
            else
            {
                i++;
            }
        }
    }

    /// <summary>Removes the blocks that lie before what is expected next. Linux: tcp_sack_remove.</summary>
    internal void RemoveBefore(SeqNumber next)
    {
        for (int i = 0; i < Count;)
        {
            if (_blocks[i].Start <= next)
            {
                RemoveAt(i);
            }
            else
            {
                i++;
            }
        }
    }

    /// <summary>Writes the option; a duplicate is told once.</summary>
    /// <param name="target">Where: at least <see cref="Length"/> of five blocks.</param>
    /// <param name="room">Bytes that the header has left for it.</param>
    /// <returns>Bytes written, 0 when there is nothing to tell.</returns>
    internal int Write(Span<byte> target, int room)
    {
        int length = WireLength(room);
        if (length == 0)
        {
            return 0;
        }

        target[0] = target[1] = Nop;
        target[2] = KindSack;
        target[3] = (byte)(length - 2);
        int at = Length(0);
        if (HasDuplicate)
        {
            Write(target[at..], _duplicate);
            at += BlockLength;
            HasDuplicate = false;
        }

        for (int i = 0; at < length; i++)
        {
            Write(target[at..], _blocks[i]);
            at += BlockLength;
        }

        return length;
    }

    private static void Write(Span<byte> target, SackBlock block)
    {
        BinaryPrimitives.WriteUInt32BigEndian(target, block.Start.Value);
        BinaryPrimitives.WriteUInt32BigEndian(target[sizeof(uint)..], block.End.Value);
    }

    private static bool TryExtend(ref SackBlock block, SeqNumber start, SeqNumber end)
    {
        if (start > block.End || block.Start > end)
        {
            return false;
        }

        block = new SackBlock(start < block.Start ? start : block.Start, end > block.End ? end : block.End);
        return true;
    }

    private void MoveToFront(int place, SackBlock block)
    {
        for (int i = place; i > 0; i--)
        {
            _blocks[i] = _blocks[i - 1];
        }

        _blocks[0] = block;
    }

    private void RemoveAt(int place)
    {
        Count--;
        for (int i = place; i < Count; i++)
        {
            _blocks[i] = _blocks[i + 1];
        }
    }

    private readonly record struct SackBlock(SeqNumber Start, SeqNumber End);

    [InlineArray(Limit)]
    private struct Blocks
    {
        private SackBlock _first;
    }
}
