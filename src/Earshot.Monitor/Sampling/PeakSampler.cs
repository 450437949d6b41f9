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
/// <remarks>An exact query finds what a packet would find, so a member of a SO_REUSEPORT group is found from those
/// foreign ports whose hash chooses it; one is searched, and searched again when the group changes.</remarks>
internal sealed class PeakSampler : IDisposable
{
    /// <summary>How many listeners it looks at at most.</summary>
    public const int MostTargets = 16;

    public static readonly TimeSpan Period = TimeSpan.FromMilliseconds(10);

    private const int MostRouteTries = 4096;
    private const int MissesUntilSearch = 3;

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _end = new();
    private readonly Thread _thread;
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
                    && old.Diag == one.Reader.Diag ? old : new Target(one.Reader.Diag, one.Facts)),
            ];
        }
    }

    /// <summary>Stops looking into a namespace, whose sockets are about to be closed.</summary>
    public void Leave(NamespaceReader reader)
    {
        lock (_lock)
        {
            _targets = [.. _targets.Where(target => target.Diag != reader.Diag)];
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
        _end.Cancel();
        _thread.Join();
        _end.Dispose();
    }

    private void Run()
    {
        long next = Stopwatch.GetTimestamp();
        long period = (long)(Period.TotalSeconds * Stopwatch.Frequency);
        byte[] requests = new byte[MostTargets * DiagProtocol.RequestLength];
        while (!_end.IsCancellationRequested)
        {
            lock (_lock)
            {
                Round(requests);
            }

            Cost = FileFacts.ThreadCpu();
            next += period;
            long now = Stopwatch.GetTimestamp();
            if (next <= now)
            {
                // Behind: look again soon, but never in a row without a pause.
                next = now + (period / 2);
            }

            Thread.Sleep(TimeSpan.FromSeconds((next - now) / (double)Stopwatch.Frequency));
        }
    }

    private void Round(byte[] requests)
    {
        if (_targets.Length == 0)
        {
            return;
        }

        Rounds++;
        for (int first = 0; first < _targets.Length;)
        {
            SockDiag diag = _targets[first].Diag;
            int count = 0, length = 0;
            while (first + count < _targets.Length && _targets[first + count].Diag == diag)
            {
                length += _targets[first + count++].Write(requests.AsSpan(length));
            }

            if (diag.Peaks.Send(requests.AsSpan(0, length)) == 0)
            {
                Collect(diag, first, diag.Peaks.ReceiveMany());
            }
            else
            {
                diag.Peaks.Drain();
            }

            first += count;
        }

        foreach (Target target in _targets)
        {
            if (target.Misses >= MissesUntilSearch && target.Facts.Kind != ListenerKind.Unix)
            {
                Search(target);
            }
        }
    }

    private void Collect(SockDiag diag, int first, int count)
    {
        foreach (Target target in _targets)
        {
            target.Misses += target.Diag == diag ? 1 : 0;
        }

        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> answer = diag.Peaks.Answer(i);
            if (DiagProtocol.TryNext(ref answer, out DiagMessage kind, out ReadOnlySpan<byte> row, out _)
                && kind == DiagMessage.Row)
            {
                Keep(row, first + i);
            }
        }
    }

    // Answers come in the order of the questions, so the place is a good guess.
    private void Keep(ReadOnlySpan<byte> row, int place)
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

        if (queue is not { } known)
        {
            return;
        }

        if (place < _targets.Length && _targets[place].Facts.Cookie == cookie)
        {
            _targets[place].Saw(known);
            return;
        }

        foreach (Target target in _targets)
        {
            if (target.Facts.Cookie == cookie)
            {
                target.Saw(known);
                return;
            }
        }
    }

    private static void Search(Target target)
    {
        target.Misses = 0;
        byte[] requests = new byte[NetlinkSocket.LargestBatch * DiagProtocol.RequestLength];
        for (int tried = 0; tried < MostRouteTries; tried += NetlinkSocket.LargestBatch)
        {
            int length = 0;
            for (int i = 0; i < NetlinkSocket.LargestBatch; i++)
            {
                length += target.Write(requests.AsSpan(length), (ushort)(1024 + tried + i), DiagProtocol.NoCookie);
            }

            if (target.Diag.Peaks.Send(requests.AsSpan(0, length)) != 0)
            {
                target.Diag.Peaks.Drain();
                return;
            }

            int count = target.Diag.Peaks.ReceiveMany();
            for (int i = 0; i < count; i++)
            {
                ReadOnlySpan<byte> answer = target.Diag.Peaks.Answer(i);
                if (DiagProtocol.TryNext(ref answer, out DiagMessage kind, out ReadOnlySpan<byte> row, out _)
                    && kind == DiagMessage.Row && DiagRow.Hot(row).Cookie == target.Facts.Cookie)
                {
                    target.PeerPort = (ushort)(1024 + tried + i);
                    return;
                }
            }
        }
    }

    private sealed class Target(SockDiag diag, ListenerFacts facts)
    {
        public SockDiag Diag { get; } = diag;

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

        public void Saw(uint queue)
        {
            Low = Looks == 0 ? queue : Math.Min(Low, queue);
            Peak = Math.Max(Peak, queue);
            Looks++;
            Misses = 0;
        }

        public void Reset() => (Looks, Low, Peak) = (0, 0, 0);
    }
}
