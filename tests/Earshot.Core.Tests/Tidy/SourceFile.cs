using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace Earshot.Core.Tests.Tidy;

/// <summary>A text file of the repository: its path from the root, with slashes, and its lines.</summary>
internal sealed record SourceFile(string Path, string Text)
{
    // Not ours: ".git" is a file in a linked worktree.
    private static readonly string[] Skipped =
        [".git", "artifacts", "bin", "obj", "node_modules", "TestResults", "BenchmarkDotNet.Artifacts", ".vs", ".idea"];

    /// <summary>The file's lines, without line ends.</summary>
    public string[] Lines { get; } = Text.Replace("\r\n", "\n").Split('\n');

    /// <summary>Every text file below a folder of the repository, in ordinal order of path.</summary>
    /// <param name="root">The repository's folder.</param>
    /// <param name="folder">A folder from the root; empty for the whole repository.</param>
    public static IReadOnlyList<SourceFile> Below(string root, string folder)
    {
        var files = new List<SourceFile>();
        string top = System.IO.Path.Combine(root, folder);
        if (Directory.Exists(top))
        {
            Collect(root, top, files);
        }

        return [.. files.OrderBy(file => file.Path, StringComparer.Ordinal)];
    }

    /// <summary>A message that names the place: path, line from 1, and what is wrong there.</summary>
    public string At(int line, string what) => $"{Path}:{line}: {what}";

    private static void Collect(string root, string folder, List<SourceFile> files)
    {
        foreach (string path in Directory.EnumerateFiles(folder))
        {
            string text = Skipped.Contains(System.IO.Path.GetFileName(path)) ? "\0" : File.ReadAllText(path);
            if (!text.Contains('\0'))
            {
                files.Add(new SourceFile(System.IO.Path.GetRelativePath(root, path).Replace('\\', '/'), text));
            }
        }

        foreach (string inner in Directory.EnumerateDirectories(folder))
        {
            if (!Skipped.Contains(System.IO.Path.GetFileName(inner)))
            {
                Collect(root, inner, files);
            }
        }
    }
}
