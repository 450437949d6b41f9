namespace Earshot.Core.Tcp.Listening.Shapes;

/// <summary>4.10 and later: requests live in the established table, and a full accept queue refuses every
/// SYN.</summary>
/// <remarks>The order: SYN queue, accept queue, way back, last quarter. Linux: tcp_conn_request
/// (net/ipv4/tcp_input.c).</remarks>
internal sealed class GlobalTableShape : ListenShapeRules
{
    private readonly bool _admitsOneMore;

    /// <param name="admitsOneMore">6.18: full above the backlog; before: at the backlog.</param>
    internal GlobalTableShape(bool admitsOneMore) => _admitsOneMore = admitsOneMore;

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
            return new SynDecision(
                SynAction.Drop,
                new Verdict(RuleId.SynQueueFull, (uint)q.SynCount, q.SynLimit),
                Counter.TcpExtTCPReqQFullDrop,
                Counter.TcpExtListenDrops,
                SynQueueFull: true);
        }

        // A SYN that a cookie is wanted for is counted as such even when it comes to nothing.
        Counter wanted = cookie ? Counter.TcpExtTCPReqQFullDoCookies : Counter.None;
        if (AcceptQueue.Overflows(q.AcceptCount, q.Backlog))
        {
            return new SynDecision(
                SynAction.Drop,
                new Verdict(RuleId.SynAcceptQueueFull, (uint)q.AcceptCount, q.Backlog),
                Counter.TcpExtListenOverflows,
                Counter.TcpExtListenDrops,
                wanted,
                full);
        }

        if (!q.HasRoute)
        {
            return new SynDecision(
                SynAction.Drop,
                new Verdict(RuleId.SynNoRoute),
                q.NoRouteCounter,
                Counter.TcpExtListenDrops,
                wanted,
                full);
        }

        if (cookie)
        {
            return Cookie(q, full);
        }

        if (!q.HasForcedIsn && IsLastQuarter(q))
        {
            return new SynDecision(
                SynAction.Drop,
                new Verdict(RuleId.SynLastQuarter, (uint)q.SynCount, (uint)q.MaxSynBacklog),
                Counter.TcpExtListenDrops);
        }

        return Queue(q);
    }
}
