using Earshot.Core.Profiles;

namespace Earshot.Core.Tcp.Listening;

/// <summary>Segments that a listener dropped, told from what its rules said. Linux: sk_drops.</summary>
/// <remarks>It is no counter of overflows: a third ACK that meets a full queue counts twice, once where the child is
/// refused and once where the segment is let go; segments for a request that lead to nothing count too.</remarks>
internal static class ListenerDrops
{
    private static readonly (RuleId Rule, int Drops)[] Weights =
    [
        (RuleId.SynQueueFull, 1), (RuleId.SynAcceptQueueFull, 1), (RuleId.SynLastQuarter, 1),
        (RuleId.SynNotUnicast, 1), (RuleId.SynNoRoute, 1), (RuleId.SynNoRoom, 1), (RuleId.ListenRst, 1),
        (RuleId.ListenSynFin, 1), (RuleId.ListenNothing, 1), (RuleId.RequestSynAgain, 1),
        (RuleId.RequestSynAgainLimited, 1), (RuleId.RequestOldTimestamp, 1), (RuleId.RequestWrongEcho, 1),
        (RuleId.RequestOutOfWindow, 1), (RuleId.RequestReset, 1), (RuleId.RequestSynInWindow, 1),
        (RuleId.RequestChallenge, 1), (RuleId.RequestChallengeLimited, 1), (RuleId.RequestNoAck, 1),
        (RuleId.RequestOverflow, 2), (RuleId.RequestOverflowAbort, 2), (RuleId.RequestNoRoute, 2),
        (RuleId.RequestIcmp, 1), (RuleId.RequestDeferred, 1), (RuleId.CookieOverflow, 1), (RuleId.SegmentTtl, 1),
    ];

    /// <summary>The drops of a listener since it began; 0 under kernels before 4.9, which did not count them.</summary>
    internal static long Of(StackContext context, Listener listener)
    {
        if (context.Profile.Shape != ListenShape.GlobalTable)
        {
            return 0;
        }

        long drops = -listener.FastOpenQueue.Dropped;
        foreach ((RuleId rule, int weight) in Weights)
        {
            drops += (context.Ledger.Tally(listener.Id, rule)?.Count ?? 0) * weight;
        }

        return drops;
    }
}
