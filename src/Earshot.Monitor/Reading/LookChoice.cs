using System;

namespace Earshot.Monitor.Reading;

/// <summary>How much a look asks of a namespace's TCP listeners.</summary>
internal enum LookDepth
{
    /// <summary>Nothing: no queue and no counter can have moved.</summary>
    Nothing,

    /// <summary>Queues and limits, without drops.</summary>
    Queues,

    /// <summary>Queues, limits and drops.</summary>
    Everything,
}

/// <summary>What tells, cheaper than a dump, whether a dump could show anything new. Null is what the kernel does not
/// tell.</summary>
/// <param name="Opens">TcpPassiveOpens: counted with each connection, before it enters an accept queue.</param>
/// <param name="Drops">TcpExtListenDrops.</param>
/// <param name="Migrated">TcpExtTCPMigrateReqSuccess: queued connections that went to another listener.</param>
/// <param name="InUse">TCP sockets, listeners too, of /proc/net/sockstat and sockstat6.</param>
internal readonly record struct LookSigns(long? Opens, long? Drops, long? Migrated, long? InUse);

/// <summary>Decides how much to ask where a whole dump each time would be dear.</summary>
/// <remarks>An accept queue grows only with TcpPassiveOpens (or a migration) and shrinks only when it is not empty;
/// what a full queue drops moves ListenDrops; a listener that comes or goes moves the number of sockets. What none of
/// them shows (drops of segments that no queue refused, listen() again with another backlog, a listener that came in
/// the very moment in which another socket went) is found by the next whole look, at most five seconds later.</remarks>
internal sealed class LookChoice
{
    /// <summary>The longest time between two whole looks.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    private LookSigns _before;
    private bool _moved = true, _dropped = true;
    private DateTimeOffset? _whole;

    /// <summary>How much to ask now.</summary>
    /// <param name="signs">The counters, read just before.</param>
    /// <param name="anyQueued">Whether a queue was not empty when it was last asked.</param>
    /// <param name="whole">Whether the caller wants everything in any case.</param>
    /// <param name="now">The time.</param>
    public LookDepth Choose(in LookSigns signs, bool anyQueued, bool whole, DateTimeOffset now)
    {
        bool known = signs is { Opens: not null, Drops: not null, InUse: not null };
        bool moved = (signs with { Drops = null }) != (_before with { Drops = null });
        bool dropped = signs.Drops != _before.Drops;

        // The kernel counts before it queues: who looks in between sees only the next time what was counted.
        (bool look, bool ask) = (moved || _moved || anyQueued, dropped || _dropped);
        (_before, _moved, _dropped) = (signs, moved, dropped);
        if (whole || !known || ask || _whole is not { } last || now - last >= Longest || now < last)
        {
            _whole = now;
            return LookDepth.Everything;
        }

        return look ? LookDepth.Queues : LookDepth.Nothing;
    }
}
