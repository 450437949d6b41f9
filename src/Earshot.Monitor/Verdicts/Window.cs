using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Monitor.Processes;
using Earshot.Monitor.Reading;
using Earshot.Monitor.Sampling;

namespace Earshot.Monitor.Verdicts;

/// <summary>A listener over a time. What was not told is null.</summary>
internal sealed record ListenerWindow
{
    public required ListenerFacts Facts { get; init; }

    public Holders Holders { get; init; } = Holders.Unknown;

    /// <summary>The cgroup in which it was made, where its holders are not known.</summary>
    public Cgroup? Cgroup { get; init; }

    /// <summary>What its holders do, if somebody looked.</summary>
    public IReadOnlyList<HolderFacts> Looks { get; init; } = [];

    /// <summary>The accept queue at the end.</summary>
    public uint? Queue { get; init; }

    public uint? Limit { get; init; }

    /// <summary>The longest queue that was seen.</summary>
    public uint? Peak { get; init; }

    /// <summary>The shortest queue that was seen.</summary>
    public uint? Low { get; init; }

    /// <summary>By how much sk_drops moved.</summary>
    public ulong? Drops { get; init; }

    /// <summary>Half-open connections at the end; null when nobody looked.</summary>
    public int? SynRecv { get; init; }

    /// <summary>The most half-open connections that were seen.</summary>
    public int? SynRecvPeak { get; init; }

    /// <summary>Of those at the end, how many had their SYN-ACK sent again at least twice.</summary>
    public int? SynRecvStuck { get; init; }

    /// <summary>From how many addresses they come.</summary>
    public int? SynRecvPeers { get; init; }

    public QueueProgress? Progress { get; init; }

    /// <summary>Whether it was closed within the time.</summary>
    public bool HasEnded { get; init; }

    /// <summary>Whether it was made within the time.</summary>
    public bool IsNew { get; init; }

    /// <summary>A queue that is long for longer than this is not met by a burst.</summary>
    public static readonly TimeSpan Lasting = TimeSpan.FromSeconds(1.5);

    public bool IsUnix => Facts.Kind == ListenerKind.Unix;

    /// <summary>Whether the queue is full now: one more than the limit.</summary>
    public bool IsFull => Queue > Limit;

    /// <summary>Whether the queue was full at some time.</summary>
    public bool WasFull => Peak > Limit;

    /// <summary>Whether the queue was at least half full at some time.</summary>
    public bool WasHalfFull => Peak * 2 >= Limit + 1;

    /// <summary>How long the queue has been at least half full without a break; null when it is not now.</summary>
    public TimeSpan? HalfFullFor { get; init; }

    /// <summary>Whether the queue was at least half full and then no more.</summary>
    public bool HasDrained { get; init; }

    /// <summary>How long the queue has had the very length it has.</summary>
    public TimeSpan? UnchangedFor { get; init; }

    /// <summary>Whether the queue has been at least half full for so long that it is no burst.</summary>
    public bool StaysHalfFull => HalfFullFor >= Lasting;
}

/// <summary>A network namespace over a time.</summary>
internal sealed record NamespaceWindow
{
    public required string Name { get; init; }

    /// <summary>A process in it, for a command that enters it; null for the monitor's own.</summary>
    public int? Pid { get; init; }

    public required TimeSpan Length { get; init; }

    /// <summary>By how much counters moved; one the kernel lacks is not there.</summary>
    public required IReadOnlyDictionary<string, long> Moved { get; init; }

    public required IReadOnlyDictionary<string, long> Sysctls { get; init; }

    /// <summary>somaxconn of the monitor's own namespace; null when unknown.</summary>
    public long? HostSomaxconn { get; init; }

    public required IReadOnlyList<ListenerWindow> Listeners { get; init; }

    /// <summary>What could not be read, in words.</summary>
    public IReadOnlyList<string> Unknown { get; init; } = [];

