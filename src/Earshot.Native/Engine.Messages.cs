using System;
using System.Runtime.InteropServices;
using Earshot.Core;
using Earshot.Core.Sockets;

namespace Earshot.Native;

/// <content>Sending and receiving. Buffers of the caller are read and written in place where there is one, and gathered
/// where there are several.</content>
internal sealed unsafe partial class Engine
{
    // Linux: MAX_RW_COUNT.
    private const nuint LargestTransfer = 0x7ffff000;
    private const int MostBuffers = 1024;

    // More than any socket can take or hold at once: what lies behind is told by a short count.
    private const int LargestGather = 64 << 20;
    private const int FirstScratch = 64 << 10;

    private byte* _scratch;
    private int _scratchLength;

    /// <summary>es_read.</summary>
    internal int Read(int fd, byte* buffer, nuint length)
    {
        int refusal = CheckFile(fd, length);
        return refusal != 0 || length == 0 ? refusal : ReceiveFrom(fd, buffer, length, 0, null, null);
    }

    /// <summary>es_write.</summary>
    internal int Write(int fd, byte* buffer, nuint length)
    {
        int refusal = CheckFile(fd, length);
        return refusal != 0 ? refusal : SendTo(fd, buffer, length, 0, null, 0);
    }

    /// <summary>es_readv.</summary>
    internal int ReadVector(int fd, IoVector* vectors, int count)
    {
        int refusal = CheckFile(fd, 0);
        if (refusal == 0)
        {
            refusal = CheckVectors(vectors, count, -Errno.EINVAL, out nuint total);
            if (refusal == 0 && total == 0)
            {
                return 0;
            }
        }

        if (refusal != 0)
        {
            return refusal;
        }

        var message = new IncomingMessage();
        return ReceiveVectors(fd, vectors, count, ref message, 0);
    }

    /// <summary>es_writev.</summary>
    internal int WriteVector(int fd, IoVector* vectors, int count)
    {
        int refusal = CheckFile(fd, 0);
        refusal = refusal != 0 ? refusal : CheckVectors(vectors, count, -Errno.EINVAL, out _);
        return refusal != 0 ? refusal : SendVectors(fd, vectors, count, new OutgoingMessage(), 0);
    }

    /// <summary>es_send, and es_sendto: a null name is no name, whatever its length.</summary>
    internal int SendTo(int fd, byte* buffer, nuint length, int flags, byte* name, uint nameLength)
    {
        length = Math.Min(length, LargestTransfer);
        var message = new OutgoingMessage();
        if (buffer == null)
        {
            message.Unreadable = (long)length;
        }
        else
        {
            message.Data = new ReadOnlySpan<byte>(buffer, (int)length);
        }

        if (name != null)
        {
            int refusal = TryName(fd, name, nameLength, out ReadOnlySpan<byte> bytes);
            if (refusal != 0)
            {
                return refusal;
            }

            message.Name = bytes;
            message.HasName = true;
        }

        return Calls.SendMessage(fd, message, flags);
    }

    /// <summary>es_recv, and es_recvfrom.</summary>
    internal int ReceiveFrom(int fd, byte* buffer, nuint length, int flags, byte* name, uint* nameLength)
    {
        length = Math.Min(length, LargestTransfer);
        var message = new IncomingMessage();
        if (buffer == null)
        {
            message.Unwritable = (long)length;
        }
        else
        {
            message.Data = new Span<byte>(buffer, (int)length);
        }

        int room = name == null || nameLength == null ? 0 : (int)*nameLength;
        message.Name = Room(name, room);
        int result = Calls.ReceiveMessage(fd, ref message, flags);
        if (result < 0 || name == null)
        {
            return result;
        }

        // Linux looks at the length when the bytes are already gone.
        if (nameLength == null || room < 0)
        {
            return nameLength == null ? -Errno.EFAULT : -Errno.EINVAL;
        }

        *nameLength = (uint)message.NameLength;
        return result;
    }

    /// <summary>es_sendmsg.</summary>
    internal int SendMessage(int fd, MessageHeader* header, int flags)
    {
        int refusal = CheckHeader(fd, header);
        if (refusal != 0)
        {
            return refusal;
        }

        var message = new OutgoingMessage();
        if (header->Name != null && header->NameLength > 0)
        {
            message.Name = new ReadOnlySpan<byte>(header->Name, Math.Min(header->NameLength, LongestName));
            message.HasName = true;
        }

        if (header->ControlLength > int.MaxValue)
        {
            return -Errno.ENOBUFS;
        }

        if (header->ControlLength > 0)
        {
            if (header->ControlLength > (nuint)_stack.Sysctls.OptmemMax)
            {
                return -Errno.ENOBUFS;
            }

            if (header->Control == null)
            {
                return -Errno.EFAULT;
            }

            message.Control = new ReadOnlySpan<byte>(header->Control, (int)header->ControlLength);
        }

        return SendVectors(fd, header->Vectors, (int)header->VectorCount, message, flags);
    }

    /// <summary>es_recvmsg.</summary>
    internal int ReceiveMessage(int fd, MessageHeader* header, int flags)
    {
        int refusal = CheckHeader(fd, header);
        if (refusal != 0)
        {
            return refusal;
        }

        int control = (int)Math.Min(header->ControlLength, int.MaxValue);
        var message = new IncomingMessage
        {
            Name = Room(header->Name, header->NameLength),
            Control = Room(header->Control, control),
        };
        int result = ReceiveVectors(fd, header->Vectors, (int)header->VectorCount, ref message, flags);
        if (result >= 0)
        {
            if (header->Name != null)
            {
                header->NameLength = message.NameLength;
            }

            header->ControlLength = (nuint)message.ControlLength;
            header->Flags = message.Flags;
        }

        return result;
    }

