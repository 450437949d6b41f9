using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Profiles;

namespace Earshot.Lab.Matrix.Rows;

/// <summary>When SYN-ACKs leave again, who serves them, and when a request ends.</summary>
internal static class TimerRows
{
    private const int Seeds = 24;
    private const string Cookies = "net.ipv4.tcp_syncookies";

    internal static IEnumerable<MatrixRow> All =>
    [
        new("syn-ack-timer", "who sends SYN-ACKs again", Server),
        new("life", "SYN-ACKs leave again at; the request ends at (s)", Life),
        new("lateness", "the first and the last SYN-ACK come late by (ms)", Lateness),
        new("pressure", "of a queue three quarters full, left before and after the third timeout", Pressure),
        new("spared", "of those a request whose third ACK came", Spared),
        new("duplicate", "a duplicate SYN at half of the wait puts the next SYN-ACK off by (s)", Duplicate),
        new("ignored-ack", "SYN-ACKs sent again after an ignored third ACK, then 500 s", IgnoredAck),
        new("request-timeouts", "TCPTimeouts of a request that ends in silence", RequestTimeouts),
    ];

    private static string Server(KernelProfile profile)
    {
        double rto = profile.InitialRto.TotalSeconds;
        using var bench = new Bench(profile);
        bench.Run(0.3);
        bench.Set(Cookies, 1);
        int listening = bench.Listen(1024);
        double start = bench.Now;
        for (int port = 1; port <= 100; port++)
        {
            new BenchPeer(bench, port).Syn();
        }

        int many = bench.Count(TcpState.SynRecv);
        if (many < 100)
        {
            return Few(profile);
        }

        bench.Run(0.3);
        new BenchPeer(bench, 1000).Syn();
        bench.Take();
        bench.Run(rto + 2.5);
        double[] times = [.. bench.Take().Where(seen => seen.IsSynAck).Select(seen => seen.Time - start)];
        bench.Stack.Calls.Close(listening);
        if (times.Take(100).All(time => time < times[0] + 0.02))
        {
            // All at once: each has its own timer, or one timer serves all that are due.
            double second = times[100] - times[0];
            return Math.Abs(second - 0.3) < 0.05 ? "a timer each"
                : $"one timer for all, every {AdmissionRows.Text(Math.Round(second, 1))} s";
        }

        return Swept(profile);
    }

    /// <summary>Where a hundred requests do not fit: two of them, 0.3 s apart.</summary>
    private static string Few(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        bench.Run(0.3);
        bench.Listen(5);
        double start = bench.Now;
        new BenchPeer(bench, 1).Syn();
        bench.Run(0.3);
        new BenchPeer(bench, 2).Syn();
        bench.Take();
        bench.Run(profile.InitialRto.TotalSeconds + 0.6);
        double[] times = [.. bench.Take().Where(seen => seen.IsSynAck).Select(seen => seen.Time - start)];
        return Math.Abs(times[1] - times[0] - 0.3) < 0.05 ? "a timer each" : "a timer each, ticks of 0.5 s";
    }

    /// <summary>How many buckets a turn serves, and of how many, from the sweep's own verdicts.</summary>
    private static string Swept(KernelProfile profile)
    {
        var turns = new Dictionary<(ulong Seed, double Time), HashSet<uint>>();
        uint last = 0;
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            using var bench = new Bench(profile, seed);
            bench.Set(Cookies, 1);
            bench.Listen(15);
            for (int port = 1; port <= 900; port++)
            {
                new BenchPeer(bench, port).Syn();
                bench.Take();
            }

            bench.Run(profile.InitialRto.TotalSeconds + 2);
            foreach (LedgerEntry entry in bench.Stack.Ledger.Latest.Where(e => e.Rule == RuleId.RequestSweep))
            {
                (ulong, double) turn = (seed, entry.Time.Seconds);
                turns.TryAdd(turn, []);
                turns[turn].Add(entry.C);
                last = Math.Max(last, entry.C);
            }
        }

