using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Profiles;
using Earshot.Lab.Views;

namespace Earshot.Host.Tests.Lab;

/// <summary>Counters in the text of tools; of the kernel's those that our stack leaves out are taken away.</summary>
internal static class CounterText
{
    /// <summary>The lines to compare.</summary>
    /// <param name="command">The command whose text it is.</param>
    /// <param name="text">The text.</param>
    /// <param name="ours">The names that our stack has, by nstat's names, facts included.</param>
    /// <param name="all">Every counter of the side that the text is of, from its files of /proc/net.</param>
    public static IReadOnlyList<string> Of(
        string command, string text, IReadOnlySet<string> ours, IReadOnlyList<KeyValuePair<string, long>> all)
    {
        string[] lines = text.TrimEnd('\n').Split('\n');
        return command switch
        {
            "netstat -s" => Statistics(lines, ours, all),
            "nstat -az" => [.. lines.Where(line => line.StartsWith('#') || ours.Contains(line.Split(' ')[0]))],
            _ => [.. Pairs(text).Where(pair => ours.Contains(pair.Key)).Select(pair => $"{pair.Key} {pair.Value}")],
        };
    }

    /// <summary>The counters of /proc/net/snmp or /proc/net/netstat, or of a file with a name and a value a
    /// line.</summary>
    public static IEnumerable<KeyValuePair<string, long>> Pairs(string text)
    {
        string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Contains('\t', StringComparison.Ordinal))
            {
                string[] words = lines[i].Split('\t');
                yield return new(words[0].TrimEnd(), long.Parse(words[1]));
                continue;
            }

            string[] names = lines[i].Split(' ');
            string[] values = lines[++i].Split(' ');
            for (int n = 1; n < names.Length; n++)
            {
                yield return new(names[0].TrimEnd(':') + names[n], long.Parse(values[n]));
            }
        }
    }

    // A line is taken away when it is what netstat says of a counter that we leave out; a title when nothing is under
    // it.
    private static List<string> Statistics(
        string[] lines, IReadOnlySet<string> ours, IReadOnlyList<KeyValuePair<string, long>> all)
    {
        HashSet<string> groups = [.. ours.Select(GroupOf)];
        HashSet<string> leftOut = [.. NetstatStatistics.Lines(
            all.Where(counter => !ours.Contains(counter.Key)), KernelProfile.Linux618)
            .Where(line => line.StartsWith("    ", StringComparison.Ordinal) && !line.EndsWith(':'))];
        string group = "";
        var kept = new List<string>();
        foreach (string line in lines)
        {
            if (!line.StartsWith(' '))
            {
                group = line.TrimEnd(':');
            }

            if (groups.Contains(group) && !leftOut.Contains(line))
            {
                kept.Add(line);
            }
        }

        return kept;
    }

    private static string GroupOf(string name) => new[] { "TcpExt", "IpExt", "IcmpMsg", "Icmp6", "Ip6", "Icmp", "Tcp" }
        .FirstOrDefault(group => name.StartsWith(group, StringComparison.Ordinal), "Ip");
}
