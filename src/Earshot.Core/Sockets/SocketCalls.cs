using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <summary>The socket calls: none ever blocks; each returns a number of 0 or more, or a negated errno.</summary>
/// <remarks>
/// The checks are made in Linux's order. What would wait returns -EAGAIN (connect: -EINPROGRESS); wait with
/// <see cref="Wait"/> and call again when its event comes.
/// </remarks>
public sealed class SocketCalls
{
    internal SocketCalls(NetworkStack stack) => _ = stack;

    /// <summary>socket(): a new socket's descriptor, the lowest free number from 3 on.</summary>
    /// <param name="domain">AF_INET (2).</param>
    /// <param name="type">SOCK_STREAM (1), with SOCK_NONBLOCK and SOCK_CLOEXEC tolerated.</param>
    /// <param name="protocol">0 or IPPROTO_TCP (6).</param>
    /// <returns>The descriptor; -EINVAL, -EAFNOSUPPORT, -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -EMFILE.</returns>
    public int Socket(int domain, int type, int protocol) => throw new InvalidOperationException("skeleton");

    /// <summary>bind(): gives a socket its local address and port; port 0 picks one.</summary>
    /// <returns>0; -EBADF, -EADDRNOTAVAIL, -EINVAL (bound already, or not closed), -EADDRINUSE.</returns>
    public int Bind(int fd, InetEndpoint local) => throw new InvalidOperationException("skeleton");

    /// <summary>listen(): turns a socket into a listener, or changes a listener's backlog.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="backlog">Compared as unsigned with net.core.somaxconn and cut to it: -1 means somaxconn.</param>
    /// <returns>0; -EBADF, -EINVAL (connected or connecting), -EADDRINUSE.</returns>
    public int Listen(int fd, int backlog) => throw new InvalidOperationException("skeleton");

    /// <summary>accept(): takes the oldest finished connection.</summary>
    /// <returns>Its descriptor; -EBADF, -EMFILE (the connection stays queued), -EINVAL (not a listener), -EAGAIN (none).</returns>
    public int Accept(int fd, out InetEndpoint peer) => throw new InvalidOperationException("skeleton");

    /// <summary>connect(): starts a handshake, then tells how it went.</summary>
    /// <returns>First -EINPROGRESS, then -EALREADY, then once 0 or the error, then -EISCONN; see Linux's connect for the others.</returns>
    public int Connect(int fd, InetEndpoint remote) => throw new InvalidOperationException("skeleton");

    /// <summary>connect(AF_UNSPEC): resets the connection, or stops listening; the socket can be used again.</summary>
    /// <returns>0; -EBADF.</returns>
    public int Disconnect(int fd) => throw new InvalidOperationException("skeleton");

    /// <summary>send(): queues bytes.</summary>
    /// <returns>The bytes taken; -EBADF, -EAGAIN, -EPIPE, or the pending error.</returns>
    public int Send(int fd, ReadOnlySpan<byte> bytes) => throw new InvalidOperationException("skeleton");

    /// <summary>recv(): reads bytes.</summary>
    /// <returns>The bytes read, 0 at the end of the stream; -EBADF, -EAGAIN, -ENOTCONN, or the pending error.</returns>
    public int Receive(int fd, Span<byte> bytes) => throw new InvalidOperationException("skeleton");

    /// <summary>shutdown().</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="how">0 SHUT_RD, 1 SHUT_WR, 2 SHUT_RDWR.</param>
    /// <returns>0; -EBADF, -EINVAL, -ENOTCONN.</returns>
    public int Shutdown(int fd, int how) => throw new InvalidOperationException("skeleton");

    /// <summary>close(): frees the descriptor; what is unsent goes on as an orphan.</summary>
    /// <returns>0; -EBADF.</returns>
    public int Close(int fd) => throw new InvalidOperationException("skeleton");

    /// <summary>getsockname().</summary>
    /// <returns>0; -EBADF.</returns>
    public int GetSocketName(int fd, out InetEndpoint local) => throw new InvalidOperationException("skeleton");

    /// <summary>getpeername().</summary>
    /// <returns>0; -EBADF, -ENOTCONN.</returns>
    public int GetPeerName(int fd, out InetEndpoint remote) => throw new InvalidOperationException("skeleton");

    /// <summary>setsockopt() of an option whose value is a number (SO_LINGER: seconds, -1 for off).</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="option">Which option.</param>
    /// <param name="value">The value.</param>
    /// <returns>0; -EBADF, -EINVAL, -ENOPROTOOPT (read-only).</returns>
    public int SetOption(int fd, SocketOption option, int value) => throw new InvalidOperationException("skeleton");

    /// <summary>getsockopt() of an option whose value is a number.</summary>
    /// <returns>0; -EBADF.</returns>
    public int GetOption(int fd, SocketOption option, out int value) => throw new InvalidOperationException("skeleton");

    /// <summary>poll(): what a socket is ready for now.</summary>
    /// <returns>The mask; -EBADF.</returns>
    public int Poll(int fd) => throw new InvalidOperationException("skeleton");

    /// <summary>Queues a waiter: one event comes when the socket becomes ready for any of the interest.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="interest">What is waited for; errors and hang-ups are always included.</param>
    /// <param name="waiter">A token that the event carries.</param>
    /// <param name="exclusive">Whether one wake-up is for one such waiter only, first come first served, as accept() waits.</param>
    /// <returns>0; -EBADF. When the socket is ready already, the event is there at once.</returns>
    public int Wait(int fd, PollMask interest, long waiter, bool exclusive = false) =>
        throw new InvalidOperationException("skeleton");

    /// <summary>Removes a waiter whose event has not come.</summary>
    /// <returns>Whether it was still waiting; an event that is queued already stays.</returns>
    public bool CancelWait(int fd, long waiter) => throw new InvalidOperationException("skeleton");
}

/// <summary>The socket options whose value is a number; level and number are Linux's.</summary>
public enum SocketOption
{
    /// <summary>SO_REUSEADDR: 0 or 1.</summary>
    ReuseAddress,

    /// <summary>SO_ERROR: the pending error as a positive errno; reading clears it. Read-only.</summary>
    Error,

    /// <summary>SO_SNDBUF: bytes; stored doubled.</summary>
    SendBuffer,

    /// <summary>SO_RCVBUF: bytes; stored doubled.</summary>
    ReceiveBuffer,

    /// <summary>SO_LINGER: seconds, 0 to reset at close, -1 for off.</summary>
    Linger,

    /// <summary>SO_KEEPALIVE: 0 or 1.</summary>
    KeepAlive,

    /// <summary>SO_ACCEPTCONN: 1 of a listener. Read-only.</summary>
    AcceptConnections,

    /// <summary>TCP_NODELAY: 0 or 1.</summary>
    NoDelay,

    /// <summary>TCP_MAXSEG: 0, or 88 to 32767 bytes.</summary>
    MaximumSegment,

    /// <summary>TCP_SYNCNT: 1 to 127 retransmissions of a SYN, and of a listener's SYN-ACKs.</summary>
    SynCount,

    /// <summary>TCP_LINGER2: seconds in FIN_WAIT2; -1 not to keep it.</summary>
    Linger2,

    /// <summary>TCP_USER_TIMEOUT: milliseconds, 0 for off.</summary>
    UserTimeout,

    /// <summary>IP_TOS: 0 to 255.</summary>
    TypeOfService,

    /// <summary>IP_TTL: 1 to 255, -1 for the default.</summary>
    TimeToLive,
}
