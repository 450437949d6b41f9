using System.Collections.Generic;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Wire;
using Earshot.Lab.Matrix;
using static Earshot.Lab.Claims.ClaimBench;

namespace Earshot.Lab.Claims;

/// <summary>Article 002: the code of 2.6.3x, and a text about Boost.Asio.</summary>
internal static class ThirdArticle
{
    private const string Article = "3, 网络编程常用接口的内核实现----sys_listen()";
    private const int AfInet = 2;
    private const int SockDgram = 2;

    internal static IEnumerable<Claim> Claims =>
    [
        new(23, Article, "EINVAL unless unconnected, of type SOCK_STREAM and closed or listening",
            "TCP; a datagram socket answers EOPNOTSUPP", Judgement.Holds,
            "connected EINVAL, connecting EINVAL, datagram EOPNOTSUPP, listening 0", Refusals),
        new(24, Article, "listening again with 1024 works, the capacity being independent of the hash slots",
            "the accept limit changes; the SYN limit only from 4.4 on", Judgement.HoldsInPart,
            "listen(5), then listen(100): linux-el6 accept 100 SYN 16, linux-4.4 accept 100 SYN 100",
            () => "listen(5), then listen(100): " + Each(Again, "linux-el6", "linux-4.4")),
        new(25, Article, "UNP says that the backlog is the sum of both queues; it is the length of each",
            "not the sum since 2.2; each exactly from 4.4 to 6.12", Judgement.Holds,
            "backlog 5: linux-2.0 5 in all, linux-4.4 6 finished beside 5 half-open", NotTheSum),
        new(26, Article, "tcp_max_syn_backlog is a limit of the whole host", "none: it limits each listener",
            Judgement.Fails, "two listeners: 16 and 16 half-open", PerListener),
        new(27, Article, "n = min of both, at least 8, then the power of two above n; counted from 8",
            "2.6.20 to 4.0; the least table has 16", Judgement.Holds,
            "backlog 0, 5, 15, 16, 100: 16 16 16 32 128",
            () => "backlog 0, 5, 15, 16, 100: " + string.Join(
                ' ', new[] { 0, 5, 15, 16, 100 }.Select(backlog => HalfOpen("linux-2.6.32", backlog, 1024, 1)))),
        new(28, Article, "listen() on an unbound socket binds a port itself", "all Linux", Judgement.Holds,
            "0, with a port", Unbound),
        new(29, Article, "Boost: the backlog limits unfinished connections, a client is refused when it is full, "
            + "accept() completes the handshake", "none", Judgement.Fails,
            "before accept(): 6 ESTABLISHED; the seventh SYN: 0 answers", BeforeAccept),
        new(30, Article, "Boost: listen() fails with EINVAL if the socket is not bound: call bind() first",
            "Winsock; not Linux", Judgement.Fails, "ours 0; the host's kernel: success",
            () => $"ours {UnboundResult()}; the host's kernel: {BoostAcceptor.Say("unbound")}"),
        new(31, Article, "Boost: max_listen_connections is SOMAXCONN, 128 on Linux and macOS, 200 on Windows",
            "the constant of the headers at compile time", Judgement.HoldsInPart,
            "equal to SOMAXCONN of the headers", () => BoostAcceptor.Say("constant")),
        new(32, Article, "Boost: listen() fails with EADDRINUSE, EACCES, EINVAL or ENOTSOCK",
            "EACCES is bind()'s; a closed acceptor says EBADF", Judgement.HoldsInPart,
            "in use: listen() EADDRINUSE; privileged port: bind() EACCES; unbound: listen() 0; closed: listen() EBADF",
            () => BoostAcceptor.Say("errors")),
    ];

    private static string Refusals()
    {
        using Bench bench = On("linux-6.18");
        int listener = bench.Listen(5);
        int connected = new BenchPeer(bench, 1).Establish(listener);
        int connecting = bench.Socket();
        bench.Stack.Calls.Connect(connecting, new InetEndpoint(Bench.PeerAddress, 9));
        int datagram = bench.Stack.Calls.Socket(AfInet, SockDgram, 0);
        string Ask(int fd) => bench.Stack.Calls.Listen(fd, 5) is < 0 and var error ? Errno.Name(-error) : "0";
        return $"connected {Ask(connected)}, connecting {Ask(connecting)}, datagram {Ask(datagram)}, "
            + $"listening {Ask(listener)}";
    }

    private static string Again(string kernel)
    {
        using Bench bench = On(kernel, (Cookies, 1));
        int listener = bench.Listen(5);
        Bench.Must(bench.Stack.Calls.Listen(listener, 100));
        return $"accept {bench.Listener.Backlog} SYN {Flood(bench, 300).Remembered}";
    }

    private static string NotTheSum()
    {
        using Bench old = On("linux-2.0");
        old.Listen(5);
        Flood(old, 3);
        Connect(old, 1000, 10);
        using Bench bench = On("linux-4.4", (Cookies, 1));
        bench.Listen(5);
        Flood(bench, 5);

        // The SYN queue being full these come in by cookies.
        Connect(bench, 1000, 10);
        return $"backlog 5: linux-2.0 {old.Listener.AcceptCount + old.Count(TcpState.SynRecv)} in all, "
            + $"linux-4.4 {bench.Listener.AcceptCount} finished beside {bench.Count(TcpState.SynRecv)} half-open";
    }

    private static string PerListener()
    {
        using Bench bench = On("linux-el6", (Cookies, 1), (MaxSynBacklog, 8));
        bench.Listen(100);
        bench.Listen(100, 81);
        for (int i = 0; i < 60; i++)
        {
            new BenchPeer(bench, 5000 + i).Syn();
            new BenchPeer(bench, 6000 + i, 81).Syn();
        }

        int Of(ushort port) => bench.Rows.Count(row => row.State == TcpState.SynRecv && row.Local.Port == port);
        return $"two listeners: {Of(80)} and {Of(81)} half-open";
    }

    private static int UnboundResult()
    {
        using Bench bench = On("linux-2.6.32");
        return bench.Stack.Calls.Listen(bench.Socket(), 5);
    }

    private static string Unbound()
    {
        using Bench bench = On("linux-2.6.32");
        int result = bench.Stack.Calls.Listen(bench.Socket(), 5);
        return $"{result}, {(bench.Listener.Local.Port != 0 ? "with" : "without")} a port";
    }

    private static string BeforeAccept()
    {
        using Bench bench = On("linux-6.18");
        Complete(bench, 5);
        int answers = bench.Send(new BenchPeer(bench, 9000).Fields(TcpFlags.Syn)).Count;
        return $"before accept(): {bench.Count(TcpState.Established)} ESTABLISHED; the seventh SYN: {answers} answers";
    }
}
