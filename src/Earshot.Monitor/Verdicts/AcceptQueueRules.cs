using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Monitor.Processes;
using Earshot.Monitor.Reading;
using static Earshot.Monitor.Verdicts.RuleText;

namespace Earshot.Monitor.Verdicts;

/// <summary>Why an accept queue, or a unix listener's, is or was full.</summary>
internal static class AcceptQueueRules
{
    // Who has taken some before, and then nothing for so long, is not merely slow.
    private static readonly TimeSpan LongPause = TimeSpan.FromSeconds(2.5);

    public static IEnumerable<Finding> Judge(NamespaceWindow window)
    {
        foreach (ListenerWindow one in window.Listeners.Where(one => !one.HasEnded && IsInTrouble(window, one)))
        {
            foreach (Finding finding in Judge(window, one))
            {
                yield return finding;
            }
        }

        if (window.Sysctl(Names.AbortOnOverflow) > 0 && window.By(Names.ListenOverflows) > 0)
        {
            foreach (ListenerWindow one in Overflowed(window))
            {
                yield return Abort(window, one);
            }
        }
    }

    /// <summary>The listeners whose accept queue refused connections.</summary>
    public static IEnumerable<ListenerWindow> Overflowed(NamespaceWindow window) =>
        window.Listeners.Where(one => !one.HasEnded && HasOverflowed(window, one));

    /// <summary>Whether a listener's accept queue refused connections, by the namespace's counter and its
    /// own.</summary>
    public static bool HasOverflowed(NamespaceWindow window, ListenerWindow one)
    {
        if (one.IsUnix)
        {
            return one.WasFull;
        }

        if (window.By(Names.ListenOverflows) == 0 || one.Drops is 0)
        {
            return false;
        }

        // Where several have drops, the overflow was where a queue came near its limit.
        var dropping = window.Listeners.Where(other => other.Drops > 0).ToList();
        return one.Drops is null ? one.WasFull : dropping.Count == 1 || one.WasHalfFull
            || !dropping.Any(other => other.WasHalfFull);
    }

    private static bool IsInTrouble(NamespaceWindow window, ListenerWindow one) =>
        HasOverflowed(window, one) || one.IsFull || (one.StaysHalfFull && IsStandingStill(one));

    private static bool IsStandingStill(ListenerWindow one) => one.Progress is { } progress
        ? progress.StandsStillFor >= (progress.Left == 0 ? ListenerWindow.Lasting : LongPause)
        : one.StaysHalfFull && one.UnchangedFor >= ListenerWindow.Lasting;

    private static IEnumerable<Finding> Judge(NamespaceWindow window, ListenerWindow one)
    {
        bool refuses = HasOverflowed(window, one) || one.IsFull;
        Severity severity = refuses && one.IsFull ? Severity.Critical : Severity.Warning;
        HolderFacts? empty = one.Looks.FirstOrDefault(look => look.IsOutOfDescriptors);
        var stopped = one.Looks.Where(look => look.IsStopped).ToList();
        if (one.StaysHalfFull && stopped.Count > 0 && (stopped.Count == one.Looks.Count || IsStandingStill(one)))
        {
            yield return Stopped(window, one, severity, stopped);
        }
        else if (empty is not null && one.WasHalfFull)
        {
            yield return OutOfDescriptors(window, one, severity, empty);
        }
        else if (one.StaysHalfFull && IsStandingStill(one))
        {
            yield return NotAccepting(window, one, severity);
        }
        else if (IsSlow(one))
        {
            yield return TooSlow(window, one, severity);
            foreach (Finding throttled in Throttled(window, one))
            {
                yield return throttled;
            }
        }
        else if (one.IsFull && !one.HasDrained)
        {
            yield return Full(window, one);
        }
        else
        {
            // Who is kept from running most of the time does not keep up, though the queue is short now.
            List<Finding> throttled = [.. Throttled(window, one)];
            foreach (Finding finding in throttled.Count > 0 ? throttled : [Burst(window, one)])
            {
                yield return finding;
            }
        }
    }

