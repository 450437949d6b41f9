using System.Collections.Generic;
using System.Linq;
using Earshot.Core;
using Earshot.Lab.Matrix;
using static Earshot.Lab.Claims.ClaimBench;

namespace Earshot.Lab.Claims;

/// <summary>Article 000: two programs, three experiments and their tables.</summary>
internal static class FirstArticle
{
    private const string Article = "1, 网络编程--listen函数";

    internal static IEnumerable<Claim> Claims =>
    [
        new(1, Article, "before 2.2 the backlog limits both queues, since then the finished connections",
            "2.0; 2.2 and later", Judgement.Holds,
            "linux-2.0 20 1 5; they count, linux-2.2 2 2 6; they do not",
            () => Each(kernel => Cell("accept-full", kernel), "linux-2.0", "linux-2.2")),
        new(2, Article, "5 is 4.2BSD's maximum", "4.4BSD-Lite2, where 8 connections fit it", Judgement.Holds,
            "a backlog of 128 becomes 5, and 8 connections fit", FiveOfBsd),
        new(3, Article, "at most backlog + 1 finished connections wait", "Linux 2.2 and later", Judgement.HoldsInPart,
            "linux-2.2 6, linux-el6 6, linux-6.18 6, linux-2.0 5, bsd-4.4 8, freebsd 8, xnu 5",
            () => Each(
                Waiting, "linux-2.2", "linux-el6", "linux-6.18", "linux-2.0", "bsd-4.4", "freebsd", "xnu")),
        new(4, Article, "with tcp_syncookies on, changes to the ipv4 sysctls have no effect",
            "none: tcp_max_syn_backlog still sizes the table", Judgement.Fails,
            "max_syn_backlog 2: 16 half-open; 100: 128",
            () => $"max_syn_backlog 2: {HalfOpen("linux-el6", 100, 2, 1)} half-open; "
                + $"100: {HalfOpen("linux-el6", 100, 100, 1)}"),
        new(5, Article, "tcp_syncookies is set when the kernel is compiled", "its existence is, its value is not",
            Judgement.HoldsInPart, "set to 0 at run time: dropped; to 1: a cookie", CookiesAtRunTime),
        new(6, Article, "tcp_max_syn_backlog + 1 half-open connections", "2.2; by accident for 2 and 3 until today",
            Judgement.HoldsInPart, "2, 3, 4, 16: linux-2.2 3 4 5 17, linux-el6 3 4 4 13",
            () => "2, 3, 4, 16: " + Each(
                kernel => string.Join(' ', new[] { 2, 3, 4, 16 }.Select(max => HalfOpen(kernel, 100, max, 0))),
                "linux-2.2", "linux-el6")),
        new(7, Article, "the third experiment's finished connections are tcp_max_syn_backlog + 1",
            "none: they are min(backlog, somaxconn) + 1", Judgement.Fails,
            "somaxconn 2: 3 with max_syn_backlog 2, 3 with 100",
            () => $"somaxconn 2: {Third(2)} with max_syn_backlog 2, {Third(100)} with 100"),
        new(8, Article, "the heading 'SYN queue full (tcp_abort_on_overflow)'",
            "none: that sysctl is asked at the third ACK", Judgement.Fails,
            "a SYN to a full SYN queue: no answer; a third ACK to a full accept queue: RST", AbortOnOverflow),
        new(9, Article, "the half-open limit is tcp_max_syn_backlog, by some kernels its minimum with the backlog",
            "2.6.20 to 4.3, rounded up to a power of two; 4.4 and later the backlog alone", Judgement.HoldsInPart,
            "backlog/max 5/1024, 100/2, 100/100: linux-el6 16 16 128, linux-4.4 5 100 100",
            () => "backlog/max 5/1024, 100/2, 100/100: " + Each(
                kernel => string.Join(
                    ' ', HalfOpen(kernel, 5, 1024, 1), HalfOpen(kernel, 100, 2, 1), HalfOpen(kernel, 100, 100, 1)),
                "linux-el6", "linux-4.4")),
        new(10, Article, "with cookies the SYN queue has no logical maximum and tcp_max_syn_backlog is ignored",
            "first half in effect; second half false till 4.3", Judgement.HoldsInPart,
            "300 SYNs: 300 answered, 16 remembered with max_syn_backlog 2; 300 answered, 128 with 100",
            () => $"300 SYNs: {Answered(2)} remembered with max_syn_backlog 2; {Answered(100)} with 100"),
        new(11, Article, "'SYNs to LISTEN sockets ignored' means that the SYN queue was full",
            "not up to 3.1; in part from 3.10", Judgement.HoldsInPart,
            "ListenDrops of a full SYN queue: linux-el6 0, linux-3.10 1; of an ignored third ACK: linux-el6 1",
            () => $"ListenDrops of a full SYN queue: {Each(DropOfFullQueue, "linux-el6", "linux-3.10")}; "
                + $"of an ignored third ACK: {Each(DropOfThirdAck, "linux-el6")}"),
        new(12, Article, "accept queue full: the ACK is dropped and ListenOverflows rises; 0 drops, 1 resets",
            "2.4 and later; ListenDrops rises too", Judgement.Holds,
            "ignored, ListenOverflows+1 ListenDrops+1; reset, ListenOverflows+1 ListenDrops+1 EmbryonicRsts+1",
            () => Cell("third-ack", "linux-el6")),
        new(13, Article, "the code with mode 2 and young > 1 is that of 2.6.32",
            "el7 and 4.0 to 4.9; 2.6.32 has no mode 2, 4.10 no young rule", Judgement.HoldsInPart,
            "mode 2: linux-el6 no, linux-4.4 yes; young > 1: linux-el6 yes, linux-4.4 yes, linux-4.10 no",
            () => $"mode 2: {Each(kernel => Cell("mode-2", kernel), "linux-el6", "linux-4.4")}; young > 1: "
                + Each(YoungRule, "linux-el6", "linux-4.4", "linux-4.10")),
        new(14, Article, "if the accept queue stays full the client finally gets a RST",
            "only when it sends later", Judgement.HoldsInPart,
            "in 200 s of silence: 0 resets and the request gone; then data: a reset", FinallyReset),
        new(15, Article, "the server sends its SYN-ACK again, the client acknowledges again and may succeed",
            "2.4 and later", Judgement.Holds, "room appeared, and the next ACK made the connection", AgainAndIn),
        new(16, Article, "tcp_syncookies on limits who enters when the accept queue is full",
            "none: cookies depend on the SYN queue", Judgement.Fails,
            "SYNs answered while full: 2 with cookies 0, 2 with cookies 1",
            () => $"SYNs answered while full: {WhileFull(0)} with cookies 0, {WhileFull(1)} with cookies 1"),
    ];

