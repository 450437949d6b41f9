using System;
using System.Numerics;
using Earshot.Core.Profiles;

namespace Earshot.Core.Tcp.Listening.Shapes;

/// <summary>2.4 to 4.3: each listener has a SYN table whose size the first listen() fixes; the young rule
/// holds.</summary>
/// <remarks>
/// The order: SYN queue, accept queue beside young requests, last quarter, way back.
/// Linux: tcp_v4_conn_request (net/ipv4/tcp_ipv4.c), reqsk_queue_alloc (net/core/request_sock.c).
/// </remarks>
internal sealed class ListenerTableShape : ListenShapeRules
{
    private readonly uint _tableMinimum;
    private readonly bool _sizedByBacklog;
    private readonly uint _youngTolerated;
    private readonly DroppedSynCounting _counting;

    internal ListenerTableShape(
        int tableMinimum, bool sizedByBacklog, int youngTolerated, DroppedSynCounting counting)
    {
        _tableMinimum = (uint)tableMinimum;
        _sizedByBacklog = sizedByBacklog;
        _youngTolerated = (uint)youngTolerated;
        _counting = counting;
    }

    internal override uint SynLimit(uint backlog, int maxSynBacklog, uint previous)
    {
        if (previous != 0)
        {
            // A later listen() does not resize the table.
            return previous;
        }

        uint most = (uint)Math.Clamp(maxSynBacklog, 0, LargestTable - 1);
        return _sizedByBacklog
            ? BitOperations.RoundUpToPowerOf2(Math.Max(Math.Min(backlog, most), _tableMinimum) + 1)
            : BitOperations.RoundUpToPowerOf2(Math.Max(most, _tableMinimum));
    }

    internal override bool IsSynQueueFull(int count, uint limit) => (uint)count >= limit;

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
