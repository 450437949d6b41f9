using System.Collections.Generic;
using System.Linq;
using Earshot.Monitor.Reading;
using static Earshot.Monitor.Verdicts.RuleText;

namespace Earshot.Monitor.Verdicts;

/// <summary>Drops of a listener that are no queue's: sk_drops counts more than ListenDrops.</summary>
internal static class DropRules
{
    public static IEnumerable<Finding> Judge(NamespaceWindow window)
    {
        // A drop of a queue moves ListenDrops too. A third ACK that meets a full queue counts twice.
        ulong all = window.Listeners.Aggregate(0UL, (sum, one) => sum + (one.Drops ?? 0));
        ulong explained = (ulong)(window.By(Names.ListenDrops) + window.By(Names.ListenOverflows));
        // With cookies on only a full accept queue refuses a SYN; what is left had no way back, or no memory.
        long rest = window.By(Names.ListenDrops) - window.By(Names.ListenOverflows) - window.By(Names.ReqQFullDrop);
        bool noRoute = rest > 0 && !(window.Sysctl(Names.Syncookies) is 0 && SynQueueRules.ReachesLastQuarter(window));
        if (!window.Knows(Names.ListenDrops) || (all <= explained && !noRoute))
        {
            yield break;
        }

        foreach (ListenerWindow one in window.Listeners.Where(one => one.Drops > 0 && !one.HasEnded))
        {
            if (window.By(Names.ListenDrops) > 0 && AcceptQueueRules.HasOverflowed(window, one))
            {
                continue;
            }

            yield return About(
                window, one, RuleNames.DropsElsewhere, Severity.Note,
                window.By(Names.ListenDrops) == 0 ? Confidence.High : Confidence.Low) with
            {
                Queue = "none",
                Summary = $"{N(one.Drops)} segments to this listener were dropped, and no queue was full: "
                    + Causes(window, noRoute),
                Effect = "usually none",
                NextStep = $"nothing, unless clients complain; tcpdump -ni any 'tcp dst port {N(one.Facts.Port)} and "
                    + "tcp[tcpflags] & (tcp-rst|tcp-fin) != 0'  shows scans and half-open checks",
                BacklogHelps = false,
                Evidence =
                [
                    new Evidence("drops", "+" + N(one.Drops), "ss -lntm"), Counter(window, Names.ListenDrops),
                    Counter(window, Names.EmbryonicRsts), Counter(window, Names.DeferAcceptDrop),
                    Counter(window, Names.RetransSegs),
                ],
            };
        }
    }

    private static string Causes(NamespaceWindow window, bool noRoute)
    {
        var causes = new List<string>();
        if (noRoute)
        {
            causes.Add("SYNs from addresses to which there is no route back");
        }

        if (window.By(Names.EmbryonicRsts) > 0)
        {
            causes.Add("half-open checks or a port scan (RST answers the SYN-ACK)");
        }

        if (window.By(Names.DeferAcceptDrop) > 0)
        {
            causes.Add("bare ACKs under TCP_DEFER_ACCEPT");
        }

        if (window.By(Names.MinTtlDrop) > 0)
        {
            causes.Add("IP_MINTTL");
        }

        if (window.By(Names.RetransSegs) > 0)
        {
            causes.Add("SYNs sent again");
        }

        return causes.Count > 0
            ? string.Join(", ", causes)
            : "stray segments, a socket filter, or SYNs sent again; the kernel does not tell which";
    }
}
