using System;
using System.Collections.Generic;
using System.Linq;

namespace Earshot.Lab.Views;

/// <summary>Counters as <c>nstat</c> of iproute2 6.1 prints them.</summary>
/// <remarks>
/// It tells the counts since the stack was made, as <c>nstat -a</c> does: there is no history file. Without a daemon
/// nstat knows no rates, so that column is 0.0 there too.
/// </remarks>
public static class NstatView
{
    // Gauges and facts, which nstat leaves out.
    private static readonly HashSet<string> NotShown =
    [
        "IpForwarding", "IpDefaultTTL", "TcpRtoAlgorithm", "TcpRtoMin", "TcpRtoMax", "TcpMaxConn", "TcpCurrEstab",
    ];

    /// <summary>The lines of <c>nstat -a</c>.</summary>
    /// <param name="snapshot">The stack.</param>
    /// <param name="zeros">Whether counters that are 0 are shown too (<c>-z</c>).</param>
    public static IEnumerable<string> Lines(StackSnapshot snapshot, bool zeros)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        yield return "#kernel";
        foreach ((string name, long value) in Shown(snapshot, zeros))
        {
            yield return $"{name,-32}{value,-16}{"0.0",6}";
        }
    }

    /// <summary>The counters that nstat shows, in its order: those of IPv6 stand before TcpExt.</summary>
    internal static IEnumerable<KeyValuePair<string, long>> Shown(StackSnapshot snapshot, bool zeros) =>
        from counter in CounterNames.In(
            [.. CounterNames.Snmp, .. CounterNames.Snmp6, .. CounterNames.Netstat], snapshot.Counters)
        let name = counter.Group + counter.Name
        where !NotShown.Contains(name) && (zeros || counter.Value != 0)
        select KeyValuePair.Create(name, counter.Value);
}
