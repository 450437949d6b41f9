using System;
using System.Collections.Generic;
using System.Diagnostics;

namespace Earshot.Lab.Targets;

/// <summary>Runs the system's own tools in the network namespace of the calling thread.</summary>
/// <remarks>A child process gets the namespaces of the thread that starts it.</remarks>
internal static class HostTools
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <summary>What commands print, one after the other.</summary>
    /// <param name="commands">A program and its arguments each, separated by single blanks.</param>
    /// <exception cref="CannotRunHereException">A program is not here.</exception>
    /// <exception cref="ExperimentFailedException">A program failed.</exception>
    public static IReadOnlyDictionary<string, string> Texts(IReadOnlyList<string> commands)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string command in commands)
        {
            texts[command] = Run(command);
        }

        return texts;
    }

    private static string Run(string command)
    {
        string[] words = command.Split(' ');
        var start = new ProcessStartInfo(words[0], words[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // Without a history of an earlier namespace, and with the tools' own words.
        start.Environment["NSTAT_HISTORY"] = "/dev/null";
        start.Environment["LC_ALL"] = "C";
        try
        {
            using Process process = Process.Start(start)
                ?? throw new ExperimentFailedException($"'{command}' could not be started");
            string text = process.StandardOutput.ReadToEnd();
            string problem = process.StandardError.ReadToEnd();
            return process.WaitForExit(Limit) && process.ExitCode == 0
                ? text : throw new ExperimentFailedException($"'{command}' failed: {problem.Trim()}");
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new CannotRunHereException($"'{command}' cannot be run: {e.Message}");
        }
    }
}
