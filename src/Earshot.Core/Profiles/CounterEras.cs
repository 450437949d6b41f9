using System.Collections.Generic;

namespace Earshot.Core.Profiles;

/// <summary>Which counters came when, so that a profile can name what its release lacks.</summary>
/// <remarks>
/// Read for ListenOverflows, ListenDrops, EmbryonicRsts and TCPReqQFullDrop; (unverified) for the others: the release
/// by which a counter is known to exist, not the one that brought it.
/// </remarks>
internal static class CounterEras
{
    /// <summary>By 2.2: /proc/net/netstat, and the last two of Tcp.</summary>
    private static readonly Counter[] By22 =
    [
        Counter.TcpInErrs, Counter.TcpOutRsts, Counter.TcpExtEmbryonicRsts, Counter.TcpExtOutOfWindowIcmps,
        Counter.TcpExtSyncookiesSent, Counter.TcpExtSyncookiesRecv, Counter.TcpExtSyncookiesFailed,
    ];

    private static readonly Counter[] By24 =
    [
        Counter.TcpExtTW, Counter.TcpExtTWRecycled, Counter.TcpExtTWKilled, Counter.TcpExtPAWSActive,
        Counter.TcpExtPAWSEstab,
        Counter.TcpExtDelayedACKs, Counter.TcpExtDelayedACKLost, Counter.TcpExtListenOverflows,
        Counter.TcpExtListenDrops, Counter.TcpExtTCPHPHits, Counter.TcpExtTCPPureAcks, Counter.TcpExtTCPHPAcks,
        Counter.TcpExtTCPRenoRecovery, Counter.TcpExtTCPRenoFailures, Counter.TcpExtTCPLossFailures,
        Counter.TcpExtTCPFastRetrans, Counter.TcpExtTCPSlowStartRetrans, Counter.TcpExtTCPTimeouts,
        Counter.TcpExtTCPRenoRecoveryFail, Counter.TcpExtTCPAbortOnData, Counter.TcpExtTCPAbortOnClose,
        Counter.TcpExtTCPAbortOnTimeout, Counter.TcpExtTCPAbortOnLinger, Counter.TcpExtTCPAbortOnMemory,
        Counter.TcpExtPruneCalled, Counter.TcpExtRcvPruned, Counter.TcpExtOfoPruned, Counter.TcpExtTCPRcvCollapsed,
        Counter.TcpExtTCPDSACKOldSent, Counter.TcpExtTCPDSACKOfoSent, Counter.TcpExtTCPAbortFailed,
        Counter.TcpExtTCPMemoryPressures,
    ];

    private static readonly Counter[] By2632 =
    [
        Counter.IpExtInTruncatedPkts, Counter.IpExtInOctets, Counter.IpExtOutOctets, Counter.TcpExtTCPMD5NotFound,
        Counter.TcpExtTCPMD5Unexpected,
    ];

    private static readonly Counter[] By310 =
    [
        Counter.IcmpInCsumErrors, Counter.TcpInCsumErrors, Counter.IpExtInCsumErrors, Counter.TcpExtTCPReqQFullDrop,
        Counter.TcpExtTCPTimeWaitOverflow, Counter.TcpExtTCPOFOQueue, Counter.TcpExtTCPOFODrop,
        Counter.TcpExtTCPOFOMerge, Counter.TcpExtTCPChallengeACK, Counter.TcpExtTCPSYNChallenge,
        Counter.TcpExtTCPReqQFullDoCookies, Counter.TcpExtTCPDeferAcceptDrop, Counter.TcpExtTCPMinTTLDrop,
        Counter.TcpExtTCPFastOpenPassive, Counter.TcpExtTCPFastOpenPassiveFail,
        Counter.TcpExtTCPFastOpenListenOverflow, Counter.TcpExtTCPFastOpenCookieReqd,
        Counter.TcpExtTCPFastOpenActive,
        Counter.TcpExtTCPRcvCoalesce,
    ];

