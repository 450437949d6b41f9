using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Monitor.Reading;
using Earshot.Monitor.Reports;
using Earshot.Monitor.Sampling;
using Earshot.Monitor.Verdicts;

namespace Earshot.Monitor.Exposition;

/// <summary>By what a series of listeners is told from others: what stays when a server is restarted.</summary>
internal readonly record struct SeriesKey(string Namespace, string Family, string Address, int? Port);

/// <summary>What is told of the listeners of one address: of one, or of a SO_REUSEPORT group together.</summary>
internal sealed record SeriesValue
{
    public required SeriesKey Key { get; init; }

    public required int Members { get; init; }

    public string? Process { get; init; }

    public long? Queue { get; init; }

    public long? Limit { get; init; }

    public long? Peak { get; init; }

    public long? SynRecv { get; init; }

    /// <summary>Drops since the first sight of the address, whatever listener had them; null when the kernel does not
    /// tell.</summary>
    public ulong? Drops { get; init; }

    public required IReadOnlyList<string> Verdicts { get; init; }
}

/// <summary>Everything that is exported, at one moment.</summary>
internal sealed record MetricsSnapshot
{
    public required DateTimeOffset Time { get; init; }

    public required IReadOnlyList<SeriesValue> Listeners { get; init; }

    /// <summary>How many addresses were left out for the limit of series.</summary>
    public required int Omitted { get; init; }

    /// <summary>Counters by namespace, those that the kernel has.</summary>
    public required IReadOnlyList<(string Namespace, IReadOnlyDictionary<string, long> Counters,
        IReadOnlyDictionary<string, long> Sysctls)> Namespaces
    { get; init; }

    /// <summary>The rules that found something.</summary>
    public required IReadOnlySet<string> Verdicts { get; init; }

    public required double CostSeconds { get; init; }

    public required double AgeSeconds { get; init; }

    public required int Unknown { get; init; }
}

/// <summary>Keeps counters that go on when a listener is closed and another takes its place.</summary>
internal sealed class ListenerSeries(int mostSeries)
{
    /// <summary>How many addresses are exported unless the user says otherwise.</summary>
    public const int UsualMost = 1000;

    private readonly Dictionary<SeriesKey, ulong> _drops = [];
    private readonly Dictionary<(string Namespace, ulong Cookie), ulong> _seen = [];

    /// <summary>Takes what a session knows now.</summary>
    /// <param name="session">The session.</param>
    /// <param name="report">Its verdicts.</param>
    /// <param name="now">The moment.</param>
    public MetricsSnapshot Take(MonitorSession session, HostReport report, DateTimeOffset now)
    {
        var values = new List<SeriesValue>();
        var counted = new HashSet<(string, ulong)>();
        foreach (NamespaceWindow window in report.Windows)
        {
            NamespaceHistory? space = session.History.Namespaces.FirstOrDefault(one =>
                one.Namespace.Name == window.Name && !one.IsEnded);
            foreach (var group in window.Listeners.Where(one => !IsDiagnostics(one.Facts))
                .GroupBy(one => KeyOf(window.Name, one.Facts)))
            {
                Count(group.Key, group, space, counted);
                List<ListenerWindow> alive = [.. group.Where(one => !one.HasEnded)];
                if (alive.Count > 0)
                {
                    values.Add(Value(group.Key, alive, report));
                }
            }
        }

        Forget(values, counted);
        var kept = values.OrderByDescending(value => value.Verdicts.Count).ThenByDescending(value => value.Drops ?? 0)
            .ThenByDescending(value => value.Queue ?? 0).ThenBy(value => value.Key.Port ?? int.MaxValue)
            .ThenBy(value => value.Key.Address, StringComparer.Ordinal).Take(mostSeries)
            .OrderBy(value => value.Key.Namespace, StringComparer.Ordinal).ThenBy(value => value.Key.Port)
            .ThenBy(value => value.Key.Address, StringComparer.Ordinal).ToList();
        return new MetricsSnapshot
        {
            Time = now,
            Listeners = kept,
            Omitted = values.Count - kept.Count,
            Namespaces =
            [
                .. session.History.Namespaces.Where(space => !space.IsEnded).Select(space => (
                    space.Namespace.Name, space.Counters.LastOrDefault()?.Values ?? new Dictionary<string, long>(),
                    space.Sysctls)),
            ],
            Verdicts = report.Findings.Select(finding => finding.Rule).ToHashSet(),
            CostSeconds = session.Sampler.Cost.TotalSeconds,
            AgeSeconds = (now - report.To).TotalSeconds,
            Unknown = report.Windows.Sum(window => window.Unknown.Count),
        };
    }

