using Earshot.Core.Profiles;

namespace Earshot.Core.Tcp.Listening.Shapes;

/// <summary>Makes the ordered questions that a profile names.</summary>
internal static class ListenShapes
{
    /// <summary>The questions of a profile.</summary>
    /// <exception cref="InvariantException">The profile lacks a number that its shape asks for.</exception>
    internal static ListenShapeRules Of(KernelProfile profile) => profile.Shape switch
    {
        ListenShape.OneCounter => new OneCounterShape(profile.DroppedSyns),
        ListenShape.PlainQueue => new PlainQueueShape(profile.DroppedSyns),
        ListenShape.ListenerTable => new ListenerTableShape(
            Asked(profile, profile.SynTableMinimum), Asked(profile, profile.SynTableSizedByBacklog),
            Asked(profile, profile.YoungRequestsTolerated), profile.DroppedSyns),
        ListenShape.BacklogQueue => new BacklogQueueShape(
            Asked(profile, profile.SynQueueAdmitsOneMore), Asked(profile, profile.YoungRequestsTolerated),
            profile.DroppedSyns),
        ListenShape.GlobalTable => new GlobalTableShape(
            Asked(profile, profile.SynQueueAdmitsOneMore), profile.DroppedSyns),
        ListenShape.FullSocket => new FullSocketShape(
            Asked(profile, profile.QueueLimitHalves), Asked(profile, profile.QueueLimitAdmitsOneMore),
            Asked(profile, profile.EvictsUnfinished), profile.DroppedSyns),
        _ => new SynCacheShape(
            Asked(profile, profile.QueueLimitHalves), Asked(profile, profile.QueueLimitAdmitsOneMore),
            Asked(profile, profile.SynCacheBucketLimit)),
    };

    private static T Asked<T>(KernelProfile profile, T? value)
        where T : struct
    {
        Invariant.Check(value.HasValue, $"profile {profile.Name} has every number that {profile.Shape} asks for");
        return value.GetValueOrDefault();
    }
}
