using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using Earshot.Monitor.Processes;
using Earshot.Monitor.Reading;
using Earshot.Monitor.Reports;
using Earshot.Monitor.Sampling;
using Earshot.Monitor.Verdicts;

namespace Earshot.Monitor.Recording;

/// <summary>A finding of a recording, and when it held.</summary>
internal sealed record TimedFinding(DateTimeOffset First, DateTimeOffset Last, Finding Finding);

/// <summary>A recording, read back: the same history, judged at any moment.</summary>
internal sealed class Replay
{
    private readonly Dictionary<uint, Holders> _holders = [];
    private readonly List<(DateTimeOffset Time, IReadOnlyDictionary<ulong, QueueProgress> Of)> _progress = [];

    private readonly List<DateTimeOffset> _times = [];

    private Replay(RecordHeader header) => Header = header;

    public RecordHeader Header { get; }

    public HostHistory History { get; } = new();

    public DateTimeOffset From { get; private set; }

    public DateTimeOffset To { get; private set; }

    public int Samples { get; private set; }

    /// <summary>Whether the last line was cut off, as when the recorder was killed.</summary>
    public bool IsCutOff { get; private set; }

    /// <summary>Reads a recording.</summary>
    /// <exception cref="RecordException">It is none.</exception>
    public static Replay Read(TextReader input)
    {
        RecordHeader header = Parse<RecordHeader>(input.ReadLine() ?? "", 1).Clean();
        if (header.Kind != RecordHeader.Format)
        {
            throw new RecordException("this is no recording of 'earshot record'");
        }

        if (header.Version > RecordHeader.Newest)
        {
            throw new RecordException($"the recording is of version {header.Version}; this program reads up to "
                + $"{RecordHeader.Newest}");
        }

        var replay = new Replay(header);
        var counters = new Dictionary<ulong, IReadOnlyDictionary<string, long>>();
        string? line = input.ReadLine();
        for (int number = 2; line is not null; number++)
        {
            string? next = input.ReadLine();
            try
            {
                replay.Apply(Parse<RecordedSample>(line, number), counters);
            }
            catch (RecordException) when (next is null && replay.Samples > 0)
            {
                replay.IsCutOff = true;
            }

            line = next;
        }

        return replay.Samples > 0 ? replay : throw new RecordException("the recording has no samples");
    }

    /// <summary>Judges a time of the recording.</summary>
    public HostReport Judge(DateTimeOffset from, DateTimeOffset to)
    {
        var own = History.Namespaces.FirstOrDefault(space => space.Namespace.Path is null);
        long? hostSomaxconn = own is not null && own.Sysctls.TryGetValue(Names.Somaxconn, out long value)
            ? value
            : null;
        IReadOnlyDictionary<ulong, QueueProgress>? progress =
            _progress.LastOrDefault(one => one.Time >= from && one.Time <= to).Of;
        var windows = History.Namespaces.Where(space => space.FirstSample <= to).Select(space => Windows.Of(
            space, from, to, inode => _holders.GetValueOrDefault(inode) ?? Holders.Unknown,
            cookie => progress?.GetValueOrDefault(cookie), hostSomaxconn)).ToList();
        return Reporter.Report(windows, from, to, ["what processes did: a recording has only who they were"]);
    }

    /// <summary>Judges the whole recording, window by window, and tells when each finding held.</summary>
    public IReadOnlyList<TimedFinding> Timeline(TimeSpan window)
    {
        var found = new Dictionary<(string, string?, string), TimedFinding>();
        int sample = 0;
        for (DateTimeOffset from = From; from < To; from += window / 2)
        {
            // A gap, as when the machine slept, has nothing to judge.
            for (; sample < _times.Count && _times[sample] < from; sample++)
            {
            }

            if (sample < _times.Count && _times[sample] - from > window)
            {
                from = _times[sample] - (window / 2);
            }

            DateTimeOffset to = from + window < To ? from + window : To;
            foreach (Finding finding in Judge(from, to).Findings)
            {
                (string, string?, string) key = (finding.Rule, finding.Listener, finding.Namespace);
                found[key] = found.TryGetValue(key, out TimedFinding? before)
                    ? before with
                    {
                        Last = to,
                        Finding = finding.Severity >= before.Finding.Severity ? finding : before.Finding,
                    }
                    : new TimedFinding(from, to, finding);
            }
        }

        return [.. found.Values.OrderByDescending(one => one.Finding.Severity).ThenBy(one => one.First)];
    }

    private void Apply(RecordedSample sample, Dictionary<ulong, IReadOnlyDictionary<string, long>> counters)
    {
        RecordedSamples.Check(sample);

        // A clock that was set back must not make the past longer.
        DateTimeOffset time = Samples > 0 && sample.Time < To ? To : sample.Time;
        var deltas = new List<NamespaceDelta>();
        foreach (RecordedSpace space in sample.Spaces)
        {
            ulong key = space.Cookie ?? space.Namespace.Inode;
            NamespaceDelta delta = RecordedSamples.ToDelta(space, counters.GetValueOrDefault(key));
            counters[key] = delta.Counters ?? counters.GetValueOrDefault(key) ?? new Dictionary<string, long>();
            deltas.Add(delta);
        }

        foreach ((uint inode, Holders holders) in sample.Holders ?? new Dictionary<uint, Holders>())
        {
            _holders[inode] = RecordedSamples.Clean(holders);
        }

        if (sample.Progress is { } progress)
        {
            _progress.Add((time, progress));
        }

        History.Apply(deltas, time);
        From = Samples == 0 ? time : From;
        To = time;
        _times.Add(time);
        Samples++;
    }

    private static T Parse<T>(string line, int number)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(line, MonitorJson.Compact)
                ?? throw new RecordException($"line {number} is empty");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new RecordException($"line {number} cannot be read: {Text.SafeText.Clean(e.Message)}");
        }
    }
}
