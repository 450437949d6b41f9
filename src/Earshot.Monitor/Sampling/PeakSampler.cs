using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using Earshot.Monitor.Native;
using Earshot.Monitor.Reading;

namespace Earshot.Monitor.Sampling;

/// <summary>Shortest and longest queue of a listener between two samples.</summary>
internal readonly record struct QueueRange(uint Low, uint Peak, int Looks);

/// <summary>Looks at up to sixteen listeners every ten milliseconds, by exact queries sent in one batch.</summary>
/// <remarks>Asked are only queues that may have changed: one that is not empty may shrink at any time, and an empty one
/// grows only when <see cref="GrowthGate"/> says so. A queue that has stood still for half a second is asked only every
/// 50 ms until it moves or the namespace gets a socket. An exact query finds what a packet would find, so a member of a
/// SO_REUSEPORT group is found from those
/// foreign ports whose hash chooses it; one is searched, and searched again when the group changes.</remarks>
internal sealed class PeakSampler : IDisposable
{
    /// <summary>How many listeners it looks at at most.</summary>
    public const int MostTargets = 16;

    public static readonly TimeSpan Period = TimeSpan.FromMilliseconds(10);

    private const int MostRouteTries = 4096;
    private const int MissesUntilSearch = 3;

    // Everything is asked with each tenth round, whatever the counters say.
    private const int AskAllEvery = 10;
    private const int StillAfter = 50;
    private const int AskStillEvery = 5;
    private const int ReadCostEvery = 8;

    private readonly Lock _lock = new();
    private readonly ManualResetEventSlim _wanted = new();
    private readonly Thread _thread;
    private volatile bool _ends;
    private readonly Dictionary<NamespaceReader, GrowthGate> _gates = [];
    private Target[] _targets = [];

    public PeakSampler()
    {
        _thread = new Thread(Run) { IsBackground = true, Name = "peak sampler" };
        _thread.Start();
    }

    /// <summary>The processor time it has used.</summary>
    public TimeSpan Cost { get; private set; }

    /// <summary>How many batches it has sent.</summary>
    public long Rounds { get; private set; }

    /// <summary>Chooses the listeners to look at; what is known of those that stay is kept.</summary>
    public void Choose(IReadOnlyList<(NamespaceReader Reader, ListenerFacts Facts)> chosen)
    {
        lock (_lock)
        {
            var before = _targets.ToDictionary(target => target.Facts.Cookie);
            _targets =
            [
                .. chosen.Take(MostTargets).Select(one => before.GetValueOrDefault(one.Facts.Cookie) is { } old
                    && old.Reader == one.Reader ? old : new Target(one.Reader, one.Facts)),
            ];
            Want();
            foreach (NamespaceReader reader in _gates.Keys.Except(_targets.Select(target => target.Reader)).ToList())
            {
                _gates.Remove(reader);
            }
        }
    }

    /// <summary>Stops looking into a namespace, whose sockets are about to be closed.</summary>
    public void Leave(NamespaceReader reader)
    {
        lock (_lock)
        {
            _targets = [.. _targets.Where(target => target.Reader != reader)];
            _gates.Remove(reader);
            Want();
        }
    }

    /// <summary>What was seen of a listener since the last time this was asked; null when nothing was.</summary>
    public QueueRange? Take(ulong cookie)
    {
        lock (_lock)
        {
            Target? target = Array.Find(_targets, target => target.Facts.Cookie == cookie);
            if (target is not { Looks: > 0 })
            {
                return null;
            }

            var range = new QueueRange(target.Low, target.Peak, target.Looks);
            target.Reset();
            return range;
        }
    }

    public void Dispose()
    {
        _ends = true;
        _wanted.Set();
        _thread.Join();
        _wanted.Dispose();
    }

    // A thread that wakes a hundred times a second costs something even where it has nothing to ask.
    private void Want()
    {
        if (_targets.Length > 0)
        {
            _wanted.Set();
        }
        else if (!_ends)
        {
            _wanted.Reset();
        }
    }

    private void Run()
    {
        long next = FileFacts.Monotonic();
        long period = (long)Period.TotalNanoseconds;
        byte[] requests = new byte[MostTargets * DiagProtocol.RequestLength];
        for (int round = 0; !_ends; round++)
        {
            if (!_wanted.IsSet)
            {
                _wanted.Wait();
                next = FileFacts.Monotonic();
            }

            lock (_lock)
            {
                Round(requests);
            }

            if (round % ReadCostEvery == 0)
            {
                Cost = FileFacts.ThreadCpu();
            }

            next += period;
            long now = FileFacts.Monotonic();
            if (next <= now)
            {
                // Behind: look again soon, but never in a row without a pause.
                next = now + (period / 2);
            }

            FileFacts.SleepUntil(next);
        }
    }

    private void Round(byte[] requests)
    {
        if (_targets.Length == 0)
        {
            return;
        }

        Rounds++;
        for (int first = 0, count; first < _targets.Length; first += count)
        {
            NamespaceReader reader = _targets[first].Reader;
            for (count = 1; first + count < _targets.Length && _targets[first + count].Reader == reader;)
            {
                count++;
            }

            Ask(reader, _targets.AsSpan(first, count), requests);
        }

        foreach (Target target in _targets)
        {
            if (target.Misses >= MissesUntilSearch && target.Facts.Kind != ListenerKind.Unix)
            {
                Search(target);
            }
        }
    }

