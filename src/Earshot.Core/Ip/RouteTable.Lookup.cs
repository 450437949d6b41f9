using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <content>How a way is found, and what is learned of it.</content>
internal sealed partial class RouteTable
{
    private const int KernelMetric = 256;
    private const int UserMetric = 1024;

    // Destinations whose answer is kept; more share a place. A few routes are searched as fast as this.
    private const int CachePlaces = 1024;
    private const int FewEntries = 6;

    private readonly PathExceptions _learned = new();
    private Cached[] _cache = [];
    private bool _isSmall = true;
    private PlainRoute[] _plain = [];
    private uint[] _ownNumbers = [];

    [Flags]
    private enum Knows : byte
    {
        Nothing = 0,
        Kind = 1,
        Route = 2,
    }

    /// <summary>Finds the way to a destination.</summary>
    /// <param name="destination">The destination; not 0.0.0.0 or ::.</param>
    /// <param name="route">The way; when there is none, nothing.</param>
    /// <returns>False when there is none.</returns>
    internal bool TryRoute(in InetAddress destination, out Route route) => Resolve(destination, out route) == 0;

    /// <summary>Finds the way to a destination.</summary>
    /// <returns>0, or -ENETUNREACH; of an unreachable, prohibited or black-holed prefix -EHOSTUNREACH, -EACCES and
    /// -EINVAL.</returns>
    internal int Resolve(in InetAddress destination, out Route route)
    {
        int error;
        if (destination.IsIPv4 && TryPlain(destination.Bits, out route))
        {
            return _learned.Count == 0 ? 0 : WithLearned(destination, ref route);
        }

        if (_isSmall)
        {
            error = Search(destination, 0, direct: false, out route);
        }
        else
        {
            ref Cached place = ref Place(destination);
            if ((place.Known & Knows.Route) == 0)
            {
                place.Error = Search(destination, 0, direct: false, out place.Route);
                place.Known |= Knows.Route;
            }

            error = place.Error;
            route = place.Route;
        }

        return error == 0 ? WithLearned(destination, ref route) : error;
    }

    /// <summary>Finds the way to a destination for a socket that is bound to a device or speaks to its own link only.
    /// Linux: ip_route_output_key_hash_rcu.</summary>
    /// <param name="destination">The destination.</param>
    /// <param name="device">The interface that it must leave by; 0: any. Without a route by it the destination is held
    /// to be on its link.</param>
    /// <param name="direct">SO_DONTROUTE: only hosts on a link, no router.</param>
    /// <param name="route">The way.</param>
    /// <returns>As <see cref="Resolve(in InetAddress, out Route)"/>.</returns>
    internal int Resolve(in InetAddress destination, int device, bool direct, out Route route)
    {
        if (device == 0 && !direct)
        {
            return Resolve(destination, out route);
        }

        int error = Search(destination, device, direct, out route);
        return error == 0 ? WithLearned(destination, ref route) : error;
    }

    /// <summary>The way onto a link itself.</summary>
    internal Route Direct(int index, in InetAddress source)
    {
        InterfaceOptions options = Interface(index);
        return new Route(
            (ushort)index, 0, source, MtuOf(index, source.IsIPv4), options.Offload, 0,
            options.Ethernet is null ? RouteFlags.None : RouteFlags.Ethernet);
    }

    /// <summary>The host on the link to which a packet is handed: a router, or the destination itself.</summary>
    internal InetAddress NextHop(in InetAddress destination, int index)
    {
        if (_learned.Count > 0 && _learned.TryGet(destination, _context.Now, out PathException known)
            && !known.Gateway.IsAny)
        {
            return known.Gateway;
        }

        foreach (ref readonly RouteEntry entry in Entries(destination))
        {
            if (entry.Interface == index && entry.Kind == RouteKind.Unicast && entry.Matches(destination))
            {
                return entry.HasGateway ? entry.Gateway : destination;
            }
        }

        return destination;
    }

    /// <summary>A router or host on the way takes smaller packets only. Linux: __ip_rt_update_pmtu,
    /// __ip6_rt_update_pmtu.</summary>
    /// <param name="destination">Where the packets went.</param>
    /// <param name="mtu">The MTU that was told, 0: none.</param>
    /// <returns>The MTU of the way from now on; 0 when there is no way.</returns>
    internal int LearnMtu(in InetAddress destination, int mtu)
    {
        const int LeastIPv6 = 1280;
        if (!TryRoute(destination, out Route route))
        {
            return 0;
        }

        Sysctls sysctls = _context.Sysctls;
        if (route.IsMtuLocked && route.Source.IsIPv4)
        {
            return route.Mtu;
        }

        bool locks = false;
        int seconds = sysctls.RouteMtuExpires;
        if (destination.IsIPv6)
        {
            seconds = sysctls.IPv6RouteMtuExpires;
            if (mtu < LeastIPv6 || mtu >= route.Mtu)
            {
                return route.Mtu;
            }
        }
        else if (mtu > route.Mtu)
        {
            return route.Mtu;
        }
        else if (mtu < sysctls.RouteMinPmtu)
        {
            locks = true;
            mtu = Math.Min(route.Mtu, sysctls.RouteMinPmtu);
        }

        _learned.TryGet(destination, _context.Now, out PathException known);
        TimeSpan lifetime = TimeSpan.FromSeconds(seconds);
        bool isFresh = known.Mtu == mtu && !locks && known.MtuUntil - _context.Now > lifetime / 2;
        if (!isFresh)
        {
            _learned.Set(destination, known with
            {
                Mtu = mtu,
                IsLocked = locks,
                MtuUntil = _context.Now + lifetime,
            });
            Generation++;
        }

        return mtu;
    }

