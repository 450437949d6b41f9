using System.Collections.Generic;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip.Neighbors;

/// <summary>How a host that is held to be on the link is reached. Linux: struct neighbour.</summary>
internal sealed class Neighbor(in InetAddress address, int index, int place)
{
    internal InetAddress Address { get; } = address;

    /// <summary>The interface.</summary>
    internal int Interface { get; } = index;

    /// <summary>Its place in the table.</summary>
    internal int Place { get; } = place;

    internal NeighborState State { get; set; }

    /// <summary>Where frames to it go; zero until it is known.</summary>
    internal MacAddress Hardware { get; set; }

    /// <summary>The jiffy at which it was last known to answer.</summary>
    internal long Confirmed { get; set; }

    /// <summary>The jiffy at which a packet last went to it.</summary>
    internal long Used { get; set; }

    /// <summary>The jiffy of the last change.</summary>
    internal long Updated { get; set; }

    /// <summary>Questions asked since it was last known.</summary>
    internal int Probes { get; set; }

    internal bool IsRouter { get; set; }

    /// <summary>Packets that wait for its address, the oldest first.</summary>
    internal Queue<byte[]> Waiting { get; } = new();

    /// <summary>What they cost.</summary>
    internal int WaitingBytes { get; set; }

    /// <summary>The timer's node.</summary>
    internal int Timer = -1;

    /// <summary>Whether frames can go to it now. Linux: NUD_VALID.</summary>
    internal bool IsValid => State is NeighborState.Permanent or NeighborState.Reachable or NeighborState.Stale
        or NeighborState.Delay or NeighborState.Probe;

    /// <summary>Whether frames can go to it without a thought. Linux: NUD_CONNECTED.</summary>
    internal bool IsConnected => State is NeighborState.Permanent or NeighborState.Reachable;
}
