using System;
using System.Buffers.Binary;
using Earshot.Core.Ip.Groups;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <content>Groups that a socket joins, and the sources of them that it hears.</content>
public sealed partial class SocketCalls
{
    private const int MulticastInterfaceName = 32;
    private const int MulticastInterfaceName6 = 17;
    private const int FilterName = 48;

    // struct ip_mreq and ip_mreq_source; of group_req and group_source_req the interface and what stands before the
    // next address.
    private const int RequestLength = 8;
    private const int SourceRequestLength = 12;
    private const int StorageLength = 128;
    private const int GroupRequestHead = 8;
    private const int GroupRequestLength = GroupRequestHead + StorageLength;

    /// <summary>What a call does with a group.</summary>
    private enum GroupCall : byte
    {
        Join,
        Leave,
        Block,
        Unblock,
        JoinSource,
        LeaveSource,
    }

    /// <summary>IP_MULTICAST_IF and the memberships over IPv4. Linux: ip_mc_join_group, ip_mc_leave_group,
    /// ip_mc_source, ip_mc_msfilter.</summary>
    private int SetMulticast(Socket socket, int name, ReadOnlySpan<byte> bytes)
    {
        switch (name)
        {
            case MulticastInterfaceName:
                return SetMulticastInterface(socket, bytes);
            case 35 or 36:
                bool join = name == 35;
                return !socket.IsDatagram ? -Errno.EPROTO : bytes.Length < RequestLength ? -Errno.EINVAL
                    : Apply(socket, join ? GroupCall.Join : GroupCall.Leave, Read4(bytes, isRequest: true), default);
            case >= 37 and <= 40:
                GroupCall call = name switch
                {
                    37 => GroupCall.Unblock,
                    38 => GroupCall.Block,
                    39 => GroupCall.JoinSource,
                    _ => GroupCall.LeaveSource,
                };
                return bytes.Length != SourceRequestLength ? -Errno.EINVAL
                    : Apply(socket, call, Read4(bytes, isRequest: false), InetAddress.Read(bytes[RequestLength..]));
            case IpFilterName:
                return SetIpFilter(socket, bytes);
            case FilterName:
                return SetFilter(socket, bytes, isIPv4: true);
            default:
                return SetGroup(socket, name, bytes, isIPv4: true);
        }
    }

    private int SetMulticastInterface(Socket socket, ReadOnlySpan<byte> bytes)
    {
        if (!socket.IsDatagram || bytes.Length < IntLength)
        {
            return -Errno.EINVAL;
        }

        // ip_mreqn: group, address of an interface, its index; ip_mreq lacks the index, in_addr the group too.
        InetAddress address = InetAddress.Read(bytes[(bytes.Length < RequestLength ? 0 : IntLength)..]);
        int index = bytes.Length >= RequestLength + IntLength ? Read(bytes[RequestLength..]) : 0;
        int found = index != 0 ? (_routes.InterfaceName(index) is null ? -1 : index)
            : address.IsAny ? 0 : InterfaceOf(address);
        if (found < 0)
        {
            return -Errno.EADDRNOTAVAIL;
        }

        Keep(socket, OptionKey.LevelIp, 100, found, 0, int.MaxValue);
        return Keep(
            socket, OptionKey.LevelIp, MulticastInterfaceName, BinaryPrimitives.ReverseEndianness((int)address.Bits),
            int.MinValue, int.MaxValue);
    }

