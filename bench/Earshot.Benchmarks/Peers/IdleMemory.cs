using System;
using System.Collections.Generic;
using System.IO;
using Earshot.Benchmarks.Workloads;

namespace Earshot.Benchmarks.Peers;

/// <summary>What established connections cost that nothing happens on.</summary>
internal static class IdleMemory
{
    private const double MostBytesOfBothEnds = 1400;

    /// <summary>Measures both ends of so many: by what the whole process takes more.</summary>
    internal static IEnumerable<Measure> Run(int count)
    {
        double most = count * MostBytesOfBothEnds / 1e6;
        yield return new Measure(
            $"Memory of {count} idle connections, both ends", Megabytes(count, withExchange: false), "MB", most);
        yield return new Measure(
            "The same after a request and its reply on each", Megabytes(count, withExchange: true), "MB", most);
    }

    private static double Megabytes(int count, bool withExchange)
    {
        using (var few = new IdleConnections())
        {
            few.Open(1000, withExchange);
        }

        using var idle = new IdleConnections();
        Memory.GiveBack();
        long resident = Memory.Resident();
        idle.Open(count, withExchange);
        Memory.Collect();
        return (Memory.Resident() - resident) / 1e6;
    }
}

/// <summary>What this process takes.</summary>
internal static class Memory
{
    private const int PageSize = 4096;

    /// <summary>Collects everything and gives the memory back: what was used before is no room for what
    /// comes.</summary>
    internal static void GiveBack()
    {
        Collect();
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }

    /// <summary>Collects everything.</summary>
    /// <returns>
    /// Milliseconds of pause of the last of three collections: the first two clear away what is dead.
    /// </returns>
    internal static double Collect()
    {
        double last = 0;
        for (int i = 0; i < 3; i++)
        {
            TimeSpan before = GC.GetTotalPauseDuration();
            GC.Collect(2, GCCollectionMode.Forced, blocking: true);
            last = (GC.GetTotalPauseDuration() - before).TotalMilliseconds;
        }

        return last;
    }

    /// <summary>Bytes of memory that are resident.</summary>
    internal static long Resident()
    {
        string[] fields = File.ReadAllText("/proc/self/statm").Split(' ');
        return long.Parse(fields[1]) * PageSize;
    }
}