    /// <summary>A router says that another one is nearer. Linux: __ip_do_redirect.</summary>
    /// <param name="destination">Where the packet went.</param>
    /// <param name="from">Who says so: only the router that is used now is believed.</param>
    /// <param name="gateway">The other one.</param>
    /// <param name="index">The interface that the message came by.</param>
    /// <returns>Whether it was believed.</returns>
    internal bool LearnGateway(in InetAddress destination, in InetAddress from, in InetAddress gateway, int index)
    {
        TimeSpan lifetime = TimeSpan.FromSeconds(300);
        InetAddress current = NextHop(destination, index);
        if (current == destination || current != from || gateway == current || gateway.IsAny
            || Classify(gateway) != AddressKind.Foreign || (gateway.IsIPv4 && gateway.Bits >> 28 == 0xf))
        {
            return false;
        }

        _learned.TryGet(destination, _context.Now, out PathException known);
        _learned.Set(destination, known with { Gateway = gateway, GatewayUntil = _context.Now + lifetime });
        Generation++;
        return true;
    }

    /// <summary>When the MTU that was learned of a way is forgotten; <see cref="Instant.Zero"/>: none was.</summary>
    internal Instant LearnedUntil(in InetAddress destination) =>
        _learned.Count > 0 && _learned.TryGet(destination, _context.Now, out PathException known)
            ? known.MtuUntil : Instant.Zero;

    private int WithLearned(in InetAddress destination, ref Route route)
    {
        if (_learned.Count > 0 && !route.IsLocal
            && _learned.TryGet(destination, _context.Now, out PathException known) && known.Mtu != 0)
        {
            RouteFlags flags = route.Flags | RouteFlags.MtuLearned
                | (known.IsLocked ? RouteFlags.MtuLocked : RouteFlags.None);
            route = route with { Mtu = Math.Min(known.Mtu, route.Mtu), Flags = flags };
        }

        return 0;
    }

    // Nearly every destination is somebody else's, on a route whose source does not depend on it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryPlain(uint destination, out Route route)
    {
        Unsafe.SkipInit(out route);
        if (destination >> 24 == 127 || _ownNumbers.AsSpan().Contains(destination))
        {
            return false;
        }

        foreach (ref readonly PlainRoute plain in _plain.AsSpan())
        {
            if ((destination & plain.Mask) == plain.Network)
            {
                route = plain.Route;
                return plain.IsWhole;
            }
        }

        return false;
    }

    // A few entries; with more the places of the cache are faster.
    private void FindPlain()
    {
        _plain = [];
        if (!_isSmall)
        {
            return;
        }

        var numbers = new List<uint>();
        foreach (ref readonly OwnAddress own in _addresses.All)
        {
            if (own.Address.IsIPv4)
            {
                numbers.Add(own.Address.Bits);
                numbers.Add(own.Address.Bits | AddressTable.HostMask(own.PrefixLength));
            }
        }

        _ownNumbers = [.. numbers];
        _plain = new PlainRoute[_routes.Length];
        for (int i = 0; i < _routes.Length; i++)
        {
            ref readonly RouteEntry entry = ref _routes[i];
            bool isWhole = entry.Kind == RouteKind.Unicast && (entry.Source is not null || entry.HasGateway);
            _plain[i] = new PlainRoute
            {
                Mask = entry.Mask,
                Network = entry.Network,
                IsWhole = isWhole,
                Route = isWhole ? By(entry, entry.Gateway) : default,
            };
        }
    }

    private ReadOnlySpan<RouteEntry> Entries(in InetAddress destination) =>
        destination.IsIPv4 ? _routes : _routes6;

