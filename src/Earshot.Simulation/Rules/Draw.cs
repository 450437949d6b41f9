using System;
using Earshot.Core;

namespace Earshot.Simulation.Rules;

/// <summary>What the rules draw.</summary>
internal static class Draw
{
    /// <summary>A time from 0 up to a limit, drawn evenly; none is drawn for a limit of 0.</summary>
    internal static TimeSpan UpTo(this Chance chance, TimeSpan limit) => limit <= TimeSpan.Zero
        ? TimeSpan.Zero
        : TimeSpan.FromTicks((long)(chance.Next() % (ulong)(limit.Ticks + 1)));

    /// <summary>Checks a probability.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not between 0 and 1.</exception>
    internal static double Probability(double value)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 1);
        return value;
    }
}
