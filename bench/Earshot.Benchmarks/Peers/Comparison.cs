using System.Collections.Generic;
using System.Linq;

namespace Earshot.Benchmarks.Peers;

/// <summary>One workload beside a peer: what both did in each round, and what is asked of us.</summary>
/// <param name="Work">The workload.</param>
/// <param name="Peer">The peer.</param>
/// <param name="Unit">The unit of both figures.</param>
/// <param name="Target">The ratio that is asked for.</param>
/// <param name="MoreIsBetter">Whether the target is a least ratio (a rate) and not a most (a time).</param>
internal sealed record Comparison(string Work, string Peer, string Unit, double? Target, bool MoreIsBetter)
{
    private readonly List<(double Ours, double Peers)> _rounds = [];

    /// <summary>The median over the rounds of ours divided by the peer's of the same round.</summary>
    internal double Ratio => Statistics.Median(_rounds.Select(round => round.Ours / round.Peers));

    /// <summary>Whether the target is reached; true when there is none.</summary>
    internal bool IsMet => Target is not { } target || (MoreIsBetter ? Ratio >= target : Ratio <= target);

    internal void Add(double ours, double peers) => _rounds.Add((ours, peers));

    /// <summary>The table's heading.</summary>
    internal static string Heading =>
        "| Work | Peer | Unit | Ours / peer per round | Ratio per round | Median ratio | Target |\n" +
        "| --- | --- | --- | --- | --- | --- | --- |";

    /// <summary>The table's line.</summary>
    public override string ToString()
    {
        string figures = string.Join(", ", _rounds.Select(r => $"{Number(r.Ours)} / {Number(r.Peers)}"));
        string ratios = string.Join(", ", _rounds.Select(r => $"{r.Ours / r.Peers:F2}"));
        string target = Target is not { } ratio ? "none"
            : $"{(MoreIsBetter ? "≥" : "≤")} {ratio:0.0#}: {(IsMet ? "met" : "NOT met")}";
        return $"| {Work} | {Peer} | {Unit} | {figures} | {ratios} | {Ratio:F2} | {target} |";
    }

    private static string Number(double value) =>
        value >= 100 ? $"{value:F0}" : value >= 10 ? $"{value:F1}" : $"{value:F2}";
}

/// <summary>A figure of ours alone, and what is asked of it.</summary>
/// <param name="What">What it is.</param>
/// <param name="Value">The figure.</param>
/// <param name="Unit">Its unit.</param>
/// <param name="Most">The most that it may be; null: it is told for what it is.</param>
internal sealed record Measure(string What, double Value, string Unit, double? Most)
{
    /// <summary>Whether the limit is kept; true when there is none.</summary>
    internal bool IsMet => Most is not { } most || Value <= most;

    /// <summary>The table's heading.</summary>
    internal static string Heading => "| What | Figure | Limit |\n| --- | --- | --- |";

    /// <summary>The table's line.</summary>
    public override string ToString()
    {
        string limit = Most is not { } most ? "none" : $"≤ {most:0.##}: {(IsMet ? "met" : "NOT met")}";
        return $"| {What} | {Value:0.##} {Unit} | {limit} |";
    }
}
