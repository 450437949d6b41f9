using System;
using Earshot.Core;

namespace Earshot.Native;

/// <content>The calls that name a socket, make one or ask one. Linux's checks in Linux's order: descriptor, lengths,
/// pointers.</content>
internal sealed unsafe partial class Engine
{
    // Linux: struct sockaddr_storage.
    private const int LongestName = 128;
    private const int LevelSocket = 1;
    private const int LevelTcp = 6;
    private const int LevelIPv6 = 41;

    /// <summary>es_socket.</summary>
    internal int Socket(int domain, int type, int protocol) => Calls.Socket(domain, type, protocol);

    /// <summary>es_bind.</summary>
    internal int Bind(int fd, byte* name, uint length)
    {
        int refusal = TryName(fd, name, length, out ReadOnlySpan<byte> bytes);
        return refusal != 0 ? refusal : Calls.Bind(fd, bytes);
    }

    /// <summary>es_listen.</summary>
    internal int Listen(int fd, int backlog) => Calls.Listen(fd, backlog);

    /// <summary>es_accept4. As in Linux, a name that cannot be given loses the connection.</summary>
    internal int Accept(int fd, byte* name, uint* length, int flags)
    {
        if (name == null)
        {
            return Calls.Accept(fd, out _, flags);
        }

        int given = length == null ? 0 : (int)*length;
        int descriptor = Calls.Accept(fd, Room(name, given), ref given, flags);
        if (descriptor >= 0 && length == null)
        {
            Calls.Close(descriptor);
            return -Errno.EFAULT;
        }

        if (descriptor >= 0)
        {
            *length = (uint)given;
        }

        return descriptor;
    }

    /// <summary>es_connect.</summary>
    internal int Connect(int fd, byte* name, uint length)
    {
        int refusal = TryName(fd, name, length, out ReadOnlySpan<byte> bytes);
        return refusal != 0 ? refusal : Calls.Connect(fd, bytes);
    }

    /// <summary>es_shutdown.</summary>
    internal int Shutdown(int fd, int how) => Calls.Shutdown(fd, how);

    /// <summary>es_close: a time to linger limits the orphan.</summary>
    internal int Close(int fd) => Calls.Close(fd, limitsOrphan: true);

    /// <summary>es_getsockname.</summary>
    internal int GetSocketName(int fd, byte* name, uint* length)
    {
        int given = length == null ? 0 : (int)*length;
        return GiveName(Calls.GetSocketName(fd, Room(name, given), ref given), name, length, given);
    }

    /// <summary>es_getpeername.</summary>
    internal int GetPeerName(int fd, byte* name, uint* length)
    {
        int given = length == null ? 0 : (int)*length;
        return GiveName(Calls.GetPeerName(fd, Room(name, given), ref given), name, length, given);
    }

    /// <summary>es_getsockopt.</summary>
    internal int GetOption(int fd, int level, int name, byte* value, uint* length)
    {
        int refusal = Calls.Check(fd);
        if (refusal != 0 || length == null)
        {
            return refusal != 0 ? refusal : -Errno.EFAULT;
        }

        // What the value is written through has no room behind a null pointer: EFAULT comes where it is copied.
        int given = (int)*length;
        int result = Calls.GetSocketOption(fd, level, name, Room(value, given), ref given);
        *length = (uint)given;
        return result;
    }

    /// <summary>es_setsockopt.</summary>
    internal int SetOption(int fd, int level, int name, byte* value, uint length)
    {
        int refusal = Calls.Check(fd);
        if (refusal != 0 || (int)length < 0)
        {
            return refusal != 0 ? refusal : -Errno.EINVAL;
        }

        if (value != null || length == 0)
        {
            return Calls.SetSocketOption(fd, level, name, new ReadOnlySpan<byte>(value, (int)length));
        }

        switch (level)
        {
            case LevelSocket or LevelTcp when length < sizeof(int):
                return -Errno.EINVAL;
            case LevelIPv6:
                // Linux: do_ipv6_setsockopt takes a null pointer for a zero.
                int zero = 0;
                return Calls.SetSocketOption(fd, level, name, new ReadOnlySpan<byte>(&zero, sizeof(int)));
            default:
                // An unknown level is told before anything is copied.
                int unknown = Calls.SetSocketOption(fd, level, -1, []);
                return level is LevelSocket or LevelTcp || unknown != -Errno.ENOPROTOOPT || level == 0
                    ? -Errno.EFAULT : unknown;
        }
    }

    /// <summary>es_fcntl.</summary>
    internal int FileControl(int fd, int command, nint argument) => Calls.FileControl(fd, command, argument);

    /// <summary>es_ioctl. All requests have a pointer to an int.</summary>
    internal int IoControl(int fd, nuint request, int* argument)
    {
        const uint setNonBlocking = 0x5421;
        int value = 0;
        if (argument == null)
        {
            // What is only asked for is worked out before it is copied.
            int result = request == setNonBlocking && Calls.Poll(fd) >= 0
                ? -Errno.EFAULT : Calls.IoControl(fd, (uint)request, ref value);
            return result == 0 ? -Errno.EFAULT : result;
        }

        value = *argument;
        int answer = Calls.IoControl(fd, (uint)request, ref value);
        if (answer == 0 && request != setNonBlocking)
        {
            *argument = value;
        }

        return answer;
    }

    /// <summary>A name that the caller gives. Linux: move_addr_to_kernel.</summary>
    private int TryName(int fd, byte* name, uint length, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        int refusal = Calls.Check(fd);
        if (refusal != 0)
        {
            return refusal;
        }

        if (length > LongestName)
        {
            return -Errno.EINVAL;
        }

        if (name == null && length > 0)
        {
            return -Errno.EFAULT;
        }

        bytes = new ReadOnlySpan<byte>(name, (int)length);
        return 0;
    }

    /// <summary>Room for a name or a value: of a null pointer, none.</summary>
    private static Span<byte> Room(byte* room, int length) =>
        room == null ? default : new Span<byte>(room, Math.Max(length, 0));

    /// <summary>The end of a call that gave a name. Linux: move_addr_to_user.</summary>
    private static int GiveName(int result, byte* name, uint* length, int given)
    {
        if (result != 0)
        {
            return result;
        }

        if (length == null || (name == null && *length != 0))
        {
            return -Errno.EFAULT;
        }

        *length = (uint)given;
        return 0;
    }
}
