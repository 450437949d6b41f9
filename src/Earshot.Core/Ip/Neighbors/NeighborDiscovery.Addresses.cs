using System;
using System.Buffers.Binary;
using Earshot.Core.Ip.Groups;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip.Neighbors;

/// <summary>An address of an Ethernet interface that a timer belongs to.</summary>
internal sealed class ConfiguredAddress(in InterfaceAddress address, AddressFlags flags)
{
    internal InterfaceAddress Address { get; } = address;

    internal AddressFlags Flags { get; set; } = flags;

    internal bool IsTentative => (Flags & AddressFlags.Tentative) != 0;

    /// <summary>Whether the question was asked, after which silence means that the address is free.</summary>
    internal bool IsAsked { get; set; }

    /// <summary>Whether its time is over: it is no address of the host until a router tells of it again.</summary>
    internal bool HasEnded { get; set; }

    /// <summary>What tells our own question from another host's.</summary>
    internal byte[] Nonce { get; } = new byte[6];

    /// <summary>The jiffy at which it is no longer preferred; <see cref="long.MaxValue"/>: never.</summary>
    internal long PreferredUntil { get; set; } = long.MaxValue;

    /// <summary>The jiffy at which it is gone.</summary>
    internal long ValidUntil { get; set; } = long.MaxValue;

    /// <summary>The group by which the address is asked for; null: it was left.</summary>
    internal GroupFilter? Group { get; set; }

    internal int Timer = -1;
}

/// <summary>A route that a router told of.</summary>
/// <param name="Prefix">The prefix, ::/0 of a default route.</param>
/// <param name="Gateway">The router; null of hosts on the link.</param>
internal sealed record ToldRoute(InterfaceAddress Prefix, InetAddress? Gateway)
{
    /// <summary>The jiffy at which it is forgotten.</summary>
    internal long Until { get; set; }
}

/// <content>Own addresses, routers and groups.</content>
internal sealed partial class NeighborDiscovery
{
    /// <summary>The most addresses that routers can give an interface. sysctl max_addresses.</summary>
    internal const int AddressLimit = 16;

    /// <summary>The most routes that routers can tell an interface of.</summary>
    internal const int ToldLimit = 64;

    private const ulong LinkLocalPrefix = 0xfe80_0000_0000_0000;
    private const uint Forever = uint.MaxValue;
    private const int LeastMtu = 1280;
    private static readonly TimeSpan FirstSolicit = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan LongestSolicit = TimeSpan.FromSeconds(3600);

    /// <summary>An interface comes up: its addresses are looked at, its link-local one is made.</summary>
    internal void Begin(EthernetPort port)
    {
        port.RouterTimer = _timers.NewNode(NetworkTimer.Router, port.Index);
        if (port.Options.LinkLocal)
        {
            var own = new InetAddress(LinkLocalPrefix, port.Address.InterfaceIdentifier);
            if (!_routes.Addresses.Has(own, port.Index))
            {
                _routes.AddAddress(new OwnAddress(own, 64, port.Index, AddressFlags.None));
            }
        }

        foreach (OwnAddress own in _routes.Addresses.All.ToArray())
        {
            if (own.Interface == port.Index && own.Address.IsIPv6)
            {
                Look(port, new ConfiguredAddress(
                    new InterfaceAddress(own.Address, own.PrefixLength), AddressFlags.None));
            }
        }
    }

    /// <summary>A timer of an address fired.</summary>
    internal void OnAddressTimer(int owner)
    {
        (EthernetPort port, ConfiguredAddress own) = Owner(owner);
        long now = _context.Jiffies;
        if (own.IsTentative && !own.IsAsked)
        {
            own.IsAsked = true;
            InetAddress group = SolicitedNode(own.Address.Address);
            SendSolicit(
                port, InetAddress.IPv6Any, group, MacAddress.ForGroup(group), own.Address.Address, own.Nonce);
            _timers.Rearm(own.Timer, now + Ticks(TimeSpan.FromSeconds(1)));
            return;
        }

        if (own.IsTentative)
        {
            SetFlags(port, own, own.Flags & ~AddressFlags.Tentative);
            if (own.Address.Address.IsLinkLocal)
            {
                TellGroups(port);
                if (port.Options.AcceptsRouters && port.Asked == 0)
                {
                    OnRouterTimer(port.Index);
                }
            }
        }

        Age(port, own, now);
    }

