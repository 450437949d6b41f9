using System;
using System.Collections.Generic;

namespace Earshot.Lab.Views;

/// <summary>The groups of nstat's counter names, and the files of <c>/proc/net</c> that hold them.</summary>
internal static class CounterNames
{
    /// <summary>The groups of <c>/proc/net/snmp</c>, in its order.</summary>
    internal static readonly string[] Snmp = ["Ip", "Icmp", "IcmpMsg", "Tcp", "Udp", "UdpLite"];

    /// <summary>The groups of <c>/proc/net/netstat</c>.</summary>
    internal static readonly string[] Netstat = ["TcpExt", "IpExt"];

    /// <summary>The groups of <c>/proc/net/snmp6</c>.</summary>
    internal static readonly string[] Snmp6 = ["Ip6", "Icmp6", "Udp6", "UdpLite6"];

    private static readonly string[] All = [.. Snmp, .. Netstat, .. Snmp6];

    /// <summary>The group of a name: the longest that it begins with; empty when there is none.</summary>
    internal static string GroupOf(string name)
    {
        string found = "";
        foreach (string group in All)
        {
            if (name.StartsWith(group, StringComparison.Ordinal) && group.Length > found.Length)
            {
                found = group;
            }
        }

        return found;
    }

    /// <summary>The counters of some groups, group by group, each in the order in which it came.</summary>
    internal static IEnumerable<(string Group, string Name, long Value)> In(
        string[] groups, IReadOnlyList<KeyValuePair<string, long>> counters)
    {
        foreach (string group in groups)
        {
            foreach ((string name, long value) in counters)
            {
                if (GroupOf(name) == group)
                {
                    yield return (group, name[group.Length..], value);
                }
            }
        }
    }
}

/// <summary>The lines of IcmpMsg: ICMP messages by their type's number. Linux: icmpmsg_put.</summary>
internal static class IcmpTypes
{
    private static readonly (int Type, string Name)[] Names =
    [
        (0, "EchoReps"), (3, "DestUnreachs"), (4, "SrcQuenchs"), (5, "Redirects"), (8, "Echos"), (11, "TimeExcds"),
        (12, "ParmProbs"), (13, "Timestamps"), (14, "TimestampReps"), (17, "AddrMasks"), (18, "AddrMaskReps"),
    ];

    /// <summary>The types that were seen: first those received, then those sent.</summary>
    internal static IEnumerable<KeyValuePair<string, long>> Of(IReadOnlyList<KeyValuePair<string, long>> counters)
    {
        foreach (string way in (string[])["In", "Out"])
        {
            foreach ((int type, string name) in Names)
            {
                foreach ((string counter, long value) in counters)
                {
                    if (value != 0 && counter == $"Icmp{way}{name}")
                    {
                        yield return new($"IcmpMsg{way}Type{type}", value);
                    }
                }
            }
        }
    }
}