    // A queue that stays long although connections leave it; one that was empty in between met a burst.
    private static bool IsSlow(ListenerWindow one) => one.StaysHalfFull;

    private static Finding Stopped(
        NamespaceWindow window, ListenerWindow one, Severity severity, List<HolderFacts> holders)
    {
        string pids = string.Join(' ', holders.Select(holder => N(holder.Process.Pid)));
        return About(window, one, RuleNames.ProcessStopped, severity, Confidence.High) with
        {
            Summary = $"{holders[0].Process.Command} is stopped by a signal and accepts nothing; "
                + $"{N(one.Queue)} connections wait",
            NextStep = $"kill -CONT {pids}",
            BacklogHelps = false,
            Evidence =
            [
                .. QueueNumbers(one), .. Looks(holders),
            ],
        };
    }

    private static Finding OutOfDescriptors(
        NamespaceWindow window, ListenerWindow one, Severity severity, HolderFacts holder) =>
        About(window, one, RuleNames.DescriptorsExhausted, severity, Confidence.High) with
        {
            Summary = $"{holder.Process.Command} has all {N(holder.DescriptorLimit)} descriptors in use, so accept() "
                + "fails with EMFILE and the queue fills",
            NextStep = $"prlimit --pid {N(holder.Process.Pid)} --nofile={N(holder.DescriptorLimit * 4)}  "
                + "(and LimitNOFILE= in its unit; look for a descriptor leak first)",
            BacklogHelps = false,
            Evidence =
            [
                .. QueueNumbers(one),
                new Evidence(
                    "descriptors", $"{N(holder.Descriptors)} of {N(holder.DescriptorLimit)}",
                    $"ls /proc/{N(holder.Process.Pid)}/fd | wc -l; /proc/{N(holder.Process.Pid)}/limits"),
            ],
        };

    private static Finding NotAccepting(NamespaceWindow window, ListenerWindow one, Severity severity) =>
        About(
            window, one, RuleNames.NotAccepting, severity,
            one.Progress is null ? Confidence.Medium : Confidence.High) with
        {
            Summary = $"nobody calls accept(): {N(one.Queue)} connections wait and none left the queue",
            NextStep = one.Holders.Processes.Count > 0
                ? $"cat /proc/{N(one.Holders.Processes[^1].Pid)}/task/*/wchan  (where it hangs); then restart "
                    + (one.Holders.Processes[^1].Unit ?? one.Holders.Processes[^1].Command)
                : $"ss -lntp sport = {N(one.Facts.Port)}  as root (who holds it), then see where that process hangs",
            BacklogHelps = false,
            Evidence = [.. QueueNumbers(one), .. Looks(one.Looks)],
        };

    private static Finding TooSlow(NamespaceWindow window, ListenerWindow one, Severity severity)
    {
        string rate = one.Progress is { Left: > 0 } progress && progress.Until > progress.Since
            ? $"about {progress.Left / (progress.Until - progress.Since).TotalSeconds:0.#} a second"
            : "more slowly than they come";
        return About(window, one, RuleNames.AcceptTooSlow, severity, Confidence.Medium) with
        {
            Summary = $"connections are accepted {rate}, and the queue of {N(one.Limit)} stays full",
            NextStep = $"more acceptors (workers, threads) for {ProcessOf(one) ?? "its process"}; "
                + $"'earshot size {N(one.Facts.Port)}' says what a backlog could do",
            BacklogHelps = false,
            Evidence = [.. QueueNumbers(one), Counter(window, Names.ListenOverflows), .. Looks(one.Looks)],
        };
    }

