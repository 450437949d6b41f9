using System;
using System.Collections.Generic;

namespace Earshot.Core.Profiles;

/// <summary>4.4BSD-Lite2: the rule of one and a half backlogs.</summary>
/// <remarks>
/// The limits, the 75 s and the slow clock of 500 ms were read. The names of its counters are Linux's here.
/// (unverified): the first timeout of 6 s, that a request given up is not reset, buffers, ports, loopback, the
/// order of listeners, the error of listen() without a port.
/// </remarks>
internal static class Bsd44
{
    internal static KernelProfile Create() => new()
    {
        Name = "bsd-4.4",
        Release = "4.4BSD-Lite2",
        Summary = "a SYN makes a socket; finished and unfinished ones together may be 3/2 of the backlog, "
            + "and one more; SOMAXCONN is 5",
        Shape = ListenShape.FullSocket,
        SynAckTimer = SynAckTimerKind.SlowTicks,
        TimerWheel = TimerWheelKind.Exact,
        Hz = 100,
        NegativeBacklog = BacklogMeaning.Zero,
        QueueLimitHalves = 3,
        QueueLimitAdmitsOneMore = true,
        EvictsUnfinished = false,
        SynAckTick = TimeSpan.FromMilliseconds(500),
        RequestLifetime = TimeSpan.FromSeconds(75),
        ConnectLifetime = TimeSpan.FromSeconds(75),
        DroppedSyns = DroppedSynCounting.Nothing,
        InitialRto = TimeSpan.FromSeconds(6),
        FallbackRto = TimeSpan.FromSeconds(6),
        MaximumRto = TimeSpan.FromSeconds(64),
        InitialWindow = 1,
        ChallengesInexactResets = false,
        ChallengesOddSegments = false,
        RemembersPeers = false,
        DuplicateSynRearms = false,
        TimestampOffsets = false,
        TimestampTick = TimeSpan.FromMilliseconds(500),
        InitialWindowBytesLimit = 65535,
        ScalesForLargestBuffer = false,
        WindowShareShift = 31,
        LoopbackMtu = 1536,
        EphemeralPortStep = 1,
        EphemeralPortLeaps = false,
        ListenRowShowsQueue = false,
        ListenerOrder = ListenerOrder.NewestFirst,
        NoPortError = Errno.EADDRNOTAVAIL,
        Cookies = null,
        CookiesMayBeForced = false,
        LacksCounters = CounterEras.After22,
        CountsRequestTimeouts = false,
        ChecksTimestampEcho = false,
        ChecksSegmentEnd = false,
        MeasuresPacketShare = false,
        Sysctls = new Dictionary<string, string>(),
        Constants = SysctlSets.CompiledIn(
            ("net.core.somaxconn", "5"),
            ("net.ipv4.tcp_synack_retries", "12"),
            ("net.ipv4.tcp_syn_retries", "12"),
            ("net.ipv4.tcp_timestamps", "1"),
            ("net.ipv4.tcp_window_scaling", "1"),
            ("net.ipv4.tcp_rmem", "1\t8192\t262144"),
            ("net.ipv4.tcp_wmem", "1\t8192\t262144"),
            ("net.ipv4.ip_local_port_range", "1024\t5000")),
    };
}
