using System;
using System.CommandLine;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Cli.Verbs;
using Earshot.Lab.Sizing;
using Earshot.Monitor.Reports;
using Earshot.Monitor.Sizing;

namespace Earshot.Cli.Monitoring;

/// <summary><c>earshot size PORT</c>: the smallest backlog for what really arrives, or that none helps.</summary>
internal static class SizeVerb
{
    private static readonly TimeSpan UsualLength = TimeSpan.FromSeconds(10);

    internal static Command Create(Terminal terminal)
    {
        Argument<int> port = Arguments.Number("PORT", "The listener's port, 1 to 65535.", 1, ushort.MaxValue);
        Option<TimeSpan?> length = MonitorOptionsOf.Length("How long to record.", UsualLength);
        Option<double> target = Arguments.Share(
            "--target", "The part of clients that may be refused, as 0.001 or 0.1%. Default: 0.");
        var from = new Option<string?>("--from") { HelpName = "FILE", Description = "Use a recording of --save." };
        var save = new Option<string?>("--save") { HelpName = "FILE", Description = "Keep the recording." };
        Option<int?> backlog = Arguments.NumberOption(
            "--backlog", "N", "Tell what this backlog would have done instead of searching.", 0, ushort.MaxValue);
        Option<bool> json = MonitorOptionsOf.Json("The same as one JSON document.");
        var command = new Command(
            "size", "Record a listener's arrivals and accepts, replay them on the embedded stack in virtual time, and "
            + "tell the smallest backlog for them, or that a backlog is not the cure.")
        {
            port, length, target, from, save, backlog, json,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            Files.RefuseFolder(parsed.GetValue(save), "--save ");
            ArrivalRecord record = parsed.GetValue(from) is { } file
                ? Load(file)
                : await RecordAsync(
                    (ushort)parsed.GetValue(port), parsed.GetValue(length) ?? UsualLength, terminal, cancellation)
                    .ConfigureAwait(false);
            if (parsed.GetValue(save) is { } to)
            {
                await File.WriteAllTextAsync(to, JsonSerializer.Serialize(record, MonitorJson.Compact), cancellation)
                    .ConfigureAwait(false);
            }

            return parsed.GetValue(backlog) is { } one
                ? Tell(QueueReplay.Run(record, one), parsed.GetValue(json), terminal)
                : Tell(SizeAdvice.For(record, parsed.GetValue(target)), parsed.GetValue(json), terminal);
        });
        return command;
    }

    private static async Task<ArrivalRecord> RecordAsync(
        ushort port, TimeSpan length, Terminal terminal, CancellationToken cancellation)
    {
        using var end = new EndSignal(cancellation);
        string problem = "";
        return await Task.Factory.StartNew(
            () => ArrivalRecorder.Record(
                port, length, () => terminal.Say($"recording port {port} for {length.TotalSeconds:0.#} s ..."),
                end.Token, out problem),
            end.Token, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false)
            ?? throw new CommandException(ExitCode.CannotRunHere, problem);
    }

    private static ArrivalRecord Load(string file)
    {
        try
        {
            return JsonSerializer.Deserialize<ArrivalRecord>(Files.Text(file), MonitorJson.Compact)
                ?? throw new JsonException("it is empty");
        }
        catch (JsonException e)
        {
            throw new CommandException(ExitCode.Usage, $"{file} is no recording of 'earshot size --save': {e.Message}");
        }
    }

    private static int Tell(QueueOutcome outcome, bool json, Terminal terminal)
    {
        terminal.Out.WriteLine(json ? JsonSerializer.Serialize(outcome, MonitorJson.Indented) : Line(outcome));
        return ExitCode.Fine;
    }

    private static int Tell(SizeAdvice advice, bool json, Terminal terminal)
    {
        ArrivalRecord record = advice.Record;
        if (json)
        {
            terminal.Out.WriteLine(JsonSerializer.Serialize(
                new
                {
                    Schema = MonitorJson.SchemaVersion,
                    record.Listener,
                    record.Limit,
                    Seconds = record.Length.TotalSeconds,
                    record.Refused,
                    record.IsExact,
                    advice.Smallest,
                    advice.Cure,
                    advice.Why,
                    advice.Outcomes,
                },
                MonitorJson.Indented));
        }
        else
        {
            int clients = advice.Outcomes[0].Arrivals;
            if (clients == 0)
            {
                terminal.Out.WriteLine(
                    $"{record.Listener}: nobody came in {record.Length.TotalSeconds:0.#} s, so nothing can be said; "
                    + "record while clients come (--for 60s)");
                return ExitCode.Fine;
            }

            terminal.Out.WriteLine(
                $"{record.Listener}: {clients} clients in {record.Length.TotalSeconds:0.#} s, {record.Refused} SYNs "
                + $"refused with the backlog {record.Limit}");
            advice.Outcomes.Where(one => one.Backlog == record.Limit || one.Backlog == advice.Smallest).ToList()
                .ForEach(one => terminal.Out.WriteLine("  " + Line(one)));
            terminal.Out.WriteLine(advice switch
            {
                { Cure: false } => $"a bigger backlog is not the cure: {advice.Why}",
                { Smallest: { } enough } when enough <= record.Limit =>
                    $"{advice.Why}: {enough.ToString(CultureInfo.InvariantCulture)} would do",
                _ => $"use a backlog of {advice.Smallest}: {advice.Why}",
            });
            if (!record.IsExact)
            {
                terminal.Out.WriteLine(
                    "not exact: other listeners of the namespace had traffic too, so arrivals are read from the queue");
            }
        }

        return advice is { Cure: true, Smallest: { } needed } && needed <= record.Limit
            ? ExitCode.Fine
            : ExitCode.Findings;
    }

    private static string Line(QueueOutcome one) =>
        $"backlog {one.Backlog,5}: {one.Refused} SYNs refused, {one.ClientsRefused} of {one.Arrivals} clients late, "
        + $"longest queue {one.Peak}, wait {one.MedianWait.TotalMilliseconds:0} ms (slowest hundredth "
        + $"{one.LongWait.TotalMilliseconds:0} ms)";
}
