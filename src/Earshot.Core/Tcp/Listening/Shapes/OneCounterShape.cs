using Earshot.Core.Profiles;

namespace Earshot.Core.Tcp.Listening.Shapes;

/// <summary>Before 2.2: one counter from the SYN to accept(), compared with the backlog when a SYN comes.</summary>
/// <remarks>
/// The third ACK is asked nothing: whoever got a SYN-ACK has a place already, so no client ever believes in a
/// connection that the server lacks. Linux: tcp_conn_request of 2.0 (net/ipv4/tcp_input.c).
/// </remarks>
internal sealed class OneCounterShape : ListenShapeRules
{
    private readonly DroppedSynCounting _counting;

    internal OneCounterShape(DroppedSynCounting counting) => _counting = counting;

    internal override bool NeedsList => true;

    internal override uint SynLimit(uint backlog, int maxSynBacklog, uint previous) => backlog;

    internal override bool IsSynQueueFull(int count, uint limit) => (uint)count >= limit;

    /// <summary>A cookie that comes back is let in whatever waits already.</summary>
    internal override uint AcceptLimit(uint backlog) => uint.MaxValue;

    internal override SynDecision Decide(in SynQuestion q)
    {
        int count = q.SynCount + q.AcceptCount;
        bool full = IsSynQueueFull(count, q.Backlog);
        if (full && q.Syncookies == 0)
        {
            return Refuse(
                _counting, new Verdict(RuleId.SynCounterFull, (uint)count, q.Backlog, (uint)q.SynCount), full: true);
        }

        if (!q.HasRoute)
        {
            return RefuseRoute(_counting, q, Counter.None, full);
        }

        return full ? Cookie(q, full) : Queue(q);
    }

    internal override AckDecision Decide(in AckQuestion question) => Promote(question);
}
