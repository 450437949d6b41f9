using System;
using System.Buffers.Binary;
using Earshot.Core.Tcp;

namespace Earshot.Core.Sockets;

/// <content>setsockopt() and getsockopt().</content>
public sealed partial class SocketCalls
{
    private const int IntLength = 4;

    /// <summary>setsockopt() of an option whose value is a number (SO_LINGER: seconds, -1 for off).</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="option">Which option.</param>
    /// <param name="value">The value.</param>
    /// <returns>0; -EBADF, -EINVAL, -ENOPROTOOPT (read-only), -EPERM.</returns>
    public int SetOption(int fd, SocketOption option, int value)
    {
        Span<byte> bytes = stackalloc byte[2 * IntLength];
        int length = IntLength;
        if (option == SocketOption.Linger)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes, value >= 0 ? 1 : 0);
            BinaryPrimitives.WriteInt32LittleEndian(bytes[IntLength..], Math.Max(value, 0));
            length = 2 * IntLength;
        }
        else
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        }

        (int level, int name) = SocketOptionTable.Number(option);
        return SetSocketOption(fd, level, name, bytes[..length]);
    }

    /// <summary>getsockopt() of an option whose value is a number.</summary>
    /// <returns>0; -EBADF, -ENOPROTOOPT (write-only), -EOPNOTSUPP (not an option of this kind of socket).</returns>
    public int GetOption(int fd, SocketOption option, out int value)
    {
        Span<byte> bytes = stackalloc byte[2 * IntLength];
        bytes.Clear();
        (int level, int name) = SocketOptionTable.Number(option);
        int length = option == SocketOption.Linger ? 2 * IntLength : IntLength;
        int result = GetSocketOption(fd, level, name, bytes, ref length);
        value = BinaryPrimitives.ReadInt32LittleEndian(bytes);
        if (option == SocketOption.Linger && result == 0)
        {
            value = value == 0 ? -1 : BinaryPrimitives.ReadInt32LittleEndian(bytes[IntLength..]);
        }

        return result;
    }

    /// <summary>setsockopt() as a program makes it: Linux's numbers and bytes, little-endian.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="level">The level: 0 SOL_IP, 1 SOL_SOCKET, 6 SOL_TCP, 41 SOL_IPV6.</param>
    /// <param name="name">The option's number at its level.</param>
    /// <param name="value">The value's bytes, as long as optlen says.</param>
    /// <returns>0; -EBADF, -EINVAL (length or value), -ENOPROTOOPT (unknown), -EPERM, -EACCES, -EDOM, -ENODEV, ...
    /// </returns>
    public int SetSocketOption(int fd, int level, int name, ReadOnlySpan<byte> value)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return Descriptors.Missing(fd);
        }

        return level switch
        {
            OptionKey.LevelSocket => SetSocketLevel(socket, name, value),
            OptionKey.LevelTcp when !socket.IsDatagram => SetTcpLevel(socket, name, value),
            OptionKey.LevelIp => SetIpLevel(socket, name, value),
            OptionKey.LevelIPv6 when socket.Options.IsIPv6 => SetIPv6Level(socket, name, value),
            OptionKey.LevelUdp when socket.IsDatagram => value.Length < IntLength
                ? -Errno.EINVAL : SetByRule(socket, level, name, Read(value)),
            _ => -Errno.ENOPROTOOPT,
        };
    }

    /// <summary>getsockopt() as a program makes it: Linux's numbers and bytes, little-endian.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="level">The level: 0 SOL_IP, 1 SOL_SOCKET, 6 SOL_TCP, 41 SOL_IPV6.</param>
    /// <param name="name">The option's number at its level.</param>
    /// <param name="value">Where the value goes.</param>
    /// <param name="length">What the program has room for; becomes the value's length, cut to that.</param>
    /// <returns>0; -EBADF, -EINVAL (a negative length), -ENOPROTOOPT (unknown name, or level of an AF_INET6 socket),
    /// -EOPNOTSUPP (unknown level), -EFAULT (<paramref name="value"/> is shorter than it was said to be).</returns>
    public int GetSocketOption(int fd, int level, int name, Span<byte> value, ref int length)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return Descriptors.Missing(fd);
        }

        if (length < 0)
        {
            return -Errno.EINVAL;
        }

        if (IsGroupFilter(socket, level, name))
        {
            return GetGroupFilter(socket, level, name, value, ref length);
        }

        Span<byte> result = stackalloc byte[LargestValue];
        result.Clear();
        int full = level switch
        {
            OptionKey.LevelSocket => GetSocketLevel(socket, name, length, result),
            OptionKey.LevelTcp when !socket.IsDatagram => GetTcpLevel(socket, name, ref length, result),
            OptionKey.LevelIp => GetIpLevel(socket, name, length, result),
            OptionKey.LevelIPv6 when socket.Options.IsIPv6 => GetIPv6Level(socket, name, length, result),
            OptionKey.LevelUdp when socket.IsDatagram => GetByRule(socket, level, name, result),
            _ => socket.Options.IsIPv6 ? -Errno.ENOPROTOOPT : -Errno.EOPNOTSUPP,
        };
        if (full < 0)
        {
            return full;
        }

        full = Math.Min(full, length);
        if (!result[..full].TryCopyTo(value))
        {
            return -Errno.EFAULT;
        }

        length = full;
        return 0;
    }

    /// <summary>Gives a SO_REUSEPORT group a chooser, as a BPF program is attached to one under Linux.</summary>
    /// <param name="fd">A listener of the group, or a socket with SO_REUSEPORT that will be the first of its
    /// group.</param>
    /// <param name="selector">Who chooses; null: the stack by hash.</param>
    /// <param name="migrates">Whether it also chooses who takes over from a listener that has stopped, without
    /// tcp_migrate_req.</param>
    /// <returns>0; -EBADF, -EINVAL (no SO_REUSEPORT, or listening without it).</returns>
    public int SetReusePortSelector(int fd, ReusePortSelector? selector, bool migrates = false)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return Descriptors.Missing(fd);
        }

        if (socket.Listener is null ? !socket.Options.ReusePort : socket.Group is null)
        {
            return -Errno.EINVAL;
        }

        socket.SetSelector(selector, migrates);
        if (socket.Listener is not null)
        {
            socket.Group!.SetSelector(selector, migrates);
        }

        return 0;
    }

    /// <summary>Whether the caller may do what CAP_NET_ADMIN lets do.</summary>
    internal bool IsAdmin => Credentials.Has(SocketCapabilities.NetAdmin);

    /// <summary>Whether the caller has CAP_NET_ADMIN or CAP_NET_RAW.</summary>
    internal bool IsNetwork => IsAdmin || Credentials.Has(SocketCapabilities.NetRaw);

    private int SetByRule(Socket socket, int level, int name, int value) =>
        OptionTable.TryFind(level, name, out OptionRule rule) ? rule.Set(this, socket, value) : -Errno.ENOPROTOOPT;

    private int GetByRule(Socket socket, int level, int name, Span<byte> result)
    {
        int value = 0;
        int error = OptionTable.TryFind(level, name, out OptionRule rule)
            ? rule.Tell(this, socket, out value) : -Errno.ENOPROTOOPT;
        return error != 0 ? error : Int(result, value);
    }

    private static int Copy(byte[]? value, Span<byte> result)
    {
        value.AsSpan().CopyTo(result);
        return value?.Length ?? 0;
    }

    // Values of options that are only kept: set by Keep, read by Kept.
    private static int Keep(Socket socket, int level, int name, long value, long least, long most, long otherwise = 0)
    {
        if (value < least || value > most)
        {
            return -Errno.EINVAL;
        }

        ref SocketOptions options = ref socket.ChangeOptions();
        int key = OptionKey.Of(level, name);
        options.Others = value == otherwise
            ? OptionValues.Without(options.Others, key) : OptionValues.With(options.Others, key, value);
        return 0;
    }

    private static int Kept(Socket socket, int level, int name, Span<byte> result, int otherwise = 0) => Int(
        result, (int)OptionValues.Get(socket.Options.Others, OptionKey.Of(level, name), otherwise));

    private static int Int(Span<byte> result, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(result, value);
        return IntLength;
    }

    private static int Read(ReadOnlySpan<byte> value) => BinaryPrimitives.ReadInt32LittleEndian(value);

    /// <summary>An option changed that others ask about who want a port.</summary>
    private void Rehold(Socket socket)
    {
        socket.Connection?.Rehold();
        _tcp.Table.Listeners.Invalidate();
    }
}
