using System;

namespace Earshot.Core.Profiles;

/// <content>The numbers of the listening side. Null: the profile's shape or timer does not ask for this one.</content>
public sealed partial record KernelProfile
{
    /// <summary>What a backlog of 0 is taken for.</summary>
    public BacklogMeaning ZeroBacklog { get; init; } = BacklogMeaning.Zero;

    /// <summary>What a negative backlog is taken for.</summary>
    public BacklogMeaning NegativeBacklog { get; init; } = BacklogMeaning.Largest;

    /// <summary>What a SYN that a listener drops is counted as.</summary>
    public DroppedSynCounting DroppedSyns { get; init; } = DroppedSynCounting.ListenCounters;

    /// <summary>Whether the SYN queue is full at more than its limit; otherwise at its limit.</summary>
    public bool? SynQueueAdmitsOneMore { get; init; }

    /// <summary>A full accept queue refuses a SYN only beside more than this many young requests.</summary>
    public int? YoungRequestsTolerated { get; init; }

    /// <summary>Least number of requests that a listener's SYN table is made for.</summary>
    public int? SynTableMinimum { get; init; }

    /// <summary>Whether the backlog has a say in the size of a SYN table; otherwise tcp_max_syn_backlog alone
    /// has.</summary>
    public bool? SynTableSizedByBacklog { get; init; }

    /// <summary>Buckets of a listener's SYN table where their number is fixed; null: as many as its limit.</summary>
    public int? SynTableBuckets { get; init; }

    /// <summary>How many connections, unfinished ones among them, the queues may hold, in halves of the
    /// backlog.</summary>
    public int? QueueLimitHalves { get; init; }

    /// <summary>Whether that limit is passed by more than it; otherwise by reaching it.</summary>
    public bool? QueueLimitAdmitsOneMore { get; init; }

    /// <summary>Whether a SYN that finds the queues full pushes out an unfinished connection, chosen by
    /// chance.</summary>
    public bool? EvictsUnfinished { get; init; }

    /// <summary>Buckets of the host's SYN cache.</summary>
    public int? SynCacheBuckets { get; init; }

    /// <summary>Requests that a bucket of the SYN cache holds; one more pushes out the oldest.</summary>
    public int? SynCacheBucketLimit { get; init; }

    /// <summary>Time between two turns of the timer that all requests share, or of the slow clock.</summary>
    public TimeSpan? SynAckTick { get; init; }

    /// <summary>Whether requests are given up earlier while many of them are old.</summary>
    public bool? PrunesUnderPressure { get; init; }

    /// <summary>Whether a request whose third ACK came is spared that.</summary>
    public bool? SparesAcknowledgedRequests { get; init; }

    /// <summary>Whether a third ACK that is ignored takes a user from the timer all requests share, so that it may stop
    /// before they are gone.</summary>
    public bool? OverflowLosesTimerUser { get; init; }

    /// <summary>How long a request may live whatever its retries; null: its retries alone decide.</summary>
    public TimeSpan? RequestLifetime { get; init; }

    /// <summary>How long connect() tries whatever its retries; null: they alone decide.</summary>
    public TimeSpan? ConnectLifetime { get; init; }

    /// <summary>The first timeout from which connect() computes after how long to give up; null: the real
    /// one.</summary>
    /// <remarks>A kernel that takes the least timeout of a connection here gives up far too early.</remarks>
    public TimeSpan? ConnectTimeoutBase { get; init; }

    /// <summary>The tick of the clock of timestamps; null: a jiffy.</summary>
    public TimeSpan? TimestampTick { get; init; } = TimeSpan.FromMilliseconds(1);

    /// <summary>Whether the window scale is chosen for the largest buffer that the socket may grow to; otherwise for
    /// the one it has.</summary>
    public bool ScalesForLargestBuffer { get; init; } = true;

    /// <summary>Whether a listener's line shows how many connections wait as its receive queue.</summary>
    public bool ListenRowShowsQueue { get; init; } = true;

    /// <summary>In which order <c>netstat</c> meets the listeners.</summary>
    public ListenerOrder ListenerOrder { get; init; } = ListenerOrder.AddressAndPort;

    /// <summary>The errno of listen() when it finds no port for a socket without one.</summary>
    public int NoPortError { get; init; } = Errno.EADDRINUSE;
}
