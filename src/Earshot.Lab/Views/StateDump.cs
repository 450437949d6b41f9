using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core;

namespace Earshot.Lab.Views;

/// <summary>Everything that a stack shows of itself, for the report of a defect.</summary>
public static class StateDump
{
    private const int Verdicts = 32;

    /// <summary>The lines of the dump; what a broken stack can no longer tell is named and left out.</summary>
    /// <param name="stack">The stack, whose pump has ended.</param>
    public static IReadOnlyList<string> Lines(NetworkStack stack)
    {
        ArgumentNullException.ThrowIfNull(stack);
        var lines = new List<string>
        {
            $"state of the stack: profile {stack.Profile.Name}, seed {Seed(stack.Options.Seed)}, "
            + $"{stack.Now} s on its clock",
        };
        Add(lines, "sockets", () =>
        {
            var rows = new List<SocketRow>();
            stack.CopySockets(rows);
            return NetstatView.Table(rows, stack.Profile, SocketSelection.All, timers: true);
        });
        Add(lines, "listeners", () =>
        {
            var rows = new List<ListenerRow>();
            stack.CopyListeners(rows);
            return rows.Select(WhyView.Describe);
        });
        Add(lines, "counters that moved", () =>
            stack.Mib.All.Where(counter => counter.Value != 0).Select(counter => $"{counter.Key} {counter.Value}"));
        Add(lines, "sysctls that are not the profile's", () =>
            from name in stack.Sysctls.Names
            let value = Value(stack, name)
            where stack.Profile.Sysctls[name] != value
            select $"{name} = {value}");
        Add(lines, "the last verdicts", () => stack.Ledger.Latest.TakeLast(Verdicts)
            .Select(entry => $"{entry.Time} {entry.Rule}: {stack.Ledger.Explain(entry)}"));
        return lines;
    }

    private static void Add(List<string> lines, string title, Func<IEnumerable<string>> part)
    {
        lines.Add(title + ":");
        try
        {
            lines.AddRange(part().Select(line => "  " + line).ToList());
        }
        catch (Exception e)
        {
            // A broken stack may fail anywhere; what it can still tell matters more than how it fails.
            lines.Add($"  ({e.GetType().Name}: {e.Message})");
        }
    }

    private static string Value(NetworkStack stack, string name) =>
        stack.Sysctls.TryGet(name, out string value) ? value : "";

    private static string Seed(in Seed256 seed) => $"{seed.A:x16}{seed.B:x16}{seed.C:x16}{seed.D:x16}";
}
