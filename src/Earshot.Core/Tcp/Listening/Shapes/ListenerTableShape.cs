using System;
using System.Numerics;

namespace Earshot.Core.Tcp.Listening.Shapes;

/// <summary>2.6.20 to 4.0: each listener has a SYN table whose size the first listen() fixes; the young rule
/// holds.</summary>
/// <remarks>
/// The order: SYN queue, accept queue beside young requests, last quarter, way back.
/// Linux: tcp_v4_conn_request (net/ipv4/tcp_ipv4.c), reqsk_queue_alloc (net/core/request_sock.c).
/// </remarks>
internal sealed class ListenerTableShape : ListenShapeRules
{
    private readonly int _tableMinimum;
    private readonly uint _youngTolerated;
    private readonly bool _countsDroppedSyns;

    internal ListenerTableShape(int tableMinimum, int youngTolerated, bool countsDroppedSyns)
    {
        _tableMinimum = tableMinimum;
        _youngTolerated = (uint)youngTolerated;
        _countsDroppedSyns = countsDroppedSyns;
    }

    internal override uint SynLimit(uint backlog, int maxSynBacklog, uint previous)
    {
        if (previous != 0)
        {
            // A later listen() does not resize the table.
            return previous;
        }

        uint entries = Math.Max(Math.Min(backlog, (uint)Math.Max(maxSynBacklog, 0)), (uint)_tableMinimum);
        return BitOperations.RoundUpToPowerOf2(entries + 1);
    }

    internal override bool IsSynQueueFull(int count, uint limit) => (uint)count >= limit;

    internal override SynDecision Decide(in SynQuestion q)
    {
        bool full = !q.HasForcedIsn && IsSynQueueFull(q.SynCount, q.SynLimit);
        bool cookie = full || (!q.HasForcedIsn && q.ForcesCookies);
        if (full && q.Syncookies == 0)
        {
            return Drop(
                new Verdict(RuleId.SynQueueFull, (uint)q.SynCount, q.SynLimit),
                _countsDroppedSyns ? Counter.TcpExtTCPReqQFullDrop : Counter.None,
                full);
        }

        // A SYN that a cookie is wanted for is counted as such even when it comes to nothing.
        Counter wanted = cookie ? Counter.TcpExtTCPReqQFullDoCookies : Counter.None;
        if (AcceptQueue.Overflows(q.AcceptCount, q.Backlog) && (uint)q.YoungCount > _youngTolerated)
        {
            var verdict = new Verdict(
                RuleId.SynAcceptQueueFullYoung, (uint)q.AcceptCount, q.Backlog, (uint)q.YoungCount);
            return Drop(verdict, wanted, full, _countsDroppedSyns ? Counter.TcpExtListenOverflows : Counter.None);
        }

        if (!cookie && !q.HasForcedIsn && IsLastQuarter(q))
        {
            return Drop(new Verdict(RuleId.SynLastQuarter, (uint)q.SynCount, (uint)q.MaxSynBacklog));
        }

        if (!q.HasRoute)
        {
            return Drop(new Verdict(RuleId.SynNoRoute), wanted, full, q.NoRouteCounter);
        }

        return cookie ? Cookie(q, full) : Queue(q);
    }

    private SynDecision Drop(
        Verdict verdict, Counter counter = Counter.None, bool full = false, Counter more = Counter.None)
    {
        Counter drop = _countsDroppedSyns ? Counter.TcpExtListenDrops : Counter.None;
        return new SynDecision(SynAction.Drop, verdict, drop, more, counter, full);
    }
}
