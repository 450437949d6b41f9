using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Earshot.Core.Tcp;
using Earshot.Core.Time;

namespace Earshot.Lab.Views;

/// <summary>What is remembered of the ways to other hosts, as <c>ip tcp_metrics</c> of iproute2 6.1 prints
/// it.</summary>
public static class TcpMetricsView
{
    /// <summary>A line for each way.</summary>
    /// <param name="rows">The ways.</param>
    /// <param name="now">The present, from which ages are told.</param>
    public static IEnumerable<string> Lines(IEnumerable<TcpMetricsRow> rows, Instant now) => rows.Select(row =>
    {
        string age = ((now.Nanoseconds - row.Time.Nanoseconds) / 1_000_000 / 1e3)
            .ToString("F3", CultureInfo.InvariantCulture);
        string window = row.CongestionWindow == 0 ? "" : $" cwnd {row.CongestionWindow}";
        string rtt = row.RttMicroseconds == 0 ? "" : $" rtt {row.RttMicroseconds}us rttvar {row.RttVarMicroseconds}us";
        string threshold = row.SlowStartThreshold == 0 ? "" : $" ssthresh {row.SlowStartThreshold}";
        string reordering = row.Reordering == 0 ? "" : $" reordering {row.Reordering}";
        return $"{row.Remote} age {age}sec{threshold}{window}{reordering}{rtt} source {row.Local}";
    });
}
