using System;
using System.Buffers.Binary;
using Earshot.Core.Ip;
using Earshot.Core.Tcp;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <content>Datagram sockets: connect(), and what a datagram is to be sent like. Linux: udp_sendmsg,
/// udpv6_sendmsg.</content>
public sealed partial class SocketCalls
{
    private const int LongestDatagram = UdpRole.Longest;
    private const int MostIpOptions = 40;

    /// <summary>connect() of a datagram socket: names the peer; nothing is sent. Linux: __ip4_datagram_connect,
    /// __ip6_datagram_connect.</summary>
    private int ConnectDatagram(Socket socket, ReadOnlySpan<byte> name)
    {
        int result = BindIfUnbound(socket);
        if (result != 0)
        {
            return result;
        }

        // An AF_INET6 socket takes names of both families.
        ref readonly SocketOptions options = ref socket.Options;
        bool mapped = options.IsIPv6 && SocketName.Family(name) == SocketName.Inet;
        result = mapped && options.IPv6Only ? -Errno.EAFNOSUPPORT
            : SocketName.Read(name, options.IsIPv6 && !mapped, out InetEndpoint remote) is var read && read != 0 ? read
            : BindToScope(socket, name, remote.Address);
        if (result != 0)
        {
            return result;
        }

        SocketName.Read(name, options.IsIPv6 && !mapped, out remote);
        result = FindWay(socket, ref remote, default, out Route route, out InetAddress source);
        if (result != 0)
        {
            return result;
        }

        UdpRole udp = socket.Udp!;
        if (socket.Local.Address.IsAny)
        {
            socket.Local = socket.Local with { Address = source };
        }

        _ = route;
        udp.Remote = remote;
        udp.IsConnected = true;
        udp.Identification = (ushort)_context.Identifications.NextUInt32();
        return 0;
    }

    /// <summary>connect(AF_UNSPEC): the peer is forgotten, and what was not asked for is given back. Linux:
    /// __udp_disconnect.</summary>
    private void DisconnectDatagram(Socket socket)
    {
        UdpRole udp = socket.Udp!;
        udp.IsConnected = false;
        udp.Remote = default;
        GiveUpBinding(socket);
        socket.Local = socket.Local with { Port = socket.Port };
    }

    private int BindIfUnbound(Socket socket)
    {
        if (socket.Port != 0)
        {
            return 0;
        }

        if (_udpPorts.Bind(socket, socket.Local with { Port = 0 }) != 0)
        {
            return -Errno.EAGAIN;
        }

        socket.Local = socket.Local with { Port = socket.Port };
        return 0;
    }

    /// <summary>Finds the way of a datagram: destination, device and source. Linux: ip_route_output_flow,
    /// ip6_sk_dst_lookup_flow.</summary>
    private int FindWay(
        Socket socket, ref InetEndpoint remote, in DatagramControl control, out Route route, out InetAddress source)
    {
        ref readonly SocketOptions options = ref socket.Options;
        route = default;
        source = control.Source ?? socket.Local.Address;
        if (options.IPv6Only && remote.Address.IsIPv4)
        {
            return -Errno.ENETUNREACH;
        }

        if (remote.Address.IsAny)
        {
            InetAddress host = !source.IsAny ? source
                : remote.Address.IsIPv4 ? InetAddress.Loopback : InetAddress.IPv6Loopback;
            remote = remote with { Address = host };
        }

        int device = options.Device != 0 ? options.Device : control.Interface;
        bool isIPv4 = remote.Address.IsIPv4;
        if (remote.Address.IsMulticast && device == 0)
        {
            device = isIPv4 ? socket.Kept(OptionKey.LevelIp, 100) : socket.Kept(OptionKey.LevelIPv6, 17);
        }

        if (isIPv4 && remote.Address.IsMulticast && source.IsAny)
        {
            // IP_MULTICAST_IF by an address names the source too. Linux: mc_addr.
            int named = socket.Kept(OptionKey.LevelIp, MulticastInterfaceName);
            source = named == 0 ? source : new InetAddress((uint)BinaryPrimitives.ReverseEndianness(named));
        }

        if (!isIPv4 && remote.Address.IsLinkLocal && device == 0)
        {
            return -Errno.EINVAL;
        }

        bool mixed = !source.IsAny && source.IsIPv4 != isIPv4;
        bool foreign = control.Source is { } asked && !asked.IsAny && !_routes.IsLocal(asked)
            && !MayBindToForeign(socket, asked);
        int error = mixed || foreign ? -Errno.ENETUNREACH
            : _routes.Resolve(remote.Address, device, socket.Kept(OptionKey.LevelSocket, 5) != 0, out route);
        if (error != 0)
        {
            _context.Mib.Count(error != -Errno.ENETUNREACH ? Counter.None
                : isIPv4 ? Counter.IpOutNoRoutes : Counter.Ip6OutNoRoutes);
            return error;
        }

        source = source.IsAny ? route.Source : source;
        if (source.IsIPv4 && source.IsLoopback && !route.IsLocal)
        {
            return -Errno.EINVAL;
        }

        if (source.IsAny && !isIPv4)
        {
            return -Errno.EADDRNOTAVAIL;
        }

        AddressKind kind = _routes.Classify(remote.Address);
        if (kind is AddressKind.Broadcast or AddressKind.Multicast && !route.IsLocal)
        {
            route = route with { Flags = route.Flags | RouteFlags.Several };
        }

        return kind == AddressKind.Broadcast && socket.Kept(OptionKey.LevelSocket, 6) == 0 ? -Errno.EACCES : 0;
    }

