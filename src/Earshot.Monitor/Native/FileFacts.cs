using System;
using System.Runtime.InteropServices;
using System.Text;

namespace Earshot.Monitor.Native;

/// <summary>What .NET's file API does not tell: inode numbers and the targets of /proc's links.</summary>
internal static unsafe class FileFacts
{
    private const int LongestLink = 4096;

    // struct statx: the same on every architecture.
    private const int StatxLength = 256;
    private const int InodeOffset = 32;
    private const int SizeOffset = 40;
    private const int ClockMonotonic = 1;
    private const int AbsoluteTime = 1;
    private const long NanosecondsPerSecond = 1_000_000_000;
    private const int ClockThreadCpu = 3;

    /// <summary>Where a symbolic link leads; null when it cannot be read.</summary>
    /// <param name="path">The link.</param>
    /// <param name="denied">Whether it could not be read for want of rights.</param>
    public static string? ReadLink(string path, out bool denied)
    {
        byte* target = stackalloc byte[LongestLink];
        nint length = Libc.ReadLink(path, target, LongestLink);
        denied = length < 0 && Marshal.GetLastPInvokeError() is Libc.ErrorAccess or 1;
        return length < 0 ? null : Encoding.UTF8.GetString(target, (int)length);
    }

    /// <summary>The inode number and size of a file; null when it cannot be asked.</summary>
    public static (ulong Inode, long Size)? Stat(string path)
    {
        byte* result = stackalloc byte[StatxLength];
        return Libc.Statx(Libc.AtFdCwd, path, 0, Libc.StatxBasic, result) < 0
            ? null
            : (*(ulong*)(result + InodeOffset), *(long*)(result + SizeOffset));
    }

    /// <summary>The processor time this thread has used.</summary>
    public static TimeSpan ThreadCpu() => Clock(ClockThreadCpu);

    /// <summary>A clock that never goes back, in nanoseconds.</summary>
    public static long Monotonic()
    {
        long* time = stackalloc long[2];
        return Libc.ClockNow(ClockMonotonic, time) < 0 ? 0 : (time[0] * NanosecondsPerSecond) + time[1];
    }

    /// <summary>Sleeps until a moment of <see cref="Monotonic"/>; a thread that does so a hundred times a second pays
    /// for nothing but the call.</summary>
    public static void SleepUntil(long moment)
    {
        long* time = stackalloc long[2] { moment / NanosecondsPerSecond, moment % NanosecondsPerSecond };
        _ = Libc.SleepUntil(ClockMonotonic, AbsoluteTime, time, null);
    }

    private static TimeSpan Clock(int clock)
    {
        long* time = stackalloc long[2];
        return Libc.ClockNow(clock, time) < 0
            ? TimeSpan.Zero
            : TimeSpan.FromTicks((time[0] * TimeSpan.TicksPerSecond) + (time[1] / TimeSpan.NanosecondsPerTick));
    }
}
