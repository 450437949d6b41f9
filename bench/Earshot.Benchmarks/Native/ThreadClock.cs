using System;
using System.Runtime.InteropServices;

namespace Earshot.Benchmarks.Native;

/// <summary>The processor time of the calling thread, and the core that it runs on.</summary>
internal static partial class ThreadClock
{
    private const int ClockThreadCpuTime = 3;
    private const int BitsPerWord = 64;

    /// <summary>
    /// Nanoseconds of processor time that the calling thread has used. Linux: CLOCK_THREAD_CPUTIME_ID.
    /// </summary>
    /// <exception cref="PlatformNotSupportedException">Not on Linux.</exception>
    internal static long Nanoseconds
    {
        get
        {
            if (!OperatingSystem.IsLinux())
            {
                throw new PlatformNotSupportedException("thread processor time comes from Linux's clock_gettime");
            }

            _ = GetTime(ClockThreadCpuTime, out TimeSpec time);
            return (time.Seconds * 1_000_000_000) + time.Nanoseconds;
        }
    }

    /// <summary>Binds the calling thread to a core.</summary>
    /// <param name="core">The core's number, 0 to 63.</param>
    /// <returns>Whether the kernel agreed.</returns>
    internal static bool Pin(int core)
    {
        ulong mask = 1ul << (core % BitsPerWord);
        return OperatingSystem.IsLinux() && SetAffinity(0, sizeof(ulong), ref mask) == 0;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out TimeSpec time);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int thread, nuint size, ref ulong mask);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
