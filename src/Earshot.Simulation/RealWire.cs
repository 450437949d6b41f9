using System;
using Earshot.Core;
using Earshot.Core.Time;

namespace Earshot.Simulation;

/// <summary>Takes a packet that a <see cref="RealWire"/> lets through.</summary>
/// <param name="packet">The packet, valid only during the call.</param>
/// <param name="after">How much later than it entered the wire it has to leave it.</param>
public delegate void PacketDelivery(ReadOnlySpan<byte> packet, TimeSpan after);

/// <summary>One direction of a wire between real devices: the rules of a simulated one and a stream of chance, and the
/// caller keeps the time.</summary>
/// <remarks>What becomes of a packet depends on the seed, the direction and how many packets came before it, as long as
/// the rules draw for every packet alike; so the same packets are lost whatever they contain and whenever they
/// come.</remarks>
public sealed class RealWire
{
    private readonly IRule[] _rules;
    private readonly TimeSpan _latency;
    private readonly Chance _chance;
    private readonly End _from;

    /// <summary>Makes one direction of a wire.</summary>
    /// <param name="options">Its latency and its rules; <see cref="Rules.Narrow"/> loses and tells nobody.</param>
    /// <param name="seed">The seed of the whole wire.</param>
    /// <param name="direction">0 or 1: each draws for itself.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such direction.</exception>
    public RealWire(WireOptions options, ulong seed, int direction)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(direction);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(direction, 1);
        _rules = [.. options.Rules];
        _latency = options.Latency;
        _chance = new Chance(Chance.Spread((seed << 1) | (uint)direction), ChanceStream.Wire);
        _from = new End(direction);
    }

    /// <summary>Packets that entered it.</summary>
    public long Sent { get; private set; }

    /// <summary>Packets that its rules dropped.</summary>
    public long Dropped { get; private set; }

    /// <summary>Copies that its rules made.</summary>
    public long Duplicated { get; private set; }

    /// <summary>Packets that its rules damaged.</summary>
    public long Damaged { get; private set; }

    /// <summary>Judges a packet that enters the wire.</summary>
    /// <param name="packet">The whole packet.</param>
    /// <param name="now">The time.</param>
    /// <param name="launch">Is given the packet, damaged perhaps, for each time that it has to be delivered: not at all
    /// when it is lost.</param>
    public void Carry(ReadOnlySpan<byte> packet, Instant now, PacketDelivery launch)
    {
        ArgumentNullException.ThrowIfNull(launch);
        Judge(new WirePacket(packet, default, _from, now, Sent++), launch, 0);
    }

    private void Judge(WirePacket packet, PacketDelivery launch, int rule)
    {
        for (; rule < _rules.Length; rule++)
        {
            Fate fate = _rules[rule].Judge(packet, _chance);
            switch (fate.Kind)
            {
                case FateKind.Drop:
                case FateKind.TooBig:
                    Dropped++;
                    return;
                case FateKind.Deliver:
                    launch(packet.Bytes, _latency + fate.After);
                    return;
                case FateKind.Twice:
                    Duplicated++;
                    Judge(packet, launch, rule + 1);
                    break;
                case FateKind.Damage:
                    Damaged++;
                    packet = Bend.OneBit(packet, _chance);
                    break;
                case FateKind.Pass:
                default:
                    break;
            }
        }

        launch(packet.Bytes, _latency);
    }

    /// <summary>The sender as rules see it: a direction's number, in no world.</summary>
    private sealed class End(int direction) : Node(null!, direction, $"end {direction}") // Nothing asks for its world.
    {
        internal override bool HasFreeInterface(int @interface) => false;

        internal override void Plug(int @interface, Wire wire) =>
            throw new SimulationException("a real wire's end takes no simulated wire");

        internal override void Receive(ReadOnlySpan<byte> packet, int @interface, PacketInfo info, bool isDamaged) =>
            throw new SimulationException("a real wire's end receives nothing");
    }
}
