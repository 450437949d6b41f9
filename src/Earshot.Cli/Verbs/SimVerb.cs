using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Simulation.Scenarios;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot sim</c>: worlds of stacks, wires and virtual time, one a seed; what breaks a rule is made small
/// and printed as a script.</summary>
internal static class SimVerb
{
    private const int UsualWorlds = 200;
    private const int UsualFailures = 10;
    private const double MostMinutes = 365 * 24 * 60;

    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(10);

    internal static Command Create(Terminal terminal)
    {
        Option<int?> seeds = Arguments.NumberOption(
            "--seeds", "N", $"Worlds at most, one a seed; {UsualWorlds} unless given.", 1, int.MaxValue);
        Option<ulong?> first = Arguments.Seed("Seed of the first world; the others follow it. 1 unless given.");
        Option<double?> minutes = Arguments.MinutesOption(
            "--minutes", "Time after which no world is begun.", MostMinutes);
        Option<int?> jobs = Arguments.NumberOption(
            "--jobs", "N", "Worlds at a time; as many as there are processors unless given.", 1, 256);
        Option<int?> failures = Arguments.NumberOption(
            "--failures", "N", $"Kinds of failure after which to stop; {UsualFailures} unless given.", 1, int.MaxValue);
        var show = new Option<bool>("--show") { Description = "Print each world before it runs." };
        var harsh = new Option<bool>("--harsh")
        {
            Description = "Worlds in which programs and settings do what few do.",
        };
        var packets = new Option<bool>("--packets") { Description = "Print every packet of what is shrunk." };
        var save = new Option<string?>("--save") { Description = "Folder that gets a file of each failure." };
        var command = new Command(
            "sim", "Run random worlds in virtual time, checking after every step what must always hold; a world that"
                + " breaks a rule is shrunk to a small script.")
        {
            seeds, first, minutes, jobs, failures, show, harsh, packets, save,
        };
        command.SetAction((parsed, cancel) =>
        {
            Files.MakeFolder(save.Name, parsed.GetValue(save));
            return Task.FromResult(new Worlds(
                parsed.GetValue(first) ?? 1, parsed.GetValue(seeds) ?? UsualWorlds,
                parsed.GetValue(minutes) ?? double.PositiveInfinity,
                parsed.GetValue(jobs) ?? Math.Clamp(Environment.ProcessorCount, 1, 256),
                parsed.GetValue(failures) ?? UsualFailures, parsed.GetValue(show), parsed.GetValue(harsh),
                parsed.GetValue(packets), parsed.GetValue(save), terminal).Run(cancel));
        });
        return command;
    }

    private sealed class Worlds(
        ulong first,
        long count,
        double minutes,
        int jobs,
        int mostFailures,
        bool show,
        bool harsh,
        bool packets,
        string? save,
        Terminal terminal)
    {
        private readonly Lock _lock = new();
        private readonly HashSet<string> _kinds = [];
        private readonly long _started = Stopwatch.GetTimestamp();
        private long _next;
        private long _done;
        private long _failed;
        private long _steps;
        private long _segments;
        private long _bytes;
        private long _finished;
        private TimeSpan _told;

        internal int Run(CancellationToken cancel)
        {
            var workers = new Thread[jobs];
            for (int i = 0; i < jobs; i++)
            {
                workers[i] = new Thread(() => Work(cancel), maxStackSize: 16 << 20) { IsBackground = true };
                workers[i].Start();
            }

            foreach (Thread worker in workers)
            {
                worker.Join();
            }

            terminal.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{_done} worlds from seed {first} on: {_done - _failed} kept every rule, {_failed} did not, of "
                + $"{_kinds.Count} kinds; {_segments} segments, {_bytes} bytes and {_finished} whole connections in "
                + $"{_steps} steps, {Elapsed.TotalSeconds:0.0} s"));
            return _failed == 0 ? ExitCode.Fine : ExitCode.Findings;
        }

        private TimeSpan Elapsed => Stopwatch.GetElapsedTime(_started);

        private void Work(CancellationToken cancel)
        {
            while (!cancel.IsCancellationRequested && Elapsed.TotalMinutes < minutes)
            {
                long number = Interlocked.Increment(ref _next) - 1;
                if (number >= count || IsEnough())
                {
                    return;
                }

                ulong seed = first + (ulong)number;
                Scenario scenario = harsh ? ScenarioMaker.MakeHarsh(seed) : ScenarioMaker.Make(seed);
                if (show)
                {
                    Say(scenario.ToString());
                }

                ScenarioResult result = ScenarioRun.Run(scenario);
                Count(result);
                if (result.Failure is { } failure && IsNew(failure))
                {
                    Tell(scenario, failure);
                }
            }
        }

        private bool IsEnough()
        {
            lock (_lock)
            {
                return _kinds.Count >= mostFailures;
            }
        }

        private bool IsNew(string failure)
        {
            lock (_lock)
            {
                return _kinds.Add(Shrinker.Kind(failure));
            }
        }

        private void Count(ScenarioResult result)
        {
            lock (_lock)
            {
                _done++;
                _failed += result.Failure is null ? 0 : 1;
                _steps += result.Steps;
                _segments += result.Segments;
                _bytes += result.Bytes;
                _finished += result.Finished;
                if (Elapsed - _told > ProgressEvery)
                {
                    _told = Elapsed;
                    terminal.Error.WriteLine($"{_done} worlds, {_failed} failed");
                }
            }
        }

        private void Tell(Scenario scenario, string failure)
        {
            Scenario small = Shrinker.Shrink(scenario, failure);
            string same = ScenarioRun.Run(small, packets ? Say : null).Failure ?? failure;
            string text = $"seed {scenario.Seed}: {failure}\n"
                + $"again: ./earshot sim --seed {scenario.Seed} --seeds 1{(harsh ? " --harsh" : "")}\n"
                + $"shrunk from {scenario.Size} parts to {small.Size}: {same}\n{small}";
            Say(text);
            if (save is not null)
            {
                File.WriteAllText(Path.Combine(save, $"sim-{scenario.Seed}.txt"), text);
            }
        }

        private void Say(string text)
        {
            lock (_lock)
            {
                terminal.Out.WriteLine(text);
            }
        }
    }
}
