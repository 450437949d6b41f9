using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Earshot.Monitor.Processes;

/// <summary>How often quotas have stopped processes since their listeners came into trouble: what a cgroup counts since
/// it was made says little of now.</summary>
internal sealed class ThrottleWatch
{
    private const int MostProcesses = 1024;

    private readonly Dictionary<int, (long Periods, long Throttled)?> _before = [];

    /// <summary>Begins to look at those that came into trouble, goes on with those that were, and forgets the
    /// others.</summary>
    /// <param name="inTrouble">The processes whose listeners are in trouble now.</param>
    public void Update(IEnumerable<ProcessFacts> inTrouble)
    {
        var pids = inTrouble.Select(process => process.Pid).Distinct().Take(MostProcesses).ToHashSet();
        foreach (int pid in _before.Keys.Where(pid => !pids.Contains(pid)).ToList())
        {
            _before.Remove(pid);
        }

        foreach (int pid in pids)
        {
            if (!_before.ContainsKey(pid))
            {
                _before[pid] = Read(pid);
            }
        }
    }

    /// <summary>Periods since then and how many of them the process was stopped in; null when there is no quota, or
    /// it is not looked at.</summary>
    public (long Periods, long Throttled)? Since(int pid) =>
        _before.GetValueOrDefault(pid) is { } before && Read(pid) is { } now && now.Periods >= before.Periods
            ? (now.Periods - before.Periods, now.Throttled - before.Throttled)
            : null;

    private static (long Periods, long Throttled)? Read(int pid) =>
        Cgroup.Throttling($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/cgroup");
}
