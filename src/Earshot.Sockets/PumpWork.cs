using System.Threading;

namespace Earshot.Sockets;

/// <summary>Something for the pump thread to do, asked for by setting signals; it is its own queue entry.</summary>
/// <remarks>
/// Signals of one piece of work that come before the pump has looked are told together. So an entry is in the queue at
/// most once, asking for it to be cancelled allocates nothing, and it may be used again once the pump has taken what
/// was signalled.
/// </remarks>
internal abstract class PumpWork
{
    private int _signals;

    /// <summary>The entry behind this one; belongs to the queue.</summary>
    internal PumpWork? NextWork { get; set; }

    /// <summary>Whether the pump has yet to take a signal.</summary>
    protected bool IsSignalled => Volatile.Read(ref _signals) != 0;

    /// <summary>Tells the pump, from any thread.</summary>
    internal void Signal(StackPump pump, int signal)
    {
        if (Interlocked.Or(ref _signals, signal) == 0)
        {
            pump.Post(this);
        }
    }

    internal int TakeSignals() => Interlocked.Exchange(ref _signals, 0);

    /// <summary>Does what was signalled, on the pump thread.</summary>
    internal abstract void Run(StackPump pump, int signals);

    /// <summary>Ends what was signalled with an error because the pump has ended; on any thread.</summary>
    internal abstract void Refuse(StackPump pump, int signals);
}

/// <summary>Work from many threads for one, in the order in which it came.</summary>
internal sealed class PumpWorkQueue
{
    private PumpWork? _newest;

    internal bool IsEmpty => Volatile.Read(ref _newest) is null;

    /// <summary>Adds an entry; a full fence.</summary>
    internal void Push(PumpWork work)
    {
        PumpWork? seen = Volatile.Read(ref _newest);
        while (true)
        {
            work.NextWork = seen;
            PumpWork? found = Interlocked.CompareExchange(ref _newest, work, seen);
            if (ReferenceEquals(found, seen))
            {
                return;
            }

            seen = found;
        }
    }

    /// <summary>Takes all entries, linked from the oldest to the newest.</summary>
    internal PumpWork? TakeAll()
    {
        PumpWork? newest = Interlocked.Exchange(ref _newest, null);
        PumpWork? oldest = null;
        while (newest is not null)
        {
            PumpWork? older = newest.NextWork;
            newest.NextWork = oldest;
            oldest = newest;
            newest = older;
        }

        return oldest;
    }
}
