using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Earshot.Monitor.Reading;
using Earshot.Monitor.Reports;
using Earshot.Monitor.Sampling;
using Earshot.Monitor.Verdicts;

namespace Earshot.Dashboard;

/// <summary>Everything the first page shows, of one moment.</summary>
internal sealed record PageState(
    DateTimeOffset Time, DateTimeOffset Since, int Total, IReadOnlyList<ListenerLine> Listeners,
    IReadOnlyList<Finding> Findings, IReadOnlyList<string> NotKnown, double CostOfACore);

/// <summary>What a listener's own page shows: its past, a point a second, null where nothing was seen.</summary>
internal sealed record ListenerPast(
    string Name, string Namespace, IReadOnlyList<long> Times, IReadOnlyList<uint?> Queue, IReadOnlyList<uint?> Limit,
    IReadOnlyList<uint?> Peak, IReadOnlyList<double?> DropsPerSecond, IReadOnlyList<int?> SynRecv,
    IReadOnlyList<double?> AcceptsPerSecond, IReadOnlyList<PageCommand> Commands);

/// <summary>A command that prints a number of the page.</summary>
internal sealed record PageCommand(string Number, string Command);

/// <summary>Makes what the pages show.</summary>
internal static class PageStates
{
    private const int MostListeners = 200;
    private const int MostPoints = 600;
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    /// <summary>The first page at a moment.</summary>
    public static PageState At(MonitorSession session, DateTimeOffset? moment)
    {
        DateTimeOffset now = moment ?? Last(session);
        HostReport report = session.Judge(now - Window, now);
        var spaces = session.History.Namespaces.Where(space => !space.IsEnded).ToLookup(one => one.Namespace.Name);
        var lines = ListenerLines.ByTrouble(report.Windows.SelectMany(window => spaces[window.Name].Take(1)
            .SelectMany(space => ListenerLines.Of(window, space, now))))
            .Where(line => !line.Address.StartsWith("/tmp/dotnet-diagnostic-", StringComparison.Ordinal)).ToList();
        return new PageState(
            now, session.History.Namespaces.Min(space => space.FirstSample), lines.Count,
            [.. lines.Take(MostListeners)], report.Findings, report.Unknown, session.CostShare);
    }

    /// <summary>A listener's page; null when there is no such listener.</summary>
    public static ListenerPast? Of(MonitorSession session, string cookie)
    {
        foreach (NamespaceHistory space in session.History.Namespaces)
        {
            ListenerHistory? listener = space.Listeners.Concat(space.EndedListeners)
                .FirstOrDefault(one => one.Facts.Cookie.ToString(CultureInfo.InvariantCulture) == cookie);
            if (listener is not null)
            {
                return Of(space, listener);
            }
        }

        return null;
    }

    private static DateTimeOffset Last(MonitorSession session) =>
        session.History.Namespaces.Select(space => space.LastSample).DefaultIfEmpty(DateTimeOffset.UtcNow).Max();

    private static ListenerPast Of(NamespaceHistory space, ListenerHistory listener)
    {
        var times = space.Counters.Select(point => point.Time).Where(time => time >= listener.FirstSeen)
            .TakeLast(MostPoints).ToList();
        var held = Held(listener, times);
        var groups = space.SynRecv.ToList();
        return new ListenerPast(
            listener.Facts.Name,
            space.Namespace.Name,
            [.. times.Select(time => time.ToUnixTimeMilliseconds())],
            [.. held.Select(point => point?.Queue)],
            [.. held.Select(point => point?.Limit)],
            Peaks(listener, times, held),
            [.. times.Select((time, i) => Rate(held, times, i, point => point?.Drops))],
            [.. times.Select(time => SynRecvAt(groups, space, listener, time))],
            Accepts(space, times),
            Commands(listener.Facts, space.Namespace));
    }

    private static List<QueuePoint?> Held(ListenerHistory listener, List<DateTimeOffset> times)
    {
        var held = new List<QueuePoint?>(times.Count);
        QueuePoint? last = null;
        using IEnumerator<QueuePoint> points = listener.Points.GetEnumerator();
        bool more = points.MoveNext();
        foreach (DateTimeOffset time in times)
        {
            for (; more && points.Current.Time <= time; more = points.MoveNext())
            {
                last = points.Current;
            }

            held.Add(last);
        }

        return held;
    }

    // A peak holds for the second in which it was seen; afterwards the queue itself is the peak.
    private static List<uint?> Peaks(
        ListenerHistory listener, List<DateTimeOffset> times, List<QueuePoint?> held)
    {
        var peaks = listener.Points.GroupBy(point => point.Time)
            .ToDictionary(group => group.Key, group => group.Max(point => point.Peak));
        return [.. times.Select((time, i) => peaks.TryGetValue(time, out uint? peak) ? peak : held[i]?.Queue)];
    }

    private static double? Rate(
        List<QueuePoint?> held, List<DateTimeOffset> times, int i, Func<QueuePoint?, ulong?> of) =>
        i > 0 && of(held[i]) is { } now && of(held[i - 1]) is { } before && times[i] > times[i - 1]
            ? (now - before) / (times[i] - times[i - 1]).TotalSeconds
            : null;

    private static int? SynRecvAt(
        List<SynRecvPoint> looks, NamespaceHistory space, ListenerHistory listener, DateTimeOffset time)
    {
        SynRecvPoint? look = looks.LastOrDefault(one => one.Time <= time && one.Time > time - Window);
        return look is null || listener.Facts.Kind == ListenerKind.Unix
            ? null
            : SynRecvMatch.Sum(look.Groups, space.Listeners.Select(one => one.Facts).ToLookup(one => one.Port))
                .GetValueOrDefault(listener.Facts.Cookie).Count;
    }

    // The kernel counts no accept(); what left all queues of the namespace is what entered less what they grew by.
    private static List<double?> Accepts(NamespaceHistory space, List<DateTimeOffset> times)
    {
        var opens = space.Counters.ToDictionary(
            point => point.Time,
            point => point.Values.TryGetValue(Names.PassiveOpens, out long value) ? (long?)value : null);
        var queues = times.Select(time => (long?)space.Listeners.Where(one => one.Facts.Kind != ListenerKind.Unix)
            .Sum(one => one.At(time)?.Queue ?? 0)).ToList();
        return
        [
            .. times.Select((time, i) => i > 0 && opens[time] is { } now && opens[times[i - 1]] is { } before
                ? Math.Max(0, (now - before - (queues[i] - queues[i - 1] ?? 0))
                    / (time - times[i - 1]).TotalSeconds)
                : (double?)null),
        ];
    }

    private static List<PageCommand> Commands(ListenerFacts facts, NetNamespace space)
    {
        string enter = space.Pid is { } pid ? $"nsenter -t {pid} -n " : "";
        return facts.Kind == ListenerKind.Unix
            ? [new PageCommand("queue and limit", $"{enter}ss -lxn src {facts.Address}")]
            :
            [
                new PageCommand("queue, limit, drops", $"{enter}ss -lntm sport = {facts.Port}"),
                new PageCommand("SYN_RECV", $"{enter}ss -nt state syn-recv sport = {facts.Port}"),
                new PageCommand("connections nobody accepted", $"{enter}ss -nte sport = {facts.Port}"),
                new PageCommand("the namespace's counters", $"{enter}nstat -as TcpExtListen* TcpPassiveOpens"),
                new PageCommand("the verdict", $"{enter}earshot check {facts.Port}"),
            ];
    }
}
