using System;
using System.Collections.Generic;
using Earshot.Core.Ip;
using Earshot.Core.Tcp;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <summary>The socket calls: none ever blocks; each returns a number of 0 or more, or a negated errno.</summary>
/// <remarks>
/// The checks are made in Linux's order. What would wait returns -EAGAIN (connect: -EINPROGRESS); wait with
/// <see cref="Wait"/> and call again when its event comes.
/// </remarks>
public sealed partial class SocketCalls
{
    private const int AfInet = 2;
    private const int AfInet6 = 10;
    private const int SockStream = 1;
    private const int SockFlags = 0x800 | 0x80000;
    private const int SockTypeMask = 0xf;
    private const int LargestSockType = 11;
    private const int ProtocolTcp = 6;
    private const int LargestProtocol = 263;
    private const int LargestFamily = 46;
    private const int KeptSockets = 4096;

    private readonly NetworkStack _stack;
    private readonly StackContext _context;
    private readonly TcpLayer _tcp;
    private readonly RouteTable _routes;
    private readonly PortTable _ports;
    private readonly Stack<Socket> _idle = new();
    private long _lastInode;

    internal SocketCalls(NetworkStack stack, StackContext context, TcpLayer tcp, RouteTable routes)
    {
        _stack = stack;
        _context = context;
        _tcp = tcp;
        _routes = routes;
        _ports = new PortTable(context, tcp);
        Descriptors = new DescriptorTable(context.Options.DescriptorLimit);
    }

    internal DescriptorTable Descriptors { get; }

    internal Queue<StackEvent> Events { get; } = new();

    /// <summary>socket(): a new socket's descriptor, the lowest free number from 3 on.</summary>
    /// <param name="domain">AF_INET (2) or AF_INET6 (10).</param>
    /// <param name="type">SOCK_STREAM (1), with SOCK_NONBLOCK and SOCK_CLOEXEC tolerated.</param>
    /// <param name="protocol">0 or IPPROTO_TCP (6).</param>
    /// <returns>The descriptor; -EINVAL, -EAFNOSUPPORT, -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -EMFILE.</returns>
    public int Socket(int domain, int type, int protocol)
    {
        if ((type & ~SockTypeMask & ~SockFlags) != 0)
        {
            return -Errno.EINVAL;
        }

        type &= SockTypeMask;
        if (domain is < 0 or >= LargestFamily)
        {
            return -Errno.EAFNOSUPPORT;
        }

        if (type >= LargestSockType)
        {
            return -Errno.EINVAL;
        }

        if (domain is not (AfInet or AfInet6))
        {
            return -Errno.EAFNOSUPPORT;
        }

        if (protocol is < 0 or >= LargestProtocol)
        {
            return -Errno.EINVAL;
        }

        if (type != SockStream)
        {
            return -Errno.ESOCKTNOSUPPORT;
        }

        if (protocol is not (0 or ProtocolTcp))
        {
            return -Errno.EPROTONOSUPPORT;
        }

        int descriptor = Descriptors.Peek();
        if (descriptor >= 0)
        {
            Descriptors.Add(NewSocket(descriptor, FreshOptions()));
        }

        return descriptor;
    }

