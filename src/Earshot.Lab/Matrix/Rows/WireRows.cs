using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using Earshot.Lab.Views;

namespace Earshot.Lab.Matrix.Rows;

/// <summary>What can be read from packets, from tables and from lists of names.</summary>
internal static class WireRows
{
    internal static IEnumerable<MatrixRow> All =>
    [
        new("syn-ack", "SYN-ACK: window, scale, timestamps, SACK, time to live; its window without timestamps", SynAck),
        new("syn", "SYN: window, scale, timestamps, SACK; maximum segment over loopback", Syn),
        new("buffers", "send and receive buffer of a socket", Buffers),
        new("timestamps", "timestamps: ticks in 10 s; do two connections differ", Timestamps),
        new("request-reset", "inexact RST in SYN_RECV; exact RST; an echo never sent", RequestReset),
        new("rows", "order of netstat: requests, listeners; a listener's Recv-Q of 1", Order),
        new("netstat-s", "netstat -s of one dropped SYN", NetstatS),
        new("counters", "counters, of Linux 6.18's", CounterNames),
        new("sysctls", "sysctls at boot", Sysctls),
    ];

    private static string SynAck(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        bench.Listen(5);
        var peer = new BenchPeer(bench, 1000) { Timestamps = true };
        var plain = new BenchPeer(bench, 1001);
        peer.Syn();
        plain.Syn();
        Seen seen = peer.SynAck!.Value;
        return $"{Handshake(seen)}, ttl {seen.Ttl}; {plain.SynAck!.Value.Window}";
    }

    private static string Syn(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        bench.Stack.Calls.Connect(bench.Socket(), new InetEndpoint(Bench.PeerAddress, 9));
        Seen seen = bench.Take()[0];
        int mss = 0;
        bench.Stack.Tap = (in TappedPacket packet) =>
        {
            if (IpPacket.Parse(packet.Bytes, out IpPacket ip) == IpParseError.None
                && TcpSegment.Parse(ip, checksumGood: true, 0, out TcpSegment segment) == TcpParseError.None
                && segment.Has(TcpFlags.Syn))
            {
                mss = TcpOptions.Parse(segment).Mss;
            }
        };
        bench.Stack.Calls.Connect(bench.Socket(), new InetEndpoint(InetAddress.Loopback, 9));
        return $"{Handshake(seen)}; {mss}";
    }

    private static string Handshake(in Seen seen)
    {
        string scale = seen.Options.HasWindowScale ? $"{seen.Options.WindowScale}" : "none";
        string sack = seen.Options.SackPermitted ? "sack" : "no sack";
        return $"{seen.Window}, {scale}, {(seen.Options.HasTimestamp ? "yes" : "no")}, {sack}";
    }

    private static string Buffers(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        int fd = bench.Socket();
        bench.Stack.Calls.GetOption(fd, SocketOption.SendBuffer, out int send);
        bench.Stack.Calls.GetOption(fd, SocketOption.ReceiveBuffer, out int receive);
        return $"{send}, {receive}";
    }

    private static string Timestamps(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        int listener = bench.Listen(5);
        var first = new BenchPeer(bench, 1000) { Timestamps = true };
        var second = new BenchPeer(bench, 1001) { Timestamps = true };
        first.Syn();
        second.Syn();
        if (!first.SynAck!.Value.Options.HasTimestamp)
        {
            return "none";
        }

        first.Ack();
        bench.Run(10);
        int fd = Bench.Must(bench.Stack.Calls.Accept(listener, out _));
        bench.Take();
        bench.Stack.Calls.Send(fd, new byte[1]);
        uint ticks = bench.Take()[^1].Options.TsVal - first.SynAck!.Value.Options.TsVal;
        bool differ = first.SynAck!.Value.Options.TsVal != second.SynAck!.Value.Options.TsVal;
        return $"{ticks}; {(differ ? "yes" : "no")}";
    }

