using System;
using System.Buffers.Binary;
using Earshot.Core.Ip;
using Earshot.Core.Tcp;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <content>Options of SOL_IP and SOL_IPV6 whose value is more than an int: addresses, interfaces, headers.</content>
public sealed partial class SocketCalls
{
    // What becomes of IP_TOS as a priority of packets. Linux: rt_tos2priority.
    private static int PriorityOf(int tos) => (tos & 0x1e) switch
    {
        < 0x08 => 0,
        < 0x10 => 2,
        < 0x18 => 6,
        _ => 4,
    };

    /// <summary>IP_MTU and IPV6_MTU: the path's, 0 when the socket has no peer.</summary>
    private int PathMtu(Socket socket)
    {
        if (PeerOf(socket, out InetEndpoint remote) != 0)
        {
            return 0;
        }

        return _routes.TryRoute(remote.Address, out Route route) ? route.Mtu : 0;
    }

    /// <summary>IP_OPTIONS. Linux: ip_options_get.</summary>
    private static int SetIpOptions(Socket socket, ReadOnlySpan<byte> bytes)
    {
        if (!TryIpOptions(bytes, out byte[]? kept))
        {
            return -Errno.EINVAL;
        }

        if (kept is not null || socket.Long is not null)
        {
            LongOptions options = socket.MakeLong();
            options.IpOptions = kept;
            options.OnDatagrams = socket.IsDatagram ? socket.Headers : null;
        }

        socket.Connection?.ChangeHeaders(socket.Headers);

        return 0;
    }

    private static bool TryIpOptions(ReadOnlySpan<byte> bytes, out byte[]? kept)
    {
        const int Longest = 40;
        kept = null;
        if (bytes.Length > Longest || !AreIpOptionsSound(bytes)
            || (!IpOptions.AreSound(bytes, out int fault, out _) && fault != IpOptions.SourceRoute))
        {
            return false;
        }

        kept = bytes.IsEmpty ? null : new byte[(bytes.Length + 3) & ~3];
        bytes[..UsedLength(bytes)].CopyTo(kept);
        return true;
    }

    // What stands behind the end of the list is cleared.
    private static int UsedLength(ReadOnlySpan<byte> options)
    {
        int at = 0;
        while (at < options.Length && options[at] != 0)
        {
            at += options[at] == 1 ? 1 : options[at + 1];
        }

        return at;
    }

    private static bool AreIpOptionsSound(ReadOnlySpan<byte> options)
    {
        const byte End = 0;
        const byte Nop = 1;
        for (int at = 0; at < options.Length && options[at] != End;)
        {
            int length = options[at] == Nop ? 1 : at + 1 < options.Length ? options[at + 1] : 0;
            if (length < 1 || (options[at] != Nop && length < 2) || at + length > options.Length)
            {
                return false;
            }

            at += length;
        }

        return true;
    }

    /// <summary>IP_UNICAST_IF and IPV6_UNICAST_IF: an interface's index in network order.</summary>
    private int SetUnicastInterface(Socket socket, int level, int name, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < IntLength)
        {
            return -Errno.EINVAL;
        }

