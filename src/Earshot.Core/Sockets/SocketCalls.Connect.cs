using Earshot.Core.Ip;
using Earshot.Core.Tcp;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <content>connect() in its two forms, and the names of both ends.</content>
public sealed partial class SocketCalls
{
    /// <summary>connect(): starts a handshake, then tells how it went.</summary>
    /// <returns>First -EINPROGRESS, then -EALREADY, then once 0 or the error, then -EISCONN; see Linux's connect for
    /// the others.</returns>
    public int Connect(int fd, InetEndpoint remote)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return -Errno.EBADF;
        }

        if (socket.IsDatagram)
        {
            // Differs from Linux: a datagram socket can only be bound (docs/deviations.md, D20).
            return -Errno.EOPNOTSUPP;
        }

        switch (socket.Phase)
        {
            case SocketPhase.Connected:
                return -Errno.EISCONN;
            case SocketPhase.Connecting:
                return ConnectOutcome(socket);
        }

        if (socket.Listener is not null)
        {
            return -Errno.EISCONN;
        }

        DropRole(socket);
        int result = StartConnect(socket, remote);
        if (result == 0)
        {
            socket.Phase = SocketPhase.Connecting;
            _stack.Drain(socket.Connection);
            return -Errno.EINPROGRESS;
        }

        return result;
    }

    /// <summary>connect(AF_UNSPEC): resets the connection, or stops listening; the socket can be used again.</summary>
    /// <returns>0; -EBADF.</returns>
    public int Disconnect(int fd)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return -Errno.EBADF;
        }

        if (socket.Listener is not null)
        {
            StopListening(socket);
        }
        else if (socket.Connection is { } connection)
        {
            TcpState state = connection.State;
            socket.Local = connection.Tuple.Local;
            DropRole(socket);
            GiveUpBinding(socket);
            socket.Error = state is TcpState.Close or TcpState.LastAck or TcpState.Closing ? 0 : Errno.ECONNRESET;
        }
        else
        {
            socket.Disconnects++;
        }

        Forget(ref socket.Options);
        socket.Phase = SocketPhase.Unconnected;
        _stack.Drain(null);
        return 0;
    }

    /// <summary>getsockname().</summary>
    /// <returns>0; -EBADF.</returns>
    public int GetSocketName(int fd, out InetEndpoint local)
    {
        bool found = Descriptors.TryGet(fd, out Socket socket);
        local = !found ? default : socket.Connection is { } connection ? connection.Tuple.Local : socket.Local;
        return found ? 0 : -Errno.EBADF;
    }

    /// <summary>getpeername().</summary>
    /// <returns>0; -EBADF, -ENOTCONN.</returns>
    public int GetPeerName(int fd, out InetEndpoint remote)
    {
        remote = default;
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return -Errno.EBADF;
        }

        if (socket.Connection is not { State: not (TcpState.Close or TcpState.SynSent) } connection)
        {
            return -Errno.ENOTCONN;
        }

        remote = connection.Tuple.Remote;
        return 0;
    }

    private int StartConnect(Socket socket, InetEndpoint remote)
    {
        int refusal = CheckDestination(socket, ref remote);
        if (refusal != 0)
        {
            return refusal;
        }

        AddressKind kind = _routes.Classify(remote.Address);
        if (kind is AddressKind.Broadcast or AddressKind.Multicast)
        {
            return -Errno.ENETUNREACH;
        }

        if (!_routes.TryRoute(remote.Address, out Route route))
        {
            _context.Mib.Count(remote.Address.IsIPv4 ? Counter.IpOutNoRoutes : Counter.Ip6OutNoRoutes);
            return -Errno.ENETUNREACH;
        }

        InetAddress local = socket.Local.Address.IsAny ? route.Source : socket.Local.Address;
        if (local.IsLoopback && !route.IsLocal)
        {
            return -Errno.EINVAL;
        }

        bool bound = socket.Port != 0;
        FourTuple tuple;
        (SeqNumber Isn, uint TsRecent)? reused;
        if (bound)
        {
            tuple = new FourTuple(new InetEndpoint(local, socket.Port), remote);
            if (!_chooser.IsTupleFree(tuple, portWasBound: true, out reused))
            {
                return -Errno.EADDRNOTAVAIL;
            }
        }
        else
        {
            int chosen = _chooser.Choose(socket.Options, local, remote, out tuple, out reused);
            if (chosen < 0)
            {
                return chosen;
            }
        }

        Connection connection = _tcp.NewConnection();
        SocketOptions options = socket.Options;
        socket.Connection = connection;
        socket.Error = 0;

        // A bound port outlives its socket: what is left of the connection keeps it, as a listener's child does.
        connection.Connect(tuple, route, options, socket, isChosen: !bound, reused);
        return 0;
    }

    /// <summary>What the families have to say of a destination. Linux: tcp_v4_connect, tcp_v6_connect.</summary>
    private static int CheckDestination(Socket socket, ref InetEndpoint remote)
    {
        SocketOptions options = socket.Options;
        InetAddress bound = socket.Local.Address;
        if (!options.IsIPv6 && remote.Address.IsIPv6)
        {
            return -Errno.EAFNOSUPPORT;
        }

        if (remote.Address.IsAny)
        {
            // The wildcard means this host.
            InetAddress host = !bound.IsAny ? bound
                : remote.Address.IsIPv4 || bound.IsIPv4 ? InetAddress.Loopback : InetAddress.IPv6Loopback;
            remote = remote with { Address = host };
        }

        if (options.IPv6Only && remote.Address.IsIPv4)
        {
            return -Errno.ENETUNREACH;
        }

        bool mixed = !bound.IsAny && bound.IsIPv4 != remote.Address.IsIPv4;
        return mixed || (remote.Address.IsLinkLocal && options.Device == 0) ? -Errno.EINVAL : 0;
    }

    private int ConnectOutcome(Socket socket)
    {
        Connection connection = socket.Connection!;
        switch (connection.State)
        {
            case TcpState.SynSent or TcpState.SynRecv:
                return -Errno.EALREADY;
            case TcpState.Close:
                // Where there is no error, another call has taken it. Linux: __inet_stream_connect, which disconnects.
                bool taken = connection.Error == 0 && connection.IsReadShut;
                int error = taken ? Errno.ECONNABORTED : connection.TakeError();
                socket.Phase = SocketPhase.Unconnected;
                socket.Local = connection.Tuple.Local;
                DropRole(socket);
                GiveUpBinding(socket);
                return -error;
            default:
                socket.Phase = SocketPhase.Connected;
                return 0;
        }
    }

    /// <summary>Ends a socket's connection so that it can have another role.</summary>
    private void DropRole(Socket socket)
    {
        if (socket.Connection is not { } connection)
        {
            return;
        }

        socket.KeepOptions(connection.Options);
        socket.Connection = null;
        connection.Disconnect();
        _tcp.FinishDeferred();
        socket.OnReadiness(PollMask.Hup);
    }
}
