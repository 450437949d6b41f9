using System;

namespace Earshot.Core.Profiles;

/// <summary>Linux 2.4.27: the young rule, the last quarter and the sweep appear.</summary>
/// <remarks>
/// somaxconn exists since 2.4.25; 2.4.0 had the constant 128. tcp_tw_recycle is not kept: with its default of 0
/// nothing looks at it. (unverified): buffer defaults, the first windows of two and four segments, that the window
/// scale follows the buffer at hand.
/// </remarks>
internal static class Linux24
{
    internal static KernelProfile Create() => new()
    {
        Name = "linux-2.4",
        Release = "2.4.27",
        Summary = "as 2.6.11; requests in a table of 512 buckets, swept 68 at a time",
        Shape = ListenShape.ListenerTable,
        SynAckTimer = SynAckTimerKind.Sweep,
        TimerWheel = TimerWheelKind.Exact,
        Hz = 100,
        SynTableMinimum = 64,
        SynTableSizedByBacklog = false,
        SynTableBuckets = 512,
        YoungRequestsTolerated = 1,
        SynAckTick = TimeSpan.FromMilliseconds(200),
        PrunesUnderPressure = true,
        SparesAcknowledgedRequests = true,
        DroppedSyns = DroppedSynCounting.AttemptFails,
        InitialRto = TimeSpan.FromSeconds(3),
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
        ListenRowShowsQueue = false,
        ListenDropsWord = "ignored",
        ListenerOrder = ListenerOrder.PortBuckets,
        Cookies = CookieLayout.Linux22,
        CookiesMayBeForced = false,
        FloodLog = SynFloodLog.CookiesOnly,
        DefersForEver = true,
        LacksCounters = CounterEras.After24,
        InitialWindow = 2,
        ScalesForLargestBuffer = false,
        Sysctls = SysctlSets.Linux(
            ("net.core.somaxconn", "128"),
            ("net.core.rmem_max", "65535"),
            ("net.core.wmem_max", "65535"),
            ("net.ipv4.tcp_max_syn_backlog", "1024"),
            ("net.ipv4.tcp_syncookies", "0"),
            ("net.ipv4.tcp_syn_retries", "5"),
            ("net.ipv4.tcp_ecn", "0"),
            ("net.ipv4.tcp_rmem", "4096\t87380\t174760"),
            ("net.ipv4.tcp_wmem", "4096\t16384\t131072"),
            ("net.ipv4.tcp_tw_reuse", "0"),
            ("net.ipv4.tcp_max_tw_buckets", "180000"),
            ("net.ipv4.ip_local_port_range", "32768\t61000"),
            ("net.ipv4.icmp_ratelimit", "100")),
    };
}
