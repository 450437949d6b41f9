using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Earshot.Core;

namespace Earshot.Lab.Views;

/// <summary>What Linux does not tell of a listener: both queues with their high-water marks, how long the accept queue
/// was full, how long connections waited, who waits now, and the listen counters of this listener alone.</summary>
public static class ListenersView
{
    private const int MaxQueued = 1000;
    private const int BarLength = 40;

    /// <summary>A paragraph for each listener.</summary>
    /// <param name="snapshot">The stack.</param>
    public static IEnumerable<string> Lines(StackSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        bool first = true;
        foreach (ListenerReport listener in snapshot.Listeners)
        {
            if (!first)
            {
                yield return "";
            }

            first = false;
            foreach (string line in Paragraph(listener))
            {
                yield return line;
            }
        }
    }

    /// <summary>What a connection lost because its handshake was kept in a cookie.</summary>
    internal static string Lost(CookieRemains kept) => "by cookie: " + (kept.Timestamps ? "" : "no timestamps, ")
        + (kept.Sack ? "" : "no SACK, ") + (kept.WindowScale ? "" : "no window scale, ") + $"MSS {kept.Mss}";

    private static IEnumerable<string> Paragraph(ListenerReport listener)
    {
        ListenerRow row = listener.Row;
        string full = row.AcceptCount > row.Backlog ? " (full)" : "";
        yield return row.Local.ToString();
        yield return $"    accept queue: {row.AcceptCount}{full}, most {row.MostAccept}, backlog {row.Backlog}; "
            + $"full for {Seconds(row.FullTime)} s";
        yield return $"    SYN queue: {row.SynCount}, {row.YoungCount} of them young, most {row.MostSyn}, "
            + $"limit {row.SynLimit}";
        yield return "    counters: " + (listener.Counters.All(counter => counter.Value == 0) ? "none moved"
            : string.Join(", ", listener.Counters.Where(counter => counter.Value != 0)
                .Select(counter => $"{counter.Key} {counter.Value}")));
        foreach (string line in Waits(row.AcceptWaits ?? []).Concat(Queue(listener.Queue)))
        {
            yield return line;
        }
    }

    private static IEnumerable<string> Waits(IReadOnlyList<long> waits)
    {
        long accepted = waits.Sum();
        yield return $"    accepted: {accepted}" + (accepted > 0 ? ", by how long they waited:" : "");
        long most = accepted > 0 ? waits.Max() : 1;
        for (int i = 0; i < waits.Count; i++)
        {
            if (waits[i] > 0)
            {
                string bar = new('#', (int)Math.Max(1, waits[i] * BarLength / most));
                yield return $"        below {Bound(i),9} {waits[i],9} {bar}";
            }
        }
    }

    private static IEnumerable<string> Queue(IReadOnlyList<QueuedConnection> queue)
    {
        if (queue.Count > 0)
        {
            yield return "    waiting, the oldest first:";
        }

        foreach (QueuedConnection waiting in queue.Take(MaxQueued))
        {
            string state = waiting.State == TcpState.Established ? "" : $" {NetstatView.StateName(waiting.State)}";
            string cookie = waiting.Cookie is { } kept ? $", {Lost(kept)}" : "";
            yield return $"        {waiting.Remote}{state} for {Seconds(waiting.Age)} s, {waiting.BytesWaiting} bytes"
                + cookie;
        }

        if (queue.Count > MaxQueued)
        {
            yield return $"        and {queue.Count - MaxQueued} more";
        }
    }

    /// <summary>Below what the waits of a bucket lie.</summary>
    private static string Bound(int bucket)
    {
        double microseconds = Math.Pow(2, bucket);
        return microseconds < 1000 ? $"{microseconds:0} us"
            : microseconds < 1_000_000 ? string.Create(CultureInfo.InvariantCulture, $"{microseconds / 1000:0.0} ms")
            : string.Create(CultureInfo.InvariantCulture, $"{microseconds / 1_000_000:0.0} s");
    }

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture);
}