    /// <summary>Where a datagram goes: the name that was given, or the peer.</summary>
    private static int FindDestination(Socket socket, in OutgoingMessage message, out InetEndpoint remote)
    {
        UdpRole udp = socket.Udp!;
        remote = udp.Remote;
        if (!message.HasName)
        {
            return udp.IsConnected ? 0 : -Errno.EDESTADDRREQ;
        }

        ReadOnlySpan<byte> name = message.Name;
        int family = SocketName.Family(name);
        if (!socket.Options.IsIPv6)
        {
            if (name.Length < SocketName.Length)
            {
                return -Errno.EINVAL;
            }

            // A name without a family is taken for one of AF_INET.
            remote = SocketName.Read4(name);
            return family is not (SocketName.Inet or SocketName.Unspecified) ? -Errno.EAFNOSUPPORT
                : remote.Port == 0 ? -Errno.EINVAL : 0;
        }

        switch (family)
        {
            case SocketName.Unspecified when name.Length >= sizeof(ushort):
                return udp.IsConnected ? 0 : -Errno.EDESTADDRREQ;
            case SocketName.Inet when name.Length >= SocketName.Length:
                remote = SocketName.Read4(name);
                return remote.Port == 0 ? -Errno.EINVAL : 0;
            case SocketName.Inet6 when name.Length >= SocketName.LeastLength6:
                remote = SocketName.Read6(name);
                return remote.Port == 0 ? -Errno.EINVAL : 0;
            default:
                return -Errno.EINVAL;
        }
    }

    /// <summary>Reads the control messages of a datagram. Linux: ip_cmsg_send, udp_cmsg_send,
    /// ip6_datagram_send_ctl.</summary>
    private int ReadControl(Socket socket, ReadOnlySpan<byte> control, bool isIPv4, ref DatagramControl read)
    {
        int error = 0;
        while (!control.IsEmpty && ControlMessages.TryNext(
            ref control, out int level, out int type, out ReadOnlySpan<byte> value, out error))
        {
            int refusal = level switch
            {
                OptionKey.LevelSocket => ReadSocketControl(type, value, ref read),
                OptionKey.LevelUdp => ReadUdpControl(type, value, ref read),
                OptionKey.LevelIp when isIPv4 => ReadIpControl(type, value, ref read),
                OptionKey.LevelIPv6 when socket.Options.IsIPv6 => ReadIPv6Control(type, value, ref read),
                _ => 0,
            };
            if (refusal != 0)
            {
                return refusal;
            }
        }

        return error;
    }

    private int ReadSocketControl(int type, ReadOnlySpan<byte> value, ref DatagramControl read)
    {
        int refusal = CheckSocketControl(type, value);
        if (refusal == 0 && type == TimestampingName)
        {
            read.Timestamping = (TimestampingFlags)Read(value);
        }

        return refusal;
    }

    private static int ReadUdpControl(int type, ReadOnlySpan<byte> value, ref DatagramControl read)
    {
        const int Segment = 103;
        if (type != Segment || value.Length != sizeof(ushort))
        {
            return -Errno.EINVAL;
        }

        read.SegmentSize = BinaryPrimitives.ReadUInt16LittleEndian(value);
        return 0;
    }

