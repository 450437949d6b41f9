using System;
using System.IO;

namespace Earshot.Tests;

/// <summary>The folder the repository is checked out in, for tests that read its files.</summary>
internal static class RepositoryRoot
{
    /// <summary>The nearest folder above the test's assembly that holds Earshot.slnx.</summary>
    public static string Path { get; } = Find();

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder != null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "Earshot.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"No folder above {AppContext.BaseDirectory} holds Earshot.slnx.");
    }
}
