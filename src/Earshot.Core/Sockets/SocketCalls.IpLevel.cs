using System;
using System.Buffers.Binary;
using Earshot.Core.Tcp;

namespace Earshot.Core.Sockets;

/// <content>SOL_IP and SOL_IPV6. Linux: do_ip_setsockopt, do_ip_getsockopt, do_ipv6_setsockopt,
/// do_ipv6_getsockopt.</content>
public sealed partial class SocketCalls
{
    private const int EcnBits = 3;
    private const int DefaultHopLimit = 64;

    private int SetIpLevel(Socket socket, int name, ReadOnlySpan<byte> bytes)
    {
        // 1 to 3 bytes give the first, none gives 0; some names want at least one.
        int value = bytes.Length >= IntLength ? Read(bytes) : bytes.Length > 0 ? bytes[0] : 0;
        ref SocketOptions options = ref socket.ChangeOptions();
        switch (name)
        {
            case 1:
                value = (byte)(socket.IsDatagram ? value : (value & ~EcnBits) | (options.Tos & EcnBits));
                if (options.Tos != value)
                {
                    options.Tos = (byte)value;
                    Keep(socket, OptionKey.LevelSocket, 12, PriorityOf(value), 0, byte.MaxValue);
                }

                return 0;
            case 2 when bytes.Length >= 1 && value is -1 or (>= 1 and <= 255):
                options.Ttl = (byte)Math.Max(value, 0);
                return 0;
            case 4:
                return SetIpOptions(socket, bytes);
            case 10 when value is >= 0 and <= 5:
                options.PathMtuDiscovery = (byte)value;
                return 0;
            case 16 or 17:
                // There are no security policies; the second number is of one that the first family does not know.
                return bytes.Length == 0 ? -Errno.EMSGSIZE
                    : name == 17 && !options.IsIPv6 ? -Errno.EINVAL : -Errno.EOPNOTSUPP;
            case 21 when bytes.Length >= 1 && value is >= 0 and <= 255:
                options.MinimumTtl = (byte)value;
                return 0;
            case 32 or (>= 35 and <= 48):
                return SetMulticast(socket, name, bytes);
            case 50:
                return SetUnicastInterface(socket, OptionKey.LevelIp, name, bytes);
            case 51:
                return SetPortRange(socket, bytes);
            case 2 or 10 or 21:
                return -Errno.EINVAL;
            case 96 or 97:
                return -Errno.EINVAL;
            case >= 200 and <= 212:
                // Multicast routing's numbers, for its own kind of socket.
                return -Errno.EOPNOTSUPP;
            default:
                return OptionTable.TryFind(OptionKey.LevelIp, name, out OptionRule rule)
                    && rule.Has(socket) && rule.Length == OptionLength.AtLeastOne && bytes.IsEmpty
                    ? -Errno.EINVAL : SetByRule(socket, OptionKey.LevelIp, name, value);
        }
    }

    private int GetIpLevel(Socket socket, int name, int length, Span<byte> result)
    {
        ref readonly SocketOptions options = ref socket.Options;
        int full;
        switch (name)
        {
            case 1:
                full = Int(result, options.Tos);
                break;
            case 2:
                full = Int(result, options.Ttl != 0 ? options.Ttl : _context.Sysctls.IpDefaultTtl);
                break;
            case 4:
                return Copy(socket.Connection is { AddedHeaders: { } added, Tuple.Remote.Address.IsIPv4: true }
                    ? added.Bytes.ToArray() : socket.Long?.IpOptions, result);
            case 9:
                return socket.IsDatagram ? -Errno.ENOPROTOOPT : 0;
            case 10:
                full = Int(result, options.PathMtuDiscovery);
                break;
            case 14:
                full = PathMtu(socket) is > 0 and int mtu ? Int(result, mtu) : -Errno.ENOTCONN;
                break;
            case 21:
                full = Int(result, options.MinimumTtl);
                break;
            case 32:
                return Int(result, socket.Kept(OptionKey.LevelIp, name));
            case 50 or 51:
                full = Kept(socket, OptionKey.LevelIp, name, result);
                break;
            case 52:
                full = Int(result, socket.Port);
                break;
            case >= 96 and <= 99:
                return -Errno.EINVAL;
            case >= 200 and <= 212:
                return -Errno.EOPNOTSUPP;
            default:
                full = GetByRule(socket, OptionKey.LevelIp, name, result);
                break;
        }

        // Room for less than a number, and a small one: a single byte.
        if (full < 0)
        {
            return full;
        }

        int value = Read(result);
        return length is > 0 and < IntLength && value is >= 0 and <= 255 ? 1 : full;
    }

    private static int SetPortRange(Socket socket, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != IntLength)
        {
            return -Errno.EINVAL;
        }

