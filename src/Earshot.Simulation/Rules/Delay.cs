using System;
using Earshot.Core;

namespace Earshot.Simulation.Rules;

/// <summary>Makes every packet later: by a fixed time and a drawn one. Drawn times can reorder packets.</summary>
public sealed class Delay : IRule
{
    private readonly TimeSpan _fixed;
    private readonly TimeSpan _jitter;

    /// <summary>Makes the rule.</summary>
    /// <param name="fixedDelay">The time that every packet is later, 0 or more.</param>
    /// <param name="jitter">The most that is added to it, drawn evenly for each packet; 0 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">A time is less than 0.</exception>
    public Delay(TimeSpan fixedDelay, TimeSpan jitter = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(fixedDelay, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(jitter, TimeSpan.Zero);
        _fixed = fixedDelay;
        _jitter = jitter;
    }

    /// <inheritdoc/>
    public Fate Judge(in WirePacket packet, Chance chance) => Fate.Deliver(_fixed + chance.UpTo(_jitter));
}
