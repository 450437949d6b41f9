using System;

namespace Earshot.Core.Time;

/// <summary>What a precise timer is for.</summary>
internal enum PreciseTimerKind : byte
{
    /// <summary>The pace lets the next packet out. Linux: pacing_timer.</summary>
    Pacing,

    /// <summary>Compressed ACKs leave. Linux: compressed_ack_timer.</summary>
    CompressedAck,
}

/// <summary>Timers that fire at their own nanosecond and not with a tick: a heap. Linux: hrtimer.</summary>
/// <remarks>A timer is not taken out when it is cancelled: its owner compares the moment with the one it waits for.
/// </remarks>
internal sealed class PreciseTimers
{
    private const int FirstSize = 64;
    private Entry[] _heap = new Entry[FirstSize];
    private ulong _order;

    /// <summary>Timers that wait, cancelled ones too.</summary>
    internal int Count { get; private set; }

    /// <summary>When the next one fires; there must be one.</summary>
    internal Instant Next => new(_heap[0].Nanoseconds);

    /// <summary>Arms a timer of an owner.</summary>
    internal void Arm(Instant at, int owner, PreciseTimerKind kind)
    {
        if (Count == _heap.Length)
        {
            Array.Resize(ref _heap, Count * 2);
        }

        int place = Count++;
        var entry = new Entry(at.Nanoseconds, _order++, owner, kind);
        while (place > 0 && entry.IsBefore(_heap[(place - 1) >> 1]))
        {
            _heap[place] = _heap[(place - 1) >> 1];
            place = (place - 1) >> 1;
        }

        _heap[place] = entry;
    }

    /// <summary>Removes the next one.</summary>
    /// <returns>Whose it is, and what for.</returns>
    internal (int Owner, PreciseTimerKind Kind) Take()
    {
        Entry first = _heap[0];
        Entry last = _heap[--Count];
        int place = 0;
        while (true)
        {
            int child = (place * 2) + 1;
            if (child >= Count)
            {
                break;
            }

            if (child + 1 < Count && _heap[child + 1].IsBefore(_heap[child]))
            {
                child++;
            }

            if (!_heap[child].IsBefore(last))
            {
                break;
            }

            _heap[place] = _heap[child];
            place = child;
        }

        _heap[place] = last;
        return (first.Owner, first.Kind);
    }

    private readonly record struct Entry(long Nanoseconds, ulong Order, int Owner, PreciseTimerKind Kind)
    {
        internal bool IsBefore(in Entry other) =>
            Nanoseconds < other.Nanoseconds || (Nanoseconds == other.Nanoseconds && Order < other.Order);
    }
}
