using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core;

namespace Earshot.Lab.Experiments;

/// <summary>Which rules of the embedded stack's ledger were hit by experiments that also ran on the host's
/// kernel.</summary>
public sealed class RuleCoverage
{
    private const string NoRoute = "every address has a route on both targets, from the start to the end of a run";

    private const string Bsd = "only the BSDs keep their requests in a cache that has no more room than that";

    private readonly Dictionary<RuleId, List<string>> _hits = [];

    /// <summary>Rules that no experiment on both targets can hit, with the reason.</summary>
    public static IReadOnlyDictionary<RuleId, string> Elsewhere { get; } = new Dictionary<RuleId, string>
    {
        [RuleId.SynAcceptQueueFullYoung] =
            "only kernels before 4.4 admit a SYN to a full accept queue while few are young",
        [RuleId.RequestSweep] = "only kernels before 4.4 sweep their requests with a hand",
        [RuleId.SegmentBadAck] = "kernels that answer odd segments with challenge ACKs have no such verdict",
        [RuleId.SynNoRoute] = NoRoute,
        [RuleId.CookieNoRoute] = NoRoute,
        [RuleId.RequestNoRoute] = NoRoute,
        [RuleId.RequestNotSent] = NoRoute,
        [RuleId.CookieTwice] = "two ACKs of one cookie would have to be judged at the same moment on two cores",
        [RuleId.PacketFragment] = "the plans send no fragments; RawPacketTests does, on both targets",
        [RuleId.SegmentSignature] = "the plans set no keys; SegmentKeyTests has packets that a kernel signed",
        [RuleId.SegmentNoMemory] =
            "when a receive buffer is full depends on how the kernel counts its memory (docs/deviations.md, D3)",
        [RuleId.SegmentClosed] = "needs a segment that waits while a call closes its socket",
        [RuleId.SynCounterFull] = "only Linux before 2.4 counts both queues together",
        [RuleId.SynQueuedForAnother] = Bsd,
        [RuleId.RequestPushedOut] = Bsd,
        [RuleId.RequestNoSocket] = Bsd,
        [RuleId.RequestNoSocketReset] = Bsd,
        [RuleId.SynNoRoom] = "a limit of the embedded stack's memory; the host's is its RAM",
        [RuleId.PacketQueueFull] = "a limit of the embedded stack's outbox; both targets' devices are drained at once",
    };

    /// <summary>Counts what an experiment hit.</summary>
    /// <param name="name">The plan or script.</param>
    /// <param name="rules">The rules that spoke in its run on the embedded stack.</param>
    public void Add(string name, IEnumerable<RuleId> rules)
    {
        ArgumentNullException.ThrowIfNull(rules);
        foreach (RuleId rule in rules)
        {
            if (!_hits.TryGetValue(rule, out List<string>? names))
            {
                _hits.Add(rule, names = []);
            }

            names.Add(name);
        }
    }

    /// <summary>Counts a comparison, when its plan was carried out on both targets.</summary>
    public void Add(Comparison comparison)
    {
        ArgumentNullException.ThrowIfNull(comparison);
        if (comparison is { Stack: { } stack, Host: not null })
        {
            Add(comparison.Plan.Name, stack.Rules);
        }
    }

    /// <summary>The rules that nothing hit and that <see cref="Elsewhere"/> does not name.</summary>
    public IReadOnlyList<RuleId> Missing =>
        [.. Rule.All.Select(r => r.Id).Where(r => !_hits.ContainsKey(r) && !Elsewhere.ContainsKey(r))];

    /// <summary>Whether an experiment has hit a rule.</summary>
    public bool IsHit(RuleId rule) => _hits.ContainsKey(rule);

    /// <summary>A line for each rule: who hit it, or why nobody can.</summary>
    public IReadOnlyList<string> Lines() => [.. Rule.All.Select(r => $"{r.Id}: {Text(r.Id)}")];

    private string Text(RuleId rule)
    {
        const int shown = 3;
        return _hits.TryGetValue(rule, out List<string>? names)
            ? string.Join(", ", names.Take(shown)) + (names.Count > shown ? $" and {names.Count - shown} more" : "")
            : Elsewhere.TryGetValue(rule, out string? reason) ? $"none: {reason}" : "none";
    }
}
