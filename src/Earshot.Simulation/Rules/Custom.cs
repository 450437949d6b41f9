using Earshot.Core;

namespace Earshot.Simulation.Rules;

/// <summary>Judges a packet that enters a wire.</summary>
/// <param name="packet">The packet, valid only during the call.</param>
/// <param name="chance">The only source of chance it may use.</param>
public delegate Fate Judgement(in WirePacket packet, Chance chance);

/// <summary>A rule that is a method: for what happens once, in one test.</summary>
/// <param name="judgement">The method.</param>
public sealed class Custom(Judgement judgement) : IRule
{
    /// <inheritdoc/>
    public Fate Judge(in WirePacket packet, Chance chance) => judgement(packet, chance);
}
