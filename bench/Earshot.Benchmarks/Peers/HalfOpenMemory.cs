using System;
using System.Collections.Generic;
using Earshot.Benchmarks.Workloads;

namespace Earshot.Benchmarks.Peers;

/// <summary>
/// What a million half-open connections cost: bytes each, and the pause of a full collection beside them.
/// </summary>
internal static class HalfOpenMemory
{
    private const int Count = 1_000_000;
    private const double MostBytes = 96;
    private const double MostBytesOfMany = 110;
    private const double MostPause = 5;

    /// <summary>Measures.</summary>
    /// <param name="many">Half-opens of a second measurement of memory alone; 0: none.</param>
    internal static IEnumerable<Measure> Run(int many)
    {
        // The SYNs of a small flood make everything that is made once, so that the second stack's growth is its
        // requests'.
        using (var small = new SynFlood(10_000))
        {
            small.Prepare();
            small.Run();
        }

        using var flood = new SynFlood(Count);
        flood.Prepare();
        Memory.GiveBack();
        long resident = Memory.Resident();
        long heap = GC.GetTotalMemory(false);
        int full = GC.CollectionCount(2);
        TimeSpan paused = GC.GetTotalPauseDuration();
        flood.Run();
        double pauseInFlood = (GC.GetTotalPauseDuration() - paused).TotalMilliseconds;
        int fullInFlood = GC.CollectionCount(2) - full;
        double forced = Memory.Collect();
        double residentEach = (Memory.Resident() - resident) / (double)Count;
        double heapEach = (GC.GetTotalMemory(false) - heap) / (double)Count;
        if (flood.Queued != Count)
        {
            throw new InvalidOperationException($"{flood.Queued} of {Count} SYNs are in the queue");
        }

        yield return new Measure("Bytes per half-open, index included (resident memory)", residentEach, "B", MostBytes);
        yield return new Measure("Bytes per half-open of these on the managed heap", heapEach, "B", null);
        yield return new Measure("Full collections while 1 M half-opens were made", fullInFlood, "", null);
        yield return new Measure("All pauses while 1 M half-opens were made", pauseInFlood, "ms", null);
        yield return new Measure("A forced full collection beside 1 M half-opens", forced, "ms", MostPause);
        if (many > 0)
        {
            yield return Many(many);
        }
    }

    private static Measure Many(int count)
    {
        using var flood = new SynFlood(1);
        flood.Prepare();
        Memory.GiveBack();
        long resident = Memory.Resident();
        flood.Crowd(count);
        double megabytes = (Memory.Resident() - resident) / 1e6;
        if (flood.Queued != count)
        {
            throw new InvalidOperationException($"{flood.Queued} of {count} SYNs are in the queue");
        }

        return new Measure($"Memory of {count} half-opens", megabytes, "MB", count * MostBytesOfMany / 1e6);
    }
}
