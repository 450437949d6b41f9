using System;
using System.Linq;
using System.Text.RegularExpressions;
using Earshot.Monitor.Text;

namespace Earshot.Monitor.Processes;

/// <summary>What a process's cgroup tells of where it belongs.</summary>
/// <param name="Path">The path in the hierarchy, made harmless.</param>
/// <param name="Unit">The systemd unit; null for none.</param>
/// <param name="Container">The first 12 digits of the container's id; null for none.</param>
internal sealed partial record Cgroup(string Path, string? Unit, string? Container)
{
    private const int ShownDigits = 12;

    /// <summary>Reads the text of <c>/proc/PID/cgroup</c>: the unified hierarchy's line, else the first that names
    /// anything.</summary>
    public static Cgroup Parse(string text)
    {
        string[] paths =
        [
            .. text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => line.Split(':', 3)).Where(parts => parts.Length == 3)
                .OrderByDescending(parts => parts[0] == "0").Select(parts => parts[2]),
        ];
        string path = paths.FirstOrDefault(one => one != "/") ?? "/";
        string? unit = paths.Select(UnitOf).FirstOrDefault(one => one is not null);
        string? container = paths.Select(one => ContainerId().Match(one)).Where(match => match.Success)
            .Select(match => match.Value[..ShownDigits]).FirstOrDefault();
        return new Cgroup(SafeText.Clean(path), unit, container);
    }

    /// <summary>How often the cgroup was kept from running by its quota, in periods; null when that cannot be
    /// read.</summary>
    public static (long Periods, long Throttled)? Throttling(string cgroupFile)
    {
        foreach (string line in (TextFile.TryRead(cgroupFile) ?? "").Split('\n'))
        {
            string[] parts = line.Split(':', 3);
            if (parts.Length < 3 || (parts[1].Length > 0 && !parts[1].Split(',').Contains("cpu")))
            {
                continue;
            }

            string root = parts[1].Length == 0 ? "/sys/fs/cgroup" : $"/sys/fs/cgroup/{parts[1]}";
            foreach (string folder in parts[1].Length == 0 ? (string[])[root] : [root, "/sys/fs/cgroup/cpu"])
            {
                string? text = TextFile.TryRead($"{folder}{parts[2].TrimEnd('/')}/cpu.stat");
                if (text is not null && Number(text, "nr_periods") is { } periods
                    && Number(text, "nr_throttled") is { } throttled)
                {
                    return (periods, throttled);
                }
            }
        }

        return null;
    }

    private static long? Number(string text, string name)
    {
        string? line = text.Split('\n').FirstOrDefault(line => line.StartsWith(name + " ", StringComparison.Ordinal));
        return line is not null && long.TryParse(line.AsSpan(name.Length + 1), out long value) ? value : null;
    }

    private static string? UnitOf(string path)
    {
        string? unit = path.Split('/').LastOrDefault(part =>
            System.IO.Path.GetExtension(part) is ".service" or ".socket" or ".scope" && !ContainerId().IsMatch(part));
        return unit is null ? null : SafeText.Clean(unit);
    }

    [GeneratedRegex("(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")]
    private static partial Regex ContainerId();
}