    /// <summary>By how much a counter moved; 0 when the kernel lacks it, which no rule may take for a
    /// measure.</summary>
    public long By(string counter) => Moved.GetValueOrDefault(counter);

    public bool Knows(string counter) => Moved.ContainsKey(counter);

    public long? Sysctl(string name) => Sysctls.TryGetValue(name, out long value) ? value : null;
}

/// <summary>Makes windows from what is remembered.</summary>
internal static class Windows
{
    /// <summary>The window of a namespace between two moments.</summary>
    /// <param name="space">What is remembered.</param>
    /// <param name="from">The beginning.</param>
    /// <param name="to">The end.</param>
    /// <param name="processes">Who holds a socket; null when unknown.</param>
    /// <param name="trouble">What was seen of queues; null when nobody looked.</param>
    /// <param name="hostSomaxconn">somaxconn of the monitor's own namespace.</param>
    public static NamespaceWindow Of(
        NamespaceHistory space, DateTimeOffset from, DateTimeOffset to, Func<uint, Holders>? processes = null,
        Func<ulong, QueueProgress?>? trouble = null, long? hostSomaxconn = null)
    {
        DateTimeOffset begin = from > space.FirstSample ? from : space.FirstSample;
        IEnumerable<ListenerHistory> ended = space.EndedListeners.Where(one => one.Ended > begin && one.Ended <= to);
        var synRecv = space.SynRecv.Where(point => point.Time >= begin && point.Time <= to).ToList();
        var listeners = space.Listeners.Where(one => one.FirstSeen <= to).Concat(ended)
            .Select(one => Of(one, begin, to, processes, trouble)).ToList();
        return new NamespaceWindow
        {
            Name = space.Namespace.Name,
            Pid = space.Namespace.Pid,
            Length = to - begin,
            Moved = Moved(space, begin, to),
            Sysctls = space.Sysctls,
            HostSomaxconn = hostSomaxconn,
            Listeners = SynRecvMatch.Apply(listeners, synRecv),
            Unknown = space.Unknown,
        };
    }

    private static ListenerWindow Of(
        ListenerHistory listener, DateTimeOffset from, DateTimeOffset to, Func<uint, Holders>? processes,
        Func<ulong, QueueProgress?>? trouble)
    {
        // What held at the beginning counts too, but not a peak from before it.
        QueuePoint? start = listener.At(from);
        uint? peak = start?.Queue, low = start?.Queue;
        QueuePoint? last = start;
        DateTimeOffset? half = IsHalfFull(start) ? from : null;
        DateTimeOffset unchanged = from;
        bool drained = false;
        foreach (QueuePoint point in listener.Points.Where(point => point.Time > from && point.Time <= to))
        {
            peak = point.Peak is { } p && !(peak > p) ? p : peak;
            low = point.Low is { } l && !(low < l) ? l : low;
            drained |= half is not null && !IsHalfFull(point);
            half = IsHalfFull(point) ? half ?? point.Time : null;
            unchanged = point.Queue == last?.Queue && point.Low == point.Peak ? unchanged : point.Time;
            last = point;
        }

        bool isNew = listener.FirstSeen > from && !listener.WasThereBefore;
        ulong? before = start?.Drops ?? (isNew ? 0 : listener.Points.FirstOrDefault().Drops);
        return new ListenerWindow
        {
            Facts = listener.Facts,
            Holders = processes?.Invoke(listener.Facts.Inode) ?? Holders.Unknown,
            Queue = last?.Queue,
            Limit = last?.Limit,
            Peak = peak,
            Low = low,
            HalfFullFor = to - half,
            HasDrained = drained,
            UnchangedFor = last is null ? null : to - unchanged,
            Drops = last?.Drops is { } now && before is { } then ? now - then : null,
            Progress = trouble?.Invoke(listener.Facts.Cookie),
            HasEnded = listener.Ended <= to,
            IsNew = isNew,
        };
    }

