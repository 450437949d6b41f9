namespace Earshot.Core;

/// <summary>Every counter that the stack moves, by the name that nstat gives it.</summary>
/// <remarks>Linux's other counters are left out, not shown as 0.</remarks>
public enum Counter : byte
{
    /// <summary>No counter.</summary>
    None,
    /// <summary>Packets taken from links.</summary>
    IpInReceives,
    /// <summary>Packets with a bad header.</summary>
    IpInHdrErrors,
    /// <summary>Packets for an address that is not ours.</summary>
    IpInAddrErrors,
    /// <summary>Packets of an unknown protocol.</summary>
    IpInUnknownProtos,
    /// <summary>Packets handed to a protocol.</summary>
    IpInDelivers,
    /// <summary>Packets built here.</summary>
    IpOutRequests,
    /// <summary>Packets without a route.</summary>
    IpOutNoRoutes,
    /// <summary>Datagrams whose fragments took too long.</summary>
    IpReasmTimeout,
    /// <summary>Fragments received.</summary>
    IpReasmReqds,
    /// <summary>Datagrams put together.</summary>
    IpReasmOKs,
    /// <summary>Fragments that were not put together.</summary>
    IpReasmFails,
    /// <summary>Datagrams that were cut into fragments.</summary>
    IpFragOKs,
    /// <summary>Datagrams that must not be cut.</summary>
    IpFragFails,
    /// <summary>Fragments made.</summary>
    IpFragCreates,
    /// <summary>Packets handed to a device.</summary>
    IpOutTransmits,
    /// <summary>ICMP messages received.</summary>
    IcmpInMsgs,
    /// <summary>ICMP messages that could not be used.</summary>
    IcmpInErrors,
    /// <summary>ICMP messages with a wrong checksum.</summary>
    IcmpInCsumErrors,
    /// <summary>Destination-unreachable messages received.</summary>
    IcmpInDestUnreachs,
    /// <summary>Time-exceeded messages received.</summary>
    IcmpInTimeExcds,
    /// <summary>Parameter-problem messages received.</summary>
    IcmpInParmProbs,
    /// <summary>Source quenches received.</summary>
    IcmpInSrcQuenchs,
    /// <summary>Redirects received.</summary>
    IcmpInRedirects,
    /// <summary>Echo requests received.</summary>
    IcmpInEchos,
    /// <summary>Echo replies received.</summary>
    IcmpInEchoReps,
    /// <summary>Timestamp requests received.</summary>
    IcmpInTimestamps,
    /// <summary>Timestamp replies received.</summary>
    IcmpInTimestampReps,
    /// <summary>Address-mask requests received.</summary>
    IcmpInAddrMasks,
    /// <summary>Address-mask replies received.</summary>
    IcmpInAddrMaskReps,
    /// <summary>ICMP messages sent.</summary>
    IcmpOutMsgs,
    /// <summary>ICMP errors withheld by the limit of the whole host.</summary>
    IcmpOutRateLimitGlobal,
    /// <summary>ICMP errors withheld by the limit per destination.</summary>
    IcmpOutRateLimitHost,
    /// <summary>Destination-unreachable messages sent.</summary>
    IcmpOutDestUnreachs,
    /// <summary>Time-exceeded messages sent.</summary>
    IcmpOutTimeExcds,
    /// <summary>Parameter-problem messages sent.</summary>
    IcmpOutParmProbs,
    /// <summary>Echo replies sent.</summary>
    IcmpOutEchoReps,
    /// <summary>First SYNs sent.</summary>
    TcpActiveOpens,
    /// <summary>Child sockets made.</summary>
    TcpPassiveOpens,
    /// <summary>SYN_SENT or SYN_RECV to CLOSE.</summary>
    TcpAttemptFails,
    /// <summary>ESTABLISHED or CLOSE_WAIT to CLOSE.</summary>
    TcpEstabResets,
    /// <summary>Connections in ESTABLISHED or CLOSE_WAIT, a gauge.</summary>
    TcpCurrEstab,
    /// <summary>Segments received, bad ones too.</summary>
    TcpInSegs,
    /// <summary>Segments sent, retransmissions excepted.</summary>
    TcpOutSegs,
    /// <summary>Segments retransmitted.</summary>
    TcpRetransSegs,
    /// <summary>Segments with a bad header or checksum, SYNs in ESTABLISHED.</summary>
    TcpInErrs,
    /// <summary>Resets sent.</summary>
    TcpOutRsts,
    /// <summary>Segments with a wrong checksum.</summary>
    TcpInCsumErrors,
    /// <summary>Datagrams that were read.</summary>
    UdpInDatagrams,
    /// <summary>Datagrams to a port that nobody has.</summary>
    UdpNoPorts,
    /// <summary>Datagrams with a bad length or checksum.</summary>
    UdpInErrors,
    /// <summary>Datagrams sent.</summary>
    UdpOutDatagrams,
    /// <summary>Datagrams lost because a receive buffer was full.</summary>
    UdpRcvbufErrors,
    /// <summary>Datagrams not sent because a buffer or a queue was full.</summary>
    UdpSndbufErrors,
    /// <summary>Datagrams with a wrong checksum.</summary>
    UdpInCsumErrors,
    /// <summary>Datagrams to several hosts that nobody here wants.</summary>
    UdpIgnoredMulti,
    /// <summary>SYN-ACKs sent whose number is a cookie.</summary>
    TcpExtSyncookiesSent,
    /// <summary>Cookies that came back.</summary>
    TcpExtSyncookiesRecv,
    /// <summary>ACKs of no cookie while cookies were expected.</summary>
    TcpExtSyncookiesFailed,
    /// <summary>Requests removed by a reset, a SYN or abort_on_overflow.</summary>
    TcpExtEmbryonicRsts,
    /// <summary>Times that received data had to make room.</summary>
    TcpExtPruneCalled,
    /// <summary>Times that it could not.</summary>
    TcpExtRcvPruned,
    /// <summary>Times that data beyond a gap gave way.</summary>
    TcpExtOfoPruned,
    /// <summary>ICMP errors that quote a number outside the window.</summary>
    TcpExtOutOfWindowIcmps,
    /// <summary>TIME_WAIT entries made.</summary>
    TcpExtTW,
    /// <summary>TIME_WAIT entries taken over by connect().</summary>
    TcpExtTWRecycled,
    /// <summary>TIME_WAIT and FIN_WAIT2 entries made for at most four seconds.</summary>
    TcpExtTWKilled,
    /// <summary>SYN-ACKs refused for their TSecr.</summary>
    TcpExtPAWSActive,
    /// <summary>Segments refused for an old timestamp.</summary>
    TcpExtPAWSEstab,
    /// <summary>Segments that end beyond the window.</summary>
    TcpExtBeyondWindow,
    /// <summary>Segments for a request with a TSecr that was never sent.</summary>
    TcpExtTSEcrRejected,
    /// <summary>Old pure ACKs with an old timestamp.</summary>
    TcpExtPAWSOldAck,
    /// <summary>Segments to TIME_WAIT with an old timestamp.</summary>
    TcpExtPAWSTimewait,
    /// <summary>ACKs that the delay timer sent.</summary>
    TcpExtDelayedACKs,
    /// <summary>Segments that were received before.</summary>
    TcpExtDelayedACKLost,
    /// <summary>Accept queue full.</summary>
    TcpExtListenOverflows,
    /// <summary>SYNs and handshakes dropped by a listener.</summary>
    TcpExtListenDrops,
    /// <summary>Data segments on the fast path.</summary>
    TcpExtTCPHPHits,
    /// <summary>ACKs without data on the slow path.</summary>
    TcpExtTCPPureAcks,
    /// <summary>ACKs on the fast path that advanced.</summary>
    TcpExtTCPHPAcks,
    /// <summary>Recoveries entered by duplicate ACKs.</summary>
    TcpExtTCPRenoRecovery,
    /// <summary>Recoveries entered by SACK.</summary>
    TcpExtTCPSackRecovery,
    /// <summary>Timeouts that found the peer gone back on its SACKs.</summary>
    TcpExtTCPSACKReneging,
    /// <summary>Reorderings seen by SACK.</summary>
    TcpExtTCPSACKReorder,
    /// <summary>Reorderings seen by too many duplicate ACKs.</summary>
    TcpExtTCPRenoReorder,
    /// <summary>Reorderings seen by timestamps.</summary>
    TcpExtTCPTSReorder,
    /// <summary>Recoveries undone at their end.</summary>
    TcpExtTCPFullUndo,
    /// <summary>Recoveries undone by a partial ACK.</summary>
    TcpExtTCPPartialUndo,
    /// <summary>Reductions undone by D-SACK.</summary>
    TcpExtTCPDSACKUndo,
    /// <summary>Timeouts undone.</summary>
    TcpExtTCPLossUndo,
    /// <summary>Retransmissions lost again.</summary>
    TcpExtTCPLostRetransmit,
    /// <summary>Timeouts after duplicate ACKs.</summary>
    TcpExtTCPRenoFailures,
    /// <summary>Timeouts after SACKs.</summary>
    TcpExtTCPSackFailures,
    /// <summary>Timeouts in loss state.</summary>
    TcpExtTCPLossFailures,
    /// <summary>Segments retransmitted in recovery.</summary>
    TcpExtTCPFastRetrans,
    /// <summary>Segments retransmitted in loss state.</summary>
    TcpExtTCPSlowStartRetrans,
    /// <summary>Firings of a retransmission or SYN-ACK timer.</summary>
    TcpExtTCPTimeouts,
    /// <summary>Tail loss probes sent.</summary>
    TcpExtTCPLossProbes,
    /// <summary>Losses that a tail loss probe repaired.</summary>
    TcpExtTCPLossProbeRecovery,
    /// <summary>Timeouts in recovery.</summary>
    TcpExtTCPRenoRecoveryFail,
    /// <summary>Timeouts in a recovery by SACK.</summary>
    TcpExtTCPSackRecoveryFail,
    /// <summary>Received packets copied into others to save memory.</summary>
    TcpExtTCPRcvCollapsed,
    /// <summary>D-SACK blocks sent of data before the next expected.</summary>
    TcpExtTCPDSACKOldSent,
    /// <summary>D-SACK blocks sent of data beyond a gap.</summary>
    TcpExtTCPDSACKOfoSent,
    /// <summary>D-SACKs of what was acknowledged.</summary>
    TcpExtTCPDSACKRecv,
    /// <summary>D-SACKs of what was not.</summary>
    TcpExtTCPDSACKOfoRecv,
    /// <summary>Connections reset for data after close or linger 0.</summary>
    TcpExtTCPAbortOnData,
    /// <summary>Connections reset for unread data.</summary>
    TcpExtTCPAbortOnClose,
    /// <summary>Orphans beyond the limit.</summary>
    TcpExtTCPAbortOnMemory,
    /// <summary>Connections given up after timeouts.</summary>
    TcpExtTCPAbortOnTimeout,
    /// <summary>FIN_WAIT2 not kept.</summary>
    TcpExtTCPAbortOnLinger,
    /// <summary>Resets that could not be sent.</summary>
    TcpExtTCPAbortFailed,
    /// <summary>Times that TCP's memory came under pressure.</summary>
    TcpExtTCPMemoryPressures,
    /// <summary>SACK blocks that cannot be.</summary>
    TcpExtTCPSACKDiscard,
    /// <summary>D-SACKs from before the last recovery.</summary>
    TcpExtTCPDSACKIgnoredOld,
    /// <summary>D-SACKs without a recovery to undo.</summary>
    TcpExtTCPDSACKIgnoredNoUndo,
    /// <summary>Timeouts found spurious by F-RTO.</summary>
    TcpExtTCPSpuriousRTOs,
    /// <summary>Segments without a signature where one was to be (TCP_MD5SIG).</summary>
    TcpExtTCPMD5NotFound,
    /// <summary>Segments with a signature where none was to be.</summary>
    TcpExtTCPMD5Unexpected,
    /// <summary>Segments with a wrong signature.</summary>
    TcpExtTCPMD5Failure,
    /// <summary>Pieces in flight made one with their neighbour.</summary>
    TcpExtTCPSackMerged,
    /// <summary>Segments that had made more hops than IP_MINTTL allows.</summary>
    TcpExtTCPMinTTLDrop,
    /// <summary>Bare third ACKs dropped by TCP_DEFER_ACCEPT.</summary>
    TcpExtTCPDeferAcceptDrop,
    /// <summary>TIME_WAIT entries refused by tcp_max_tw_buckets.</summary>
    TcpExtTCPTimeWaitOverflow,
    /// <summary>SYNs for which a cookie was wanted because the SYN queue was full, or tcp_syncookies is 2.</summary>
    TcpExtTCPReqQFullDoCookies,
    /// <summary>SYN queue full, SYN dropped.</summary>
    TcpExtTCPReqQFullDrop,
    /// <summary>Retransmissions that the device did not take.</summary>
    TcpExtTCPRetransFail,
    /// <summary>Received packets that became one with the one before.</summary>
    TcpExtTCPRcvCoalesce,
    /// <summary>Segments queued out of order.</summary>
    TcpExtTCPOFOQueue,
    /// <summary>Out-of-order segments dropped for want of memory.</summary>
    TcpExtTCPOFODrop,
    /// <summary>Out-of-order segments that were there already.</summary>
    TcpExtTCPOFOMerge,
    /// <summary>Challenge ACKs sent.</summary>
    TcpExtTCPChallengeACK,
    /// <summary>SYNs on a connection.</summary>
    TcpExtTCPSYNChallenge,
    /// <summary>Fast Open connections whose SYN carried data that was acknowledged with it.</summary>
    TcpExtTCPFastOpenActive,
    /// <summary>SYNs whose data was not acknowledged with them.</summary>
    TcpExtTCPFastOpenActiveFail,
    /// <summary>Fast Open connections made from a SYN.</summary>
    TcpExtTCPFastOpenPassive,
    /// <summary>Fast Open cookies that were wrong, or whose connection could not be made.</summary>
    TcpExtTCPFastOpenPassiveFail,
    /// <summary>Fast Open SYNs that met a full Fast Open queue.</summary>
    TcpExtTCPFastOpenListenOverflow,
    /// <summary>SYNs that asked for a Fast Open cookie.</summary>
    TcpExtTCPFastOpenCookieReqd,
    /// <summary>Times that Fast Open was switched off because its packets seemed to vanish.</summary>
    TcpExtTCPFastOpenBlackhole,
    /// <summary>Retransmissions left out because an earlier copy still lay in the queue of the link.</summary>
    TcpExtTCPSpuriousRtxHostQueues,
    /// <summary>Writes that waited because earlier data still lay in the queue of the link.</summary>
    TcpExtTCPAutoCorking,
    /// <summary>Window opened.</summary>
    TcpExtTCPFromZeroWindowAdv,
    /// <summary>Window closed.</summary>
    TcpExtTCPToZeroWindowAdv,
    /// <summary>Window would have closed.</summary>
    TcpExtTCPWantZeroWindowAdv,
    /// <summary>SYNs and SYN-ACKs retransmitted.</summary>
    TcpExtTCPSynRetrans,
    /// <summary>Segments with data sent for the first time.</summary>
    TcpExtTCPOrigDataSent,
    /// <summary>Slow starts ended because ACKs came close upon each other for long.</summary>
    TcpExtTCPHystartTrainDetect,
    /// <summary>The congestion windows at those moments, added up.</summary>
    TcpExtTCPHystartTrainCwnd,
    /// <summary>Slow starts ended because the round trip grew.</summary>
    TcpExtTCPHystartDelayDetect,
    /// <summary>The congestion windows at those moments, added up.</summary>
    TcpExtTCPHystartDelayCwnd,
    /// <summary>Answers for a request withheld by the rate limit.</summary>
    TcpExtTCPACKSkippedSynRecv,
    /// <summary>Answers to old timestamps withheld.</summary>
    TcpExtTCPACKSkippedPAWS,
    /// <summary>Answers to bad sequence numbers withheld.</summary>
    TcpExtTCPACKSkippedSeq,
    /// <summary>Answers in FIN_WAIT2 withheld.</summary>
    TcpExtTCPACKSkippedFinWait2,
    /// <summary>Answers in TIME_WAIT withheld.</summary>
    TcpExtTCPACKSkippedTimeWait,
    /// <summary>Challenge ACKs withheld.</summary>
    TcpExtTCPACKSkippedChallenge,
    /// <summary>Zero-window probes sent.</summary>
    TcpExtTCPWinProbe,
    /// <summary>Keepalive probes sent.</summary>
    TcpExtTCPKeepAlive,
    /// <summary>MTU probes that were lost.</summary>
    TcpExtTCPMTUPFail,
    /// <summary>MTU probes that arrived.</summary>
    TcpExtTCPMTUPSuccess,
    /// <summary>Packets delivered to the peer.</summary>
    TcpExtTCPDelivered,
    /// <summary>Packets delivered by ACKs with ECE.</summary>
    TcpExtTCPDeliveredCE,
    /// <summary>Duplicate ACKs that were saved by gathering them.</summary>
    TcpExtTCPAckCompressed,
    /// <summary>Data that met a closed window.</summary>
    TcpExtTCPZeroWindowDrop,
    /// <summary>Segments in order dropped for want of memory.</summary>
    TcpExtTCPRcvQDrop,
    /// <summary>Fast Open connections made with the backup key.</summary>
    TcpExtTCPFastOpenPassiveAltKey,
    /// <summary>Flow hashes changed by a timeout.</summary>
    TcpExtTcpTimeoutRehash,
    /// <summary>Segments that D-SACKs told of.</summary>
    TcpExtTCPDSACKRecvSegs,
    /// <summary>D-SACKs that cannot be.</summary>
    TcpExtTCPDSACKIgnoredDubious,
    /// <summary>Requests and connections that went over to another listener of their group.</summary>
    TcpExtTCPMigrateReqSuccess,
    /// <summary>Those that found no other listener, or could not go.</summary>
    TcpExtTCPMigrateReqFailure,
    /// <summary>Packets with fewer bytes than they say.</summary>
    IpExtInTruncatedPkts,
    /// <summary>Bytes received.</summary>
    IpExtInOctets,
    /// <summary>Bytes sent.</summary>
    IpExtOutOctets,
    /// <summary>Packets with a wrong header checksum.</summary>
    IpExtInCsumErrors,
    /// <summary>Packets received without ECN.</summary>
    IpExtInNoECTPkts,
    /// <summary>Packets received with ECT(1).</summary>
    IpExtInECT1Pkts,
    /// <summary>Packets received with ECT(0).</summary>
    IpExtInECT0Pkts,
    /// <summary>Packets received with congestion experienced.</summary>
    IpExtInCEPkts,
    /// <summary>Datagrams given up because fragments overlapped.</summary>
    IpExtReasmOverlaps,
    /// <summary>IPv6 packets received.</summary>
    Ip6InReceives,
    /// <summary>IPv6 packets with a bad header, an impossible address or a bad option.</summary>
    Ip6InHdrErrors,
    /// <summary>IPv6 packets for others, without a way to them.</summary>
    Ip6InNoRoutes,
    /// <summary>IPv6 packets for others.</summary>
    Ip6InAddrErrors,
    /// <summary>IPv6 packets whose payload nobody knows.</summary>
    Ip6InUnknownProtos,
    /// <summary>IPv6 packets shorter than their payload length says.</summary>
    Ip6InTruncatedPkts,
    /// <summary>IPv6 packets handed to TCP, UDP or ICMPv6.</summary>
    Ip6InDelivers,
    /// <summary>IPv6 packets to be sent.</summary>
    Ip6OutRequests,
    /// <summary>IPv6 packets without a route.</summary>
    Ip6OutNoRoutes,
    /// <summary>IPv6 datagrams whose fragments took too long.</summary>
    Ip6ReasmTimeout,
    /// <summary>IPv6 fragments received.</summary>
    Ip6ReasmReqds,
    /// <summary>IPv6 datagrams put together, or whole in one fragment.</summary>
    Ip6ReasmOKs,
    /// <summary>IPv6 fragments given up.</summary>
    Ip6ReasmFails,
    /// <summary>IPv6 datagrams that were cut into fragments.</summary>
    Ip6FragOKs,
    /// <summary>IPv6 datagrams that must not be cut.</summary>
    Ip6FragFails,
    /// <summary>IPv6 fragments made.</summary>
    Ip6FragCreates,
    /// <summary>IPv6 multicast packets received.</summary>
    Ip6InMcastPkts,
    /// <summary>Bytes received over IPv6.</summary>
    Ip6InOctets,
    /// <summary>Bytes sent over IPv6.</summary>
    Ip6OutOctets,
    /// <summary>IPv6 packets received without ECN.</summary>
    Ip6InNoECTPkts,
    /// <summary>IPv6 packets received with ECT(1).</summary>
    Ip6InECT1Pkts,
    /// <summary>IPv6 packets received with ECT(0).</summary>
    Ip6InECT0Pkts,
    /// <summary>IPv6 packets received with congestion experienced.</summary>
    Ip6InCEPkts,
    /// <summary>IPv6 packets sent.</summary>
    Ip6OutTransmits,
    /// <summary>ICMPv6 messages received.</summary>
    Icmp6InMsgs,
    /// <summary>ICMPv6 messages that were bad, or errors that concern nothing here.</summary>
    Icmp6InErrors,
    /// <summary>ICMPv6 messages sent.</summary>
    Icmp6OutMsgs,
    /// <summary>ICMPv6 messages with a wrong checksum.</summary>
    Icmp6InCsumErrors,
    /// <summary>ICMPv6 errors not sent because their host has had its share.</summary>
    Icmp6OutRateLimitHost,
    /// <summary>Destination unreachable received over IPv6.</summary>
    Icmp6InDestUnreachs,
    /// <summary>Packet too big received.</summary>
    Icmp6InPktTooBigs,
    /// <summary>Time exceeded received over IPv6.</summary>
    Icmp6InTimeExcds,
    /// <summary>Parameter problem received over IPv6.</summary>
    Icmp6InParmProblems,
    /// <summary>Echo requests received over IPv6.</summary>
    Icmp6InEchos,
    /// <summary>Echo replies received over IPv6.</summary>
    Icmp6InEchoReplies,
    /// <summary>Questions for listeners to groups received.</summary>
    Icmp6InGroupMembQueries,
    /// <summary>Reports of version 1 about groups received.</summary>
    Icmp6InGroupMembResponses,
    /// <summary>Ends of version 1 of listening to groups received.</summary>
    Icmp6InGroupMembReductions,
    /// <summary>Router advertisements received.</summary>
    Icmp6InRouterAdvertisements,
    /// <summary>Questions for neighbours received.</summary>
    Icmp6InNeighborSolicits,
    /// <summary>Answers of neighbours received.</summary>
    Icmp6InNeighborAdvertisements,
    /// <summary>Redirects received over IPv6.</summary>
    Icmp6InRedirects,
    /// <summary>Reports of version 2 about groups received.</summary>
    Icmp6InMLDv2Reports,
    /// <summary>Destination unreachable sent over IPv6.</summary>
    Icmp6OutDestUnreachs,
    /// <summary>Time exceeded sent over IPv6.</summary>
    Icmp6OutTimeExcds,
    /// <summary>Parameter problem sent over IPv6.</summary>
    Icmp6OutParmProblems,
    /// <summary>Echo replies sent over IPv6.</summary>
    Icmp6OutEchoReplies,
    /// <summary>Reports of version 1 about groups sent.</summary>
    Icmp6OutGroupMembResponses,
    /// <summary>Ends of version 1 of listening to groups sent.</summary>
    Icmp6OutGroupMembReductions,
    /// <summary>Questions for routers sent.</summary>
    Icmp6OutRouterSolicits,
    /// <summary>Questions for neighbours sent.</summary>
    Icmp6OutNeighborSolicits,
    /// <summary>Answers to neighbours sent.</summary>
    Icmp6OutNeighborAdvertisements,
    /// <summary>Reports of groups sent.</summary>
    Icmp6OutMLDv2Reports,
    /// <summary>IPv6 datagrams that were read.</summary>
    Udp6InDatagrams,
    /// <summary>IPv6 datagrams to a port that nobody has.</summary>
    Udp6NoPorts,
    /// <summary>IPv6 datagrams with a bad length or checksum.</summary>
    Udp6InErrors,
    /// <summary>IPv6 datagrams sent.</summary>
    Udp6OutDatagrams,
    /// <summary>IPv6 datagrams lost because a receive buffer was full.</summary>
    Udp6RcvbufErrors,
    /// <summary>IPv6 datagrams not sent because a buffer or a queue was full.</summary>
    Udp6SndbufErrors,
    /// <summary>IPv6 datagrams with a wrong checksum, or none.</summary>
    Udp6InCsumErrors,
    /// <summary>IPv6 datagrams to several hosts that nobody here wants.</summary>
    Udp6IgnoredMulti,
}
