using System;
using System.Buffers.Binary;
using Earshot.Core.Tcp;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Tcp.Established.Sending;

namespace Earshot.Core.Sockets;

/// <content>Sending and receiving.</content>
public sealed partial class SocketCalls
{
    // What is copied before anything is queued. A fault in it queues nothing. On Linux it is the room
    // of a page fragment.
    private const int FirstChunk = 32768;

    /// <summary>send(), and write(): queues bytes.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="flags">MSG_DONTWAIT, MSG_NOSIGNAL, MSG_MORE, MSG_EOR, MSG_OOB ...; others are ignored.</param>
    /// <returns>The bytes taken; -EBADF, -EAGAIN, -EPIPE, -EDESTADDRREQ (a datagram socket), or the pending
    /// error.</returns>
    public int Send(int fd, ReadOnlySpan<byte> bytes, int flags = 0) =>
        SendMessage(fd, new OutgoingMessage { Data = bytes }, flags);

    /// <summary>sendto(): queues bytes, or sends a datagram to an address.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="flags">As of <see cref="Send"/>.</param>
    /// <param name="name">The destination's sockaddr, as long as the program says; a connection ignores it.</param>
    /// <returns>As <see cref="Send"/>; -EINVAL of a name that is too long.</returns>
    public int SendTo(int fd, ReadOnlySpan<byte> bytes, int flags, ReadOnlySpan<byte> name) =>
        SendMessage(fd, new OutgoingMessage { Data = bytes, Name = name, HasName = true }, flags);

    /// <summary>sendmsg().</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="message">What to send.</param>
    /// <param name="flags">As of <see cref="Send"/>.</param>
    /// <returns>The bytes taken; -EBADF, -EAGAIN, -EPIPE, -EINVAL (a control message), -EFAULT, or the pending
    /// error.</returns>
    public int SendMessage(int fd, in OutgoingMessage message, int flags = 0)
    {
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return Descriptors.Missing(fd);
        }

        if (message.Name.Length > SocketName.Longest)
        {
            return -Errno.EINVAL;
        }