    /// <summary>It is time to ask for routers again, or a route that one told of is over.</summary>
    internal void OnRouterTimer(int index)
    {
        EthernetPort port = _ethernet.Port(index)!;
        long now = _context.Jiffies;
        for (int i = port.Told.Count - 1; i >= 0; i--)
        {
            if (port.Told[i].Until <= now)
            {
                _routes.RemoveRoute(port.Told[i].Prefix, index, port.Told[i].Gateway);
                port.Told.RemoveAt(i);
            }
        }

        if (!port.HasRouter)
        {
            AskRouters(port, now);
            return;
        }

        ArmRouterTimer(port, now);
    }

    /// <summary>Gives the timers back.</summary>
    internal void End(EthernetPort port)
    {
        _timers.FreeNode(ref port.RouterTimer);
        foreach (ConfiguredAddress own in port.Configured)
        {
            _timers.FreeNode(ref own.Timer);
        }
    }

    private static ConfiguredAddress? FindConfigured(EthernetPort port, in InetAddress address)
    {
        foreach (ConfiguredAddress own in port.Configured)
        {
            if (own.Address.Address == address)
            {
                return own;
            }
        }

        return null;
    }

    // A timer's owner: the interface and the address's place in its list.
    private static int Owner(EthernetPort port, int place) => (port.Index << 8) | place;

    private (EthernetPort Port, ConfiguredAddress Own) Owner(int owner)
    {
        EthernetPort port = _ethernet.Port(owner >> 8)!;
        return (port, port.Configured[owner & 0xff]);
    }

    private void Look(EthernetPort port, ConfiguredAddress own)
    {
        own.Timer = _timers.NewNode(NetworkTimer.Address, Owner(port, port.Configured.Count));
        port.Configured.Add(own);
        BeginUse(port, own);
    }

    // Asks whether another host has it, or uses it at once.
    private void BeginUse(EthernetPort port, ConfiguredAddress own)
    {
        own.Group = new GroupFilter(SolicitedNode(own.Address.Address), port.Index);
        _routes.Addresses.Join(own.Group);
        _routes.Addresses.Reports6?.BeginAnew(port.Index);
        if (!port.Options.DetectsDuplicates)
        {
            if (own.Address.Address.IsLinkLocal)
            {
                TellGroups(port);
                if (port.Options.AcceptsRouters)
                {
                    _timers.Rearm(port.RouterTimer, _context.Jiffies + 1);
                }
            }

            Age(port, own, _context.Jiffies);
            return;
        }

        SetFlags(port, own, own.Flags | AddressFlags.Tentative);
        BinaryPrimitives.WriteUInt32BigEndian(own.Nonce, _chance.NextUInt32());
        BinaryPrimitives.WriteUInt16BigEndian(own.Nonce.AsSpan(4), (ushort)_chance.NextUInt32());
        long delay = _chance.Below((uint)Ticks(TimeSpan.FromSeconds(1)));
        _timers.Rearm(own.Timer, _context.Jiffies + 1 + delay);
    }

    private void SetFlags(EthernetPort port, ConfiguredAddress own, AddressFlags flags)
    {
        own.Flags = flags;
        _routes.SetAddressFlags(own.Address.Address, port.Index, flags);
    }

