using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Profiles;

namespace Earshot.Lab.Views;

/// <summary>Counters as <c>netstat -s</c> words them.</summary>
/// <remarks>
/// A counter that this stack never moves is left out, also where netstat would print its 0. What netstat has no words
/// for it prints as <c>Name: N</c>; so does this.
/// </remarks>
public static class NetstatStatistics
{
    private const char Number = '#';

    // The groups that are printed also without a counter.
    private static readonly string[] Titles = ["Ip", "Icmp", "Tcp", "TcpExt", "IpExt"];

    // Facts that netstat does not tell.
    private static readonly HashSet<string> NotShown =
        ["IpDefaultTTL", "TcpRtoAlgorithm", "TcpRtoMin", "TcpRtoMax", "TcpMaxConn"];

    // What netstat prints also when it is 0.
    private static readonly HashSet<string> Always =
    [
        "IpInReceives", "IpForwDatagrams", "IpInDiscards", "IpInDelivers",
        "IpOutRequests", "IcmpInMsgs", "IcmpInErrors", "IcmpOutMsgs",
        "TcpActiveOpens", "TcpPassiveOpens", "TcpAttemptFails", "TcpEstabResets", "TcpCurrEstab", "TcpInSegs",
        "TcpOutSegs", "TcpRetransSegs", "TcpInErrs", "TcpOutRsts", "TcpExtTCPHPHits", "IcmpOutErrors",
        "UdpInDatagrams", "UdpNoPorts", "UdpInErrors", "UdpOutDatagrams", "UdpRcvbufErrors", "UdpSndbufErrors",
    ];

    private static readonly Dictionary<string, string> Wording = new()
    {
        ["IpInReceives"] = "# total packets received",
        ["IpInHdrErrors"] = "# with invalid headers",
        ["IpInAddrErrors"] = "# with invalid addresses",
        ["IpForwDatagrams"] = "# forwarded",
        ["IpInUnknownProtos"] = "# with unknown protocol",
        ["IpInDiscards"] = "# incoming packets discarded",
        ["IpInDelivers"] = "# incoming packets delivered",
        ["IpOutRequests"] = "# requests sent out",
        ["IpOutDiscards"] = "# outgoing packets dropped",
        ["IpOutNoRoutes"] = "# dropped because of missing route",
        ["IpReasmTimeout"] = "# fragments dropped after timeout",
        ["IpReasmReqds"] = "# reassemblies required",
        ["IpReasmOKs"] = "# packets reassembled ok",
        ["IpReasmFails"] = "# packet reassemblies failed",
        ["IpFragOKs"] = "# outgoing packets fragmented ok",
        ["IpFragFails"] = "# outgoing packets failed fragmentation",
        ["IpFragCreates"] = "# fragments created",
        ["IcmpInMsgs"] = "# ICMP messages received",
        ["IcmpInErrors"] = "# input ICMP message failed",
        ["IcmpInDestUnreachs"] = "destination unreachable: #",
        ["IcmpInTimeExcds"] = "timeout in transit: #",
        ["IcmpInParmProbs"] = "wrong parameters: #",
        ["IcmpInSrcQuenchs"] = "source quenches: #",
        ["IcmpInRedirects"] = "redirects: #",
        ["IcmpInEchos"] = "echo requests: #",
        ["IcmpInEchoReps"] = "echo replies: #",
        ["IcmpInTimestamps"] = "timestamp request: #",
        ["IcmpInTimestampReps"] = "timestamp reply: #",
        ["IcmpInAddrMasks"] = "address mask request: #",
        ["IcmpInAddrMaskReps"] = "address mask replies: #",
        ["IcmpOutMsgs"] = "# ICMP messages sent",
        ["IcmpOutErrors"] = "# ICMP messages failed",
        ["IcmpOutDestUnreachs"] = "destination unreachable: #",
        ["IcmpOutTimeExcds"] = "time exceeded: #",
        ["IcmpOutParmProbs"] = "wrong parameters: #",
        ["IcmpOutSrcQuenchs"] = "source quench: #",
        ["IcmpOutRedirects"] = "redirect: #",
        ["IcmpOutEchos"] = "echo requests: #",
        ["IcmpOutEchoReps"] = "echo replies: #",
        ["IcmpOutTimestamps"] = "timestamp requests: #",
        ["IcmpOutTimestampReps"] = "timestamp replies: #",
        ["IcmpOutAddrMasks"] = "address mask requests: #",
        ["IcmpOutAddrMaskReps"] = "address mask replies: #",
        ["TcpActiveOpens"] = "# active connection openings",
        ["TcpPassiveOpens"] = "# passive connection openings",
        ["TcpAttemptFails"] = "# failed connection attempts",
        ["TcpEstabResets"] = "# connection resets received",
        ["TcpCurrEstab"] = "# connections established",
        ["TcpInSegs"] = "# segments received",
        ["TcpOutSegs"] = "# segments sent out",
        ["TcpRetransSegs"] = "# segments retransmitted",
        ["TcpInErrs"] = "# bad segments received",
        ["TcpOutRsts"] = "# resets sent",
        ["UdpInDatagrams"] = "# packets received",
        ["UdpNoPorts"] = "# packets to unknown port received",
        ["UdpInErrors"] = "# packet receive errors",
        ["UdpOutDatagrams"] = "# packets sent",
        ["UdpRcvbufErrors"] = "# receive buffer errors",
        ["UdpSndbufErrors"] = "# send buffer errors",
        ["TcpExtSyncookiesSent"] = "# SYN cookies sent",
        ["TcpExtSyncookiesRecv"] = "# SYN cookies received",
        ["TcpExtSyncookiesFailed"] = "# invalid SYN cookies received",
        ["TcpExtEmbryonicRsts"] = "# resets received for embryonic SYN_RECV sockets",
        ["TcpExtPruneCalled"] = "# packets pruned from receive queue because of socket buffer overrun",
        ["TcpExtRcvPruned"] = "# packets pruned from receive queue",
        ["TcpExtOfoPruned"] = "# packets dropped from out-of-order queue because of socket buffer overrun",
        ["TcpExtOutOfWindowIcmps"] = "# ICMP packets dropped because they were out-of-window",
        ["TcpExtLockDroppedIcmps"] = "# ICMP packets dropped because socket was locked",
        ["TcpExtTW"] = "# TCP sockets finished time wait in fast timer",
        ["TcpExtTWRecycled"] = "# time wait sockets recycled by time stamp",
        ["TcpExtPAWSActive"] = "# active connections rejected because of time stamp",
        ["TcpExtPAWSEstab"] = "# packets rejected in established connections because of timestamp",
        ["TcpExtDelayedACKs"] = "# delayed acks sent",
        ["TcpExtDelayedACKLocked"] = "# delayed acks further delayed because of locked socket",
        ["TcpExtDelayedACKLost"] = "Quick ack mode was activated # times",
        ["TcpExtListenOverflows"] = "# times the listen queue of a socket overflowed",
        ["TcpExtListenDrops"] = "# SYNs to LISTEN sockets {0}",
        ["TcpExtTCPHPHits"] = "# packet headers predicted",
        ["TcpExtTCPPureAcks"] = "# acknowledgments not containing data payload received",
        ["TcpExtTCPHPAcks"] = "# predicted acknowledgments",
        ["TcpExtTCPRenoRecovery"] = "# times recovered from packet loss due to fast retransmit",
        ["TcpExtTCPSACKReorder"] = "Detected reordering # times using SACK",
        ["TcpExtTCPRenoReorder"] = "Detected reordering # times using reno fast retransmit",
        ["TcpExtTCPTSReorder"] = "Detected reordering # times using time stamp",
        ["TcpExtTCPFullUndo"] = "# congestion windows fully recovered without slow start",
        ["TcpExtTCPPartialUndo"] = "# congestion windows partially recovered using Hoe heuristic",
        ["TcpExtTCPLossUndo"] = "# congestion windows recovered without slow start after partial ack",
        ["TcpExtTCPRenoFailures"] = "# timeouts after reno fast retransmit",
        ["TcpExtTCPLossFailures"] = "# timeouts in loss state",
        ["TcpExtTCPFastRetrans"] = "# fast retransmits",
        ["TcpExtTCPSlowStartRetrans"] = "# retransmits in slow start",
        ["TcpExtTCPRcvCollapsed"] = "# packets collapsed in receive queue due to low socket buffer",
        ["TcpExtTCPAbortOnData"] = "# connections reset due to unexpected data",
        ["TcpExtTCPAbortOnClose"] = "# connections reset due to early user close",
        ["TcpExtTCPAbortOnMemory"] = "# connections aborted due to memory pressure",
        ["TcpExtTCPAbortOnTimeout"] = "# connections aborted due to timeout",
        ["TcpExtTCPAbortOnLinger"] = "# connections aborted after user close in linger timeout",
        ["TcpExtTCPAbortFailed"] = "# times unable to send RST due to no memory",
        ["TcpExtTCPMemoryPressures"] = "TCP ran low on memory # times",
    };

