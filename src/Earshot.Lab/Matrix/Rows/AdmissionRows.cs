using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Core.Wire;

namespace Earshot.Lab.Matrix.Rows;

/// <summary>Who is let in: backlogs, limits, what a full queue does, and what is counted.</summary>
internal static class AdmissionRows
{
    private const string Cookies = "net.ipv4.tcp_syncookies";
    private const string MaxSynBacklog = "net.ipv4.tcp_max_syn_backlog";

    private static readonly string[] Watched =
    [
        "TcpAttemptFails", "TcpExtTCPReqQFullDrop", "TcpExtListenOverflows", "TcpExtListenDrops",
        "TcpExtEmbryonicRsts",
    ];

    internal static IEnumerable<MatrixRow> All =>
    [
        new("clamp", "backlogs 0, 1, 5, 6, 127, 128, 129, 4096, 4097 and -1 become", Clamp),
        new("accept-full", "connections that backlogs 0, 1 and 5 let wait; do unfinished ones count", AcceptFull),
        new("syn-full", "half-open connections, cookies 1, backlog/max_syn_backlog", SynFull),
        new("syn-cache", "half-open connections of 30 000 SYNs, backlog 1, cookies 1", SynCache),
        new("syn-when-full", "SYNs answered while the accept queue is full; and once they are old", SynWhenFull),
        new("evict", "a SYN more than unfinished connections fit, backlog 3", Evict),
        new("last-quarter", "half-open connections, cookies 0, max_syn_backlog 8 and 16; a known peer", LastQuarter),
        new("third-ack", "a third ACK that meets a full accept queue; with abort_on_overflow", ThirdAck),
        new("counted", "a dropped SYN counts: full accept queue; full SYN queue; last quarter", Counted),
    ];

    private static string Clamp(KernelProfile profile)
    {
        int[] asked = [0, 1, 5, 6, 127, 128, 129, 4096, 4097, -1];
        var became = new List<long>();
        foreach (int backlog in asked)
        {
            using var bench = new Bench(profile);
            bench.Listen(backlog);
            became.Add(bench.Listener.Backlog);
        }

        return string.Join(' ', became);
    }

    private static string AcceptFull(KernelProfile profile)
    {
        int[] held = [.. new[] { 0, 1, 5 }.Select(backlog => Held(profile, backlog, unfinished: 0).Finished)];
        (int finished, int unfinished) = Held(profile, 5, unfinished: 3);
        return $"{held[0]} {held[1]} {held[2]}; {(finished + unfinished <= held[2] ? "they count" : "they do not")}";
    }

    private static (int Finished, int Unfinished) Held(KernelProfile profile, int backlog, int unfinished)
    {
        using var bench = new Bench(profile);
        bench.Set(Cookies, 1);
        bench.Listen(backlog);
        int port = 1000;
        for (; unfinished > 0; unfinished--)
        {
            new BenchPeer(bench, port++).Syn();
        }

        for (int i = 0; i < 20; i++)
        {
            new BenchPeer(bench, port++).Connect();
        }

        return (bench.Listener.AcceptCount, bench.Count(TcpState.SynRecv));
    }

    private static string SynFull(KernelProfile profile)
    {
        (int Backlog, int Max)[] pairs =
            [(0, 1024), (5, 1024), (15, 1024), (16, 1024), (100, 1024), (100, 2), (100, 64), (100, 65), (100, 100)];
        var counts = new List<string>();
        foreach ((int backlog, int max) in pairs)
        {
            using var bench = new Bench(profile);
            bench.Set(Cookies, 1);
            if (!bench.Set(MaxSynBacklog, max) && max != 1024)
            {
                continue;
            }

            bench.Listen(backlog);
            int most = Flood(bench, 1100);
            counts.Add(most >= 1100 ? "no limit" : $"{most}");
        }

        return counts.Distinct().Count() == 1 ? counts[0] : string.Join(' ', counts);
    }

    private static string SynCache(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        bench.Set(Cookies, 1);
        bench.Listen(1);
        int most = Flood(bench, 30000);
        return most < 2000 ? "as above" : $"{most}";
    }

    /// <summary>Sends SYNs that nobody finishes.</summary>
    /// <returns>The half-open connections then.</returns>
    private static int Flood(Bench bench, int syns)
    {
        for (int i = 0; i < syns; i++)
        {
            new BenchPeer(bench, 1 + i).Syn();
            bench.Take();
        }

        return bench.Count(TcpState.SynRecv);
    }

    private static string SynWhenFull(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        bench.Set(Cookies, 1);
        bench.Listen(4);
        int port = 1000;
        while (new BenchPeer(bench, port++).Connect())
        {
        }

        int before = bench.Count(TcpState.SynRecv);
        int answered = Answered(bench, ref port, 12) + before;
        if (answered is 0 or >= 12)
        {
            return answered == 0 ? "none" : "all";
        }

        bench.Run(profile.InitialRto.TotalSeconds + 1.7);
        return $"{answered}, {Answered(bench, ref port, 12)} more";
    }

