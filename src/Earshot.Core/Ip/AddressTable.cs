using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Earshot.Core.Ip.Groups;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>How far an own address may be used.</summary>
[Flags]
internal enum AddressFlags : byte
{
    /// <summary>Without bounds.</summary>
    None = 0,

    /// <summary>Duplicate address detection is not over.</summary>
    Tentative = 1,

    /// <summary>Another host has it.</summary>
    Duplicate = 2,

    /// <summary>Its preferred lifetime is over: not for new connections if there is another.</summary>
    Deprecated = 4,

    /// <summary>It came from a router's prefix.</summary>
    Automatic = 8,
}

/// <summary>An address of an interface.</summary>
/// <param name="Address">The address.</param>
/// <param name="PrefixLength">Bits that its network's hosts share.</param>
/// <param name="Interface">The interface's index.</param>
/// <param name="Flags">How far it may be used.</param>
internal readonly record struct OwnAddress(InetAddress Address, int PrefixLength, int Interface, AddressFlags Flags)
{
    /// <summary>Whether packets may come to it and leave from it.</summary>
    internal bool IsUsable => (Flags & (AddressFlags.Tentative | AddressFlags.Duplicate)) == 0;

    /// <summary>Whether another address is in its network.</summary>
    internal bool Covers(in InetAddress other) => other.IsIPv4 == Address.IsIPv4
        && other.Network(PrefixLength) == Address.Network(PrefixLength);
}

/// <summary>The addresses of the host's interfaces, and what an address means to it. Linux: inet_addr_type,
/// ipv6_chk_addr.</summary>
internal sealed class AddressTable
{
    private readonly List<OwnAddress> _list = [];
    private readonly Dictionary<(InetAddress Group, int Interface), GroupUsers> _groups = [];

    /// <summary>Is told what changes about groups of IPv4.</summary>
    internal GroupReports? Reports { get; set; }

    /// <summary>Is told what changes about groups of IPv6.</summary>
    internal GroupReports? Reports6 { get; set; }

    /// <summary>The addresses in the order in which they were added.</summary>
    internal ReadOnlySpan<OwnAddress> All => CollectionsMarshal.AsSpan(_list);

    internal void Add(in OwnAddress address) => _list.Add(address);

    /// <summary>Changes how far an address may be used.</summary>
    internal void SetFlags(in InetAddress address, int index, AddressFlags flags)
    {
        for (int i = 0; i < _list.Count; i++)
        {
            if (_list[i].Interface == index && _list[i].Address == address)
            {
                _list[i] = _list[i] with { Flags = flags };
            }
        }
    }

    /// <summary>Whether an interface has an address, usable or not.</summary>
    internal bool Has(InetAddress address, int index) =>
        _list.Exists(own => own.Address == address && own.Interface == index);

    internal bool Remove(InetAddress address, int index) =>
        _list.RemoveAll(own => own.Address == address && own.Interface == index) > 0;

    /// <summary>Whether an address is one of our own; all of 127.0.0.0/8 is.</summary>
    internal bool IsLocal(in InetAddress address)
    {
        if (address.IsLoopback)
        {
            return true;
        }

        foreach (ref readonly OwnAddress own in All)
        {
            if (own.Address == address)
            {
                return own.IsUsable;
            }
        }

        return false;
    }

    /// <summary>Whether an address is an interface's own.</summary>
    internal bool IsLocalOn(in InetAddress address, int index)
    {
        foreach (ref readonly OwnAddress own in All)
        {
            if (own.Interface == index && own.Address == address)
            {
                return own.IsUsable;
            }
        }

        return index == RouteTable.LoopbackInterface && address.IsLoopback;
    }

    /// <summary>What a destination address means to this host.</summary>
    internal AddressKind Classify(in InetAddress address)
    {
        if (IsLocal(address))
        {
            return AddressKind.Local;
        }

        return address.IsMulticast ? AddressKind.Multicast
            : address.IsLimitedBroadcast || IsSubnetBroadcast(address) ? AddressKind.Broadcast
            : AddressKind.Foreign;
    }

