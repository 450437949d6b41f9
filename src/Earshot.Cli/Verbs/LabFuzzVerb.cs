using System;
using System.CommandLine;
using System.IO;
using Earshot.Lab.Fuzz;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot lab fuzz</c>: random sequences on the stack and on the kernel that runs here, until they
/// differ.</summary>
internal static class LabFuzzVerb
{
    internal static Command Create(Terminal terminal)
    {
        Option<double?> minutes = Arguments.MinutesOption(
            "--minutes", "Time after which no sequence is begun; 1 unless --sequences says how many to run.", 1440);
        Option<ulong?> seed = Arguments.Seed(
            "Seed of the first sequence; the others follow it. The time of day unless given.");
        Option<int?> sequences = Arguments.NumberOption(
            "--sequences", "N", "Sequences at most.", 1, int.MaxValue);
        Option<int?> jobs = Arguments.NumberOption(
            "--jobs", "N", "Network namespaces at a time, 1 to 256; most of each run is waiting. "
            + $"{new FuzzOptions().Jobs} unless given.", 1, 256);
        var established = new Option<bool>("--established")
        {
            Description = "Sequences are about the data of a connection; without, they are about listeners.",
        };
        var save = new Option<string?>("--save") { Description = "Folder that gets a file of each difference." };
        var command = new Command(
            "fuzz", "Run random sequences of calls, segments, sysctls and waits on the stack and on the host's kernel"
                + " (root), and shrink those on which they differ.")
        {
            established, minutes, seed, sequences, jobs, save,
        };
        command.SetAction(parsed => Run(
            new FuzzOptions
            {
                Seed = parsed.GetValue(seed) ?? (ulong)DateTime.UtcNow.Ticks,
                Sequences = parsed.GetValue(sequences) ?? int.MaxValue,
                Time = parsed.GetValue(minutes) is { } given ? TimeSpan.FromMinutes(given)
                    : parsed.GetValue(sequences) is null ? TimeSpan.FromMinutes(1) : TimeSpan.MaxValue,
                Jobs = parsed.GetValue(jobs) ?? new FuzzOptions().Jobs,
                Established = parsed.GetValue(established),
            },
            parsed.GetValue(save),
            terminal));
        return command;
    }

    private static int Run(FuzzOptions options, string? save, Terminal terminal)
    {
        Files.MakeFolder("--save", save);
        FuzzReport report = Fuzzer.Run(options, finding =>
        {
            string text = $"seed {finding.Seed}\n{finding.Steps}\n  {finding.Difference}\n";
            lock (terminal)
            {
                terminal.Out.WriteLine(text);
            }

            if (save is not null)
            {
                File.WriteAllText(Path.Combine(save, $"fuzz-{finding.Seed}.txt"), text);
            }
        });
        terminal.Out.WriteLine(
            $"{report.Compared} sequences from seed {options.Seed} on: {report.Passed} the same, "
            + (report.Unsteady > 0 ? $"{report.Unsteady} the same only when they ran alone, " : "")
            + $"{report.Findings.Count} kinds of differences; {report.Part:P0} of their steps were compared, the "
            + "others are behind one that depends on the moment of a timer");
        return report.Findings.Count == 0 ? ExitCode.Fine : ExitCode.Findings;
    }
}