    /// <summary>The lines of <c>netstat -s</c>.</summary>
    /// <param name="counters">Counters by nstat's names, in the order of Linux's files, as <see cref="Mib.All"/> has
    /// them.</param>
    /// <param name="profile">The kernel, whose netstat says what became of the SYNs that ListenDrops counts.</param>
    public static IEnumerable<string> Lines(IEnumerable<KeyValuePair<string, long>> counters, KernelProfile profile)
    {
        List<KeyValuePair<string, long>> all = [.. counters];
        foreach (string group in (string[])[.. CounterNames.Snmp, .. CounterNames.Netstat])
        {
            string histogram = "";
            if (Titles.Contains(group) || all.Exists(counter => CounterNames.GroupOf(counter.Key) == group))
            {
                yield return group + ":";
            }

            foreach ((string name, long value) in all)
            {
                if (CounterNames.GroupOf(name) != group || NotShown.Contains(name))
                {
                    continue;
                }

                // The messages by kind stand under a title of their own, which is printed even over nothing.
                if (Histogram(name) is { } title && title != histogram)
                {
                    histogram = title;
                    yield return $"    {title}:";
                }

                if (value != 0 || Always.Contains(name))
                {
                    bool isDeep = Histogram(name) is not null || group == "IcmpMsg";
                    yield return (isDeep ? "        " : "    ") + Worded(name, group, value, profile);
                }
            }
        }
    }

    private static string Worded(string name, string group, long value, KernelProfile profile) =>
        Wording.TryGetValue(name, out string? words)
            ? words.Replace(Number.ToString(), value.ToString(), StringComparison.Ordinal)
                .Replace("{0}", profile.ListenDropsWord, StringComparison.Ordinal)
            : $"{name[group.Length..]}: {value}";

    private static string? Histogram(string name) =>
        !Wording.TryGetValue(name, out string? words) || words[0] == Number
        || !name.StartsWith("Icmp", StringComparison.Ordinal)
            ? null
            : name.StartsWith("IcmpIn", StringComparison.Ordinal) ? "ICMP input histogram" : "ICMP output histogram";
}
