using System;
using System.Collections.Generic;

namespace Earshot.Core.Tcp.Listening;

/// <summary>A listener's Fast Open connections whose handshake is not finished, and those reset a short while
/// ago.</summary>
/// <remarks>
/// Linux: fastopen_queue. A connection that was accepted and then reset counts for a minute more: a sender with forged
/// addresses would otherwise have as many as it likes.
/// </remarks>
internal sealed class FastOpenQueue
{
    private static readonly TimeSpan ResetTime = TimeSpan.FromSeconds(60);
    private readonly StackContext _context;
    private readonly Queue<long> _resets = new();

    internal FastOpenQueue(StackContext context) => _context = context;

    /// <summary>Connections without a third ACK.</summary>
    internal int Unfinished { get; private set; }

    /// <summary>Those, and the ones that were reset. Linux: qlen.</summary>
    internal int Count => Unfinished + _resets.Count;

    /// <summary>Segments that its connections dropped, not the listener, though its rules spoke of them.</summary>
    internal long Dropped { get; set; }

    /// <summary>Whether a connection was reset so long ago that it need not count.</summary>
    internal bool OldestResetIsOver => _resets.TryPeek(out long until) && until <= _context.Jiffies;

    internal void Add() => Unfinished++;

    /// <summary>Forgets all reset connections.</summary>
    internal void ForgetResets() => _resets.Clear();

    /// <summary>Forgets the oldest reset connection.</summary>
    internal void Recycle() => _resets.Dequeue();

    /// <summary>A handshake is finished, or its connection is over. Linux: reqsk_fastopen_remove.</summary>
    /// <param name="keepsReset">It was reset after it had been accepted: it goes on to count.</param>
    internal void Remove(bool keepsReset)
    {
        Unfinished--;
        Invariant.Check(Unfinished >= 0, "a Fast Open queue counts what it holds");
        if (keepsReset)
        {
            _resets.Enqueue(_context.Jiffies + _context.Clock.From(ResetTime));
        }
    }
}
