using System;
using System.Buffers.Binary;
using System.Text;
using Earshot.Core.Tcp;

namespace Earshot.Core.Sockets;

/// <content>SOL_SOCKET. Linux: sk_setsockopt, sk_getsockopt.</content>
public sealed partial class SocketCalls
{
    private const int LeastSendBuffer = 4608;
    private const int LeastReceiveBuffer = 2304;
    private const int DeviceNameLength = 16;
    private const int TimevalLength = 16;
    private const int LargestValue = 280;
    private const long Microseconds = 1_000_000;

    private int SetSocketLevel(Socket socket, int name, ReadOnlySpan<byte> bytes)
    {
        if (name == 25)
        {
            return BindToDevice(socket, bytes);
        }

        if (bytes.Length < IntLength)
        {
            return -Errno.EINVAL;
        }

        int value = Read(bytes);
        ref SocketOptions options = ref socket.Options;
        switch (name)
        {
            case 2:
                options.ReuseAddress = value != 0;
                Rehold(socket);
                return 0;
            case 15:
                options.ReusePort = value != 0;
                Rehold(socket);
                return 0;
            case 7:
                return SetSendBuffer(ref options, Math.Min((uint)value, (uint)_context.Sysctls.WmemMax));
            case 8:
                return SetReceiveBuffer(ref options, Math.Min((uint)value, (uint)_context.Sysctls.RmemMax));
            case 32:
                return Credentials.Has(SocketCapabilities.NetAdmin)
                    ? SetSendBuffer(ref options, (uint)Math.Max(value, 0)) : -Errno.EPERM;
            case 33:
                return Credentials.Has(SocketCapabilities.NetAdmin)
                    ? SetReceiveBuffer(ref options, (uint)Math.Max(value, 0)) : -Errno.EPERM;
            case 9:
                options.KeepAlive = value != 0;
                socket.Connection?.SetKeepalive();
                return 0;
            case 13:
                return SetLinger(socket, bytes);
            case 20 or 21 or 66 or 67:
                return SetTimeout(socket, name >= 66 ? name - 46 : name, bytes);
            case 49:
                options.IncomingCpu = value;
                socket.Group?.CountProcessors();
                Rehold(socket);
                return 0;
            case 62:
                return SetDevice(socket, value);
            case 72:
                return (value & ~3) == 0 ? SetBufferLock(ref options, value) : -Errno.EINVAL;
            default:
                return SetPlainSocketLevel(socket, name, value);
        }
    }

    /// <summary>Options that are kept and read back.</summary>
    private int SetPlainSocketLevel(Socket socket, int name, int value)
    {
        const int HighestFreePriority = 6;
        bool admin = Credentials.Has(SocketCapabilities.NetAdmin);
        bool network = admin || Credentials.Has(SocketCapabilities.NetRaw);
        switch (name)
        {
            case 1 when value != 0 && !admin:
                return -Errno.EACCES;
            case 12 when (value is < 0 or > HighestFreePriority) && !network:
            case 36 when !network:
                return -Errno.EPERM;
            case 1 or 5 or 6 or 10 or 11 or 29 or 35 or 40 or 45:
                return Keep(socket, OptionKey.LevelSocket, name, value != 0 ? 1 : 0, 0, 1);
            case 12 or 36 or 42:
                int otherwise = name == 42 ? -1 : 0;
                return Keep(socket, OptionKey.LevelSocket, name, value, int.MinValue, int.MaxValue, otherwise);
            case 18:
                long mark = value < 0 ? int.MaxValue : value == 0 ? 1 : value;
                return Keep(socket, OptionKey.LevelSocket, name, mark, 1, int.MaxValue, 1);
            case 14:
                return 0;
            case 46:
                return Keep(socket, OptionKey.LevelSocket, name, value, 0, int.MaxValue);
            default:
                // SO_TYPE, SO_ERROR, SO_ACCEPTCONN, SO_PROTOCOL, SO_DOMAIN and SO_SNDLOWAT can only be read.
                return -Errno.ENOPROTOOPT;
        }
    }

    private int GetSocketLevel(Socket socket, int name, int length, Span<byte> result)
    {
        ref SocketOptions options = ref socket.Options;
        switch (name)
        {
            case 2:
                return Int(result, options.ReuseAddress ? 1 : 0);
            case 3:
                return Int(result, socket.IsDatagram ? SockDatagram : SockStream);
            case 4:
                return Int(result, TakeError(socket));
            case 7:
                return Int(result, options.SendBuffer);
            case 8:
                return Int(result, options.ReceiveBuffer);
            case 9:
                return Int(result, options.KeepAlive ? 1 : 0);
            case 13:
                return GetLinger(options, result);
            case 15:
                return Int(result, options.ReusePort ? 1 : 0);
            case 19:
                return Int(result, 1);
            case 20 or 21 or 66 or 67:
                return GetTimeout(options, name >= 66 ? name - 46 : name, result);
            case 25:
                return GetDevice(options, length, result);
            case 30:
                return Int(result, socket.Listener is null ? 0 : 1);
            case 38:
                return Int(result, socket.IsDatagram ? ProtocolUdp : ProtocolTcp);
            case 39:
                return Int(result, options.IsIPv6 ? AfInet6 : AfInet);
            case 49:
                return Int(result, socket.Connection is null ? options.IncomingCpu : _context.Options.Processor);
            case 62:
                return Int(result, options.Device);
            case 72:
                return Int(result, (options.SendBufferLocked ? 1 : 0) | (options.ReceiveBufferLocked ? 2 : 0));
            case 1 or 5 or 6 or 10 or 11 or 12 or 29 or 35 or 36 or 40 or 45 or 46:
                return Kept(socket, OptionKey.LevelSocket, name, result);
            case 14:
                return Int(result, 0);
            case 18:
                return Kept(socket, OptionKey.LevelSocket, name, result, 1);
            case 42:
                return Kept(socket, OptionKey.LevelSocket, name, result, -1);
            default:
                return -Errno.ENOPROTOOPT;
        }
    }

