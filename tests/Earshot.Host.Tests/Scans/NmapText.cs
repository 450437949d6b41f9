using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;

namespace Earshot.Host.Tests.Scans;

/// <summary>What nmap printed, taken apart.</summary>
internal static partial class NmapText
{
    // Chance on either side: how random initial numbers are, their common divisor and rate, and the clock of
    // timestamps, whose offset is another for each connection.
    private static readonly HashSet<string> Random = ["SEQ.SP", "SEQ.GCD", "SEQ.ISR", "SEQ.TS"];

    /// <summary>The fields of the raw fingerprint, by "TEST.FIELD", without those that are random.</summary>
    public static SortedDictionary<string, string> Fingerprint(string text)
    {
        string raw = string.Concat(text.Split('\n').Where(line => line.StartsWith("OS:", StringComparison.Ordinal))
            .Select(line => line[3..].Trim()));
        var fields = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (Match test in Test().Matches(raw))
        {
            string name = test.Groups[1].Value;
            if (name == "SCAN")
            {
                continue;
            }

            foreach (string field in test.Groups[2].Value.Split('%'))
            {
                int equals = field.IndexOf('=', StringComparison.Ordinal);
                string key = $"{name}.{field[..Math.Max(0, equals)]}";
                if (!Random.Contains(key))
                {
                    fields[key] = field[(equals + 1)..];
                }
            }
        }

        return fields;
    }

    /// <summary>Where two fingerprints differ, field by field.</summary>
    public static List<string> Differences(
        SortedDictionary<string, string> linux, SortedDictionary<string, string> earshot) =>
    [
        .. linux.Keys.Union(earshot.Keys)
            .Where(key => linux.GetValueOrDefault(key) != earshot.GetValueOrDefault(key))
            .Select(key => $"{key}: Linux {Shown(linux, key)}, Earshot {Shown(earshot, key)}"),
    ];

    /// <summary>The lines of the table of ports: port, state, service and reason.</summary>
    public static string[] Ports(string text) =>
    [
        .. text.Split('\n').Where(line => PortLine().IsMatch(line))
            .Select(line => Blanks().Replace(line.Trim(), " ")),
    ];

    private static string Shown(SortedDictionary<string, string> fields, string key) =>
        fields.TryGetValue(key, out string? value) ? $"'{value}'" : "nothing";

    [GeneratedRegex(@"([A-Z][A-Z0-9]*)\(([^)]*)\)")]
    private static partial Regex Test();

    [GeneratedRegex(@"^\d+/\w+\s")]
    private static partial Regex PortLine();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
