using System.Collections.Generic;
using System.Linq;
using Earshot.Monitor.Reading;
using static Earshot.Monitor.Verdicts.RuleText;

namespace Earshot.Monitor.Verdicts;

/// <summary>Listeners that share a port, and listeners that were closed.</summary>
internal static class GroupRules
{
    public static IEnumerable<Finding> Judge(NamespaceWindow window)
    {
        var groups = window.Listeners.Where(one => !one.IsUnix && !one.HasEnded)
            .GroupBy(one => (one.Facts.Family, one.Facts.RawAddress, one.Facts.Port, one.Facts.Interface))
            .Where(group => group.Count() > 1);
        foreach (var group in groups)
        {
            if (Skew(window, [.. group]) is { } skew)
            {
                yield return skew;
            }
        }

        foreach (ListenerWindow ended in window.Listeners.Where(one => one.HasEnded && one.Queue > 0))
        {
            if (Lost(window, ended) is { } lost)
            {
                yield return lost;
            }
        }
    }

    private static Finding? Skew(NamespaceWindow window, List<ListenerWindow> members)
    {
        ListenerWindow worst = members.OrderByDescending(one => one.Drops ?? 0).ThenByDescending(one => one.Peak)
            .First();
        bool suffers = worst.IsFull || (worst.Drops > 0 && worst.WasHalfFull);
        var idle = members.Where(one => one != worst && one.Drops is 0 or null && !one.WasHalfFull).ToList();
        return suffers && idle.Count * 2 >= members.Count - 1 && idle.Count > 0
            ? About(window, worst, RuleNames.ReuseportSkew, Severity.Warning, Confidence.High) with
            {
                Summary = $"one of {N(members.Count)} listeners that share the port (SO_REUSEPORT) is full while "
                    + $"{N(idle.Count)} have room: the kernel chooses by hash and does not ask who is busy",
                NextStep = $"see to {ProcessOf(worst) ?? "the member's process"}: it does not accept its share; to "
                    + "take it out of the group close its listener",
                BacklogHelps = false,
                Evidence =
                [
                    .. QueueNumbers(worst),
                    new Evidence(
                        "the others", string.Join(", ", members.Where(one => one != worst).Take(8)
                            .Select(one => $"{N(one.Peak)} of {N(one.Limit)}")),
                        $"ss -lnt sport = {N(worst.Facts.Port)}"),
                ],
            }
            : null;
    }

    private static Finding? Lost(NamespaceWindow window, ListenerWindow ended)
    {
        bool replaced = window.Listeners.Any(one => !one.HasEnded && one.Facts.Port == ended.Facts.Port
            && one.Facts.Kind == ended.Facts.Kind);
        bool moved = window.By(Names.MigrateSuccess) > 0 && window.Sysctl(Names.MigrateReq) > 0;
        long resets = window.By(Names.OutRsts);
        if (moved || (!ended.IsUnix && window.Knows(Names.OutRsts) && resets == 0))
        {
            return null;
        }

        return About(window, ended, RuleNames.ReloadLost, Severity.Warning, replaced ? Confidence.High
            : Confidence.Medium) with
        {
            Summary = $"a listener was closed with {N(ended.Queue)} connections in its queue, which were reset"
                + (replaced ? "; another listens on the port, and got none of them" : ""),
            Effect = "clients whose connect() had worked get ECONNRESET",
            NextStep = $"{In(window, $"sysctl -w {Names.MigrateReq}=1")}  (Linux 5.14 and later, with SO_REUSEPORT), "
                + "or stop accepting only after the queue is empty, or hand the listener over",
            BacklogHelps = false,
            Evidence =
            [
                new Evidence("queue when last seen", N(ended.Queue), "the sample before"),
                Counter(window, Names.OutRsts), Sysctl(window, Names.MigrateReq),
                Counter(window, Names.MigrateFailure),
            ],
        };
    }
}