    // The value is doubled: half is for the kernel's own structures.
    private static int SetSendBuffer(ref SocketOptions options, uint value)
    {
        options.SendBuffer = Math.Max((int)Math.Min(value * 2L, int.MaxValue), LeastSendBuffer);
        options.SendBufferLocked = true;
        return 0;
    }

    private static int SetReceiveBuffer(ref SocketOptions options, uint value)
    {
        options.ReceiveBuffer = Math.Max((int)Math.Min(value * 2L, int.MaxValue), LeastReceiveBuffer);
        options.ReceiveBufferLocked = true;
        return 0;
    }

    private static int SetBufferLock(ref SocketOptions options, int bits)
    {
        options.SendBufferLocked = (bits & 1) != 0;
        options.ReceiveBufferLocked = (bits & 2) != 0;
        return 0;
    }

    private int SetLinger(Socket socket, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 2 * IntLength)
        {
            return -Errno.EINVAL;
        }

        ref SocketOptions options = ref socket.Options;
        if (Read(bytes) == 0)
        {
            // The seconds of before stay.
            options.Linger = -1;
            return 0;
        }

        // A negative number is taken for the longest time there is.
        int seconds = Read(bytes[IntLength..]);
        options.Linger = seconds < 0 ? int.MaxValue : seconds;
        long kept = seconds < 0 ? (uint)(long.MaxValue / _context.Profile.Hz) : seconds;
        options.Others = OptionValues.With(options.Others, OptionKey.LingerSeconds, kept);
        return 0;
    }

    private static int GetLinger(in SocketOptions options, Span<byte> result)
    {
        BinaryPrimitives.WriteInt32LittleEndian(result, options.Linger >= 0 ? 1 : 0);
        long seconds = OptionValues.Get(options.Others, OptionKey.LingerSeconds);
        BinaryPrimitives.WriteInt32LittleEndian(result[IntLength..], (int)seconds);
        return 2 * IntLength;
    }

    private int SetTimeout(Socket socket, int name, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < TimevalLength)
        {
            return -Errno.EINVAL;
        }

        long seconds = BinaryPrimitives.ReadInt64LittleEndian(bytes);
        long microseconds = BinaryPrimitives.ReadInt64LittleEndian(bytes[sizeof(long)..]);
        if (microseconds is < 0 or >= Microseconds)
        {
            return -Errno.EDOM;
        }

        // Rounded up to a tick; below zero means never to wait, which reads as 0.
        long tick = Microseconds / _context.Profile.Hz;
        long rounded = seconds < 0 || seconds > long.MaxValue / Microseconds - 1
            ? 0 : (seconds * Microseconds) + ((microseconds + tick - 1) / tick * tick);
        return Keep(socket, OptionKey.LevelSocket, name, rounded, 0, long.MaxValue);
    }

    private static int GetTimeout(in SocketOptions options, int name, Span<byte> result)
    {
        long value = OptionValues.Get(options.Others, OptionKey.Of(OptionKey.LevelSocket, name));
        BinaryPrimitives.WriteInt64LittleEndian(result, value / Microseconds);
        BinaryPrimitives.WriteInt64LittleEndian(result[sizeof(long)..], value % Microseconds);
        return TimevalLength;
    }

    private int BindToDevice(Socket socket, ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> text = bytes[..Math.Min(bytes.Length, DeviceNameLength - 1)];
        int end = text.IndexOf((byte)0);
        string name = Encoding.ASCII.GetString(end < 0 ? text : text[..end]);
        int index = name.Length == 0 ? 0 : _routes.InterfaceIndex(name);
        return index < 0 ? -Errno.ENODEV : SetDevice(socket, index);
    }

    private int SetDevice(Socket socket, int index)
    {
        if (index < 0)
        {
            return -Errno.EINVAL;
        }

        ref SocketOptions options = ref socket.Options;
        if (options.Device != 0 && !Credentials.Has(SocketCapabilities.NetRaw))
        {
            return -Errno.EPERM;
        }

        options.Device = index;
        Rehold(socket);
        return 0;
    }

    private int GetDevice(in SocketOptions options, int length, Span<byte> result)
    {
        if (options.Device == 0)
        {
            return 0;
        }

        if (length < DeviceNameLength)
        {
            return -Errno.EINVAL;
        }

        string? name = _routes.InterfaceName(options.Device);
        return name is null ? -Errno.ENODEV : Encoding.ASCII.GetBytes(name, result[..(DeviceNameLength - 1)]) + 1;
    }
}
