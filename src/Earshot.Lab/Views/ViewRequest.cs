using System;
using System.Collections.Generic;

namespace Earshot.Lab.Views;

/// <summary>Which tool's text a view is.</summary>
public enum ViewTool
{
    /// <summary><c>netstat</c>.</summary>
    Netstat,

    /// <summary><c>ss</c>.</summary>
    Ss,

    /// <summary><c>nstat</c>.</summary>
    Nstat,

    /// <summary>A file of <c>/proc/net</c>.</summary>
    Proc,

    /// <summary>Earshot's own: what waits at each listener.</summary>
    Listeners,
}

/// <summary>A view and its options, as they are typed.</summary>
/// <param name="Tool">The tool.</param>
/// <param name="Flags">The letters of its options, as <c>nat</c>; <c>n</c> and <c>t</c> change nothing here.</param>
/// <param name="Name">Of <see cref="ViewTool.Proc"/> the file.</param>
/// <param name="IsJson">Whether the same is wanted as JSON.</param>
public sealed record ViewRequest(ViewTool Tool, string Flags = "", string Name = "", bool IsJson = false)
{
    private static readonly Dictionary<ViewTool, string> Known = new()
    {
        [ViewTool.Netstat] = "antuloes46",
        [ViewTool.Ss] = "antuloemiOH46",
        [ViewTool.Nstat] = "azs",
        [ViewTool.Proc] = "",
        [ViewTool.Listeners] = "",
    };

    /// <summary>The option letters that a tool has here.</summary>
    public static string FlagsOf(ViewTool tool) => Known[tool];

    /// <summary>Reads a command line: <c>netstat -nat</c>, <c>ss -ntl -m</c>, <c>nstat -az</c>, <c>cat
    /// /proc/net/tcp</c>, <c>proc tcp</c>, <c>listeners</c>; with <c>--json</c> anywhere.</summary>
    /// <exception cref="FormatException">It is none that is known here.</exception>
    public static ViewRequest Parse(string command)
    {
        ArgumentNullException.ThrowIfNull(command);
        string flags = "", name = "";
        bool json = false;
        string[] words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        foreach (string word in words[Math.Min(1, words.Length)..])
        {
            if (word == "--json")
            {
                json = true;
            }
            else if (word[0] == '-')
            {
                flags += word[1..];
            }
            else
            {
                name = word[(word.LastIndexOf('/') + 1)..];
            }
        }

        ViewTool tool = (words.Length > 0 ? words[0] : "") switch
        {
            "netstat" => ViewTool.Netstat,
            "ss" => ViewTool.Ss,
            "nstat" => ViewTool.Nstat,
            "cat" or "proc" => ViewTool.Proc,
            "listeners" => ViewTool.Listeners,
            _ => throw new FormatException($"'{command}' is no view"),
        };
        var request = new ViewRequest(tool, flags, name, json);
        return request.Problem() is { } problem ? throw new FormatException(problem) : request;
    }

    /// <summary>Why there is no such view, or null when there is.</summary>
    public string? Problem()
    {
        foreach (char flag in Flags)
        {
            if (!Known[Tool].Contains(flag, StringComparison.Ordinal))
            {
                return $"{Tool.ToString().ToLowerInvariant()} has no option -{flag} here";
            }
        }

        if (Tool == ViewTool.Proc)
        {
            foreach (string file in ProcNet.Names)
            {
                if (file == Name)
                {
                    return null;
                }
            }

            return $"there is no '{Name}' here; there are {string.Join(", ", ProcNet.Names)}";
        }

        return Name.Length == 0 ? null : $"'{Name}' means nothing to {Tool.ToString().ToLowerInvariant()}";
    }

    /// <summary>Whether an option is given.</summary>
    internal bool Has(char flag) => Flags.Contains(flag, StringComparison.Ordinal);

    internal SocketSelection Selection =>
        Has('a') ? SocketSelection.All : Has('l') ? SocketSelection.Listeners : SocketSelection.Connections;
}
