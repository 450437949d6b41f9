using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Earshot.Core.Ip.Groups;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <content>All sources of a group at once: IP_MSFILTER and MCAST_MSFILTER.</content>
public sealed partial class SocketCalls
{
    private const int IpFilterName = 41;

    // What stands before the sources in struct ip_msfilter and group_filter: last the mode and the number of them.
    private const int IpFilterHead = 16;
    private const int FilterHead = GroupRequestLength + 8;

    private int MostSources(bool isIPv4) => isIPv4 ? _context.Sysctls.IgmpMaxMsf : _context.Sysctls.MldMaxMsf;

    /// <summary>IP_MSFILTER.</summary>
    private int SetIpFilter(Socket socket, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < IpFilterHead)
        {
            return -Errno.EINVAL;
        }

        uint count = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(IpFilterHead - IntLength)..]);
        if (bytes.Length > _context.Sysctls.OptmemMax || count > (uint)MostSources(isIPv4: true))
        {
            return -Errno.ENOBUFS;
        }

        if (bytes.Length < IpFilterHead + (count * InetAddress.Length))
        {
            return -Errno.EINVAL;
        }

        var sources = new List<InetAddress>();
        for (int i = 0; i < count; i++)
        {
            sources.Add(InetAddress.Read(bytes[(IpFilterHead + (i * InetAddress.Length))..]));
        }

        return Replace(socket, Read4(bytes, isRequest: false), Read(bytes[RequestLength..]), sources);
    }

    /// <summary>MCAST_MSFILTER.</summary>
    private int SetFilter(Socket socket, ReadOnlySpan<byte> bytes, bool isIPv4)
    {
        if (bytes.Length < FilterHead)
        {
            return -Errno.EINVAL;
        }

        uint count = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(FilterHead - IntLength)..]);
        if (bytes.Length > _context.Sysctls.OptmemMax || count > (uint)MostSources(isIPv4))
        {
            return -Errno.ENOBUFS;
        }

        if (bytes.Length < FilterHead + (count * StorageLength))
        {
            return -Errno.EINVAL;
        }

        var sources = new List<InetAddress>();
        bool known = TryStorage(bytes[GroupRequestHead..], isIPv4, out InetAddress group);
        for (int i = 0; known && i < count; i++)
        {
            known = TryStorage(bytes[(FilterHead + (i * StorageLength))..], isIPv4, out InetAddress source);
            sources.Add(source);
        }

        int mode = Read(bytes[GroupRequestLength..]);
        return known ? Replace(socket, PlaceOf(group, Read(bytes)), mode, sources)
            : isIPv4 ? -Errno.EADDRNOTAVAIL : -Errno.EINVAL;
    }

    private int Replace(Socket socket, in GroupPlace place, int mode, List<InetAddress> sources)
    {
        const int Exclude = 0, Include = 1;
        if (!place.Group.IsMulticast || mode is not (Exclude or Include))
        {
            return -Errno.EINVAL;
        }

        if (place.Index >= 0 && mode == Include && sources.Count == 0)
        {
            return LeaveGroup(socket, place);
        }

        if (FindFilter(socket, place, out GroupFilter filter) is not 0 and int error)
        {
            return error;
        }

        filter.IsExclude = mode == Exclude;
        filter.Sources.Clear();
        filter.Sources.AddRange(sources);
        filter.HasList = sources.Count > 0;
        _routes.Addresses.Change(filter);
        return 0;
    }

    private static bool IsGroupFilter(Socket socket, int level, int name) => level switch
    {
        OptionKey.LevelIp => name is IpFilterName or FilterName,
        OptionKey.LevelIPv6 => name == FilterName && socket.Options.IsIPv6,
        _ => false,
    };

    /// <summary>IP_MSFILTER and MCAST_MSFILTER: the value names the group and the room for sources. Linux:
    /// ip_mc_msfget, ip_mc_gsfget, ip6_mc_msfget.</summary>
    private int GetGroupFilter(Socket socket, int level, int name, Span<byte> value, ref int length)
    {
        bool isIPv4 = level == OptionKey.LevelIp;
        bool isShort = name == IpFilterName;
        int head = isShort ? IpFilterHead : FilterHead;
        if (length < head || value.Length < head)
        {
            return length < head ? -Errno.EINVAL : -Errno.EFAULT;
        }

        InetAddress group = default;
        if (!isShort && !TryStorage(value[GroupRequestHead..], isIPv4, out group))
        {
            return isIPv4 ? -Errno.EINVAL : -Errno.EADDRNOTAVAIL;
        }

        GroupPlace place = isShort ? Read4(value, isRequest: false) : PlaceOf(group, Read(value));
        if (!place.Group.IsMulticast)
        {
            return -Errno.EINVAL;
        }

        if (place.Index < 0 && (isShort || !isIPv4))
        {
            return -Errno.ENODEV;
        }

        if (socket.Long?.FindGroup(place.Group, isShort ? place.Index : place.Named) is not { } filter)
        {
            return -Errno.EADDRNOTAVAIL;
        }

        int size = isShort ? InetAddress.Length : StorageLength;
        uint room = BinaryPrimitives.ReadUInt32LittleEndian(value[(head - IntLength)..]);
        int copied = (int)Math.Min((uint)filter.Sources.Count, room);
        if (value.Length < head + (copied * size))
        {
            return -Errno.EFAULT;
        }

        Int(value[(head - (2 * IntLength))..], filter.IsExclude ? 0 : 1);
        Int(value[(head - IntLength)..], filter.Sources.Count);
        for (int i = 0; i < copied; i++)
        {
            Span<byte> target = value.Slice(head + (i * size), size);
            target.Clear();
            if (isShort)
            {
                filter.Sources[i].Write(target);
            }
            else
            {
                SocketName.Write(target, new InetEndpoint(filter.Sources[i], 0), !isIPv4);
            }
        }

        length = head + (copied * size);
        return 0;
    }
}
