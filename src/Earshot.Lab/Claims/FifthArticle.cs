using System.Collections.Generic;
using Earshot.Core;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using Earshot.Lab.Matrix;
using static Earshot.Lab.Claims.ClaimBench;

namespace Earshot.Lab.Claims;

/// <summary>Article 004: 2.6.11 and its listening hash.</summary>
internal static class FifthArticle
{
    private const string Article = "5, sys_listen";

    internal static IEnumerable<Claim> Claims =>
    [
        new(45, Article, "the power of two is at least 6 and tcp_max_syn_backlog determines it", "2.4 to 2.6.18",
            Judgement.Holds, "max_syn_backlog 2: 64; 1000: 1024", Power),
        new(46, Article, "the listening hash has 32 buckets, chosen by port", "to 5.17", Judgement.Holds,
            "linux-2.6.11 port modulo 32, linux-5.4 port plus a number modulo 32, linux-6.18 hash of address and port",
            () => Each(Buckets, "linux-2.6.11", "linux-5.4", "linux-6.18")),
        new(47, Article, "listen() can be called repeatedly", "all", Judgement.Holds, "0, 0, 0", Repeatedly),
        new(48, Article, "sk_max_ack_backlog comes from the program", "after the cut to somaxconn", Judgement.Holds,
            "5 stays 5, 5000 becomes 128", FromTheProgram),
        new(49, Article, "LISTEN is set before get_port asks whether the port is free",
            "all: two that may share a port by SO_REUSEADDR may not both listen", Judgement.Holds,
            "both bind; the first listens, the second answers EADDRINUSE", BeforePort),
    ];

    private static string Power()
    {
        int Limit(int max)
        {
            using Bench bench = On("linux-2.6.11", (Cookies, 1), (MaxSynBacklog, max));
            bench.Listen(5);
            return Flood(bench, 1500).Remembered;
        }

        return $"max_syn_backlog 2: {Limit(2)}; 1000: {Limit(1000)}";
    }

    private static string Buckets(string kernel) =>
        Cell("rows", kernel).Split("; ")[0].Replace("requests first, ", "", System.StringComparison.Ordinal)
            .Replace("mixed, ", "", System.StringComparison.Ordinal)
            .Replace(",", "", System.StringComparison.Ordinal);

    private static string Repeatedly()
    {
        using Bench bench = On("linux-2.6.11");
        int fd = bench.Listen(5);
        int first = bench.Stack.Calls.Listen(fd, 5);
        int second = bench.Stack.Calls.Listen(fd, 0);
        return $"{first}, {second}, {bench.Stack.Calls.Listen(fd, 128)}";
    }

    private static string FromTheProgram()
    {
        using Bench bench = On("linux-2.6.11");
        int fd = bench.Listen(5);
        long small = bench.Listener.Backlog;
        Bench.Must(bench.Stack.Calls.Listen(fd, 5000));
        return $"5 stays {small}, 5000 becomes {bench.Listener.Backlog}";
    }

    private static string BeforePort()
    {
        using Bench bench = On("linux-2.6.11");
        int[] sockets = [bench.Socket(), bench.Socket()];
        bool bound = true;
        foreach (int fd in sockets)
        {
            bench.Stack.Calls.SetOption(fd, SocketOption.ReuseAddress, 1);
            bound &= bench.Stack.Calls.Bind(fd, new InetEndpoint(InetAddress.Any, 80)) == 0;
        }

        bool first = bench.Stack.Calls.Listen(sockets[0], 5) == 0;
        int second = bench.Stack.Calls.Listen(sockets[1], 5);
        return $"{(bound ? "both bind" : "only one binds")}; the first {(first ? "listens" : "does not listen")}, "
            + $"the second answers {Errno.Name(-second)}";
    }
}
