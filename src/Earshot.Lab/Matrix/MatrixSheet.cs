using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace Earshot.Lab.Matrix;

/// <summary>What the fact sheets say of a rule under a kernel.</summary>
/// <param name="Words">The sheet's own words.</param>
/// <param name="Reading">What the experiment shows when they are true.</param>
/// <param name="Instead">What it shows although they say otherwise; null: nothing else is expected.</param>
/// <param name="Reason">The heading in docs/linux-facts.md that says why; null with <paramref name="Instead"/>.</param>
public sealed record SheetCell(string Words, string Reading, string? Instead = null, string? Reason = null);

/// <summary>The fact sheets' cells, committed as data.</summary>
public static class MatrixSheet
{
    private const string SheetResource = "Earshot.Lab.Matrix.sheet.txt";
    private const string FactsResource = "Earshot.Lab.Matrix.linux-facts.md";
    private const string Exception = "except:";

    private static readonly Dictionary<(string Row, string Profile), SheetCell> Cells = Read();

    /// <summary>The headings of docs/linux-facts.md.</summary>
    public static IReadOnlySet<string> Facts { get; } = Text(FactsResource).Split('\n')
        .Where(line => line.StartsWith("## ", StringComparison.Ordinal)).Select(line => line[3..].Trim()).ToHashSet();

    /// <summary>Every rule and kernel that the sheets speak of.</summary>
    public static IEnumerable<(string Row, string Profile)> Keys => Cells.Keys;

    /// <summary>The cell of a rule and a kernel; null where the sheets are silent.</summary>
    public static SheetCell? Find(string row, string profile) => Cells.GetValueOrDefault((row, profile));

    private static Dictionary<(string Row, string Profile), SheetCell> Read()
    {
        var cells = new Dictionary<(string Row, string Profile), SheetCell>();
        string row = "";
        foreach (string line in Text(SheetResource).Split('\n').Select(line => line.Trim()))
        {
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            if (line[0] == '[')
            {
                row = line.Trim('[', ']');
                continue;
            }

            bool excepted = line.StartsWith(Exception, StringComparison.Ordinal);
            string[] parts = [.. (excepted ? line[Exception.Length..] : line).Split(" | ").Select(part => part.Trim())];
            foreach (string profile in parts[0].Split(' '))
            {
                cells[(row, profile)] = excepted
                    ? cells[(row, profile)] with { Instead = parts[1], Reason = parts[2] }
                    : new SheetCell(parts[1], parts[2]);
            }
        }

        return cells;
    }

    private static string Text(string resource)
    {
        using Stream stream = typeof(MatrixSheet).Assembly.GetManifestResourceStream(resource)
            ?? throw new InvalidOperationException($"the lab carries {resource}");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