        uint share = turns.Values.Max(buckets => Span(buckets, last + 1));
        double[] moments = [.. turns.Keys.Where(turn => turn.Seed == 1).Select(turn => turn.Time).Order()];
        double tick = moments.Zip(moments.Skip(1), (x, y) => y - x).Min();
        return $"a sweep every {tick * 1000:0} ms, {share} of {last + 1} buckets";
    }

    /// <summary>Buckets from the first to the last of a turn, on a ring.</summary>
    private static uint Span(HashSet<uint> buckets, uint ring)
    {
        uint[] sorted = [.. buckets.Order()];
        uint gap = sorted[0] + ring - sorted[^1];
        for (int i = 1; i < sorted.Length; i++)
        {
            gap = Math.Max(gap, sorted[i] - sorted[i - 1]);
        }

        return ring - gap + 1;
    }

    private static string Life(KernelProfile profile)
    {
        double[][] runs = [.. Enumerable.Range(1, Seeds).Select(seed => Moments(profile, (ulong)seed, out _))];

        // A sweep is late by up to a lap: each wait at its least. A slow clock is early by up to a tick: the run that
        // began with one.
        bool early = runs.Min(run => run[0]) < profile.InitialRto.TotalSeconds - 0.05;
        double[] waits = early
            ? runs.MaxBy(run => run[0])!
            : [.. Enumerable.Range(0, runs[0].Length).Select(i => runs.Min(run => run[i]))];
        double[] nominal = Waits.Nominal(waits);
        return $"{Waits.Text(nominal.SkipLast(1))}; {Waits.Text(nominal.TakeLast(1))}";
    }

    /// <summary>The waits between SYN-ACKs, and last that until the request is gone.</summary>
    private static double[] Moments(KernelProfile profile, ulong seed, out double[] times)
    {
        // Each run begins at another place between two ticks of a slow clock.
        using var bench = new Bench(profile, seed);
        bench.Run(seed * 0.021);
        bench.Listen(5);
        double start = bench.Now;
        new BenchPeer(bench, 1000).Syn();
        bench.Take();
        while (bench.Count(TcpState.SynRecv) > 0)
        {
            bench.Run(0.1);
        }

        times = [start, .. bench.Take().Select(seen => seen.Time), bench.Now];
        double[] all = times;
        return [.. all.Zip(all.Skip(1), (x, y) => y - x)];
    }

    private static string Lateness(KernelProfile profile)
    {
        double first = double.MaxValue;
        double firstMost = 0;
        double last = 0;
        for (ulong seed = 1; seed <= 8; seed++)
        {
            double[] waits = Moments(profile, seed, out double[] times);
            double late = waits[0] - profile.InitialRto.TotalSeconds;
            first = Math.Min(first, late);
            firstMost = Math.Max(firstMost, late);
            last = Math.Max(last, times[^2] - times[0] - Waits.Nominal(waits)[^2]);
        }

        return $"{first * 1000:0.0} to {firstMost * 1000:0.0}; up to {last * 1000:0}";
    }

    private static string Pressure(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        return Crowd(bench, 12) ? Left(bench) : "-";
    }

    private static string Left(Bench bench)
    {
        double rto = bench.Stack.Profile.InitialRto.TotalSeconds;
        bench.Run(6.5 * rto);
        int before = bench.Count(TcpState.SynRecv);
        bench.Run(1.5 * rto);
        return $"{before}, {bench.Count(TcpState.SynRecv)}";
    }

    private static bool Crowd(Bench bench, int requests)
    {
        bench.Set(Cookies, 1);
        bench.Set("net.ipv4.tcp_max_syn_backlog", 64);
        bench.Listen(15);
        int wanted = bench.Listener.SynLimit is 64 ? requests * 4 : requests;
        for (int port = 1; port <= wanted; port++)
        {
            new BenchPeer(bench, port).Syn();
        }

        return bench.Count(TcpState.SynRecv) == wanted;
    }

    private static string Spared(KernelProfile profile)
    {
        int left = 0;
        const int Runs = 12;
        for (ulong seed = 1; seed <= Runs; seed++)
        {
            using var bench = new Bench(profile, seed);
            bench.Set("net.ipv4.tcp_max_syn_backlog", 64);
            bench.Set(Cookies, 1);
            bench.Listen(1);
            var late = new BenchPeer(bench, 500);
            late.Syn();
            int wanted = bench.Listener.SynLimit >= 64 ? 58 : 14;
            for (int port = 1; bench.Count(TcpState.SynRecv) < wanted && port <= 58; port++)
            {
                new BenchPeer(bench, port).Syn();
            }

            for (int port = 600; port < 603; port++)
            {
                new BenchPeer(bench, port).Connect();
            }

            late.Ack();
            if (late.State != TcpState.SynRecv)
            {
                return "-";
            }

            bench.Run(9.5 * profile.InitialRto.TotalSeconds);
            left += late.State == TcpState.SynRecv ? 1 : 0;
        }

        return left == Runs ? "always stays" : $"stays in {left} of {Runs}";
    }

    private static string Duplicate(KernelProfile profile)
    {
        double rto = profile.InitialRto.TotalSeconds;
        double least = double.MaxValue;
        for (ulong seed = 1; seed <= 12; seed++)
        {
            using var bench = new Bench(profile, seed);
            bench.Listen(5);
            double start = bench.Now;
            var peer = new BenchPeer(bench, 1000);
            peer.Syn();
            bench.Run(rto / 2);
            peer.Syn();
            bench.Take();
            bench.Run(rto * 2.6);
            Seen[] again = [.. bench.Take().Where(seen => seen.IsSynAck)];
            least = Math.Min(least, again[0].Time - start - rto);
        }

        return least < rto / 4 ? "0" : AdmissionRows.Text(Math.Round(least * 2) / 2);
    }

    private static string IgnoredAck(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        bench.Set(Cookies, 1);
        bench.Listen(4);
        var late = new BenchPeer(bench, 500);
        late.Syn();
        for (int port = 1; port < 12; port++)
        {
            new BenchPeer(bench, port).Connect();
        }

        late.Ack();
        bench.Take();
        bench.Run(500);
        return late.State == TcpState.SynRecv || bench.Count(TcpState.SynRecv) > 0
            ? $"{bench.Take().Count(seen => seen.To == 500)}, and it never ends"
            : $"{bench.Take().Count(seen => seen.To == 500 && seen.IsSynAck)}";
    }

    private static string RequestTimeouts(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        if (!bench.Stack.Mib.TryGet("TcpExtTCPTimeouts", out _))
        {
            return "-";
        }

        bench.Listen(5);
        new BenchPeer(bench, 1000).Syn();
        bench.Run(500);
        return $"{bench.Moved("TcpExtTCPTimeouts")}";
    }
}
