using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Profiles;

namespace Earshot.Core.Tests.Profiles;

/// <summary>Reads a line of a table of kernels: what holds from which Linux release on, and for the others.</summary>
/// <remarks>
/// <c>2.4: 128; 5.4: 4096; xnu: 128</c> says nothing of what came before 2.4, 128 of 2.4 to 4.10, 4096 of 5.4 and
/// later, 128 of XNU, and nothing of the other systems. A dash is said of what a kernel has not.
/// </remarks>
internal static class ReleaseTable
{
    internal const string Absent = "-";

    private const string Prefix = "linux-";

    // The order in which they were released; el6 was made from 2.6.32.
    private static readonly string[] Releases =
        ["2.0", "2.2", "2.4", "2.6.11", "2.6.32", "el6", "3.10", "4.4", "4.10", "5.4", "6.1", "6.12", "6.18"];

    private static readonly string[] Others = ["freebsd", "xnu", "bsd-4.4"];

    /// <summary>What the line says of every profile, by the profile's name.</summary>
    internal static Dictionary<string, string> Read(string line)
    {
        var said = line.Split("; ").Select(part => part.Split(": ", 2)).ToDictionary(p => p[0], p => p[1]);
        string[] unknown = [.. said.Keys.Except(Releases).Except(Others)];
        if (unknown.Length > 0)
        {
            throw new ArgumentException($"no such kernel: {string.Join(' ', unknown)}", nameof(line));
        }

        var read = Others.ToDictionary(name => name, name => said.GetValueOrDefault(name, Absent));
        string current = Absent;
        foreach (string release in Releases)
        {
            read[Prefix + release] = current = said.GetValueOrDefault(release, current);
        }

        return read;
    }

    /// <summary>Where profiles say something else than the line, as sentences; none: they agree.</summary>
    internal static IEnumerable<string> Disagreements(string line, Func<KernelProfile, string?> asked)
    {
        Dictionary<string, string> read = Read(line);
        return KernelProfile.All
            .Select(profile => (profile.Name, Has: asked(profile) ?? Absent, Said: read[profile.Name]))
            .Where(cell => cell.Has != cell.Said)
            .Select(cell => $"{cell.Name} has {cell.Has}, the sheets say {cell.Said}");
    }
}
