using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Packetdrill;

/// <summary>Runs many scripts side by side, each on a target of its own.</summary>
public static class ScriptBatch
{
    /// <summary>How many run at a time on the host kernel.</summary>
    public const int AtOnceOnHost = 16;

    // A packet that came late on the host, or a step of ours, may have waited for the machine: its script runs again,
    // nothing beside it.
    private const int RunsAlone = 3;

    /// <summary>Runs scripts.</summary>
    /// <param name="runs">The scripts, each with its IP version.</param>
    /// <param name="maker">Makes the targets.</param>
    /// <param name="told">Told each verdict, in the order of <paramref name="runs"/>; may be null.</param>
    /// <param name="cancellation">Ends the batch early.</param>
    /// <returns>The verdicts, in the order of <paramref name="runs"/>.</returns>
    /// <exception cref="ScriptException">A script asks for something that does not exist.</exception>
    /// <exception cref="CannotRunHereException">This machine or user cannot run the target.</exception>
    /// <exception cref="OperationCanceledException">The batch was ended early.</exception>
    public static IReadOnlyList<ScriptVerdict> Run(
        IReadOnlyList<(Script Script, IpVersion Version)> runs,
        IPacketTargetMaker maker,
        Action<ScriptVerdict>? told = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(runs);
        ArgumentNullException.ThrowIfNull(maker);
        var verdicts = new ScriptVerdict[runs.Count];
        var late = new List<(int Index, ScriptVerdict Verdict)>();
        bool isHost = maker is HostPacketTargetMaker;
        var order = new Lock();
        int next = -1;
        int tellNext = 0;
        Exception? failure = null;

        // Threads of their own rather than the pool's: a run on the host waits most of its time.
        int most = isHost ? AtOnceOnHost : Environment.ProcessorCount;
        OnThreads(Math.Min(most, runs.Count), Work);

        if (failure is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }

        cancellation.ThrowIfCancellationRequested();
        foreach ((int index, ScriptVerdict verdict) in late)
        {
            Finish(index, Again(runs[index], maker, verdict, cancellation));
        }

        return verdicts;

        void Work()
        {
            try
            {
                int i;
                while ((i = Interlocked.Increment(ref next)) < runs.Count && Volatile.Read(ref failure) is null
                    && !cancellation.IsCancellationRequested)
                {
                    ScriptVerdict verdict = new Runner(maker).Run(runs[i].Script, runs[i].Version);
                    if (isHost && verdict.IsLate)
                    {
                        lock (order)
                        {
                            late.Add((i, verdict));
                        }
                    }
                    else
                    {
                        Finish(i, verdict);
                    }
                }
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, e, null);
            }
        }

        void Finish(int index, ScriptVerdict verdict)
        {
            lock (order)
            {
                verdicts[index] = verdict;
                while (tellNext < verdicts.Length && verdicts[tellNext] is { } ready)
                {
                    told?.Invoke(ready);
                    tellNext++;
                }
            }
        }
    }

    private static ScriptVerdict Again(
        (Script Script, IpVersion Version) run, IPacketTargetMaker maker, ScriptVerdict late,
        CancellationToken cancellation)
    {
        for (int i = 0; i < RunsAlone && late.IsLate; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            late = new Runner(maker).Run(run.Script, run.Version);
        }

        return late;
    }

    private static void OnThreads(int count, ThreadStart work)
    {
        Thread[] threads = [.. Enumerable.Range(0, count).Select(_ => new Thread(work) { IsBackground = true })];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }
    }
}