    private static string RequestReset(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        bench.Listen(5);
        var inexact = new BenchPeer(bench, 1000);
        inexact.Syn();
        inexact.Next += 5;
        bench.Send(inexact.Fields(TcpFlags.Rst));
        var exact = new BenchPeer(bench, 1001);
        exact.Syn();
        bench.Send(exact.Fields(TcpFlags.Rst));
        var echo = new BenchPeer(bench, 1002) { Timestamps = true };
        echo.Syn();
        echo.Echo -= 100_000;
        echo.Ack();
        string Fate(BenchPeer peer) => peer.State == TcpState.None ? "removes" : "challenged";
        string told = echo.State == TcpState.Established ? "taken" : "refused";
        return $"{Fate(inexact)}; {Fate(exact)}; {told}";
    }

    private static string Order(KernelProfile profile)
    {
        var orders = new HashSet<string>();
        bool first = true;
        string queue = "";
        for (ulong seed = 1; seed <= 8; seed++)
        {
            using var bench = new Bench(profile, seed);
            bench.Listen(20);
            foreach (ushort port in new ushort[] { 33, 64, 96, 40 })
            {
                bench.Listen(5, port);
            }

            for (int port = 1; port <= 6; port++)
            {
                new BenchPeer(bench, port).Syn();
                new BenchPeer(bench, 1000 + port, 40).Connect();
            }

            IReadOnlyList<SocketRow> rows = bench.Rows;
            orders.Add(string.Join(' ', rows.Where(r => r.State == TcpState.Listen).Select(r => r.Local.Port)));
            TcpState[] states = [.. rows.Select(r => r.State).Where(s => s != TcpState.Listen)];
            first &= states.Take(6).All(state => state == TcpState.SynRecv);
            queue = rows.First(r => r.State == TcpState.Listen && r.Local.Port == 40).ReceiveQueue > 0 ? "yes" : "no";
        }

        return $"{(first ? "requests first" : "mixed")}, {Kind(orders)}; {queue}";
    }

    private static string Kind(HashSet<string> orders)
    {
        if (orders.Count == 1)
        {
            return orders.Single() switch
            {
                "96 64 33 40 80" => "port modulo 32",
                "40 96 64 33 80" => "the newest first",
                string other => other,
            };
        }

        // A turned ring keeps its neighbours.
        return orders.All(order => $"{order} {order}".Contains("96 64 33 40 80", StringComparison.Ordinal))
            ? "port plus a number, modulo 32" : "hash of address and port";
    }

    private static string NetstatS(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        if (!bench.Stack.Mib.TryGet("TcpExtListenDrops", out _))
        {
            return "-";
        }

        var counters = new Dictionary<string, long> { ["TcpExtListenDrops"] = 1 };
        return NetstatStatistics.Lines(counters, profile).Select(line => line.Trim())
            .First(line => line.Contains("SYNs", StringComparison.Ordinal));
    }

    private static string CounterNames(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        using var reference = new Bench(KernelProfile.Linux618);
        string[] names = [.. bench.Stack.Mib.All.Select(counter => counter.Key)];
        string[] all = [.. reference.Stack.Mib.All.Select(counter => counter.Key)];
        string[] lacking = [.. all.Except(names)];
        return lacking.Length == 0 ? $"all {names.Length}"
            : $"{names.Length}, not {string.Join(' ', lacking.Select(Short))}";
    }

    private static string Short(string name) => name.Replace("TcpExt", "", StringComparison.Ordinal);

    private static string Sysctls(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        var said = new List<string>();
        foreach (string name in bench.Stack.Sysctls.Names)
        {
            bench.Stack.Sysctls.TryGet(name, out string value);
            string shortName = name.Replace("net.ipv4.", "", StringComparison.Ordinal);
            said.Add($"{shortName}={value.Replace('\t', '/')}");
        }

        return said.Count == 0 ? "none" : string.Join(' ', said);
    }
}
