using Earshot.Core;

namespace Earshot.Simulation.Rules;

/// <summary>Loses every packet: the wire is cut until the rule's guard is disposed.</summary>
public sealed class Partition : IRule
{
    /// <inheritdoc/>
    public Fate Judge(in WirePacket packet, Chance chance) => Fate.Drop;
}
