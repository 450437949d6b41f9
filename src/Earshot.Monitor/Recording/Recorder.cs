using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using Earshot.Monitor.Processes;
using Earshot.Monitor.Reading;
using Earshot.Monitor.Reports;
using Earshot.Monitor.Sampling;
using Earshot.Monitor.Text;

namespace Earshot.Monitor.Recording;

/// <summary>Writes what a session sees into a file, a line of JSON for each sample.</summary>
internal sealed class Recorder : IDisposable
{
    private readonly TextWriter _output;
    private readonly MonitorSession _session;
    private readonly Dictionary<ulong, IReadOnlyDictionary<string, long>> _counters = [];
    private readonly Dictionary<uint, Holders> _holders = [];

    public Recorder(TextWriter output, MonitorSession session)
    {
        _output = output;
        _session = session;
        WriteLine(new RecordHeader
        {
            Kind = RecordHeader.Format,
            Version = RecordHeader.Newest,
            Host = SafeText.Clean(Environment.MachineName),
            BootId = TextFile.TryRead("/proc/sys/kernel/random/boot_id")?.Trim(),
            Kernel = TextFile.TryRead("/proc/sys/kernel/osrelease")?.Trim(),
        });
    }

    /// <summary>How many samples were written.</summary>
    public int Samples { get; private set; }

    /// <summary>Looks once and writes what changed.</summary>
    /// <param name="whole">Whether to ask for everything though nothing says that it moved.</param>
    public void Sample(bool whole = false)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        IReadOnlyList<NamespaceDelta> deltas = _session.Sampler.Sample(now, withSynRecv: true, whole);
        _session.Sampler.FindProcesses();
        var spaces = new List<RecordedSpace>();
        foreach (NamespaceDelta delta in deltas)
        {
            ulong key = delta.NamespaceCookie ?? delta.Namespace.Inode;
            spaces.Add(RecordedSamples.Of(delta, _counters.GetValueOrDefault(key)));
            _counters[key] = delta.Counters ?? _counters.GetValueOrDefault(key) ?? new Dictionary<string, long>();
        }

        WriteLine(new RecordedSample
        {
            Time = now,
            Spaces = spaces,
            Holders = ChangedHolders(),
            Progress = Progress(),
        });
        _output.Flush();
        Samples++;
    }

    public void Dispose() => _output.Dispose();

    private IEnumerable<ListenerHistory> Listeners() => _session.History.Namespaces.Where(space => !space.IsEnded)
        .SelectMany(space => space.Listeners);

    private Dictionary<uint, Holders>? ChangedHolders()
    {
        var changed = new Dictionary<uint, Holders>();
        foreach (uint inode in Listeners().Select(listener => listener.Facts.Inode).Distinct())
        {
            Holders holders = _session.Sampler.Processes.Of(inode);
            if (!_holders.TryGetValue(inode, out Holders? before)
                || !before.Processes.SequenceEqual(holders.Processes) || before.IsKnown != holders.IsKnown)
            {
                _holders[inode] = changed[inode] = holders;
            }
        }

        return changed.Count > 0 ? changed : null;
    }

    private Dictionary<ulong, QueueProgress>? Progress()
    {
        var progress = new Dictionary<ulong, QueueProgress>();
        foreach (ListenerHistory listener in Listeners())
        {
            if (_session.Sampler.Trouble.ProgressOf(listener.Facts.Cookie) is { } known)
            {
                progress[listener.Facts.Cookie] = known;
            }
        }

        return progress.Count > 0 ? progress : null;
    }

    private void WriteLine<T>(T line) => _output.WriteLine(JsonSerializer.Serialize(line, MonitorJson.Compact));
}
