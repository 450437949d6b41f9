using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>What else is known of a way.</summary>
[Flags]
internal enum RouteFlags : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Packets may be cut on the way whatever a socket asks: <c>mtu lock</c>, or a path MTU that was below
    /// min_pmtu.</summary>
    MtuLocked = 1,

    /// <summary>The MTU was learned from an ICMP error and will expire.</summary>
    MtuLearned = 2,

    /// <summary>The next hop is a router.</summary>
    Gateway = 4,

    /// <summary>The link has addresses of its own, and packets leave in frames.</summary>
    Ethernet = 8,

    /// <summary>The destination is a group, or all hosts of a network.</summary>
    Several = 16,
}

/// <summary>Where a packet goes.</summary>
/// <param name="Interface">The interface's index: 1 is loopback.</param>
/// <param name="OwnMss">The MSS to announce that the route was given; 0: it follows from the MTU.</param>
/// <param name="Source">The address that packets have if nobody chose one.</param>
/// <param name="Mtu">Bytes of the largest packet: the learned path MTU, the route's own, or the interface's.</param>
/// <param name="Offload">What the link does for the stack.</param>
/// <param name="PrefixLength">Bits of the destination that chose the route.</param>
/// <param name="Flags">What else is known.</param>
internal readonly record struct Route(
    ushort Interface,
    ushort OwnMss,
    InetAddress Source,
    int Mtu,
    InterfaceOffload Offload,
    byte PrefixLength = 0,
    RouteFlags Flags = RouteFlags.None)
{
    internal bool IsLocal => Interface == RouteTable.LoopbackInterface;

    internal bool IsEthernet => (Flags & RouteFlags.Ethernet) != 0;

    internal bool IsToSeveral => (Flags & RouteFlags.Several) != 0;

    internal bool IsMtuLocked => (Flags & RouteFlags.MtuLocked) != 0;

    /// <summary>The MSS to announce: the MTU less both headers, at least min_adv_mss. Linux: ipv4_default_advmss,
    /// ip6_default_advmss.</summary>
    internal int AdvertisedMss => OwnMss != 0 ? OwnMss
        : Source.IsIPv4 ? Math.Max(Mtu - 40, 256) : Math.Max(Mtu - 60, 1220);
}

/// <summary>What an address means to this host.</summary>
internal enum AddressKind : byte
{
    /// <summary>Somebody else's.</summary>
    Foreign,

    /// <summary>Our own.</summary>
    Local,

    /// <summary>A broadcast address of one of our networks, or of all.</summary>
    Broadcast,

    /// <summary>A multicast address.</summary>
    Multicast,
}
