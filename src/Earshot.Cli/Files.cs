using System;
using System.IO;

namespace Earshot.Cli;

/// <summary>Files and folders that a user names, and what is said when they are something else.</summary>
internal static class Files
{
    /// <summary>Refuses a folder where a file is meant: the system's own words for that are "access denied".</summary>
    /// <param name="path">What the user named; null is nothing, and in order.</param>
    /// <param name="before">What to say before the path: the option, with a blank.</param>
    /// <exception cref="CommandException">It is a folder, or no name at all.</exception>
    internal static void RefuseFolder(string? path, string before = "")
    {
        if (path is { Length: 0 })
        {
            throw new CommandException(ExitCode.Usage, $"{before}'' is no file's name");
        }

        if (Directory.Exists(path))
        {
            throw new CommandException(ExitCode.Usage, $"{before}{path} is a folder, not a file");
        }
    }

    /// <summary>The text of a file that the user named.</summary>
    /// <exception cref="CommandException">It is a folder, or no name at all.</exception>
    internal static string Text(string path)
    {
        RefuseFolder(path);
        return File.ReadAllText(path);
    }

    /// <summary>Makes a folder that the user named, before the work whose results go there.</summary>
    /// <param name="option">The option that names it.</param>
    /// <param name="path">The folder; null is none.</param>
    /// <exception cref="CommandException">It cannot be made.</exception>
    internal static void MakeFolder(string option, string? path)
    {
        if (path is null)
        {
            return;
        }

        if (File.Exists(path))
        {
            throw new CommandException(ExitCode.Usage, $"{option} {path} is a file, not a folder");
        }

        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandException(
                path.Length == 0 ? ExitCode.Usage : ExitCode.CannotRunHere,
                $"{option} '{path}' cannot be made: {e.Message}");
        }
    }
}
