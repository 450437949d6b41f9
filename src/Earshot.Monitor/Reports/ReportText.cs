using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using Earshot.Monitor.Verdicts;

namespace Earshot.Monitor.Reports;

/// <summary>A report and a table of listeners, written for people.</summary>
internal static class ReportText
{
    public const string Unknown = "?";

    /// <summary>Writes findings, or that all is well.</summary>
    /// <param name="report">The report.</param>
    /// <param name="output">Where to.</param>
    /// <param name="withNotes">Whether notes are told too.</param>
    public static void Write(HostReport report, TextWriter output, bool withNotes)
    {
        int listeners = report.Windows.Sum(window => window.Listeners.Count(one => !one.HasEnded));
        var told = report.Findings.Where(finding => withNotes || finding.Severity > Severity.Note).ToList();
        foreach (Finding finding in told)
        {
            Write(finding, output, report.Windows.Count > 1);
        }

        string time = RuleText.Seconds(report.To - report.From);
        string where = report.Windows.Count == 1 ? "" : $" in {report.Windows.Count} network namespaces";
        output.WriteLine(report.Findings.Any(finding => finding.Severity > Severity.Note)
            ? $"{listeners} listeners{where} looked at for {time} s"
            : $"healthy: {listeners} listeners{where} looked at for {time} s, nobody was refused");
        int notes = report.Findings.Count - told.Count;
        if (notes > 0)
        {
            output.WriteLine($"{notes} notes (--notes shows them)");
        }

        if (withNotes || told.Count > 0)
        {
            foreach (string unknown in report.Unknown)
            {
                output.WriteLine($"not known: {unknown}");
            }
        }
    }

    /// <summary>The table of <c>earshot ss</c>: columns as in ss, and those ss lacks.</summary>
    public static IEnumerable<string> Table(IReadOnlyList<ListenerLine> lines, bool withNamespace)
    {
        string[] heading =
        [
            "Netid", "Recv-Q", "Send-Q", "Peak", "SYN-RECV", "Drops", "Drops/s", "Local Address:Port", "Age", "Process",
        ];
        var rows = lines.Select(line => Cells(line).ToArray()).Prepend(heading).ToList();
        if (withNamespace)
        {
            rows = [.. rows.Select((row, i) => (string[])[.. row, i == 0 ? "Netns" : lines[i - 1].Namespace])];
        }

        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(c => rows.Max(row => row[c].Length))];
        return rows.Select(row => string.Join(' ', row.Select((cell, c) => c is >= 1 and <= 6
            ? cell.PadLeft(widths[c])
            : cell.PadRight(widths[c]))).TrimEnd());
    }

    /// <summary>A length of time in one unit.</summary>
    public static string Age(ListenerLine line) => line switch
    {
        { AgeSeconds: { } exact } => Span(exact),
        { AgeAtMostSeconds: { } most } => "<=" + Span(most),
        _ => Unknown,
    };

    private static IEnumerable<string> Cells(ListenerLine line)
    {
        yield return line.Kind == "unix" ? "u_str" : line.Kind;
        yield return Number(line.Queue);
        yield return Number(line.Limit);
        yield return Number(line.Peak);
        yield return line.Kind == "unix" ? "-" : Number(line.SynRecv);
        yield return line.Kind == "unix" ? "-" : Number(line.Drops);
        yield return line.Kind == "unix"
            ? "-"
            : line.DropsPerSecond?.ToString("0.#", CultureInfo.InvariantCulture) ?? Unknown;
        yield return line.Name;
        yield return Age(line);
        yield return Processes(line);
    }

    /// <summary>Who holds a listener, in a few words.</summary>
    public static string Processes(ListenerLine line)
    {
        string unit = line.Container is { } id ? $" container {id}" : line.Unit is { } name ? $" {name}" : "";
        if (line.Processes.Count == 0)
        {
            return Unknown + unit;
        }

        ProcessLine first = line.Processes[0];
        string more = line.Processes.Count > 1 ? $" +{line.Processes.Count - 1}" : "";
        return $"{first.Command}({first.Pid}){more}{unit}";
    }

    private static string Number<T>(T? value)
        where T : struct, IFormattable => value?.ToString(null, CultureInfo.InvariantCulture) ?? Unknown;

    private static string Span(double seconds) => seconds switch
    {
        < 60 => $"{seconds:0}s",
        < 3600 => $"{seconds / 60:0}m",
        < 172800 => $"{seconds / 3600:0}h",
        _ => $"{seconds / 86400:0}d",
    };

    private static void Write(Finding finding, TextWriter output, bool withNamespace)
    {
        string who = finding.Process is null ? "" : $", {finding.Process}";
        string where = withNamespace ? $" in {finding.Namespace}" : "";
        string subject = finding.Listener is null ? finding.Queue : $"{finding.Queue} of {finding.Listener}";
        output.WriteLine(
            $"{finding.Severity.ToString().ToUpperInvariant()}: {subject}{who}{where}  "
            + $"[{finding.Rule}, {finding.Confidence.ToString().ToLowerInvariant()} confidence]");
        output.WriteLine($"  what      {finding.Summary}");
        output.WriteLine($"  clients   {finding.Effect}");
        output.WriteLine($"  next      {finding.NextStep}");
        if (finding.BacklogHelps == false)
        {
            output.WriteLine("  backlog   a bigger one would not help");
        }

        foreach (Evidence evidence in finding.Evidence)
        {
            output.WriteLine($"  evidence  {evidence.Name}: {evidence.Value}  ({evidence.Source})");
        }

        output.WriteLine();
    }
}
