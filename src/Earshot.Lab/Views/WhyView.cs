using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Lab.Views;

/// <summary>Why the sockets of a port are as they are: what the rules said, how often, and the last word on each
/// socket.</summary>
public static class WhyView
{
    /// <summary>The most sockets that get a sentence each.</summary>
    public const int MaxSentences = 1000;

    /// <summary>The report on a port, from the stack's own thread.</summary>
    /// <param name="stack">The stack.</param>
    /// <param name="port">The port; sockets with it on either end belong to it.</param>
    /// <returns>The lines; empty when there is nothing to say: no socket has the port, and no rule ever spoke of
    /// it.</returns>
    public static IReadOnlyList<string> Lines(NetworkStack stack, int port)
    {
        ArgumentNullException.ThrowIfNull(stack);
        var listeners = new List<ListenerRow>();
        var rows = new List<SocketRow>();
        stack.CopyListeners(listeners);
        stack.CopySockets(rows);
        listeners.RemoveAll(listener => listener.Local.Port != port);
        rows.RemoveAll(row => row.State == TcpState.Listen || (row.Local.Port != port && row.Remote.Port != port));
        List<RuleTally> tallies = [.. stack.Ledger.Tallies.Where(tally => tally.First.LocalPort == port)];

        var lines = new List<string>();
        lines.AddRange(listeners.Select(Describe));
        if (tallies.Count > 0)
        {
            Separate(lines);
            lines.Add("what the rules said, the first to speak first:");
            lines.AddRange(tallies.SelectMany(tally => Describe(tally, stack)));
        }

        if (rows.Count > 0)
        {
            Separate(lines);
            lines.Add("each connection and request, with the last word on it:");
            lines.AddRange(Sentences(rows, port, stack));
        }

        return lines;
    }

    /// <summary>A listener's queues in a sentence.</summary>
    public static string Describe(ListenerRow listener) =>
        $"{listener.Local} listens: the accept queue holds {listener.AcceptCount}, the backlog is {listener.Backlog}"
        + (listener.AcceptCount > listener.Backlog ? " (full)" : "")
        + $"; the SYN queue holds {listener.SynCount}, {listener.YoungCount} of them young, "
        + $"its limit is {listener.SynLimit}";

    private static IEnumerable<string> Describe(RuleTally tally, NetworkStack stack)
    {
        Rule rule = Rule.Of(tally.Rule);
        string outcome = rule.Outcome.ToString().ToLowerInvariant();
        yield return $"{tally.Count,7} x {rule.Id} ({outcome}; Linux: {rule.LinuxFunction})";
        yield return $"          last {Ago(stack.Now, tally.Last.Time)}: {stack.Ledger.Explain(tally.Last)}";
    }

    private static IEnumerable<string> Sentences(List<SocketRow> rows, int port, NetworkStack stack)
    {
        // One pass over the ring: the newest entry about each pair of ends stays.
        var last = new Dictionary<(ushort, InetEndpoint), LedgerEntry>();
        foreach (LedgerEntry entry in stack.Ledger.Latest)
        {
            last[(entry.LocalPort, entry.Remote)] = entry;
        }

        // The listener's side first: it is what one asks about.
        foreach (SocketRow row in rows.OrderBy(row => row.Local.Port == port ? 0 : 1).Take(MaxSentences))
        {
            string way = row.Local.Port == port ? "<-" : "->";
            string why = last.TryGetValue((row.Local.Port, row.Remote), out LedgerEntry entry)
                ? $"{stack.Ledger.Explain(entry, row.Local.ToString())} ({Ago(stack.Now, entry.Time)})"
                : $"nothing was said of it within the last {Ledger.RingSize} verdicts";
            yield return $"  {row.Local} {way} {row.Remote} {NetstatView.StateName(row.State)}: {why}";
        }

        if (rows.Count > MaxSentences)
        {
            yield return $"  and {rows.Count - MaxSentences} more";
        }
    }

    private static string Ago(Instant now, Instant then)
    {
        string seconds = Math.Max(0, (now - then).TotalSeconds).ToString("0.000", CultureInfo.InvariantCulture);
        return $"{seconds} s ago";
    }

    private static void Separate(List<string> lines)
    {
        if (lines.Count > 0)
        {
            lines.Add("");
        }
    }
}