    /// <summary>bind(): gives a socket its local address and port; port 0 picks one.</summary>
    /// <returns>0; -EBADF, -EADDRNOTAVAIL, -EINVAL (bound already, or not closed), -EADDRINUSE.</returns>
    public int Bind(int fd, InetEndpoint local)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return -Errno.EBADF;
        }

        if (!local.Address.IsAny && _routes.Classify(local.Address) == AddressKind.Foreign)
        {
            return -Errno.EADDRNOTAVAIL;
        }

        if (socket.Listener is not null || socket.Connection is not null || socket.Local.Port != 0)
        {
            return -Errno.EINVAL;
        }

        int result = _ports.Bind(socket, local);
        socket.IsBound = result == 0;
        return result;
    }

    /// <summary>listen(): turns a socket into a listener, or changes a listener's backlog.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="backlog">Compared as unsigned with net.core.somaxconn and cut to it: -1 means somaxconn.</param>
    /// <returns>0; -EBADF, -EINVAL (connected or connecting), -EADDRINUSE.</returns>
    public int Listen(int fd, int backlog)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return -Errno.EBADF;
        }

        if (socket.Phase != SocketPhase.Unconnected || socket.Connection is { State: not TcpState.Close })
        {
            return -Errno.EINVAL;
        }

        if (socket.Listener is { } listener)
        {
            listener.SetBacklog(backlog);
            return 0;
        }

        DropRole(socket);
        if (socket.Local.Port == 0)
        {
            int bound = _ports.Bind(socket, socket.Local);
            if (bound < 0)
            {
                return bound;
            }
        }
        else if (_ports.ConflictsAtListen(socket))
        {
            return -Errno.EADDRINUSE;
        }

        socket.Listener = _tcp.Listen(socket.Local, backlog, socket);
        return 0;
    }

    /// <summary>accept(): takes the oldest finished connection.</summary>
    /// <returns>Its descriptor; -EBADF, -EMFILE (the connection stays queued), -EINVAL (not a listener), -EAGAIN
    /// (none).</returns>
    public int Accept(int fd, out InetEndpoint peer)
    {
        peer = default;
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return -Errno.EBADF;
        }

        // The descriptor is taken before the queue is looked at: an EMFILE loses no connection.
        int descriptor = Descriptors.Peek();
        if (descriptor < 0)
        {
            return descriptor;
        }

        if (socket.Listener is not { } listener)
        {
            return -Errno.EINVAL;
        }

        if (!listener.TryAccept(out Connection connection))
        {
            return -Errno.EAGAIN;
        }

        Socket accepted = NewSocket(descriptor, connection.Options);
        accepted.Connection = connection;
        accepted.Phase = SocketPhase.Connected;
        accepted.Local = connection.Tuple.Local;
        Descriptors.Add(accepted);
        connection.Adopt(accepted);
        peer = connection.Tuple.Remote;
        return descriptor;
    }

    /// <summary>send(): queues bytes.</summary>
    /// <returns>The bytes taken; -EBADF, -EAGAIN, -EPIPE, or the pending error.</returns>
    public int Send(int fd, ReadOnlySpan<byte> bytes)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return -Errno.EBADF;
        }

        if (socket.Connection is not { } connection)
        {
            return socket.Error != 0 ? -TakeError(socket) : -Errno.EPIPE;
        }

        int result = connection.Write(bytes);
        _stack.Drain(connection);
        return result;
    }

    /// <summary>recv(): reads bytes.</summary>
    /// <returns>The bytes read, 0 at the end of the stream; -EBADF, -EAGAIN, -ENOTCONN, or the pending error.</returns>
    public int Receive(int fd, Span<byte> bytes)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return -Errno.EBADF;
        }

        if (socket.Connection is not { } connection)
        {
            return socket.Error != 0 ? -TakeError(socket) : -Errno.ENOTCONN;
        }

        int result = connection.Read(bytes);
        _stack.Drain(connection);
        return result;
    }

    /// <summary>shutdown().</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="how">0 SHUT_RD, 1 SHUT_WR, 2 SHUT_RDWR.</param>
    /// <returns>0; -EBADF, -EINVAL, -ENOTCONN.</returns>
    public int Shutdown(int fd, int how)
    {
        const int Write = 1;
        const int Both = 2;
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return -Errno.EBADF;
        }

        if (how is < 0 or > Both)
        {
            return -Errno.EINVAL;
        }

        if (socket.Listener is not null)
        {
            // SHUT_WR means nothing to a listener; SHUT_RD ends it.
            if (how != Write)
            {
                StopListening(socket);
                _stack.Drain(null);
            }

            return 0;
        }

        if (socket.Connection is not { } connection)
        {
            return -Errno.ENOTCONN;
        }

        bool wasConnecting = connection.State == TcpState.SynSent;
        int result = connection.Shutdown(how != Write, how != 0);
        if (wasConnecting)
        {
            socket.Phase = SocketPhase.Unconnected;
        }

        _stack.Drain(connection);
        return result;
    }

    /// <summary>close(): frees the descriptor; what is unsent goes on as an orphan.</summary>
    /// <returns>0; -EBADF.</returns>
    public int Close(int fd)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return -Errno.EBADF;
        }

        Descriptors.Remove(fd);
        bool listened = socket.Listener is not null;
        if (socket.Listener is { } listener)
        {
            socket.Listener = null;
            listener.Stop();
        }

        Connection? connection = socket.Connection;
        socket.Connection = null;
        connection?.Close();
        if (socket.Local.Port != 0)
        {
            _ports.Release(socket);
        }

        socket.WakeAll();
        if (!listened && _idle.Count < KeptSockets)
        {
            // A listener's requests may outlive it and still know its socket; all others are used again.
            _idle.Push(socket);
        }

        _tcp.FinishDeferred();
        _stack.Drain(null);
        return 0;
    }

    /// <summary>setsockopt() of an option whose value is a number (SO_LINGER: seconds, -1 for off).</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="option">Which option.</param>
    /// <param name="value">The value.</param>
    /// <returns>0; -EBADF, -EINVAL, -ENOPROTOOPT (read-only).</returns>
    public int SetOption(int fd, SocketOption option, int value)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return -Errno.EBADF;
        }

        int result = SocketOptionTable.Set(_context.Sysctls, ref socket.Options, option, value);
        if (result == 0 && option == SocketOption.KeepAlive)
        {
            socket.Connection?.SetKeepalive();
        }

        return result;
    }

    /// <summary>getsockopt() of an option whose value is a number.</summary>
    /// <returns>0; -EBADF.</returns>
    public int GetOption(int fd, SocketOption option, out int value)
    {
        value = 0;
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return -Errno.EBADF;
        }

        value = option switch
        {
            SocketOption.Error => TakeError(socket),
            SocketOption.AcceptConnections => socket.Listener is null ? 0 : 1,
            _ => SocketOptionTable.Get(_context.Sysctls, socket.Options, option),
        };
        return 0;
    }

    /// <summary>poll(): what a socket is ready for now.</summary>
    /// <returns>The mask; -EBADF.</returns>
    public int Poll(int fd) => Descriptors.TryGet(fd, out Socket socket) ? (int)socket.Poll() : -Errno.EBADF;

    /// <summary>Queues a waiter: one event comes when the socket becomes ready for any of the interest.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="interest">What is waited for; errors and hang-ups are always included.</param>
    /// <param name="waiter">A token that the event carries.</param>
    /// <param name="exclusive">Whether one wake-up is for one such waiter only, first come first served, as accept()
    /// waits.</param>
    /// <returns>0; -EBADF. When the socket is ready already, the event is there at once.</returns>
    public int Wait(int fd, PollMask interest, long waiter, bool exclusive = false)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return -Errno.EBADF;
        }

        socket.Wait(interest, waiter, exclusive);
        return 0;
    }

    /// <summary>Removes a waiter whose event has not come.</summary>
    /// <returns>Whether it was still waiting; an event that is queued already stays.</returns>
    public bool CancelWait(int fd, long waiter) =>
        Descriptors.TryGet(fd, out Socket socket) && socket.CancelWait(waiter);

    private Socket NewSocket(int descriptor, in SocketOptions options)
    {
        if (!_idle.TryPop(out Socket? socket))
        {
            socket = new Socket(Events);
        }

        socket.Reset(descriptor, options);
        socket.Inode = ++_lastInode;
        return socket;
    }

    private SocketOptions FreshOptions() => new()
    {
        SendBuffer = _context.Sysctls.TcpWmem[1],
        ReceiveBuffer = _context.Sysctls.TcpRmem[1],
        Linger = -1,
    };

    private void StopListening(Socket socket)
    {
        socket.Listener!.Stop();
        socket.Listener = null;
        if (!socket.IsBound)
        {
            _ports.Release(socket);
            socket.Local = default;
        }

        socket.OnReadiness(PollMask.Hup);
    }

    private static int TakeError(Socket socket)
    {
        int error = socket.Error;
        socket.Error = 0;
        if (error == 0 && socket.Connection is { } connection)
        {
            error = connection.TakeError();
            if (error == 0)
            {
                error = connection.SoftError;
                connection.SoftError = 0;
            }
        }

        return error;
    }
}
