using Earshot.Core.Profiles;

namespace Earshot.Core.Tcp.Listening.Shapes;

/// <summary>4.4 to 4.9: requests live in the established table and the backlog limits them; the young rule still
/// holds.</summary>
internal sealed class BacklogQueueShape : YoungRuleShape
{
    private readonly bool _admitsOneMore;

    internal BacklogQueueShape(bool admitsOneMore, int youngTolerated, DroppedSynCounting counting)
        : base(youngTolerated, counting) => _admitsOneMore = admitsOneMore;

    internal override uint SynLimit(uint backlog, int maxSynBacklog, uint previous) => backlog;

    internal override bool IsSynQueueFull(int count, uint limit) =>
        _admitsOneMore ? (uint)count > limit : (uint)count >= limit;
}