    private int Search(in InetAddress destination, int device, bool direct, out Route route)
    {
        if (TryLocal(destination, device, out route))
        {
            return 0;
        }

        if (destination.IsMulticast && (device != 0 || destination.IsIPv6))
        {
            return ToLink(destination, device != 0 ? device : FirstInterface, out route);
        }

        int broadcast = destination.IsIPv4 ? _addresses.BroadcastInterface(destination) : 0;
        if (broadcast != 0 && (device == 0 || device == broadcast))
        {
            return ToLink(destination, broadcast, out route);
        }

        foreach (ref readonly RouteEntry entry in Entries(destination))
        {
            if (!entry.Matches(destination) || (direct && entry.HasGateway)
                || (device != 0 && entry.Kind == RouteKind.Unicast && entry.Interface != device))
            {
                continue;
            }

            if (entry.Kind == RouteKind.Unicast)
            {
                route = By(entry, destination);
                return 0;
            }

            route = default;
            int error = entry.Kind switch
            {
                RouteKind.Unreachable => -Errno.EHOSTUNREACH,
                RouteKind.Prohibit => -Errno.EACCES,
                RouteKind.Blackhole => -Errno.EINVAL,
                _ => -Errno.ENETUNREACH,
            };
            return error;
        }

        return device != 0 && destination.IsIPv4 ? ToLink(destination, device, out route) : -Errno.ENETUNREACH;
    }

    private bool TryLocal(in InetAddress destination, int device, out Route route)
    {
        foreach (ref readonly OwnAddress own in _addresses.All)
        {
            if (own.Address == destination && own.IsUsable
                && (device is 0 or LoopbackInterface || own.Interface == device))
            {
                route = OverLoopback(_addresses.FirstOfNetwork(destination));
                return true;
            }
        }

        bool isLoopback = destination.IsLoopback && device is 0 or LoopbackInterface;
        route = isLoopback
            ? OverLoopback(destination.IsIPv4 ? InetAddress.Loopback : InetAddress.IPv6Loopback) : default;
        return isLoopback;
    }

    // As if the destination were on the link, whatever the routes say.
    private int ToLink(in InetAddress destination, int device, out Route route)
    {
        route = default;
        if (device == LoopbackInterface && destination.IsIPv4 && destination.IsMulticast)
        {
            route = OverLoopback(InetAddress.Loopback);
            return 0;
        }

        if (InterfaceName(device) is null || device == LoopbackInterface)
        {
            return -Errno.ENETUNREACH;
        }

        int length = destination.IsIPv4 ? 32 : 128;
        route = By(
            new RouteEntry(
                new InterfaceAddress(destination, length), device, default, null, 0, false, 0, 0, RouteKind.Unicast),
            destination);
        return 0;
    }

    private Route By(in RouteEntry entry, in InetAddress destination)
    {
        bool isIPv4 = destination.IsIPv4;
        if (entry.Interface == LoopbackInterface)
        {
            return OverLoopback(isIPv4 ? InetAddress.Loopback : InetAddress.IPv6Loopback);
        }

        InetAddress source = entry.Source ?? (isIPv4
            ? SourceSelection.IPv4(
                _addresses.All, entry.Interface, entry.HasGateway ? entry.Gateway : destination)
            : SourceSelection.IPv6(_addresses.All, entry.Interface, destination));
        int mtu = MtuOf(entry.Interface, isIPv4);
        RouteFlags flags = (entry.IsMtuLocked ? RouteFlags.MtuLocked : RouteFlags.None)
            | (entry.HasGateway ? RouteFlags.Gateway : RouteFlags.None)
            | (Interface(entry.Interface).Ethernet is null ? RouteFlags.None : RouteFlags.Ethernet);
        return new Route(
            (ushort)entry.Interface, entry.OwnMss, source, entry.Mtu != 0 ? entry.Mtu : mtu,
            Interface(entry.Interface).Offload, (byte)entry.Prefix.PrefixLength, flags);
    }

    // IPv6's length field counts the payload alone: its packets on loopback may be longer by their header.
    private Route OverLoopback(in InetAddress source) => new(
        LoopbackInterface, 0, source, MtuOf(LoopbackInterface, source.IsIPv4), InterfaceOffload.None);

    private ref Cached Place(in InetAddress address)
    {
        if (_cache.Length == 0)
        {
            _cache = new Cached[CachePlaces];
        }

        uint hash = (uint)address.GetHashCode();
        ref Cached place = ref _cache[(hash ^ (hash >> 16)) & (CachePlaces - 1)];
        if (place.Address != address)
        {
            place.Address = address;
            place.Known = Knows.Nothing;
        }

        return ref place;
    }

    private void Forget()
    {
        Generation++;
        _isSmall = _addresses.All.Length + _given.Count <= FewEntries;
        Array.Clear(_cache);
        FindPlain();
    }

    /// <summary>A route of IPv4 with all that <see cref="By"/> finds of it, if that is the same for every
    /// destination.</summary>
    private struct PlainRoute
    {
        internal uint Mask;
        internal uint Network;
        internal bool IsWhole;
        internal Route Route;
    }

    private struct Cached
    {
        internal InetAddress Address;
        internal Route Route;
        internal int Error;
        internal AddressKind Kind;
        internal Knows Known;
    }
}