    private void Ask(NamespaceReader reader, Span<Target> targets, byte[] requests)
    {
        if (!_gates.TryGetValue(reader, out GrowthGate? gate))
        {
            _gates[reader] = gate = new GrowthGate(reader.PeakSockets);
        }

        bool all = gate.MayHaveGrown() || Rounds % AskAllEvery == 0;
        int length = 0, asked = 0;
        foreach (Target target in targets)
        {
            if (all || target.MayHaveShrunk(Rounds))
            {
                target.Misses++;
                asked++;
                length += target.Write(requests.AsSpan(length));
            }
            else
            {
                target.SawAgain();
            }
        }

        if (asked == 0)
        {
            return;
        }

        long start = Stopwatch.GetTimestamp();
        NetlinkSocket peaks = reader.Diag.Peaks;
        if (peaks.Send(requests.AsSpan(0, length)) != 0)
        {
            peaks.Drain();
            return;
        }

        Collect(peaks, targets, peaks.ReceiveMany());
        if (asked == targets.Length)
        {
            gate.Asked(Stopwatch.GetTimestamp() - start);
        }
    }

    private static void Collect(NetlinkSocket peaks, Span<Target> targets, int count)
    {
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> answer = peaks.Answer(i);
            if (DiagProtocol.TryNext(ref answer, out DiagMessage kind, out ReadOnlySpan<byte> row, out _)
                && kind == DiagMessage.Row)
            {
                Keep(row, targets, i);
            }
        }
    }

    // Answers come in the order of the questions, so the place is a good guess.
    private static void Keep(ReadOnlySpan<byte> row, Span<Target> targets, int place)
    {
        ulong cookie;
        uint? queue;
        if (row[0] == DiagProtocol.Unix)
        {
            _ = UnixRow.TryParse(row, out UnixRow unix);
            (cookie, queue) = (unix.Cookie, unix.Queue);
        }
        else
        {
            (cookie, uint length, _) = DiagRow.Hot(row);
            queue = length;
        }

        foreach (Target target in targets[Math.Min(place, targets.Length)..])
        {
            if (target.Facts.Cookie == cookie && queue is { } known)
            {
                target.Saw(known);
                return;
            }
        }
    }

    private static void Search(Target target)
    {
        target.Misses = 0;
        NetlinkSocket peaks = target.Reader.Diag.Peaks;
        byte[] requests = new byte[NetlinkSocket.LargestBatch * DiagProtocol.RequestLength];
        for (int tried = 0; tried < MostRouteTries; tried += NetlinkSocket.LargestBatch)
        {
            int length = 0;
            for (int i = 0; i < NetlinkSocket.LargestBatch; i++)
            {
                length += target.Write(requests.AsSpan(length), (ushort)(1024 + tried + i), DiagProtocol.NoCookie);
            }

            if (peaks.Send(requests.AsSpan(0, length)) != 0)
            {
                peaks.Drain();
                return;
            }

            int count = peaks.ReceiveMany();
            for (int i = 0; i < count; i++)
            {
                ReadOnlySpan<byte> answer = peaks.Answer(i);
                if (DiagProtocol.TryNext(ref answer, out DiagMessage kind, out ReadOnlySpan<byte> row, out _)
                    && kind == DiagMessage.Row && DiagRow.Hot(row).Cookie == target.Facts.Cookie)
                {
                    target.PeerPort = (ushort)(1024 + tried + i);
                    return;
                }
            }
        }
    }

    private sealed class Target(NamespaceReader reader, ListenerFacts facts)
    {
        private uint? _last;
        private int _still;

        public NamespaceReader Reader { get; } = reader;

        public ListenerFacts Facts { get; } = facts;

        public ushort PeerPort { get; set; } = 1;

        public int Misses { get; set; }

        public int Looks { get; private set; }

        public uint Low { get; private set; }

        public uint Peak { get; private set; }

        public int Write(Span<byte> at) => Facts.Kind == ListenerKind.Unix
            ? DiagProtocol.WriteUnix(at, Facts.Inode, Facts.Cookie)
            : Write(at, PeerPort, Facts.Cookie);

        public int Write(Span<byte> at, ushort peerPort, ulong cookie) => DiagProtocol.WriteGet(
            at, Facts.Family, Facts.RawAddress, Facts.Port, peerPort, Facts.Interface, cookie, extensions: 0);

        // A unix listener has no counter that would tell of growth.
        public bool MayHaveShrunk(long round) => Facts.Kind == ListenerKind.Unix || Misses > 0 || _last is null
            || (_last > 0 && (_still < StillAfter || round % AskStillEvery == 0));

        public void Saw(uint queue)
        {
            _still = queue == _last ? Math.Min(_still + 1, StillAfter) : 0;
            _last = queue;
            Low = Looks == 0 ? queue : Math.Min(Low, queue);
            Peak = Math.Max(Peak, queue);
            Looks++;
            Misses = 0;
        }

        /// <summary>Nothing can have changed since the last look.</summary>
        public void SawAgain() => Saw(_last ?? 0);

        public void Reset() => (Looks, Low, Peak) = (0, 0, 0);
    }
}
