using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Earshot.Monitor.Reading;

namespace Earshot.Monitor.Verdicts;

/// <summary>Judges a namespace over a time: every rule asks its question of the same numbers.</summary>
internal static class VerdictEngine
{
    private static readonly Func<NamespaceWindow, IEnumerable<Finding>>[] Rules =
    [
        AcceptQueueRules.Judge,
        BacklogRules.Judge,
        SynQueueRules.Judge,
        GroupRules.Judge,
        DropRules.Judge,
    ];

    /// <summary>The findings, the worst first.</summary>
    public static IReadOnlyList<Finding> Judge(NamespaceWindow window) =>
    [
        .. Rules.SelectMany(rule => rule(window))
            .OrderByDescending(finding => finding.Severity).ThenByDescending(finding => finding.Confidence)
            .ThenBy(finding => finding.Listener, StringComparer.Ordinal),
    ];

    /// <summary>What no look at this namespace can tell, and what could not be read this time.</summary>
    public static IReadOnlyList<string> Unknowable(NamespaceWindow window)
    {
        var unknown = new List<string>(window.Unknown);
        if (window.Listeners.Any(one => !one.IsUnix && one.Drops is null && !one.HasEnded))
        {
            unknown.Add("this kernel does not tell a listener's drops (sk_drops, since Linux 4.9)");
        }

        if (window.Listeners.Any(one => one.IsUnix))
        {
            unknown.Add("a unix listener has no counter of refused connects: only a full queue can be seen");
        }

        if (window.Listeners.Any(one => one.Holders.Processes.Count == 0))
        {
            unknown.Add("the processes of some listeners: not permitted (root sees them), or in another PID namespace");
        }

        if (!window.Knows(Names.ListenOverflows))
        {
            unknown.Add("ListenOverflows and its like: the counters could not be read twice");
        }

        unknown.Add("SYNs that a firewall, the network card or the network lost never reach a listener's counters");
        return unknown;
    }
}

/// <summary>What rules have in common.</summary>
internal static class RuleText
{
    public const string SlowConnect =
        "connects that take 1, 3 or 7 s (the client sends its SYN again; Linux 6.5 and later after 1, 2, 3, 4 s), "
        + "then time out";

    public const string UnixRefused =
        "non-blocking connect() fails with EAGAIN at once (nginx answers 502), blocking connect() sleeps";

    public static string N(long? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "unknown";

    public static string N(ulong? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "unknown";

    public static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.#", CultureInfo.InvariantCulture);

    /// <summary>How a command of one namespace is run from where the user is.</summary>
    public static string In(NamespaceWindow window, string command) => window.Pid is { } pid
        ? $"nsenter -t {N(pid)} -n {command}"
        : command;

    public static string? ProcessOf(ListenerWindow one) => one.Holders.Processes.Count == 0
        ? null
        : string.Join(", ", one.Holders.Processes.GroupBy(process => process.Command).Take(3).Select(group =>
            $"{group.Key} ({string.Join(' ', group.Take(3).Select(process => N(process.Pid)))}"
            + $"{(group.Count() > 3 ? " ..." : "")})"));

    public static string QueueOf(ListenerWindow one) => one.IsUnix ? "unix listen queue" : "accept queue";

    public static Finding About(
        NamespaceWindow window, ListenerWindow one, string rule, Severity severity, Confidence confidence) => new()
        {
            Rule = rule,
            Severity = severity,
            Confidence = confidence,
            Namespace = window.Name,
            Listener = one.Facts.Name,
            Cookie = one.Facts.Cookie,
            Process = ProcessOf(one) ?? one.Cgroup?.Unit ?? one.Cgroup?.Container,
            Queue = QueueOf(one),
            Summary = "",
            Effect = one.IsUnix ? UnixRefused : SlowConnect,
            NextStep = "",
            Evidence = [],
        };

    public static Evidence Counter(NamespaceWindow window, string name) => new(
        name, window.Knows(name) ? "+" + N(window.By(name)) : "unknown", $"nstat -as {name}");

    public static Evidence Sysctl(NamespaceWindow window, string name) => new(
        name, N(window.Sysctl(name)), $"sysctl {name}");

    public static IEnumerable<Evidence> QueueNumbers(ListenerWindow one)
    {
        string source = one.IsUnix ? "ss -lxn" : "ss -lntm";
        yield return new Evidence(
            "queue", $"{N(one.Queue)} now, {N(one.Low)} to {N(one.Peak)} seen, limit {N(one.Limit)}", source);
        if (!one.IsUnix)
        {
            yield return new Evidence("drops", one.Drops is null ? "unknown" : "+" + N(one.Drops), source);
        }

        if (one.Progress is { } progress)
        {
            yield return new Evidence(
                "left the queue",
                $"{N(progress.Left)} connections in {Seconds(progress.Until - progress.Since)} s",
                $"ss -tne sport = {N(one.Facts.Port)} (connections with no inode)");
        }
    }
}
