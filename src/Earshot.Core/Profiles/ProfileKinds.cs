namespace Earshot.Core.Profiles;

/// <summary>The ordered questions of an era: which of the files in <c>Tcp/Listening/Shapes/</c> decides.</summary>
public enum ListenShape
{
    /// <summary>Before 2.2: one counter from the SYN to accept(), compared when a SYN comes and never again.</summary>
    OneCounter,

    /// <summary>2.2: a list of requests limited by tcp_max_syn_backlog alone; the accept queue is asked about at the
    /// third ACK only.</summary>
    PlainQueue,

    /// <summary>2.4 to 4.3: a SYN table per listener, its size fixed by the first listen(); the young and last-quarter
    /// rules.</summary>
    ListenerTable,

    /// <summary>4.4 to 4.9: requests in the established table, limited by the backlog; the young and last-quarter rules
    /// as before.</summary>
    BacklogQueue,

    /// <summary>4.10 and later: requests in the established table; a full accept queue refuses every SYN.</summary>
    GlobalTable,

    /// <summary>4.4BSD and XNU: a SYN makes a socket, and unfinished and finished ones are counted together when a SYN
    /// comes.</summary>
    FullSocket,

    /// <summary>FreeBSD: a cache of requests for the whole host, in which a new one pushes out the oldest of its
    /// bucket; the accept queue is asked about at the third ACK.</summary>
    SynCache,
}

/// <summary>How SYN-ACKs are sent again.</summary>
public enum SynAckTimerKind
{
    /// <summary>A timer per request.</summary>
    PerRequest,

    /// <summary>One sweep per listener over a share of its buckets, with a clock hand.</summary>
    Sweep,

    /// <summary>One timer for all listeners that serves whatever is due; it runs while its users are counted.</summary>
    GlobalTick,

    /// <summary>A timer per request, counted in ticks of a slow clock that never stops.</summary>
    SlowTicks,
}

/// <summary>How timers are rounded, and in which order simultaneous ones run.</summary>
public enum TimerWheelKind
{
    /// <summary>Before 4.8: exact jiffies, first in first out.</summary>
    Exact,

    /// <summary>Since 4.8: levels of 64 slots, each eight times coarser; newest first in a slot.</summary>
    Levels,
}

/// <summary>What an odd argument of listen() is taken for.</summary>
public enum BacklogMeaning
{
    /// <summary>Nothing may wait beyond what the queue's own comparison admits.</summary>
    Zero,

    /// <summary>One.</summary>
    One,

    /// <summary>The largest backlog there is.</summary>
    Largest,
}

/// <summary>What a SYN that a listener drops is counted as.</summary>
public enum DroppedSynCounting
{
    /// <summary>As nothing at all.</summary>
    Nothing,

    /// <summary>As a failed attempt: AttemptFails.</summary>
    AttemptFails,

    /// <summary>As a drop of the listener: ListenDrops, and ListenOverflows when the accept queue was full.</summary>
    ListenCounters,
}

/// <summary>In which order <c>netstat</c> meets the listeners.</summary>
public enum ListenerOrder
{
    /// <summary>The newest first.</summary>
    NewestFirst,

    /// <summary>By port modulo 32; within a bucket the newest first.</summary>
    PortBuckets,

    /// <summary>By port plus a number of the namespace's own, modulo 32; within a bucket the newest first.</summary>
    SaltedPortBuckets,

    /// <summary>By a hash of address and port; within a bucket the newest first.</summary>
    AddressAndPort,
}
