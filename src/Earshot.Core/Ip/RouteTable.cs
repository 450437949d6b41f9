using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>Where a packet goes.</summary>
/// <param name="Interface">The interface's index: 1 is loopback.</param>
/// <param name="Source">The address that packets have if nobody chose one.</param>
/// <param name="Mtu">Bytes of the largest packet.</param>
/// <param name="Offload">What the link does for the stack.</param>
/// <param name="PrefixLength">Bits of the destination that chose the route.</param>
internal readonly record struct Route(
    int Interface, InetAddress Source, int Mtu, InterfaceOffload Offload, byte PrefixLength = 0)
{
    internal bool IsLocal => Interface == RouteTable.LoopbackInterface;

    /// <summary>The MSS to announce: the MTU less both headers, at least min_adv_mss. Linux: ipv4_default_advmss,
    /// ip6_default_advmss.</summary>
    internal int AdvertisedMss => Source.IsIPv4 ? Math.Max(Mtu - 40, 256) : Math.Max(Mtu - 60, 1220);
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

/// <summary>Our addresses and the ways to those of others. Linux: fib_lookup, ip_route_output_key.</summary>
internal sealed class RouteTable
{
    internal const int LoopbackInterface = 1;
    internal const int FirstInterface = 2;

    // IPv4's total length is 16 bits: a packet on the 65536-byte loopback has 65535 at most.
    private const int LargestPacket = 65535;

    private readonly Entry[] _routes;
    private readonly Entry[] _routes6;
    private readonly (InterfaceAddress Address, int Interface)[] _addresses;
    private readonly int _loopbackMtu;
    private readonly IReadOnlyList<InterfaceOptions> _interfaces;

    internal RouteTable(StackOptions options)
    {
        IReadOnlyList<InterfaceOptions> interfaces = options.Interfaces;
        _interfaces = interfaces;
        _loopbackMtu = options.Profile.LoopbackMtu;
        var addresses = new List<(InterfaceAddress, int)>();
        var routes = new List<Entry>();
        for (int i = 0; i < interfaces.Count; i++)
        {
            InterfaceOptions link = interfaces[i];
            if (link.Mtu is < 68 or > LargestPacket)
            {
                throw new ArgumentException($"interface {link.Name}: an MTU is 68 to 65535 bytes, not {link.Mtu}");
            }

            foreach (InterfaceAddress address in link.Addresses)
            {
                addresses.Add((address, i + FirstInterface));
                routes.Add(new Entry(address, RouteBy(i + FirstInterface, address.Address, link, address)));
            }
        }

        _addresses = [.. addresses];

        foreach (RouteOptions route in options.Routes)
        {
            if (route.Interface < FirstInterface || route.Interface >= FirstInterface + interfaces.Count)
            {
                throw new ArgumentException($"route {route.Destination}: there is no interface {route.Interface}");
            }

            InterfaceOptions link = interfaces[route.Interface - FirstInterface];
            InetAddress source = SourceOf(route.Interface, route.Destination.Address.IsIPv4, route.Gateway);
            routes.Add(new Entry(route.Destination, RouteBy(route.Interface, source, link, route.Destination)));
        }

        // The longest prefix first; among equals the first that was given.
        Entry[] sorted = [.. routes.OrderByDescending(entry => entry.Prefix.PrefixLength)];
        _routes = [.. sorted.Where(entry => entry.Prefix.Address.IsIPv4)];
        _routes6 = [.. sorted.Where(entry => entry.Prefix.Address.IsIPv6)];
    }

    /// <summary>Whether an address is an interface's own.</summary>
    internal bool IsLocalOn(in InetAddress address, int index)
    {
        foreach ((InterfaceAddress own, int at) in _addresses)
        {
            if (at == index && own.Address == address)
            {
                return true;
            }
        }

        return index == LoopbackInterface && address.IsLoopback;
    }

    /// <summary>The index of an interface by its name, -1 when there is none.</summary>
    internal int InterfaceIndex(string name)
    {
        for (int index = LoopbackInterface; InterfaceName(index) is { } candidate; index++)
        {
            if (candidate == name)
            {
                return index;
            }
        }

        return -1;
    }

    /// <summary>The name of an interface, null when there is none of that index.</summary>
    internal string? InterfaceName(int index) => index == LoopbackInterface ? "lo"
        : index >= FirstInterface && index < FirstInterface + _interfaces.Count
            ? _interfaces[index - FirstInterface].Name : null;

    private static Route RouteBy(int index, in InetAddress source, InterfaceOptions link, in InterfaceAddress prefix) =>
        new(index, source, link.Mtu, link.Offload, (byte)prefix.PrefixLength);

    /// <summary>What a destination address means to this host.</summary>
    internal AddressKind Classify(in InetAddress address)
    {
        if (IsLocal(address))
        {
            return AddressKind.Local;
        }

        if (address.IsMulticast)
        {
            return AddressKind.Multicast;
        }

        if (address.IsLimitedBroadcast)
        {
            return AddressKind.Broadcast;
        }

        foreach ((InterfaceAddress own, _) in _addresses)
        {
            uint hosts = HostMask(own.PrefixLength);
            if (own.PrefixLength < 31 && address.IsIPv4 && own.Address.IsIPv4
                && (address.Bits | hosts) == (own.Address.Bits | hosts)
                && (address.Bits & hosts) == hosts)
            {
                return AddressKind.Broadcast;
            }
        }

        return AddressKind.Foreign;
    }

    /// <summary>Whether the stack listens to a multicast address: all nodes of the link, and the solicited-node
    /// addresses of its own.</summary>
    internal bool IsJoined(in InetAddress address)
    {
        const ulong LinkScope = 0xff02_0000_0000_0000;
        const ulong SolicitedNode = 0x0000_0001_ff00_0000;
        if (address.High != LinkScope)
        {
            return false;
        }

        if (address.Low == 1)
        {
            return true;
        }

        foreach ((InterfaceAddress own, _) in _addresses)
        {
            if (own.Address.IsIPv6 && address.Low == (SolicitedNode | (own.Address.Low & 0xffffff)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether an address is one of our own; all of 127.0.0.0/8 is.</summary>
    internal bool IsLocal(in InetAddress address)
    {
        if (address.IsLoopback)
        {
            return true;
        }

        foreach ((InterfaceAddress own, _) in _addresses)
        {
            if (own.Address == address)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Finds the way to a destination.</summary>
    /// <param name="destination">The destination; not 0.0.0.0 or ::.</param>
    /// <param name="route">The way; when there is none, nothing.</param>
    /// <returns>False when there is none.</returns>
    internal bool TryRoute(in InetAddress destination, out Route route)
    {
        foreach ((InterfaceAddress own, _) in _addresses)
        {
            if (own.Address == destination)
            {
                route = OverLoopback(FirstOfNetwork(destination));
                return true;
            }
        }

        if (destination.IsLoopback)
        {
            route = OverLoopback(destination.IsIPv4 ? InetAddress.Loopback : InetAddress.IPv6Loopback);
            return true;
        }

        if (destination.IsIPv6)
        {
            return TryRoute6(destination, out route);
        }

        foreach (ref readonly Entry entry in _routes.AsSpan())
        {
            if ((destination.Bits & entry.Mask) == entry.Network)
            {
                route = entry.Route;
                return true;
            }
        }

        route = default;
        return false;
    }

    private bool TryRoute6(in InetAddress destination, out Route route)
    {
        foreach (ref readonly Entry entry in _routes6.AsSpan())
        {
            int length = entry.Prefix.PrefixLength;
            if (destination.Network(length) == entry.Prefix.Address.Network(length))
            {
                route = entry.Route;
                return true;
            }
        }

        route = default;
        return false;
    }

    // IPv6's length field counts the payload alone: its packets on loopback may be longer by their header.
    private Route OverLoopback(in InetAddress source) => new(
        LoopbackInterface, source,
        source.IsIPv4 ? Math.Min(_loopbackMtu, LargestPacket) : _loopbackMtu, InterfaceOffload.None);

    private static uint HostMask(int prefixLength) => prefixLength >= 32 ? 0 : uint.MaxValue >> prefixLength;

    /// <summary>The primary address of the network that an own address is in: what a connection to it comes
    /// from.</summary>
    private InetAddress FirstOfNetwork(InetAddress address)
    {
        foreach ((InterfaceAddress own, _) in _addresses)
        {
            if (own.Address.IsIPv4 == address.IsIPv4
                && own.Address.Network(own.PrefixLength) == address.Network(own.PrefixLength))
            {
                return address.IsIPv4 ? own.Address : address;
            }
        }

        return address;
    }

    private InetAddress SourceOf(int @interface, bool isIPv4, InetAddress? gateway)
    {
        InetAddress first = isIPv4 ? InetAddress.Any : InetAddress.IPv6Any;
        foreach ((InterfaceAddress own, int index) in _addresses)
        {
            if (index != @interface || own.Address.IsIPv4 != isIPv4)
            {
                continue;
            }

            if (gateway is { } hop && hop.IsIPv4 == isIPv4
                && own.Address.Network(own.PrefixLength) == hop.Network(own.PrefixLength))
            {
                return own.Address;
            }

            first = first.IsAny ? own.Address : first;
        }

        return first;
    }

    private readonly record struct Entry(InterfaceAddress Prefix, Route Route)
    {
        internal uint Mask { get; } = ~HostMask(Prefix.PrefixLength);

        internal uint Network { get; } = Prefix.Address.Bits & ~HostMask(Prefix.PrefixLength);
    }
}
