using Earshot.Core.Profiles;

namespace Earshot.Core.Tcp.Listening.Shapes;

/// <summary>What 2.4 to 4.9 have in common: a full accept queue refuses a SYN only beside more than so many young
/// requests.</summary>
/// <remarks>
/// The order: SYN queue, accept queue beside young requests, last quarter, way back.
/// Linux: tcp_v4_conn_request (net/ipv4/tcp_ipv4.c), tcp_conn_request (net/ipv4/tcp_input.c).
/// </remarks>
internal abstract class YoungRuleShape : ListenShapeRules
{
    private readonly uint _youngTolerated;
    private readonly DroppedSynCounting _counting;

    private protected YoungRuleShape(int youngTolerated, DroppedSynCounting counting)
    {
        _youngTolerated = (uint)youngTolerated;
        _counting = counting;
    }

    internal override SynDecision Decide(in SynQuestion q)
    {
        bool full = !q.HasForcedIsn && IsSynQueueFull(q.SynCount, q.SynLimit);
        bool cookie = full || (!q.HasForcedIsn && q.ForcesCookies);
        if (full && q.Syncookies == 0)
        {
            var refused = new Verdict(RuleId.SynQueueFull, (uint)q.SynCount, q.SynLimit);
            return Refuse(_counting, refused, Counter.TcpExtTCPReqQFullDrop, full: true);
        }

        // A SYN that a cookie is wanted for is counted as such even when it comes to nothing.
        Counter wanted = cookie ? Counter.TcpExtTCPReqQFullDoCookies : Counter.None;
        if (IsFullBesideYoung(q, _youngTolerated))
        {
            var young = new Verdict(
                RuleId.SynAcceptQueueFullYoung, (uint)q.AcceptCount, q.Backlog, (uint)q.YoungCount);
            return Refuse(_counting, young, Counter.TcpExtListenOverflows, wanted, full);
        }

        if (!cookie && !q.HasForcedIsn && IsLastQuarter(q))
        {
            return Refuse(_counting, new Verdict(RuleId.SynLastQuarter, (uint)q.SynCount, (uint)q.MaxSynBacklog));
        }

        if (!q.HasRoute)
        {
            return RefuseRoute(_counting, q, wanted, full);
        }

        return cookie ? Cookie(q, full) : Queue(q);
    }
}
