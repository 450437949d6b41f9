using System;
using Earshot.Benchmarks.Native;

namespace Earshot.Benchmarks.Peers;

/// <summary>What a piece of work took: processor time of this thread, and bytes that it allocated.</summary>
/// <param name="Nanoseconds">Processor time.</param>
/// <param name="Allocated">Bytes allocated on the managed heap by this thread.</param>
internal readonly record struct Gauge(double Nanoseconds, long Allocated)
{
    /// <summary>Does the work and measures it.</summary>
    internal static Gauge Of(Action work)
    {
        long bytes = GC.GetAllocatedBytesForCurrentThread();
        long before = ThreadClock.Nanoseconds;
        work();
        long after = ThreadClock.Nanoseconds;
        return new Gauge(after - before, GC.GetAllocatedBytesForCurrentThread() - bytes);
    }
}
