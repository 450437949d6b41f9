using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Earshot.Monitor.Verdicts;

namespace Earshot.Monitor.Reports;

/// <summary>Which listeners a user means by a port, a process's number, a unit, a command or a socket's path.</summary>
internal static class ListenerFilter
{
    /// <summary>The report on only those listeners, with the findings of their namespaces that are nobody's.</summary>
    /// <param name="report">The whole report.</param>
    /// <param name="what">What the user gave; null for everything.</param>
    /// <returns>Null when nothing is meant by it.</returns>
    public static HostReport? Apply(HostReport report, string? what)
    {
        if (what is null)
        {
            return report;
        }

        Func<ListenerWindow, bool> matches = Matcher(report, what);
        var windows = report.Windows
            .Select(window => window with { Listeners = [.. window.Listeners.Where(matches)] })
            .Where(window => window.Listeners.Count > 0).ToList();
        var cookies = windows.SelectMany(window => window.Listeners).Select(one => one.Facts.Cookie).ToHashSet();
        return windows.Count == 0
            ? null
            : report with
            {
                Windows = windows,
                Findings =
                [
                    .. report.Findings.Where(finding => finding.Cookie is { } cookie
                        ? cookies.Contains(cookie)
                        : windows.Any(window => window.Name == finding.Namespace)),
                ],
            };
    }

    private static Func<ListenerWindow, bool> Matcher(HostReport report, string what)
    {
        IEnumerable<ListenerWindow> all = report.Windows.SelectMany(window => window.Listeners);
        if (int.TryParse(what, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
        {
            // A number is a port where one listens, else a process.
            return all.Any(one => !one.IsUnix && one.Facts.Port == number)
                ? one => !one.IsUnix && one.Facts.Port == number
                : one => one.Holders.Processes.Any(process => process.Pid == number);
        }

        return one => one.Facts.Name == what || one.Facts.Address == what
            || Is(what, one.Cgroup?.Unit, one.Cgroup?.Container)
            || one.Holders.Processes.Any(process => process.Command == what
                || Is(what, process.Unit, process.Container));
    }

    private static bool Is(string what, string? unit, string? container) =>
        (unit is not null && (unit == what || unit == what + ".service" || unit == what + ".socket"))
        || (container is not null && what.Length >= container.Length
            && what.StartsWith(container, StringComparison.Ordinal));
}
