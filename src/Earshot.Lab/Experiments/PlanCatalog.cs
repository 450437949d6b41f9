using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;

namespace Earshot.Lab.Experiments;

/// <summary>The plans that come with the lab, and plans in files.</summary>
public static class PlanCatalog
{
    private const string Prefix = "Earshot.Lab.Plans.";
    private const string DifferentialPrefix = "Earshot.Lab.Differential.";
    private const string Suffix = ".plan";

    /// <summary>The names of the plans that come with the lab; the article's three first, in its order.</summary>
    public static IReadOnlyList<string> Names { get; } = FindNames();

    /// <summary>The names of the plans that hold the embedded stack to a kernel, one behaviour each.</summary>
    public static IReadOnlyList<string> Differential { get; } = FindNames(DifferentialPrefix);

    /// <summary>All of them: what <c>lab compare --all</c> runs.</summary>
    internal static IReadOnlyList<string> All { get; } = [.. Names, .. Differential];

    /// <summary>Finds a plan by name, or reads the file if the text names one.</summary>
    /// <param name="nameOrPath">A name from <see cref="Names"/>, or a path: anything with a separator or ending in
    /// <c>.plan</c>, or an existing file.</param>
    /// <returns>The plan.</returns>
    /// <exception cref="PlanException">The plan is unknown, cannot be read, or is not a plan.</exception>
    public static Plan Load(string nameOrPath)
    {
        ArgumentException.ThrowIfNullOrEmpty(nameOrPath);
        if (All.Contains(nameOrPath))
        {
            return PlanReader.Read(nameOrPath + Suffix, TextOf(nameOrPath));
        }

        bool isPath = nameOrPath.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal)
            || nameOrPath.EndsWith(Suffix, StringComparison.Ordinal) || File.Exists(nameOrPath);
        if (!isPath)
        {
            throw new PlanException(
                nameOrPath,
                0,
                $"no such plan; known are {string.Join(", ", Names)}, and any file by its path");
        }

        return PlanReader.Read(nameOrPath, ReadFile(nameOrPath));
    }

    /// <summary>The text of a plan that comes with the lab.</summary>
    /// <param name="name">A name from <see cref="Names"/> or <see cref="Differential"/>.</param>
    /// <returns>The file's text, comments included.</returns>
    public static string TextOf(string name)
    {
        Assembly assembly = typeof(PlanCatalog).Assembly;
        using Stream stream = assembly.GetManifestResourceStream(Prefix + name + Suffix)
            ?? assembly.GetManifestResourceStream(DifferentialPrefix + name + Suffix)
            ?? throw new PlanException(name, 0, $"no such plan; known are {string.Join(", ", Names)}");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private static string ReadFile(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read);

            // One more than the limit is enough for the reader to refuse it, and a device without end ends here.
            var bytes = new byte[PlanLimits.MaxFileLength + 1];
            int length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return System.Text.Encoding.UTF8.GetString(bytes, 0, length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PlanException(path, 0, $"cannot read the plan: {e.Message}");
        }
    }

    private static List<string> FindNames()
    {
        string[] article = ["backlog", "syn-backlog", "somaxconn"];
        return [.. article, .. FindNames(Prefix).Except(article)];
    }

    private static List<string> FindNames(string prefix) =>
    [
        .. typeof(PlanCatalog).Assembly.GetManifestResourceNames()
            .Where(n => n.StartsWith(prefix, StringComparison.Ordinal) && n.EndsWith(Suffix, StringComparison.Ordinal))
            .Select(n => n[prefix.Length..^Suffix.Length])
            .Order(StringComparer.Ordinal),
    ];
}
