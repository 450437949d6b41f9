using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace Earshot.Monitor.Explaining;

/// <summary>A word of the monitor's or the kernel's, in plain words.</summary>
/// <param name="Names">The word and its other spellings.</param>
/// <param name="Lines">What is said of it: a heading and its text each.</param>
internal sealed record Term(IReadOnlyList<string> Names, IReadOnlyList<(string Heading, string Text)> Lines);

/// <summary>Every word that the monitor's output can print, explained.</summary>
internal static class Terms
{
    private const string Resource = "Earshot.Monitor.Explaining.terms.txt";
    private static readonly Lazy<IReadOnlyList<Term>> Lazily = new(Read);

    public static IReadOnlyList<Term> All => Lazily.Value;

    /// <summary>The term of a name, in any case of letters, with or without TcpExt or Tcp before it.</summary>
    public static Term? Find(string name) => Find(name, All);

    /// <summary>The same among more terms than ours.</summary>
    public static Term? Find(string name, IReadOnlyList<Term> terms)
    {
        string wanted = name.Trim();
        return terms.FirstOrDefault(term => term.Names.Contains(wanted, StringComparer.Ordinal))
            ?? terms.FirstOrDefault(term => term.Names.Contains(wanted, StringComparer.OrdinalIgnoreCase));
    }

    private static List<Term> Read()
    {
        using Stream stream = typeof(Terms).Assembly.GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"{Resource} is missing");
        using var reader = new StreamReader(stream);
        var terms = new List<Term>();
        List<(string, string)> lines = [];
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#'))
            {
                lines = [];
                terms.Add(new Term(
                    line[1..].Split('|', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
                    lines));
            }
            else if (line.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon)
            {
                lines.Add((line[..colon], line[(colon + 1)..].Trim()));
            }
        }

        return terms;
    }
}
