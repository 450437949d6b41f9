using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Earshot.Lab.Experiments;
using Spectre.Console;

namespace Earshot.Cli.Verbs;

/// <summary>Runs of the lab as tables.</summary>
internal static class LabTables
{
    /// <summary>Runs of one plan: what they share side by side, then each one's tables and reasons.</summary>
    internal static void SideBySide(Plan plan, IReadOnlyList<RunResult> results, Terminal terminal)
    {
        terminal.Out.WriteLine($"{plan.Name}: {plan.Title}");
        foreach (SysctlSetting setting in plan.Hosts.SelectMany(host => host.Sysctls))
        {
            terminal.Out.WriteLine($"  sysctl {setting.Name}={setting.Value}");
        }

        terminal.Out.WriteLine($"  listen {plan.Listen.Address} {plan.Listen.Port} {plan.Listen.Backlog}");
        terminal.Out.WriteLine($"  connect {plan.Clients.Address} {plan.Clients.Port} {plan.Clients.Count}");
        terminal.Out.WriteLine();
        terminal.Write(Moments(results));
        terminal.Out.WriteLine();
        terminal.Write(Clients(results));
        terminal.Out.WriteLine();
        foreach (RunResult result in results)
        {
            terminal.Out.WriteLine($"==== {result.Target}, seed {result.Seed} ====");
            foreach (ReportSection section in Report.Sections(result).Where(IsForEverybody))
            {
                terminal.Out.WriteLine(section.Title);
                foreach (string line in section.Lines)
                {
                    terminal.Out.WriteLine(("  " + line).TrimEnd());
                }

                terminal.Out.WriteLine();
            }
        }
    }

    /// <summary>A number with as many decimals as it needs.</summary>
    internal static string Number(double number) => number.ToString("0.######", CultureInfo.InvariantCulture);

    // The counters are for the full report, and the clients stand side by side already.
    private static bool IsForEverybody(ReportSection section) =>
        !section.Title.StartsWith("counters", StringComparison.Ordinal)
        && !section.Title.StartsWith("the clients", StringComparison.Ordinal);

    private static Table Moments(IReadOnlyList<RunResult> results)
    {
        Table table = NewTable("server and client sockets", "at", results);
        for (int i = 0; i < results[0].Samples.Count; i++)
        {
            int look = i;
            table.AddRow([
                Number(results[0].Samples[i].At.TotalSeconds) + " s",
                .. results.Select(result => Markup.Escape(States(result.Samples[look]))),
            ]);
        }

        return table;
    }

    private static Table Clients(IReadOnlyList<RunResult> results)
    {
        Table table = NewTable("what connect() said to each client", "client", results);
        int count = results.Max(result => result.Connects.Count);
        for (int client = 1; client <= count; client++)
        {
            int number = client;
            table.AddRow([
                number.ToString(CultureInfo.InvariantCulture),
                .. results.Select(result => Markup.Escape(Said(result, number))),
            ]);
        }

        return table;
    }

    private static Table NewTable(string title, string first, IReadOnlyList<RunResult> results)
    {
        var table = new Table { Border = TableBorder.Simple, Title = new TableTitle(title) };
        table.AddColumn(first);
        foreach (RunResult result in results)
        {
            table.AddColumn(Markup.Escape(result.Target));
        }

        return table;
    }

    private static string States(Sample sample)
    {
        static string Part(string side, IReadOnlyDictionary<string, int> states)
        {
            string text = string.Join(" + ", states.Where(s => s.Key != "LISTEN").Select(s => $"{s.Value} {s.Key}"));
            return $"{side} {(text.Length == 0 ? "none" : text)}";
        }

        return $"{Part("server", sample.Server)}\n{Part("client", sample.Client)}";
    }

    private static string Said(RunResult result, int client)
    {
        ConnectResult? found = result.Connects.Select(connect => (ConnectResult?)connect)
            .FirstOrDefault(connect => connect!.Value.Client == client);
        return found switch
        {
            null => "not called",
            { Returned: null } => "still waits",
            { Returned: { } returned } connect => (connect.Errno ?? "connected") + After(returned - connect.At),
        };
    }

    private static string After(TimeSpan time) => time < TimeSpan.FromMilliseconds(1)
        ? " at once" : $" after {time.TotalSeconds.ToString("0.0##", CultureInfo.InvariantCulture)} s";
}