    private int SendVectors(int fd, IoVector* vectors, int count, OutgoingMessage message, int flags)
    {
        if (count == 1 && vectors[0].Base != null)
        {
            message.Data = new ReadOnlySpan<byte>(
                vectors[0].Base, (int)Math.Min(vectors[0].Length, LargestTransfer));
            return Calls.SendMessage(fd, message, flags);
        }

        int length = GatherLength(vectors, count, out nuint unreadable);
        Span<byte> room = Scratch(length);
        int at = 0;
        for (int i = 0; i < count && at < length; i++)
        {
            int part = (int)Math.Min(vectors[i].Length, (nuint)(length - at));
            new ReadOnlySpan<byte>(vectors[i].Base, part).CopyTo(room[at..]);
            at += part;
        }

        message.Data = room[..length];
        message.Unreadable = (long)unreadable;
        return Calls.SendMessage(fd, message, flags);
    }

    private int ReceiveVectors(int fd, IoVector* vectors, int count, ref IncomingMessage message, int flags)
    {
        if (count == 1 && vectors[0].Base != null)
        {
            message.Data = new Span<byte>(vectors[0].Base, (int)Math.Min(vectors[0].Length, LargestTransfer));
            return Calls.ReceiveMessage(fd, ref message, flags);
        }

        int length = GatherLength(vectors, count, out nuint unwritable);
        Span<byte> room = Scratch(length);
        message.Data = room[..length];
        message.Unwritable = (long)unwritable;
        int result = Calls.ReceiveMessage(fd, ref message, flags);

        // With MSG_TRUNC the result may be more than was written, and on a connection nothing is.
        const int cut = 0x20;
        int left = (flags & cut) != 0 && (message.Flags & cut) == 0 ? 0 : Math.Min(result, length);
        int at = 0;
        for (int i = 0; i < count && left > 0; i++)
        {
            int part = (int)Math.Min(vectors[i].Length, (nuint)left);
            room.Slice(at, part).CopyTo(new Span<byte>(vectors[i].Base, part));
            at += part;
            left -= part;
        }

        return result;
    }

    /// <summary>Bytes of the buffers up to the first null pointer, as far as they are gathered; and those from
    /// there on.</summary>
    private static int GatherLength(IoVector* vectors, int count, out nuint beyond)
    {
        nuint length = 0;
        beyond = 0;
        for (int i = 0; i < count; i++)
        {
            nuint room = LargestTransfer - length - beyond;
            nuint part = Math.Min(vectors[i].Length, room);
            if (beyond > 0 || (vectors[i].Base == null && part > 0))
            {
                beyond += part;
            }
            else
            {
                length += part;
            }
        }

        return (int)Math.Min(length, (nuint)LargestGather);
    }

    private Span<byte> Scratch(int length)
    {
        if (length > _scratchLength)
        {
            _scratchLength = (int)System.Numerics.BitOperations.RoundUpToPowerOf2(
                (uint)Math.Max(length, FirstScratch));
            _scratch = (byte*)NativeMemory.Realloc(_scratch, (nuint)_scratchLength);
        }

        return new Span<byte>(_scratch, _scratchLength);
    }

    /// <summary>What read() and write() ask before the socket is asked. Linux: vfs_read, rw_verify_area.</summary>
    private int CheckFile(int fd, nuint length)
    {
        // An epoll can be neither read nor written.
        int found = Calls.Check(fd);
        return found == -Errno.ENOTSOCK || (found == 0 && (nint)length < 0) ? -Errno.EINVAL : found;
    }

    /// <summary>Linux: copy_msghdr_from_user.</summary>
    private int CheckHeader(int fd, MessageHeader* header)
    {
        int refusal = Calls.Check(fd);
        if (refusal != 0)
        {
            return refusal;
        }

        if (header == null)
        {
            return -Errno.EFAULT;
        }

        if (header->Name != null && header->NameLength < 0)
        {
            return -Errno.EINVAL;
        }

        return CheckVectors(
            header->Vectors, (long)Math.Min(header->VectorCount, long.MaxValue), -Errno.EMSGSIZE, out _);
    }

    /// <summary>Linux: import_iovec.</summary>
    private static int CheckVectors(IoVector* vectors, long count, int tooMany, out nuint total)
    {
        total = 0;
        if (count is < 0 or > MostBuffers)
        {
            return tooMany;
        }

        if (vectors == null && count > 0)
        {
            return -Errno.EFAULT;
        }

        for (int i = 0; i < count; i++)
        {
            if ((nint)vectors[i].Length < 0)
            {
                return -Errno.EINVAL;
            }

            total += vectors[i].Length;
        }

        return 0;
    }
}

/// <summary>struct iovec.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IoVector
{
    internal byte* Base;
    internal nuint Length;
}

/// <summary>struct msghdr.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MessageHeader
{
    internal byte* Name;
    internal int NameLength;
    internal IoVector* Vectors;
    internal nuint VectorCount;
    internal byte* Control;
    internal nuint ControlLength;
    internal int Flags;
}
