using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Cli.Monitoring;
using Earshot.Cli.Verbs;

namespace Earshot.Cli;

/// <summary>The whole command: its verbs, and what becomes of errors.</summary>
internal static class CommandLine
{
    /// <summary>Runs the command.</summary>
    /// <param name="arguments">What the user typed after the command's name.</param>
    /// <param name="terminal">Where to write.</param>
    /// <param name="cancellation">Asks the command to end, as Ctrl-C does.</param>
    /// <returns>The exit code.</returns>
    internal static async Task<int> RunAsync(
        IReadOnlyList<string> arguments, Terminal terminal, CancellationToken cancellation = default)
    {
        try
        {
            ParseResult parsed = Parse(Root(terminal), arguments);
            if (Tell(parsed, terminal))
            {
                return ExitCode.Usage;
            }

            return await parsed.InvokeAsync(
                new InvocationConfiguration
                {
                    EnableDefaultExceptionHandler = false,
                    ProcessTerminationTimeout = null,
                    Output = terminal.Out,
                    Error = terminal.Error,
                },
                cancellation).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            return Failure.Tell(error, terminal);
        }
    }

    /// <summary>Reads a command line; nothing of it is done.</summary>
    internal static ParseResult Parse(RootCommand root, IReadOnlyList<string> arguments) =>

        // No response files: an argument that begins with @ is an argument.
        root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });

    /// <summary>Every command that there is.</summary>
    internal static RootCommand Root(Terminal terminal)
    {
        var root = new RootCommand(
            "A TCP/IP stack whose listening side is Linux's: what listen() admits, keeps waiting and drops, and why. "
            + "In the sources, './earshot build native' makes libearshot.so, the stack behind a C ABI.")
        {
            LabVerb.Create(terminal),
            DrillVerb.Create(terminal),
            SimVerb.Create(terminal),
            UpVerb.Create(terminal),
            ServeVerb.Create(terminal),
            ForwardVerb.Create(terminal),
            RelayVerb.Create(terminal),
            DriveVerb.Create(terminal),
            ListenVerb.Create(terminal),
            ConnectVerb.Create(terminal),
            SysctlVerb.Create(terminal),
            WhyVerb.Create(terminal),
            UsageVerb.Create(terminal),
            ProfilesVerb.Create(terminal),
        };
        IEnumerable<Command> others = [.. ViewVerbs.Create(terminal), .. MonitorVerbs.Create(terminal)];
        foreach (Command verb in others)
        {
            root.Add(verb);
        }

        root.SetAction(_ =>
        {
            terminal.Say("say what to do; 'earshot --help' lists the commands");
            return ExitCode.Usage;
        });
        return root;
    }

    // Says what is wrong with a command line.
    private static bool Tell(ParseResult parsed, Terminal terminal)
    {
        foreach (System.CommandLine.Parsing.ParseError error in parsed.Errors)
        {
            terminal.Say(error.Message);
        }

        if (parsed.Errors.Count > 0)
        {
            terminal.Say($"'{CommandPath(parsed)} --help' tells what can be given");
        }

        return parsed.Errors.Count > 0;
    }

    private static string CommandPath(ParseResult parsed)
    {
        var names = new Stack<string>();
        for (System.CommandLine.Parsing.SymbolResult? at = parsed.CommandResult; at is not null; at = at.Parent)
        {
            if (at is System.CommandLine.Parsing.CommandResult command)
            {
                names.Push(command.Command is RootCommand ? "earshot" : command.Command.Name);
            }
        }

        return string.Join(' ', names);
    }
}
