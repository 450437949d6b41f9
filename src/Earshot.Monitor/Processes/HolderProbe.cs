using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Earshot.Monitor.Native;
using Earshot.Monitor.Text;

namespace Earshot.Monitor.Processes;

/// <summary>What a task of a holder does.</summary>
/// <param name="State">R, S, D, T ... as in /proc/PID/status.</param>
/// <param name="Waits">The kernel function it sleeps in; null when that is not shown.</param>
/// <param name="Call">The number of the system call it is in, and its first argument; null when that is not
/// shown.</param>
/// <param name="Switches">How often it went to sleep of its own will.</param>
internal sealed record TaskFacts(char State, string? Waits, (long Number, long First)? Call, long? Switches);

/// <summary>What a holder of a listener does: why it may not be accepting.</summary>
/// <param name="Process">The process.</param>
/// <param name="Tasks">Its tasks, 64 at most.</param>
/// <param name="Descriptors">How many descriptors it has open; null when the kernel does not tell.</param>
/// <param name="DescriptorLimit">Its soft limit of descriptors; null when that cannot be read.</param>
/// <param name="Throttled">Periods since its listener came into trouble, and in how many of them the cgroup's quota
/// stopped it; null when there is no quota.</param>
/// <param name="CpuTicks">Processor time used, in hundredths of a second.</param>
internal sealed record HolderFacts(
    ProcessFacts Process, IReadOnlyList<TaskFacts> Tasks, long? Descriptors, long? DescriptorLimit,
    (long Periods, long Throttled)? Throttled, long? CpuTicks)
{
    /// <summary>Whether every task is stopped by a signal or a tracer.</summary>
    public bool IsStopped => Tasks.Count > 0 && Tasks.All(task => task.State is 'T' or 't');

    /// <summary>Whether a task sleeps in accept() of a descriptor.</summary>
    public bool Accepts => Tasks.Any(task =>
        task.Waits is { } waits && waits.Contains("accept", StringComparison.Ordinal));

    /// <summary>Whether no descriptor is left.</summary>
    public bool IsOutOfDescriptors => Descriptors >= DescriptorLimit && DescriptorLimit > 0;

    /// <summary>What the tasks do, in a few words.</summary>
    public string Activity => Tasks.Count == 0
        ? "not readable"
        : string.Join(", ", Tasks.GroupBy(task => (task.State, task.Waits)).OrderByDescending(group => group.Count())
            .Take(3).Select(group => Describe(group.Key.State, group.Key.Waits, group.Count())));

    private static string Describe(char state, string? waits, int count)
    {
        string what = state switch
        {
            'R' => "running",
            'T' => "stopped by a signal",
            't' => "stopped by a tracer",
            'D' => "waiting for a disk or file system",
            'Z' => "dead",
            _ => "asleep",
        };
        string at = waits is null ? "" : $" in {waits}";
        string times = count > 1 ? $" ({count.ToString(CultureInfo.InvariantCulture)} threads)" : "";
        return what + at + times;
    }
}

/// <summary>Looks into the processes that hold a listener in trouble.</summary>
internal static class HolderProbe
{
    private const int MostTasks = 64;
    private const int MostProcesses = 32;

    /// <summary>Looks at the holders now.</summary>
    /// <param name="holders">The holders.</param>
    /// <param name="throttles">Since when quotas are looked at.</param>
    public static IReadOnlyList<HolderFacts> Look(Holders holders, ThrottleWatch throttles) =>
        [.. holders.Processes.Take(MostProcesses).Select(process => Look(process, throttles))];

    private static HolderFacts Look(ProcessFacts process, ThrottleWatch throttles)
    {
        string folder = $"/proc/{process.Pid.ToString(CultureInfo.InvariantCulture)}";
        var tasks = TextFile.TryList($"{folder}/task", out _).Take(MostTasks).Select(Task).OfType<TaskFacts>().ToList();
        return new HolderFacts(
            process, tasks, Descriptors(folder), DescriptorLimit(folder), throttles.Since(process.Pid),
            CpuTicks(folder));
    }

    private static TaskFacts? Task(string folder)
    {
        string? status = TextFile.TryRead($"{folder}/status");
        if (status is null || TextFile.Field(status, "State") is not { Length: > 0 } state)
        {
            return null;
        }

        string? waits = TextFile.TryRead($"{folder}/wchan");
        return new TaskFacts(
            state[0],
            waits is null or "0" or "" ? null : SafeText.Clean(waits),
            Call(TextFile.TryRead($"{folder}/syscall")),
            long.TryParse(TextFile.Field(status, "voluntary_ctxt_switches"), out long switches) ? switches : null);
    }

    private static (long Number, long First)? Call(string? text)
    {
        string[] words = (text ?? "").Split(' ');
        return words.Length > 1 && long.TryParse(words[0], CultureInfo.InvariantCulture, out long number)
            && long.TryParse(
                words[1].AsSpan(Math.Min(2, words[1].Length)), NumberStyles.HexNumber, CultureInfo.InvariantCulture,
                out long first)
            ? (number, first)
            : null;
    }

    // The size of the folder is the count since Linux 6.2, and 0 before; then it is unknown unless it can be listed.
    private static long? Descriptors(string folder)
    {
        if (FileFacts.Stat($"{folder}/fd") is { Size: > 0 } stat)
        {
            return stat.Size;
        }

        string[] list = TextFile.TryList($"{folder}/fd", out bool denied);
        return denied || list.Length == 0 ? null : list.Length;
    }

    private static long? DescriptorLimit(string folder)
    {
        const string name = "Max open files";
        string? line = (TextFile.TryRead($"{folder}/limits") ?? "").Split('\n')
            .FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
        string? soft = line?[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        return long.TryParse(soft, CultureInfo.InvariantCulture, out long limit) ? limit : null;
    }

    private static long? CpuTicks(string folder)
    {
        const int userTime = 11; // Words after the name: utime and stime.
        string? text = TextFile.TryRead($"{folder}/stat");
        int end = text?.LastIndexOf(')') ?? -1;
        string[] words = end < 0 ? [] : text![(end + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words.Length > userTime + 1 && long.TryParse(words[userTime], out long user)
            && long.TryParse(words[userTime + 1], out long system) ? user + system : null;
    }
}