    /// <summary>IPV6_MULTICAST_IF and the memberships over IPv6. Linux: ipv6_sock_mc_join, ipv6_sock_mc_drop,
    /// ip6_mc_source, ip6_mc_msfilter.</summary>
    private int SetMulticast6(Socket socket, int name, ReadOnlySpan<byte> bytes)
    {
        const int Join = 20;
        const int Request = InetAddress.IPv6Length + IntLength;
        switch (name)
        {
            case MulticastInterfaceName6:
                if (!socket.IsDatagram)
                {
                    return -Errno.ENOPROTOOPT;
                }

                if (bytes.Length < IntLength)
                {
                    return -Errno.EINVAL;
                }

                int wanted = Read(bytes);
                return wanted != 0 && _routes.InterfaceName(wanted) is null
                    ? -Errno.ENODEV : Keep(socket, OptionKey.LevelIPv6, name, wanted, 0, int.MaxValue);
            case Join or Join + 1:
                if (bytes.Length < Request)
                {
                    return -Errno.EINVAL;
                }

                InetAddress group = InetAddress.ReadIPv6(bytes);
                return !socket.IsDatagram ? -Errno.EPROTO : Apply(
                    socket, name == Join ? GroupCall.Join : GroupCall.Leave,
                    PlaceOf(group, Read(bytes[InetAddress.IPv6Length..])), default);
            case FilterName:
                return SetFilter(socket, bytes, isIPv4: false);
            default:
                return SetGroup(socket, name, bytes, isIPv4: false);
        }
    }

    /// <summary>MCAST_JOIN_GROUP and the others of both families. Linux: ipv6_mcast_join_leave,
    /// do_ipv6_mcast_group_source.</summary>
    private int SetGroup(Socket socket, int name, ReadOnlySpan<byte> bytes, bool isIPv4)
    {
        GroupCall call = name switch
        {
            42 => GroupCall.Join,
            43 => GroupCall.Block,
            44 => GroupCall.Unblock,
            45 => GroupCall.Leave,
            46 => GroupCall.JoinSource,
            _ => GroupCall.LeaveSource,
        };
        bool hasSource = call is not (GroupCall.Join or GroupCall.Leave);
        int length = GroupRequestLength + (hasSource ? StorageLength : 0);
        if (bytes.Length < length || (isIPv4 && hasSource && bytes.Length != length))
        {
            return -Errno.EINVAL;
        }

        int error = hasSource ? -Errno.EADDRNOTAVAIL : isIPv4 ? -Errno.EINVAL : -Errno.EADDRNOTAVAIL;
        InetAddress source = default;
        if (!TryStorage(bytes[GroupRequestHead..], isIPv4, out InetAddress group)
            || (hasSource && !TryStorage(bytes[GroupRequestLength..], isIPv4, out source)))
        {
            return error;
        }

        return Apply(socket, call, PlaceOf(group, Read(bytes)), source);
    }

    private int Apply(Socket socket, GroupCall call, in GroupPlace place, in InetAddress source)
    {
        switch (call)
        {
            case GroupCall.Join:
                return JoinGroup(socket, place, isExclude: true);
            case GroupCall.Leave:
                return LeaveGroup(socket, place);
            case GroupCall.JoinSource:
                int joined = JoinGroup(socket, place, isExclude: false);
                if (joined is not (0 or -Errno.EADDRINUSE))
                {
                    return joined;
                }

                break;
        }

        bool isExclude = call is GroupCall.Block or GroupCall.Unblock;
        return ChangeSource(socket, place, source, isExclude, call is GroupCall.Block or GroupCall.JoinSource);
    }

    private int JoinGroup(Socket socket, in GroupPlace place, bool isExclude)
    {
        bool isIPv4 = place.Group.IsIPv4;
        if (!place.Group.IsMulticast)
        {
            return -Errno.EINVAL;
        }

        if (!isIPv4 && socket.Long?.FindGroup(place.Group, place.Named) is not null)
        {
            return -Errno.EADDRINUSE;
        }

        if (place.Index < 0)
        {
            return -Errno.ENODEV;
        }

        LongOptions kept = socket.MakeLong();
        if (kept.FindGroup(place.Group, place.Index) is not null)
        {
            return -Errno.EADDRINUSE;
        }

        if (isIPv4 && kept.Groups.FindAll(static filter => filter.Group.IsIPv4).Count
            >= _context.Sysctls.IgmpMaxMemberships)
        {
            return -Errno.ENOBUFS;
        }

        var filter = new GroupFilter(place.Group, place.Index) { IsExclude = isExclude };
        kept.Groups.Add(filter);
        _routes.Addresses.Join(filter);
        return 0;
    }

