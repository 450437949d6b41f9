using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established.Recovery;

/// <summary>A stretch of the stream that was sent again, and when.</summary>
internal struct Resent
{
    internal long SentNanoseconds;
    internal SeqNumber Seq;
    internal SeqNumber End;
}

/// <summary>What was sent again, in the order of sending: the part of that order which the pieces' own order does not
/// show. Linux: tsorted_sent_queue.</summary>
/// <remarks>An entry speaks of those pieces in its stretch that were last sent at its time; of entries that no piece is
/// left of nothing is heard any more.</remarks>
internal struct ResentQueue
{
    private Resent[]? _ring;
    private int _first;

    internal int Count { get; private set; }

    internal readonly ref Resent this[int index] => ref _ring![(_first + index) & (_ring.Length - 1)];

    internal void Add(in Resent resent, RingPool<Resent> pool)
    {
        if (_ring is null || Count == _ring.Length)
        {
            Grow(pool);
        }

        this[Count++] = resent;
    }

    internal void RemoveFirst(RingPool<Resent> pool)
    {
        _first = (_first + 1) & (_ring!.Length - 1);
        if (--Count == 0)
        {
            Clear(pool);
        }
    }

    internal void Clear(RingPool<Resent> pool)
    {
        if (_ring is not null)
        {
            pool.Return(_ring);
            _ring = null;
        }

        Count = 0;
        _first = 0;
    }

    private void Grow(RingPool<Resent> pool)
    {
        Resent[] larger = pool.Rent(_ring is null ? RingPool<Resent>.SmallestSize : _ring.Length * 2);
        if (_ring is not null)
        {
            int straight = Math.Min(Count, _ring.Length - _first);
            Array.Copy(_ring, _first, larger, 0, straight);
            Array.Copy(_ring, 0, larger, straight, Count - straight);
            pool.Return(_ring);
        }

        _ring = larger;
        _first = 0;
    }
}
