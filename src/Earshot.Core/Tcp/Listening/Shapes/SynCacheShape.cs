using Earshot.Core.Profiles;

namespace Earshot.Core.Tcp.Listening.Shapes;

/// <summary>FreeBSD: requests live in a cache of the whole host; a full bucket loses its oldest, and no SYN is ever
/// refused.</summary>
/// <remarks>The accept queue is asked about at the third ACK: the request is given up then, with a RST if
/// net.inet.tcp.syncache.rst_on_sock_fail says so. FreeBSD: syncache_add, syncache_socket.</remarks>
internal sealed class SynCacheShape : ListenShapeRules
{
    private readonly uint _halves;
    private readonly bool _admitsOneMore;
    private readonly int _bucketLimit;

    internal SynCacheShape(int halves, bool admitsOneMore, int bucketLimit)
    {
        _halves = (uint)halves;
        _admitsOneMore = admitsOneMore;
        _bucketLimit = bucketLimit;
    }

    /// <summary>The backlog does not limit requests; a bucket does.</summary>
    internal override uint SynLimit(uint backlog, int maxSynBacklog, uint previous) => (uint)_bucketLimit;

    internal override bool IsSynQueueFull(int count, uint limit) => (uint)count >= limit;

    internal override uint AcceptLimit(uint backlog)
    {
        uint limit = (uint)((ulong)backlog * _halves / 2);
        return _admitsOneMore ? limit : limit - 1;
    }

    internal override SynDecision Decide(in SynQuestion q)
    {
        if (!q.HasRoute)
        {
            return RefuseRoute(DroppedSynCounting.Nothing, q, Counter.None, full: false);
        }

        return IsSynQueueFull(q.BucketCount, q.SynLimit)
            ? new SynDecision(
                SynAction.QueueInPlaceOfAnother,
                new Verdict(RuleId.SynQueuedForAnother, (uint)q.BucketCount, q.SynLimit, (uint)q.SynCount))
            : Queue(q);
    }

    internal override AckDecision Decide(in AckQuestion q)
    {
        uint limit = AcceptLimit(q.Backlog);
        if (!AcceptQueue.Overflows(q.AcceptCount, limit))
        {
            return Promote(q);
        }

        bool reset = q.AbortOnOverflow != 0;
        return new AckDecision(
            reset ? AckAction.Abort : AckAction.Remove,
            new Verdict(
                reset ? RuleId.RequestNoSocketReset : RuleId.RequestNoSocket, (uint)q.AcceptCount, limit, q.Backlog),
            Counter.TcpExtListenDrops);
    }
}
