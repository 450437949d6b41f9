using System;
using System.Collections.Generic;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>Where a packet goes.</summary>
/// <param name="Interface">The interface's index: 1 is loopback.</param>
/// <param name="Source">The address that packets have if nobody chose one.</param>
/// <param name="Mtu">Bytes of the largest packet.</param>
/// <param name="Offload">What the link does for the stack.</param>
internal readonly record struct Route(int Interface, InetAddress Source, int Mtu, InterfaceOffload Offload)
{
    internal bool IsLocal => Interface == RouteTable.LoopbackInterface;

    /// <summary>The MSS to announce: the MTU less both headers, at least min_adv_mss.</summary>
    internal int AdvertisedMss => Math.Max(Mtu - 40, 256);
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
    private readonly (InterfaceAddress Address, int Interface)[] _addresses;
    private readonly int _loopbackMtu;

    internal RouteTable(StackOptions options)
    {
        IReadOnlyList<InterfaceOptions> interfaces = options.Interfaces;
        _loopbackMtu = Math.Min(options.Profile.LoopbackMtu, LargestPacket);
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
                routes.Add(new Entry(address, new Route(i + FirstInterface, address.Address, link.Mtu, link.Offload)));
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
            InetAddress source = SourceOf(route.Interface, route.Gateway);
            routes.Add(new Entry(route.Destination, new Route(route.Interface, source, link.Mtu, link.Offload)));
        }

        // The longest prefix first; among equals the first that was given.
        var sorted = new List<Entry>();
        for (int length = 32; length >= 0; length--)
        {
            foreach (Entry entry in routes)
            {
                if (entry.Prefix.PrefixLength == length)
                {
                    sorted.Add(entry);
                }
            }
        }

        _routes = [.. sorted];
    }

    /// <summary>What a destination address means to this host.</summary>
    internal AddressKind Classify(InetAddress address)
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
            if (own.PrefixLength < 31 && (address.Bits | hosts) == (own.Address.Bits | hosts)
                && (address.Bits & hosts) == hosts)
            {
                return AddressKind.Broadcast;
            }
        }

        return AddressKind.Foreign;
    }

    /// <summary>Whether an address is one of our own; all of 127.0.0.0/8 is.</summary>
    internal bool IsLocal(InetAddress address)
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
    /// <param name="destination">The destination; not 0.0.0.0.</param>
    /// <param name="route">The way; when there is none, nothing.</param>
    /// <returns>False when there is none.</returns>
    internal bool TryRoute(InetAddress destination, out Route route)
    {
        foreach ((InterfaceAddress own, _) in _addresses)
        {
            if (own.Address == destination)
            {
                route = new Route(LoopbackInterface, FirstOfNetwork(destination), _loopbackMtu, InterfaceOffload.None);
                return true;
            }
        }

        if (destination.IsLoopback)
        {
            route = new Route(LoopbackInterface, InetAddress.Loopback, _loopbackMtu, InterfaceOffload.None);
            return true;
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

    private static uint HostMask(int prefixLength) => prefixLength == 32 ? 0 : uint.MaxValue >> prefixLength;

    /// <summary>The primary address of the network that an own address is in: what a connection to it comes
    /// from.</summary>
    private InetAddress FirstOfNetwork(InetAddress address)
    {
        foreach ((InterfaceAddress own, _) in _addresses)
        {
            uint mask = ~HostMask(own.PrefixLength);
            if ((own.Address.Bits & mask) == (address.Bits & mask))
            {
                return own.Address;
            }
        }

        return address;
    }

    private InetAddress SourceOf(int @interface, InetAddress? gateway)
    {
        InetAddress first = default;
        foreach ((InterfaceAddress own, int index) in _addresses)
        {
            if (index != @interface)
            {
                continue;
            }

            uint mask = ~HostMask(own.PrefixLength);
            if (gateway is { } hop && (own.Address.Bits & mask) == (hop.Bits & mask))
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
