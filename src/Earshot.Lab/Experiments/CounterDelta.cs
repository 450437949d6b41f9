using System;
using System.Collections.Generic;

namespace Earshot.Lab.Experiments;

/// <summary>How far counters moved.</summary>
public static class CounterDelta
{
    /// <summary>The difference of two readings; counters that did not move are left out.</summary>
    /// <param name="before">The first reading, by nstat's names.</param>
    /// <param name="after">The second reading.</param>
    /// <returns>The counters that moved, by name.</returns>
    public static IReadOnlyDictionary<string, long> Between(
        IReadOnlyDictionary<string, long> before, IReadOnlyDictionary<string, long> after)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        var moved = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach ((string name, long value) in after)
        {
            long delta = value - (before.TryGetValue(name, out long start) ? start : 0);
            if (delta != 0)
            {
                moved[name] = delta;
            }
        }

        return moved;
    }
}
