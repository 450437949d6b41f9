using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Core.Profiles;
using Earshot.Lab.Matrix;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot lab matrix</c>: every rule under every kernel, from packets and counters, beside the fact
/// sheets' words.</summary>
internal static class LabMatrixVerb
{
    private const int LongestCell = 400;

    internal static Command Create(Terminal terminal)
    {
        var rule = new Option<string?>("--rule") { Description = "Only this rule, by its short name." };
        var profile = new Option<string?>("--profile") { Description = "Only this kernel." };
        var command = new Command(
            "matrix",
            "Ask every kernel every rule of its listening side, by packets and counters, and set the answers beside "
            + "the fact sheets'.")
        {
            rule,
            profile,
        };
        command.SetAction((parsed, cancellation) =>
        {
            using var end = new EndSignal(cancellation);
            return Task.FromResult(Run(parsed.GetValue(rule), parsed.GetValue(profile), terminal, end.Token));
        });
        return command;
    }

    private static int Run(string? rule, string? name, Terminal terminal, CancellationToken cancellation)
    {
        MatrixRow[] rows = [.. MatrixCatalog.Rows.Where(row => rule is null || row.Id == rule)];
        KernelProfile[] profiles = [.. KernelProfile.All.Where(profile => name is null || profile.Name == name)];
        if (rows.Length == 0 || profiles.Length == 0)
        {
            string known = rows.Length == 0
                ? $"unknown rule '{rule}'; known are {string.Join(", ", MatrixCatalog.Rows.Select(row => row.Id))}"
                : $"unknown profile '{name}'; known are {string.Join(", ", KernelProfile.All.Select(p => p.Name))}";
            terminal.Say(known);
            return ExitCode.Usage;
        }

        var counts = new Dictionary<MatrixVerdict, int>();
        foreach (MatrixRow row in rows)
        {
            MatrixCell[] cells = [.. MatrixRun.Measure([row], profiles, cancellation)];
            terminal.Out.WriteLine($"{row.Id}: {row.Title}");
            foreach ((IReadOnlyList<string> kernels, MatrixCell cell) in MatrixRun.Group(cells))
            {
                Write(terminal, kernels, cell);
            }

            foreach (MatrixCell cell in cells)
            {
                counts[cell.Verdict] = counts.GetValueOrDefault(cell.Verdict) + 1;
            }
        }

        int Of(MatrixVerdict verdict) => counts.GetValueOrDefault(verdict);
        terminal.Out.WriteLine(
            $"{counts.Values.Sum()} cells: {Of(MatrixVerdict.Agrees)} agree with the sheets, "
            + $"{Of(MatrixVerdict.Explained)} differ for a reason in docs/linux-facts.md, "
            + $"{Of(MatrixVerdict.Silent)} are not in the sheets, {Of(MatrixVerdict.Differs)} differ");
        return Of(MatrixVerdict.Differs) == 0 ? ExitCode.Fine : ExitCode.Findings;
    }

    private static void Write(Terminal terminal, IReadOnlyList<string> kernels, MatrixCell cell)
    {
        string measured = cell.Measured.Length > LongestCell
            ? string.Concat(cell.Measured.AsSpan(0, LongestCell), " ...") : cell.Measured;
        terminal.Out.WriteLine($"  {string.Join(' ', kernels)}");
        terminal.Out.WriteLine($"      measured  {measured}");
        if (cell.Sheet is not { } sheet)
        {
            return;
        }

        string standing = cell.Verdict switch
        {
            MatrixVerdict.Agrees => "agrees",
            MatrixVerdict.Explained => $"differs, see docs/linux-facts.md: {sheet.Reason}",
            _ => $"DIFFERS, it would be: {sheet.Reading}",
        };
        terminal.Out.WriteLine($"      sheet     {sheet.Words}  ({standing})");
    }
}
