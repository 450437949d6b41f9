using System;
using System.Collections.Generic;
using Earshot.Core.Wire;

namespace Earshot.Core;

/// <summary>The states of TCP, with Linux's numbers.</summary>
public enum TcpState : byte
{
    /// <summary>No state.</summary>
    None = 0,

    /// <summary>Data can flow.</summary>
    Established = 1,

    /// <summary>Our SYN waits for an answer.</summary>
    SynSent = 2,

    /// <summary>A SYN was answered; the third ACK is awaited.</summary>
    SynRecv = 3,

    /// <summary>Our FIN is not acknowledged.</summary>
    FinWait1 = 4,

    /// <summary>Our FIN is acknowledged, the peer's awaited.</summary>
    FinWait2 = 5,

    /// <summary>Both FINs are acknowledged; late segments are awaited.</summary>
    TimeWait = 6,

    /// <summary>Closed.</summary>
    Close = 7,

    /// <summary>The peer's FIN came; ours was not sent.</summary>
    CloseWait = 8,

    /// <summary>The peer's FIN came and ours was sent after it.</summary>
    LastAck = 9,

    /// <summary>Listening.</summary>
    Listen = 10,

    /// <summary>Both sides sent FINs; ours is not acknowledged.</summary>
    Closing = 11,
}

/// <summary>Which timer of a socket runs, with the numbers of <c>/proc/net/tcp</c>.</summary>
public enum SocketTimer : byte
{
    /// <summary>None.</summary>
    Off = 0,

    /// <summary>Retransmission.</summary>
    On = 1,

    /// <summary>Keepalive, or the end of FIN_WAIT2.</summary>
    Keepalive = 2,

    /// <summary>TIME_WAIT.</summary>
    TimeWait = 3,

    /// <summary>Zero-window probe.</summary>
    Probe = 4,
}

/// <summary>One line of <c>netstat -nat</c>.</summary>
public readonly record struct SocketRow
{
    /// <summary>The state.</summary>
    public TcpState State { get; init; }

    /// <summary>The local end.</summary>
    public InetEndpoint Local { get; init; }

    /// <summary>The remote end.</summary>
    public InetEndpoint Remote { get; init; }

    /// <summary>Recv-Q: bytes not read, or of a listener the connections not accepted.</summary>
    public long ReceiveQueue { get; init; }

    /// <summary>Send-Q: bytes not acknowledged.</summary>
    public long SendQueue { get; init; }

    /// <summary>Of a listener its backlog, as ss shows it in Send-Q; else 0.</summary>
    public long Backlog { get; init; }

    /// <summary>Which timer runs.</summary>
    public SocketTimer Timer { get; init; }

    /// <summary>Until it fires.</summary>
    public TimeSpan TimerRemaining { get; init; }

    /// <summary>Timeouts in a row.</summary>
    public int Retransmits { get; init; }

    /// <summary>What a SYN cookie remembered of the handshake; null of a connection that came without one.</summary>
    public CookieRemains? SynCookie { get; init; }

    /// <summary>Of a request, how often its SYN-ACK was sent again: ss shows this where netstat shows the
    /// timeouts.</summary>
    public int SynAcksResent { get; init; }

    /// <summary>Zero-window or keepalive probes that were not answered.</summary>
    public int Probes { get; init; }

    /// <summary>The descriptor; -1 for requests, connections not accepted, orphans and TIME_WAIT.</summary>
    public int Descriptor { get; init; }

    /// <summary>Whether it is a datagram socket's.</summary>
    public bool IsDatagram { get; init; }

    /// <summary>Whether the socket is of AF_INET6, so that it is in <c>/proc/net/tcp6</c>.</summary>
    public bool IsIpv6 { get; init; }

    /// <summary>Whether a socket of AF_INET6 takes no IPv4 (IPV6_V6ONLY).</summary>
    public bool IsIpv6Only { get; init; }

    /// <summary>The user that it belongs to.</summary>
    public int User { get; init; }

    /// <summary>A number that no other socket of the stack has, as ss shows it behind <c>sk:</c>. Linux:
    /// sock_gen_cookie.</summary>
    public long Number { get; init; }

    /// <summary>The rest; null of requests and TIME_WAIT.</summary>
    public SocketDetail? Detail { get; init; }
}

/// <summary>What is left of a handshake that a SYN cookie kept: what the client asked for otherwise is lost.</summary>
/// <param name="Mss">The MSS taken for the client's: of a few sizes the largest that was not too large.</param>
/// <param name="Timestamps">Timestamps are used; without them nothing else could be remembered.</param>
/// <param name="WindowScale">Windows are scaled.</param>
/// <param name="Sack">Selective acknowledgments are used.</param>
/// <param name="Ecn">ECN is used.</param>
public readonly record struct CookieRemains(int Mss, bool Timestamps, bool WindowScale, bool Sack, bool Ecn);

/// <summary>What a listener holds at this moment.</summary>
public readonly record struct ListenerRow
{
    /// <summary>The id by which the ledger knows it.</summary>
    public ushort Id { get; init; }

    /// <summary>Its descriptor.</summary>
    public int Descriptor { get; init; }

    /// <summary>Where it listens.</summary>
    public InetEndpoint Local { get; init; }

    /// <summary>Connections waiting to be accepted.</summary>
    public int AcceptCount { get; init; }

    /// <summary>The backlog after somaxconn; the queue is full at one more.</summary>
    public long Backlog { get; init; }

    /// <summary>Requests in the SYN queue.</summary>
    public int SynCount { get; init; }

    /// <summary>Those of them whose SYN-ACK the timer has not sent again.</summary>
    public int YoungCount { get; init; }

    /// <summary>At how many requests the SYN queue is full.</summary>
    public long SynLimit { get; init; }

    /// <summary>The most connections that ever waited.</summary>
    public int MostAccept { get; init; }

    /// <summary>The most requests that the SYN queue ever held.</summary>
    public int MostSyn { get; init; }

    /// <summary>How long the accept queue was full, so that a SYN would have been refused.</summary>
    public TimeSpan FullTime { get; init; }

    /// <summary>Connections taken by accept(), by how long they waited: the first number is of those that waited less
    /// than a microsecond, number n of those that waited 2^(n-1) to 2^n microseconds.</summary>
    public IReadOnlyList<long> AcceptWaits { get; init; }
}
