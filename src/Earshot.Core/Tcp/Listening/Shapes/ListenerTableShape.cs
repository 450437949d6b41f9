using System;
using System.Numerics;
using Earshot.Core.Profiles;

namespace Earshot.Core.Tcp.Listening.Shapes;

/// <summary>2.4 to 4.3: each listener has a SYN table whose size the first listen() fixes; the young rule
/// holds.</summary>
/// <remarks>Linux: reqsk_queue_alloc (net/core/request_sock.c).</remarks>
internal sealed class ListenerTableShape : YoungRuleShape
{
    private readonly uint _tableMinimum;
    private readonly bool _sizedByBacklog;

    internal ListenerTableShape(
        int tableMinimum, bool sizedByBacklog, int youngTolerated, DroppedSynCounting counting)
        : base(youngTolerated, counting)
    {
        _tableMinimum = (uint)tableMinimum;
        _sizedByBacklog = sizedByBacklog;
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
}
