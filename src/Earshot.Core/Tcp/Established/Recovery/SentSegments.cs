using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established.Recovery;

/// <summary>The pieces in flight, oldest first: a ring that is rented while there are any. Linux:
/// tcp_rtx_queue.</summary>
/// <remarks>A piece in the middle is put in or taken out by moving the shorter side, so that nothing refers to a piece
/// by its place for longer than a method runs: what lasts refers to sequence numbers.</remarks>
internal struct SentSegments
{
    private RentedRing<SentSegment> _ring;

    /// <summary>How many pieces are in flight.</summary>
    internal readonly int Count => _ring.Count;

    internal readonly ref SentSegment this[int index] => ref _ring[index];

    /// <summary>The oldest piece; there must be one.</summary>
    internal readonly ref SentSegment First => ref _ring[0];

    /// <summary>The newest piece; there must be one.</summary>
    internal readonly ref SentSegment Last => ref this[Count - 1];

    /// <summary>Makes room for a piece at the end. Its contents are anything: the caller sets every field.</summary>
    internal ref SentSegment Add(RingPool<SentSegment> pool) => ref _ring.Add(pool);

    /// <summary>Forgets the oldest piece; an empty ring is given back.</summary>
    internal void RemoveFirst(RingPool<SentSegment> pool) => _ring.RemoveFirst(pool);

    /// <summary>Forgets a piece anywhere.</summary>
    internal void RemoveAt(int index, RingPool<SentSegment> pool)
    {
        if (index < Count / 2)
        {
            for (int i = index; i > 0; i--)
            {
                this[i] = this[i - 1];
            }

            RemoveFirst(pool);
            return;
        }

        for (int i = index; i < Count - 1; i++)
        {
            this[i] = this[i + 1];
        }

        _ring.RemoveLast(pool);
    }

    /// <summary>Puts a piece behind another: what a retransmission or a SACK block cuts off.</summary>
    internal void InsertAfter(int index, in SentSegment segment, RingPool<SentSegment> pool)
    {
        SentSegment inserted = segment;
        Add(pool);
        int at = index + 1;
        if (at < Count / 2)
        {
            // The older side moves down by one place, into the free one before the first.
            _ring.Turn();
            for (int i = 0; i < at; i++)
            {
                this[i] = this[i + 1];
            }
        }
        else
        {
            for (int i = Count - 1; i > at; i--)
            {
                this[i] = this[i - 1];
            }
        }

        this[at] = inserted;
    }

    /// <summary>The first piece that ends after a sequence number, or <see cref="Count"/>. Linux:
    /// tcp_sacktag_bsearch.</summary>
    internal readonly int IndexAfter(SeqNumber seq)
    {
        if (Count == 0 || First.End > seq)
        {
            return 0;
        }

        int low = 1;
        int high = Count;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (this[middle].End > seq)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }

    /// <summary>Forgets all pieces.</summary>
    internal void Clear(RingPool<SentSegment> pool) => _ring.Clear(pool);
}
