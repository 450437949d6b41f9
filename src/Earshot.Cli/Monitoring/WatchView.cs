using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Earshot.Monitor.Reports;
using Earshot.Monitor.Sampling;
using Earshot.Monitor.Verdicts;

namespace Earshot.Cli.Monitoring;

/// <summary>How the listeners are sorted.</summary>
internal enum WatchOrder
{
    Trouble,
    Queue,
    Drops,
    Port,
}

/// <summary>What the user chose with the keyboard.</summary>
/// <param name="Order">How the listeners are sorted.</param>
/// <param name="Selected">The line chosen, from 0.</param>
/// <param name="IsPaused">Whether the picture stands still.</param>
/// <param name="WithDetails">Whether the chosen listener's findings are shown.</param>
internal sealed record WatchState(
    WatchOrder Order = WatchOrder.Trouble, int Selected = 0, bool IsPaused = false, bool WithDetails = true);

/// <summary>For what the picture is drawn.</summary>
/// <param name="IsLive">Whether at a terminal, where a line can stand out.</param>
/// <param name="HasColor">Whether in colours, which NO_COLOR forbids.</param>
/// <param name="HasKeys">Whether somebody can press keys.</param>
internal readonly record struct WatchStyle(bool IsLive, bool HasColor, bool HasKeys);

/// <summary>Draws the picture of <c>earshot watch</c>: lines of text for a size and a state.</summary>
internal static class WatchView
{
    public const string Keys = "q quit  s sort  p pause  d details  up/down choose";

    private const int HistoryWidth = 30;
    private const string Blocks = " ▁▂▃▄▅▆▇█";
    private const string Reset = "\e[0m", Bold = "\e[1m", Dim = "\e[2m", Red = "\e[31m", Yellow = "\e[33m",
        Reverse = "\e[7m";

    /// <summary>The picture's lines, none wider than <paramref name="width"/> letters.</summary>
    public static IReadOnlyList<string> Draw(
        HostReport report, IReadOnlyList<ListenerLine> lines, HostHistory history, WatchState state, int width,
        int height, WatchStyle style, double cost)
    {
        WatchColumns columns = WatchColumns.For(width);
        var drawn = new List<string>
        {
            Style(Fit(Head(report, lines, state, cost), width), Bold, style.IsLive),
            Style(Fit(Heading(columns), width), Dim, style.IsLive),
        };
        int details = state.WithDetails ? Math.Min(8, height / 3) : 0;
        int room = Math.Max(1, height - drawn.Count - details - 1);
        int first = Math.Clamp(state.Selected - room + 1, 0, Math.Max(0, lines.Count - room));
        foreach ((ListenerLine line, int i) in lines.Select((line, i) => (line, i)).Skip(first).Take(room))
        {
            string text = Fit(Row(line, history, report.To, columns).TrimEnd(), width);
            drawn.Add(i == state.Selected && style.IsLive
                ? Style(text.PadRight(width), Reverse, true)
                : Style(text, Color(line), style.HasColor));
        }

        if (details > 0 && state.Selected < lines.Count)
        {
            drawn.AddRange(Details(report, lines[state.Selected], details).Select(text => Fit(text, width)));
        }

        drawn.Add(Style(Fit(Keys, width), Dim, style.IsLive));
        return drawn;
    }

    /// <summary>The listeners in the user's order.</summary>
    public static List<ListenerLine> Sort(IEnumerable<ListenerLine> lines, WatchOrder order) => order switch
    {
        WatchOrder.Queue => [.. lines.OrderByDescending(line => line.Queue ?? 0)],
        WatchOrder.Drops => [.. lines.OrderByDescending(line => line.Drops ?? 0)],
        WatchOrder.Port => [.. lines.OrderBy(line => line.Port ?? int.MaxValue)],
        _ => [.. ListenerLines.ByTrouble(lines)],
    };

    /// <summary>The last half minute of a queue in eighths of its limit, a letter a second; a blank before it was
    /// seen.</summary>
    public static string Sparkline(ListenerHistory listener, DateTimeOffset to)
    {
        var letters = new char[HistoryWidth];
        for (int i = 0; i < HistoryWidth; i++)
        {
            DateTimeOffset end = to - TimeSpan.FromSeconds(HistoryWidth - 1 - i);
            QueuePoint? at = listener.At(end);
            uint? peak = at is null ? null : listener.Points.Where(point => point.Time <= end
                && point.Time > end - TimeSpan.FromSeconds(1)).Select(point => point.Peak).Append(at.Value.Queue).Max();
            double share = (peak ?? 0) / (double)((at?.Limit ?? 0) + 1);
            letters[i] = at is null || peak is null or 0
                ? Blocks[at is null ? 0 : 1]
                : Blocks[Math.Clamp((int)Math.Ceiling(share * 8), 1, 8)];
        }

        return new string(letters);
    }

