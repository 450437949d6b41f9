using System;
using System.Collections.Generic;
using System.Numerics;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Time;

namespace Earshot.Core.Tcp.Listening;

/// <summary>Connections that finished their handshake and wait for accept(), and their limit.</summary>
/// <remarks>Linux: rskq_accept_head, sk_ack_backlog, sk_max_ack_backlog. It also remembers what Linux does not: its
/// longest length, how long it was full, how long connections waited. A part of its listener; what a SYN does not look
/// at is made when the first connection comes.</remarks>
internal struct AcceptQueue
{
    // Powers of two of a microsecond: the last bucket begins at 2^38 microseconds, three days.
    private const int WaitBuckets = 40;

    private Queue<Connection>? _queue;
    private long[]? _waits;
    private static readonly long[] NoWaits = new long[WaitBuckets];

    private long _fullNanoseconds;
    private Instant _fullSince;
    private bool _isFull;

    /// <summary>Connections that wait.</summary>
    internal int Count { get; private set; }

    /// <summary>The limit: the backlog after somaxconn. One more than this fits.</summary>
    internal uint Limit { get; private set; }

    /// <summary>The most that ever waited.</summary>
    internal int Most { get; private set; }

    /// <summary>Those that wait, the oldest first.</summary>
    internal readonly IReadOnlyCollection<Connection> Waiting => _queue ?? (IReadOnlyCollection<Connection>)[];

    /// <summary>Accepted connections by their wait: see <see cref="ListenerRow.AcceptWaits"/>.</summary>
    internal readonly ReadOnlySpan<long> Waits => _waits ?? NoWaits;

    /// <summary>The comparison, which lives here and nowhere else.</summary>
    /// <remarks>
    /// It is &gt; where everyone expects &gt;=: a backlog of 0 admits one connection. Whoever knows better should first
    /// try it on a kernel. Linux: sk_acceptq_is_full.
    /// </remarks>
    internal static bool Overflows(int count, uint limit) => (uint)count > limit;

    /// <summary>Sets the limit; connections that wait stay.</summary>
    internal void SetLimit(uint limit, Instant now)
    {
        Limit = limit;
        Watch(now);
    }

    internal void Add(Connection connection, Instant now)
    {
        connection.QueuedAt = now;
        (_queue ??= new Queue<Connection>()).Enqueue(connection);
        Count++;
        Most = Math.Max(Most, Count);

        Watch(now);
    }

    internal bool TryTake(out Connection connection, Instant now)
    {
        if (Count == 0)
        {
            connection = null!;
            return false;
        }

        connection = _queue!.Dequeue();
        Count--;
        Watch(now);
        return true;
    }

    /// <summary>A connection was accepted: its wait goes into the histogram.</summary>
    internal void CountWait(TimeSpan wait)
    {
        _waits ??= new long[WaitBuckets];
        _waits[Math.Min(64 - BitOperations.LeadingZeroCount((ulong)(wait.Ticks / 10)), WaitBuckets - 1)]++;
    }

    /// <summary>How long the queue was full, the present time included.</summary>
    internal readonly TimeSpan FullTime(Instant now) =>
        TimeSpan.FromTicks((_fullNanoseconds + (_isFull ? now.Nanoseconds - _fullSince.Nanoseconds : 0)) / 100);

    private void Watch(Instant now)
    {
        bool full = Overflows(Count, Limit);
        if (full == _isFull)
        {
            return;
        }

        _isFull = full;
        if (full)
        {
            _fullSince = now;
        }
        else
        {
            _fullNanoseconds += now.Nanoseconds - _fullSince.Nanoseconds;
        }
    }
}
