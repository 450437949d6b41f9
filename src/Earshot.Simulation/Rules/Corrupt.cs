using Earshot.Core;

namespace Earshot.Simulation.Rules;

/// <summary>Turns over one bit of some packets, behind their link's own header.</summary>
/// <param name="probability">How often: 0 to 1.</param>
public sealed class Corrupt(double probability) : IRule
{
    private readonly double _probability = Draw.Probability(probability);

    /// <inheritdoc/>
    public Fate Judge(in WirePacket packet, Chance chance) => chance.Happens(_probability) ? Fate.Damage : Fate.Pass;
}
