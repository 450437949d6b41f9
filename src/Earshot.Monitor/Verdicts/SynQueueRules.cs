using System.Collections.Generic;
using System.Linq;
using Earshot.Monitor.Reading;
using static Earshot.Monitor.Verdicts.RuleText;

namespace Earshot.Monitor.Verdicts;

/// <summary>What half-open connections and cookies tell.</summary>
internal static class SynQueueRules
{
    private const string SynQueue = "SYN queue";

    private const string CookieCost =
        "connections made by a cookie lose options: without timestamps no window scaling and no SACK, and the segment "
        + "size is one of a few; the SYN-ACK is never sent again";

    private const int FewCookies = 20;
    private const int FewStuck = 3;
    private const int FewDeferred = 5;

    public static IEnumerable<Finding> Judge(NamespaceWindow window)
    {
        long cookies = window.By(Names.SyncookiesSent);
        if (cookies > 0 && window.Sysctl(Names.Syncookies) is 1)
        {
            yield return Cookies(window, cookies);
        }

        if (window.By(Names.ReqQFullDrop) > 0)
        {
            yield return Full(window);
        }

        // What is left of ListenDrops: the last quarter of tcp_max_syn_backlog, kept for peers that were met before.
        long rest = window.By(Names.ListenDrops) - window.By(Names.ListenOverflows) - window.By(Names.ReqQFullDrop);
        if (rest > 0 && window.Sysctl(Names.Syncookies) is 0 && ReachesLastQuarter(window))
        {
            yield return LastQuarter(window, rest);
        }

        if (IsFlood(window))
        {
            yield return Flood(window);
        }
        else if (cookies >= FewCookies && window.Sysctl(Names.Syncookies) is 1 && !IsConsequence(window))
        {
            yield return Burst(window);
        }

        foreach (Finding stuck in window.Listeners.Where(one => !one.HasEnded).Select(one => Stuck(window, one))
            .OfType<Finding>())
        {
            yield return stuck;
        }
    }

    // The rule begins at three quarters; some of them may have gone again before anybody looked.
    public static bool ReachesLastQuarter(NamespaceWindow window) =>
        MostHalfOpen(window)?.SynRecvPeak * 2 >= window.Sysctl(Names.MaxSynBacklog);

    // Handshakes that meet a full accept queue stay half-open, so a short SYN queue fills too.
    private static bool IsConsequence(NamespaceWindow window) => AcceptQueueRules.Overflowed(window).Any()
        && window.By(Names.SyncookiesRecv) * 2 >= window.By(Names.SyncookiesSent);

    private static ListenerWindow? MostHalfOpen(NamespaceWindow window) => window.Listeners
        .Where(one => one is { HasEnded: false, SynRecvPeak: > 0 })
        .OrderByDescending(one => one.Drops ?? 0).ThenByDescending(one => one.SynRecvPeak).FirstOrDefault();

    private static Finding OfQueue(
        NamespaceWindow window, ListenerWindow? one, string rule, Severity severity, Confidence confidence) =>
        (one is null
            ? new Finding
            {
                Rule = rule,
                Severity = severity,
                Confidence = confidence,
                Namespace = window.Name,
                Queue = SynQueue,
                Summary = "",
                Effect = "",
                NextStep = "",
                Evidence = [],
            }
            : About(window, one, rule, severity, confidence)) with
        { Queue = SynQueue };

    private static Evidence HalfOpen(ListenerWindow? one) => new(
        "SYN_RECV",
        one?.SynRecv is null
            ? "unknown"
            : $"{N(one.SynRecv)} now, {N(one.SynRecvPeak)} at most, from {N(one.SynRecvPeers)} addresses; "
                + $"limit {N(one.Limit)}",
        $"ss -nt state syn-recv sport = {N(one?.Facts.Port)}");

    private static IReadOnlyList<Evidence> CookieNumbers(NamespaceWindow window, ListenerWindow? one) =>
    [
        Counter(window, Names.SyncookiesSent), Counter(window, Names.SyncookiesRecv),
        Counter(window, Names.SyncookiesFailed), HalfOpen(one), Sysctl(window, Names.Syncookies),
    ];

    private static Finding Cookies(NamespaceWindow window, long cookies)
    {
        ListenerWindow? one = MostHalfOpen(window)
            ?? window.Listeners.Where(other => !other.HasEnded).OrderByDescending(other => other.Peak).FirstOrDefault(
                other => other.WasFull);
        return OfQueue(window, one, RuleNames.SynCookies, IsConsequence(window) ? Severity.Note : Severity.Warning,
            one?.SynRecvPeak > one?.Limit ? Confidence.High : Confidence.Medium) with
        {
            Summary = $"the SYN queue was full and {N(cookies)} SYNs were answered with a cookie",
            Effect = CookieCost,
            NextStep = one is null
                ? "earshot ss  (find the listener with many SYN_RECV)"
                : $"a larger backlog for {ProcessOf(one) ?? one.Facts.Name} (its SYN queue has the same limit, "
                    + $"{N(one.Limit)}); if clients never answer, see {RuleNames.SynFlood}",
            BacklogHelps = true,
            Evidence = CookieNumbers(window, one),
        };
    }

    private static Finding Full(NamespaceWindow window)
    {
        ListenerWindow? one = MostHalfOpen(window);
        return OfQueue(window, one, RuleNames.SynQueueFull, Severity.Critical, Confidence.High) with
        {
            Summary = $"the SYN queue was full, cookies are off, and {N(window.By(Names.ReqQFullDrop))} SYNs were "
                + "dropped",
            Effect = SlowConnect,
            NextStep = In(window, $"sysctl -w {Names.Syncookies}=1"),
            BacklogHelps = true,
            Evidence =
            [
                Counter(window, Names.ReqQFullDrop), Counter(window, Names.ListenDrops), HalfOpen(one),
                Sysctl(window, Names.Syncookies),
            ],
        };
    }

