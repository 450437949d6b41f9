using System;
using System.Collections.Generic;

namespace Earshot.Core.Ip;

/// <summary>A fragment that waits.</summary>
/// <param name="Packet">The whole packet, in a rented array.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="DataStart">Where its piece of the datagram begins.</param>
/// <param name="Offset">Where the piece belongs.</param>
/// <param name="End">Where it ends.</param>
internal readonly record struct FragmentPiece(byte[] Packet, int Length, int DataStart, int Offset, int End);

/// <summary>Where a fragment fits.</summary>
internal enum FragmentPlace : byte
{
    /// <summary>It is new.</summary>
    New,

    /// <summary>All of it is there.</summary>
    Duplicate,

    /// <summary>A part of it is there.</summary>
    Overlap,

    /// <summary>It ends where the datagram cannot, or is empty.</summary>
    Contradiction,
}

/// <summary>What there is of a datagram. Linux: struct inet_frag_queue.</summary>
internal sealed class FragmentQueue
{
    // Runs of pieces that came in order; a piece that closes a gap begins one of its own. Linux: fragrun_create.
    private readonly List<(int Start, int End)> _runs = [];
    private bool _hasFirst;
    private bool _hasLast;
    private int _have;
    private byte _ecns;
    private int _largest;
    private int _largestUncut;

    internal FragmentKey Key { get; private set; }

    internal int Place { get; private set; }

    /// <summary>The timer's node.</summary>
#pragma warning disable SA1401, CA1051 // given back by reference
    internal int Timer;
#pragma warning restore SA1401, CA1051

    /// <summary>What the count of its source's fragments was when the last one came.</summary>
    internal uint LastSeen { get; set; }

    internal List<FragmentPiece> Pieces { get; } = [];

    /// <summary>Bytes of the datagram as far as is known.</summary>
    internal int Length { get; private set; }

    internal bool HasFirst => _hasFirst;

    internal bool IsWhole => _hasFirst && _hasLast && _have == Length;

    /// <summary>Whether the largest fragment must not be cut: then the datagram must not either.</summary>
    internal bool DontFragment => _largestUncut == _largest;

    /// <summary>Whether the ECN bits of the fragments go together: either all are of an ECN-capable transport, or
    /// none. RFC 3168 §5.3; Linux: ip_frag_ecn_table.</summary>
    internal bool IsEcnSound => (_ecns & 1) == 0 || _ecns == 1;

    /// <summary>Whether a fragment was marked on the way.</summary>
    internal bool IsCongested => (_ecns & (1 << 3)) != 0;

    internal void Begin(in FragmentKey key, int place, int timer)
    {
        Key = key;
        Place = place;
        Timer = timer;
    }

    internal void Clear()
    {
        Pieces.Clear();
        _runs.Clear();
        _hasFirst = _hasLast = false;
        _have = Length = _largest = 0;
        _largestUncut = -1;
        _ecns = 0;
    }

    /// <summary>The first piece of the datagram; there must be one.</summary>
    internal FragmentPiece First()
    {
        foreach (FragmentPiece piece in Pieces)
        {
            if (piece.Offset == 0)
            {
                return piece;
            }
        }

        throw new InvariantException("a datagram that has its first fragment has a piece at 0");
    }

    /// <summary>Copies the datagram, without any header in front of its pieces.</summary>
    internal void CopyTo(Span<byte> target)
    {
        foreach (FragmentPiece piece in Pieces)
        {
            piece.Packet.AsSpan(piece.DataStart, piece.End - piece.Offset).CopyTo(target[piece.Offset..]);
        }
    }

    /// <summary>Finds the place of a fragment and remembers it; its bytes are the caller's to keep.</summary>
    internal FragmentPlace Insert(in Fragment fragment)
    {
        int end = fragment.End;
        if (!fragment.More)
        {
            if (end < Length || (_hasLast && end != Length))
            {
                return FragmentPlace.Contradiction;
            }
        }
        else if (end > Length && _hasLast)
        {
            return FragmentPlace.Contradiction;
        }

        if (end == fragment.Offset)
        {
            return FragmentPlace.Contradiction;
        }

        _hasLast |= !fragment.More;
        Length = Math.Max(Length, end);
        FragmentPlace place = InsertRun(fragment.Offset, end);
        if (place != FragmentPlace.New)
        {
            return place;
        }

        _have += end - fragment.Offset;
        _ecns |= (byte)(1 << fragment.Ecn);
        _hasFirst |= fragment.Offset == 0;
        int size = fragment.Bytes.Length;
        _largest = Math.Max(_largest, size);
        _largestUncut = fragment.DontFragment ? Math.Max(_largestUncut, size) : _largestUncut;
        return FragmentPlace.New;
    }

    private FragmentPlace InsertRun(int start, int end)
    {
        if (_runs.Count == 0)
        {
            _runs.Add((start, end));
            return FragmentPlace.New;
        }

        (int Start, int End) last = _runs[^1];
        if (end > last.End)
        {
            if (start < last.End)
            {
                return FragmentPlace.Overlap;
            }

            if (start == last.End)
            {
                _runs[^1] = (last.Start, end);
            }
            else
            {
                _runs.Add((start, end));
            }

            return FragmentPlace.New;
        }

        int low = 0;
        int high = _runs.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (int Start, int End) run = _runs[middle];
            if (end <= run.Start)
            {
                high = middle;
            }
            else if (start >= run.End)
            {
                low = middle + 1;
            }
            else
            {
                return start >= run.Start && end <= run.End ? FragmentPlace.Duplicate : FragmentPlace.Overlap;
            }
        }

        _runs.Insert(low, (start, end));
        return FragmentPlace.New;
    }
}
