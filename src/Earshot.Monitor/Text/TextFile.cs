using System;
using System.IO;

namespace Earshot.Monitor.Text;

/// <summary>Reads small files that may be absent, forbidden or gone while they are read, as those of /proc.</summary>
internal static class TextFile
{
    /// <summary>The file's text; null when it cannot be read.</summary>
    public static string? TryRead(string path) => TryRead(path, out _);

    /// <summary>The file's text; null when it cannot be read.</summary>
    /// <param name="path">The file.</param>
    /// <param name="denied">Whether the rights to read it are missing.</param>
    public static string? TryRead(string path, out bool denied)
    {
        denied = false;
        try
        {
            return File.ReadAllText(path);
        }
        catch (UnauthorizedAccessException)
        {
            denied = true;
            return null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>The names in a folder; empty when it cannot be listed.</summary>
    public static string[] TryList(string folder, out bool denied)
    {
        denied = false;
        try
        {
            return Directory.GetFileSystemEntries(folder);
        }
        catch (UnauthorizedAccessException)
        {
            denied = true;
            return [];
        }
        catch (IOException)
        {
            return [];
        }
    }

    /// <summary>The value of a line <c>Name: value</c>; null when there is none.</summary>
    public static string? Field(string text, string name)
    {
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            if (line.StartsWith(name) && line.Length > name.Length && line[name.Length] == ':')
            {
                return line[(name.Length + 1)..].Trim().ToString();
            }
        }

        return null;
    }
}
