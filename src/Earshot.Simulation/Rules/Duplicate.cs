using Earshot.Core;

namespace Earshot.Simulation.Rules;

/// <summary>Makes two of some packets; the rules after it judge each of the two for itself.</summary>
/// <param name="probability">How often: 0 to 1.</param>
public sealed class Duplicate(double probability) : IRule
{
    private readonly double _probability = Draw.Probability(probability);

    /// <inheritdoc/>
    public Fate Judge(in WirePacket packet, Chance chance) => chance.Happens(_probability) ? Fate.Twice : Fate.Pass;
}
