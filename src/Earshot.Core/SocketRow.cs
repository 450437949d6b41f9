using System;
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

    /// <summary>The descriptor; -1 for requests, connections not accepted, orphans and TIME_WAIT.</summary>
    public int Descriptor { get; init; }
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
}
