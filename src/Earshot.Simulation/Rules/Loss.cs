using Earshot.Core;

namespace Earshot.Simulation.Rules;

/// <summary>Loses packets, each with the same probability and for itself.</summary>
/// <param name="probability">0 to 1.</param>
public sealed class Loss(double probability) : IRule
{
    private readonly double _probability = Draw.Probability(probability);

    /// <inheritdoc/>
    public Fate Judge(in WirePacket packet, Chance chance) => chance.Happens(_probability) ? Fate.Drop : Fate.Pass;
}
