using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;

namespace Earshot.Benchmarks.Peers;

/// <summary>The peers' programs as bench/build-peers.sh builds them, each run pinned to one core.</summary>
internal sealed class PeerPrograms(string directory, int core)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    /// <summary>The programs that are not there.</summary>
    internal IEnumerable<string> Missing =>
        new[] { "floor", "lwip-std", "lwip-pool", "lwip-64k", "lwip-64knocsum" }
            .Where(name => !File.Exists(Path.Combine(directory, name)));

    /// <summary>Nanoseconds per SYN of the hand-written floor with a queue: the median of its three runs.</summary>
    internal double FloorSyn() => Floor("floor half-open insert", "):");

    /// <summary>Nanoseconds per SYN that the floor answers with a cookie: the median of its three runs.</summary>
    internal double FloorCookie() => Floor("floor syn-cookie", ":");

    /// <summary>Nanoseconds of processor time per connection of lwIP.</summary>
    /// <param name="count">Connections.</param>
    /// <param name="reset">Whether the server aborts them; otherwise they close, from a pool of 64 control
    /// blocks.</param>
    internal double LwipChurn(int count, bool reset) => Figure(
        Line(reset ? "lwip-std" : "lwip-pool", "churn", count.ToString(), reset ? "1" : "0"), "cpu_ns/conn ");

    /// <summary>Gigabytes per second of processor time of one stream of lwIP's, written with a copy.</summary>
    /// <param name="program">Which build.</param>
    /// <param name="mebibytes">How much.</param>
    internal double LwipBulk(string program, int mebibytes) =>
        1 / Figure(Line(program, "bulk", mebibytes.ToString(), "1"), "cpu_s/GB ");

    /// <summary>Millions of round trips a second that lwIP makes, 64 bytes each way.</summary>
    internal double LwipPing(int count) => Figure(Line("lwip-std", "ping", count.ToString()), "rt/s ") / 1e6;

    private double Floor(string start, string before)
    {
        double[] figures = [.. Lines("floor")
            .Where(line => line.StartsWith(start, StringComparison.Ordinal))
            .Select(line => Figure(line[line.IndexOf(before, StringComparison.Ordinal)..], ": "))];
        return figures.Length == 0 ? throw Unreadable("floor") : Statistics.Median(figures);
    }

    private static double Figure(string line, string label)
    {
        int at = line.IndexOf(label, StringComparison.Ordinal);
        string rest = at < 0 ? "" : line[(at + label.Length)..];
        int end = rest.IndexOf(' ', StringComparison.Ordinal);
        string text = end < 0 ? rest : rest[..end];
        return double.TryParse(text, CultureInfo.InvariantCulture, out double value) && value > 0
            ? value : throw Unreadable(line);
    }

    private static InvalidDataException Unreadable(string what) => new($"no figure in what a peer printed: {what}");

    private string Line(string program, params string[] arguments) =>
        Lines(program, arguments).FirstOrDefault() ?? throw Unreadable(program);

    private List<string> Lines(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo("taskset") { RedirectStandardOutput = true };
        foreach (string argument in (string[])["-c", core.ToString(), Path.Combine(directory, program), .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start) ?? throw new InvalidOperationException("taskset did not start");
        var lines = new List<string>();
        process.OutputDataReceived += (_, e) =>
        {
            if (e.Data is { } line)
            {
                lines.Add(line);
            }
        };
        process.BeginOutputReadLine();
        if (!process.WaitForExit(Limit))
        {
            process.Kill();
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} took longer than {Limit}");
        }

        process.WaitForExit();
        return process.ExitCode == 0 ? lines
            : throw new InvalidOperationException($"{program} ended with exit code {process.ExitCode}");
    }
}
