using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Profiles;

namespace Earshot.Lab.Views;

/// <summary>The listen counters of one listener, told from what its rules said: Linux has them for a whole host
/// only.</summary>
public static class ListenCounters
{
    private static readonly string[] Names =
    [
        "TcpPassiveOpens", "TcpAttemptFails", "TcpRetransSegs", "TcpExtSyncookiesSent", "TcpExtSyncookiesRecv",
        "TcpExtSyncookiesFailed", "TcpExtEmbryonicRsts", "TcpExtOutOfWindowIcmps", "TcpExtPAWSEstab",
        "TcpExtTSEcrRejected", "TcpExtListenOverflows", "TcpExtListenDrops", "TcpExtTCPTimeouts",
        "TcpExtTCPDeferAcceptDrop", "TcpExtTCPReqQFullDoCookies", "TcpExtTCPReqQFullDrop", "TcpExtTCPChallengeACK",
        "TcpExtTCPFastOpenPassive", "TcpExtTCPFastOpenPassiveFail", "TcpExtTCPFastOpenListenOverflow",
        "TcpExtTCPFastOpenCookieReqd", "TcpExtTCPSynRetrans", "TcpExtTCPACKSkippedSynRecv",
        "TcpExtTCPACKSkippedChallenge",
    ];

    // What each rule counts once under a profile that counts everything.
    private static readonly Dictionary<RuleId, string[]> Counts = new()
    {
        [RuleId.SynQueueFull] = ["TcpExtTCPReqQFullDrop", "TcpExtListenDrops"],
        [RuleId.SynAcceptQueueFull] = ["TcpExtListenOverflows", "TcpExtListenDrops"],
        [RuleId.SynAcceptQueueFullYoung] = ["TcpExtListenOverflows", "TcpExtListenDrops"],
        [RuleId.SynLastQuarter] = ["TcpExtListenDrops"],
        [RuleId.SynNotUnicast] = ["TcpExtListenDrops"],
        [RuleId.SynNoRoute] = ["TcpExtListenDrops"],
        [RuleId.SynNoRoom] = ["TcpExtListenDrops"],
        [RuleId.SynCookie] = ["TcpExtTCPReqQFullDoCookies", "TcpExtSyncookiesSent"],
        [RuleId.SynCookieForced] = ["TcpExtTCPReqQFullDoCookies", "TcpExtSyncookiesSent"],
        [RuleId.CookieBad] = ["TcpExtSyncookiesFailed"],
        [RuleId.CookieOptions] = ["TcpExtSyncookiesRecv"],
        [RuleId.CookieNoRoute] = ["TcpExtSyncookiesRecv"],
        [RuleId.CookieOverflow] = ["TcpExtSyncookiesRecv", "TcpExtListenOverflows", "TcpExtListenDrops"],
        [RuleId.CookieTwice] = ["TcpExtSyncookiesRecv", "TcpPassiveOpens"],
        [RuleId.CookiePromoted] = ["TcpExtSyncookiesRecv", "TcpPassiveOpens"],
        [RuleId.FastOpenChild] = ["TcpExtTCPFastOpenPassive", "TcpPassiveOpens"],
        [RuleId.FastOpenBadCookie] = ["TcpExtTCPFastOpenPassiveFail"],
        [RuleId.FastOpenQueueFull] = ["TcpExtTCPFastOpenListenOverflow"],
        [RuleId.FastOpenCookie] = ["TcpExtTCPFastOpenCookieReqd"],
        [RuleId.RequestDeferred] = ["TcpExtTCPDeferAcceptDrop"],
        [RuleId.RequestDeferredTimer] = ["TcpExtTCPTimeouts"],
        [RuleId.RequestPromoted] = ["TcpPassiveOpens"],
        [RuleId.RequestOverflow] = ["TcpExtListenOverflows", "TcpExtListenDrops"],
        [RuleId.RequestOverflowAbort] = ["TcpExtListenOverflows", "TcpExtListenDrops", "TcpExtEmbryonicRsts"],
        [RuleId.RequestNoRoute] = ["TcpExtListenDrops"],
        [RuleId.RequestReset] = ["TcpAttemptFails", "TcpExtEmbryonicRsts"],
        [RuleId.RequestSynInWindow] = ["TcpAttemptFails", "TcpExtEmbryonicRsts"],
        [RuleId.RequestOldTimestamp] = ["TcpExtPAWSEstab"],
        [RuleId.RequestWrongEcho] = ["TcpExtTSEcrRejected"],
        [RuleId.RequestSynAgain] = ["TcpRetransSegs", "TcpExtTCPSynRetrans"],
        [RuleId.RequestSynAgainLimited] = ["TcpExtTCPACKSkippedSynRecv"],
        [RuleId.RequestChallenge] = ["TcpExtTCPChallengeACK"],
        [RuleId.RequestChallengeLimited] = ["TcpExtTCPACKSkippedChallenge"],
        [RuleId.RequestTimer] = ["TcpRetransSegs", "TcpExtTCPSynRetrans", "TcpExtTCPTimeouts"],
        [RuleId.RequestSweep] = ["TcpRetransSegs", "TcpExtTCPSynRetrans"],
        [RuleId.RequestExpired] = ["TcpExtTCPTimeouts"],
        [RuleId.RequestIcmp] = ["TcpExtListenDrops"],
        [RuleId.RequestIcmpOutOfWindow] = ["TcpExtOutOfWindowIcmps"],
    };

    /// <summary>The counters of a listener, in the order of Linux's files; those that it never moved are 0.</summary>
    /// <param name="ledger">The ledger of the stack.</param>
    /// <param name="listener">The listener's id there.</param>
    /// <param name="profile">The kernel, which may lack a counter.</param>
    public static IReadOnlyList<KeyValuePair<string, long>> Of(Ledger ledger, ushort listener, KernelProfile profile)
    {
        ArgumentNullException.ThrowIfNull(ledger);
        ArgumentNullException.ThrowIfNull(profile);
        var sums = new Dictionary<string, long>();
        foreach ((RuleId rule, string[] counters) in Counts)
        {
            long count = ledger.Tally(listener, rule)?.Count ?? 0;
            foreach (string counter in counters)
            {
                bool counts = counter switch
                {
                    "TcpExtListenOverflows" or "TcpExtListenDrops" =>
                        profile.DroppedSyns == DroppedSynCounting.ListenCounters || !IsOfSyn(rule),
                    "TcpExtTCPTimeouts" => profile.CountsRequestTimeouts,
                    _ => true,
                };
                sums[counter] = sums.GetValueOrDefault(counter) + (counts ? count : 0);
            }
        }

        return [.. Names
            .Where(name => !Enum.TryParse(name, out Counter counter) || !profile.LacksCounters.Contains(counter))
            .Select(name => KeyValuePair.Create(name, sums.GetValueOrDefault(name)))];
    }

    private static bool IsOfSyn(RuleId rule) => rule is RuleId.SynQueueFull or RuleId.SynAcceptQueueFull
        or RuleId.SynAcceptQueueFullYoung or RuleId.SynLastQuarter or RuleId.SynNotUnicast or RuleId.SynNoRoute
        or RuleId.SynNoRoom;
}
