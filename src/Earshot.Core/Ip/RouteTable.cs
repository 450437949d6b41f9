using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>Our addresses and the ways to those of others. Linux: fib_lookup, ip_route_output_key.</summary>
internal sealed partial class RouteTable
{
    internal const int LoopbackInterface = 1;
    internal const int FirstInterface = 2;

    // IPv4's total length is 16 bits: a packet on the 65536-byte loopback has 65535 at most.
    private const int LargestPacket = 65535;

    private readonly StackContext _context;
    private readonly List<RouteEntry> _given = [];
    private readonly AddressTable _addresses = new();
    private readonly int _loopbackMtu;
    private readonly IReadOnlyList<InterfaceOptions> _interfaces;
    private readonly int[] _mtu6;
    private RouteEntry[] _routes = [];
    private RouteEntry[] _routes6 = [];
    private int _order;

    internal RouteTable(StackContext context)
    {
        StackOptions options = context.Options;
        IReadOnlyList<InterfaceOptions> interfaces = options.Interfaces;
        _context = context;
        _interfaces = interfaces;
        _loopbackMtu = options.Profile.LoopbackMtu;
        _mtu6 = new int[interfaces.Count];
        for (int i = 0; i < interfaces.Count; i++)
        {
            InterfaceOptions link = interfaces[i];
            if (link.Mtu is < 68 or > LargestPacket)
            {
                throw new ArgumentException($"interface {link.Name}: an MTU is 68 to 65535 bytes, not {link.Mtu}");
            }

            _mtu6[i] = link.Mtu;
            foreach (InterfaceAddress address in link.Addresses)
            {
                _addresses.Add(new OwnAddress(
                    address.Address, address.PrefixLength, i + FirstInterface, AddressFlags.None));
                _given.Add(OnLink(address, i + FirstInterface));
            }
        }

        foreach (RouteOptions route in options.Routes)
        {
            _given.Add(Given(route));
        }

        Sort();
    }

    /// <summary>Changes with every change of an address or a route, learned ones included: what was looked up before
    /// may be different now.</summary>
    internal uint Generation { get; private set; }

    /// <summary>The addresses of the host.</summary>
    internal AddressTable Addresses => _addresses;

    /// <summary>Interfaces beside loopback.</summary>
    internal int InterfaceCount => _interfaces.Count;

    internal InterfaceOptions Interface(int index) => _interfaces[index - FirstInterface];

    /// <summary>Whether an address is an interface's own.</summary>
    internal bool IsLocalOn(in InetAddress address, int index) => _addresses.IsLocalOn(address, index);

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

    /// <summary>What a destination address means to this host.</summary>
    internal AddressKind Classify(in InetAddress address)
    {
        if (_isSmall)
        {
            return _addresses.Classify(address);
        }

        ref Cached place = ref Place(address);
        if ((place.Known & Knows.Kind) == 0)
        {
            place.Kind = _addresses.Classify(address);
            place.Known |= Knows.Kind;
        }

        return place.Kind;
    }

    /// <summary>Whether the stack listens to a multicast address on an interface, when a host sends to it.</summary>
    internal bool IsJoined(in InetAddress address, int index, in InetAddress source) =>
        _addresses.IsJoined(address, index, source);

    /// <summary>Whether an address is one of our own; all of 127.0.0.0/8 is.</summary>
    internal bool IsLocal(in InetAddress address) =>
        _isSmall ? _addresses.IsLocal(address) : Classify(address) == AddressKind.Local;

    /// <summary>Adds an address and the route of its network.</summary>
    internal void AddAddress(in OwnAddress address)
    {
        _addresses.Add(address);
        _given.Add(OnLink(new InterfaceAddress(address.Address, address.PrefixLength), address.Interface));
        Sort();
    }

    /// <summary>Adds an address whose network's route is known otherwise.</summary>
    internal void AddOwnAddress(in OwnAddress address)
    {
        _addresses.Add(address);
        Forget();
    }

