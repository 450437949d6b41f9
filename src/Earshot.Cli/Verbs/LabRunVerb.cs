using System;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.IO;
using System.Threading;
using Earshot.Cli.Running;
using Earshot.Core.Profiles;
using Earshot.Lab.Experiments;
using Earshot.Lab.Targets;
using Earshot.Lab.Views;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot lab run PLAN</c>: one plan on one target, once or under many seeds.</summary>
internal static class LabRunVerb
{
    private const string HostName = "host";
    private const int MaxSeeds = 1_000_000;
    private const double MaxSeconds = 1_000_000;

    internal static Command Create(Terminal terminal)
    {
        Argument<string> plan = PlanArgument();
        Option<KernelProfile> profile = Arguments.Profile();
        var target = new Option<string?>("--target")
        {
            HelpName = HostName,
            Description = "Run it on the host's own kernel, in a network namespace of its own (root), in real time.",
        };
        target.AcceptOnlyFromAmong(HostName);
        Option<ulong?> seed = Arguments.Seed("The seed of all that the stack draws by chance; else the plan's.");
        Option<int?> seeds = Arguments.NumberOption(
            "--seeds", "N", "Run it under the seeds 1 to N and tell how often each outcome came.", 1, MaxSeeds);
        Option<double?> at = AtOption();
        var json = new Option<bool>("--json") { Description = "One JSON document instead of text." };
        var capture = new Option<string?>("--pcap")
        {
            HelpName = "FILE",
            Description = "Write every packet to a capture (pcapng), each with its verdict as its comment.",
        };
        Option<string?> events = EventsOption.Create();
        var command = new Command("run", "Run a plan and show tables, the clients' view, counters and why.")
        {
            plan, profile, target, seed, seeds, at, json, capture, events,
        };
        command.Validators.Add(result =>
        {
            Exclude(result, profile, target);
            Exclude(result, seed, seeds);
            Exclude(result, target, seed);
            Exclude(result, target, seeds);
            Exclude(result, seeds, capture);
            Exclude(result, seeds, events);
            Exclude(result, target, events);
        });
        command.SetAction((parsed, cancellation) =>
        {
            using var end = new EndSignal(cancellation);
            Plan chosen = Chosen(parsed.GetRequiredValue(plan), parsed.GetValue(at), parsed.GetValue(seed));
            using StateLog? log = EventsOption.Open(parsed.GetValue(events), terminal.Say);
            ITarget on = parsed.GetValue(target) is null
                ? new StackTarget(parsed.GetRequiredValue(profile)) { Observer = log is null ? null : log.OnChange }
                : new HostTarget();
            return System.Threading.Tasks.Task.FromResult(parsed.GetValue(seeds) is { } count
                ? RunSeeds(chosen, on, count, parsed.GetValue(json), terminal, end.Token)
                : RunOnce(chosen, on, parsed.GetValue(json), parsed.GetValue(capture), terminal, end.Token));
        });
        return command;
    }

    internal static Argument<string> PlanArgument() => new("PLAN")
    {
        Description = "A plan's name (see 'lab list') or the path of a plan file.",
    };

    private static Option<double?> AtOption() => new("--at")
    {
        HelpName = "T",
        Description = "Look once, T seconds after the first connect(), instead of when the plan says.",
        CustomParser = result => Arguments.Parse<double>(
            result,
            text => double.TryParse(
                text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds)
                && seconds is >= 0 and <= MaxSeconds ? seconds : null,
            text => $"--at is '{text}', not a number of seconds from 0 to {MaxSeconds}"),
    };

    private static void Exclude(CommandResult result, Option one, Option other)
    {
        if (result.GetResult(one) is { Implicit: false } && result.GetResult(other) is { Implicit: false })
        {
            result.AddError($"{one.Name} and {other.Name} do not go together");
        }
    }

    private static Plan Chosen(string name, double? at, ulong? seed)
    {
        Plan plan = LabVerb.Load(name);
        plan = at is { } seconds ? plan with { Looks = [TimeSpan.FromSeconds(seconds)] } : plan;
        return seed is { } number ? plan with { Seed = number } : plan;
    }

    private static int RunOnce(
        Plan plan, ITarget target, bool json, string? capturePath, Terminal terminal, CancellationToken cancellation)
    {
        using FileStream? capture = capturePath is null ? null : CaptureFiles.Create(capturePath, limit: 0).Current;
        RunResult result;
        using (var progress = new ProgressLine(terminal))
        {
            result = target.Run(plan, progress, cancellation);
        }

        if (capture is not null)
        {
            RunCapture.Write(result, capture);
        }

        if (json)
        {
            terminal.Out.WriteLine(RunResultJson.Write(result));
        }
        else
        {
            terminal.Out.Write(Report.Text(result));
        }

        return ExitCode.Fine;
    }

    private static int RunSeeds(
        Plan plan, ITarget target, int count, bool json, Terminal terminal, CancellationToken cancellation)
    {
        var summary = new SeedSummary(plan, target.Name);
        using (var progress = new ProgressLine(terminal))
        {
            for (int seed = 1; seed <= count; seed++)
            {
                progress.Report($"{plan.Name} on {target.Name}: seed {seed} of {count}");
                summary.Add(target.Run(plan with { Seed = (ulong)seed }, progress: null, cancellation));
                cancellation.ThrowIfCancellationRequested();
            }
        }

        if (json)
        {
            terminal.Out.WriteLine(summary.Json());
        }
        else
        {
            foreach (string line in summary.Lines())
            {
                terminal.Out.WriteLine(line);
            }
        }

        return ExitCode.Fine;
    }
}
