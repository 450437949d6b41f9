using System.CommandLine;
using System.Linq;
using System.Text.Json;
using Earshot.Monitor.Explaining;
using Earshot.Monitor.Reports;

namespace Earshot.Cli.Monitoring;

/// <summary><c>earshot explain NAME</c>: a counter, sysctl, state, verdict or errno in plain words.</summary>
internal static class ExplainVerb
{
    private const int Columns = 100;

    internal static Command Create(Terminal terminal)
    {
        var name = new Argument<string[]>("NAME")
        {
            Description = "A counter, sysctl, state, column, metric, rule, drop reason, verdict or errno; without it, "
                + "their list.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        Option<bool> json = MonitorOptionsOf.Json("The same as JSON.");
        var command = new Command(
            "explain", "Explain a name that our output prints: what moves it, and what people mistake it for.")
        {
            name, json,
        };
        command.SetAction(parsed => Explain(
            string.Join(' ', parsed.GetValue(name) ?? []), parsed.GetValue(json), terminal));
        return command;
    }

    private static int Explain(string name, bool json, Terminal terminal)
    {
        if (name.Length == 0)
        {
            foreach (Term one in Lexicon.All)
            {
                terminal.Out.WriteLine($"{one.Names[0],-36} {one.Lines[0].Text}");
            }

            return ExitCode.Fine;
        }

        Term term = Lexicon.Find(name) ?? throw new CommandException(
            ExitCode.Usage, $"nothing is known of '{name}'" + (Lexicon.Like(name).ToList() is { Count: > 0 } like
                ? $"; perhaps {string.Join(", ", like)}"
                : "; 'earshot explain' lists what is"));
        if (json)
        {
            terminal.Out.WriteLine(JsonSerializer.Serialize(
                new { term.Names, Says = term.Lines.ToDictionary(line => line.Heading, line => line.Text) },
                MonitorJson.Indented));
            return ExitCode.Fine;
        }

        terminal.Out.WriteLine(string.Join(", ", term.Names));
        foreach ((string heading, string text) in term.Lines.Where(line => line.Text != "-"))
        {
            Write(heading, text, terminal);
        }

        return ExitCode.Fine;
    }

    private static void Write(string heading, string text, Terminal terminal)
    {
        string line = $"  {heading,-10}";
        foreach (string word in text.Split(' '))
        {
            if (line.Length + word.Length + 1 > Columns)
            {
                terminal.Out.WriteLine(line.TrimEnd());
                line = "            ";
            }

            line += word + " ";
        }

        terminal.Out.WriteLine(line.TrimEnd());
    }
}