    private static string Head(
        HostReport report, IReadOnlyList<ListenerLine> lines, WatchState state, double cost)
    {
        int bad = report.Findings.Count(finding => finding.Severity > Severity.Note);
        string verdict = bad == 0 ? "healthy" : bad == 1 ? "1 finding" : $"{bad} findings";
        string pause = state.IsPaused ? "  PAUSED" : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"earshot watch  {report.To:HH:mm:ss}  {lines.Count} listeners  {verdict}  by "
            + $"{state.Order.ToString().ToLowerInvariant()}  looking costs {cost:0.00 %} of a core{pause}");
    }

    private static string Heading(WatchColumns columns) => "Recv-Q Send-Q "
        + (columns.Peak ? " Peak " : "") + (columns.More ? "SYN-RECV " : "") + "   Drops "
        + (columns.More ? " Drops/s " : "")
        + (columns.History > 0 ? $"last {columns.History} s".PadRight(columns.History) + " " : "")
        + "Local Address:Port / Process";

    private static string Row(ListenerLine line, HostHistory history, DateTimeOffset to, WatchColumns columns)
    {
        ListenerHistory? listener = history.Namespaces.SelectMany(space => space.Listeners)
            .FirstOrDefault(one => RuleText.N(one.Facts.Cookie) == line.Cookie);
        string past = listener is null ? "" : Sparkline(listener, to)[^columns.History..];
        string rate = line.DropsPerSecond?.ToString("0.#", CultureInfo.InvariantCulture) ?? Missing(line);
        string synRecv = line.SynRecv?.ToString(CultureInfo.InvariantCulture) ?? Missing(line);
        return $"{Number(line.Queue),6} {Number(line.Limit),6} "
            + (columns.Peak ? $"{Number(line.Peak),5} " : "") + (columns.More ? $"{synRecv,8} " : "")
            + $"{line.Drops?.ToString(CultureInfo.InvariantCulture) ?? Missing(line),8} "
            + (columns.More ? $"{rate,8} " : "")
            + (columns.History > 0 ? past.PadRight(columns.History) + " " : "")
            + $"{line.Name}  {ReportText.Processes(line)}";
    }

    private static IEnumerable<string> Details(HostReport report, ListenerLine line, int most)
    {
        var findings = report.Findings.Where(finding => finding.Cookie is { } cookie
            && RuleText.N(cookie) == line.Cookie).ToList();
        var text = new List<string> { $"-- {line.Name} in {line.Namespace}, inode {line.Inode}" };
        foreach (Finding finding in findings)
        {
            text.Add($"{finding.Severity.ToString().ToUpperInvariant()} {finding.Rule}: {finding.Summary}");
            text.Add($"   next: {finding.NextStep}");
        }

        if (findings.Count == 0)
        {
            text.Add("nothing to say of it");
        }

        return text.Take(most);
    }

    private static string Color(ListenerLine line) => line.DropsPerSecond > 0 || line.Queue > line.Limit ? Red
        : line.Queue * 2 >= line.Limit + 1 ? Yellow
        : "";

    private static string Missing(ListenerLine line) => line.Kind == "unix" ? "-" : ReportText.Unknown;

    private static string Number(uint? value) =>
        value?.ToString(CultureInfo.InvariantCulture) ?? ReportText.Unknown;

    private static string Style(string text, string style, bool withColor) =>
        withColor && style.Length > 0 ? style + text + Reset : text;

    private static string Fit(string text, int width) =>
        text.Length <= width ? text : text[..Math.Max(0, width - 1)] + "…";
}

/// <summary>Which columns a picture has room for, so that the address is always among them.</summary>
/// <param name="Peak">Whether peaks are shown.</param>
/// <param name="More">Whether half-open connections and the rate of drops are shown.</param>
/// <param name="History">How many seconds of the past are shown; 0 for none.</param>
internal readonly record struct WatchColumns(bool Peak, bool More, int History)
{
    private const int LongestHistory = 30, ShortestHistory = 8;

    // An address, a port, a command and its number.
    private const int RoomForNames = 34;
    private const int Numbers = 47;

    /// <summary>Those of a width.</summary>
    public static WatchColumns For(int width)
    {
        int history = Math.Min(width - Numbers - RoomForNames, LongestHistory);
        return new WatchColumns(width >= 50, width >= 74, history < ShortestHistory ? 0 : history);
    }
}