        return socket.IsDatagram
            ? SendDatagram(socket, message, (MessageFlags)flags) : SendStream(socket, message, (MessageFlags)flags);
    }

    /// <summary>read(): reads bytes; of none it returns 0 without a look at the socket.</summary>
    /// <returns>The bytes read, 0 at the end of the stream; -EBADF, -EAGAIN, -ENOTCONN, or the pending error.</returns>
    public int Receive(int fd, Span<byte> bytes)
    {
        if (bytes.IsEmpty && Descriptors.TryGet(fd, out _))
        {
            return 0;
        }

        return Receive(fd, bytes, 0);
    }

    /// <summary>recv(): reads bytes.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="bytes">Room for the bytes.</param>
    /// <param name="flags">MSG_PEEK, MSG_TRUNC, MSG_DONTWAIT, MSG_WAITALL, MSG_OOB, MSG_ERRQUEUE; unknown ones are
    /// ignored.</param>
    /// <returns>The bytes read, 0 at the end of the stream; -EBADF, -EAGAIN, -ENOTCONN, or the pending error.</returns>
    public int Receive(int fd, Span<byte> bytes, int flags)
    {
        var message = new IncomingMessage { Data = bytes };
        return ReceiveMessage(fd, ref message, flags);
    }

    /// <summary>recvfrom().</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="bytes">Room for the bytes.</param>
    /// <param name="flags">As of <see cref="Receive(int, Span{byte}, int)"/>.</param>
    /// <param name="name">Room for the sender's sockaddr.</param>
    /// <param name="length">Room that the program has; becomes the sockaddr's whole length, 0 on a connection.</param>
    /// <returns>As <see cref="Receive(int, Span{byte}, int)"/>; with a negative length -EINVAL, and what was read is
    /// lost.</returns>
    public int ReceiveFrom(int fd, Span<byte> bytes, int flags, Span<byte> name, ref int length)
    {
        var message = new IncomingMessage { Data = bytes, Name = name[..Math.Clamp(length, 0, name.Length)] };
        int result = ReceiveMessage(fd, ref message, flags);
        if (result < 0)
        {
            return result;
        }

        if (length < 0)
        {
            return -Errno.EINVAL;
        }

        length = message.NameLength;
        return result;
    }

    /// <summary>recvmsg().</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="message">What to fill.</param>
    /// <param name="flags">As of <see cref="Receive(int, Span{byte}, int)"/>.</param>
    /// <returns>As <see cref="Receive(int, Span{byte}, int)"/>; -EFAULT.</returns>
    public int ReceiveMessage(int fd, ref IncomingMessage message, int flags = 0)
    {
        message.NameLength = message.ControlLength = 0;
        message.Flags = flags & (int)MessageFlags.CloseOnExec;
        if (!Descriptors.TryGet(fd, out Socket socket))
        {
            return Descriptors.Missing(fd);
        }

        var asked = (MessageFlags)flags;
        return socket.IsDatagram
            ? ReceiveDatagram(socket, ref message, asked) : ReceiveStream(socket, ref message, asked);
    }

    /// <summary>Linux: tcp_sendmsg_locked. What stands in the way of a connection says itself.</summary>
    private int SendStream(Socket socket, in OutgoingMessage message, MessageFlags flags)
    {
        TimestampingFlags timestamping = socket.Timestamping;
        int refusal = message.Control.IsEmpty ? 0 : ReadStreamControl(message.Control, ref timestamping);
        if (refusal != 0)
        {
            return refusal;
        }

        if ((flags & MessageFlags.FastOpen) != 0 && socket.Connection is not { IsDeferred: true })
        {
            return SendFastOpen(socket, message);
        }

        if (socket.Connection is not { } connection)
        {
            return socket.Error != 0 ? -TakeError(socket) : -Errno.EPIPE;
        }

        if (message.Unreadable > 0 && message.Data.Length < FirstChunk && connection.IsWritable)
        {
            return connection.HasWriteRoom ? -Errno.EFAULT : -Errno.EAGAIN;
        }

        int result = connection.Write(message.Data, flags);
        if (result > 0)
        {
            MarkWritten(socket, connection, flags, timestamping);
        }

        _stack.Drain(connection);
        return result;
    }

    /// <summary>Walks over the control messages of a connection: only those of the socket level mean anything. Linux:
    /// sock_cmsg_send.</summary>
    private int ReadStreamControl(ReadOnlySpan<byte> control, ref TimestampingFlags timestamping)
    {
        int error = 0;
        while (!control.IsEmpty && ControlMessages.TryNext(
            ref control, out int level, out int type, out ReadOnlySpan<byte> value, out error))
        {
            int refusal = level != OptionKey.LevelSocket ? 0 : CheckSocketControl(type, value);
            if (refusal != 0)
            {
                return refusal;
            }

            if (level == OptionKey.LevelSocket && type == TimestampingName)
            {
                timestamping = (TimestampingFlags)Read(value) | (timestamping & ~TimestampingFlags.Transmit);
            }
        }

        return error;
    }

    /// <summary>What is to be told of the byte that was written last. Linux: tcp_tx_timestamp,
    /// msg_zerocopy_realloc.</summary>
    private static void MarkWritten(
        Socket socket, Connection connection, MessageFlags flags, TimestampingFlags timestamping)
    {
        SendMark times = (timestamping & TimestampingFlags.Queued) != 0 ? SendMark.Queued : SendMark.None;
        times |= (timestamping & TimestampingFlags.Sent) != 0 ? SendMark.Sent : SendMark.None;
        times |= (timestamping & TimestampingFlags.Acknowledged) != 0 ? SendMark.Acknowledged : SendMark.None;
        if (times != SendMark.None)
        {
            // Numbers are those of bytes, from where they were first asked for.
            bool numbered = (timestamping & TimestampingFlags.Id) != 0;
            connection.Mark(
                times, numbered ? connection.NumberOrigin(written: true) - 1 - socket.Extras.TimestampKey : 0);
        }

        if ((flags & MessageFlags.ZeroCopy) != 0 && socket.Kept(OptionKey.LevelSocket, 60) != 0)
        {
            connection.Mark(SendMark.Released, socket.Extras.ZeroCopyKey++);
        }
    }

    /// <summary>Linux: __sock_cmsg_send.</summary>
    private int CheckSocketControl(int type, ReadOnlySpan<byte> value)
    {
        const int rights = 1;
        const int credentials = 2;
        const int priority = 12;
        const int mark = 36;
        const int timestamping = 37;
        const int transmitTime = 61;
        const uint transmitBits = 0x1 | 0x2 | 0x100 | 0x200;
        bool privileged = Credentials.Has(SocketCapabilities.NetAdmin) || Credentials.Has(SocketCapabilities.NetRaw);
        switch (type)
        {
            case rights or credentials:
                return 0;
            case mark when !privileged:
                return -Errno.EPERM;
            case mark or priority when value.Length == IntLength:
                return 0;
            case timestamping when value.Length == IntLength:
                return (BinaryPrimitives.ReadUInt32LittleEndian(value) & ~transmitBits) == 0 ? 0 : -Errno.EINVAL;
            case transmitTime:
            default:
                return -Errno.EINVAL;
        }
    }

    /// <summary>Linux: tcp_recvmsg.</summary>
    private int ReceiveStream(Socket socket, ref IncomingMessage message, MessageFlags flags)
    {
        if ((flags & MessageFlags.ErrorQueue) != 0)
        {
            return ReceiveError(socket, ref message);
        }

        if (socket.Connection is not { } connection)
        {
            // shutdown() of a socket without a peer fails, and yet: it reads an end from then on. Linux: inet_shutdown.
            return (flags & MessageFlags.Urgent) != 0 && socket.Listener is null ? -Errno.EINVAL
                : socket.Error != 0 ? -TakeError(socket)
                : socket.Options.ReadShut && socket.Listener is null ? 0 : -Errno.ENOTCONN;
        }

        int result = ReadStream(socket, connection, ref message, flags);
        if (result > 0 || (result == 0 && message.Wanted > 0))
        {
            PutStreamControl(socket, connection, ref message);
        }

        _stack.Drain(connection);
        return result;
    }

    private static int ReadStream(
        Socket socket, Connection connection, ref IncomingMessage message, MessageFlags flags)
    {
        bool peek = (flags & MessageFlags.Peek) != 0;
        bool discard = (flags & MessageFlags.Cut) != 0;
        int offset = (int)OptionValues.Get(socket.Options.Others, OptionKey.PeekOffset, -1);
        int skip = peek ? Math.Max(offset, 0) : 0;
        bool urgent = (flags & MessageFlags.Urgent) != 0;
        if (!urgent && message.Data.Length == 0 && !discard && message.Wanted > 0
            && connection.ReadableBytes > skip)
        {
            return -Errno.EFAULT;
        }

        int wanted = (int)Math.Min(message.Wanted, int.MaxValue);
        int count = connection.Read(message.Data, flags, skip, wanted);
        if (count > 0 && offset >= 0 && !urgent)
        {
            int moved = peek ? offset + count : Math.Max(offset - count, 0);
            Keep(socket, OptionKey.LevelSocket, 42, moved, 0, int.MaxValue, -1);
        }

        return count;
    }

    private static void PutStreamControl(Socket socket, Connection connection, ref IncomingMessage message)
    {
        if (socket.Options.Others is not { } others)
        {
            return;
        }

        PutTimes(socket, connection.LastDataReceived, ref message);
        if (OptionValues.Get(others, OptionKey.InputQueueLength) != 0)
        {
            int left = connection.ReadableBytes;
            message.Put(OptionKey.LevelTcp, 36, left == 0 && connection.IsEndRead ? 1 : left);
        }
    }
}
