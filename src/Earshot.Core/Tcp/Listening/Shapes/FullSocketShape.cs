using Earshot.Core.Profiles;

namespace Earshot.Core.Tcp.Listening.Shapes;

/// <summary>4.4BSD and XNU: a SYN makes a socket at once; unfinished and finished ones are counted together.</summary>
/// <remarks>
/// The only test is made when the SYN comes (4.4BSD: sonewconn); the third ACK is asked nothing. XNU makes room by
/// pushing out an unfinished connection when there is one.
/// </remarks>
internal sealed class FullSocketShape : ListenShapeRules
{
    private readonly uint _halves;
    private readonly bool _admitsOneMore;
    private readonly bool _evicts;
    private readonly DroppedSynCounting _counting;

    internal FullSocketShape(int halves, bool admitsOneMore, bool evicts, DroppedSynCounting counting)
    {
        _halves = (uint)halves;
        _admitsOneMore = admitsOneMore;
        _evicts = evicts;
        _counting = counting;
    }

    internal override bool NeedsList => true;

    /// <summary>The limit: halves of the backlog, cut to a whole number.</summary>
    internal override uint SynLimit(uint backlog, int maxSynBacklog, uint previous) =>
        (uint)((ulong)backlog * _halves / 2);

    internal override bool IsSynQueueFull(int count, uint limit) =>
        _admitsOneMore ? (uint)count > limit : (uint)count >= limit;

    internal override SynDecision Decide(in SynQuestion q)
    {
        int count = q.SynCount + q.AcceptCount;
        if (!q.HasRoute)
        {
            return RefuseRoute(_counting, q, Counter.None, full: false);
        }

        if (!IsSynQueueFull(count, q.SynLimit))
        {
            return Queue(q);
        }

        return _evicts && q.SynCount > 0
            ? new SynDecision(
                SynAction.QueueInPlaceOfAnother,
                new Verdict(RuleId.SynQueuedForAnother, (uint)count, q.SynLimit, (uint)q.SynCount))
            : Refuse(_counting, new Verdict(RuleId.SynCounterFull, (uint)count, q.SynLimit, (uint)q.SynCount));
    }

    internal override AckDecision Decide(in AckQuestion question) => Promote(question);
}
