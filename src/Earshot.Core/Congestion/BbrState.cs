namespace Earshot.Core.Congestion;

/// <summary>What BBR is doing. Linux: enum bbr_mode.</summary>
internal enum BbrMode : byte
{
    /// <summary>It doubles its rate until the path gives no more.</summary>
    Startup,

    /// <summary>It empties the queue that this made.</summary>
    Drain,

    /// <summary>It goes round its rate, and now and then above and below.</summary>
    ProbeBandwidth,

    /// <summary>It sends next to nothing, to see the path's own round trip.</summary>
    ProbeRtt,
}

/// <summary>What BBR remembers of a connection. Linux: struct bbr.</summary>
/// <remarks>Bandwidth is in packets a microsecond, times 2^24.</remarks>
internal struct BbrState
{
    internal long CycleTime;
    internal long AckEpochTime;
    internal WindowedMaximum Bandwidth;
    internal uint LeastRtt;
    internal uint LeastRttTime;
    internal uint ProbeRttDone;
    internal uint Rounds;
    internal uint RoundEnd;
    internal uint LongTermBandwidth;
    internal uint LongTermDelivered;
    internal uint LongTermTime;
    internal uint LongTermLost;
    internal int PriorWindow;
    internal uint FullBandwidth;
    internal uint AckEpochPackets;
    internal ushort Extra0;
    internal ushort Extra1;
    internal ushort PacingGain;
    internal ushort WindowGain;
    internal BbrMode Mode;
    internal RecoveryState PriorRecovery;
    internal byte LongTermRounds;
    internal byte FullRounds;
    internal byte Phase;
    internal byte ExtraRounds;
    internal BbrFlags Flags;

    internal readonly bool Has(BbrFlags flag) => (Flags & flag) != 0;

    internal void Set(BbrFlags flag, bool value) => Flags = value ? Flags | flag : Flags & ~flag;
}

/// <summary>What is so and what is not.</summary>
[System.Flags]
internal enum BbrFlags : ushort
{
    None = 0,

    /// <summary>As many packets leave as arrive: the first round of a recovery.</summary>
    Conserves = 1,

    /// <summary>This ACK began a round.</summary>
    RoundStart = 2,

    /// <summary>The connection was idle.</summary>
    IdleRestart = 4,

    /// <summary>A round has passed with the small window of ProbeRtt.</summary>
    ProbeRttRoundDone = 8,

    /// <summary>Whether a policer limits the rate is being measured.</summary>
    LongTermSampling = 16,

    /// <summary>One does.</summary>
    LongTermUsed = 32,

    /// <summary>The path's bandwidth was reached.</summary>
    FullBandwidthReached = 64,

    /// <summary>There was a round-trip sample.</summary>
    HasSeenRtt = 128,

    /// <summary>The second of the two windows of extra ACKs is the present one.</summary>
    SecondExtra = 256,
}
