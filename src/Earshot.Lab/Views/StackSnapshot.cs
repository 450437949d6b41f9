using System;
using System.Collections.Generic;
using System.Globalization;
using Earshot.Core;
using Earshot.Core.Profiles;

namespace Earshot.Lab.Views;

/// <summary>What a stack shows at one moment: everything that the views are made from.</summary>
/// <remarks>Taken on the stack's own thread, it can be put into words on any other.</remarks>
public sealed record StackSnapshot
{
    /// <summary>The kernel that the stack behaves like.</summary>
    public required KernelProfile Profile { get; init; }

    /// <summary>Sockets, requests and TIME_WAIT entries, in the order of
    /// <see cref="NetworkStack.CopySockets"/>.</summary>
    public IReadOnlyList<SocketRow> Sockets { get; init; } = [];

    /// <summary>Bound datagram sockets, in the order of <see cref="NetworkStack.CopyDatagramSockets"/>.</summary>
    public IReadOnlyList<DatagramRow> Datagrams { get; init; } = [];

    /// <summary>The listeners, with what waits in their queues.</summary>
    public IReadOnlyList<ListenerReport> Listeners { get; init; } = [];

    /// <summary>Counters by nstat's names, in the order of Linux's files, and the facts that stand among them there
    /// (IpForwarding, IpDefaultTTL, the four TcpRto...).</summary>
    public IReadOnlyList<KeyValuePair<string, long>> Counters { get; init; } = [];

    /// <summary>Sockets that programs hold.</summary>
    public int Descriptors { get; init; }

    /// <summary>Those of them that are datagram sockets, bound or not.</summary>
    public int DatagramDescriptors { get; init; }

    /// <summary>Datagrams over IPv4 of which fragments are missing.</summary>
    public FragmentUsage Fragments { get; init; }

    /// <summary>Those over IPv6.</summary>
    public FragmentUsage Fragments6 { get; init; }

    /// <summary>Connections that no program holds any more.</summary>
    public int Orphans { get; init; }

    /// <summary>Takes a stack's picture, on its own thread.</summary>
    public static StackSnapshot Of(NetworkStack stack)
    {
        ArgumentNullException.ThrowIfNull(stack);
        var sockets = new List<SocketRow>();
        var rows = new List<ListenerRow>();
        var datagrams = new List<DatagramRow>();
        stack.CopySockets(sockets);
        stack.CopyDatagramSockets(datagrams);
        stack.CopyListeners(rows);
        var listeners = new List<ListenerReport>();
        foreach (ListenerRow row in rows)
        {
            var queue = new List<QueuedConnection>();
            stack.CopyAcceptQueue(row.Id, queue);
            listeners.Add(new ListenerReport(row, queue, ListenCounters.Of(stack.Ledger, row.Id, stack.Profile)));
        }

        return new StackSnapshot
        {
            Profile = stack.Profile,
            Sockets = sockets,
            Datagrams = datagrams,
            Listeners = listeners,
            Counters = WithFacts(stack.Mib.All, stack.Sysctls),
            Descriptors = stack.DescriptorCount,
            DatagramDescriptors = stack.DatagramSocketCount,
            Fragments = stack.WaitingFragments(isIPv6: false),
            Fragments6 = stack.WaitingFragments(isIPv6: true),
            Orphans = stack.OrphanCount,
        };
    }

    /// <summary>Counters with the facts and the ICMP types that Linux's files hold besides.</summary>
    /// <param name="counters">Counters in the order of <see cref="Mib.All"/>.</param>
    /// <param name="sysctls">Where the default time to live is.</param>
    public static IReadOnlyList<KeyValuePair<string, long>> WithFacts(
        IEnumerable<KeyValuePair<string, long>> counters, Sysctls sysctls)
    {
        ArgumentNullException.ThrowIfNull(counters);
        ArgumentNullException.ThrowIfNull(sysctls);
        const int NotForwarding = 2;
        const int Other = 1;
        const int LeastMilliseconds = 200;
        const int MostMilliseconds = 120_000;
        List<KeyValuePair<string, long>> given = [.. counters];
        bool hasTtl = sysctls.TryGet("net.ipv4.ip_default_ttl", out string ttl);
        var all = new List<KeyValuePair<string, long>>
        {
            new("IpForwarding", NotForwarding),
            new("IpDefaultTTL", hasTtl ? long.Parse(ttl, CultureInfo.InvariantCulture) : 0),
        };
        bool inTcp = false;
        foreach (KeyValuePair<string, long> counter in given)
        {
            if (!inTcp && CounterNames.GroupOf(counter.Key) == "Tcp")
            {
                inTcp = true;
                all.AddRange(IcmpTypes.Of(given));
                all.AddRange(
                [
                    new("TcpRtoAlgorithm", Other), new("TcpRtoMin", LeastMilliseconds),
                    new("TcpRtoMax", MostMilliseconds), new("TcpMaxConn", -1),
                ]);
            }

            all.Add(counter);
        }

        return all;
    }
}

/// <summary>A listener and what waits in its queue.</summary>
/// <param name="Row">Its numbers.</param>
/// <param name="Queue">The connections that wait to be accepted, the oldest first.</param>
/// <param name="Counters">The listen counters as far as this listener moved them, by nstat's names.</param>
public sealed record ListenerReport(
    ListenerRow Row, IReadOnlyList<QueuedConnection> Queue, IReadOnlyList<KeyValuePair<string, long>> Counters);
