using System;
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
            return Descriptors.Missing(fd);
        }

        Span<byte> name = stackalloc byte[SocketName.Length6];
        int length = SocketName.Write(name, remote, socket.Options.IsIPv6 || remote.Address.IsIPv6);
        return Connect(socket, name[..length]);
    }

    /// <summary>connect() as a program makes it; a name of AF_UNSPEC disconnects.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="name">The sockaddr, as long as the program says.</param>
    /// <returns>As <see cref="Connect(int, InetEndpoint)"/>; -EINVAL and -EAFNOSUPPORT of a name that is too short, too
    /// long or of another family.</returns>
    public int Connect(int fd, ReadOnlySpan<byte> name)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return Descriptors.Missing(fd);
        }

        if (name.Length > SocketName.Longest || SocketName.Family(name) < 0)
        {
            return -Errno.EINVAL;
        }

        return SocketName.Family(name) == SocketName.Unspecified ? Disconnect(fd) : Connect(socket, name);
    }

    private int Connect(Socket socket, ReadOnlySpan<byte> name)
    {
        if (socket.IsDatagram)
        {
            return ConnectDatagram(socket, name);
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

        int result = SocketName.Read(name, socket.Options.IsIPv6, out InetEndpoint remote);
        if (result != 0)
        {
            return result;
        }

        result = BindToScope(socket, name, remote.Address);
        if (result != 0)
        {
            return result;
        }

        DropRole(socket);
        result = StartConnect(socket, remote, fastOpen: false, default, out _);
        if (result == 0)
        {
            socket.Phase = SocketPhase.Connecting;
            _stack.Drain(socket.Connection);
            return socket.Connection is { IsDeferred: true } ? 0 : -Errno.EINPROGRESS;
        }

        return result;
    }

    /// <summary>MSG_FASTOPEN: connects, with data in the SYN if a cookie is there. Linux:
    /// tcp_sendmsg_fastopen.</summary>
    private int SendFastOpen(Socket socket, in OutgoingMessage message)
    {
        const int ClientBit = 1;
        if ((_context.Sysctls.TcpFastopen & ClientBit) == 0
            || (message.HasName && SocketName.Family(message.Name) == SocketName.Unspecified))
        {
            return -Errno.EOPNOTSUPP;
        }

        if (socket.Phase != SocketPhase.Unconnected || socket.Listener is not null)
        {
            return socket.Phase == SocketPhase.Connecting
                && socket.Connection is { State: TcpState.SynSent or TcpState.SynRecv }
                ? -Errno.EALREADY : -Errno.EISCONN;
        }

        if (!message.HasName || message.Name.Length > SocketName.Longest || SocketName.Family(message.Name) < 0)
        {
            return -Errno.EINVAL;
        }

        int result = SocketName.Read(message.Name, socket.Options.IsIPv6, out InetEndpoint remote);
        if (result != 0)
        {
            return result;
        }

        DropRole(socket);
        result = StartConnect(socket, remote, fastOpen: true, message.Data, out int taken);
        if (result != 0)
        {
            return result;
        }

        socket.Phase = SocketPhase.Connecting;
        _stack.Drain(socket.Connection);
        return taken > 0 ? taken : -Errno.EINPROGRESS;
    }

    /// <summary>A link-local address belongs to an interface, which the socket is bound to by it. Linux:
    /// tcp_v6_connect.</summary>
    private static int BindToScope(Socket socket, ReadOnlySpan<byte> name, in InetAddress address)
    {
        ref readonly SocketOptions options = ref socket.Options;
        int scope = options.IsIPv6 && address.IsLinkLocal ? SocketName.Scope(name) : 0;
        if (scope == 0 || scope == options.Device)
        {
            return 0;
        }

        if (options.Device != 0)
        {
            return -Errno.EINVAL;
        }

        socket.ChangeOptions().Device = scope;
        return 0;
    }

    /// <summary>connect(AF_UNSPEC): resets the connection, or stops listening; the socket can be used again.</summary>
    /// <returns>0; -EBADF.</returns>
    public int Disconnect(int fd)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return Descriptors.Missing(fd);
        }

        if (socket.IsDatagram)
        {
            DisconnectDatagram(socket);
            return 0;
        }

        if (socket.Listener is not null)
        {
            StopListening(socket);
        }
        else if (socket.Connection is { } connection)
        {
            // What is reset now is told; what had ended before goes on to tell why.
            bool hadEnded = connection.State == TcpState.Close
                || (connection.State is TcpState.LastAck or TcpState.Closing && !connection.NeedsReset);
            int error = hadEnded ? connection.Error : Errno.ECONNRESET;
            socket.Local = connection.Tuple.Local;
            DropRole(socket);
            GiveUpBinding(socket);
            socket.Error = error;
        }
        else
        {
            socket.Disconnects++;
        }

        Forget(ref socket.ChangeOptions());
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
        return found ? 0 : Descriptors.Missing(fd);
    }

    /// <summary>getsockname() as a program makes it.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="name">Room for the sockaddr.</param>
    /// <param name="length">Room that the program has; becomes the sockaddr's whole length.</param>
    /// <returns>0; -EBADF, -EINVAL (a negative length).</returns>
    public int GetSocketName(int fd, Span<byte> name, ref int length)
    {
        int result = GetSocketName(fd, out InetEndpoint local);
        return result != 0 ? result : GiveName(fd, name, ref length, local);
    }

    /// <summary>getpeername().</summary>
    /// <returns>0; -EBADF, -ENOTCONN.</returns>
    public int GetPeerName(int fd, out InetEndpoint remote)
    {
        remote = default;
        return Descriptors.TryGet(fd, out Socket socket) ? PeerOf(socket, out remote) : Descriptors.Missing(fd);
    }

    private static int PeerOf(Socket socket, out InetEndpoint remote)
    {
        bool has = socket.Udp is { } udp
            ? udp.IsConnected : socket.Connection is { State: not (TcpState.Close or TcpState.SynSent) };
        remote = !has ? default : socket.Udp?.Remote ?? socket.Connection!.Tuple.Remote;
        return has ? 0 : -Errno.ENOTCONN;
    }

    private static bool IsPeered(Socket socket) =>
        socket.Udp is { IsConnected: true } || socket.Connection is { State: TcpState.Established };

    /// <summary>getpeername() as a program makes it.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="name">Room for the sockaddr.</param>
    /// <param name="length">Room that the program has; becomes the sockaddr's whole length.</param>
    /// <returns>0; -EBADF, -ENOTCONN, -EINVAL (a negative length).</returns>
    public int GetPeerName(int fd, Span<byte> name, ref int length)
    {
        int result = GetPeerName(fd, out InetEndpoint remote);
        return result != 0 ? result : GiveName(fd, name, ref length, remote);
    }

    private int GiveName(int fd, Span<byte> name, ref int length, InetEndpoint endpoint)
    {
        if (length < 0)
        {
            return -Errno.EINVAL;
        }

        Descriptors.TryGet(fd, out Socket socket);
        SocketName.Give(name, ref length, endpoint, socket.Options.IsIPv6, socket.Options.Device);
        return 0;
    }

    private int StartConnect(
        Socket socket, InetEndpoint remote, bool fastOpen, ReadOnlySpan<byte> data, out int taken)
    {
        taken = 0;
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

        if (local.IsAny && !local.IsIPv4)
        {
            // Every address is still looked at. Linux: ipv6_dev_get_saddr.
            return -Errno.EADDRNOTAVAIL;
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
        SharedOptions options = socket.BeConnection(connection);
        socket.Error = 0;

        // A bound port outlives its socket: what is left of the connection keeps it, as a listener's child does.
        taken = connection.Connect(tuple, route, options, socket, isChosen: !bound, reused, fastOpen, data);
        if (socket.Kept(OptionKey.LevelTcp, 12) != 0)
        {
            connection.SetQuickAck(0);
        }

        return 0;
    }

    /// <summary>What the families have to say of a destination. Linux: tcp_v4_connect, tcp_v6_connect.</summary>
    private static int CheckDestination(Socket socket, ref InetEndpoint remote)
    {
        ref readonly SocketOptions options = ref socket.Options;
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
                return connection.IsDeferred ? -Errno.EISCONN : -Errno.EALREADY;
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

        socket.BeNoConnection();
        connection.Disconnect();
        _tcp.FinishDeferred();
        socket.OnReadiness(PollMask.Hup);
    }
}
