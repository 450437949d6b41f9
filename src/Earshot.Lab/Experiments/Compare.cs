using System;
using System.Collections.Generic;
using System.Linq;

namespace Earshot.Lab.Experiments;

/// <summary>One thing that two runs of a plan do not share.</summary>
/// <param name="At">The moment at which it shows.</param>
/// <param name="What">What differs, for example <c>server state SYN_RECV</c> or a counter's name.</param>
/// <param name="Left">What the left run has.</param>
/// <param name="Right">What the right run has.</param>
public sealed record Difference(TimeSpan At, string What, string Left, string Right)
{
    /// <summary>Whether only a moment differs: on a machine that is busy, the same run may come out without
    /// it.</summary>
    public bool IsTime { get; init; }

    /// <summary>The difference as one line.</summary>
    /// <param name="left">The left run's name.</param>
    /// <param name="right">The right run's name.</param>
    /// <returns>The line, without a newline.</returns>
    public string Describe(string left, string right) =>
        $"at {Say.Seconds(At)}: {What}: {left} {Left}, {right} {Right}";
}

/// <summary>Finds what two runs of one plan do not share.</summary>
public static class Compare
{
    private static readonly string[] ComparedGroups = ["Tcp", "Ip", "Icmp", "Udp"];

    // What the embedded stack leaves out: how the data path keeps its buffers (docs/deviations.md, D3), broadcasts, and
    // the ICMP messages a second time, by the number of their type.
    private static readonly string[] LeftOut =
    [
        "TcpExtTCPRcvCoalesce", "IpExtInBcast", "IpExtOutBcast", "IcmpMsg", "Icmp6InType", "Icmp6OutType",
    ];

    private const string None = "none";
    private const int FirstChosenPort = 32768;

    /// <summary>Compares two runs: states, queues, counters, errnos, packets and their times.</summary>
    /// <param name="left">The run whose timers are taken as right: the embedded stack's.</param>
    /// <param name="right">The other run: the host's.</param>
    /// <param name="granularity">The granularity of the timers; the reference kernel's when null.</param>
    /// <returns>The differences, the earliest first; empty when there is none.</returns>
    /// <exception cref="ArgumentException">The runs are of different plans.</exception>
    public static IReadOnlyList<Difference> Runs(
        RunResult left, RunResult right, TimerGranularity? granularity = null)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        if (left.Plan.Name != right.Plan.Name || !left.Plan.Looks.SequenceEqual(right.Plan.Looks))
        {
            throw new ArgumentException("the two runs are of different plans or looks", nameof(right));
        }

        granularity ??= new TimerGranularity(TimerGranularity.DefaultTicksPerSecond);
        var found = new List<Difference>();
        foreach ((Sample l, Sample r) in left.Samples.Zip(right.Samples))
        {
            Samples(l, r, found);
        }

        Connects(left, right, granularity, found);
        Calls(left, right, found);
        ComparePackets.Runs(left, right, granularity, found);

