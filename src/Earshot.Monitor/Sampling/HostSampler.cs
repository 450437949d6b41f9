using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using Earshot.Monitor.Native;
using Earshot.Monitor.Processes;
using Earshot.Monitor.Reading;

namespace Earshot.Monitor.Sampling;

/// <summary>What a monitor looks at.</summary>
internal sealed record MonitorOptions
{
    /// <summary>Whether to look into every network namespace that may be entered.</summary>
    public bool AllNamespaces { get; init; }

    /// <summary>Whether to find the processes of listeners.</summary>
    public bool WithProcesses { get; init; } = true;

    /// <summary>Whether to catch peaks every 10 ms.</summary>
    public bool WithPeaks { get; init; } = true;

    /// <summary>Whether to dump the half-open connections with every sample, not only where there is trouble.</summary>
    public bool AlwaysSynRecv { get; init; }

    /// <summary>Ports whose peaks are caught whether or not they are in trouble.</summary>
    public IReadOnlyCollection<ushort> WatchedPorts { get; init; } = [];
}

/// <summary>Samples the host again and again and remembers.</summary>
internal sealed class HostSampler : IDisposable
{
    // Full-table dumps at most this often, whoever asks.
    private static readonly TimeSpan FullTableEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan DiscoverEvery = TimeSpan.FromSeconds(5);

    // Whole looks may use a thousandth of one processor. Where they would use more, a look asks only for what the
    // counters say may have moved; the first are whole, so that what they cost is known.
    private const double ShareOfWholeLooks = 0.001;
    private const int FirstWholeLooks = 3;

    private readonly MonitorOptions _options;
    private readonly Dictionary<ulong, NamespaceReader> _readers = [];
    private readonly PeakSampler? _peaks;
    private readonly TroubleWatch _trouble = new();
    private readonly Dictionary<ulong, TimeSpan> _wholeCosts = [];
    private DateTimeOffset? _last;
    private int _samples;
    private long _discovered;
    private long _dumped;
    private TimeSpan _cost;

    public HostSampler(MonitorOptions options)
    {
        _options = options;
        _peaks = options.WithPeaks ? new PeakSampler() : null;
    }

    public HostHistory History { get; } = new();

    public ProcessTable Processes { get; } = new();

    /// <summary>What looking into listeners in trouble found.</summary>
    public TroubleWatch Trouble => _trouble;

    /// <summary>What could not be read of the host as a whole, in words.</summary>
    public IReadOnlyList<string> Unknown { get; private set; } = [];

    /// <summary>The processor time sampling has used, peaks included.</summary>
    public TimeSpan Cost => _cost + (_peaks?.Cost ?? TimeSpan.Zero);

    /// <summary>The processor time that peak sampling has used.</summary>
    public TimeSpan PeakCost => _peaks?.Cost ?? TimeSpan.Zero;

    /// <summary>Whether any namespace could be read.</summary>
    public bool CanRead => _readers.Count > 0;

    /// <summary>Looks once.</summary>
    /// <param name="now">The time to remember it under.</param>
    /// <param name="withSynRecv">Whether to look at half-open connections everywhere, if that was not done within the
    /// last second.</param>
    /// <param name="whole">Whether to ask every listener for everything though nothing says that it moved.</param>
    /// <returns>What changed.</returns>
    public IReadOnlyList<NamespaceDelta> Sample(DateTimeOffset now, bool withSynRecv = false, bool whole = false)
    {
        TimeSpan before = FileFacts.ThreadCpu();
        var deltas = new List<NamespaceDelta>();
        if (_discovered == 0 || (_options.AllNamespaces && Stopwatch.GetElapsedTime(_discovered) > DiscoverEvery))
        {
            deltas.AddRange(Discover());
        }

        bool mayDump = _dumped == 0 || Stopwatch.GetElapsedTime(_dumped) > FullTableEvery * 0.9;
        bool any = false;
        whole |= _samples++ < FirstWholeLooks || now <= _last
            || Total(_wholeCosts.Values) <= ShareOfWholeLooks * (now - _last);
        _last = now;
        foreach (NamespaceReader reader in _readers.Values)
        {
            bool dump = mayDump && (withSynRecv || _options.AlwaysSynRecv || _trouble.Has(reader));
            any |= dump;
            NamespaceDelta delta = Read(reader, dump, whole, now);
            AddPeaks(reader, delta);
            deltas.Add(delta);
        }

        _dumped = any ? Stopwatch.GetTimestamp() : _dumped;
        History.Apply(deltas, now);
        ChooseTroubled(deltas, now, mayDump);
        _cost += FileFacts.ThreadCpu() - before;
        return deltas;
    }

