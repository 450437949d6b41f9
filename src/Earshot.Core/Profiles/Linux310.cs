using System;

namespace Earshot.Core.Profiles;

/// <summary>Linux 3.10.0: the queues of 2.6.32, the timeouts of today, and every dropped SYN counted.</summary>
/// <remarks>
/// tcp_syncookies knows no value 2: it acts as 1. (unverified): HZ, the first window of twenty segments.
/// </remarks>
internal static class Linux310
{
    internal static KernelProfile Create() => new()
    {
        Name = "linux-3.10",
        Release = "3.10.0",
        Summary = "the SYN table and sweep of 2.6.32 with a first timeout of 1 s; dropped SYNs count "
            + "ListenDrops from here on",
        Shape = ListenShape.ListenerTable,
        SynAckTimer = SynAckTimerKind.Sweep,
        TimerWheel = TimerWheelKind.Exact,
        Hz = 1000,
        SynTableMinimum = 8,
        SynTableSizedByBacklog = true,
        YoungRequestsTolerated = 1,
        SynAckTick = TimeSpan.FromMilliseconds(200),
        PrunesUnderPressure = true,
        SparesAcknowledgedRequests = false,
        CountsRequestTimeouts = false,
        ChecksTimestampEcho = false,
        ChecksSegmentEnd = false,
        MeasuresPacketShare = false,
        ChallengesInexactResets = false,
        TimestampOffsets = false,
        TimestampTick = null,
        InitialWindowBytesLimit = 65535,
        InitialReceiveSegments = 20,
        EphemeralPortStep = 1,
        EphemeralPortLeaps = false,
        RequestsListedFirst = true,
        ListenerOrder = ListenerOrder.SaltedPortBuckets,
        Cookies = CookieLayout.Linux310,
        CookiesMayBeForced = false,
        FloodLog = SynFloodLog.WithProtocol,
        LacksCounters = CounterEras.After310,
        Sysctls = SysctlSets.Linux(
            ("net.core.somaxconn", "128"),
            ("net.core.rmem_max", "212992"),
            ("net.core.wmem_max", "212992"),
            ("net.ipv4.tcp_max_syn_backlog", "1024"),
            ("net.ipv4.tcp_syncookies", "1"),
            ("net.ipv4.tcp_syn_retries", "6"),
            ("net.ipv4.tcp_ecn", "2"),
            ("net.ipv4.tcp_fastopen", "0"),
            ("net.ipv4.tcp_fastopen_key", "00000000-00000000-00000000-00000000"),
            ("net.ipv4.tcp_workaround_signed_windows", "0"),
            ("net.ipv4.ip_local_reserved_ports", ""),
            ("net.ipv6.bindv6only", "0"),
            ("net.ipv4.tcp_rmem", "4096\t87380\t6291456"),
            ("net.ipv4.tcp_wmem", "4096\t16384\t4194304"),
            ("net.ipv4.tcp_congestion_control", "cubic"),
            ("net.ipv4.tcp_slow_start_after_idle", "1"),
            ("net.ipv4.tcp_tw_reuse", "0"),
            ("net.ipv4.tcp_no_metrics_save", "0"),
            ("net.ipv4.tcp_max_tw_buckets", "131072"),
            ("net.ipv4.tcp_challenge_ack_limit", "100"),
            ("net.ipv4.ip_local_port_range", "32768\t61000"),
            ("net.ipv4.icmp_ratelimit", "1000")),
    };
}
