using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using Earshot.Tests;
using Xunit;

namespace Earshot.Monitor.Tests.Incidents;

/// <summary>A cgroup of the test's own that lets its processes run for a part of the time only.</summary>
internal sealed class CpuQuota : IDisposable
{
    private const int PeriodMicroseconds = 100_000;
    private const string OldController = "/sys/fs/cgroup/cpu", Unified = "/sys/fs/cgroup";

    private static int _count;
    private readonly string _folder;

    /// <summary>Makes it.</summary>
    /// <param name="share">The part of one processor.</param>
    public CpuQuota(double share)
    {
        bool old = File.Exists($"{OldController}/cgroup.procs");
        _folder = Path.Combine(
            old ? OldController : Unified, $"earmon{Environment.ProcessId}-{Interlocked.Increment(ref _count)}");
        Directory.CreateDirectory(_folder);
        string quota = ((int)(share * PeriodMicroseconds)).ToString(CultureInfo.InvariantCulture);
        if (old)
        {
            File.WriteAllText(
                $"{_folder}/cpu.cfs_period_us", PeriodMicroseconds.ToString(CultureInfo.InvariantCulture));
            File.WriteAllText($"{_folder}/cpu.cfs_quota_us", quota);
        }
        else
        {
            File.WriteAllText($"{_folder}/cpu.max", $"{quota} {PeriodMicroseconds}");
        }
    }

    /// <summary>Why there can be none here; null when there can.</summary>
    public static string? Missing =>
        File.Exists($"{OldController}/cpu.cfs_quota_us") || File.Exists($"{OldController}/cgroup.procs") ? null
        : !File.Exists($"{Unified}/cgroup.subtree_control") ? "needs a cgroup hierarchy"
        : File.ReadAllText($"{Unified}/cgroup.subtree_control").Split(' ', '\n').Contains("cpu") ? null
        : "needs the cpu controller of cgroups";

    public void Add(int pid) =>
        File.WriteAllText($"{_folder}/cgroup.procs", pid.ToString(CultureInfo.InvariantCulture));

    public void Dispose()
    {
        // Whoever is still in it goes back to the root; a cgroup with processes cannot be removed.
        foreach (string pid in File.ReadAllLines($"{_folder}/cgroup.procs"))
        {
            File.WriteAllText($"{Path.GetDirectoryName(_folder)}/cgroup.procs", pid);
        }

        Directory.Delete(_folder);
    }
}

/// <summary>A test that needs root, tools, and a cgroup with a quota.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class QuotaFactAttribute : FactAttribute
{
    public QuotaFactAttribute(string tools) => Skip = Host.Missing(Needs.Root, tools) ?? CpuQuota.Missing;
}
