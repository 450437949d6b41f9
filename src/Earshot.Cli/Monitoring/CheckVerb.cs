using System;
using System.CommandLine;
using System.Linq;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Monitor.Reports;
using Earshot.Monitor.Sampling;
using Earshot.Monitor.Verdicts;

namespace Earshot.Cli.Monitoring;

/// <summary><c>earshot check</c>: which listener of this host refuses connections, why, and what to change.</summary>
internal static class CheckVerb
{
    private const string Never = "never";

    // Whoever waits longer than this should know what for.
    private static readonly TimeSpan WorthTelling = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan UsualLength = TimeSpan.FromSeconds(5);

    internal static Command Create(Terminal terminal)
    {
        Argument<string?> what = MonitorOptionsOf.What();
        Option<TimeSpan?> length = MonitorOptionsOf.Length("How long to look.", UsualLength);
        Option<bool> all = MonitorOptionsOf.AllNamespaces();
        Option<bool> json = MonitorOptionsOf.Json("The verdicts as one JSON document.");
        var notes = new Option<bool>("--notes") { Description = "Tell also what is worth knowing and hurts nobody." };
        Option<string> failOn = FailOn();
        var command = new Command(
            "check", "Tell which listener of this host refuses connections, why, and what to change. Exit code 0: "
            + "healthy, 1: findings, 3: cannot read.")
        {
            what, length, all, json, notes, failOn,
        };
        command.SetAction((parsed, cancellation) => RunAsync(
            parsed.GetValue(what), parsed.GetValue(length) ?? UsualLength, parsed.GetValue(all), parsed.GetValue(json),
            parsed.GetValue(notes), parsed.GetRequiredValue(failOn), terminal, cancellation));
        return command;
    }

    /// <summary>Whether a finding makes the command end with 1.</summary>
    /// <param name="finding">The finding.</param>
    /// <param name="failOn">A severity, or names of rules with commas.</param>
    internal static bool Fails(Finding finding, string failOn) => failOn == Never
        ? false
        : Enum.TryParse(failOn, ignoreCase: true, out Severity least)
            ? finding.Severity >= least
            : failOn.Split(',').Contains(finding.Rule);

    /// <summary>Writes a report as people or programs read it.</summary>
    internal static void Write(HostReport report, Terminal terminal, bool json, bool notes, double? cost)
    {
        if (!json)
        {
            ReportText.Write(report, terminal.Out, notes);
            return;
        }

        terminal.Out.WriteLine(JsonSerializer.Serialize(
            new
            {
                Schema = MonitorJson.SchemaVersion,
                report.From,
                report.To,
                Listeners = report.Windows.Sum(window => window.Listeners.Count(one => !one.HasEnded)),
                Namespaces = report.Windows.Select(window => new
                {
                    window.Name,
                    Counters = window.Moved,
                    window.Sysctls,
                }),
                report.Findings,
                NotKnown = report.Unknown,
                CostOfACore = cost,
            },
            MonitorJson.Indented));
    }

    private static Option<string> FailOn()
    {
        var option = new Option<string>("--fail-on")
        {
            HelpName = "WHAT",
            Description = "End with 1 from this severity on (note, warning, critical), for these rules (names with "
                + "commas), or never.",
            DefaultValueFactory = _ => "warning",
        };
        option.Validators.Add(result =>
        {
            string text = result.Tokens.Count > 0 ? result.Tokens[0].Value : "warning";
            if (text != Never && !Enum.TryParse<Severity>(text, ignoreCase: true, out _)
                && text.Split(',').FirstOrDefault(name => !RuleNames.All.Contains(name)) is { } unknown)
            {
                result.AddError($"--fail-on knows no severity and no rule '{unknown}'; rules are "
                    + string.Join(", ", RuleNames.All));
            }
        });
        return option;
    }

    private static async Task<int> RunAsync(
        string? what, TimeSpan length, bool allNamespaces, bool json, bool notes, string failOn, Terminal terminal,
        CancellationToken cancellation)
    {
        ushort[] watched = ushort.TryParse(what, out ushort port) ? [port] : [];
        using var session = new MonitorSession(
            new MonitorOptions { AllNamespaces = allNamespaces, WatchedPorts = watched });
        using var end = new EndSignal(cancellation);
        DateTimeOffset from = DateTimeOffset.UtcNow;
        try
        {
            session.Sample(withSynRecv: true);
            if (length >= WorthTelling)
            {
                terminal.Say($"looking for {length.TotalSeconds:0.#} s ...");
            }

            await session.RunAsync(length, Interval, end.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (session.Sampler.CanRead)
        {
            // Ctrl-C: judge what was seen until now.
        }

        session.Sampler.FindProcesses(force: true);
        if (!session.Sampler.CanRead)
        {
            throw MonitorOptionsOf.CannotRead(session.Sampler.Unknown);
        }

        HostReport report = ListenerFilter.Apply(session.Judge(from, DateTimeOffset.UtcNow), what)
            ?? throw new CommandException(ExitCode.Usage, $"no listener belongs to '{what}'");
        Write(report, terminal, json, notes, session.CostShare);
        return report.Findings.Any(finding => Fails(finding, failOn)) ? ExitCode.Findings : ExitCode.Fine;
    }
}