    private int LeaveGroup(Socket socket, in GroupPlace place)
    {
        bool isIPv4 = place.Group.IsIPv4;
        if (!isIPv4 && !place.Group.IsMulticast)
        {
            return -Errno.EINVAL;
        }

        if (place.Index < 0)
        {
            return isIPv4 && place.IsNamed ? -Errno.EADDRNOTAVAIL : -Errno.ENODEV;
        }

        return socket.Long?.FindGroup(place.Group, isIPv4 ? place.Index : place.Named) is { } filter
            ? Leave(socket, filter) : -Errno.EADDRNOTAVAIL;
    }

    private int Leave(Socket socket, GroupFilter filter)
    {
        socket.Long!.Groups.Remove(filter);
        _routes.Addresses.Leave(filter);
        return 0;
    }

    // A socket that is closed leaves its groups. Linux: ip_mc_drop_socket.
    private void LeaveGroups(Socket socket)
    {
        if (socket.Long is not { } options)
        {
            return;
        }

        foreach (GroupFilter filter in options.Groups)
        {
            _routes.Addresses.Leave(filter);
        }
    }

    private int ChangeSource(
        Socket socket, in GroupPlace place, in InetAddress source, bool isExclude, bool adds)
    {
        if (FindFilter(socket, place, out GroupFilter filter) is not 0 and int error)
        {
            return error;
        }

        if (filter.IsExclude != isExclude)
        {
            if (filter.HasList)
            {
                return -Errno.EINVAL;
            }

            filter.IsExclude = isExclude;
        }

        if (filter.Sources.Contains(source) == adds)
        {
            _routes.Addresses.Change(filter);
            return -Errno.EADDRNOTAVAIL;
        }

        if (!adds)
        {
            if (filter is { IsExclude: false, Sources.Count: 1 })
            {
                return Leave(socket, filter);
            }

            filter.Sources.Remove(source);
        }
        else if (filter.Sources.Count >= MostSources(source.IsIPv4))
        {
            return -Errno.ENOBUFS;
        }
        else
        {
            filter.Sources.Add(source);
            filter.HasList = true;
        }

        _routes.Addresses.Change(filter);
        return 0;
    }

    private int FindFilter(Socket socket, in GroupPlace place, out GroupFilter filter)
    {
        filter = null!;
        if (!place.Group.IsMulticast || place.Index < 0)
        {
            return !place.Group.IsMulticast ? -Errno.EINVAL : -Errno.ENODEV;
        }

        int index = place.Group.IsIPv4 ? place.Index : place.Named;
        if (socket.Long?.FindGroup(place.Group, index) is not { } found)
        {
            return -Errno.EINVAL;
        }

        filter = found;
        return 0;
    }

    private static bool TryStorage(ReadOnlySpan<byte> storage, bool isIPv4, out InetAddress address)
    {
        bool known = SocketName.Family(storage) == (isIPv4 ? AfInet : AfInet6);
        address = !known ? default : isIPv4 ? SocketName.Read4(storage).Address : SocketName.Read6(storage).Address;
        return known;
    }

    // A group and the interface of an address, or, of a request that is long enough, of an index.
    private GroupPlace Read4(ReadOnlySpan<byte> bytes, bool isRequest)
    {
        InetAddress group = InetAddress.Read(bytes);
        InetAddress address = InetAddress.Read(bytes[InetAddress.Length..]);
        int index = isRequest && bytes.Length >= RequestLength + IntLength ? Read(bytes[RequestLength..]) : 0;
        return index != 0 || address.IsAny
            ? PlaceOf(group, index) : new GroupPlace(group, InterfaceOf(address), 0, IsNamed: true);
    }

    private GroupPlace PlaceOf(in InetAddress group, int index) => new(
        group, index == 0 ? InterfaceTo(group) : _routes.InterfaceName(index) is null ? -1 : index, index, index != 0);

    /// <summary>A group and an interface as a call names them.</summary>
    /// <param name="Group">The group.</param>
    /// <param name="Index">The interface, -1: there is none.</param>
    /// <param name="Named">The interface's index as the call gave it, 0: it gave none.</param>
    /// <param name="IsNamed">Whether the call gave an index or an address.</param>
    private readonly record struct GroupPlace(InetAddress Group, int Index, int Named, bool IsNamed);
}
