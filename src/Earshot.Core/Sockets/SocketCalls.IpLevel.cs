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
        ref SocketOptions options = ref socket.Options;
        bool privileged = Credentials.Has(SocketCapabilities.NetAdmin) || Credentials.Has(SocketCapabilities.NetRaw);
        switch (name)
        {
            case 1:
                options.Tos = (byte)(socket.IsDatagram ? value : (value & ~EcnBits) | (options.Tos & EcnBits));
                return 0;
            case 2 when bytes.Length >= 1 && value is -1 or (>= 1 and <= 255):
                options.Ttl = (byte)Math.Max(value, 0);
                return 0;
            case 21 when bytes.Length >= 1 && value is >= 0 and <= 255:
                options.MinimumTtl = (byte)value;
                return 0;
            case 19 when bytes.Length >= 1 && value != 0 && !privileged:
                return -Errno.EPERM;
            case 15 or 19 when bytes.Length >= 1:
            case 6 or 7 or 8 or 11 or 12 or 13 or 20 or 24:
                return Keep(socket, OptionKey.LevelIp, name, value != 0 ? 1 : 0, 0, 1);
            case 10 when value is >= 0 and <= 5:
                options.PathMtuDiscovery = (byte)value;
                return 0;
            case 51:
                return SetPortRange(socket, bytes);
            case 2 or 5 or 10 or 15 or 19 or 21 or 25:
                return -Errno.EINVAL;
            case >= 200 and <= 212:
                // Multicast routing's numbers, for its own kind of socket.
                return -Errno.EOPNOTSUPP;
            default:
                return -Errno.ENOPROTOOPT;
        }
    }

    private int GetIpLevel(Socket socket, int name, int length, Span<byte> result)
    {
        ref SocketOptions options = ref socket.Options;
        int full;
        switch (name)
        {
            case 1:
                full = Int(result, options.Tos);
                break;
            case 2:
                full = Int(result, options.Ttl != 0 ? options.Ttl : _context.Sysctls.IpDefaultTtl);
                break;
            case 21:
                full = Int(result, options.MinimumTtl);
                break;
            case 6 or 7 or 8 or 11 or 12 or 13 or 15 or 19 or 20 or 24:
                full = Kept(socket, OptionKey.LevelIp, name, result);
                break;
            case 10:
                full = Int(result, options.PathMtuDiscovery);
                break;
            case 14:
                return -Errno.ENOTCONN;
            case 51:
                full = Kept(socket, OptionKey.LevelIp, name, result);
                break;
            case 52:
                full = Int(result, socket.Port);
                break;
            case >= 200 and <= 212:
                return -Errno.EOPNOTSUPP;
            default:
                return -Errno.ENOPROTOOPT;
        }

        // Room for less than a number, and a small one: a single byte.
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
        if (bytes.Length < IntLength)
        {
            bool known = name is 16 or 19 or 23 or 25 or 26 or 33 or 49 or 51 or 66 or 67 or 73 or 74 or 75 or 78;
            return known ? -Errno.EINVAL : UnknownIPv6(name);
        }

        int value = Read(bytes);
        ref SocketOptions options = ref socket.Options;
        switch (name)
        {
            case 16 when value is >= -1 and <= 255:
                options.HopLimit = (short)value;
                return 0;
            case 26 when socket.Port == 0 && socket.Connection is null:
                options.IPv6Only = value != 0;
                return 0;
            case 67 when value is >= -1 and <= 255:
                value = Math.Max(value, 0);
                options.TrafficClass = (byte)(socket.IsDatagram
                    ? value : (value & ~EcnBits) | (options.TrafficClass & EcnBits));
                return 0;
            case 73 when value is >= 0 and <= 255:
                options.MinimumHopLimit = (byte)value;
                return 0;
            case 75 when value != 0 && !Credentials.Has(SocketCapabilities.NetAdmin)
                    && !Credentials.Has(SocketCapabilities.NetRaw):
                return -Errno.EPERM;
            case 75:
                // The same flag as IP_TRANSPARENT, and so is the next as IP_FREEBIND.
                return Keep(socket, OptionKey.LevelIp, 19, value != 0 ? 1 : 0, 0, 1);
            case 78:
                return Keep(socket, OptionKey.LevelIp, 15, value != 0 ? 1 : 0, 0, 1);
            case 25 or 33 or 49 or 51 or 66 or 74:
                return Keep(socket, OptionKey.LevelIPv6, name, value != 0 ? 1 : 0, 0, 1);
            case 19:
                return Keep(socket, OptionKey.LevelIPv6, name, value, 0, 1, 1);
            case 23:
                return Keep(socket, OptionKey.LevelIPv6, name, value, 0, 5, 1);
            case 16 or 26 or 67 or 73:
                return -Errno.EINVAL;
            default:
                return UnknownIPv6(name);
        }
    }

    private int GetIPv6Level(Socket socket, int name, Span<byte> result)
    {
        ref SocketOptions options = ref socket.Options;
        switch (name)
        {
            case 16:
                return Int(result, options.HopLimit >= 0 ? options.HopLimit : DefaultHopLimit);
            case 26:
                return Int(result, options.IPv6Only ? 1 : 0);
            case 67:
                return Int(result, options.TrafficClass);
            case 73:
                return Int(result, options.MinimumHopLimit);
            case 75:
                return Kept(socket, OptionKey.LevelIp, 19, result);
            case 78:
                return Kept(socket, OptionKey.LevelIp, 15, result);
            case 25 or 33 or 49 or 51 or 66 or 74:
                return Kept(socket, OptionKey.LevelIPv6, name, result);
            case 19 or 23:
                return Kept(socket, OptionKey.LevelIPv6, name, result, 1);
            default:
                return UnknownIPv6(name);
        }
    }

    private static int UnknownIPv6(int name) => name is >= 200 and <= 212 ? -Errno.EOPNOTSUPP : -Errno.ENOPROTOOPT;
}
