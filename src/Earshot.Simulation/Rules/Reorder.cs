using System;
using Earshot.Core;

namespace Earshot.Simulation.Rules;

/// <summary>Holds some packets back, so that those sent after them arrive before them.</summary>
/// <param name="probability">How often: 0 to 1.</param>
/// <param name="atMost">The most that such a packet is later, drawn evenly; 0 or more.</param>
public sealed class Reorder(double probability, TimeSpan atMost) : IRule
{
    private readonly double _probability = Draw.Probability(probability);

    /// <inheritdoc/>
    public Fate Judge(in WirePacket packet, Chance chance) =>
        chance.Happens(_probability) ? Fate.Deliver(chance.UpTo(atMost)) : Fate.Pass;
}
