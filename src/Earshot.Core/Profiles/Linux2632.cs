using System;

namespace Earshot.Core.Profiles;

/// <summary>Linux 2.6.32.69, mainline: its connect() gives up after 21 s.</summary>
/// <remarks>
/// connect() gives up by the time that has passed, reckoned from a first timeout of 200 ms: 63 x 0.2 = 12.6 s,
/// which the third firing at 21 s is the first to exceed. (unverified): HZ, buffer defaults, the first windows of
/// three and four segments.
/// </remarks>
internal static class Linux2632
{
    internal static KernelProfile Create() => new()
    {
        Name = "linux-2.6.32",
        Release = "2.6.32.69",
        Summary = "the queues of el6 with a first timeout of 3 s and a sweep of two buckets; connect() "
            + "fails after 21 s",
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
        DroppedSyns = DroppedSynCounting.Nothing,
        InitialRto = TimeSpan.FromSeconds(3),
        ConnectTimeoutBase = TimeSpan.FromMilliseconds(200),
        InitialWindow = 3,
        CountsRequestTimeouts = false,
        ChecksTimestampEcho = false,
        ChecksSegmentEnd = false,
        MeasuresPacketShare = false,
        ChallengesInexactResets = false,
        ChallengesOddSegments = false,
        RemembersPeers = false,
        DuplicateSynRearms = false,
        TimestampOffsets = false,
        TimestampTick = null,
        InitialWindowBytesLimit = 65535,
        InitialReceiveSegments = 4,
        WindowShareShift = 2,
        LoopbackMtu = 16436,
        EphemeralPortStep = 1,
        EphemeralPortLeaps = false,
        RequestsListedFirst = true,
        ListenDropsWord = "ignored",
        ListenerOrder = ListenerOrder.SaltedPortBuckets,
        Cookies = CookieLayout.Linux2632,
        CookiesMayBeForced = false,
        FloodLog = SynFloodLog.CookiesOnly,
        LacksCounters = CounterEras.After2632,
        Sysctls = SysctlSets.Linux(
            ("net.core.somaxconn", "128"),
            ("net.core.rmem_max", "124928"),
            ("net.core.wmem_max", "124928"),
            ("net.ipv4.tcp_max_syn_backlog", "2048"),
            ("net.ipv4.tcp_syncookies", "0"),
            ("net.ipv4.tcp_syn_retries", "5"),
            ("net.ipv4.tcp_ecn", "2"),
            ("net.ipv4.tcp_workaround_signed_windows", "0"),
            ("net.ipv6.bindv6only", "0"),
            ("net.ipv4.tcp_rmem", "4096\t87380\t4194304"),
            ("net.ipv4.tcp_wmem", "4096\t16384\t4194304"),
            ("net.ipv4.tcp_congestion_control", "cubic"),
            ("net.ipv4.tcp_slow_start_after_idle", "1"),
            ("net.ipv4.tcp_tw_reuse", "0"),
            ("net.ipv4.tcp_max_tw_buckets", "262144"),
            ("net.ipv4.ip_local_port_range", "32768\t61000"),
            ("net.ipv4.icmp_ratelimit", "1000")),
    };
}
