using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Monitor.Processes;
using Earshot.Monitor.Sampling;
using Earshot.Monitor.Verdicts;

namespace Earshot.Monitor.Reports;

/// <summary>A listener as tables show it. What is not known is null.</summary>
internal sealed record ListenerLine
{
    public required string Namespace { get; init; }

    /// <summary>tcp, mptcp or unix.</summary>
    public required string Kind { get; init; }

    public required string Address { get; init; }

    /// <summary>Null for a unix socket.</summary>
    public int? Port { get; init; }

    /// <summary>The socket's cookie, in decimal: JSON's numbers are too small for it.</summary>
    public required string Cookie { get; init; }

    public required uint Inode { get; init; }

    public uint? Uid { get; init; }

    public uint? Queue { get; init; }

    public uint? Limit { get; init; }

    /// <summary>The longest queue that was seen.</summary>
    public uint? Peak { get; init; }

    public int? SynRecv { get; init; }

    /// <summary>sk_drops since the listener was made.</summary>
    public ulong? Drops { get; init; }

    public double? DropsPerSecond { get; init; }

    /// <summary>Seconds since it was made; null when it was there before the monitor.</summary>
    public double? AgeSeconds { get; init; }

    /// <summary>At most so many seconds: how long the oldest of its processes runs.</summary>
    public double? AgeAtMostSeconds { get; init; }

    public required IReadOnlyList<ProcessLine> Processes { get; init; }

    /// <summary>Whether <see cref="Processes"/> is all: false when some could not be looked into.</summary>
    public required bool ProcessesKnown { get; init; }

    /// <summary>The systemd unit of its first process, or in which it was made; null when none is known.</summary>
    public string? Unit { get; init; }

    /// <summary>The container of its first process, or in which it was made, 12 digits; null when none is
    /// known.</summary>
    public string? Container { get; init; }

    /// <summary>The socket's name as ss writes it.</summary>
    public string Name => Port is { } port ? $"{Address}:{port}" : Address;
}

/// <summary>A process that holds a listener.</summary>
internal sealed record ProcessLine(int Pid, string Command, string? Unit, string? Container);

/// <summary>Makes the lines of tables from what is remembered.</summary>
internal static class ListenerLines
{
    /// <summary>A line for each listener at a moment, the most troubled first.</summary>
    /// <param name="window">The namespace over the time whose drops and peaks count.</param>
    /// <param name="space">What is remembered of it.</param>
    /// <param name="to">The moment.</param>
    public static IEnumerable<ListenerLine> Of(NamespaceWindow window, NamespaceHistory space, DateTimeOffset to)
    {
        foreach (ListenerWindow one in window.Listeners.Where(one => !one.HasEnded))
        {
            ListenerHistory? history = space.Find(one.Facts.Cookie);
            DateTimeOffset? started = one.Holders.Processes.Count > 0
                ? one.Holders.Processes.Min(process => process.Started)
                : null;
            yield return new ListenerLine
            {
                Namespace = window.Name,
                Kind = one.Facts.Kind.ToString().ToLowerInvariant(),
                Address = one.Facts.Address,
                Port = one.IsUnix ? null : one.Facts.Port,
                Cookie = RuleText.N(one.Facts.Cookie),
                Inode = one.Facts.Inode,
                Uid = one.Facts.Uid,
                Queue = one.Queue,
                Limit = one.Limit,
                Peak = one.Peak,
                SynRecv = one.SynRecv,
                Drops = history?.At(to)?.Drops,
                DropsPerSecond = one.Drops is { } drops && window.Length > TimeSpan.Zero
                    ? drops / window.Length.TotalSeconds
                    : null,
                AgeSeconds = history is { WasThereBefore: false } ? (to - history.FirstSeen).TotalSeconds : null,
                AgeAtMostSeconds = started is { } start ? Math.Max(0, (to - start).TotalSeconds) : null,
                Processes = [.. one.Holders.Processes.Select(Line)],
                ProcessesKnown = one.Holders.IsKnown,
                Unit = one.Holders.Processes is [var first, ..] ? first.Unit : one.Cgroup?.Unit,
                Container = one.Holders.Processes is [var holder, ..] ? holder.Container : one.Cgroup?.Container,
            };
        }
    }

    /// <summary>The most troubled first: dropping, then nearest to the limit, then by name.</summary>
    public static IEnumerable<ListenerLine> ByTrouble(IEnumerable<ListenerLine> lines) => lines
        .OrderByDescending(line => line.DropsPerSecond ?? 0)
        .ThenByDescending(line => (line.Queue ?? 0) / (double)((line.Limit ?? 0) + 1))
        .ThenByDescending(line => (line.Peak ?? 0) / (double)((line.Limit ?? 0) + 1))
        .ThenByDescending(line => line.SynRecv ?? 0)
        .ThenByDescending(line => line.Drops ?? 0)
        .ThenBy(line => line.Kind == "unix").ThenBy(line => line.Port).ThenBy(line => line.Address,
            StringComparer.Ordinal);

    private static ProcessLine Line(ProcessFacts process) =>
        new(process.Pid, process.Command, process.Unit, process.Container);
}
