using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;

namespace Earshot.Lab.Matrix.Rows;

/// <summary>The other end: connect(), its ports, and the life of a connection as far as profiles differ.</summary>
internal static class ClientRows
{
    private const string PortRange = "net.ipv4.ip_local_port_range";

    private static readonly InetEndpoint Silent = new(Bench.PeerAddress, 9);

    internal static IEnumerable<MatrixRow> All =>
    [
        new("connect", "SYNs leave again at; connect() gives up at (s)", Connect),
        new("ports", "automatic ports: steps of the first six; their range where it cannot be set", Ports),
        new("no-port", "listen() without a port when none is left", NoPort),
        new("data", "data leaves again at, then every (s); given up after", Data),
        new("first-flight", "segments of the first flight", FirstFlight),
        new("keepalive", "keepalive probes after (s), each (s), their number", Keepalive),
        new("fin-wait", "FIN_WAIT2 of an orphan lasts (s); TIME_WAIT (s)", FinWait),
        new("odd-segments", "RST, SYN inside the window of a connection; data past its end, while some is unread",
            OddSegments),
    ];

    private static string Connect(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        int fd = bench.Socket();
        double start = bench.Now;
        bench.Stack.Calls.Connect(fd, Silent);
        bench.Take();
        int result;
        do
        {
            bench.Run(0.05);
            result = bench.Stack.Calls.Connect(fd, Silent);
        }
        while (result is -Errno.EALREADY or -Errno.EINPROGRESS);

        double[] times = [start, .. bench.Take().Select(seen => seen.Time), bench.Now];
        double[] moments = Waits.Nominal(times.Zip(times.Skip(1), (x, y) => y - x));
        return $"{Waits.Text(moments.SkipLast(1))}; {Waits.Text(moments.TakeLast(1))}"
            + (result == -Errno.ETIMEDOUT ? "" : $" {Errno.Name(-result)}");
    }

    private static string Ports(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        var ports = new List<int>();

        // Where the range is a sysctl it stands among them; where it is compiled in, all ports are taken.
        int wanted = bench.Has(PortRange) ? 6 : 70_000;
        while (ports.Count < wanted && bench.Stack.Calls.Connect(bench.Socket(), Silent) == -Errno.EINPROGRESS)
        {
            ports.Add(bench.Take()[^1].From);
        }

        int[] steps = [.. ports.Zip(ports.Skip(1), (x, y) => y - x).Take(5)];
        string walk = Array.TrueForAll(steps, step => step == steps[0]) ? $"{steps[0]}"
            : Array.TrueForAll(steps, step => step % 2 == 0) ? "leaps of even numbers" : "leaps";
        return wanted == 6 ? walk : $"{walk}, from {ports.Min()} to {ports.Max()}";
    }

    private static string NoPort(KernelProfile profile)
    {
        // A range that is compiled in is compiled in smaller here.
        const string Few = "2000\t2001";
        using var bench = new Bench(profile.Sysctls.ContainsKey(PortRange) ? profile : profile with
        {
            Constants = new Dictionary<string, string>(profile.Constants) { [PortRange] = Few },
        });
        if (bench.Has(PortRange))
        {
            Bench.Must(bench.Stack.Sysctls.Set(PortRange, Few));
        }

        int result = 0;
        for (int i = 0; i < 3 && result == 0; i++)
        {
            result = bench.Stack.Calls.Listen(bench.Socket(), 1);
        }

        return Errno.Name(-result);
    }

    /// <summary>A connection whose handshake gave no sample of the round trip, so that the fallback timeout
    /// rules.</summary>
    private static string Data(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        int listener = bench.Listen(5);
        var peer = new BenchPeer(bench, 1000);
        peer.Syn();
        bench.Run(profile.InitialRto.TotalSeconds + 2);
        peer.Ack();
        int fd = Bench.Must(bench.Stack.Calls.Accept(listener, out _));
        bench.Take();
        double start = bench.Now;
        bench.Stack.Calls.Send(fd, new byte[10]);
        bench.Take();
        bench.Run(3000);
        double[] times = [start, .. bench.Take().Where(seen => seen.Length > 0).Select(seen => seen.Time)];
        double[] waits = [.. times.Zip(times.Skip(1), (x, y) => y - x)];
        return waits.Length == 0 ? "never" : string.Create(
            CultureInfo.InvariantCulture,
            $"{Math.Round(waits[0], 1)}, then {Math.Round(waits[^1])}; {waits.Length} times");
    }

