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

    /// <summary>The interface of the second host.</summary>
    public int SecondInterface { get; init; } = 2;
}

/// <summary>A wire between two hosts: a chain of rules and one stream of chance per direction.</summary>
public sealed class Wire
{
    private readonly World _world;
    private IRule[] _rules;
    private readonly Direction _fromFirst;
    private readonly Direction _fromSecond;

    internal Wire(World world, int number, Host first, Host second, WireOptions options)
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

    /// <summary>The host at its first end.</summary>
    public Host First { get; }

    /// <summary>The host at its second end.</summary>
    public Host Second { get; }

    /// <summary>The time that every packet takes at least.</summary>
    public TimeSpan Latency { get; }

    /// <summary>Packets that entered it.</summary>
    public long Sent => _fromFirst.Sent + _fromSecond.Sent;

    /// <summary>Packets that its rules dropped.</summary>
    public long Dropped { get; private set; }

    /// <summary>Copies that its rules made.</summary>
    public long Duplicated { get; private set; }

    /// <summary>Packets that were put on their way, copies included.</summary>
    public long Launched { get; private set; }

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

    internal void Carry(Host from, in OutboundPacket packet)
    {
        Direction direction = ReferenceEquals(from, First) ? _fromFirst : _fromSecond;
        var seen = new WirePacket(packet.Bytes, packet.Info, from, _world.Now, direction.Sent++);
        Judge(seen, direction, _rules, 0);
    }

    // The chain is the one that stood when the packet entered: a rule may leave while it judges.
    private void Judge(in WirePacket packet, Direction direction, IRule[] rules, int rule)
    {
        for (; rule < rules.Length; rule++)
        {
            Fate fate = rules[rule].Judge(packet, direction.Chance);
            switch (fate.Kind)
            {
                case FateKind.Drop:
                    Dropped++;
                    return;
                case FateKind.Deliver:
                    Launch(packet, direction, fate.After);
                    return;
                case FateKind.Twice:
                    Duplicated++;
                    Judge(packet, direction, rules, rule + 1);
                    break;
                case FateKind.Pass:
                default:
                    break;
            }
        }

        Launch(packet, direction, TimeSpan.Zero);
    }

    private void Launch(in WirePacket packet, Direction direction, TimeSpan after)
    {
        Launched++;
        _world.Launch(packet, direction.To, direction.Interface, _world.Now + Latency + after);
    }

    private void Remove(IRule rule) => _rules = Array.FindAll(_rules, other => !ReferenceEquals(other, rule));

    private sealed class Direction(Host to, int @interface, Chance chance)
    {
        internal Host To { get; } = to;

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
