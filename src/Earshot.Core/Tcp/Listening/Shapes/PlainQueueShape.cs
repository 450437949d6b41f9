using Earshot.Core.Profiles;

namespace Earshot.Core.Tcp.Listening.Shapes;

/// <summary>2.2: requests hang in a list that tcp_max_syn_backlog alone limits; a full accept queue is noticed at the
/// third ACK only.</summary>
/// <remarks>No young rule, no last quarter. Linux: tcp_v4_conn_request of 2.2 (net/ipv4/tcp_ipv4.c).</remarks>
internal sealed class PlainQueueShape : ListenShapeRules
{
    private readonly DroppedSynCounting _counting;

    internal PlainQueueShape(DroppedSynCounting counting) => _counting = counting;

    internal override uint SynLimit(uint backlog, int maxSynBacklog, uint previous) => (uint)maxSynBacklog;

    internal override bool IsSynQueueFull(int count, uint limit) => count > (int)limit;

    internal override SynDecision Decide(in SynQuestion q)
    {
        // The sysctl is read at each SYN, not at listen().
        bool full = !q.HasForcedIsn && IsSynQueueFull(q.SynCount, (uint)q.MaxSynBacklog);
        if (full && q.Syncookies == 0)
        {
            var refused = new Verdict(RuleId.SynQueueFull, (uint)q.SynCount, (uint)q.MaxSynBacklog);
            return Refuse(_counting, refused, Counter.TcpExtTCPReqQFullDrop, full: true);
        }

        if (!q.HasRoute)
        {
            return RefuseRoute(_counting, q, Counter.None, full);
        }

        return full ? Cookie(q with { SynLimit = (uint)q.MaxSynBacklog }, full) : Queue(q);
    }
}
