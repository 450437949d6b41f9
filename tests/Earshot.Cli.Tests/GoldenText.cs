using System;
using System.IO;

namespace Earshot.Cli.Tests;

/// <summary>The files of <c>Golden/</c>: what the real tools print.</summary>
internal static class GoldenText
{
    /// <summary>The lines of a file.</summary>
    public static string[] Lines(string name)
    {
        string text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", name));
        return text.TrimEnd('\n').Split('\n');
    }
}
