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
    private RentedRing<Resent> _ring;

    internal readonly int Count => _ring.Count;

    internal readonly ref Resent this[int index] => ref _ring[index];

    internal void Add(in Resent resent, RingPool<Resent> pool) => _ring.Add(pool) = resent;

    internal void RemoveFirst(RingPool<Resent> pool) => _ring.RemoveFirst(pool);

    internal void Clear(RingPool<Resent> pool) => _ring.Clear(pool);
}
