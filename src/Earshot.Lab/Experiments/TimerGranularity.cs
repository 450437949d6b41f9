using System;

namespace Earshot.Lab.Experiments;

/// <summary>How late the kernel's timers may be: the granularity of its wheel.</summary>
/// <remarks>
/// The rule is calc_wheel_index of kernel/time/timer.c. A timer less than 64 ticks away is exact; from there on it is
/// rounded up, to 8 ticks below 512, to 64 below 4096, to 512 below 32768 and to 4096 beyond. It is never early, and
/// at most one more tick late, because it may be armed in the middle of one.
/// </remarks>
/// <param name="ticksPerSecond">The kernel's HZ.</param>
public sealed class TimerGranularity(int ticksPerSecond)
{
    /// <summary>HZ of the reference kernel.</summary>
    public const int DefaultTicksPerSecond = 250;

    /// <summary>How much later than its cause a packet may be that no timer sends: a program has to be scheduled
    /// first.</summary>
    public static readonly TimeSpan ImmediateSlack = TimeSpan.FromMilliseconds(20);

    // What TCP's timers are set to, in seconds: retransmission of SYN and SYN-ACK with 1 s or 3 s to begin with,
    // doubled up to 120 s; 0.04 and 0.2 are the delayed ACK and the least RTO.
    private static readonly double[] KnownTimers =
        [0.04, 0.2, 0.4, 0.8, 1, 1.6, 2, 3, 3.2, 4, 6, 6.4, 8, 12, 16, 24, 32, 48, 64, 96, 120];

    /// <summary>One tick.</summary>
    public TimeSpan Tick { get; } = TimeSpan.FromSeconds(1.0 / ticksPerSecond);

    /// <summary>How much later than asked a timer may fire.</summary>
    /// <param name="timer">What it was set to.</param>
    /// <returns>The wheel's granule and one tick.</returns>
    public TimeSpan Lateness(TimeSpan timer)
    {
        double ticks = Math.Ceiling(timer.TotalSeconds * ticksPerSecond);
        int granule = ticks switch
        {
            < 64 => 1,
            < 512 => 8,
            < 4096 => 64,
            < 32768 => 512,
            _ => 4096,
        };
        return Tick * (granule + 1);
    }

    /// <summary>Compares the time between two packets on two targets.</summary>
    /// <param name="reference">The time on the side whose timers are known to be right.</param>
    /// <param name="other">The time on the other side.</param>
    /// <returns>null when the same timer can have made both; otherwise what is wrong with the other.</returns>
    public string? Judge(TimeSpan reference, TimeSpan other)
    {
        if (reference <= ImmediateSlack)
        {
            return other <= ImmediateSlack
                ? null
                : $"late: expected at once, at most {Say.Seconds(ImmediateSlack)} later";
        }

        if (TimerBehind(reference) is { } timer)
        {
            TimeSpan latest = timer + Lateness(timer);
            return other < timer ? $"early: the timer is {Say.Seconds(timer)}"
                : other > latest
                    ? $"late: the timer is {Say.Seconds(timer)} and may be late until {Say.Seconds(latest)}"
                : null;
        }

        TimeSpan slack = Lateness(reference);
        return (other - reference).Duration() <= slack
            ? null
            : $"{(other < reference ? "early" : "late")}: more than {Say.Seconds(slack)} away";
    }

    private TimeSpan? TimerBehind(TimeSpan time)
    {
        for (int i = KnownTimers.Length - 1; i >= 0; i--)
        {
            TimeSpan timer = TimeSpan.FromSeconds(KnownTimers[i]);
            if (timer <= time && time <= timer + Lateness(timer))
            {
                return timer;
            }
        }

        return null;
    }
}