    private static int ReadIpControl(int type, ReadOnlySpan<byte> value, ref DatagramControl read)
    {
        const int InformationLength = 12;
        int number = value.Length >= IntLength ? Read(value) : value.Length == 1 ? value[0] : -1;
        switch (type)
        {
            case 8 when value.Length == InformationLength:
                read.Interface = number;
                InetAddress source = InetAddress.Read(value[IntLength..]);
                read.Source = source.IsAny ? null : source;
                return 0;
            case 2 when value.Length == IntLength && number is >= 1 and <= 255:
                read.Hops = (short)number;
                return 0;
            case 1 when value.Length is IntLength or 1 && number is >= 0 and <= 255:
                read.Tos = (short)number;
                return 0;
            case 7:
                ReadOnlySpan<byte> options = value[..Math.Min(value.Length, MostIpOptions)];
                read.HasHeaders = TryIpOptions(options, out byte[]? kept);
                read.Headers = read.HasHeaders && kept is not null && IpOptions.AreSound(kept, out _, out _)
                    ? AddedHeaders.Of(kept) : null;
                return read.HasHeaders ? 0 : -Errno.EINVAL;
            case 52 when value.Length == IntLength && number is >= 1 and <= 255:
                return 0;
            default:
                return -Errno.EINVAL;
        }
    }

    private int ReadIPv6Control(int type, ReadOnlySpan<byte> value, ref DatagramControl read)
    {
        const int InformationLength = InetAddress.IPv6Length + IntLength;
        int number = value.Length >= IntLength ? Read(value) : -2;
        switch (type)
        {
            case 50 or 2 when value.Length >= InformationLength:
                InetAddress source = InetAddress.ReadIPv6(value);
                read.Source = source.IsAny ? null : source;
                read.Interface = Read(value[InetAddress.IPv6Length..]);
                return 0;
            case 52 or 8 when value.Length == IntLength && number is >= -1 and <= 255:
                read.Hops = (short)number;
                return 0;
            case 67 when value.Length == IntLength && number is >= -1 and <= 255:
                read.Tos = (short)Math.Max(number, 0);
                return 0;
            case 62 when value.Length == IntLength && number is 0 or 1:
                read.DontFragment = number != 0;
                return 0;
            case 11 when value.Length >= IntLength:
            case 3 or 4 or 54 or 55 or 59:
                return ReadExtension(type, value, ref read);
            case 57:
                return 0;
            default:
                return -Errno.EINVAL;
        }
    }

    /// <summary>An extension header for one datagram: what it says replaces what the socket says.</summary>
    private int ReadExtension(int type, ReadOnlySpan<byte> value, ref DatagramControl read)
    {
        const int Unit = 8, Hops = 54, OldHops = 3, OldDestination = 4, BeforeRoute = 55;
        int length = value.Length >= 2 ? (value[1] + 1) * Unit : int.MaxValue;
        bool isHops = type is Hops or OldHops;
        bool isTwice = isHops ? read.HopsHeader is not null
            : type == OldDestination && read.DestinationHeader is not null;
        if (value.Length < length || isTwice)
        {
            return -Errno.EINVAL;
        }

        if (!Credentials.Has(SocketCapabilities.NetRaw))
        {
            return -Errno.EPERM;
        }

        byte[] header = value[..length].ToArray();
        read.HasHeaders = true;
        read.HopsHeader = isHops ? header : read.HopsHeader;
        read.DestinationHeader = isHops || type == BeforeRoute ? read.DestinationHeader : header;
        read.Headers = AddedHeaders.Of(
            read.HopsHeader, null, read.DestinationHeader, IpPacket.ProtocolUdp);
        return 0;
    }
}

/// <summary>What the control messages of a datagram say. Linux: ipcm_cookie, ipcm6_cookie.</summary>
internal struct DatagramControl
{
    /// <summary>IP_PKTINFO's source; null: the socket's or the route's.</summary>
    internal InetAddress? Source;

    /// <summary>IP_PKTINFO's interface; 0: any.</summary>
    internal int Interface;

    /// <summary>Type of service or traffic class; -1: the socket's.</summary>
    internal short Tos;

    /// <summary>Hops; -1: the socket's.</summary>
    internal short Hops;

    /// <summary>UDP_SEGMENT; 0: one datagram.</summary>
    internal ushort SegmentSize;

    /// <summary>IPV6_DONTFRAG.</summary>
    internal bool DontFragment;

    internal TimestampingFlags Timestamping;

    /// <summary>Whether it says which headers are added, if any; else the socket does.</summary>
    internal bool HasHeaders;

    internal AddedHeaders? Headers;

    /// <summary>IPV6_HOPOPTS.</summary>
    internal byte[]? HopsHeader;

    /// <summary>IPV6_DSTOPTS.</summary>
    internal byte[]? DestinationHeader;

    /// <summary>What a datagram has between the header of IP and UDP's.</summary>
    internal readonly AddedHeaders? HeadersOf(Socket socket, bool isIPv4) => HasHeaders ? Headers
        : socket.Long is not { } kept ? null : isIPv4 ? kept.OnDatagrams : kept.OnDatagrams6;
}
