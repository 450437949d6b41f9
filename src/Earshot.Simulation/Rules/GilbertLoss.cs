using System.Collections.Generic;
using Earshot.Core;

namespace Earshot.Simulation.Rules;

/// <summary>Loses packets in bursts: each direction is in a good or a bad state, and changes at random with each packet
/// (Gilbert and Elliott).</summary>
/// <param name="toBad">The probability, 0 to 1, with which a good state becomes bad.</param>
/// <param name="toGood">The probability with which a bad state becomes good: a burst is 1/toGood packets long.</param>
/// <param name="lossInBad">The probability with which a packet is lost in the bad state.</param>
/// <param name="lossInGood">The probability with which one is lost in the good state.</param>
public sealed class GilbertLoss(double toBad, double toGood, double lossInBad = 1, double lossInGood = 0) : IRule
{
    private readonly double _toBad = Draw.Probability(toBad);
    private readonly double _toGood = Draw.Probability(toGood);
    private readonly double _lossInBad = Draw.Probability(lossInBad);
    private readonly double _lossInGood = Draw.Probability(lossInGood);
    private readonly HashSet<int> _bad = [];

    /// <inheritdoc/>
    public Fate Judge(in WirePacket packet, Chance chance)
    {
        int direction = packet.From.Number;
        bool bad = _bad.Contains(direction);
        if (chance.Happens(bad ? _toGood : _toBad))
        {
            bad = !bad;
            _ = bad ? _bad.Add(direction) : _bad.Remove(direction);
        }

        return chance.Happens(bad ? _lossInBad : _lossInGood) ? Fate.Drop : Fate.Pass;
    }
}
