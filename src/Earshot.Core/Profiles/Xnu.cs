using System;
using System.Collections.Generic;

namespace Earshot.Core.Profiles;

/// <summary>XNU 11417 (macOS): finished and unfinished connections together are at most the backlog.</summary>
/// <remarks>
/// soqlimitcompat is 1 and soqlencomp 0, as by default. Read: the limit, the eviction, the 75 s, the first timeout
/// of 1 s. (unverified): the rest of the client, buffers, ports, loopback, the order of listeners, the error of
/// listen() without a port. Counters have Linux's names: ListenDrops stands for listendrop.
/// </remarks>
internal static class Xnu
{
    internal static KernelProfile Create() => new()
    {
        Name = "xnu",
        Release = "xnu-11417",
        Summary = "finished and unfinished connections together are at most the backlog; a new SYN pushes "
            + "out an unfinished one",
        Shape = ListenShape.FullSocket,
        SynAckTimer = SynAckTimerKind.PerRequest,
        TimerWheel = TimerWheelKind.Exact,
        Hz = 100,
        ZeroBacklog = BacklogMeaning.Largest,
        QueueLimitHalves = 2,
        QueueLimitAdmitsOneMore = false,
        EvictsUnfinished = true,
        PrunesUnderPressure = false,
        RequestLifetime = TimeSpan.FromSeconds(75),
        ConnectLifetime = TimeSpan.FromSeconds(75),
        MaximumRto = TimeSpan.FromSeconds(64),
        ChallengesInexactResets = false,
        RemembersPeers = false,
        DuplicateSynRearms = false,
        InitialWindowBytesLimit = 65535,
        WindowShareShift = 31,
        LoopbackMtu = 16384,
        EphemeralPortStep = 1,
        EphemeralPortLeaps = false,
        ListenRowShowsQueue = false,
        ListenerOrder = ListenerOrder.NewestFirst,
        NoPortError = Errno.EADDRNOTAVAIL,
        Cookies = null,
        CookiesMayBeForced = false,
        LacksCounters = CounterEras.OfLinuxAlone,
        CountsRequestTimeouts = false,
        ChecksTimestampEcho = false,
        ChecksSegmentEnd = false,
        MeasuresPacketShare = false,
        Sysctls = new Dictionary<string, string>
        {
            ["kern.ipc.somaxconn"] = "128",
        },
        Constants = SysctlSets.CompiledIn(
            ("net.ipv4.tcp_synack_retries", "12"),
            ("net.ipv4.tcp_syn_retries", "12"),
            ("net.ipv4.tcp_timestamps", "1"),
            ("net.ipv4.tcp_window_scaling", "1"),
            ("net.ipv4.tcp_sack", "1"),
            ("net.ipv4.tcp_rmem", "1\t131072\t4194304"),
            ("net.ipv4.tcp_wmem", "1\t131072\t4194304"),
            ("net.ipv4.ip_local_port_range", "49152\t65535")),
    };
}