    // Each .NET program has such a socket, with a name of its own: a series for each process that ever ran.
    private static bool IsDiagnostics(ListenerFacts facts) => facts.Kind == ListenerKind.Unix
        && facts.Address.StartsWith("/tmp/dotnet-diagnostic-", StringComparison.Ordinal);

    private static SeriesKey KeyOf(string space, ListenerFacts facts) => new(
        space, facts.Kind == ListenerKind.Unix ? "unix" : facts.Family == DiagProtocol.Inet ? "inet" : "inet6",
        facts.Address, facts.Kind == ListenerKind.Unix ? null : facts.Port);

    // Those that were closed since count too, as far as they were seen.
    private void Count(
        SeriesKey key, IEnumerable<ListenerWindow> members, NamespaceHistory? space, HashSet<(string, ulong)> counted)
    {
        foreach (ulong cookie in members.Select(member => member.Facts.Cookie))
        {
            ListenerHistory? history = space?.Find(cookie)
                ?? space?.EndedListeners.FirstOrDefault(one => one.Facts.Cookie == cookie);
            if (history?.Last.Drops is { } drops)
            {
                (string, ulong) id = (key.Namespace, cookie);
                counted.Add(id);
                _drops[key] = _drops.GetValueOrDefault(key) + (drops - _seen.GetValueOrDefault(id));
                _seen[id] = drops;
            }
        }
    }

    private SeriesValue Value(SeriesKey key, List<ListenerWindow> members, HostReport report) =>
        new()
        {
            Key = key,
            Members = members.Count,
            Process = members.SelectMany(one => one.Holders.Processes).Select(one => one.Command).FirstOrDefault(),
            Queue = members.Any(one => one.Queue is null) ? null : members.Sum(one => (long)one.Queue!),
            Limit = members.Any(one => one.Limit is null) ? null : members.Sum(one => (long)one.Limit!),
            Peak = members.Any(one => one.Peak is null) ? null : members.Max(one => (long)one.Peak!),
            SynRecv = members.Max(one => one.SynRecv),
            Drops = _drops.TryGetValue(key, out ulong total) ? total : null,
            Verdicts =
            [
                .. report.Findings.Where(finding => finding.Cookie is { } cookie
                    && members.Any(one => one.Facts.Cookie == cookie)).Select(finding => finding.Rule).Distinct()
                    .Order(StringComparer.Ordinal),
            ],
        };

    // A port that comes and goes must not cost memory for ever; its counter starts again, as Prometheus expects.
    private void Forget(List<SeriesValue> values, HashSet<(string, ulong)> counted)
    {
        int most = 2 * Math.Max(values.Count, mostSeries);
        if (_seen.Count > most + counted.Count)
        {
            // What was counted just now must be known the next time, or its drops would count twice.
            foreach ((string, ulong) id in _seen.Keys.Where(id => !counted.Contains(id)).ToList())
            {
                _seen.Remove(id);
            }
        }

        if (_drops.Count <= most)
        {
            return;
        }

        var alive = values.Select(value => value.Key).ToHashSet();
        foreach (SeriesKey key in _drops.Keys.Where(key => !alive.Contains(key)).ToList())
        {
            _drops.Remove(key);
        }
    }
}
