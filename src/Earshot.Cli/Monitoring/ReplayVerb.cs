using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using Earshot.Monitor.Recording;
using Earshot.Monitor.Reports;
using Earshot.Monitor.Verdicts;

namespace Earshot.Cli.Monitoring;

/// <summary><c>earshot replay FILE</c>: what a recording shows, as a whole or at a moment.</summary>
internal static class ReplayVerb
{
    private static readonly TimeSpan UsualWindow = TimeSpan.FromSeconds(10);

    internal static Command Create(Terminal terminal)
    {
        var file = new Argument<string>("FILE")
        {
            Description = "A file of 'earshot record'; '-' is the standard input.",
        };
        var at = new Option<string?>("--at")
        {
            HelpName = "WHEN",
            Description = "The listeners and verdicts at one moment: a time (2026-11-22T10:00:05Z) or seconds from the "
                + "beginning (+5).",
        };
        Option<TimeSpan?> window = MonitorOptionsOf.Interval(
            "--window", "The time that is judged at once.", UsualWindow);
        Option<bool> json = MonitorOptionsOf.Json("The same as one JSON document.");
        var command = new Command(
            "replay", "Tell what a recording shows: which findings held when, or everything at a moment.")
        {
            file, at, window, json,
        };
        command.SetAction(parsed =>
        {
            Replay replay = Read(parsed.GetRequiredValue(file));
            if (replay.IsCutOff)
            {
                terminal.Say("the last line is cut off and was left out");
            }

            TimeSpan judged = parsed.GetValue(window) ?? UsualWindow;
            return parsed.GetValue(at) is { } moment
                ? ShowMoment(replay, Moment(replay, moment), judged, parsed.GetValue(json), terminal)
                : ShowTimeline(replay, judged, parsed.GetValue(json), terminal);
        });
        return command;
    }

    private static Replay Read(string file)
    {
        try
        {
            using TextReader input = file == "-" ? Console.In : OpenFile(file);
            return Replay.Read(input);
        }
        catch (RecordException e)
        {
            throw new CommandException(ExitCode.Usage, $"{file}: {e.Message}");
        }
    }

    private static StreamReader OpenFile(string file)
    {
        Files.RefuseFolder(file);
        return new StreamReader(file);
    }

    // Times are printed without their fractions, so a second beside the recording is its first or last moment.
    private static DateTimeOffset Moment(Replay replay, string text)
    {
        double length = (replay.To - replay.From).TotalSeconds;
        double since = text.StartsWith('+') && double.TryParse(
            text.AsSpan(1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds)
            && double.IsFinite(seconds)
            ? seconds
            : !text.StartsWith('+') && DateTimeOffset.TryParse(
                text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
                ? (time - replay.From).TotalSeconds
                : throw new CommandException(ExitCode.Usage, $"--at is '{text}', not a time and not +SECONDS");
        return since >= -1 && since <= length + 1
            ? replay.From.AddSeconds(Math.Clamp(since, 0, length))
            : throw new CommandException(
                ExitCode.Usage,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"--at {text} is outside of the recording, which goes from {replay.From:u} to {replay.To:u}: "
                    + $"+0 to +{length:0.#}"));
    }

    private static int ShowMoment(Replay replay, DateTimeOffset at, TimeSpan window, bool json, Terminal terminal)
    {
        HostReport report = replay.Judge(at - window, at);
        List<ListenerLine> lines = HostListeners.Lines(report, replay.History);
        if (json)
        {
            terminal.Out.WriteLine(JsonSerializer.Serialize(
                new { Schema = MonitorJson.SchemaVersion, At = at, Listeners = lines, report.Findings },
                MonitorJson.Indented));
            return Code(report.Findings);
        }

        foreach (string line in ReportText.Table(lines, report.Windows.Count > 1))
        {
            terminal.Out.WriteLine(line);
        }

        terminal.Out.WriteLine();
        ReportText.Write(report, terminal.Out, withNotes: false);
        return Code(report.Findings);
    }

    private static int ShowTimeline(Replay replay, TimeSpan window, bool json, Terminal terminal)
    {
        IReadOnlyList<TimedFinding> timeline = replay.Timeline(window);
        if (json)
        {
            terminal.Out.WriteLine(JsonSerializer.Serialize(
                new
                {
                    Schema = MonitorJson.SchemaVersion,
                    replay.Header,
                    replay.From,
                    replay.To,
                    replay.Samples,
                    Findings = timeline,
                },
                MonitorJson.Indented));
            return Code(timeline.Select(one => one.Finding));
        }

        terminal.Out.WriteLine(
            $"{replay.Samples} samples of {replay.Header.Host} from {replay.From:u} to {replay.To:u}");
        foreach (TimedFinding one in timeline)
        {
            string who = one.Finding.Listener ?? one.Finding.Queue;
            terminal.Out.WriteLine(
                $"+{(one.First - replay.From).TotalSeconds,6:0.0} s to +{(one.Last - replay.From).TotalSeconds,6:0.0} "
                + $"s  {one.Finding.Severity.ToString().ToUpperInvariant(),-8} {one.Finding.Rule,-22} {who}: "
                + one.Finding.Summary);
        }

        if (timeline.Count == 0)
        {
            terminal.Out.WriteLine("healthy all the time");
        }

        return Code(timeline.Select(one => one.Finding));
    }

    private static int Code(IEnumerable<Finding> findings) =>
        findings.Any(finding => finding.Severity >= Severity.Warning) ? ExitCode.Findings : ExitCode.Fine;
}