    private static int Answered(Bench bench, ref int port, int syns)
    {
        int answered = 0;
        for (int i = 0; i < syns; i++)
        {
            answered += new BenchPeer(bench, port++).Syn() ? 1 : 0;
        }

        return answered;
    }

    private static string Evict(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        bench.Set(Cookies, 0);
        bench.Listen(3);
        int port = 1000;
        int most = 0;
        while (new BenchPeer(bench, port++).Syn() && bench.Count(TcpState.SynRecv) > most && most < 40)
        {
            most = bench.Count(TcpState.SynRecv);
        }

        var last = new BenchPeer(bench, port);
        return most >= 40 ? "no limit met" : last.Syn() ? "pushes one out" : "is dropped";
    }

    private static string LastQuarter(KernelProfile profile)
    {
        var counts = new List<string>();
        foreach (int max in new[] { 8, 16 })
        {
            using var bench = new Bench(profile);
            if (!bench.Set(MaxSynBacklog, max))
            {
                return "-";
            }

            bench.Set(Cookies, 0);
            bench.Listen(128);
            counts.Add($"{Flood(bench, 200)}");
        }

        return $"{string.Join(' ', counts)}; {(IsKnownPeerLetIn(profile) ? "let in" : "not let in")}";
    }

    /// <summary>Whether one whose round trip was measured before passes where others do not.</summary>
    private static bool IsKnownPeerLetIn(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        bench.Set(Cookies, 0);
        bench.Set(MaxSynBacklog, 8);
        int listener = bench.Listen(128);
        var first = new BenchPeer(bench, 1);
        first.Syn();
        bench.Run(0.1);
        first.Ack();
        int fd = Bench.Must(bench.Stack.Calls.Accept(listener, out _));
        bench.Stack.Calls.Close(fd);
        bench.Run(0.1);
        first.Expected++;
        bench.Send(first.Fields(TcpFlags.Fin | TcpFlags.Ack));
        bench.Run(0.1);
        return Flood(bench, 60) > 9;
    }

    private static string ThirdAck(KernelProfile profile)
    {
        string plain = ThirdAck(profile, abort: false);
        string abort = ThirdAck(profile, abort: true);
        return abort == plain || abort.Length == 0 ? plain : $"{plain}; {abort}";
    }

    private static string ThirdAck(KernelProfile profile, bool abort)
    {
        using var bench = new Bench(profile);
        bench.Set(Cookies, 0);
        if (abort && !bench.Set("net.ipv4.tcp_abort_on_overflow", 1)
            && !bench.Set("net.inet.tcp.syncache.rst_on_sock_fail", 0))
        {
            return "";
        }

        // Whoever has a SYN-ACK before the queue is full meets it with the third ACK.
        bench.Listen(3);
        BenchPeer[] peers = [.. Enumerable.Range(1000, 6).Select(port => new BenchPeer(bench, port))];
        BenchPeer[] answered = [.. peers.Where(peer => peer.Syn())];
        int port = 2000;
        foreach (BenchPeer peer in answered.SkipLast(1))
        {
            peer.Ack();
        }

        while (new BenchPeer(bench, port).Connect())
        {
            port++;
        }

        bench.Mark();
        BenchPeer late = answered[^1];
        if (late.State != TcpState.SynRecv)
        {
            return "was pushed out before";
        }

        bool reset = late.Ack().Any(seen => seen.IsReset);
        string fate = late.State switch
        {
            TcpState.Established => "taken",
            TcpState.SynRecv => "ignored",
            _ => reset ? "reset" : "removed",
        };
        return fate == "taken" ? fate : $"{fate}, {bench.Moves(Watched)}";
    }

    private static string Counted(KernelProfile profile)
    {
        var said = new List<string> { OfAcceptQueue(profile) };
        using (var bench = new Bench(profile))
        {
            bench.Set(Cookies, 0);
            bench.Listen(5);
            Flood(bench, 200);
            said.Add(Drop(bench, 5000));
        }

        using (var bench = new Bench(profile))
        {
            bench.Set(Cookies, 0);
            if (bench.Set(MaxSynBacklog, 8))
            {
                bench.Listen(100);
                Flood(bench, 50);
                said.Add(Drop(bench, 5000));
            }
        }

        return said.Distinct().Count() == 1 ? said[0] : string.Join("; ", said);
    }

    private static string OfAcceptQueue(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        bench.Set(Cookies, 1);
        bench.Listen(5);
        for (int port = 1000; port < 1020; port++)
        {
            new BenchPeer(bench, port).Connect();
        }

        return Drop(bench, 5000);
    }

    private static string Drop(Bench bench, int port)
    {
        bench.Mark();
        return new BenchPeer(bench, port).Syn() ? "not dropped" : bench.Moves(Watched);
    }

    internal static string Text(double number) => number.ToString("0.###", CultureInfo.InvariantCulture);
}
