using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using Earshot.Monitor.Native;
using Earshot.Monitor.Text;

namespace Earshot.Monitor.Processes;

/// <summary>Finds the cgroup in which a listener was made by its number, the inode of its folder in the unified
/// hierarchy. The kernel tells the number to anybody, so a unit is known where the processes are another
/// user's.</summary>
internal sealed class CgroupMap
{
    private const ulong Root = 1;
    private const int MostFolders = 20_000;
    private static readonly TimeSpan Oldest = TimeSpan.FromSeconds(30);

    private readonly Dictionary<ulong, Cgroup> _known = [];
    private readonly string? _mount = Mount();
    private long _walked;

    /// <summary>The cgroup of a number; null when it has none, or none that is found.</summary>
    public Cgroup? Of(ulong? id)
    {
        if (id is not { } number || number <= Root || _mount is null)
        {
            return null;
        }

        if (!_known.ContainsKey(number) && (_walked == 0 || Stopwatch.GetElapsedTime(_walked) > Oldest))
        {
            Walk(_mount);
        }

        return _known.GetValueOrDefault(number);
    }

    private void Walk(string mount)
    {
        _walked = Stopwatch.GetTimestamp();
        _known.Clear();
        var folders = new Queue<string>([mount]);
        for (int i = 0; i < MostFolders && folders.TryDequeue(out string? folder); i++)
        {
            if (FileFacts.Stat(folder) is { } stat)
            {
                _known[stat.Inode] = Cgroup.Parse("0::/" + folder[mount.Length..].TrimStart('/'));
            }

            try
            {
                foreach (string inner in Directory.EnumerateDirectories(folder))
                {
                    folders.Enqueue(inner);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It went away meanwhile, or is not to be looked into.
            }
        }
    }

    // "36 25 0:31 / /sys/fs/cgroup rw,... - cgroup2 cgroup2 rw": the fifth word.
    private static string? Mount() => (TextFile.TryRead("/proc/self/mountinfo") ?? "").Split('\n')
        .Where(line => line.Contains(" - cgroup2 ", StringComparison.Ordinal))
        .Select(line => line.Split(' ')).Where(words => words.Length > 4).Select(words => words[4]).FirstOrDefault();
}
