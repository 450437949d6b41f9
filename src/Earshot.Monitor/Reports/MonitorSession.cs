using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Monitor.Processes;
using Earshot.Monitor.Reading;
using Earshot.Monitor.Sampling;
using Earshot.Monitor.Verdicts;

namespace Earshot.Monitor.Reports;

/// <summary>What was found out about a host over a time.</summary>
internal sealed record HostReport
{
    public required DateTimeOffset From { get; init; }

    public required DateTimeOffset To { get; init; }

    public required IReadOnlyList<NamespaceWindow> Windows { get; init; }

    public required IReadOnlyList<Finding> Findings { get; init; }

    /// <summary>What cannot be known, in words.</summary>
    public required IReadOnlyList<string> Unknown { get; init; }
}

/// <summary>A monitor at work: samples by the clock, and judges what it remembers.</summary>
internal sealed class MonitorSession : IDisposable
{
    private const int ProcessesEvery = 10;
    private static readonly TimeSpan Enough = TimeSpan.FromSeconds(2);

    private readonly long _started = System.Diagnostics.Stopwatch.GetTimestamp();
    private readonly ThrottleWatch _throttles = new();
    private readonly CgroupMap _cgroups = new();
    private int _samples;
    private long _settledAt;
    private TimeSpan _settledCost;

    public MonitorSession(MonitorOptions options)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException("the monitor reads a Linux kernel; this is another system");
        }

        Options = options;
        Sampler = new HostSampler(options);
    }

    public MonitorOptions Options { get; }

    public HostSampler Sampler { get; }

    public HostHistory History => Sampler.History;

    /// <summary>What looking costs, as a part of one processor, without judging and drawing; the beginning, when
    /// everything runs for the first
    /// time, is left out as soon as there is more.</summary>
    public double CostShare
    {
        get
        {
            TimeSpan passed = System.Diagnostics.Stopwatch.GetElapsedTime(_started);
            TimeSpan settled = _settledAt == 0
                ? TimeSpan.Zero
                : System.Diagnostics.Stopwatch.GetElapsedTime(_settledAt);
            return settled > Enough ? (Sampler.Cost - _settledCost) / settled : Sampler.Cost / passed;
        }
    }

    /// <summary>Looks once, now.</summary>
    /// <param name="withSynRecv">Whether to look at half-open connections everywhere.</param>
    /// <param name="whole">Whether to ask for everything though nothing says that it moved.</param>
    public IReadOnlyList<NamespaceDelta> Sample(bool withSynRecv = false, bool whole = false)
    {
        IReadOnlyList<NamespaceDelta> deltas = Sampler.Sample(DateTimeOffset.UtcNow, withSynRecv, whole);

        // To ask whether some are unknown touches every listener, so only when there are new ones, or now and then.
        if (Options.WithProcesses && (_samples++ % ProcessesEvery == 0 || deltas.Any(delta => delta.Added.Count > 0)))
        {
            Sampler.FindProcesses();
        }

        if (_settledAt == 0 && System.Diagnostics.Stopwatch.GetElapsedTime(_started) > Enough)
        {
            _settledAt = System.Diagnostics.Stopwatch.GetTimestamp();
            _settledCost = Sampler.Cost;
        }

        _throttles.Update(Sampler.Trouble.Inodes.SelectMany(inode => Sampler.Processes.Of(inode).Processes));
        return deltas;
    }

    /// <summary>Samples for a time.</summary>
    /// <param name="length">For how long.</param>
    /// <param name="interval">How often.</param>
    /// <param name="cancellation">Ends it early.</param>
    public async Task RunAsync(TimeSpan length, TimeSpan interval, CancellationToken cancellation)
    {
        Sample(withSynRecv: true);
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        while (System.Diagnostics.Stopwatch.GetElapsedTime(start) is var passed && passed < length)
        {
            TimeSpan rest = length - passed;
            await Task.Delay(rest < interval ? rest : interval, cancellation).ConfigureAwait(false);
            Sample(withSynRecv: true, whole: rest <= interval);
        }
    }

    /// <summary>Judges a time that is remembered.</summary>
    /// <param name="from">Its beginning.</param>
    /// <param name="to">Its end.</param>
    public HostReport Judge(DateTimeOffset from, DateTimeOffset to)
    {
        NamespaceHistory? own = History.Namespaces.FirstOrDefault(space => space.Namespace.Path is null);
        long? hostSomaxconn = own is not null && own.Sysctls.TryGetValue(Names.Somaxconn, out long value)
            ? value
            : null;
        var windows = History.Namespaces.Where(space => !space.IsEnded)
            .Select(space => Windows.Of(
                space, from, to, Sampler.Processes.Of, Sampler.Trouble.ProgressOf, hostSomaxconn))
            .Select(WithLooks).Select(WithCgroups).ToList();
        return Reporter.Report(windows, from, to, Sampler.Unknown);
    }

    public void Dispose() => Sampler.Dispose();

    private NamespaceWindow WithCgroups(NamespaceWindow window) => window.Listeners.All(
        one => one.Holders.Processes.Count > 0 || one.Facts.Cgroup is null)
        ? window
        : window with
        {
            Listeners =
            [
                .. window.Listeners.Select(one => one.Holders.Processes.Count > 0
                    ? one
                    : one with { Cgroup = _cgroups.Of(one.Facts.Cgroup) }),
            ],
        };

    // The dear look into processes only where a queue is or was in trouble.
    private NamespaceWindow WithLooks(NamespaceWindow window) => window with
    {
        Listeners =
        [
            .. window.Listeners.Select(one => !one.HasEnded && (one.WasHalfFull || one.Drops > 0)
                ? one with { Looks = HolderProbe.Look(one.Holders, _throttles) }
                : one),
        ],
    };
}

/// <summary>Puts the verdicts on several namespaces together.</summary>
internal static class Reporter
{
    public static HostReport Report(
        IReadOnlyList<NamespaceWindow> windows, DateTimeOffset from, DateTimeOffset to,
        IReadOnlyList<string> unknown) => new()
        {
            From = from,
            To = to,
            Windows = windows,
            Findings =
            [
                .. windows.SelectMany(VerdictEngine.Judge).OrderByDescending(finding => finding.Severity)
                    .ThenByDescending(finding => finding.Confidence),
            ],
            Unknown = [.. unknown.Concat(windows.SelectMany(VerdictEngine.Unknowable)).Distinct()],
        };
}