    private static bool IsHalfFull(QueuePoint? point) => point is { } one && one.Queue * 2 >= one.Limit + 1
        && (one.Low ?? one.Queue) * 2 >= one.Limit + 1;

    private static Dictionary<string, long> Moved(NamespaceHistory space, DateTimeOffset from, DateTimeOffset to)
    {
        CounterPoint? first = space.Counters.LastOrDefault(point => point.Time <= from)
            ?? space.Counters.FirstOrDefault();
        CounterPoint? last = space.Counters.LastOrDefault(point => point.Time <= to);

        // A counter that went down was reset (another namespace under the same number): its move is not known.
        return first is null || last is null
            ? []
            : last.Values.Where(entry => first.Values.TryGetValue(entry.Key, out long before) && entry.Value >= before)
                .ToDictionary(entry => entry.Key, entry => entry.Value - first.Values[entry.Key]);
    }
}

/// <summary>Finds the listener that half-open connections belong to, as the kernel would: an exact address before a
/// wildcard.</summary>
internal static class SynRecvMatch
{
    /// <summary>Adds what the looks at half-open connections say of each listener.</summary>
    public static IReadOnlyList<ListenerWindow> Apply(
        IReadOnlyList<ListenerWindow> listeners, IReadOnlyList<SynRecvPoint> looks)
    {
        if (looks.Count == 0)
        {
            return listeners;
        }

        ILookup<ushort, ListenerFacts> byPort = listeners.Where(one => !one.IsUnix && !one.HasEnded)
            .Select(one => one.Facts).ToLookup(facts => facts.Port);
        Dictionary<ulong, SynRecvGroup> last = Sum(looks[^1].Groups, byPort);
        var peaks = new Dictionary<ulong, int>();
        foreach (SynRecvPoint look in looks)
        {
            foreach ((ulong cookie, SynRecvGroup group) in Sum(look.Groups, byPort))
            {
                peaks[cookie] = Math.Max(peaks.GetValueOrDefault(cookie), group.Count);
            }
        }

        return
        [
            .. listeners.Select(one => one.IsUnix || one.HasEnded ? one : one with
            {
                SynRecv = last.GetValueOrDefault(one.Facts.Cookie).Count,
                SynRecvStuck = last.GetValueOrDefault(one.Facts.Cookie).Stuck,
                SynRecvPeers = last.GetValueOrDefault(one.Facts.Cookie).Peers,
                SynRecvPeak = peaks.GetValueOrDefault(one.Facts.Cookie),
            }),
        ];
    }

    /// <summary>The half-open connections of each listener. Members of a SO_REUSEPORT group each get the whole
    /// group's.</summary>
    public static Dictionary<ulong, SynRecvGroup> Sum(
        IReadOnlyList<SynRecvGroup> groups, ILookup<ushort, ListenerFacts> byPort)
    {
        var sums = new Dictionary<ulong, SynRecvGroup>();
        foreach (SynRecvGroup group in groups)
        {
            foreach (ListenerFacts facts in Owners(group, byPort[group.Port]))
            {
                SynRecvGroup sum = sums.GetValueOrDefault(facts.Cookie);
                sums[facts.Cookie] = group with
                {
                    Count = sum.Count + group.Count,
                    Waiting = sum.Waiting + group.Waiting,
                    Stuck = sum.Stuck + group.Stuck,
                    Peers = sum.Peers + group.Peers,
                };
            }
        }

        return sums;
    }

    private static IEnumerable<ListenerFacts> Owners(SynRecvGroup group, IEnumerable<ListenerFacts> ofPort)
    {
        var candidates = ofPort.Where(facts => facts.Family == group.Family).ToList();
        var exact = candidates.Where(facts => facts.RawAddress == group.Address).ToList();
        return exact.Count > 0 ? exact : candidates.Where(facts => facts.RawAddress == 0);
    }
}
