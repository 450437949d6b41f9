using System;
using System.Collections.Generic;

namespace Earshot.Lab.Experiments;

/// <summary>The names of the TCP states as netstat prints them, and the order in which reports list them.</summary>
public static class TcpStates
{
    // By the number that /proc/net/tcp prints, from 1.
    private static readonly string[] ByNumber =
    [
        "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT",
        "LAST_ACK", "LISTEN", "CLOSING",
    ];

    private static readonly string[] InReports =
    [
        "LISTEN", "ESTABLISHED", "SYN_RECV", "SYN_SENT", "FIN_WAIT1", "FIN_WAIT2", "CLOSING", "CLOSE_WAIT",
        "LAST_ACK", "TIME_WAIT", "CLOSE",
    ];

    /// <summary>The name of a state.</summary>
    /// <param name="number">The number /proc/net/tcp and sock_diag give, from 1.</param>
    /// <returns>The name, or <c>UNKNOWN</c> as netstat prints it.</returns>
    public static string Name(int number) =>
        number >= 1 && number <= ByNumber.Length ? ByNumber[number - 1] : "UNKNOWN";

    /// <summary>Where a state stands in a report: LISTEN first, unknown ones last.</summary>
    /// <param name="state">The state's name.</param>
    /// <returns>A number to sort by.</returns>
    public static int Rank(string state)
    {
        int rank = Array.IndexOf(InReports, state);
        return rank >= 0 ? rank : InReports.Length;
    }

    /// <summary>Counts states.</summary>
    /// <param name="states">The states of some sockets.</param>
    /// <returns>How often each occurs, in the order of reports.</returns>
    public static IReadOnlyDictionary<string, int> Count(IEnumerable<string> states)
    {
        ArgumentNullException.ThrowIfNull(states);
        var counts = new SortedDictionary<string, int>(Comparer<string>.Create(static (a, b) =>
            Rank(a) != Rank(b) ? Rank(a).CompareTo(Rank(b)) : string.CompareOrdinal(a, b)));
        foreach (string state in states)
        {
            counts[state] = counts.GetValueOrDefault(state) + 1;
        }

        return counts;
    }
}
