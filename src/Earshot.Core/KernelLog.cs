using System.Collections.Generic;
using Earshot.Core.Time;

namespace Earshot.Core;

/// <summary>A line of the kernel's log.</summary>
/// <param name="Time">When it was written.</param>
/// <param name="Text">The line, without a time.</param>
public readonly record struct KernelLogLine(Instant Time, string Text);

/// <summary>What the kernel would have written to its log (dmesg): the newest lines, within its limit.</summary>
/// <remarks>Linux: net_ratelimit: ten lines in five seconds; more are counted, and told when the next may be
/// written.</remarks>
public sealed class KernelLog
{
    /// <summary>Lines that are kept; older ones are forgotten.</summary>
    public const int Limit = 1000;

    private const int Burst = 10;
    private const long IntervalNanoseconds = 5 * Instant.NanosecondsPerSecond;

    private readonly Queue<KernelLogLine> _lines = new();
    private long _windowStart = long.MinValue;
    private int _printed;
    private long _missed;
    private long _minuteStart = long.MinValue;

    /// <summary>The lines, the oldest first.</summary>
    public IReadOnlyCollection<KernelLogLine> Lines => _lines;

    /// <summary>Lines that were ever written, those that are forgotten too.</summary>
    internal long Count { get; private set; }

    /// <summary>Whether one more line may be written now; if so it must be.</summary>
    internal bool TryTake(Instant now)
    {
        if (_windowStart == long.MinValue || now.Nanoseconds - _windowStart > IntervalNanoseconds)
        {
            if (_missed > 0)
            {
                Add(now, $"net_ratelimit: {_missed} callbacks suppressed");
            }

            _windowStart = now.Nanoseconds;
            _printed = 0;
            _missed = 0;
        }

        if (_printed < Burst)
        {
            _printed++;
            return true;
        }

        _missed++;
        return false;
    }

    /// <summary>Whether a minute has passed since the last line of this kind; if so one must be written now.</summary>
    internal bool TryTakeMinute(Instant now)
    {
        const long Minute = 60 * Instant.NanosecondsPerSecond;
        if (_minuteStart != long.MinValue && now.Nanoseconds - _minuteStart <= Minute)
        {
            return false;
        }

        _minuteStart = now.Nanoseconds;
        return true;
    }

    internal void Add(Instant now, string text)
    {
        if (_lines.Count == Limit)
        {
            _lines.Dequeue();
        }

        _lines.Enqueue(new KernelLogLine(now, text));
        Count++;
    }
}
