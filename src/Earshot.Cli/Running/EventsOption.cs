using System;
using System.CommandLine;
using System.IO;
using Earshot.Lab.Views;

namespace Earshot.Cli.Running;

/// <summary><c>--events FILE</c>: every change of a socket's state as a line of JSON.</summary>
internal static class EventsOption
{
    internal static Option<string?> Create() => new("--events")
    {
        HelpName = "FILE",
        Description = "Write every change of a socket's state to a file, a line of JSON each.",
    };

    /// <summary>Makes the file, before anything else is set up; null for no path.</summary>
    /// <param name="path">The file; one that is there is written over.</param>
    /// <param name="say">Told when it cannot be written any more.</param>
    /// <exception cref="CommandException">It cannot be made.</exception>
    internal static StateLog? Open(string? path, Action<string> say)
    {
        if (path is null)
        {
            return null;
        }

        Files.RefuseFolder(path, "--events ");
        try
        {
            return new StateLog(new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read), say);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandException(ExitCode.CannotRunHere, $"--events {path}: {e.Message}");
        }
    }
}
