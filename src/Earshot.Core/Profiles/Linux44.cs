namespace Earshot.Core.Profiles;

/// <summary>Linux 4.4.155: no SYN table any more, and the backlog limits requests too.</summary>
/// <remarks>
/// (unverified): the first window of twenty segments, that a firing of a request timer counts no TCPTimeouts, the
/// limit of challenge ACKs.
/// </remarks>
internal static class Linux44
{
    internal static KernelProfile Create() => new()
    {
        Name = "linux-4.4",
        Release = "4.4.155",
        Summary = "the SYN queue is full at the backlog; a full accept queue still lets a SYN in beside one "
            + "young request",
        Shape = ListenShape.BacklogQueue,
        SynAckTimer = SynAckTimerKind.PerRequest,
        TimerWheel = TimerWheelKind.Exact,
        Hz = 250,
        SynQueueAdmitsOneMore = false,
        YoungRequestsTolerated = 1,
        PrunesUnderPressure = true,
        CountsRequestTimeouts = false,
        ChecksTimestampEcho = false,
        ChecksSegmentEnd = false,
        MeasuresPacketShare = false,
        ChallengesInexactResets = false,
        TimestampOffsets = false,
        TimestampTick = null,
        InitialWindowBytesLimit = 65535,
        InitialReceiveSegments = 20,
        EphemeralPortLeaps = false,
        ListenerOrder = ListenerOrder.SaltedPortBuckets,
        FloodLog = SynFloodLog.WithPort,
        LacksCounters = CounterEras.After44,
        Sysctls = SysctlSets.Linux(
            ("net.core.somaxconn", "128"),
            ("net.core.rmem_max", "212992"),
            ("net.core.wmem_max", "212992"),
            ("net.ipv4.tcp_max_syn_backlog", "1024"),
            ("net.ipv4.tcp_syncookies", "1"),
            ("net.ipv4.tcp_syn_retries", "6"),
            ("net.ipv4.tcp_ecn", "2"),
            ("net.ipv4.tcp_fastopen", "1"),
            ("net.ipv4.tcp_fastopen_key", "00000000-00000000-00000000-00000000"),
            ("net.ipv4.tcp_workaround_signed_windows", "0"),
            ("net.ipv4.ip_local_reserved_ports", ""),
            ("net.ipv6.bindv6only", "0"),
            ("net.ipv6.ip_nonlocal_bind", "0"),
            ("net.ipv4.tcp_rmem", "4096\t87380\t6291456"),
            ("net.ipv4.tcp_wmem", "4096\t16384\t4194304"),
            ("net.ipv4.tcp_congestion_control", "cubic"),
            ("net.ipv4.tcp_slow_start_after_idle", "1"),
            ("net.ipv4.tcp_tw_reuse", "0"),
            ("net.ipv4.tcp_no_metrics_save", "0"),
            ("net.ipv4.tcp_max_tw_buckets", "131072"),
            ("net.ipv4.tcp_invalid_ratelimit", "500"),
            ("net.ipv4.tcp_challenge_ack_limit", "1000"),
            ("net.ipv4.ip_local_port_range", "32768\t60999"),
            ("net.ipv4.icmp_ratelimit", "1000")),
    };
}
