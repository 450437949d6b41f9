using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Monitor.Reports;
using Earshot.Monitor.Sampling;

namespace Earshot.Cli.Monitoring;

/// <summary><c>earshot ss</c> without a stack: the listeners of this host's kernel.</summary>
internal static class HostListeners
{
    private const string DotnetDiagnostics = "/tmp/dotnet-diagnostic-";
    private const StringComparison Ordinal = StringComparison.Ordinal;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    internal static async Task<int> ShowAsync(
        string? what, TimeSpan length, bool allNamespaces, bool json, Terminal terminal,
        CancellationToken cancellation)
    {
        using var session = new MonitorSession(new MonitorOptions { AllNamespaces = allNamespaces });
        DateTimeOffset from = DateTimeOffset.UtcNow;
        await session.RunAsync(length, Interval, cancellation).ConfigureAwait(false);
        session.Sampler.FindProcesses(force: true);
        if (!session.Sampler.CanRead)
        {
            throw MonitorOptionsOf.CannotRead(session.Sampler.Unknown);
        }

        DateTimeOffset to = DateTimeOffset.UtcNow;
        HostReport report = ListenerFilter.Apply(session.Judge(from, to), what)
            ?? throw new CommandException(ExitCode.Usage, $"no listener belongs to '{what}'");
        List<ListenerLine> lines = Lines(report, session.History);

        int hidden = what is null ? Hide(lines) : 0;
        if (json)
        {
            await terminal.Out.WriteLineAsync(JsonSerializer.Serialize(
                new
                {
                    Schema = MonitorJson.SchemaVersion,
                    Seconds = (to - from).TotalSeconds,
                    Listeners = lines,
                    NotKnown = report.Unknown,
                    CostOfACore = session.CostShare,
                },
                MonitorJson.Indented)).ConfigureAwait(false);
            return ExitCode.Fine;
        }

        foreach (string line in ReportText.Table(lines, allNamespaces))
        {
            await terminal.Out.WriteLineAsync(line).ConfigureAwait(false);
        }

        foreach (string missing in MonitorOptionsOf.Missing(session.Sampler.Unknown, lines))
        {
            terminal.Say(missing);
        }

        if (hidden > 0)
        {
            terminal.Say($"{hidden} diagnostic sockets of .NET programs are not shown");
        }

        return ExitCode.Fine;
    }

    /// <summary>Takes away the sockets that each .NET program has and nobody's clients come to.</summary>
    internal static int Hide(List<ListenerLine> lines) =>
        lines.RemoveAll(line => line.Address.StartsWith(DotnetDiagnostics, Ordinal));

    /// <summary>The lines of a report, the most troubled first.</summary>
    internal static List<ListenerLine> Lines(HostReport report, HostHistory history)
    {
        var spaces = history.Namespaces.Where(space => !space.IsEnded).ToLookup(space => space.Namespace.Name);
        return
        [
            .. ListenerLines.ByTrouble(report.Windows.SelectMany(window => spaces[window.Name].Take(1)
                .SelectMany(space => ListenerLines.Of(window, space, report.To)))),
        ];
    }
}
