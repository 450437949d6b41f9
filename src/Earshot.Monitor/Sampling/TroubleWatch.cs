using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Monitor.Reading;

namespace Earshot.Monitor.Sampling;

/// <summary>What was seen of a listener's queue, connection by connection.</summary>
/// <param name="Since">When looking began.</param>
/// <param name="Until">The last look.</param>
/// <param name="Queued">How many connections were in the queue at the last look.</param>
/// <param name="Left">How many left the queue since looking began: accepted, above all.</param>
/// <param name="LastLeft">When one was last found to have left; null for never.</param>
/// <param name="UnreadBytes">Bytes that clients have sent to connections nobody has accepted.</param>
/// <param name="ClosedByPeer">Of those queued, how many the client has closed already.</param>
internal sealed record QueueProgress(
    DateTimeOffset Since, DateTimeOffset Until, int Queued, int Left, DateTimeOffset? LastLeft, long UnreadBytes,
    int ClosedByPeer)
{
    /// <summary>For how long nobody has left a queue in which somebody waits.</summary>
    public TimeSpan StandsStillFor => Queued == 0 ? TimeSpan.Zero : Until - (LastLeft ?? Since);
}

/// <summary>Looks closer at the listeners whose queue is at least half full or whose drops moved: which connections
/// wait, and whether any leaves.</summary>
internal sealed class TroubleWatch
{
    // A listener stays under watch so long after its last sign of trouble.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly Dictionary<ulong, Watched> _watched = [];

    /// <summary>Whether a namespace has a listener in trouble.</summary>
    public bool Has(NamespaceReader reader) => _watched.Values.Any(one => one.Reader == reader && one.InTrouble);

    /// <summary>The listeners of a namespace to look at every 10 ms.</summary>
    public IEnumerable<ListenerFacts> Chosen(NamespaceReader reader) => _watched.Values
        .Where(one => one.Reader == reader).OrderByDescending(one => one.Until).Take(PeakSampler.MostTargets)
        .Select(one => one.Facts);

    /// <summary>What was seen of a listener's queue; null when it was not in trouble or cannot be told from others of
    /// its port.</summary>
    public QueueProgress? ProgressOf(ulong cookie) => _watched.GetValueOrDefault(cookie)?.Progress;

    /// <summary>The inodes of all listeners that are looked at closer.</summary>
    public IEnumerable<uint> Inodes => _watched.Values.Select(one => one.Facts.Inode);

    /// <summary>Forgets a namespace.</summary>
    public void Leave(NamespaceReader reader)
    {
        foreach (ulong cookie in _watched.Where(one => one.Value.Reader == reader).Select(one => one.Key).ToList())
        {
            _watched.Remove(cookie);
        }
    }

    /// <summary>Looks at a namespace's listeners after a sample.</summary>
    public void Update(
        NamespaceReader reader, NamespaceHistory history, NamespaceDelta delta, DateTimeOffset now, bool mayDump,
        IReadOnlyCollection<ushort> ports)
    {
        foreach (ListenerHistory listener in Candidates(reader, history, delta, ports))
        {
            bool asked = ports.Count > 0 && ports.Contains(listener.Facts.Port);
            if (asked || IsTroubled(listener, now, history))
            {
                Watch(reader, listener, now);
            }
        }

        foreach (Watched watched in _watched.Values.Where(one => one.Reader == reader).ToList())
        {
            if (history.Find(watched.Facts.Cookie) is null || now > watched.Until)
            {
                _watched.Remove(watched.Facts.Cookie);
            }
        }

        if (mayDump)
        {
            LookAtQueued(reader, history, now);
        }
    }

    // One walk through the table of connections for each family, however many listeners are in trouble.
    private void LookAtQueued(NamespaceReader reader, NamespaceHistory history, DateTimeOffset now)
    {
        foreach (var family in _watched.Values
            .Where(one => one.Reader == reader && one.Facts.Kind != ListenerKind.Unix)
            .GroupBy(one => one.Facts.Family))
        {
            var sharing = history.Listeners.Where(one => one.Facts.Kind != ListenerKind.Unix
                && one.Facts.Family == family.Key).CountBy(one => one.Facts.Port).ToDictionary();
            var alone = family.Where(one => sharing.GetValueOrDefault(one.Facts.Port) == 1)
                .OrderByDescending(one => one.Until).Take(DiagProtocol.MostPorts).ToList();
            if (alone.Count == 0
                || reader.Unaccepted(family.Key, [.. alone.Select(one => one.Facts.Port)]) is not { } rows)
            {
                continue;
            }

            ILookup<ushort, DiagRow> byPort = rows.ToLookup(row => row.Port);
            alone.ForEach(one => one.Look([.. byPort[one.Facts.Port]], now));
        }
    }

    // Who changed, and who is watched already: of ten thousand idle listeners none costs anything.
    private IEnumerable<ListenerHistory> Candidates(
        NamespaceReader reader, NamespaceHistory history, NamespaceDelta delta, IReadOnlyCollection<ushort> ports)
    {
        if (ports.Count > 0)
        {
            return history.Listeners;
        }

        IEnumerable<ulong> watched = _watched.Where(one => one.Value.Reader == reader).Select(one => one.Key);
        return delta.Changed.Select(change => change.Cookie).Concat(watched).Distinct().ToList()
            .Select(history.Find).OfType<ListenerHistory>();
    }

    private static bool IsTroubled(ListenerHistory listener, DateTimeOffset now, NamespaceHistory history)
    {
        QueuePoint last = listener.Last;
        if (last.Queue * 2 >= last.Limit + 1)
        {
            return true;
        }

        // Drops that moved with this very sample.
        if (last.Time != now || last.Drops is not { } drops)
        {
            return false;
        }

        ulong? before = listener.At(now - TimeSpan.FromTicks(1))?.Drops
            ?? (listener.FirstSeen == history.FirstSample ? drops : 0);
        return drops > before || last.Peak * 2 >= last.Limit + 1;
    }

    private void Watch(NamespaceReader reader, ListenerHistory listener, DateTimeOffset now)
    {
        if (!_watched.TryGetValue(listener.Facts.Cookie, out Watched? watched))
        {
            _watched[listener.Facts.Cookie] = watched = new Watched(reader, listener.Facts);
        }

        watched.Until = now + Patience;
        watched.InTrouble = true;
    }

    private sealed class Watched(NamespaceReader reader, ListenerFacts facts)
    {
        private HashSet<ulong>? _queued;
        private DateTimeOffset _since;
        private int _left;
        private DateTimeOffset? _lastLeft;

        public NamespaceReader Reader { get; } = reader;

        public ListenerFacts Facts { get; } = facts;

        public DateTimeOffset Until { get; set; }

        public bool InTrouble { get; set; }

        public QueueProgress? Progress { get; private set; }

        public void Look(IReadOnlyList<DiagRow> rows, DateTimeOffset now)
        {
            var queued = rows.Select(row => row.Cookie).ToHashSet();
            if (_queued is null)
            {
                _since = now;
            }
            else
            {
                int left = _queued.Count(cookie => !queued.Contains(cookie));
                _left += left;
                _lastLeft = left > 0 ? now : _lastLeft;
            }

            _queued = queued;
            Progress = new QueueProgress(
                _since, now, queued.Count, _left, _lastLeft, rows.Sum(row => (long)row.ReceiveQueue),
                rows.Count(row => row.State == TcpState.CloseWait));
        }
    }
}
