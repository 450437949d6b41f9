using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;

namespace Earshot.Lab.Matrix.Rows;

/// <summary>What a handshake behind a SYN cookie keeps, for how long it is believed, and what the log says.</summary>
internal static class CookieRows
{
    private const string Cookies = "net.ipv4.tcp_syncookies";

    internal static IEnumerable<MatrixRow> All =>
    [
        new("cookie-mss", "segment sizes that a cookie remembers, of those up to 1460; how it is made", Sizes),
        new("cookie-age", "a cookie is believed after (s), cookies going on; being the last one", Age),
        new("cookie-options", "SYN-ACK with a cookie: scale, timestamps; low six bits of the stamp; segments of 1 byte "
            + "windows after it", Options),
        new("cookie-gate", "an ACK on a listener that never sent a cookie counts; another listener's cookies open it",
            Gate),
        new("flood-log", "lines in the log for two floods a minute apart, cookies 1, 0 and 2", Log),
        new("defer", "TCP_DEFER_ACCEPT of 5 s: a bare third ACK makes a connection", Defer),
    ];

    /// <summary>A kernel in which cookies can be on: where they had to be compiled in, they are.</summary>
    private static KernelProfile WithCookies(KernelProfile profile) => profile.Constants.ContainsKey(Cookies)
        ? profile with { Constants = new Dictionary<string, string>(profile.Constants) { [Cookies] = "1" } }
        : profile;

    /// <summary>A listener whose SYN queue is full, so that the next SYN gets a cookie.</summary>
    private static Bench Flooded(KernelProfile profile, out int listener, int backlog = 20)
    {
        var bench = new Bench(WithCookies(profile));
        bench.Set(Cookies, 1);
        bench.Set("net.ipv4.tcp_max_syn_backlog", 4);
        listener = bench.Listen(backlog);
        Flood(bench, 20_000);
        return bench;
    }

    private static void Flood(Bench bench, int port, ushort to = Bench.Port)
    {
        for (int i = 0; i < 70; i++)
        {
            new BenchPeer(bench, port + i, to).Syn();
        }

        bench.Take();
    }

    private static bool HasCookie(Bench bench, BenchPeer peer) => peer.Syn() && peer.State == TcpState.None;

    private static string Sizes(KernelProfile profile)
    {
        using Bench bench = Flooded(profile, out int listener);
        if (!HasCookie(bench, new BenchPeer(bench, 100)))
        {
            return "no cookies";
        }

        var sizes = new SortedSet<int>();
        int port = 200;
        foreach (ushort mss in new ushort[]
        {
            64, 216, 256, 512, 536, 1024, 1200, 1300, 1360, 1400, 1440, 1452, 1460,
        })
        {
            var peer = new BenchPeer(bench, port++) { Mss = mss };
            peer.Syn();
            peer.Ack();
            int fd = bench.Stack.Calls.Accept(listener, out _);
            bench.Take();
            if (fd >= 0)
            {
                bench.Stack.Calls.Send(fd, new byte[6000]);
                sizes.Add(bench.Take().Where(seen => seen.To == peer.Port).Max(seen => seen.Length));
            }
        }

        return $"{string.Join(' ', sizes)}; {Form(bench)}";
    }

    /// <summary>Whether a cookie rises with the number of its SYN, as a sum does within a minute.</summary>
    private static string Form(Bench bench)
    {
        const uint Later = 1_000_000;
        var peer = new BenchPeer(bench, 150);
        peer.Syn();
        uint first = peer.SynAck!.Value.Seq;
        TcpFields again = peer.Fields(TcpFlags.Syn);
        again.Seq = new SeqNumber(BenchPeer.Isn + Later);
        uint second = bench.Send(again).First(seen => seen.To == 150 && seen.IsSynAck).Seq;
        return second - first == Later ? "a sum" : "a hash and low bits";
    }

    private static string Age(KernelProfile profile)
    {
        if (Sizes(profile) == "no cookies")
        {
            return PushedOut(profile);
        }

        int[] moments = [1, 2, 4, 8, 14, 16, 29, 31, 45, 59, 61, 90, 119, 121, 150, 181, 239, 241, 300];
        int Longest(bool goesOn) => moments.Where(moment => Believed(profile, moment, goesOn)).DefaultIfEmpty(0).Max();
        return $"{Longest(goesOn: true)}; {Longest(goesOn: false)}";
    }

    /// <summary>Where every SYN is remembered, but not for ever: one that was pushed out may finish all the
    /// same.</summary>
    private static string PushedOut(KernelProfile profile)
    {
        int longest = 0;
        foreach (int moment in new[] { 0, 5, 14, 16, 25, 31 })
        {
            using var bench = new Bench(profile);
            bench.Listen(20);
            var peer = new BenchPeer(bench, 100);
            peer.Syn();
            for (int i = 0; i < 33_000 && (i % 500 != 0 || peer.State != TcpState.None); i++)
            {
                new BenchPeer(bench, 200 + i).Syn();
                bench.Take();
            }

            if (peer.State != TcpState.None)
            {
                return "-";
            }

            bench.Run(moment);
            peer.Ack();
            longest = peer.State == TcpState.Established ? moment : longest;
        }

        return $"pushed out of the cache, {longest}";
    }

