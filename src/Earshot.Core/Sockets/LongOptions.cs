using System.Collections.Generic;
using Earshot.Core.Ip;
using Earshot.Core.Ip.Groups;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <summary>Options of a socket that are more than a number; made when one is first set.</summary>
internal sealed class LongOptions
{
    /// <summary>IP_OPTIONS as they were set; null: none.</summary>
    internal byte[]? IpOptions { get; set; }

    /// <summary>What datagrams over IPv4 carry of that; null: nothing.</summary>
    internal AddedHeaders? OnDatagrams { get; set; }

    /// <summary>The extension headers that datagrams over IPv6 carry; null: none.</summary>
    internal AddedHeaders? OnDatagrams6 { get; set; }

    /// <summary>Multicast groups, the interfaces that they are joined on, and their sources.</summary>
    internal List<GroupFilter> Groups { get; } = [];

    /// <summary>Finds a group.</summary>
    /// <param name="group">The group.</param>
    /// <param name="index">The interface; 0: any.</param>
    internal GroupFilter? FindGroup(in InetAddress group, int index)
    {
        foreach (GroupFilter filter in Groups)
        {
            if (filter.Group == group && (index == 0 || filter.Interface == index))
            {
                return filter;
            }
        }

        return null;
    }

    private readonly Dictionary<int, byte[]> _headers = [];

    /// <summary>IPV6_HOPOPTS, IPV6_RTHDRDSTOPTS, IPV6_RTHDR or IPV6_DSTOPTS as it was set; null: none.</summary>
    internal byte[]? ExtensionHeader(int name) => _headers.GetValueOrDefault(name);

    internal void SetExtensionHeader(int name, byte[]? header)
    {
        _headers.Remove(name);
        if (header is not null)
        {
            _headers.Add(name, header);
        }
    }
}
