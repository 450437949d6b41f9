using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Lab.Views;

namespace Earshot.Lab.Experiments;

/// <summary>A part of a report: a title and its lines, without colours.</summary>
/// <param name="Title">The title.</param>
/// <param name="Lines">The lines, without newlines.</param>
public sealed record ReportSection(string Title, IReadOnlyList<string> Lines);

/// <summary>A run as text: the tables per moment, the clients' view, the counters, and why.</summary>
public static class Report
{
    /// <summary>The whole report of one run.</summary>
    /// <param name="result">The run.</param>
    /// <returns>The text, ending with a newline.</returns>
    public static string Text(RunResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        var lines = new List<string>
        {
            $"{result.Plan.Name}: {result.Plan.Title}",
            $"on {result.Target}, seed {result.Seed}",
        };
        foreach (ReportSection section in Sections(result))
        {
            lines.Add("");
            lines.Add(section.Title);
            lines.AddRange(section.Lines.Select(l => ("  " + l).TrimEnd()));
        }

        return string.Join('\n', lines) + "\n";
    }

    /// <summary>The parts of the report of one run, in order.</summary>
    /// <param name="result">The run.</param>
    /// <returns>One section per look, then clients, counters, why, and log and notes when there are any.</returns>
    public static IReadOnlyList<ReportSection> Sections(RunResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        var sections = new List<ReportSection>();
        Sample? printed = null;
        foreach (Sample sample in result.Samples)
        {
            bool same = printed is not null && printed.Table.SequenceEqual(sample.Table);
            sections.Add(Look(result, sample, same ? printed : null));
            printed = same ? printed : sample;
        }

        sections.Add(new ReportSection("the clients' view", Clients(result)));
        sections.Add(new ReportSection("counters, since just before listen()", Counters(result.Samples)));
        sections.Add(new ReportSection("why", result.Why));
        if (result.Logs.Count > 0)
        {
            sections.Add(new ReportSection("kernel log", result.Logs));
        }

        if (result.Notes.Count > 0)
        {
            sections.Add(new ReportSection("notes", result.Notes));
        }

        return sections;
    }

    /// <summary>Several runs of one plan side by side: a line per moment, a column per target.</summary>
    /// <param name="results">The runs; all of one plan.</param>
    /// <returns>The lines, the first with the columns' names.</returns>
    public static IReadOnlyList<string> SideBySide(IReadOnlyList<RunResult> results)
    {
        ArgumentNullException.ThrowIfNull(results);
        var rows = new List<string[]> { (string[])["at", .. results.Select(r => r.Target)] };
        for (int i = 0; i < results[0].Samples.Count; i++)
        {
            rows.Add((string[])[Say.Seconds(results[0].Samples[i].At), .. results.Select(r => States(r.Samples[i]))]);
        }

        return Align(rows, rightFrom: int.MaxValue);
    }

    private static ReportSection Look(RunResult result, Sample sample, Sample? same)
    {
        string title = $"at {Say.Seconds(sample.At)}: {States(sample)}";
        var lines = new List<string>();
        int port = result.Plan.Listen.Port;
        if (same is not null)
        {
            lines.Add($"$ netstat -nt | grep {port}      (as at {Say.Seconds(same.At)})");
        }
        else
        {
            lines.Add($"$ netstat -nt | grep {port}");
            lines.AddRange(
                sample.Table.Where(r => NetstatView.Matches(r, port)).Select(r => NetstatView.Line(r, result.Target)));
        }

        lines.AddRange(sample.Queues.Select(q =>
            $"port {q.Port}: accept queue {q.Accept}, limit {q.Limit}; {q.SynReceived} in SYN_RECV"));
        return new ReportSection(title, lines);
    }

    private static string States(Sample sample)
    {
        static string List(IReadOnlyDictionary<string, int> states)
        {
            IEnumerable<string> parts = states.Where(s => s.Key != "LISTEN").Select(s => $"{s.Value} {s.Key}");
            string text = string.Join(" + ", parts);
            return text.Length == 0 ? "nothing" : text;
        }

        return $"server {List(sample.Server)}; client {List(sample.Client)}";
    }

    private static IReadOnlyList<string> Clients(RunResult result)
    {
        var rows = new List<string[]> { (string[])["client", "connect() at", "returned at", "result"] };
        foreach (ConnectResult connect in result.Connects)
        {
            string returned = connect.Returned is { } time ? Say.Seconds(time) : "-";
            string what = connect switch
            {
                { Returned: null } => "still waits",
                { Errno: { } errno } => errno,
                _ => "connected",
            };
            rows.Add([Say.Number(connect.Client), Say.Seconds(connect.At), returned, what]);
        }

        return Align(rows, rightFrom: int.MaxValue);
    }

    private static IReadOnlyList<string> Counters(IReadOnlyList<Sample> samples)
    {
        var rows = new List<string[]> { (string[])["", .. samples.Select(s => Say.Seconds(s.At))] };
        IEnumerable<string> names = samples.SelectMany(s => s.Counters.Keys).Distinct()
            .OrderByDescending(Compare.IsCompared).ThenBy(n => n, StringComparer.Ordinal);
        foreach (string name in names)
        {
            rows.Add((string[])[
                name,
                .. samples.Select(s => Say.Number(s.Counters.TryGetValue(name, out long v) ? v : 0)),
            ]);
        }

        return Align(rows, rightFrom: 1);
    }

    /// <summary>Pads columns with two blanks between them; from <paramref name="rightFrom"/> on they end flush
    /// right.</summary>
    private static IReadOnlyList<string> Align(List<string[]> rows, int rightFrom)
    {
        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(c => rows.Max(r => r[c].Length))];
        return [.. rows.Select(row => string.Join("  ", row.Select((cell, c) =>
            c < rightFrom ? cell.PadRight(widths[c]) : cell.PadLeft(widths[c]))).TrimEnd())];
    }
}