    // Full, and for too short a time to tell a burst from a program that has stopped accepting.
    private static Finding Full(NamespaceWindow window, ListenerWindow one) =>
        About(window, one, RuleNames.QueueFull, Severity.Warning, Confidence.High) with
        {
            Summary = $"the queue of {N(one.Limit)} is full, for {Seconds(one.HalfFullFor ?? TimeSpan.Zero)} s as "
                + "far as was seen: too short to tell why",
            NextStep = $"earshot check {(one.IsUnix ? one.Facts.Name : N(one.Facts.Port))} --for 10s",
            BacklogHelps = null,
            Evidence = [.. QueueNumbers(one), Counter(window, Names.ListenOverflows), .. Looks(one.Looks)],
        };

    private static Finding Burst(NamespaceWindow window, ListenerWindow one)
    {
        long wanted = Math.Max(128, NextPowerOfTwo(2 * ((long)(one.Limit ?? 0) + (long)(one.Drops ?? 0))));
        ServerFacts? server = ServerCatalog.Find(one.Holders.Processes.Select(process => process.Command), one.Limit);
        string setting = server is null
            ? $"listen(fd, {N(wanted)}) in the program"
            : string.Format(System.Globalization.CultureInfo.InvariantCulture, server.Setting, N(wanted));
        string clamp = window.Sysctl(Names.Somaxconn) < wanted
            ? $"{In(window, $"sysctl -w {Names.Somaxconn}={N(wanted)}")}, then "
            : "";
        return About(window, one, RuleNames.AcceptBurst, Severity.Warning, one.WasFull ? Confidence.High
            : Confidence.Medium) with
        {
            Summary = $"a burst was longer than the queue of {N(one.Limit)}; between bursts it drains, so accept() "
                + "keeps up",
            NextStep = $"{clamp}{setting}, and restart it"
                + (server is null ? "" : $" ({server.Title}: {server.Reload})"),
            BacklogHelps = true,
            Evidence = [.. QueueNumbers(one), Counter(window, Names.ListenOverflows)],
        };
    }

    private static IEnumerable<Finding> Throttled(NamespaceWindow window, ListenerWindow one)
    {
        HolderFacts? holder = one.Looks.FirstOrDefault(look =>
            look.Throttled is { Periods: > 10 } quota && quota.Throttled * 2 > quota.Periods);
        if (holder is { Throttled: { } quota })
        {
            yield return About(window, one, RuleNames.CpuThrottled, Severity.Warning, Confidence.Medium) with
            {
                Summary = $"{holder.Process.Command} was kept from running in {N(quota.Throttled)} of "
                    + $"{N(quota.Periods)} periods by its cgroup's CPU quota",
                NextStep = holder.Process.Unit is { } unit
                    ? $"systemctl set-property {unit} CPUQuota=  (or a larger one)"
                    : "raise the container's CPU limit",
                BacklogHelps = false,
                Evidence = [new Evidence(
                    "throttled periods", $"{N(quota.Throttled)} of {N(quota.Periods)}", "cpu.stat of its cgroup")],
            };
        }
    }

    private static Finding Abort(NamespaceWindow window, ListenerWindow one) =>
        About(window, one, RuleNames.AbortOnOverflow, Severity.Warning, Confidence.High) with
        {
            Summary = "tcp_abort_on_overflow is on: a handshake that meets the full queue is reset rather than tried "
                + "again",
            Effect = "connect() works and the first read or write fails with ECONNRESET",
            NextStep = In(window, $"sysctl -w {Names.AbortOnOverflow}=0"),
            BacklogHelps = null,
            Evidence =
            [
                Sysctl(window, Names.AbortOnOverflow), Counter(window, Names.ListenOverflows),
                Counter(window, Names.EmbryonicRsts),
            ],
        };

    private static IEnumerable<Evidence> Looks(IEnumerable<HolderFacts> holders) => holders.Take(3).Select(holder =>
        new Evidence(
            $"{holder.Process.Command} ({N(holder.Process.Pid)})", holder.Activity,
            $"/proc/{N(holder.Process.Pid)}/task/*/{{status,wchan}}"));

    private static long NextPowerOfTwo(long value) =>
        (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)Math.Max(1, value));
}
