using System.Collections.Generic;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Wire;
using Earshot.Lab.Matrix;
using static Earshot.Lab.Claims.ClaimBench;

namespace Earshot.Lab.Claims;

/// <summary>Article 001: a first explanation.</summary>
internal static class SecondArticle
{
    private const string Article = "2, listen函數的backlog參數";

    internal static IEnumerable<Claim> Claims =>
    [
        new(17, Article, "Berkeley-derived kernels keep an unfinished connection for 75 s", "4.4BSD and XNU",
            Judgement.Holds, "bsd-4.4 75, xnu 75, linux-2.4 189, linux-el6 63, linux-6.18 63",
            () => Each(
                kernel => Cell("life", kernel).Split("; ")[1], "bsd-4.4", "xnu", "linux-2.4", "linux-el6",
                "linux-6.18")),
        new(18, Article, "queue full: the client may get ECONNREFUSED, or is ignored so that it tries again",
            "ignored by Linux and the BSDs; refused by Windows, which no profile here is", Judgement.HoldsInPart,
            "answers to a SYN that finds no room: linux-2.0 0, linux-6.18 0, bsd-4.4 0",
            () => "answers to a SYN that finds no room: "
                + Each(AnswersWhenFull, "linux-2.0", "linux-6.18", "bsd-4.4")),
        new(
            19, Article, "tcp_max_syn_backlog is 512 by default",
            "a host whose ehash has 131072 buckets: memory decides",
            Judgement.HoldsInPart, "linux-2.2 128, linux-2.4 1024, linux-el6 2048, linux-3.10 1024, linux-6.18 2048",
            () => Each(
                kernel => Cell("max-syn-backlog", kernel), "linux-2.2", "linux-2.4", "linux-el6", "linux-3.10",
                "linux-6.18")),
        new(20, Article, "tcp_max_syn_backlog counts only with tcp_syncookies off", "4.4 and later; not before",
            Judgement.HoldsInPart,
            "backlog 100, max 8, cookies 0 and 1: linux-el6 7 16, linux-4.4 7 100, linux-6.18 7 101",
            () => "backlog 100, max 8, cookies 0 and 1: " + Each(
                kernel => $"{HalfOpen(kernel, 100, 8, 0)} {HalfOpen(kernel, 100, 8, 1)}", "linux-el6", "linux-4.4",
                "linux-6.18")),
        new(21, Article, "a backlog above somaxconn is silently cut; the default is 128", "to 5.3; 4096 from 5.4",
            Judgement.HoldsInPart, "100000 becomes: linux-el6 128, linux-4.10 128, linux-5.4 4096, linux-6.18 4096",
            () => "100000 becomes: " + Each(Cut, "linux-el6", "linux-4.10", "linux-5.4", "linux-6.18")),
        new(22, Article, "accept() takes the head of the queue; the server enters it at the third segment", "all",
            Judgement.Holds, "SYNs 1 2 3, third ACKs 3 1 2, accepted 3 1 2", Order),
    ];

    private static string AnswersWhenFull(string kernel)
    {
        using Bench bench = On(kernel, (Cookies, 1));
        Complete(bench, 2);
        return $"{bench.Send(new BenchPeer(bench, 9000).Fields(TcpFlags.Syn)).Count}";
    }

    private static string Cut(string kernel)
    {
        using Bench bench = On(kernel);
        bench.Listen(100_000);
        return $"{bench.Listener.Backlog}";
    }

    private static string Order()
    {
        using Bench bench = On("linux-6.18");
        int listener = bench.Listen(5);
        BenchPeer[] peers = [.. new[] { 1, 2, 3 }.Select(port => new BenchPeer(bench, port))];
        foreach (BenchPeer peer in peers)
        {
            peer.Syn();
        }

        bool none = bench.Stack.Calls.Accept(listener, out _) == -Errno.EAGAIN;
        foreach (int index in new[] { 2, 0, 1 })
        {
            peers[index].Ack();
        }

        var accepted = new List<int>();
        while (bench.Stack.Calls.Accept(listener, out InetEndpoint peer) >= 0)
        {
            accepted.Add(peer.Port);
        }

        return none ? $"SYNs 1 2 3, third ACKs 3 1 2, accepted {string.Join(' ', accepted)}" : "accepted too early";
    }
}
