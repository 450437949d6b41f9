using System;
using System.Collections.Generic;
using Earshot.Core;
using Earshot.Core.Sockets;

namespace Earshot.Lab.Targets;

/// <summary>The socket options of the embedded stack by Linux's level and number, with their bytes.</summary>
internal static class StackOptionMap
{
    private const int SolSocket = 1;
    private const int SolTcp = 6;
    private const int SolIp = 0;
    private const int SoType = 3;
    private const int SoLinger = 13;
    private const int SoProtocol = 38;
    private const int SoDomain = 39;
    private const int TcpInfo = 11;
    private const int LingerLength = 8;

    private static readonly Dictionary<(int Level, int Name), SocketOption> Known = new()
    {
        [(SolSocket, 2)] = SocketOption.ReuseAddress,
        [(SolSocket, 4)] = SocketOption.Error,
        [(SolSocket, 7)] = SocketOption.SendBuffer,
        [(SolSocket, 8)] = SocketOption.ReceiveBuffer,
        [(SolSocket, 9)] = SocketOption.KeepAlive,
        [(SolSocket, SoLinger)] = SocketOption.Linger,
        [(SolSocket, 30)] = SocketOption.AcceptConnections,
        [(SolTcp, 1)] = SocketOption.NoDelay,
        [(SolTcp, 2)] = SocketOption.MaximumSegment,
        [(SolTcp, 7)] = SocketOption.SynCount,
        [(SolTcp, 8)] = SocketOption.Linger2,
        [(SolTcp, 18)] = SocketOption.UserTimeout,
        [(SolIp, 1)] = SocketOption.TypeOfService,
        [(SolIp, 2)] = SocketOption.TimeToLive,
    };

    /// <summary>setsockopt().</summary>
    public static int Set(NetworkStack stack, int descriptor, int level, int name, ReadOnlySpan<byte> value)
    {
        if (stack.Calls.Poll(descriptor) < 0)
        {
            return -Errno.EBADF;
        }

        if (!Known.TryGetValue((level, name), out SocketOption option))
        {
            return -Errno.ENOPROTOOPT;
        }

        if (option == SocketOption.Linger)
        {
            return value.Length < LingerLength
                ? -Errno.EINVAL
                : stack.Calls.SetOption(
                    descriptor, option, BitConverter.ToInt32(value) == 0 ? -1 : BitConverter.ToInt32(value[4..]));
        }

        if (level == SolIp && value.Length is >= 1 and < sizeof(int))
        {
            return stack.Calls.SetOption(descriptor, option, value[0]);
        }

        return value.Length < sizeof(int)
            ? -Errno.EINVAL
            : stack.Calls.SetOption(descriptor, option, BitConverter.ToInt32(value));
    }

    /// <summary>getsockopt().</summary>
    public static int Get(
        NetworkStack stack, int descriptor, int domain, int level, int name, Span<byte> value, out int length)
    {
        length = value.Length;
        if (stack.Calls.Poll(descriptor) < 0)
        {
            return -Errno.EBADF;
        }

        if (level == SolTcp && name == TcpInfo)
        {
            return Put(Info(stack, descriptor), value, out length);
        }

        int? constant = (level, name) switch
        {
            (SolSocket, SoType) => 1,
            (SolSocket, SoProtocol) => SolTcp,
            (SolSocket, SoDomain) => domain,
            _ => null,
        };
        int number = constant ?? 0;
        if (constant is null)
        {
            if (!Known.TryGetValue((level, name), out SocketOption option))
            {
                return -Errno.ENOPROTOOPT;
            }

            int result = stack.Calls.GetOption(descriptor, option, out number);
            if (result < 0)
            {
                return result;
            }

            if (option == SocketOption.Linger)
            {
                byte[] linger = new byte[LingerLength];
                BitConverter.TryWriteBytes(linger, number >= 0 ? 1 : 0);
                BitConverter.TryWriteBytes(linger.AsSpan(4), Math.Max(number, 0));
                return Put(linger, value, out length);
            }
        }

        return Put(BitConverter.GetBytes(number), value, out length);
    }

    // What the stack knows of struct tcp_info: the state, and of a listener the two queue numbers.
    private static byte[] Info(NetworkStack stack, int descriptor)
    {
        var listeners = new List<ListenerRow>();
        stack.CopyListeners(listeners);
        foreach (ListenerRow listener in listeners)
        {
            if (listener.Descriptor == descriptor)
            {
                var info = new byte[32];
                info[0] = (byte)TcpState.Listen;
                BitConverter.TryWriteBytes(info.AsSpan(24), listener.AcceptCount);
                BitConverter.TryWriteBytes(info.AsSpan(28), (uint)listener.Backlog);
                return info;
            }
        }

        var rows = new List<SocketRow>();
        stack.CopySockets(rows);
        foreach (SocketRow row in rows)
        {
            if (row.Descriptor == descriptor)
            {
                return [(byte)row.State];
            }
        }

        return [(byte)TcpState.Close];
    }

    private static int Put(ReadOnlySpan<byte> bytes, Span<byte> value, out int length)
    {
        length = Math.Min(bytes.Length, value.Length);
        bytes[..length].CopyTo(value);
        return 0;
    }
}
