using System;
using System.CommandLine;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Monitor.Recording;
using Earshot.Monitor.Reports;
using Earshot.Monitor.Sampling;

namespace Earshot.Cli.Monitoring;

/// <summary><c>earshot record FILE</c>: keeps what the monitor sees, for a review later.</summary>
internal static class RecordVerb
{
    private static readonly TimeSpan UsualInterval = TimeSpan.FromSeconds(1);

    internal static Command Create(Terminal terminal)
    {
        var file = new Argument<string>("FILE") { Description = "Where to write; '-' is the standard output." };
        Option<TimeSpan?> length = MonitorOptionsOf.Length(
            "How long to record; without it until Ctrl-C.", otherwise: null);
        Option<TimeSpan?> interval = MonitorOptionsOf.Interval("--interval", "How often to look.", UsualInterval);
        Option<bool> all = MonitorOptionsOf.AllNamespaces();
        var command = new Command("record", "Record the host's listeners into a file, for 'earshot replay'.")
        {
            file, length, interval, all,
        };
        command.SetAction((parsed, cancellation) => RunAsync(
            parsed.GetRequiredValue(file), parsed.GetValue(length), parsed.GetValue(interval) ?? UsualInterval,
            parsed.GetValue(all),
            terminal, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(
        string file, TimeSpan? length, TimeSpan interval, bool allNamespaces, Terminal terminal,
        CancellationToken cancellation)
    {
        using var end = new EndSignal(cancellation);
        Files.RefuseFolder(file);
        using var session = new MonitorSession(new MonitorOptions { AllNamespaces = allNamespaces });
        TextWriter output = file == "-" ? terminal.Out : new StreamWriter(file);
        using var recorder = new Recorder(output, session);
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        do
        {
            recorder.Sample();
            if (!session.Sampler.CanRead)
            {
                throw MonitorOptionsOf.CannotRead(session.Sampler.Unknown);
            }

            TimeSpan rest = length - System.Diagnostics.Stopwatch.GetElapsedTime(start) ?? interval;
            TimeSpan pause = rest > interval ? interval : rest > TimeSpan.Zero ? rest : TimeSpan.Zero;
            await Task.Delay(pause, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        while (!end.Token.IsCancellationRequested && !(System.Diagnostics.Stopwatch.GetElapsedTime(start) >= length));
        recorder.Sample(whole: true);
        terminal.Say($"{recorder.Samples} samples recorded, at {session.CostShare:0.00 %} of a core");
        return ExitCode.Fine;
    }
}