        // A stable sort: what was found first at one moment stays first.
        return [.. found.OrderBy(d => d.At)];
    }

    /// <summary>Whether a counter belongs to the comparison: the groups Tcp, TcpExt, Ip, IpExt, Ip6, Icmp, IcmpMsg and
    /// Icmp6.</summary>
    /// <param name="counter">The counter's name.</param>
    /// <returns>True for a counter that both sides must move alike.</returns>
    public static bool IsCompared(string counter) =>
        Array.Exists(ComparedGroups, g => counter.StartsWith(g, StringComparison.Ordinal))
        && !Array.Exists(LeftOut, c => counter.StartsWith(c, StringComparison.Ordinal));

    private static void Samples(Sample left, Sample right, List<Difference> found)
    {
        States("server state", left.At, left.Server, right.Server, found);
        States("client state", left.At, left.Client, right.Client, found);
        int queues = Math.Max(left.Queues.Count, right.Queues.Count);
        for (int i = 0; i < queues; i++)
        {
            QueueSample? l = i < left.Queues.Count ? left.Queues[i] : null;
            QueueSample? r = i < right.Queues.Count ? right.Queues[i] : null;
            if (Text(l) != Text(r))
            {
                found.Add(new Difference(left.At, $"queues of listener {i + 1}", Text(l), Text(r)));
            }
        }

        Tables(left, right, found);
        foreach (string name in left.Counters.Keys.Union(right.Counters.Keys).Order(StringComparer.Ordinal))
        {
            long l = left.Counters.TryGetValue(name, out long lv) ? lv : 0;
            long r = right.Counters.TryGetValue(name, out long rv) ? rv : 0;
            if (l != r && IsCompared(name))
            {
                found.Add(new Difference(left.At, $"counter {name}", Say.Number(l), Say.Number(r)));
            }
        }
    }

    // The rows of all sockets, with the ports that the host chose left out; the order in the kernel's hash is no fact.
    private static void Tables(Sample left, Sample right, List<Difference> found)
    {
        List<string> l = [.. left.Table.Select(Text)];
        List<string> r = [.. right.Table.Select(Text)];
        foreach (string row in l.ToArray())
        {
            if (r.Remove(row))
            {
                l.Remove(row);
            }
        }

        l.Sort(StringComparer.Ordinal);
        r.Sort(StringComparer.Ordinal);
        for (int i = 0; i < Math.Max(l.Count, r.Count); i++)
        {
            found.Add(new Difference(left.At, "socket", i < l.Count ? l[i] : None, i < r.Count ? r[i] : None));
        }
    }

    private static void States(
        string what,
        TimeSpan at,
        IReadOnlyDictionary<string, int> left,
        IReadOnlyDictionary<string, int> right,
        List<Difference> found)
    {
        foreach (string state in left.Keys.Union(right.Keys).OrderBy(TcpStates.Rank))
        {
            int l = left.TryGetValue(state, out int lv) ? lv : 0;
            int r = right.TryGetValue(state, out int rv) ? rv : 0;
            if (l != r)
            {
                found.Add(new Difference(at, $"{what} {state}", Say.Number(l), Say.Number(r)));
            }
        }
    }

    private static void Connects(RunResult left, RunResult right, TimerGranularity granularity, List<Difference> found)
    {
        int count = Math.Max(left.Connects.Count, right.Connects.Count);
        for (int i = 0; i < count; i++)
        {
            ConnectResult? l = i < left.Connects.Count ? left.Connects[i] : null;
            ConnectResult? r = i < right.Connects.Count ? right.Connects[i] : null;
            TimeSpan at = l?.Returned ?? l?.At ?? r?.At ?? TimeSpan.Zero;
            string what = $"connect() of client {i + 1}";
            if (l is not { } lc || r is not { } rc || lc.Errno != rc.Errno
                || lc.Returned.HasValue != rc.Returned.HasValue)
            {
                found.Add(new Difference(at, what, Text(l), Text(r)));
            }
            else if (lc.Returned is { } lr && rc.Returned is { } rr)
            {
                // Counted from the connection's last packet before the return, because only that time is one timer's.
                string? wrong = granularity.Judge(lr - LastBefore(left, i + 1, lr), rr - LastBefore(right, i + 1, rr));
                if (wrong is not null)
                {
                    found.Add(new Difference(at, $"return of {what}", Say.Seconds(lr), $"{Say.Seconds(rr)} ({wrong})")
                    {
                        IsTime = true,
                    });
                }
            }
        }
    }

    private static TimeSpan LastBefore(RunResult run, int connection, TimeSpan moment) =>
        run.Packets.Where(p => p.Connection == connection && p.FromClient && p.Time <= moment)
            .Select(p => p.Time)
            .LastOrDefault();

    private static void Calls(RunResult left, RunResult right, List<Difference> found)
    {
        for (int i = 0; i < Math.Max(left.Calls.Count, right.Calls.Count); i++)
        {
            CallResult? l = i < left.Calls.Count ? left.Calls[i] : null;
            CallResult? r = i < right.Calls.Count ? right.Calls[i] : null;
            if (l?.Result != r?.Result || l?.Call != r?.Call)
            {
                found.Add(new Difference(
                    l?.At ?? r!.Value.At, // One of the two lists is longer than i.
                    $"call {i + 1}, {l?.Call ?? r!.Value.Call}",
                    l?.Result ?? None,
                    r?.Result ?? None));
            }
        }
    }

    private static string Text(QueueSample? queue)
    {
        if (queue is not { } q)
        {
            return None;
        }

        string port = q.Port < FirstChosenPort ? Say.Number(q.Port) : "chosen";
        return $"port {port} accept {q.Accept} limit {q.Limit} SYN_RECV {q.SynReceived}";
    }

    private static string Text(ConnectResult? connect) => connect switch
    {
        null => "not called",
        { Returned: null } => "still waits",
        { Errno: null } => "worked",
        { Errno: { } errno } => errno,
    };

    private static string Text(TableRow row) =>
        $"{row.State} {End(row.Local)} {End(row.Remote)} recv-q {row.ReceiveQueue} send-q {row.SendQueue}";

    private static string End(string end)
    {
        int colon = end.LastIndexOf(':');
        return int.TryParse(end.AsSpan(colon + 1), out int port) && port >= FirstChosenPort
            ? $"{end[..colon]}:chosen"
            : end;
    }
}