        uint range = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        uint low = range & ushort.MaxValue;
        uint high = range >> 16;
        return low != 0 && high != 0 && low > high
            ? -Errno.EINVAL : Keep(socket, OptionKey.LevelIp, 51, range, 0, uint.MaxValue);
    }

    private int SetIPv6Level(Socket socket, int name, ReadOnlySpan<byte> bytes)
    {
        bool isShort = bytes.Length < IntLength;
        int value = isShort ? 0 : Read(bytes);
        ref SocketOptions options = ref socket.ChangeOptions();
        switch (name)
        {
            case 34 or 35:
                return bytes.IsEmpty ? -Errno.EMSGSIZE : name == 34 ? -Errno.EOPNOTSUPP : -Errno.EINVAL;
            case 6:
                return 0;
            case 54 or 55 or 57 or 59:
                return SetExtensionHeader(socket, name, bytes);
            case 17 or 20 or 21 or (>= 42 and <= 48):
                return SetMulticast6(socket, name, bytes);
            case >= 200 and <= 212:
                return -Errno.EOPNOTSUPP;
            case 1 or 16 or 24 or 26 or 50 or 67 or 72 or 73 or 75 or 76 or 78 when isShort:
                return -Errno.EINVAL;
            case 1:
                return ToIPv4(socket, value);
            case 16 when value is >= -1 and <= 255:
                options.HopLimit = (short)value;
                return 0;
            case 24:
                return Keep(socket, OptionKey.LevelIPv6, 24, value is 0 or >= 1280 ? value : -1, 0, int.MaxValue);
            case 26 when socket.Port == 0 && socket.Connection is null:
                options.IPv6Only = value != 0;
                return 0;
            case 50:
                return SetPacketInfo(socket, bytes);
            case 67 when value is >= -1 and <= 255:
                value = Math.Max(value, 0);
                options.TrafficClass = (byte)(socket.IsDatagram
                    ? value : (value & ~EcnBits) | (options.TrafficClass & EcnBits));
                return 0;
            case 72:
                return SetAddressPreferences(socket, value);
            case 73 when value is >= 0 and <= 255:
                options.MinimumHopLimit = (byte)value;
                return 0;
            case 75:
                // The same flag as IP_TRANSPARENT, and so is the next as IP_FREEBIND.
                return SetByRule(socket, OptionKey.LevelIp, 19, value);
            case 76:
                return SetUnicastInterface(socket, OptionKey.LevelIPv6, name, bytes);
            case 78:
                return SetByRule(socket, OptionKey.LevelIp, 15, value);
            case 16 or 26 or 67 or 73:
                return -Errno.EINVAL;
            default:
                return OptionTable.TryFind(OptionKey.LevelIPv6, name, out OptionRule rule)
                    && rule.Has(socket) && rule.Length != OptionLength.Any && isShort
                    ? -Errno.EINVAL : SetByRule(socket, OptionKey.LevelIPv6, name, value);
        }
    }

    private int GetIPv6Level(Socket socket, int name, int length, Span<byte> result)
    {
        ref readonly SocketOptions options = ref socket.Options;
        switch (name)
        {
            case 1:
                return socket.Connection is { State: TcpState.Established } || socket.Udp is { IsConnected: true }
                    ? Int(result, AfInet6) : -Errno.ENOTCONN;
            case 6:
                return socket.IsDatagram ? -Errno.ENOPROTOOPT : 0;
            case 16:
                return Int(result, options.HopLimit >= 0 ? options.HopLimit : DefaultHopLimit);
            case 17:
                return Int(result, socket.Kept(OptionKey.LevelIPv6, 17));
            case 24:
                return PathMtu(socket) is > 0 and int mtu ? Int(result, mtu) : -Errno.ENOTCONN;
            case 26:
                return Int(result, options.IPv6Only ? 1 : 0);
            case 54 or 55 or 57 or 59:
                return Copy(socket.Long?.ExtensionHeader(name), result);
            case 61:
                return length < 32 ? -Errno.EINVAL : -Errno.ENOTCONN;
            case 67:
                return Int(result, options.TrafficClass);
            case 72:
                return Int(result, AddressPreferences(socket));
            case 73:
                return Int(result, options.MinimumHopLimit);
            case 75:
                return Kept(socket, OptionKey.LevelIp, 19, result);
            case 76:
                return Kept(socket, OptionKey.LevelIPv6, 76, result);
            case 78:
                return Kept(socket, OptionKey.LevelIp, 15, result);
            case >= 200 and <= 212:
                return -Errno.EOPNOTSUPP;
            default:
                return GetByRule(socket, OptionKey.LevelIPv6, name, result);
        }
    }
}