    private static string FiveOfBsd()
    {
        using Bench bench = On("bsd-4.4");
        int fits = Complete(bench, 128);
        return $"a backlog of 128 becomes {bench.Listener.Backlog}, and {fits} connections fit";
    }

    private static string Waiting(string kernel)
    {
        using Bench bench = On(kernel, (Cookies, 1));
        return $"{Complete(bench, 5)}";
    }

    private static string CookiesAtRunTime()
    {
        using Bench bench = On("linux-el6", (Cookies, 0));
        bench.Listen(5);
        Flood(bench, 30);
        bool dropped = !new BenchPeer(bench, 100).Syn();
        bench.Set(Cookies, 1);
        bool answered = new BenchPeer(bench, 101).Syn();
        return $"set to 0 at run time: {(dropped ? "dropped" : "answered")}; "
            + $"to 1: {(answered ? "a cookie" : "dropped")}";
    }

    private static int Third(int max)
    {
        using Bench bench = On("linux-el6", (Cookies, 0), (Somaxconn, 2), (MaxSynBacklog, max));
        return Complete(bench, 5);
    }

    private static string AbortOnOverflow()
    {
        using Bench flooded = On("linux-el6", (Cookies, 0), (Abort, 1));
        flooded.Listen(5);
        Flood(flooded, 30);
        bool silent = flooded.Send(new BenchPeer(flooded, 100).Fields(Core.Wire.TcpFlags.Syn)).Count == 0;
        using Bench bench = On("linux-el6", (Cookies, 1), (Abort, 1));
        bool reset = Overflowed(bench).Ack().Any(seen => seen.IsReset);
        return $"a SYN to a full SYN queue: {(silent ? "no answer" : "answered")}; "
            + $"a third ACK to a full accept queue: {(reset ? "RST" : "no RST")}";
    }

    private static string Answered(int max)
    {
        using Bench bench = On("linux-el6", (Cookies, 1), (MaxSynBacklog, max));
        bench.Listen(100);
        (int answered, int remembered) = Flood(bench, 300);
        return $"{answered} answered, {remembered}";
    }

    private static string DropOfFullQueue(string kernel)
    {
        using Bench bench = On(kernel, (Cookies, 0));
        bench.Listen(5);
        Flood(bench, 30);
        bench.Mark();
        new BenchPeer(bench, 100).Syn();
        return $"{bench.Moved("TcpExtListenDrops")}";
    }

    private static string DropOfThirdAck(string kernel)
    {
        using Bench bench = On(kernel, (Cookies, 1));
        Overflowed(bench).Ack();
        return $"{bench.Moved("TcpExtListenDrops")}";
    }

    private static string YoungRule(string kernel) =>
        Cell("syn-when-full", kernel).StartsWith("2,", System.StringComparison.Ordinal) ? "yes" : "no";

    private static string FinallyReset()
    {
        using Bench bench = On("linux-el6", (Cookies, 1));
        BenchPeer late = Overflowed(bench);
        late.Ack();
        bench.Take();
        bench.Run(200);
        int resets = bench.Take().Count(seen => seen.To == 500 && seen.IsReset);
        string gone = late.State == TcpState.None ? "the request gone" : "the request still there";
        bool reset = late.Data(10).Any(seen => seen.IsReset);
        return $"in 200 s of silence: {resets} resets and {gone}; then data: {(reset ? "a reset" : "no reset")}";
    }

    private static string AgainAndIn()
    {
        using Bench bench = On("linux-el6", (Cookies, 1));
        BenchPeer late = Overflowed(bench);
        late.Ack();
        bench.Take();
        bench.Run(1.7);
        bool again = bench.Take().Any(seen => seen.To == 500 && seen.IsSynAck);
        int listener = bench.Listener.Descriptor;
        bench.Stack.Calls.Accept(listener, out _);
        late.Ack();
        return again && late.State == TcpState.Established
            ? "room appeared, and the next ACK made the connection" : "no connection";
    }

    private static int WhileFull(int cookies)
    {
        using Bench bench = On("linux-el6", (Cookies, cookies));
        bench.Listen(5);
        int port = 1000;
        while (new BenchPeer(bench, port++).Connect())
        {
        }

        // The one that was answered and not let in counts.
        return Flood(bench, 10).Answered + 1;
    }
}
