using System;
using System.Collections.Generic;

namespace Earshot.Core.Profiles;

/// <summary>Linux 2.2.1: requests in a list of their own, and a timer that all of them share.</summary>
/// <remarks>
/// The sockets that listen() may be called on, the third ACK that takes a user from the timer, and the seven
/// retries (tcp_retries1) were read. (unverified): whether later 2.2 releases mend that timer, buffer and window
/// defaults, the range of ports, how often SYNs are sent (tcp_syn_retries 10, so connect() fails after 789 s).
/// </remarks>
internal static class Linux22
{
    internal static KernelProfile Create() => new()
    {
        Name = "linux-2.2",
        Release = "2.2.1",
        Summary = "the first with two queues: tcp_max_syn_backlog + 1 requests, backlog + 1 connections, "
            + "asked about at the third ACK only",
        Shape = ListenShape.PlainQueue,
        SynAckTimer = SynAckTimerKind.GlobalTick,
        TimerWheel = TimerWheelKind.Exact,
        Hz = 100,
        ZeroBacklog = BacklogMeaning.One,
        SynAckTick = TimeSpan.FromMilliseconds(500),
        OverflowLosesTimerUser = true,
        DroppedSyns = DroppedSynCounting.AttemptFails,
        InitialRto = TimeSpan.FromSeconds(3),
        InitialWindow = 2,
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
        LoopbackMtu = 3924,
        EphemeralPortStep = 1,
        EphemeralPortLeaps = false,
        RequestsListedFirst = true,
        ListenRowShowsQueue = false,
        ListenDropsWord = "ignored",
        ListenerOrder = ListenerOrder.PortBuckets,
        NoPortError = Errno.EAGAIN,
        Cookies = CookieLayout.Linux22,
        CookiesMayBeForced = false,
        FloodLog = SynFloodLog.CookiesOnly,
        LacksCounters = CounterEras.After22,
        Sysctls = new Dictionary<string, string>
        {
            ["net.core.rmem_max"] = "65535",
            ["net.core.wmem_max"] = "65535",
            ["net.ipv4.tcp_max_syn_backlog"] = "128",
            ["net.ipv4.tcp_syncookies"] = "0",
            ["net.ipv4.tcp_syn_retries"] = "10",
            ["net.ipv4.tcp_retries2"] = "15",
            ["net.ipv4.tcp_fin_timeout"] = "180",
            ["net.ipv4.tcp_timestamps"] = "1",
            ["net.ipv4.tcp_window_scaling"] = "1",
            ["net.ipv4.tcp_sack"] = "1",
            ["net.ipv4.tcp_rfc1337"] = "0",
            ["net.ipv4.tcp_keepalive_time"] = "7200",
            ["net.ipv4.tcp_keepalive_probes"] = "9",
            ["net.ipv4.ip_local_port_range"] = "1024\t4999",
            ["net.ipv4.icmp_echo_ignore_all"] = "0",
        },
        Constants = new Dictionary<string, string>
        {
            ["net.core.somaxconn"] = "128",
            ["net.ipv4.tcp_synack_retries"] = "7",
            ["net.ipv4.tcp_rmem"] = "256\t65535\t65535",
            ["net.ipv4.tcp_wmem"] = "2048\t65535\t65535",
            ["net.ipv4.tcp_max_tw_buckets"] = "131072",
            ["net.ipv4.tcp_keepalive_intvl"] = "75",
            ["net.ipv4.ip_default_ttl"] = "64",
        },
    };
}
