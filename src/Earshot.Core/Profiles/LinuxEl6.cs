using System;

namespace Earshot.Core.Profiles;

/// <summary>Linux 2.6.32-642.el6, the kernel of CentOS 6.8 on which the first article measured.</summary>
/// <remarks>
/// Its queue rules are those of mainline 2.6.32; its one-second initial timeout, its SYN schedule of 63 s and its ports
/// in steps of two are not. (unverified): receive buffer defaults and HZ of the distribution's build, the first receive
/// window of ten segments, what a SYN or RST inside the window of a connection does.
/// </remarks>
internal static class LinuxEl6
{
    internal static KernelProfile Create() => new()
    {
        Name = "linux-el6",
        Release = "2.6.32-642.el6",
        Summary = "a full accept queue refuses a SYN only beside two young requests; a sweep re-sends SYN-ACKs",
        Shape = ListenShape.ListenerTable,
        SynAckTimer = SynAckTimerKind.Sweep,
        TimerWheel = TimerWheelKind.Exact,
        RemembersPeers = false,
        Hz = 1000,
        DroppedSyns = DroppedSynCounting.Nothing,
        SynTableMinimum = 8,
        SynTableSizedByBacklog = true,
        YoungRequestsTolerated = 1,
        SynAckTick = TimeSpan.FromMilliseconds(200),
        PrunesUnderPressure = true,
        SparesAcknowledgedRequests = false,
        CountsRequestTimeouts = false,
        ChecksTimestampEcho = false,
        ChallengesInexactResets = false,
        ChallengesOddSegments = false,
        ChecksSegmentEnd = false,
        MeasuresPacketShare = false,
        DuplicateSynRearms = false,
        TimestampOffsets = false,
        TimestampTick = null,
        ListenerOrder = ListenerOrder.SaltedPortBuckets,
        InitialWindowBytesLimit = 65535,
        InitialReceiveSegments = 10,
        WindowShareShift = 2,
        LoopbackMtu = 16436,
        EphemeralPortLeaps = false,
        RequestsListedFirst = true,
        ListenDropsWord = "ignored",
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
            ("net.ipv4.ip_local_reserved_ports", ""),
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
