using System;

namespace Earshot.Core.Time;

/// <summary>A moment on a stack's clock, in nanoseconds since the clock's own zero.</summary>
/// <param name="Nanoseconds">Nanoseconds since the zero of the clock that the stack's owner keeps; never
/// backwards.</param>
public readonly record struct Instant(long Nanoseconds) : IComparable<Instant>
{
    /// <summary>Nanoseconds in one second.</summary>
    public const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>The zero of the clock.</summary>
    public static Instant Zero => default;

    /// <summary>A moment that never comes: later than every other.</summary>
    public static Instant Never => new(long.MaxValue);

    /// <summary>Seconds since the clock's zero.</summary>
    public double Seconds => Nanoseconds / (double)NanosecondsPerSecond;

    /// <summary>Whole milliseconds since the clock's zero, rounded down.</summary>
    public long Milliseconds => Nanoseconds / 1_000_000;

    /// <summary>The moment so many seconds after the clock's zero.</summary>
    /// <param name="seconds">Seconds, may be fractional.</param>
    public static Instant FromSeconds(double seconds) => new((long)(seconds * NanosecondsPerSecond));

    /// <summary>The moment <paramref name="span"/> after <paramref name="instant"/>.</summary>
    public static Instant operator +(Instant instant, TimeSpan span) =>
        new(instant.Nanoseconds + (span.Ticks * TimeSpan.NanosecondsPerTick));

    /// <summary>The moment <paramref name="span"/> before <paramref name="instant"/>.</summary>
    public static Instant operator -(Instant instant, TimeSpan span) =>
        new(instant.Nanoseconds - (span.Ticks * TimeSpan.NanosecondsPerTick));

    /// <summary>The time from <paramref name="earlier"/> to <paramref name="later"/>, to 100 ns.</summary>
    public static TimeSpan operator -(Instant later, Instant earlier) =>
        TimeSpan.FromTicks((later.Nanoseconds - earlier.Nanoseconds) / TimeSpan.NanosecondsPerTick);

    /// <summary>Whether the left moment comes before the right one.</summary>
    public static bool operator <(Instant left, Instant right) => left.Nanoseconds < right.Nanoseconds;

    /// <summary>Whether the left moment comes after the right one.</summary>
    public static bool operator >(Instant left, Instant right) => left.Nanoseconds > right.Nanoseconds;

    /// <summary>Whether the left moment comes before the right one or is the same.</summary>
    public static bool operator <=(Instant left, Instant right) => left.Nanoseconds <= right.Nanoseconds;

    /// <summary>Whether the left moment comes after the right one or is the same.</summary>
    public static bool operator >=(Instant left, Instant right) => left.Nanoseconds >= right.Nanoseconds;

    /// <summary>The moment after <paramref name="span"/> has passed.</summary>
    public Instant Add(TimeSpan span) => this + span;

    /// <summary>The time since <paramref name="earlier"/>.</summary>
    public TimeSpan Subtract(Instant earlier) => this - earlier;

    /// <inheritdoc/>
    public int CompareTo(Instant other) => Nanoseconds.CompareTo(other.Nanoseconds);

    /// <summary>The moment in seconds with nine decimals, as <c>3.000000000</c>.</summary>
    public override string ToString() => Seconds.ToString("F9");
}