    /// <summary>The interface whose network has an address as its broadcast address; 0: none.</summary>
    internal int BroadcastInterface(in InetAddress address)
    {
        foreach (ref readonly OwnAddress own in All)
        {
            uint hosts = HostMask(own.PrefixLength);
            if (own.PrefixLength < 31 && address.IsIPv4 && own.Address.IsIPv4
                && (address.Bits | hosts) == (own.Address.Bits | hosts)
                && (address.Bits & hosts) == hosts)
            {
                return own.Interface;
            }
        }

        return 0;
    }

    /// <summary>Joins a group for a program or for the host itself. Linux: ip_mc_inc_group,
    /// ipv6_dev_mc_inc.</summary>
    internal void Join(GroupFilter filter)
    {
        (InetAddress, int) key = (filter.Group, filter.Interface);
        if (!_groups.TryGetValue(key, out GroupUsers? users))
        {
            _groups.Add(key, users = new GroupUsers());
        }

        users.Add(filter);
        Change(filter);
    }

    /// <summary>A filter of somebody who is in a group says something else now. Linux: ip_mc_add_src,
    /// ip_mc_del_src.</summary>
    internal void Change(GroupFilter filter)
    {
        (InetAddress, int) key = (filter.Group, filter.Interface);
        GroupUsers users = _groups[key];
        GroupReach before = users.Reach;
        users.Join();
        if (!users.Reach.IsMember)
        {
            _groups.Remove(key);
        }

        (filter.Group.IsIPv4 ? Reports : Reports6)?.OnChange(filter.Group, filter.Interface, before, users.Reach);
    }

    /// <summary>Leaves a group that was joined with the same filter.</summary>
    internal void Leave(GroupFilter filter)
    {
        if (_groups.TryGetValue((filter.Group, filter.Interface), out GroupUsers? users) && users.Remove(filter))
        {
            Change(filter);
        }
    }

    /// <summary>Whether the host listens to a multicast address: all hosts of the link, the solicited-node addresses
    /// of its own, and what programs joined. Linux: ip_check_mc_rcu, ipv6_chk_mcast_addr.</summary>
    /// <param name="address">The multicast address.</param>
    /// <param name="index">The interface.</param>
    /// <param name="source">Who sends to it; unspecified: it does not matter who.</param>
    internal bool IsJoined(in InetAddress address, int index, in InetAddress source)
    {
        const uint AllHosts = 0xe0000001;
        if (address.IsIPv4)
        {
            return address.Bits == AllHosts || IsHeard(address, index, source);
        }

        const ulong LinkScope = 0xff02_0000_0000_0000;
        const ulong SolicitedNode = 0x0000_0001_ff00_0000;
        if (address.High == LinkScope && address.Low == 1)
        {
            return true;
        }

        foreach (ref readonly OwnAddress own in All)
        {
            if (own.Address.IsIPv6 && address.High == LinkScope
                && address.Low == (SolicitedNode | (own.Address.Low & 0xffffff)))
            {
                return true;
            }
        }

        return IsHeard(address, index, source);
    }

    /// <summary>The primary address of the network that an own address is in: what a connection to it comes
    /// from.</summary>
    internal InetAddress FirstOfNetwork(InetAddress address)
    {
        foreach (ref readonly OwnAddress own in All)
        {
            if (address.IsIPv4 && own.Covers(address))
            {
                return own.Address;
            }
        }

        return address;
    }

    internal static uint HostMask(int prefixLength) => prefixLength >= 32 ? 0 : uint.MaxValue >> prefixLength;

    private bool IsHeard(in InetAddress group, int index, in InetAddress source) =>
        _groups.Count > 0 && _groups.TryGetValue((group, index), out GroupUsers? users)
        && (source.IsAny || users.Reach.Allows(source));

    private bool IsSubnetBroadcast(in InetAddress address) => BroadcastInterface(address) != 0;
}