    private static readonly Counter[] By44 =
    [
        Counter.TcpExtTCPFromZeroWindowAdv, Counter.TcpExtTCPToZeroWindowAdv, Counter.TcpExtTCPWantZeroWindowAdv,
        Counter.TcpExtTCPSynRetrans, Counter.TcpExtTCPOrigDataSent, Counter.TcpExtTCPACKSkippedSynRecv,
        Counter.TcpExtTCPACKSkippedPAWS, Counter.TcpExtTCPACKSkippedSeq, Counter.TcpExtTCPACKSkippedFinWait2,
        Counter.TcpExtTCPACKSkippedTimeWait, Counter.TcpExtTCPACKSkippedChallenge, Counter.TcpExtTCPWinProbe,
        Counter.TcpExtTCPKeepAlive, Counter.IpExtInNoECTPkts, Counter.IpExtInECT1Pkts, Counter.IpExtInECT0Pkts,
        Counter.IpExtInCEPkts, Counter.TcpExtTCPFastOpenActiveFail, Counter.TcpExtTCPAutoCorking,
        Counter.TcpExtTCPSpuriousRtxHostQueues,
        Counter.TcpExtTCPHystartTrainDetect, Counter.TcpExtTCPHystartTrainCwnd,
        Counter.TcpExtTCPHystartDelayDetect, Counter.TcpExtTCPHystartDelayCwnd,
    ];

    // Older kernels have TCPLostRetransmit too, but count only what SACK shows to be lost again.
    private static readonly Counter[] By54 =
    [
        Counter.TcpExtTCPDelivered, Counter.TcpExtTCPZeroWindowDrop, Counter.TcpExtTCPLostRetransmit,
        Counter.TcpExtTCPFastOpenPassiveAltKey, Counter.TcpExtTCPFastOpenBlackhole, Counter.TcpExtTCPMTUPFail,
        Counter.TcpExtTCPMTUPSuccess,
        Counter.TcpExtTCPAckCompressed, Counter.TcpExtTCPRcvQDrop, Counter.TcpExtTCPMD5Failure,
    ];

    private static readonly Counter[] By61 =
    [
        Counter.TcpExtTcpTimeoutRehash, Counter.TcpExtTCPMigrateReqSuccess, Counter.TcpExtTCPMigrateReqFailure,
    ];

    private static readonly Counter[] By612 =
    [
        Counter.IpOutTransmits, Counter.IcmpOutRateLimitGlobal, Counter.IcmpOutRateLimitHost,
    ];

    private static readonly Counter[] By618 =
    [
        Counter.TcpExtBeyondWindow, Counter.TcpExtTSEcrRejected, Counter.TcpExtPAWSOldAck,
        Counter.TcpExtPAWSTimewait,
    ];

    /// <summary>What 6.12 lacks.</summary>
    internal static IReadOnlyCollection<Counter> After612 { get; } = [.. By618];

    /// <summary>What 6.1 lacks.</summary>
    internal static IReadOnlyCollection<Counter> After61 { get; } = [.. By612, .. After612];

    /// <summary>What 5.4 lacks.</summary>
    internal static IReadOnlyCollection<Counter> After54 { get; } = [.. By61, .. After61];

    /// <summary>What 4.4 to 4.10 lack.</summary>
    internal static IReadOnlyCollection<Counter> After44 { get; } = [.. By54, .. After54];

    /// <summary>What 3.10 lacks.</summary>
    internal static IReadOnlyCollection<Counter> After310 { get; } = [.. By44, .. After44];

    /// <summary>What 2.6.32 lacks.</summary>
    internal static IReadOnlyCollection<Counter> After2632 { get; } = [.. By310, .. After310];

    /// <summary>What 2.4 to 2.6.11 lack.</summary>
    internal static IReadOnlyCollection<Counter> After24 { get; } = [.. By2632, .. After2632];

    /// <summary>What 2.2 lacks.</summary>
    internal static IReadOnlyCollection<Counter> After22 { get; } = [.. By24, .. After24];

    /// <summary>What 2.0 lacks: all of /proc/net/netstat.</summary>
    internal static IReadOnlyCollection<Counter> After20 { get; } = [.. By22, .. After22];

    /// <summary>What FreeBSD and XNU have no name for: of the listening side they count only what it drops.</summary>
    internal static IReadOnlyCollection<Counter> OfLinuxAlone { get; } = Without(After22, Counter.TcpExtListenDrops);

    private static HashSet<Counter> Without(IReadOnlyCollection<Counter> counters, Counter kept)
    {
        var left = new HashSet<Counter>(counters);
        left.Remove(kept);
        return left;
    }
}
