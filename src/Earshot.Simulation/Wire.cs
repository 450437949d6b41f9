using System;
using System.Collections.Generic;
using Earshot.Core;

namespace Earshot.Simulation;

/// <summary>How a wire is made.</summary>
public sealed record WireOptions
{
    /// <summary>The time that every packet takes, before any rule adds to it; 0 or more.</summary>
    public TimeSpan Latency { get; init; } = TimeSpan.FromMilliseconds(1);

    /// <summary>What the wire does to packets, in this order; none: it is a perfect wire.</summary>
    public IReadOnlyList<IRule> Rules { get; init; } = [];

    /// <summary>The interface of the first host: 2 is the first after loopback.</summary>
    public int FirstInterface { get; init; } = 2;

    /// <summary>The interface of the second host; of a switch its port, -1: the first that is free.</summary>
    public int SecondInterface { get; init; } = 2;
}

/// <summary>Sees a packet that enters a wire.</summary>
/// <param name="packet">The packet, valid only during the call.</param>
public delegate void PacketWatch(in WirePacket packet);

/// <summary>A wire between hosts or switches: a chain of rules and one stream of chance per direction.</summary>
public sealed class Wire
{
    private readonly World _world;
    private IRule[] _rules;
    private readonly Direction _fromFirst;
    private readonly Direction _fromSecond;
    private PacketWatch? _seen;
    private PacketWatch? _lost;

    internal Wire(World world, int number, Node first, Node second, WireOptions options)
    {
        _world = world;
        _rules = [.. options.Rules];
        Number = number;
        First = first;
        Second = second;
        Latency = options.Latency;
        _fromFirst = new Direction(second, options.SecondInterface, StreamOf(0));
        _fromSecond = new Direction(first, options.FirstInterface, StreamOf(1));

        Chance StreamOf(int direction) =>
            new(world.Derive(World.Purpose.Wire, ((ulong)number << 1) | (uint)direction), ChanceStream.Wire);
    }

    /// <summary>Its number, from 0, in the order in which the world's wires were made.</summary>
    public int Number { get; }

    /// <summary>Who is at its first end.</summary>
    public Node First { get; }

    /// <summary>Who is at its second end.</summary>
    public Node Second { get; }

    /// <summary>The time that every packet takes at least.</summary>
    public TimeSpan Latency { get; }

    /// <summary>Packets that entered it.</summary>
    public long Sent => _fromFirst.Sent + _fromSecond.Sent;

    /// <summary>Packets that its rules dropped.</summary>
    public long Dropped { get; private set; }

    /// <summary>Copies that its rules made.</summary>
    public long Duplicated { get; private set; }

    /// <summary>Packets that its rules damaged.</summary>
    public long Damaged { get; private set; }

    /// <summary>Packets that its rules marked (RFC 3168).</summary>
    public long Marked { get; private set; }

    /// <summary>Packets that were put on their way, copies included.</summary>
    public long Launched { get; private set; }

    /// <summary>Is told each packet that enters the wire, before the rules judge it.</summary>
    public void Watch(PacketWatch watch) => _seen += watch;

    /// <summary>Is told each packet that a rule drops or damages, as it was.</summary>
    public void WatchLoss(PacketWatch watch) => _lost += watch;

    /// <summary>Adds a rule at the end of the chain.</summary>
    /// <returns>Its guard: disposing it takes the rule away; packets already on their way are not touched.</returns>
    public IDisposable Add(IRule rule)
    {
        _rules = [.. _rules, rule];
        return new Guard(this, rule);
    }

    /// <summary>Adds a rule before all others.</summary>
    /// <returns>Its guard: disposing it takes the rule away; packets already on their way are not touched.</returns>
    public IDisposable AddFirst(IRule rule)
    {
        _rules = [rule, .. _rules];
        return new Guard(this, rule);
    }

    internal void Carry(Node from, ReadOnlySpan<byte> packet, PacketInfo info, bool isDamaged = false)
    {
        Direction direction = ReferenceEquals(from, First) ? _fromFirst : _fromSecond;
        var seen = new WirePacket(packet, info, from, _world.Now, direction.Sent++) { IsDamaged = isDamaged };
        _seen?.Invoke(seen);
        Judge(seen, direction, _rules, 0);
    }

    // The chain is the one that stood when the packet entered: a rule may leave while it judges.
    private void Judge(WirePacket packet, Direction direction, IRule[] rules, int rule)
    {
        for (; rule < rules.Length; rule++)
        {
            Fate fate = rules[rule].Judge(packet, direction.Chance);
            switch (fate.Kind)
            {
                case FateKind.Drop:
                    Dropped++;
                    _lost?.Invoke(packet);
                    return;
                case FateKind.Deliver:
                    Launch(fate.Marks ? Mark(packet) : packet, direction, fate.After);
                    return;
                case FateKind.Twice:
                    Duplicated++;
                    Judge(packet, direction, rules, rule + 1);
                    break;
                case FateKind.Damage when packet.IsDamaged:
                    // A second bit may make up for the first one in the checksum, and nobody would find out.
                    break;
                case FateKind.Damage:
                    Damaged++;
                    WirePacket bent = Bend.OneBit(packet, direction.Chance);
                    if (bent.IsDamaged)
                    {
                        // As it was, but marked: who is told may need to know that it goes on.
                        _lost?.Invoke(new WirePacket(
                            packet.Bytes, packet.Info, packet.From, packet.Time, packet.Ordinal)
                        {
                            IsDamaged = true,
                        });
                    }

                    packet = bent;
                    break;
                case FateKind.TooBig:
                    Dropped++;
                    _lost?.Invoke(packet);
                    TellTooBig(packet, fate.Mtu);
                    return;
                case FateKind.Pass:
                default:
                    break;
            }
        }

        Launch(packet, direction, TimeSpan.Zero);
    }

    // The answer of the router that the packet does not get past.
    private void TellTooBig(in WirePacket packet, int mtu)
    {
        Span<byte> error = stackalloc byte[Bend.LongestError];
        int length = Bend.WriteTooBig(packet.Bytes, mtu, error);
        if (length > 0)
        {
            Direction back = ReferenceEquals(packet.From, First) ? _fromSecond : _fromFirst;
            var told = new WirePacket(error[..length], default, packet.From, packet.Time, packet.Ordinal);
            Launch(told, back, TimeSpan.Zero);
        }
    }

    private WirePacket Mark(scoped in WirePacket packet)
    {
        if (!Bend.IsCapable(packet.Bytes))
        {
            return packet;
        }

        Marked++;
        return Bend.Mark(packet);
    }

    private void Launch(in WirePacket packet, Direction direction, TimeSpan after)
    {
        Launched++;
        _world.Launch(packet, direction.To, direction.Interface, _world.Now + Latency + after);
    }

    private void Remove(IRule rule) => _rules = Array.FindAll(_rules, other => !ReferenceEquals(other, rule));

    private sealed class Direction(Node to, int @interface, Chance chance)
    {
        internal Node To { get; } = to;

        internal int Interface { get; } = @interface;

        internal Chance Chance { get; } = chance;

        internal long Sent { get; set; }
    }

    private sealed class Guard(Wire wire, IRule rule) : IDisposable
    {
        private IRule? _rule = rule;

        public void Dispose()
        {
            if (_rule is { } present)
            {
                _rule = null;
                wire.Remove(present);
            }
        }
    }
}
