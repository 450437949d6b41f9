using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp;

/// <summary>What bind() must know of an owner of a port: where it is, and what it lets others have.</summary>
/// <param name="Address">The local address.</param>
/// <param name="IsIPv6">Whether its socket is of AF_INET6.</param>
/// <param name="IPv6Only">Whether it leaves IPv4 to others.</param>
/// <param name="ReuseAddress">SO_REUSEADDR.</param>
/// <param name="ReusePort">SO_REUSEPORT.</param>
/// <param name="Device">The interface it is bound to; 0: any.</param>
/// <param name="Uid">Who made it.</param>
/// <param name="IsChosen">Whether connect() chose the port: then other destinations may have it too.</param>
/// <param name="IsTimeWait">Whether only TIME_WAIT is left.</param>
internal readonly record struct PortOwner(
    InetAddress Address, bool IsIPv6, bool IPv6Only, bool ReuseAddress, bool ReusePort, int Device, uint Uid,
    bool IsChosen, bool IsTimeWait)
{
    /// <summary>The owner that a socket with these options is.</summary>
    internal static PortOwner Of(InetAddress address, in SocketOptions options) => new(
        address, options.IsIPv6, options.IPv6Only, options.ReuseAddress, options.ReusePort, options.Device,
        options.Uid, IsChosen: false, IsTimeWait: false);

    // The IPv4 side of an owner: an IPv6 address of its own has none.
    private InetAddress? IPv4Side => Address.IsIPv4 ? Address : Address.IsAny ? InetAddress.Any : null;

    /// <summary>Whether both could be meant by one packet. Linux: inet_rcv_saddr_equal.</summary>
    /// <param name="other">The other owner.</param>
    /// <param name="otherWildcard">Whether a wildcard of the other overlaps everything; our own always does.</param>
    internal bool Overlaps(in PortOwner other, bool otherWildcard = true)
    {
        bool mapped = !IsIPv6 || Address.IsIPv4;
        bool otherMapped = !other.IsIPv6 || other.Address.IsIPv4;
        if (!IsIPv6 || (mapped && otherMapped))
        {
            return !other.IPv6Only && (IPv4Side == other.IPv4Side || IPv4Side == InetAddress.Any
                || (otherWildcard && other.IPv4Side == InetAddress.Any));
        }

        bool any = !mapped && Address.IsAny;
        bool otherAny = !otherMapped && other.Address.IsAny;
        return (any && otherAny)
            || (otherAny && otherWildcard && !(other.IPv6Only && mapped))
            || (any && !(IPv6Only && otherMapped))
            || (mapped == otherMapped && Address == other.Address);
    }
}

/// <summary>Who holds which local port beside bound sockets: connections, and what TIME_WAIT keeps of them. Linux:
/// inet_bind_bucket, inet_bind2_bucket.</summary>
/// <remarks>
/// Owners that bind() cannot tell apart are counted together: a server's million connections are one entry for each
/// of its addresses. Connections come and go too fast for a dictionary, so a port finds its entries in a page of an
/// array.
/// </remarks>
internal sealed class PortHolds
{
    private const int PageBits = 8;
    private const int PageSize = 1 << PageBits;

    private readonly int[]?[] _heads = new int[]?[PageSize];
    private Entry[] _entries = new Entry[8];
    private int _used = 1;
    private int _free;

    /// <summary>Adds an owner.</summary>
    /// <returns>By which <see cref="Remove"/> knows it; never 0.</returns>
    internal int Add(ushort port, in PortOwner owner)
    {
        ref int head = ref (_heads[port >> PageBits] ??= new int[PageSize])[port & (PageSize - 1)];
        for (int i = head; i != 0; i = _entries[i].Next)
        {
            if (_entries[i].Owner == owner)
            {
                _entries[i].Count++;
                return i;
            }
        }

        int added = _free;
        if (added != 0)
        {
            _free = _entries[added].Next;
        }
        else
        {
            added = _used++;
            if (added == _entries.Length)
            {
                Array.Resize(ref _entries, 2 * added);
            }
        }

        ref Entry entry = ref _entries[added];
        entry.Owner = owner;
        entry.Port = port;
        entry.Count = 1;
        entry.Next = head;
        head = added;
        return added;
    }

    /// <summary>Removes an owner; 0 is none.</summary>
    internal void Remove(int hold)
    {
        if (hold == 0 || --_entries[hold].Count > 0)
        {
            return;
        }

        ushort port = _entries[hold].Port;
        ref int link = ref _heads[port >> PageBits]![port & (PageSize - 1)];
        while (link != hold)
        {
            link = ref _entries[link].Next;
        }

        link = _entries[hold].Next;
        _entries[hold].Next = _free;
        _free = hold;
    }

    /// <summary>The owner behind a hold.</summary>
    internal ref readonly PortOwner Owner(int hold) => ref _entries[hold].Owner;

    /// <summary>The first entry of a port, 0 for none; <see cref="Next"/> has the others.</summary>
    internal int First(ushort port) => _heads[port >> PageBits] is { } page ? page[port & (PageSize - 1)] : 0;

    /// <summary>The entry after another, 0 for none.</summary>
    internal int Next(int hold) => _entries[hold].Next;

    private struct Entry
    {
        internal PortOwner Owner;
        internal ushort Port;
        internal int Count;
        internal int Next;
    }
}
