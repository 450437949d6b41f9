using System;
using System.Collections.Generic;

namespace Earshot.Core.Profiles;

/// <summary>FreeBSD main: the SYN cache.</summary>
/// <remarks>
/// Cache, retries, limits and the two sysctls were read, of the RST its sysctl only (unverified). The pause after
/// an overflow is not kept. (unverified) too: the client, buffers, ports, loopback, the order of listeners, the
/// error of listen() without a port. Counters have Linux's names: ListenDrops stands for listendrop.
/// </remarks>
internal static class FreeBsd
{
    internal static KernelProfile Create() => new()
    {
        Name = "freebsd",
        Release = "main",
        Summary = "SYNs are never refused: a full bucket of the SYN cache loses its oldest; the third ACK "
            + "is reset when more than 3/2 of the backlog wait",
        Shape = ListenShape.SynCache,
        SynAckTimer = SynAckTimerKind.PerRequest,
        TimerWheel = TimerWheelKind.Exact,
        Hz = 1000,
        QueueLimitHalves = 3,
        QueueLimitAdmitsOneMore = true,
        SynCacheBuckets = 512,
        SynCacheBucketLimit = 30,
        PrunesUnderPressure = false,
        ConnectLifetime = TimeSpan.FromSeconds(75),
        MaximumRto = TimeSpan.FromSeconds(64),
        ChallengesInexactResets = true,
        RemembersPeers = false,
        DuplicateSynRearms = true,
        InitialWindowBytesLimit = 65535,
        WindowShareShift = 31,
        LoopbackMtu = 16384,
        EphemeralPortStep = 1,
        EphemeralPortLeaps = false,
        ListenRowShowsQueue = false,
        ListenerOrder = ListenerOrder.NewestFirst,
        NoPortError = Errno.EADDRNOTAVAIL,
        Cookies = CookieLayout.FreeBsd,
        CookiesMayBeForced = false,
        LacksCounters = CounterEras.OfLinuxAlone,
        CountsRequestTimeouts = false,
        ChecksTimestampEcho = false,
        ChecksSegmentEnd = false,
        MeasuresPacketShare = false,
        Sysctls = new Dictionary<string, string>
        {
            ["kern.ipc.somaxconn"] = "128",
            ["net.inet.tcp.syncookies"] = "1",
            ["net.inet.tcp.syncache.rexmtlimit"] = "3",
            ["net.inet.tcp.syncache.rst_on_sock_fail"] = "1",
        },
        Constants = SysctlSets.CompiledIn(
            ("net.ipv4.tcp_syn_retries", "12"),
            ("net.ipv4.tcp_timestamps", "1"),
            ("net.ipv4.tcp_window_scaling", "1"),
            ("net.ipv4.tcp_sack", "1"),
            ("net.ipv4.tcp_rmem", "1\t65536\t2097152"),
            ("net.ipv4.tcp_wmem", "1\t32768\t2097152"),
            ("net.ipv4.ip_local_port_range", "10000\t65535")),
    };
}
