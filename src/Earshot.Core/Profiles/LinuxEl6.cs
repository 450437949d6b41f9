using System.Collections.Generic;

namespace Earshot.Core.Profiles;

/// <summary>Linux 2.6.32-642.el6, the kernel of CentOS 6.8 on which the first article measured.</summary>
/// <remarks>
/// Its queue rules are those of mainline 2.6.32; its one-second initial timeout, its SYN schedule of 63 s and its ports
/// in
/// steps of two are not. (unverified): receive buffer defaults and HZ of the distribution's build, the first receive
/// window
/// of ten segments, what a SYN or RST inside the window of a connection does.
/// </remarks>
internal static class LinuxEl6
{
    private static Counter[] LackingCounters =>
    [
        Counter.IpOutTransmits, Counter.IcmpInCsumErrors, Counter.IcmpOutRateLimitGlobal,
        Counter.IcmpOutRateLimitHost, Counter.TcpInCsumErrors, Counter.TcpExtBeyondWindow,
        Counter.TcpExtTSEcrRejected, Counter.TcpExtPAWSOldAck, Counter.TcpExtPAWSTimewait,
        Counter.TcpExtTCPTimeWaitOverflow, Counter.TcpExtTCPReqQFullDrop,
        Counter.TcpExtTCPReqQFullDoCookies, Counter.TcpExtTCPDeferAcceptDrop, Counter.TcpExtTCPFastOpenPassive,
        Counter.TcpExtTCPFastOpenPassiveFail, Counter.TcpExtTCPFastOpenListenOverflow,
        Counter.TcpExtTCPFastOpenCookieReqd, Counter.TcpExtTCPFastOpenPassiveAltKey,

        // It has this one, but counts only what SACK shows to be lost again.
        Counter.TcpExtTCPLostRetransmit,
        Counter.TcpExtTCPOFOQueue, Counter.TcpExtTCPOFODrop, Counter.TcpExtTCPOFOMerge,
        Counter.TcpExtTCPChallengeACK, Counter.TcpExtTCPSYNChallenge, Counter.TcpExtTCPFromZeroWindowAdv,
        Counter.TcpExtTCPToZeroWindowAdv, Counter.TcpExtTCPWantZeroWindowAdv, Counter.TcpExtTCPSynRetrans,
        Counter.TcpExtTCPOrigDataSent, Counter.TcpExtTCPACKSkippedSynRecv, Counter.TcpExtTCPACKSkippedPAWS,
        Counter.TcpExtTCPACKSkippedSeq, Counter.TcpExtTCPACKSkippedFinWait2,
        Counter.TcpExtTCPACKSkippedTimeWait, Counter.TcpExtTCPACKSkippedChallenge, Counter.TcpExtTCPWinProbe,
        Counter.TcpExtTCPKeepAlive, Counter.TcpExtTCPDelivered, Counter.TcpExtTCPZeroWindowDrop,
        Counter.TcpExtTcpTimeoutRehash, Counter.TcpExtTCPMigrateReqSuccess, Counter.TcpExtTCPMigrateReqFailure,
        Counter.TcpExtTCPMinTTLDrop, Counter.IpExtInCsumErrors,
        Counter.IpExtInNoECTPkts, Counter.IpExtInECT1Pkts, Counter.IpExtInECT0Pkts, Counter.IpExtInCEPkts,
    ];

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
        CountsDroppedSyns = false,
        CountsRequestTimeouts = false,
        ChecksTimestampEcho = false,
        ChallengesInexactResets = false,
        ChallengesOddSegments = false,
        ChecksSegmentEnd = false,
        SynQueueAdmitsOneMore = false,
        DuplicateSynRearms = false,
        TimestampOffsets = false,
        InitialWindowBytesLimit = 65535,
        InitialReceiveSegments = 10,
        WindowShareShift = 2,
        LoopbackMtu = 16436,
        EphemeralPortLeaps = false,
        Cookies = CookieLayout.Linux2632,
        CookiesMayBeForced = false,
        FloodLog = SynFloodLog.CookiesOnly,
        RequestsListedFirst = true,
        ListenDropsWord = "ignored",
        LacksCounters = LackingCounters,
        Sysctls = new Dictionary<string, string>
        {
            ["net.core.somaxconn"] = "128",
            ["net.core.rmem_max"] = "124928",
            ["net.core.wmem_max"] = "124928",
            ["net.ipv4.tcp_max_syn_backlog"] = "2048",
            ["net.ipv4.tcp_syncookies"] = "0",
            ["net.ipv4.tcp_synack_retries"] = "5",
            ["net.ipv4.tcp_syn_retries"] = "5",
            ["net.ipv4.tcp_retries2"] = "15",
            ["net.ipv4.tcp_orphan_retries"] = "0",
            ["net.ipv4.tcp_abort_on_overflow"] = "0",
            ["net.ipv4.tcp_fin_timeout"] = "60",
            ["net.ipv4.tcp_timestamps"] = "1",
            ["net.ipv4.tcp_sack"] = "1",
            ["net.ipv4.tcp_window_scaling"] = "1",
            ["net.ipv4.tcp_rmem"] = "4096\t87380\t4194304",
            ["net.ipv4.tcp_wmem"] = "4096\t16384\t4194304",
            ["net.ipv4.tcp_congestion_control"] = "reno",
            ["net.ipv4.tcp_ecn"] = "2",
            ["net.ipv4.tcp_workaround_signed_windows"] = "0",
            ["net.ipv4.tcp_slow_start_after_idle"] = "1",
            ["net.ipv4.tcp_tw_reuse"] = "0",
            ["net.ipv4.tcp_rfc1337"] = "0",
            ["net.ipv4.tcp_max_tw_buckets"] = "262144",
            ["net.ipv4.tcp_keepalive_time"] = "7200",
            ["net.ipv4.tcp_keepalive_intvl"] = "75",
            ["net.ipv4.tcp_keepalive_probes"] = "9",
            ["net.ipv4.ip_local_port_range"] = "32768\t61000",
            ["net.ipv4.ip_default_ttl"] = "64",
            ["net.ipv4.icmp_echo_ignore_all"] = "0",
            ["net.ipv4.icmp_ratelimit"] = "1000",
        },
    };
}
