using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Wire;

namespace Earshot.Lab.Views;

/// <summary>Files of <c>/proc/net</c>, character for character; counters that this stack never moves are not in
/// them.</summary>
public static class ProcNet
{
    private const int TcpLineLength = 149;
    private const int UdpLineLength = 127;

    private const string TcpHeading =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";

    private const string Tcp6Heading =
        "  sl  local_address                         remote_address                        st tx_queue rx_queue"
        + " tr tm->when retrnsmt   uid  timeout inode";

    /// <summary>The files' names.</summary>
    public static IReadOnlyList<string> Names { get; } =
        ["netstat", "snmp", "snmp6", "sockstat", "sockstat6", "tcp", "tcp6", "udp", "udp6"];

    /// <summary>The lines of a file.</summary>
    /// <param name="name">A name from <see cref="Names"/>.</param>
    /// <param name="snapshot">The stack.</param>
    /// <exception cref="ArgumentException">There is no such file.</exception>
    public static IEnumerable<string> Lines(string name, StackSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        return name switch
        {
            "netstat" => Table(CounterNames.Netstat, snapshot.Counters),
            "snmp" => Table(CounterNames.Snmp, snapshot.Counters),
            "snmp6" => CounterNames.In(CounterNames.Snmp6, snapshot.Counters)
                .Select(counter => $"{counter.Group + counter.Name,-32}\t{counter.Value}"),
            "sockstat" => Sockstat(snapshot),
            "sockstat6" => Sockstat6(snapshot),
            "tcp" => Tcp(snapshot, ipv6: false),
            "tcp6" => Tcp(snapshot, ipv6: true),
            "udp" => Udp(snapshot, ipv6: false),
            "udp6" => Udp(snapshot, ipv6: true),
            _ => throw new ArgumentException($"there is no {name}; there are {string.Join(", ", Names)}", nameof(name)),
        };
    }

    /// <summary>The remaining time in hundredths of a second, as the kernel's files have it.</summary>
    internal static long Hundredths(in SocketRow row) =>
        row.Timer == SocketTimer.Off ? 0 : Math.Max(0, row.TimerRemaining.Ticks / 100_000);

    // A line of names and a line of values for each group.
    private static IEnumerable<string> Table(string[] groups, IReadOnlyList<KeyValuePair<string, long>> counters)
    {
        foreach (var group in CounterNames.In(groups, counters).GroupBy(counter => counter.Group))
        {
            yield return $"{group.Key}: {string.Join(' ', group.Select(counter => counter.Name))}";
            yield return $"{group.Key}: {string.Join(' ', group.Select(counter => counter.Value))}";
        }
    }

    private static IEnumerable<string> Sockstat(StackSnapshot snapshot)
    {
        const int PageLength = 4096;
        int waiting = snapshot.Sockets.Count(row => row is { Detail: not null, Descriptor: < 0 });
        int held = snapshot.Descriptors + waiting;
        int timeWaits = snapshot.Sockets.Count(row => row.Detail is null && row.State != TcpState.SynRecv);
        yield return $"sockets: used {held}";
        yield return $"TCP: inuse {InUse(snapshot, ipv6: false)} orphan {snapshot.Orphans} tw {timeWaits} "
            + $"alloc {held - snapshot.DatagramDescriptors} mem {Memory(snapshot.Sockets) / PageLength}";
        yield return $"UDP: inuse {DatagramsInUse(snapshot, ipv6: false)} "
            + $"mem {Memory(snapshot.Datagrams.Select(static datagram => datagram.Socket)) / PageLength}";
        yield return "UDPLITE: inuse 0";
        yield return "RAW: inuse 0";
        yield return $"FRAG: inuse {snapshot.Fragments.Queues} memory {snapshot.Fragments.Bytes}";
    }

    private static IEnumerable<string> Sockstat6(StackSnapshot snapshot)
    {
        yield return $"TCP6: inuse {InUse(snapshot, ipv6: true)}";
        yield return $"UDP6: inuse {DatagramsInUse(snapshot, ipv6: true)}";
        yield return "UDPLITE6: inuse 0";
        yield return "RAW6: inuse 0";
        yield return $"FRAG6: inuse {snapshot.Fragments6.Queues} memory {snapshot.Fragments6.Bytes}";
    }

    private static long Memory(IEnumerable<SocketRow> rows) => rows.Sum(static row => row.Detail is { } detail
        ? detail.Memory.Received + detail.Memory.Queued + detail.Memory.Reserved : 0);