    // Another host has it: it is never used.
    private void GiveUp(EthernetPort port, ConfiguredAddress own)
    {
        _timers.Disarm(own.Timer);
        SetFlags(port, own, (own.Flags & ~AddressFlags.Tentative) | AddressFlags.Duplicate);
        LeaveGroup(own);
        string name = _routes.InterfaceName(port.Index)!;
        _context.Log.Add(
            _context.Now, $"IPv6: {name}: IPv6 duplicate address {own.Address.Address} used by another host detected!");
    }

    // Linux: addrconf_leave_solict.
    private void LeaveGroup(ConfiguredAddress own)
    {
        if (own.Group is { } group)
        {
            own.Group = null;
            _routes.Addresses.Leave(group);
        }
    }

    // Lifetimes: first no longer preferred, then gone.
    private void Age(EthernetPort port, ConfiguredAddress own, long now)
    {
        if (own.ValidUntil <= now)
        {
            _timers.Disarm(own.Timer);
            _routes.RemoveAddress(own.Address.Address, port.Index);
            own.HasEnded = true;
            LeaveGroup(own);
            return;
        }

        bool old = own.PreferredUntil <= now;
        AddressFlags flags = old ? own.Flags | AddressFlags.Deprecated : own.Flags & ~AddressFlags.Deprecated;
        if (flags != own.Flags)
        {
            SetFlags(port, own, flags);
        }

        long next = old ? own.ValidUntil : Math.Min(own.PreferredUntil, own.ValidUntil);
        if (next != long.MaxValue && !own.IsTentative)
        {
            _timers.Rearm(own.Timer, Math.Max(next, now + 1));
        }
    }

    private void AskRouters(EthernetPort port, long now)
    {
        InetAddress from = SourceSelection.IPv6(_routes.Addresses.All, port.Index, AllRouters);
        Span<byte> message = stackalloc byte[MessageHeader + DiscoveryOptions.LinkLayerLength];
        message.Clear();
        message[0] = DiscoveryType.RouterSolicit;
        DiscoveryOptions.WriteLinkLayer(
            message[MessageHeader..], DiscoveryOptions.SourceLinkLayer, port.Address);
        Send(
            port, from, AllRouters, MacAddress.ForGroup(AllRouters), from.IsAny ? message[..MessageHeader] : message,
            Counter.Icmp6OutRouterSolicits);
        double seconds = Math.Min(
            FirstSolicit.TotalSeconds * Math.Pow(2, Math.Min(port.Asked, 16)), LongestSolicit.TotalSeconds);
        port.Asked++;
        _timers.Rearm(port.RouterTimer, now + Ticks(TimeSpan.FromSeconds(seconds)));
    }

    /// <summary>A router tells of itself. Linux: ndisc_router_discovery.</summary>
    private void OnRouter(in IpPacket packet, in DiscoveryOptions options, EthernetPort port)
    {
        const int LifetimeOffset = 6;
        ReadOnlySpan<byte> message = packet.Payload;
        long now = _context.Jiffies;
        int lifetime = BinaryPrimitives.ReadUInt16BigEndian(message[LifetimeOffset..]);
        port.HasRouter = true;
        Tell(port, new InterfaceAddress(InetAddress.IPv6Any, 0), packet.Source, (uint)lifetime, now);
        if (options.TryLinkLayer(DiscoveryOptions.SourceLinkLayer, out MacAddress hardware)
            && _table.FindOrAdd(packet.Source, port.Index) is { } router)
        {
            router.IsRouter = true;
            _table.Update(router, hardware, NeighborState.Stale, overrides: true);
        }

        if (options.Mtu is >= LeastMtu and var mtu && mtu <= (uint)_routes.Interface(port.Index).Mtu)
        {
            _routes.SetIPv6Mtu(port.Index, (int)mtu);
        }

        for (int i = 0; options.TryPrefix(i, out AdvertisedPrefix prefix); i++)
        {
            OnPrefix(prefix, port, now);
        }

        ArmRouterTimer(port, now);
    }