    private static bool Believed(KernelProfile profile, int after, bool goesOn)
    {
        using Bench bench = Flooded(profile, out _);
        var peer = new BenchPeer(bench, 100);
        peer.Syn();
        for (int second = 0; second < after; second++)
        {
            bench.Run(1);
            if (goesOn)
            {
                // New floods, for the requests of the old one end, and each sends cookies.
                Flood(bench, 21_000 + (second * 70 % 30_000));
            }
        }

        peer.Ack();
        return peer.State == TcpState.Established;
    }

    private static string Options(KernelProfile profile)
    {
        using Bench bench = Flooded(profile, out int listener);
        var peer = new BenchPeer(bench, 100) { Timestamps = true, Window = 2 };
        if (!HasCookie(bench, peer))
        {
            return "no cookies";
        }

        Seen seen = peer.SynAck!.Value;
        string scale = seen.Options.HasWindowScale ? $"{seen.Options.WindowScale}" : "none";
        string stamp = seen.Options.HasTimestamp && !profile.TimestampOffsets ? $"{seen.Options.TsVal & 0x3f}" : "-";
        peer.Ack();
        int fd = bench.Stack.Calls.Accept(listener, out _);
        bench.Take();
        bench.Stack.Calls.Send(fd, new byte[5000]);
        int bytes = bench.Take().Where(sent => sent.To == 100).Sum(sent => sent.Length);
        return $"{scale}, {(seen.Options.HasTimestamp ? "yes" : "no")}; {stamp}; {bytes}";
    }

    private static string Gate(KernelProfile profile)
    {
        using var bench = new Bench(WithCookies(profile));
        bench.Set(Cookies, 1);
        bench.Set("net.ipv4.tcp_max_syn_backlog", 4);
        bench.Run(500);
        bench.Listen(20);
        bench.Listen(20, 81);
        Flood(bench, 20_000);
        Flood(bench, 21_000, 81);
        var peer = new BenchPeer(bench, 100);
        if (!HasCookie(bench, peer))
        {
            return "no cookies";
        }

        // Long enough for the listener's own gate to close, too short for the cookie to be too old.
        bench.Run(profile.Cookies is { Gate.TotalSeconds: < 20 } ? 20 : 0);
        Flood(bench, 22_000, 81);
        peer.Ack();
        bool shared = peer.State == TcpState.Established;
        bench.Listen(20, 82);
        bench.Run(10);
        bench.Mark();
        new BenchPeer(bench, 103, 82) { Expected = 77 }.Ack();
        return $"{bench.Moves("TcpExtSyncookiesFailed")}; {(shared ? "open" : "closed")}";
    }

    private static string Log(KernelProfile profile)
    {
        var said = new List<string>();
        foreach (int mode in new[] { 1, 0, 2 })
        {
            using var bench = new Bench(mode == 0 ? profile : WithCookies(profile));
            bench.Set(Cookies, mode);
            if (mode != 0)
            {
                // Small enough for the tables of 2.4; with cookies off its last quarter would be met first.
                bench.Set("net.ipv4.tcp_max_syn_backlog", 4);
            }

            bench.Listen(5);
            if (mode == 2 && profile.CookiesMayBeForced)
            {
                // Full to the brim before every SYN gets a cookie, so that there is something to be told.
                bench.Set(Cookies, 1);
                while (bench.Count(TcpState.SynRecv) < 5 + (profile.SynQueueAdmitsOneMore == true ? 1 : 0)
                    && new BenchPeer(bench, 300 + bench.Count(TcpState.SynRecv)).Syn())
                {
                }

                bench.Set(Cookies, mode);
            }

            Flood(bench, 20_000);
            bench.Run(65);
            Flood(bench, 21_000);
            string[] lines = [.. bench.Stack.Log.Lines.Select(line => line.Text)];
            said.Add(lines.Length == 0 ? "nothing" : $"{lines.Length}: {lines[0]}");
        }

        return said.Distinct().Count() == 1 ? said[0] : string.Join(" / ", said);
    }

    private static string Defer(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        int fd = bench.Socket();
        Bench.Must(bench.Stack.Calls.SetOption(fd, SocketOption.DeferAccept, 5));
        Bench.Must(bench.Stack.Calls.Bind(fd, new InetEndpoint(InetAddress.Any, Bench.Port)));
        Bench.Must(bench.Stack.Calls.Listen(fd, 5));
        var peer = new BenchPeer(bench, 100);
        peer.Syn();
        double start = bench.Now;
        while (bench.Now < start + 250)
        {
            peer.Ack();
            if (peer.State == TcpState.Established)
            {
                return bench.Now - start < 1 ? "at once" : "later";
            }

            bench.Run(0.5);
        }

        return "never";
    }
}
