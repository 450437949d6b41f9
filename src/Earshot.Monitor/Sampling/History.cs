using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Monitor.Reading;

namespace Earshot.Monitor.Sampling;

/// <summary>A moment at which a listener's queue or counter changed; it holds until the next.</summary>
internal readonly record struct QueuePoint(
    DateTimeOffset Time, uint? Queue, uint? Limit, ulong? Drops, uint? Peak, uint? Low);

/// <summary>What is remembered of a listener: only changes, so that an idle one costs nothing.</summary>
internal sealed class ListenerHistory(ListenerFacts facts, DateTimeOffset firstSeen, bool wasThereBefore)
{
    /// <summary>How many changes are remembered.</summary>
    public const int MostPoints = 720;

    private readonly List<QueuePoint> _points = [];
    private int _start;

    public ListenerFacts Facts { get; } = facts;

    public DateTimeOffset FirstSeen { get; } = firstSeen;

    /// <summary>Whether it was there when the monitor began, so that its age is not known.</summary>
    public bool WasThereBefore { get; } = wasThereBefore;

    /// <summary>When it was found to be gone.</summary>
    public DateTimeOffset? Ended { get; set; }

    public QueuePoint Last => _points.Count == 0 ? default : _points[^1];

    /// <summary>The longest queue since the monitor began.</summary>
    public uint? Peak { get; private set; }

    /// <summary>The changes that are remembered, the oldest first.</summary>
    public IEnumerable<QueuePoint> Points => _points.Skip(_start);

    public void Add(QueuePoint point)
    {
        _points.Add(point);
        Peak = point.Peak is { } peak && !(Peak > peak) ? peak : Peak;
        if (_points.Count - _start > MostPoints)
        {
            _start++;
        }

        if (_start > MostPoints)
        {
            _points.RemoveRange(0, _start);
            _start = 0;
        }
    }

    /// <summary>What held at a moment; null before it was seen.</summary>
    public QueuePoint? At(DateTimeOffset time)
    {
        QueuePoint? held = null;
        foreach (QueuePoint point in Points)
        {
            if (point.Time > time)
            {
                break;
            }

            held = point;
        }

        return held;
    }
}

/// <summary>A sample of a namespace's counters.</summary>
internal sealed record CounterPoint(DateTimeOffset Time, IReadOnlyDictionary<string, long> Values);

/// <summary>A look at a namespace's half-open connections.</summary>
internal sealed record SynRecvPoint(DateTimeOffset Time, IReadOnlyList<SynRecvGroup> Groups);

/// <summary>What is remembered of a network namespace.</summary>
internal sealed class NamespaceHistory(NetNamespace space, ulong? cookie)
{
    private const int MostCounterPoints = 720;
    private const int MostEnded = 256;

    private readonly Dictionary<ulong, ListenerHistory> _listeners = [];
    private readonly Queue<CounterPoint> _counters = [];
    private readonly Queue<SynRecvPoint> _synRecv = [];
    private readonly Queue<ListenerHistory> _ended = [];

    public NetNamespace Namespace { get; } = space;

    /// <summary>Its number, unique as long as the machine runs.</summary>
    public ulong? Cookie { get; } = cookie;

    public bool IsEnded { get; private set; }

    public DateTimeOffset FirstSample { get; private set; }

    public DateTimeOffset LastSample { get; private set; }

    public IReadOnlyCollection<ListenerHistory> Listeners => _listeners.Values;

    /// <summary>Listeners that were closed, the last 256.</summary>
    public IEnumerable<ListenerHistory> EndedListeners => _ended;

    public IEnumerable<CounterPoint> Counters => _counters;

    public IEnumerable<SynRecvPoint> SynRecv => _synRecv;

    public SynRecvPoint? LastSynRecv { get; private set; }

    public IReadOnlyDictionary<string, long> Sysctls { get; private set; } = new Dictionary<string, long>();

    /// <summary>What the last sample could not read, in words.</summary>
    public IReadOnlyList<string> Unknown { get; private set; } = [];

    public ListenerHistory? Find(ulong cookie) => _listeners.GetValueOrDefault(cookie);

    public void Apply(NamespaceDelta delta, DateTimeOffset now)
    {
        bool first = LastSample == default;
        FirstSample = first ? now : FirstSample;
        LastSample = now;
        IsEnded = delta.IsEnded;
        Unknown = [.. delta.Unknown];
        Sysctls = delta.Sysctls ?? Sysctls;
        foreach (ListenerFacts facts in delta.Added)
        {
            _listeners[facts.Cookie] = new ListenerHistory(facts, now, first);
        }

        foreach (ListenerChange change in delta.Changed)
        {
            _listeners.GetValueOrDefault(change.Cookie)?.Add(new QueuePoint(
                now, change.Queue, change.Limit, change.Drops, change.Peak, change.Low));
        }

        foreach (ulong cookie in delta.IsEnded ? [.. _listeners.Keys] : delta.Gone)
        {
            End(cookie, now);
        }

        if (delta.Counters is { } counters)
        {
            Keep(_counters, new CounterPoint(now, Interesting.Of(counters)), MostCounterPoints);
        }

        if (delta.SynRecv is { } groups)
        {
            LastSynRecv = new SynRecvPoint(now, groups);
            Keep(_synRecv, LastSynRecv, MostCounterPoints);
        }
    }

    private void End(ulong cookie, DateTimeOffset now)
    {
        if (_listeners.Remove(cookie, out ListenerHistory? ended))
        {
            ended.Ended = now;
            Keep(_ended, ended, MostEnded);
        }
    }

    private static void Keep<T>(Queue<T> queue, T item, int most)
    {
        queue.Enqueue(item);
        if (queue.Count > most)
        {
            queue.Dequeue();
        }
    }
}

/// <summary>What is remembered of a host.</summary>
internal sealed class HostHistory
{
    private readonly Dictionary<ulong, NamespaceHistory> _namespaces = [];

    public IEnumerable<NamespaceHistory> Namespaces => _namespaces.Values;

    public void Apply(IEnumerable<NamespaceDelta> deltas, DateTimeOffset now)
    {
        foreach (NamespaceDelta delta in deltas)
        {
            ulong key = delta.NamespaceCookie ?? delta.Namespace.Inode;
            if (!_namespaces.TryGetValue(key, out NamespaceHistory? history))
            {
                _namespaces[key] = history = new NamespaceHistory(delta.Namespace, delta.NamespaceCookie);
            }

            history.Apply(delta, now);
        }
    }
}
