using Earshot.Core.Profiles;

namespace Earshot.Core.Tcp.Listening.Shapes;

/// <summary>4.4 to 4.9: requests live in the established table and the backlog limits them; the young rule still
/// holds.</summary>
/// <remarks>
/// The order: SYN queue, accept queue beside young requests, last quarter, way back.
/// Linux: tcp_conn_request (net/ipv4/tcp_input.c).
/// </remarks>
internal sealed class BacklogQueueShape : ListenShapeRules
{
    private readonly bool _admitsOneMore;
    private readonly uint _youngTolerated;
    private readonly DroppedSynCounting _counting;

    internal BacklogQueueShape(bool admitsOneMore, int youngTolerated, DroppedSynCounting counting)
    {
        _admitsOneMore = admitsOneMore;
        _youngTolerated = (uint)youngTolerated;
        _counting = counting;
    }

    internal override uint SynLimit(uint backlog, int maxSynBacklog, uint previous) => backlog;

    internal override bool IsSynQueueFull(int count, uint limit) =>
        _admitsOneMore ? (uint)count > limit : (uint)count >= limit;

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
