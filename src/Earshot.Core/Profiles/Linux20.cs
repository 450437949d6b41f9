using System;
using System.Collections.Generic;

namespace Earshot.Core.Profiles;

/// <summary>Linux 2.0.40: one counter for all that is not accepted.</summary>
/// <remarks>
/// It gives up when there were more than five retransmissions, that is at the firing after the sixth: SYNs and SYN-
/// ACKs at 0, 3, 9, 21, 45, 93 and 189 s, the end at 309 s. Its cookies (CONFIG_SYN_COOKIES, CONFIG_RST_COOKIES)
/// are build options and off here. (unverified): window and buffer defaults, the range of ports, the order of
/// listeners.
/// </remarks>
internal static class Linux20
{
    internal static KernelProfile Create() => new()
    {
        Name = "linux-2.0",
        Release = "2.0.40",
        Summary = "SYNs and connections share one counter of at most backlog; a backlog of 0 is the largest",
        Shape = ListenShape.OneCounter,
        SynAckTimer = SynAckTimerKind.PerRequest,
        TimerWheel = TimerWheelKind.Exact,
        Hz = 100,
        ZeroBacklog = BacklogMeaning.Largest,
        PrunesUnderPressure = false,
        DroppedSyns = DroppedSynCounting.AttemptFails,
        InitialRto = TimeSpan.FromSeconds(3),
        InitialWindow = 1,
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
        InitialWindowBytesLimit = 32767,
        ScalesForLargestBuffer = false,
        LoopbackMtu = 3584,
        EphemeralPortStep = 1,
        EphemeralPortLeaps = false,
        ListenRowShowsQueue = false,
        ListenDropsWord = "ignored",
        ListenerOrder = ListenerOrder.NewestFirst,
        NoPortError = Errno.EAGAIN,
        Cookies = CookieLayout.Linux20,
        CookiesMayBeForced = false,
        FloodLog = SynFloodLog.WithPeer,
        LacksCounters = CounterEras.After20,
        Sysctls = new Dictionary<string, string>(),
        Constants = SysctlSets.CompiledIn(
            ("net.core.somaxconn", "128"),
            ("net.ipv4.tcp_syncookies", "0"),
            ("net.ipv4.tcp_synack_retries", "6"),
            ("net.ipv4.tcp_syn_retries", "6"),
            ("net.ipv4.tcp_timestamps", "0"),
            ("net.ipv4.tcp_window_scaling", "0"),
            ("net.ipv4.tcp_fin_timeout", "180"),
            ("net.ipv4.tcp_rmem", "256\t65535\t65535"),
            ("net.ipv4.tcp_wmem", "2048\t65535\t65535"),
            ("net.ipv4.ip_local_port_range", "1024\t4999")),
    };
}