    private static Finding LastQuarter(NamespaceWindow window, long rest)
    {
        ListenerWindow? one = MostHalfOpen(window);
        return OfQueue(window, one, RuleNames.LastQuarter, Severity.Warning, Confidence.Medium) with
        {
            Summary = $"{N(rest)} SYNs were dropped though no queue was full: with cookies off the last quarter of "
                + "tcp_max_syn_backlog is kept for peers that were met before",
            Effect = SlowConnect,
            NextStep = $"{In(window, $"sysctl -w {Names.Syncookies}=1")}  (or raise {Names.MaxSynBacklog}; it has no "
                + "effect while cookies are on)",
            BacklogHelps = false,
            Evidence =
            [
                Counter(window, Names.ListenDrops), Counter(window, Names.ListenOverflows),
                Counter(window, Names.ReqQFullDrop), Sysctl(window, Names.MaxSynBacklog), HalfOpen(one),
            ],
        };
    }

    // A flood does not answer: neither cookies nor SYN-ACKs.
    private static bool IsFlood(NamespaceWindow window)
    {
        long sent = window.By(Names.SyncookiesSent), received = window.By(Names.SyncookiesRecv);
        bool cookiesUnanswered = sent >= FewCookies && received * 4 < sent;
        ListenerWindow? one = MostHalfOpen(window);
        bool fullOfStrangers = window.By(Names.ReqQFullDrop) >= FewCookies && one?.SynRecvPeak > one?.Limit * 3 / 4
            && window.By(Names.PassiveOpens) * 4 < window.By(Names.ReqQFullDrop);
        return (cookiesUnanswered && one is not null && window.By(Names.ListenOverflows) * 2 < sent)
            || fullOfStrangers;
    }

    private static Finding Flood(NamespaceWindow window)
    {
        ListenerWindow? one = MostHalfOpen(window);
        bool cookies = window.Sysctl(Names.Syncookies) > 0;
        return OfQueue(window, one, RuleNames.SynFlood, cookies ? Severity.Warning : Severity.Critical,
            Confidence.Medium) with
        {
            Summary = "SYNs come and their SYN-ACKs stay unanswered: a SYN flood with forged addresses, or a network "
                + "that loses every answer",
            Effect = cookies
                ? "with cookies on real clients still get in, with fewer options"
                : SlowConnect,
            NextStep = cookies
                ? $"nft add rule inet filter input tcp dport {N(one?.Facts.Port)} tcp flags syn meter syn "
                    + "'{ ip saddr limit rate over 20/second }' drop  (or ask the provider; cookies already protect)"
                : In(window, $"sysctl -w {Names.Syncookies}=1"),
            BacklogHelps = false,
            Evidence = [.. CookieNumbers(window, one), Counter(window, Names.PassiveOpens)],
        };
    }

    private static Finding Burst(NamespaceWindow window)
    {
        ListenerWindow? one = MostHalfOpen(window);
        return OfQueue(window, one, RuleNames.SynBurst, Severity.Warning, Confidence.Medium) with
        {
            Summary = "cookies were sent and mostly came back: real clients in a burst, or behind a queue that nobody "
                + "drains, not a flood",
            Effect = CookieCost,
            NextStep = $"a larger backlog for {(one is null ? "the listener" : one.Facts.Name)}, if its accept queue "
                + "has no other finding; the log line 'Possible SYN flooding' is no attack here",
            BacklogHelps = true,
            Evidence = CookieNumbers(window, one),
        };
    }

    private static Finding? Stuck(NamespaceWindow window, ListenerWindow one)
    {
        long deferred = window.By(Names.DeferAcceptDrop);
        if (deferred > 0 && one.SynRecv >= FewDeferred && window.By(Names.ListenOverflows) == 0)
        {
            return OfQueue(window, one, RuleNames.DeferAccept, Severity.Warning, Confidence.High) with
            {
                Summary = $"{N(one.SynRecv)} clients have connected and sent nothing: TCP_DEFER_ACCEPT keeps them from "
                    + "accept() until data comes",
                Effect = "the client believes it is connected; a protocol where the server speaks first waits for ever",
                NextStep = "no 'deferred' for this listener (nginx: listen without deferred; HAProxy: bind without "
                    + "defer-accept), or let the client speak first",
                BacklogHelps = false,
                Evidence = [Counter(window, Names.DeferAcceptDrop), HalfOpen(one)],
            };
        }

        if (one.SynRecvStuck >= FewStuck && one.SynRecvStuck * 2 >= one.SynRecv
            && !AcceptQueueRules.HasOverflowed(window, one) && !one.IsFull && !IsFlood(window))
        {
            return OfQueue(window, one, RuleNames.HandshakesStuck, Severity.Warning, Confidence.Medium) with
            {
                Summary = $"{N(one.SynRecvStuck)} handshakes wait for a third ACK that does not come though the "
                    + "SYN-ACK was sent again at least twice",
                Effect = "those clients see nothing, or time out: their address is forged, they are gone, or the way "
                    + "back loses packets",
                NextStep = $"tcpdump -ni any 'tcp port {N(one.Facts.Port)} and tcp[tcpflags] & (tcp-syn|tcp-rst) != 0' "
                    + " (do the SYN-ACKs leave, does anything answer?)",
                BacklogHelps = false,
                Evidence =
                [
                    HalfOpen(one), new Evidence("stuck", N(one.SynRecvStuck), "ss -nto state syn-recv"),
                    Sysctl(window, Names.SynAckRetries),
                ],
            };
        }

        return null;
    }
}
