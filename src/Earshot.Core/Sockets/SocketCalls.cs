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
    private const int SockDatagram = 2;
    private const int SockRaw = 3;
    private const int SockFlags = 0x800 | 0x80000;
    private const int ReadWrite = 2;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const int SockTypeMask = 0xf;
    private const int LargestSockType = 11;
    private const int ProtocolTcp = 6;
    private const int ProtocolUdp = 17;
    private const int LargestProtocol = 263;
    private const int LargestFamily = 46;
    private const int KeptSockets = 4096;

    // net.core.rmem_default and wmem_default.
    private const int DatagramBuffer = 212992;

    private readonly NetworkStack _stack;
    private readonly StackContext _context;
    private readonly TcpLayer _tcp;
    private readonly RouteTable _routes;
    private readonly IpOutput _output;
    private readonly PortTable _ports;
    private readonly PortChooser _chooser;
    private readonly UdpPortTable _udpPorts;
    private readonly Stack<Socket> _idle = new();
    private readonly (int Version, uint Uid, SharedOptions? Options)[] _freshOptions =
        new (int Version, uint Uid, SharedOptions? Options)[4];

    private long _lastInode;

    internal SocketCalls(
        NetworkStack stack, StackContext context, TcpLayer tcp, RouteTable routes, IpOutput output)
    {
        _stack = stack;
        _context = context;
        _tcp = tcp;
        _routes = routes;
        _output = output;
        _identifications = new IpIdentifications(context);
        Chance chance = context.Stream(ChanceStream.Ports);
        _ports = new PortTable(context, tcp, chance);
        _chooser = new PortChooser(context, tcp, _ports, chance);
        _udpPorts = new UdpPortTable(context, routes, _ports, chance);
        Descriptors = new DescriptorTable(context.Options.FirstDescriptor, context.Options.DescriptorLimit);
    }

    /// <summary>Who makes the calls from now on; at first the superuser.</summary>
    /// <remarks>A socket keeps the user who made it; capabilities are asked for at each call.</remarks>
    public SocketCredentials Credentials { get; set; } = SocketCredentials.Root;

    internal DescriptorTable Descriptors { get; }

    internal Queue<StackEvent> Events => _context.Events;

    /// <summary>Which UDP ports are open.</summary>
    internal UdpPortTable UdpPorts => _udpPorts;

    /// <summary>socket(): a new socket's descriptor, the lowest free number from 3 on.</summary>
    /// <param name="domain">AF_INET (2) or AF_INET6 (10).</param>
    /// <param name="type">SOCK_STREAM (1) or SOCK_DGRAM (2), with SOCK_NONBLOCK and SOCK_CLOEXEC tolerated.</param>
    /// <param name="protocol">0, or IPPROTO_TCP (6) or IPPROTO_UDP (17) as the type is.</param>
    /// <returns>The descriptor; -EINVAL, -EAFNOSUPPORT, -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -EPERM, -EMFILE.</returns>
    public int Socket(int domain, int type, int protocol)
    {
        if ((type & ~SockTypeMask & ~SockFlags) != 0)
        {
            return -Errno.EINVAL;
        }

        int flags = type & SockFlags;
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

        if (type is not (SockStream or SockDatagram or SockRaw))
        {
            return -Errno.ESOCKTNOSUPPORT;
        }

        if (type == SockRaw)
        {
            // A raw socket needs a protocol of its own and a right.
            return protocol != 0 && !Credentials.Has(SocketCapabilities.NetRaw)
                ? -Errno.EPERM : -Errno.EPROTONOSUPPORT;
        }

        if (protocol != 0 && protocol != (type == SockStream ? ProtocolTcp : ProtocolUdp))
        {
            return -Errno.EPROTONOSUPPORT;
        }

        int descriptor = Descriptors.Peek();
        if (descriptor >= 0)
        {
            Socket socket = NewSocket(descriptor, FreshOptions(domain, type), isDatagram: type == SockDatagram);
            socket.StatusFlags = ReadWrite | flags;
            Descriptors.Add(socket);
        }

        return descriptor;
    }

    /// <summary>bind(): gives a socket its local address and port; port 0 picks one.</summary>
    /// <returns>
    /// 0; -EBADF, -EAFNOSUPPORT (an IPv6 address for AF_INET), -EADDRNOTAVAIL, -EACCES (a privileged port), -EINVAL
    /// (bound already, not closed, or IPv4 for an IPv6-only socket), -EADDRINUSE, after which it is not bound.
    /// </returns>
    public int Bind(int fd, InetEndpoint local)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return Descriptors.Missing(fd);
        }

        return Bind(socket, local);
    }

    /// <summary>bind() as a program makes it.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="name">The sockaddr, as long as the program says.</param>
    /// <returns>As <see cref="Bind(int, InetEndpoint)"/>; -EINVAL of a name that is too short or too long.</returns>
    public int Bind(int fd, ReadOnlySpan<byte> name)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return Descriptors.Missing(fd);
        }

        ref readonly SocketOptions options = ref socket.Options;
        InetEndpoint local = default;
        int result = name.Length > SocketName.Longest
            ? -Errno.EINVAL : SocketName.Read(name, options.IsIPv6, out local);
        if (result == -Errno.EAFNOSUPPORT && !options.IsIPv6
            && SocketName.Family(name) == SocketName.Unspecified && SocketName.Read4(name).Address.IsAny)
        {
            // Programs of old left the family out.
            local = SocketName.Read4(name);
            result = 0;
        }

        int device = options.Device;
        result = result != 0 ? result : BindToScope(socket, name, local.Address);
        result = result != 0 ? result : Bind(socket, local);
        if (result != 0)
        {
            socket.ChangeOptions().Device = device;
        }

        return result;
    }

    private int Bind(Socket socket, InetEndpoint local)
    {
        int refusal = socket.Options.IsIPv6 ? CheckBindIPv6(socket, local) : CheckBind(socket, local);
        if (refusal != 0)
        {
            return refusal;
        }

        bool later = local.Port == 0 && OptionValues.Get(socket.Options.Others, OptionKey.BindAddressNoPort) != 0;
        bool becomesIPv6Only = local.Address.IsIPv6 && !local.Address.IsAny && !socket.Options.IPv6Only;
        if (becomesIPv6Only)
        {
            socket.ChangeOptions().IPv6Only = true;
        }

        int result = later ? 0
            : socket.IsDatagram ? _udpPorts.Bind(socket, local) : _ports.Bind(socket, local.Address, local.Port);
        if (result < 0)
        {
            if (becomesIPv6Only)
            {
                socket.ChangeOptions().IPv6Only = false;
            }

            socket.Local = new InetEndpoint(socket.AnyAddress, 0);
            return result;
        }

        socket.Local = local with { Port = socket.Port };
        socket.IsAddressBound = local.Address != socket.AnyAddress;
        socket.IsPortBound = local.Port != 0;
        return 0;
    }

    /// <summary>listen(): turns a socket into a listener, or changes a listener's backlog.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="backlog">Compared as unsigned with net.core.somaxconn and cut to it: -1 means somaxconn.</param>
    /// <returns>0; -EBADF, -EOPNOTSUPP (a datagram socket), -EINVAL (connected or connecting), -EADDRINUSE.</returns>
    public int Listen(int fd, int backlog)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return Descriptors.Missing(fd);
        }

        if (socket.IsDatagram)
        {
            return -Errno.EOPNOTSUPP;
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
        int bound = socket.Port != 0 ? _ports.ListenOnBound(socket) : _ports.Bind(socket, socket.Local.Address, 0);
        if (bound < 0)
        {
            return bound == -Errno.EADDRINUSE && socket.Port == 0 ? -_context.Profile.NoPortError : bound;
        }

        socket.Local = socket.Local with { Port = socket.Port };
        if (socket.PastListener is { } past)
        {
            past.ChangeOptions() = socket.Options;
            _tcp.ListenAgain(past, socket.Local, backlog);
            socket.BeListener(past);
        }
        else
        {
            socket.BeListener(_tcp.Listen(
                socket.Local, backlog, socket, socket.OptionsHeld, socket.ListenProfile));
        }

        if (socket is { Selector: not null, Group: { Count: 1 } group })
        {
            group.SetSelector(socket.Selector, socket.SelectorMigrates);
        }

        return 0;
    }

    /// <summary>accept4(): takes the oldest finished connection.</summary>
    /// <param name="fd">The descriptor of a listener.</param>
    /// <param name="peer">The other end.</param>
    /// <param name="flags">SOCK_NONBLOCK (0x800) and SOCK_CLOEXEC (0x80000), which fcntl() shows.</param>
    /// <returns>Its descriptor; -EINVAL (flags, or not a listener), -EBADF, -EMFILE (the connection stays queued),
    /// -EOPNOTSUPP (a datagram socket), -EAGAIN (none).</returns>
    public int Accept(int fd, out InetEndpoint peer, int flags = 0)
    {
        peer = default;
        if ((flags & ~SockFlags) != 0)
        {
            return -Errno.EINVAL;
        }

        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return Descriptors.Missing(fd);
        }

        // The descriptor is taken before the queue is looked at: an EMFILE loses no connection.
        int descriptor = Descriptors.Peek();
        if (descriptor < 0)
        {
            return descriptor;
        }

        if (socket.IsDatagram)
        {
            return -Errno.EOPNOTSUPP;
        }

        if (socket.Listener is not { } listener)
        {
            return -Errno.EINVAL;
        }

        if (!listener.TryAccept(out Connection connection))
        {
            return -Errno.EAGAIN;
        }

        Socket accepted = NewSocket(descriptor, null, connection);
        accepted.StatusFlags = ReadWrite | (flags & SockFlags);
        accepted.Phase = SocketPhase.Connected;
        accepted.Local = connection.Tuple.Local;
        Descriptors.Add(accepted);
        connection.Adopt(accepted);
        peer = connection.Tuple.Remote;
        return descriptor;
    }

    /// <summary>accept4() as a program makes it.</summary>
    /// <param name="fd">The descriptor of a listener.</param>
    /// <param name="name">Room for the peer's sockaddr.</param>
    /// <param name="length">Room that the program has; becomes the sockaddr's whole length.</param>
    /// <param name="flags">SOCK_NONBLOCK (0x800) and SOCK_CLOEXEC (0x80000), which fcntl() shows.</param>
    /// <returns>As <see cref="Accept(int, out InetEndpoint, int)"/>; with a negative length -EINVAL, and the connection
    /// that was taken is lost.</returns>
    public int Accept(int fd, Span<byte> name, ref int length, int flags = 0)
    {
        int descriptor = Accept(fd, out InetEndpoint peer, flags);
        if (descriptor < 0)
        {
            return descriptor;
        }

        int result = GiveName(descriptor, name, ref length, peer);
        if (result != 0)
        {
            Close(descriptor);
            return result;
        }

        return descriptor;
    }

    /// <summary>Linux: inet_bind.</summary>
    private int CheckBind(Socket socket, InetEndpoint local)
    {
        if (!local.Address.IsIPv4)
        {
            return -Errno.EAFNOSUPPORT;
        }

        if (!MayBindTo(socket, local.Address))
        {
            return -Errno.EADDRNOTAVAIL;
        }

        if (NeedsPrivilege(local.Port))
        {
            return -Errno.EACCES;
        }

        return IsActiveOrBound(socket) ? -Errno.EINVAL : 0;
    }

    /// <summary>Linux: inet6_bind. The same questions in another order.</summary>
    private int CheckBindIPv6(Socket socket, InetEndpoint local)
    {
        InetAddress address = local.Address;
        if (address.IsIPv6 && address.IsMulticast && !socket.IsDatagram)
        {
            return -Errno.EINVAL;
        }

        if (NeedsPrivilege(local.Port))
        {
            return -Errno.EACCES;
        }

        if (IsActiveOrBound(socket))
        {
            return -Errno.EINVAL;
        }

        if ((address.IsIPv4 && socket.Options.IPv6Only) || (address.IsLinkLocal && socket.Options.Device == 0))
        {
            return -Errno.EINVAL;
        }

        int device = socket.Options.Device;
        if (address.IsIPv6 && !address.IsAny && device != 0 && _routes.InterfaceName(device) is null)
        {
            return -Errno.ENODEV;
        }

        // An address of host or link scope is one of an interface: it must be the one that the socket is bound to.
        if (device != 0 && address.IsIPv6 && (address.IsLoopback || address.IsLinkLocal))
        {
            return _routes.IsLocalOn(address, device) || MayBindToForeign(socket, address) ? 0 : -Errno.EADDRNOTAVAIL;
        }

        return MayBindTo(socket, address) ? 0 : -Errno.EADDRNOTAVAIL;
    }

    private bool MayBindTo(Socket socket, InetAddress address) =>
        address.IsAny || _routes.Classify(address) != AddressKind.Foreign || MayBindToForeign(socket, address);

    private bool MayBindToForeign(Socket socket, InetAddress address)
    {
        ref readonly SocketOptions options = ref socket.Options;
        bool free = address.IsIPv4
            ? OptionValues.Get(options.Others, OptionKey.FreeBind) != 0 || _context.Sysctls.IpNonlocalBind != 0
            : OptionValues.Get(options.Others, OptionKey.FreeBind) != 0 || _context.Sysctls.IPv6NonlocalBind != 0;
        return free || OptionValues.Get(options.Others, OptionKey.Transparent) != 0;
    }

    private bool NeedsPrivilege(ushort port) => port != 0 && port < _context.Sysctls.IpUnprivilegedPortStart
        && !Credentials.Has(SocketCapabilities.BindService);

    private static bool IsActiveOrBound(Socket socket) =>
        socket.Listener is not null || socket.Connection is { State: not TcpState.Close } || socket.Port != 0;

    private Socket NewSocket(
        int descriptor, SharedOptions? options, Connection? connection = null, bool isDatagram = false)
    {
        if (!_idle.TryPop(out Socket? socket))
        {
            socket = new Socket(_context);
        }

        socket.Reset(descriptor, options, connection, isDatagram);
        socket.Inode = ++_lastInode;
        return socket;
    }

    // Sockets that nobody has asked anything of have their options in common.
    private SharedOptions FreshOptions(int domain, int type)
    {
        ref (int Version, uint Uid, SharedOptions? Options) fresh =
            ref _freshOptions[(domain == AfInet6 ? 1 : 0) + (type == SockStream ? 0 : 2)];
        if (fresh.Options is null || fresh.Version != _context.Sysctls.Version || fresh.Uid != Credentials.Uid)
        {
            fresh = (_context.Sysctls.Version, Credentials.Uid,
                new SharedOptions(OptionsAtFirst(domain, type), isShared: true));
        }

        return fresh.Options;
    }

    private SocketOptions OptionsAtFirst(int domain, int type) => new()
    {
        SendBuffer = type == SockStream ? _context.Sysctls.TcpWmem[1] : DatagramBuffer,
        ReceiveBuffer = type == SockStream ? _context.Sysctls.TcpRmem[1] : DatagramBuffer,
        Linger = -1,
        IsIPv6 = domain == AfInet6,
        IPv6Only = domain == AfInet6 && _context.Sysctls.IPv6BindOnly != 0,
        Uid = Credentials.Uid,
        IncomingCpu = -1,
        HopLimit = -1,
        MaximumRto = _context.Sysctls.TcpRtoMaxMs,
        Congestion = _context.CongestionControls.Default,
        PathMtuDiscovery = (byte)(_context.Sysctls.IpNoPmtuDisc == 0 ? 1 : 0),
    };
}