    private static int InUse(StackSnapshot snapshot, bool ipv6) =>
        snapshot.Sockets.Count(row => row.Detail is not null && row.IsIpv6 == ipv6);

    private static int DatagramsInUse(StackSnapshot snapshot, bool ipv6) =>
        snapshot.Datagrams.Count(row => row.Socket.IsIpv6 == ipv6);

    private static IEnumerable<string> Tcp(StackSnapshot snapshot, bool ipv6)
    {
        yield return ipv6 ? Tcp6Heading : TcpHeading.PadRight(TcpLineLength);
        int number = 0;
        foreach (SocketRow row in snapshot.Sockets)
        {
            if (row.IsIpv6 == ipv6)
            {
                string line = TcpLine(number++, row);
                yield return ipv6 ? line : line.PadRight(TcpLineLength);
            }
        }
    }

    private static IEnumerable<string> Udp(StackSnapshot snapshot, bool ipv6)
    {
        const string More = " ref pointer drops";
        yield return ipv6 ? Tcp6Heading + More : (" " + TcpHeading + More).PadRight(UdpLineLength);
        foreach (DatagramRow datagram in snapshot.Datagrams)
        {
            SocketRow row = datagram.Socket;
            if (row.IsIpv6 == ipv6)
            {
                // The number is that of the bucket that the port falls into.
                const int Buckets = 4096;
                string line = $"{row.Local.Port % Buckets,5}: {Hex(row.Local, ipv6)} {Hex(row.Remote, ipv6)} "
                    + $"{(int)row.State:X2} {row.SendQueue:X8}:{row.ReceiveQueue:X8} 00:00000000 00000000 "
                    + $"{row.User,5} {0,8} {datagram.Inode} 2 {Pointer(row.Number)} {datagram.Drops}";
                yield return ipv6 ? line : line.PadRight(UdpLineLength);
            }
        }
    }

    private static string TcpLine(int number, in SocketRow row)
    {
        SocketDetail? detail = row.Detail;
        bool isRequest = detail is null && row.State == TcpState.SynRecv;
        int references = detail?.References ?? (isRequest ? 0 : 3);
        string line = $"{number,4}: {Hex(row.Local, row.IsIpv6)} {Hex(row.Remote, row.IsIpv6)} {(int)row.State:X2} "
            + $"{(isRequest ? 0 : row.SendQueue):X8}:{(isRequest ? 0 : row.ReceiveQueue):X8} "
            + $"{(int)row.Timer:X2}:{Hundredths(row):X8} {row.Retransmits:X8} {row.User,5} {row.Probes,8} "
            + $"{detail?.Inode ?? 0} {references} {Pointer(row.Number)}";
        return detail is null ? line : line + Details(row, detail);
    }

    private static string Details(in SocketRow row, SocketDetail detail)
    {
        if (row.State == TcpState.Listen)
        {
            return $" 100 0 0 {detail.Info.CongestionWindow} {detail.FastOpenLimit}";
        }

        const int Infinite = 0x7fffffff;
        TcpInfo info = detail.Info;
        int threshold = info.SlowStartThreshold >= Infinite ? -1 : info.SlowStartThreshold;
        return $" {info.Rto.Ticks / 100_000} {info.Ato.Ticks / 100_000} {detail.QuickAcks} {info.CongestionWindow} "
            + $"{threshold}";
    }

    // Each 32-bit word of an address is printed as the machine's own number: on this kind of machine its bytes stand
    // the wrong way round.
    private static string Hex(InetEndpoint endpoint, bool ipv6)
    {
        Span<byte> bytes = stackalloc byte[InetAddress.IPv6Length];
        if (ipv6)
        {
            endpoint.Address.WriteIPv6(bytes);
        }
        else
        {
            endpoint.Address.Write(bytes);
        }

        const int WordLength = 4;
        string text = "";
        for (int word = 0; word < (ipv6 ? bytes.Length : WordLength); word += WordLength)
        {
            text += Convert.ToHexString([bytes[word + 3], bytes[word + 2], bytes[word + 1], bytes[word]]);
        }

        return $"{text}:{endpoint.Port:X4}";
    }

    // The kernel prints a hash of the socket's address, with nothing in its upper half.
    private static string Pointer(long number) =>
        ((uint)(((ulong)number * 0x9e3779b97f4a7c15) >> 32)).ToString("x16");
}
