using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using Earshot.Monitor.Reading;

namespace Earshot.Monitor.Sizing;

/// <summary>Records arrivals and accepts of one listener every few milliseconds.</summary>
/// <remarks>The kernel counts no accept(). But a handshake that completes is counted (TcpPassiveOpens) and the queue's
/// length is told, so what left the queue is what entered less what it grew by; exact as long as one listener of the
/// namespace has traffic.</remarks>
internal static class ArrivalRecorder
{
    public static readonly TimeSpan Period = TimeSpan.FromMilliseconds(5);

    /// <summary>Records for a time.</summary>
    /// <param name="port">The listener's port.</param>
    /// <param name="length">For how long.</param>
    /// <param name="started">Is called when the first look is done.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <param name="problem">Why there is no recording.</param>
    /// <returns>Null when nobody listens there, or nothing can be read.</returns>
    public static ArrivalRecord? Record(
        ushort port, TimeSpan length, Action? started, CancellationToken cancellation, out string problem)
    {
        using NamespaceReader? reader = NamespaceReader.TryOpen(NetNamespace.Own(), out problem);
        if (reader is null)
        {
            return null;
        }

        problem = $"nobody listens on port {port}";

        NamespaceDelta first = reader.Read(withSynRecv: false);
        ListenerFacts? facts = first.Added.FirstOrDefault(one => one.Kind != ListenerKind.Unix && one.Port == port);
        if (facts is null)
        {
            return null;
        }

        int limit = (int)(first.Changed.First(one => one.Cookie == facts.Cookie).Limit ?? 0);
        var ticks = new List<ArrivalTick>();
        var looks = new Looks(reader, facts);
        Look before = looks.Now();
        started?.Invoke();
        long start = Stopwatch.GetTimestamp();
        bool exact = true;
        TimeSpan at = TimeSpan.Zero;
        while (at < length && !cancellation.IsCancellationRequested)
        {
            Thread.Sleep(Period);
            Look now = looks.Now();
            TimeSpan next = Stopwatch.GetElapsedTime(start);
            if (now.Queue is { } queue && before.Queue is { } old)
            {
                long opens = now.Opens - before.Opens ?? -1;
                int grown = (int)queue - (int)old;
                exact &= opens >= grown;
                int entered = (int)Math.Max(opens, Math.Max(grown, 0));
                int refused = (int)((now.Overflows - before.Overflows) ?? (now.Drops - (long?)before.Drops) ?? 0);
                if (entered > 0 || refused > 0 || entered != grown || queue > 0)
                {
                    ticks.Add(new ArrivalTick(at, entered, entered - grown, refused, (int)queue));
                }
            }

            (before, at) = (now, next);
        }

        NamespaceDelta last = reader.Read(withSynRecv: false);
        bool others = last.Changed.Any(change => change.Cookie != facts.Cookie && change.Drops is not null);
        return new ArrivalRecord(facts.Name, limit, at, ticks, exact && !others);
    }

    private readonly record struct Look(uint? Queue, uint? Drops, long? Opens, long? Overflows);

    private sealed class Looks(NamespaceReader reader, ListenerFacts facts)
    {
        private readonly byte[] _request = new byte[DiagProtocol.RequestLength];

        public Look Now()
        {
            // Counters first: what enters in between counts with the next look, and the queue never has more.
            (long? opens, long? overflows) = reader.Totals();
            DiagProtocol.WriteGet(
                _request, facts.Family, facts.RawAddress, facts.Port, 1, facts.Interface, DiagProtocol.NoCookie);
            if (reader.Diag.Gets.Send(_request) != 0 || reader.Diag.Gets.ReceiveMany() != 1)
            {
                reader.Diag.Gets.Drain();
                return new Look(null, null, opens, overflows);
            }

            ReadOnlySpan<byte> answer = reader.Diag.Gets.Answer(0);
            return DiagProtocol.TryNext(ref answer, out DiagMessage kind, out ReadOnlySpan<byte> row, out _)
                && kind == DiagMessage.Row
                ? new Look(DiagRow.Hot(row).Queue, DiagRow.HotDrops(row), opens, overflows)
                : new Look(null, null, opens, overflows);
        }
    }
}
