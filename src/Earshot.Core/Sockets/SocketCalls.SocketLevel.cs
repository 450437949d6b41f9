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
        ref SocketOptions options = ref socket.ChangeOptions();
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
            case 29 or 35 or 63 or 64:
                return SetTimestamp(socket, name, value);
            case 37 or 65:
                return SetTimestamping(socket, bytes);
            case 47:
                return SetPacing(socket, bytes);
            case 61:
                return SetTransmitTime(socket, bytes);
            case 26 or 50 or 51 or 52 or 68:
                // Differs from Linux: there are no filters to attach (docs/deviations.md, D61).
                return -Errno.EINVAL;
            case 10:
                options.UrgentInline = value != 0;
                return SetByRule(socket, OptionKey.LevelSocket, name, value);
            case 18:
                return SetReceiveLowWater(socket, value);
            case 80:
                return socket.IsDatagram ? -Errno.EBADF : -Errno.EINVAL;
            default:
                // SO_TYPE, SO_ERROR, SO_ACCEPTCONN, SO_PROTOCOL, SO_DOMAIN and others can only be read.
                return SetByRule(socket, OptionKey.LevelSocket, name, value);
        }
    }

    // No more than half of the largest buffer can be waited for. Linux: tcp_set_rcvlowat.
    private int SetReceiveLowWater(Socket socket, int value)
    {
        int most = socket.Options.ReceiveBufferLocked ? socket.Options.ReceiveBuffer : _context.Sysctls.TcpRmem[2];
        int mark = value < 0 ? int.MaxValue : value == 0 ? 1 : value;
        mark = socket.IsDatagram ? mark : Math.Max(1, Math.Min(mark, most >> 1));
        socket.ChangeOptions().ReceiveLowWater = mark;
        socket.Connection?.OnLowWater();
        return Keep(socket, OptionKey.LevelSocket, 18, mark, 1, int.MaxValue, 1);
    }

    private int GetSocketLevel(Socket socket, int name, int length, Span<byte> result)
    {
        ref readonly SocketOptions options = ref socket.Options;
        switch (name)
        {
            case 2:
                return Int(result, options.ReuseAddress ? 1 : 0);
            case 3:
                return Int(result, socket.IsDatagram ? SockDatagram : SockStream);
            case 4:
                return Int(result, TakeError(socket));
            case 29 or 35 or 63 or 64:
                return Int(result, socket.Kept(OptionKey.LevelSocket, 29) == TimestampForm(name) ? 1 : 0);
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
            default:
                return GetLongSocketLevel(socket, name, length, result);
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

        ref SocketOptions options = ref socket.ChangeOptions();
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

        ref SocketOptions options = ref socket.ChangeOptions();
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