    /// <summary>Linux: addrconf_prefix_rcv.</summary>
    private void OnPrefix(in AdvertisedPrefix told, EthernetPort port, long now)
    {
        InetAddress network = told.Prefix.Address;
        if (told.PreferredSeconds > told.ValidSeconds || network.IsMulticast || network.IsLinkLocal)
        {
            return;
        }

        if (told.IsOnLink)
        {
            Tell(port, told.Prefix, null, told.ValidSeconds, now);
        }

        if (!told.IsAutonomous || told.Prefix.PrefixLength != 64)
        {
            return;
        }

        const uint TwoHours = 7200;
        var address = new InetAddress(network.High, port.Address.InterfaceIdentifier);
        ConfiguredAddress? own = FindConfigured(port, address);
        if (own is null or { HasEnded: true })
        {
            if (told.ValidSeconds > 0 && (own is not null || port.Configured.Count < AddressLimit))
            {
                Make(port, own, new InterfaceAddress(address, 64), told, now);
            }

            return;
        }

        // Nobody can end an address at once by a forged message. RFC 4862 §5.5.3 e.
        long left = own.ValidUntil == long.MaxValue ? long.MaxValue : own.ValidUntil - now;
        long valid = Until(now, told.ValidSeconds);
        long floor = now + Math.Min(left, Ticks(TimeSpan.FromSeconds(TwoHours)));
        own.ValidUntil = told.ValidSeconds > TwoHours || valid - now > left ? valid : Math.Max(valid, floor);
        own.PreferredUntil = Until(now, told.PreferredSeconds);
        Age(port, own, now);
    }

    private void Make(
        EthernetPort port, ConfiguredAddress? ended, in InterfaceAddress address, in AdvertisedPrefix told, long now)
    {
        ConfiguredAddress own = ended ?? new ConfiguredAddress(address, AddressFlags.None);
        own.Flags = AddressFlags.Automatic;
        own.HasEnded = own.IsAsked = false;
        own.ValidUntil = Until(now, told.ValidSeconds);
        own.PreferredUntil = Until(now, told.PreferredSeconds);
        _routes.AddOwnAddress(new OwnAddress(address.Address, address.PrefixLength, port.Index, own.Flags));
        if (ended is null)
        {
            Look(port, own);
        }
        else
        {
            BeginUse(port, own);
        }
    }

    private void Tell(
        EthernetPort port, in InterfaceAddress prefix, InetAddress? gateway, uint seconds, long now)
    {
        InterfaceAddress wanted = prefix;
        ToldRoute? known = port.Told.Find(route => route.Prefix == wanted && route.Gateway == gateway);
        if (seconds == 0)
        {
            if (known is not null)
            {
                _routes.RemoveRoute(prefix, port.Index, gateway);
                port.Told.Remove(known);
            }

            return;
        }

        if (known is null)
        {
            if (port.Told.Count >= ToldLimit)
            {
                return;
            }

            known = new ToldRoute(prefix, gateway);
            port.Told.Add(known);
            _routes.AddRoute(new RouteOptions(prefix, port.Index, gateway));
        }

        known.Until = Until(now, seconds);
    }

    private long Until(long now, uint seconds) =>
        seconds == Forever ? long.MaxValue : now + Ticks(TimeSpan.FromSeconds(seconds));

    private void ArmRouterTimer(EthernetPort port, long now)
    {
        long next = long.MaxValue;
        foreach (ToldRoute route in port.Told)
        {
            next = Math.Min(next, route.Until);
        }

        if (next == long.MaxValue)
        {
            _timers.Disarm(port.RouterTimer);
        }
        else
        {
            _timers.Rearm(port.RouterTimer, Math.Max(next, now + 1));
        }
    }

    // There is an address to tell of the groups from.
    private void TellGroups(EthernetPort port) => _routes.Addresses.Reports6?.TellAll(port.Index);

    private long Ticks(TimeSpan span) => _context.Clock.From(span);
}