    private static string FirstFlight(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        int listener = bench.Listen(5);
        var peer = new BenchPeer(bench, 1000) { Mss = 536 };
        int fd = peer.Establish(listener);
        bench.Stack.Calls.Send(fd, new byte[8000]);
        return $"{bench.Take().Count(seen => seen.Length > 0)}";
    }

    private static string Keepalive(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        int listener = bench.Listen(5);
        var peer = new BenchPeer(bench, 1000);
        int fd = peer.Establish(listener);
        Bench.Must(bench.Stack.Calls.SetOption(fd, SocketOption.KeepAlive, 1));
        double start = bench.Now;
        bench.Run(9000);
        double[] probes = [.. bench.Take().Where(seen => !seen.IsReset).Select(seen => seen.Time)];
        double interval = probes.Zip(probes.Skip(1), (x, y) => y - x).FirstOrDefault();
        return $"{Late(probes[0] - start)}, {Late(interval)}, {probes.Length}";
    }

    private static string FinWait(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        int listener = bench.Listen(5);
        var first = new BenchPeer(bench, 1000);
        var second = new BenchPeer(bench, 1001);
        int firstFd = first.Establish(listener);
        int secondFd = second.Establish(listener);
        bench.Stack.Calls.Close(firstFd);
        bench.Stack.Calls.Close(secondFd);
        first.Expected++;
        second.Expected++;
        first.Ack();
        bench.Send(second.Fields(TcpFlags.Fin | TcpFlags.Ack));
        double start = bench.Now;
        double? fin = null, wait = null;
        while ((fin is null || wait is null) && bench.Now < start + 400)
        {
            bench.Run(0.5);
            fin ??= first.State == TcpState.None ? bench.Now - start : null;
            wait ??= second.State == TcpState.None ? bench.Now - start : null;
        }

        return $"{Late(fin ?? 400)}; {Late(wait ?? 400)}";
    }

    /// <summary>A time without the lateness of a timer wheel.</summary>
    private static double Late(double seconds)
    {
        double grain = seconds > 1000 ? 150 : 15;
        return Math.Floor((seconds + 0.6) / grain) * grain;
    }

    private static string OddSegments(KernelProfile profile)
    {
        string Ask(Action<BenchPeer, Bench> deed, string ends, string stays)
        {
            using var bench = new Bench(profile);
            int listener = bench.Listen(5);
            var peer = new BenchPeer(bench, 1000);
            peer.Establish(listener);
            deed(peer, bench);
            return peer.State == TcpState.Established ? stays : ends;
        }

        string reset = Ask(
            (peer, bench) =>
            {
                peer.Next += 5;
                bench.Send(peer.Fields(TcpFlags.Rst));
            },
            "ends it",
            "challenged");
        string syn = Ask(
            (peer, bench) =>
            {
                peer.Next += 5;
                bench.Send(peer.Fields(TcpFlags.Syn));
            },
            "ends it",
            "challenged");
        return $"{reset}; {syn}; {PastTheEnd(profile)}";
    }

    private static string PastTheEnd(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        int listener = bench.Listen(5);
        var peer = new BenchPeer(bench, 1000);
        int fd = peer.Establish(listener);
        peer.Data(100);
        bench.Run(1);
        Seen ack = bench.Take().First(seen => seen.Flags == TcpFlags.Ack);

        // The last byte inside the window, and one past it.
        uint edge = ack.Ack + (uint)ack.Window;
        peer.Next = edge - 1;
        bench.Take();
        peer.Data(2);
        bench.Run(0.01);
        peer.Next = ack.Ack;
        int filled = 0;
        while (filled + 1000 < ack.Window - 1)
        {
            peer.Data(1000);
            filled += 1000;
        }

        peer.Data(ack.Window - 1 - filled);
        bench.Run(1);
        byte[] buffer = new byte[131072];
        int read = bench.Stack.Calls.Receive(fd, buffer);
        return read > 100 + ack.Window - 1 ? "taken" : "refused";
    }
}
