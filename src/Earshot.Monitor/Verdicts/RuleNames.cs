using System.Collections.Generic;

namespace Earshot.Monitor.Verdicts;

/// <summary>The names of all rules, as findings carry them and <c>earshot explain</c> takes them.</summary>
internal static class RuleNames
{
    public const string ProcessStopped = "process-stopped";
    public const string DescriptorsExhausted = "descriptors-exhausted";
    public const string NotAccepting = "not-accepting";
    public const string AcceptTooSlow = "accept-too-slow";
    public const string AcceptBurst = "accept-burst";
    public const string QueueFull = "accept-queue-full";
    public const string LimitClamped = "limit-clamped";
    public const string SmallBacklog = "small-backlog";
    public const string CpuThrottled = "cpu-throttled";
    public const string AbortOnOverflow = "abort-on-overflow";
    public const string SynCookies = "syn-queue-cookies";
    public const string SynQueueFull = "syn-queue-full";
    public const string LastQuarter = "syn-last-quarter";
    public const string SynFlood = "syn-flood";
    public const string SynBurst = "syn-burst";
    public const string HandshakesStuck = "handshakes-stuck";
    public const string DeferAccept = "defer-accept-waiting";
    public const string ReuseportSkew = "reuseport-skew";
    public const string ReloadLost = "reload-lost-connections";
    public const string SomaxconnDiffers = "somaxconn-differs";
    public const string DropsElsewhere = "drops-not-overflow";

    public static readonly IReadOnlyList<string> All =
    [
        ProcessStopped, DescriptorsExhausted, NotAccepting, AcceptTooSlow, AcceptBurst, QueueFull, LimitClamped,
        SmallBacklog, CpuThrottled, AbortOnOverflow, SynCookies, SynQueueFull, LastQuarter, SynFlood, SynBurst,
        HandshakesStuck, DeferAccept, ReuseportSkew, ReloadLost, SomaxconnDiffers, DropsElsewhere,
    ];
}
