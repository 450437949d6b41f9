using Earshot.Core.Wire;

namespace Earshot.Core;

/// <summary>What is known of a neighbour. Linux: NUD_*.</summary>
public enum NeighborState : byte
{
    /// <summary>Nothing yet.</summary>
    None,

    /// <summary>Its address is asked for.</summary>
    Incomplete,

    /// <summary>It answered not long ago.</summary>
    Reachable,

    /// <summary>It may have gone; nobody has asked since.</summary>
    Stale,

    /// <summary>A packet went to it, and a sign of life is waited for.</summary>
    Delay,

    /// <summary>It is asked whether it is still there.</summary>
    Probe,

    /// <summary>It did not answer.</summary>
    Failed,

    /// <summary>Its address was given by hand.</summary>
    Permanent,
}

/// <summary>A neighbour, as <c>ip neighbour</c> shows it.</summary>
/// <param name="Address">Its IP address.</param>
/// <param name="Interface">The interface.</param>
/// <param name="Hardware">Its Ethernet address; zeros while it is not known.</param>
/// <param name="State">What is known of it.</param>
/// <param name="IsRouter">Whether it said that it is a router.</param>
/// <param name="Waiting">Packets that wait for its address.</param>
public readonly record struct NeighborRow(
    InetAddress Address, int Interface, MacAddress Hardware, NeighborState State, bool IsRouter, int Waiting);
