using Earshot.Core.Profiles;

namespace Earshot.Core.Tcp.Listening.Shapes;

/// <summary>4.10 and later: requests live in the established table, and a full accept queue refuses every
/// SYN.</summary>
/// <remarks>The order: SYN queue, accept queue, way back, last quarter. Linux: tcp_conn_request
/// (net/ipv4/tcp_input.c).</remarks>
internal sealed class GlobalTableShape : ListenShapeRules
{
    private readonly bool _admitsOneMore;
    private readonly DroppedSynCounting _counting;

    /// <param name="admitsOneMore">6.18: full above the backlog; before: at the backlog.</param>
    /// <param name="counting">What a dropped SYN is counted as.</param>
    internal GlobalTableShape(bool admitsOneMore, DroppedSynCounting counting)
    {
        _admitsOneMore = admitsOneMore;
        _counting = counting;
    }

    internal override uint SynLimit(uint backlog, int maxSynBacklog, uint previous) => backlog;

    // The SYN queue's test went from >= to > in a later kernel, so it has this one home.
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
        if (AcceptQueue.Overflows(q.AcceptCount, q.Backlog))
        {
            var overflow = new Verdict(RuleId.SynAcceptQueueFull, (uint)q.AcceptCount, q.Backlog);
            return Refuse(_counting, overflow, Counter.TcpExtListenOverflows, wanted, full);
        }

        if (!q.HasRoute)
        {
            return RefuseRoute(_counting, q, wanted, full);
        }

        if (cookie)
        {
            return Cookie(q, full);
        }

        if (!q.HasForcedIsn && IsLastQuarter(q))
        {
            return Refuse(_counting, new Verdict(RuleId.SynLastQuarter, (uint)q.SynCount, (uint)q.MaxSynBacklog));
        }

        return Queue(q);
    }
}
