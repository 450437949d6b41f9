using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using Earshot.Monitor.Native;
using Earshot.Monitor.Reading;
using Earshot.Monitor.Text;

namespace Earshot.Monitor.Processes;

/// <summary>Finds the processes that hold a socket: the dear part of monitoring, so walked seldom and
/// remembered.</summary>
internal sealed class ProcessTable
{
    // A walk may use a hundredth of one processor: after one of 20 ms the next comes two seconds later.
    private const int Share = 100;
    private const int MostHolders = 64;
    private static readonly TimeSpan Oldest = TimeSpan.FromSeconds(30);

    private readonly Dictionary<uint, List<ProcessFacts>> _holders = [];
    private readonly HashSet<uint> _lookedFor = [];
    private long _walked;
    private TimeSpan _walkTook;
    private bool _anyDenied;

    /// <summary>When the machine started; null when /proc does not say.</summary>
    public static DateTimeOffset? Boot { get; } = ReadBoot();

    /// <summary>What looking has cost so far.</summary>
    public TimeSpan Cost { get; private set; }

    /// <summary>Looks for the holders of sockets not seen before, and for changed ones now and then.</summary>
    /// <param name="inodes">The sockets of interest.</param>
    /// <param name="force">Whether to walk now, whatever it costs.</param>
    public void Update(IEnumerable<uint> inodes, bool force = false)
    {
        var wanted = inodes.ToHashSet();
        TimeSpan since = _walked == 0 ? TimeSpan.MaxValue : Stopwatch.GetElapsedTime(_walked);
        bool isNew = wanted.Any(inode => !_lookedFor.Contains(inode));
        if (force || (isNew && since > _walkTook * Share) || (since > Oldest && since > _walkTook * Share))
        {
            Walk(wanted);
        }
    }

    /// <summary>Who holds a socket, as of the last walk. Where nobody was found it is not known: the holder may be in
    /// another PID namespace.</summary>
    public Holders Of(uint inode) => _holders.TryGetValue(inode, out List<ProcessFacts>? found)
        ? new Holders(found, !_anyDenied)
        : Holders.Unknown;

    private void Walk(HashSet<uint> wanted)
    {
        long start = Stopwatch.GetTimestamp();
        _holders.Clear();
        _lookedFor.Clear();
        _lookedFor.UnionWith(wanted);
        _anyDenied = false;
        foreach (int pid in NetNamespace.Pids().Order())
        {
            string folder = $"/proc/{pid.ToString(CultureInfo.InvariantCulture)}";
            ProcessFacts? facts = null;
            string[] links = TextFile.TryList($"{folder}/fd", out bool denied);
            foreach (string link in links)
            {
                if (SocketInode(link) is { } inode && wanted.Contains(inode))
                {
                    facts ??= Describe(pid, folder);
                    Keep(inode, facts with { Descriptor = DescriptorOf(link) });
                }
            }

            _anyDenied |= denied;
        }

        _walkTook = Stopwatch.GetElapsedTime(start);
        _walked = Stopwatch.GetTimestamp();
        Cost += _walkTook;
    }

    private void Keep(uint inode, ProcessFacts facts)
    {
        if (!_holders.TryGetValue(inode, out List<ProcessFacts>? list))
        {
            _holders[inode] = list = [];
        }

        if (list.Count < MostHolders && list.All(other => other.Pid != facts.Pid))
        {
            list.Add(facts);
        }
    }

    private static int DescriptorOf(string link) =>
        int.Parse(link.AsSpan(link.LastIndexOf('/') + 1), CultureInfo.InvariantCulture);

    private static uint? SocketInode(string link)
    {
        const string prefix = "socket:[";
        string? target = FileFacts.ReadLink(link, out _);
        return target is not null && target.StartsWith(prefix, StringComparison.Ordinal)
            && uint.TryParse(target.AsSpan(prefix.Length).TrimEnd(']'), CultureInfo.InvariantCulture, out uint inode)
            ? inode
            : null;
    }

    private static ProcessFacts Describe(int pid, string folder)
    {
        string command = SafeText.Clean((TextFile.TryRead($"{folder}/comm") ?? "?").TrimEnd('\n'));
        Cgroup cgroup = Cgroup.Parse(TextFile.TryRead($"{folder}/cgroup") ?? "");
        return new ProcessFacts(pid, 0, command, cgroup.Unit, cgroup.Container, Started(folder));
    }

    private static DateTimeOffset? Started(string folder)
    {
        const double ticksPerSecond = 100; // USER_HZ, the same on every architecture .NET runs on.
        const int startTime = 19;          // Words after the name: field 22 of the file is the 20th.
        string? text = TextFile.TryRead($"{folder}/stat");
        int end = text?.LastIndexOf(')') ?? -1;
        string[] words = end < 0 ? [] : text![(end + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words.Length > startTime && Boot is { } boot
            && long.TryParse(words[startTime], CultureInfo.InvariantCulture, out long ticks)
            ? boot.AddSeconds(ticks / ticksPerSecond)
            : null;
    }

    private static DateTimeOffset? ReadBoot()
    {
        string? line = (TextFile.TryRead("/proc/stat") ?? "").Split('\n')
            .FirstOrDefault(line => line.StartsWith("btime ", StringComparison.Ordinal));
        return line is not null && long.TryParse(line.AsSpan(6), CultureInfo.InvariantCulture, out long seconds)
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : null;
    }
}
