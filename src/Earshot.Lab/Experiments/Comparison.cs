using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Core.Profiles;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Experiments;

/// <summary>What came of a plan run on the embedded stack and on the host's kernel.</summary>
/// <param name="Plan">The plan.</param>
/// <param name="Stack">The stack's run; null when it could not be carried out.</param>
/// <param name="Host">The host's run; null when it could not be carried out.</param>
/// <param name="Differences">What they do not share, the earliest first.</param>
/// <param name="Problem">Why a run could not be carried out; null when both were.</param>
public sealed record Comparison(
    Plan Plan, RunResult? Stack, RunResult? Host, IReadOnlyList<Difference> Differences, string? Problem)
{
    /// <summary>How many plans run at a time unless told otherwise: a run on the host mostly sleeps.</summary>
    public const int DefaultAtOnce = 16;

    private const int Attempts = 3;

    /// <summary>Whether both runs were carried out and share everything that is compared.</summary>
    public bool IsSame => Problem is null && Differences.Count == 0;

    /// <summary>Runs a plan on both and compares.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="progress">Told as the runs go on; may be null.</param>
    /// <param name="cancellation">Ends the runs early.</param>
    /// <exception cref="CannotRunHereException">This machine or user cannot run the host's half.</exception>
    public static Comparison Of(
        Plan plan, IProgress<LabProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        RunResult? stack = null;
        RunResult? host = null;
        string? problem = Try(() => stack = new StackTarget(KernelProfile.Linux618).Run(plan, progress, cancellation))
            ?? Try(() => host = new HostTarget().Run(plan, progress, cancellation));
        IReadOnlyList<Difference> differences =
            stack is not null && host is not null ? Compare.Runs(stack, host) : [];
        return new Comparison(plan, stack, host, differences, problem);
    }

    /// <summary>Runs several plans, each on both, many at once.</summary>
    /// <param name="plans">The plans.</param>
    /// <param name="atOnce">The most runs at a time, at least 1.</param>
    /// <param name="done">Told each comparison when it is done, on any thread; may be null.</param>
    /// <param name="cancellation">Ends the runs early.</param>
    /// <returns>The comparisons, in the order of the plans.</returns>
    /// <exception cref="CannotRunHereException">This machine or user cannot run the host's half.</exception>
    public static IReadOnlyList<Comparison> All(
        IReadOnlyList<Plan> plans,
        int atOnce = DefaultAtOnce,
        Action<Comparison>? done = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(plans);
        ArgumentOutOfRangeException.ThrowIfLessThan(atOnce, 1);
        HostNamespace.RequireHost();
        var results = new Comparison[plans.Count];
        IReadOnlyList<int> left = [.. Enumerable.Range(0, plans.Count)];
        for (int attempt = 0; attempt < Attempts && left.Count > 0; attempt++)
        {
            Some(plans, left, Math.Max(1, atOnce >> (2 * attempt)), results, cancellation);
            foreach (int i in left.Where(i => attempt == Attempts - 1 || !results[i].MayBeLate))
            {
                done?.Invoke(results[i]);
            }

            left = [.. left.Where(i => results[i].MayBeLate)];
        }

        return results;
    }

    // A machine that had no time for a run shows late looks and packets. Then another run, with fewer beside it, may
    // help; what the kernel does otherwise is the same every time.
    private bool MayBeLate => Host is not null && !IsSame && (Host.Notes.Count > 0 || Differences.All(d => d.IsTime));

    private static void Some(
        IReadOnlyList<Plan> plans,
        IReadOnlyList<int> which,
        int atOnce,
        Comparison[] results,
        CancellationToken cancellation)
    {
        using var room = new SemaphoreSlim(atOnce);
        var tasks = new List<Task>();

        // The longest first: otherwise the last one would be waited for alone.
        foreach (int i in which.OrderByDescending(i => plans[i].Duration))
        {
            room.Wait(cancellation);
            tasks.Add(Task.Factory.StartNew(
                () =>
                {
                    try
                    {
                        results[i] = Of(plans[i], null, cancellation);
                    }
                    finally
                    {
                        room.Release();
                    }
                },
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default));
        }

        foreach (Task task in tasks)
        {
            task.GetAwaiter().GetResult();
        }
    }

    private static string? Try(Action run)
    {
        try
        {
            run();
            return null;
        }
        catch (ExperimentFailedException e)
        {
            return e.Message;
        }
    }
}