    /// <summary>Changes how far an address may be used.</summary>
    internal void SetAddressFlags(in InetAddress address, int index, AddressFlags flags)
    {
        _addresses.SetFlags(address, index, flags);
        Forget();
    }

    /// <summary>Takes an address away; its network's route stays while another address is in it.</summary>
    internal void RemoveAddress(in InetAddress address, int index)
    {
        if (_addresses.Remove(address, index))
        {
            Forget();
        }
    }

    /// <summary>Adds a route, behind others of its prefix and metric.</summary>
    internal void AddRoute(RouteOptions route)
    {
        _given.Add(Given(route));
        Sort();
    }

    /// <summary>Takes a route away.</summary>
    /// <returns>Whether there was one of this prefix, interface and router.</returns>
    internal bool RemoveRoute(in InterfaceAddress prefix, int index, InetAddress? gateway)
    {
        InterfaceAddress wanted = prefix;
        bool removed = _given.RemoveAll(entry =>
            entry.Prefix == wanted && entry.Interface == index && entry.Gateway == (gateway ?? default)) > 0;
        if (removed)
        {
            Sort();
        }

        return removed;
    }

    /// <summary>Sets the MTU that IPv6 has on an interface, as a router tells it: 1280 up to the interface's.</summary>
    internal void SetIPv6Mtu(int index, int mtu)
    {
        _mtu6[index - FirstInterface] = Math.Min(mtu, Interface(index).Mtu);
        Forget();
    }

    /// <summary>The MTU of an interface.</summary>
    internal int MtuOf(int index, bool isIPv4) => index == LoopbackInterface
        ? isIPv4 ? Math.Min(_loopbackMtu, LargestPacket) : _loopbackMtu
        : isIPv4 ? Interface(index).Mtu : _mtu6[index - FirstInterface];

    private static RouteEntry OnLink(in InterfaceAddress address, int index) => new(
        new InterfaceAddress(address.Address.Network(address.PrefixLength), address.PrefixLength), index,
        default, address.Address.IsIPv4 ? address.Address : null, 0, false, 0,
        address.Address.IsIPv4 ? 0 : KernelMetric, RouteKind.Unicast);

    private RouteEntry Given(RouteOptions route)
    {
        if (route.Kind == RouteKind.Unicast && InterfaceName(route.Interface) is null)
        {
            throw new ArgumentException($"route {route.Destination}: there is no interface {route.Interface}");
        }

        bool isIPv4 = route.Destination.Address.IsIPv4;
        InetAddress gateway = route.Gateway ?? default;
        if (route.Gateway is { } hop && (hop.IsAny || hop.IsIPv4 != isIPv4))
        {
            throw new ArgumentException($"route {route.Destination}: {hop} is no router for it");
        }

        if (route.Mtu is < 0 or > LargestPacket)
        {
            throw new ArgumentException($"route {route.Destination}: an MTU is at most 65535 bytes, not {route.Mtu}");
        }

        int length = route.Destination.PrefixLength;
        var prefix = new InterfaceAddress(route.Destination.Address.Network(length), length);
        int metric = route.Metric == 0 && !isIPv4 ? UserMetric : route.Metric;
        return new RouteEntry(
            prefix, route.Interface, gateway, route.Source, route.Mtu, route.IsMtuLocked, (ushort)route.AdvertisedMss,
            metric, route.Kind);
    }

    // The longest prefix first, then the lower metric; among equals the first that was given.
    private void Sort()
    {
        for (int i = 0; i < _given.Count; i++)
        {
            _given[i] = _given[i].Order >= 0 ? _given[i] : _given[i] with { Order = _order++ };
        }

        RouteEntry[] sorted =
        [
            .. _given.OrderByDescending(entry => entry.Prefix.PrefixLength).ThenBy(entry => entry.Metric)
                .ThenBy(entry => entry.Order),
        ];
        _routes = [.. sorted.Where(entry => entry.Prefix.Address.IsIPv4)];
        _routes6 = [.. sorted.Where(entry => entry.Prefix.Address.IsIPv6)];
        Forget();
    }
}
