using System;
using System.IO;
using System.Linq;
using Spectre.Console;

namespace Earshot.Cli;

/// <summary>Where a command writes: data to <see cref="Out"/>, talk to <see cref="Error"/>.</summary>
internal sealed class Terminal
{
    // Wide enough that a table in a file or pipe is never wrapped.
    private const int WidthOfFiles = 400;
    private const int LeastWidth = 60;

    internal Terminal(TextWriter output, TextWriter error)
    {
        Out = output;
        Error = error;
    }

    /// <summary>The process's own streams.</summary>
    internal static Terminal OfProcess() => new(Console.Out, Console.Error)
    {
        ShowsProgress = !Console.IsErrorRedirected,
        OutputIsTerminal = !Console.IsOutputRedirected,
    };

    /// <summary>What the command was asked for.</summary>
    internal TextWriter Out { get; }

    /// <summary>Everything else: errors, hints, progress.</summary>
    internal TextWriter Error { get; }

    /// <summary>Whether somebody watches <see cref="Error"/>, so that a line that changes is of use.</summary>
    internal bool ShowsProgress { get; private init; }

    private bool OutputIsTerminal { get; init; }

    /// <summary>Says something about the command.</summary>
    internal void Say(string line) => Error.WriteLine($"earshot: {line}");

    /// <summary>Writes a table, as wide as the terminal or as it needs, without blanks at the ends of lines.</summary>
    internal void Write(Table table)
    {
        using var text = new StringWriter();
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(text),
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
        });
        console.Profile.Width = OutputIsTerminal ? Math.Max(Console.WindowWidth, LeastWidth) : WidthOfFiles;
        console.Profile.Capabilities.Unicode = true;
        console.Write(table);
        var lines = text.ToString().Split('\n').Select(line => line.TrimEnd()).ToList();
        int first = lines.FindIndex(line => line.Length > 0), last = lines.FindLastIndex(line => line.Length > 0);
        lines[first..(last + 1)].ForEach(Out.WriteLine);
    }
}
