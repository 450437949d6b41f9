using System.Collections.Generic;
using System.Globalization;

namespace Earshot.Monitor.Processes;

/// <summary>How often quotas have stopped processes since somebody began to look: what a cgroup counts since it was
/// made
/// says little of now.</summary>
internal sealed class ThrottleWatch
{
    private const int MostProcesses = 1024;

    private readonly Dictionary<int, (long Periods, long Throttled)?> _before = [];

    /// <summary>Begins to look at processes, those that are looked at already excepted.</summary>
    public void Begin(IEnumerable<ProcessFacts> processes)
    {
        foreach (ProcessFacts process in processes)
        {
            if (_before.Count < MostProcesses && !_before.ContainsKey(process.Pid))
            {
                _before[process.Pid] = Read(process.Pid);
            }
        }
    }

    /// <summary>Periods since then and how many of them the process was stopped in; null when there is no quota, or
    /// nobody began to look.</summary>
    public (long Periods, long Throttled)? Since(int pid) =>
        _before.GetValueOrDefault(pid) is { } before && Read(pid) is { } now && now.Periods >= before.Periods
            ? (now.Periods - before.Periods, now.Throttled - before.Throttled)
            : null;

    private static (long Periods, long Throttled)? Read(int pid) =>
        Cgroup.Throttling($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/cgroup");
}
