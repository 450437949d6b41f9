using System;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Lab.Matrix;

namespace Earshot.Lab.Claims;

/// <summary>Small experiments that several claims ask for.</summary>
internal static class ClaimBench
{
    internal const string Cookies = "net.ipv4.tcp_syncookies";
    internal const string MaxSynBacklog = "net.ipv4.tcp_max_syn_backlog";
    internal const string Somaxconn = "net.core.somaxconn";
    internal const string Abort = "net.ipv4.tcp_abort_on_overflow";

    internal static KernelProfile Profile(string name) => KernelProfile.TryFind(name, out KernelProfile profile)
        ? profile : throw new ArgumentException($"there is no profile {name}", nameof(name));

    internal static Bench On(string kernel, params (string Sysctl, int Value)[] sysctls)
    {
        var bench = new Bench(Profile(kernel));
        foreach ((string sysctl, int value) in sysctls)
        {
            bench.Set(sysctl, value);
        }

        return bench;
    }

    /// <summary>What the matrix measures of a rule under a kernel.</summary>
    internal static string Cell(string rule, string kernel) =>
        MatrixCatalog.Rows.Single(row => row.Id == rule).Measure(Profile(kernel));

    /// <summary>Kernels and what each showed: <c>linux-2.0 5, linux-2.2 6</c>.</summary>
    internal static string Each(Func<string, string> measure, params string[] kernels) =>
        string.Join(", ", kernels.Select(kernel => $"{kernel} {measure(kernel)}"));

    /// <summary>How many whole handshakes a backlog holds when nobody accepts.</summary>
    internal static int Complete(Bench bench, int backlog, int clients = 30)
    {
        bench.Listen(backlog);
        Connect(bench, 1000, clients);
        return bench.Listener.AcceptCount;
    }

    internal static void Connect(Bench bench, int port, int clients)
    {
        for (int i = 0; i < clients; i++)
        {
            new BenchPeer(bench, port + i).Connect();
        }
    }

    /// <summary>Sends SYNs that nobody finishes, and says how many were answered and how many are remembered.</summary>
    internal static (int Answered, int Remembered) Flood(Bench bench, int syns, int port = 5000)
    {
        int answered = 0;
        for (int i = 0; i < syns; i++)
        {
            answered += new BenchPeer(bench, port + i).Syn() ? 1 : 0;
            bench.Take();
        }

        return (answered, bench.Count(TcpState.SynRecv));
    }

    /// <summary>Half-open connections that a listener remembers of 300 SYNs.</summary>
    internal static int HalfOpen(string kernel, int backlog, int max, int cookies)
    {
        using Bench bench = On(kernel, (Cookies, cookies), (MaxSynBacklog, max));
        bench.Listen(backlog);
        return Flood(bench, 300).Remembered;
    }

    /// <summary>A peer whose third ACK met a full accept queue, on a listener of backlog 5.</summary>
    internal static BenchPeer Overflowed(Bench bench)
    {
        bench.Listen(5);
        var late = new BenchPeer(bench, 500);
        late.Syn();
        Connect(bench, 1000, 12);
        bench.Take();
        bench.Mark();
        return late;
    }
}
