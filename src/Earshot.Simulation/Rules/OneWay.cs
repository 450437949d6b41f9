using Earshot.Core;

namespace Earshot.Simulation.Rules;

/// <summary>Applies a rule to the packets of one host or switch only.</summary>
/// <param name="from">Who sends them.</param>
/// <param name="rule">The rule.</param>
public sealed class OneWay(Node from, IRule rule) : IRule
{
    /// <inheritdoc/>
    public Fate Judge(in WirePacket packet, Chance chance) =>
        ReferenceEquals(packet.From, from) ? rule.Judge(packet, chance) : Fate.Pass;
}