        int index = BinaryPrimitives.ReadInt32BigEndian(bytes);
        return index != 0 && _routes.InterfaceName(index) is null
            ? -Errno.EADDRNOTAVAIL : Keep(socket, level, name, Read(bytes), int.MinValue, int.MaxValue);
    }

    private int InterfaceOf(in InetAddress address)
    {
        for (int index = RouteTable.LoopbackInterface; _routes.InterfaceName(index) is not null; index++)
        {
            if (_routes.IsLocalOn(address, index))
            {
                return index;
            }
        }

        return -1;
    }

    // A group is joined on the interface that packets to it would leave by.
    private int InterfaceTo(in InetAddress group) => _routes.TryRoute(group, out Route route) ? route.Interface
        : _routes.InterfaceName(RouteTable.FirstInterface) is null ? -1 : RouteTable.FirstInterface;

    private int SetExtensionHeader(Socket socket, int name, ReadOnlySpan<byte> bytes)
    {
        const int Unit = 8;
        const int Routing = 57;
        if (bytes.IsEmpty)
        {
            socket.Long?.SetExtensionHeader(name, null);
            AddExtensions(socket);
            return 0;
        }

        if (name != Routing && !Credentials.Has(SocketCapabilities.NetRaw))
        {
            return -Errno.EPERM;
        }

        if (bytes.Length < Unit || bytes.Length % Unit != 0 || bytes.Length > Unit * byte.MaxValue
            || (bytes[1] + 1) * Unit != bytes.Length || name == Routing || bytes.Length > LargestValue)
        {
            return -Errno.EINVAL;
        }

        socket.MakeLong().SetExtensionHeader(name, bytes.ToArray());
        AddExtensions(socket);
        return 0;
    }

    private static void AddExtensions(Socket socket)
    {
        const int Hops = 54, BeforeRoute = 55, Destination = 59;
        if (socket.Long is not { } kept)
        {
            return;
        }

        if (socket.IsDatagram)
        {
            // What stands before a routing header costs a datagram nothing. Linux: ipv6_fixup_options.
            kept.OnDatagrams6 = AddedHeaders.Of(
                kept.ExtensionHeader(Hops), null, kept.ExtensionHeader(Destination), IpPacket.ProtocolUdp);
            return;
        }

        ref SocketOptions options = ref socket.ChangeOptions();
        options.Others = OptionValues.WithExtensions(options.Others, AddedHeaders.Of(
            kept.ExtensionHeader(Hops), kept.ExtensionHeader(BeforeRoute), kept.ExtensionHeader(Destination)));
        socket.Connection?.ChangeHeaders(null);
    }

    /// <summary>IPV6_ADDRFORM: an AF_INET6 socket with an IPv4 peer becomes one of AF_INET for good.</summary>
    private int ToIPv4(Socket socket, int family)
    {
        if (family != AfInet)
        {
            return -Errno.EINVAL;
        }

        if (!IsPeered(socket))
        {
            return -Errno.ENOTCONN;
        }

        PeerOf(socket, out InetEndpoint remote);
        ref SocketOptions options = ref socket.ChangeOptions();
        if (options.IPv6Only || !remote.Address.IsIPv4)
        {
            return -Errno.EADDRNOTAVAIL;
        }

        options.IsIPv6 = false;
        return 0;
    }

    private static int SetPacketInfo(Socket socket, ReadOnlySpan<byte> bytes)
    {
        const int Length = InetAddress.IPv6Length + IntLength;
        if (bytes.Length < Length)
        {
            return -Errno.EINVAL;
        }

        int index = Read(bytes[InetAddress.IPv6Length..]);
        return socket.Options.Device != 0 && socket.Options.Device != index ? -Errno.EINVAL : 0;
    }

    // IPV6_ADDR_PREFERENCES, RFC 5014: three groups of bits, of each of which one at most may be chosen.
    private const int PreferTemporary = 0x1;
    private const int PreferPublic = 0x2;
    private const int PreferCareOf = 0x4;
    private const int PreferCga = 0x8;
    private const int PreferEither = 0x100;
    private const int PreferHome = 0x400;
    private const int PreferNonCga = 0x800;

    private static int SetAddressPreferences(Socket socket, int value)
    {
        const int Kinds = PreferTemporary | PreferPublic | PreferEither;
        const int Homes = PreferCareOf | PreferHome;
        const int Keys = PreferCga | PreferNonCga;
        if (int.PopCount(value & Kinds) > 1 || int.PopCount(value & Homes) > 1 || int.PopCount(value & Keys) > 1)
        {
            return -Errno.EINVAL;
        }

        int kept = AddressPreferences(socket);
        kept = (value & Kinds) != 0 ? (kept & ~Kinds) | (value & Kinds) : kept;
        kept = (value & Homes) != 0 ? (kept & ~Homes) | (value & Homes) : kept;
        return Keep(
            socket, OptionKey.LevelIPv6, 72, kept, 0, int.MaxValue, PreferEither | PreferHome);
    }

    private static int AddressPreferences(Socket socket) =>
        socket.Kept(OptionKey.LevelIPv6, 72, PreferEither | PreferHome);
}
