using System;

namespace Earshot.Core.Time;

/// <summary>The kernel's tick: which jiffy a moment is in, and when a jiffy begins.</summary>
/// <remarks>Jiffies start at -300 s, as in Linux, and the first tick falls at a seeded phase of the clock.</remarks>
internal sealed class JiffyClock
{
    private const int BootJiffySeconds = 300;
    private readonly long _tick;
    private readonly long _origin;
    private readonly long _first;

    internal JiffyClock(int hz, Instant start, Chance chance)
    {
        Hz = hz;
        _tick = Instant.NanosecondsPerSecond / hz;
        _origin = start.Nanoseconds - (long)(chance.Next() % (ulong)_tick);

        // 2^32 minus 300 s: the 32-bit view wraps five minutes after the start, as a kernel's does.
        _first = (1L << 32) - ((long)BootJiffySeconds * hz);
    }

    /// <summary>Ticks a second.</summary>
    internal int Hz { get; }

    /// <summary>The length of a tick in microseconds.</summary>
    internal int TickMicroseconds => (int)(_tick / 1000);

    /// <summary>The jiffy that a moment is in.</summary>
    internal long At(Instant now) => _first + ((now.Nanoseconds - _origin) / _tick);

    /// <summary>When a jiffy begins.</summary>
    internal Instant Start(long jiffy) => new(_origin + ((jiffy - _first) * _tick));

    /// <summary>A time in jiffies, rounded up, at least 1.</summary>
    internal long From(TimeSpan span) => FromMicroseconds(span.Ticks / TimeSpan.TicksPerMicrosecond);

    /// <summary>Milliseconds in jiffies, rounded up; 0 stays 0.</summary>
    internal long FromMilliseconds(int milliseconds) => ((milliseconds * 1_000_000L) + _tick - 1) / _tick;

    /// <summary>Microseconds in jiffies, rounded up, at least 1.</summary>
    internal long FromMicroseconds(long microseconds) =>
        Math.Max(1, ((microseconds * 1000) + _tick - 1) / _tick);
}