    /// <summary>Finds the processes of listeners, of new ones above all.</summary>
    /// <param name="force">Whether to look now, whatever it costs.</param>
    public void FindProcesses(bool force = false)
    {
        TimeSpan before = FileFacts.ThreadCpu();
        Processes.Update(
            History.Namespaces.Where(space => !space.IsEnded)
                .SelectMany(space => space.Listeners).Select(listener => listener.Facts.Inode),
            force);
        _cost += FileFacts.ThreadCpu() - before;
    }

    public void Dispose()
    {
        _peaks?.Dispose();
        foreach (NamespaceReader reader in _readers.Values)
        {
            reader.Dispose();
        }
    }

    private NamespaceDelta Read(NamespaceReader reader, bool dump, bool whole, DateTimeOffset now)
    {
        TimeSpan before = FileFacts.ThreadCpu();
        NamespaceDelta delta = reader.Read(dump, whole, now);
        if (reader.LastDepth == LookDepth.Everything)
        {
            _wholeCosts[reader.Namespace.Inode] = FileFacts.ThreadCpu() - before;
        }

        return delta;
    }

    private static TimeSpan Total(IEnumerable<TimeSpan> times) =>
        times.Aggregate(TimeSpan.Zero, (sum, time) => sum + time);

    private List<NamespaceDelta> Discover()
    {
        _discovered = Stopwatch.GetTimestamp();
        var unknown = new List<string>();
        int unreadable = 0;
        IReadOnlyList<NetNamespace> found = _options.AllNamespaces
            ? NetNamespace.Discover(out unreadable)
            : [NetNamespace.Own()];
        if (unreadable > 0)
        {
            unknown.Add($"{unreadable} processes did not show their network namespace (not permitted)");
        }

        foreach (NetNamespace space in found.Where(space => !_readers.ContainsKey(space.Inode)))
        {
            if (NamespaceReader.TryOpen(space, out string problem) is { } reader)
            {
                _readers[space.Inode] = reader;
            }
            else
            {
                unknown.Add(problem);
            }
        }

        Unknown = unknown;
        return [.. Leave(found)];
    }

    // A reader keeps its namespace alive, so it goes as soon as nobody else holds it.
    private IEnumerable<NamespaceDelta> Leave(IReadOnlyList<NetNamespace> found)
    {
        foreach (ulong ended in _readers.Keys.Except(found.Select(space => space.Inode)).ToList())
        {
            NamespaceReader reader = _readers[ended];
            _readers.Remove(ended);
            _wholeCosts.Remove(ended);
            var delta = new NamespaceDelta
            {
                Namespace = reader.Namespace,
                NamespaceCookie = reader.Diag.NamespaceCookie,
                IsEnded = true,
            };
            _peaks?.Leave(reader);
            _trouble.Leave(reader);
            reader.Dispose();
            yield return delta;
        }
    }

    private void AddPeaks(NamespaceReader reader, NamespaceDelta delta)
    {
        if (_peaks is null)
        {
            return;
        }

        foreach (ListenerFacts facts in _trouble.Chosen(reader))
        {
            if (_peaks.Take(facts.Cookie) is not { } range)
            {
                continue;
            }

            int at = delta.Changed.FindIndex(change => change.Cookie == facts.Cookie);
            ListenerChange? held = at >= 0 ? delta.Changed[at] : Held(reader, facts.Cookie);
            if (held is { Queue: { } queue } change)
            {
                change = change with { Peak = Math.Max(range.Peak, queue), Low = Math.Min(range.Low, queue) };
                if (at >= 0)
                {
                    delta.Changed[at] = change;
                }
                else if (change.Peak != change.Queue || change.Low != change.Queue)
                {
                    delta.Changed.Add(change);
                }
            }
        }
    }

    private ListenerChange? Held(NamespaceReader reader, ulong cookie)
    {
        QueuePoint? last = HistoryOf(reader)?.Find(cookie)?.Last;
        return last is { } point
            ? new ListenerChange(cookie, point.Queue, point.Limit, point.Drops, point.Queue, point.Queue)
            : null;
    }

    private NamespaceHistory? HistoryOf(NamespaceReader reader) => History.Namespaces.FirstOrDefault(space =>
        space.Namespace.Inode == reader.Namespace.Inode && !space.IsEnded);

    private void ChooseTroubled(List<NamespaceDelta> deltas, DateTimeOffset now, bool mayDump)
    {
        foreach (NamespaceReader reader in _readers.Values)
        {
            if (HistoryOf(reader) is { } history
                && deltas.Find(one => one.Namespace == reader.Namespace && !one.IsEnded) is { } delta)
            {
                _trouble.Update(reader, history, delta, now, mayDump, _options.WatchedPorts);
            }
        }

        _peaks?.Choose(
            [.. _readers.Values.SelectMany(reader => _trouble.Chosen(reader).Select(facts => (reader, facts)))]);
    }
}
