using System.Collections.Generic;
using System.IO;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using Earshot.Lab.Matrix;
using static Earshot.Lab.Claims.ClaimBench;

namespace Earshot.Lab.Claims;

/// <summary>Article 003: the path in 3.10, reuseport, and pictures of overflows.</summary>
internal static class FourthArticle
{
    private const string Article = "4, 从Linux源码角度看套接字的Listen及连接队列";

    internal static IEnumerable<Claim> Claims =>
    [
        new(33, Article, "the accept limit is min(backlog, tcp_max_syn_backlog, somaxconn)",
            "none: tcp_max_syn_backlog has no part in it", Judgement.Fails,
            "backlog 5, max_syn_backlog 2, somaxconn 128: 6", AcceptLimit),
        new(34, Article, "the files are under /proc/sys/inet/ipv4", "none: /proc/sys/net/ipv4", Judgement.Fails,
            "net.ipv4 yes, inet.ipv4 no", Paths),
        new(35, Article, "Java's default backlog is 50", "ServerSocket's documentation", Judgement.Prose, null,
            () => "decided by the documentation of java.net.ServerSocket, not by a kernel"),
        new(36, Article, "a second listen() only changes the length", "all", Judgement.Holds,
            "3 waited, 3 wait; the backlog went from 5 to 9", SecondListen),
        new(37, Article, "nginx 1.9.1 with reuseport serves three times as much", "one benchmark of 2015",
            Judgement.Prose, null, ReusePortRace.Run),
        new(38, Article, "the SYN queue is a hash table, and a timer of 200 ms runs while it is not empty",
            "2.4 to 4.0; the first run comes after the initial timeout", Judgement.HoldsInPart,
            "linux-2.4 a sweep every 200 ms, 68 of 512 buckets, linux-3.10 a sweep every 200 ms, 6 of 16 buckets, "
            + "linux-4.4 a timer each; first SYN-ACK again not before 1 s under linux-3.10",
            () => Each(kernel => Cell("syn-ack-timer", kernel), "linux-2.4", "linux-3.10", "linux-4.4")
                + $"; first SYN-ACK again not before {Cell("life", "linux-3.10").Split(' ')[0]} s under linux-3.10"),
        new(39, Article, "qlen_young counts SYN-ACKs that were not sent again yet", "2.4 and later", Judgement.Holds,
            "at once 3 of 3 young, after the timer 0 of 3", Young),
        new(40, Article, "a SYN queue longer than the backlog makes a cookie",
            "nearly: at the table's size, 16 for a backlog of 5", Judgement.HoldsInPart,
            "linux-3.10: the first cookie at SYN 17; linux-4.4: at SYN 6",
            () => $"linux-3.10: the first cookie at SYN {FirstCookie("linux-3.10")}; "
                + $"linux-4.4: at SYN {FirstCookie("linux-4.4")}"),
        new(41, Article, "accept queue full and young set: dropped", "young must be more than 1; until 4.9",
            Judgement.HoldsInPart, "2, 2 more", () => Cell("syn-when-full", "linux-3.10")),
        new(42, Article, "the client cannot tell; set tcp_abort_on_overflow to 1", "2.4 and later", Judgement.Holds,
            "0: no answer; 1: RST", CanTell),
        new(43, Article, "only cookies make the flood message", "till 2.6.32; later drops make it too",
            Judgement.HoldsInPart,
            "cookies off: linux-el6 nothing, linux-3.10 TCP: TCP: Possible SYN flooding on port 80. Dropping request.  "
            + "Check SNMP counters.",
            () => "cookies off: " + Each(FloodLine, "linux-el6", "linux-3.10")),
        new(44, Article, "EBADF on a bad descriptor, the cut to somaxconn, EADDRINUSE after get_port", "all",
            Judgement.Holds, "EBADF, 128, EADDRINUSE", Errors),
    ];

    private static string AcceptLimit()
    {
        using Bench bench = On("linux-3.10", (Cookies, 1), (MaxSynBacklog, 2));
        return $"backlog 5, max_syn_backlog 2, somaxconn 128: {Complete(bench, 5)}";
    }

    private static string Paths()
    {
        using Bench bench = On("linux-3.10");
        bool Is(string prefix) => bench.Stack.Sysctls.Names.Any(
            name => name.StartsWith(prefix, System.StringComparison.Ordinal));
        bool host = !Directory.Exists("/proc/sys") || !Directory.Exists("/proc/sys/inet");
        return $"net.ipv4 {(Is("net.ipv4.") ? "yes" : "no")}, inet.ipv4 {(Is("inet.") || !host ? "yes" : "no")}";
    }

    private static string SecondListen()
    {
        using Bench bench = On("linux-3.10");
        int listener = bench.Listen(5);
        Connect(bench, 1000, 3);
        int before = bench.Listener.AcceptCount;
        long backlog = bench.Listener.Backlog;
        Bench.Must(bench.Stack.Calls.Listen(listener, 9));
        return $"{before} waited, {bench.Listener.AcceptCount} wait; the backlog went from {backlog} to "
            + $"{bench.Listener.Backlog}";
    }

    private static string Young()
    {
        using Bench bench = On("linux-3.10");
        bench.Listen(5);
        Flood(bench, 3);
        ListenerRow at = bench.Listener;
        bench.Run(1.9);
        ListenerRow then = bench.Listener;
        return $"at once {at.YoungCount} of {at.SynCount} young, after the timer {then.YoungCount} of {then.SynCount}";
    }

    private static int FirstCookie(string kernel)
    {
        using Bench bench = On(kernel, (Cookies, 1));
        bench.Listen(5);
        int syn = 0;
        while (bench.Count(TcpState.SynRecv) == syn && syn < 100)
        {
            syn++;
            new BenchPeer(bench, 5000 + syn).Syn();
        }

        return syn;
    }

    private static string CanTell()
    {
        using Bench silent = On("linux-3.10", (Cookies, 1));
        int answers = Overflowed(silent).Ack().Count;
        using Bench loud = On("linux-3.10", (Cookies, 1), (Abort, 1));
        bool reset = Overflowed(loud).Ack().Any(seen => seen.IsReset);
        return $"0: {(answers == 0 ? "no answer" : "an answer")}; 1: {(reset ? "RST" : "no RST")}";
    }

    private static string FloodLine(string kernel)
    {
        using Bench bench = On(kernel, (Cookies, 0));
        bench.Listen(5);
        Flood(bench, 30);
        return bench.Stack.Log.Lines.Select(line => line.Text).FirstOrDefault("nothing");
    }

    private static string Errors()
    {
        using Bench bench = On("linux-3.10");
        string bad = Errno.Name(-bench.Stack.Calls.Listen(77, 5));
        bench.Listen(5000, 90);
        long cut = bench.Listener.Backlog;
        string Second()
        {
            int[] sockets = [bench.Socket(), bench.Socket()];
            foreach (int fd in sockets)
            {
                bench.Stack.Calls.SetOption(fd, SocketOption.ReuseAddress, 1);
                Bench.Must(bench.Stack.Calls.Bind(fd, new InetEndpoint(InetAddress.Any, 91)));
            }

            Bench.Must(bench.Stack.Calls.Listen(sockets[0], 5));
            return Errno.Name(-bench.Stack.Calls.Listen(sockets[1], 5));
        }

        return $"{bad}, {cut}, {Second()}";
    }
}
