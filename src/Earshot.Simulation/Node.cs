using System;
using Earshot.Core;

namespace Earshot.Simulation;

/// <summary>What wires end at: a host or a switch.</summary>
public abstract class Node
{
    private protected Node(World world, int number, string name)
    {
        World = world;
        Number = number;
        Name = name;
    }

    /// <summary>Its number: hosts from 0, in the order in which they were added; switches from 2^20.</summary>
    public int Number { get; }

    /// <summary>Its name.</summary>
    public string Name { get; }

    private protected World World { get; }

    /// <summary>Its name.</summary>
    public override string ToString() => Name;

    internal abstract bool HasFreeInterface(int @interface);

    internal abstract void Plug(int @interface, Wire wire);

    /// <summary>A packet arrives.</summary>
    internal abstract void Receive(ReadOnlySpan<byte> packet, int @interface, PacketInfo info, bool isDamaged);
}
