using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Earshot.Monitor.Reading;
using static Earshot.Monitor.Verdicts.RuleText;

namespace Earshot.Monitor.Verdicts;

/// <summary>Why a limit is smaller than was asked for, or than it should be.</summary>
internal static class BacklogRules
{
    // Defaults of this size and below are too small for a server that has bursts at all.
    private const long Small = 128;

    public static IEnumerable<Finding> Judge(NamespaceWindow window)
    {
        foreach (ListenerWindow one in window.Listeners.Where(one => !one.HasEnded && one.Limit is not null))
        {
            bool suffers = AcceptQueueRules.HasOverflowed(window, one) || one.IsFull;
            ServerFacts? server = ServerCatalog.Find(
                one.Holders.Processes.Select(process => process.Command), one.Limit);
            if (IsClamped(window, one, server))
            {
                yield return Clamped(window, one, server, suffers);
            }
            else if (suffers && server?.Asked == one.Limit && one.Limit <= Small)
            {
                yield return SmallDefault(window, one, server!); // Its number was just compared.
            }

            if (suffers && window.HostSomaxconn > window.Sysctl(Names.Somaxconn)
                && one.Limit == window.Sysctl(Names.Somaxconn))
            {
                yield return Differs(window, one);
            }
        }
    }

    private static bool IsClamped(NamespaceWindow window, ListenerWindow one, ServerFacts? server)
    {
        if (server?.Asked is { } asked)
        {
            return one.Limit < asked && (one.Limit <= window.Sysctl(Names.Somaxconn) || !one.IsUnix)
                && (asked < uint.MaxValue || one.Limit <= Small);
        }

        // Of an unknown server only a suspicion, and only where it hurts.
        return one.Limit == window.Sysctl(Names.Somaxconn) && one.Limit <= Small
            && (AcceptQueueRules.HasOverflowed(window, one) || one.IsFull);
    }

    private static Finding Clamped(NamespaceWindow window, ListenerWindow one, ServerFacts? server, bool suffers)
    {
        long? somaxconn = window.Sysctl(Names.Somaxconn);
        bool raisedSince = somaxconn > one.Limit;
        string asked = server?.Asked is { } known
            ? known >= uint.MaxValue ? "the largest there is" : N(known)
            : "perhaps more";
        string restart = server is null ? "restart the server" : $"restart {server.Title} ({server.Reload})";
        return About(
            window, one, RuleNames.LimitClamped, suffers ? Severity.Warning : Severity.Note,
            server is null ? Confidence.Low : Confidence.Medium) with
        {
            Summary = raisedSince
                ? $"asked {asked}, got {N(one.Limit)}: configured smaller, or clamped by a somaxconn that was raised "
                    + $"to {N(somaxconn)} after listen()"
                : $"asked {asked}, got {N(one.Limit)}: {Names.Somaxconn} clamps it",
            NextStep = raisedSince
                ? restart
                : $"{In(window, $"sysctl -w {Names.Somaxconn}=4096")}, then {restart}",
            BacklogHelps = suffers ? null : true,
            Evidence =
            [
                new Evidence("limit", N(one.Limit), one.IsUnix ? "ss -lxn" : "ss -lnt (Send-Q)"),
                Sysctl(window, Names.Somaxconn),
                new Evidence("asked", asked, server is null ? "not known for this program"
                    : $"default of {server.Title}"),
            ],
        };
    }

    // Where the queue stays full a bigger one would be full too, so that it is small is no more than worth knowing.
    private static Finding SmallDefault(NamespaceWindow window, ListenerWindow one, ServerFacts server) =>
        About(
            window, one, RuleNames.SmallBacklog, one.StaysHalfFull ? Severity.Note : Severity.Warning,
            Confidence.High) with
        {
            Summary = $"the limit {N(one.Limit)} is the default of {server.Title}, not a choice",
            NextStep = string.Format(CultureInfo.InvariantCulture, server.Setting, N(512)) + $"; {server.Reload}",
            BacklogHelps = null,
            Evidence =
            [
                new Evidence("limit", N(one.Limit), one.IsUnix ? "ss -lxn" : "ss -lnt (Send-Q)"),
                Sysctl(window, Names.Somaxconn),
            ],
        };

    private static Finding Differs(NamespaceWindow window, ListenerWindow one) =>
        About(window, one, RuleNames.SomaxconnDiffers, Severity.Warning, Confidence.High) with
        {
            Summary = $"this network namespace has a somaxconn of its own, {N(window.Sysctl(Names.Somaxconn))}; the "
                + $"host's {N(window.HostSomaxconn)} does not hold here",
            NextStep = window.Pid is null
                ? $"ip netns exec {window.Name} sysctl -w {Names.Somaxconn}={N(window.HostSomaxconn)}, then restart "
                    + "the server (Kubernetes: securityContext.sysctls of the pod)"
                : In(window, $"sysctl -w {Names.Somaxconn}={N(window.HostSomaxconn)}") + ", then restart the server "
                    + "(Kubernetes: securityContext.sysctls of the pod)",
            BacklogHelps = null,
            Evidence =
            [
                Sysctl(window, Names.Somaxconn),
                new Evidence("the host's", N(window.HostSomaxconn), $"sysctl {Names.Somaxconn} on the host"),
            ],
        };
}
