using Earshot.Core.Tcp.Established;

namespace Earshot.Core.Sockets;

/// <content>What every file has: poll(), fcntl(), ioctl().</content>
public sealed partial class SocketCalls
{
    private const int LargestFlags = 0x400 | NonBlocking | 0x2000 | 0x40000;

    /// <summary>Whether a descriptor is a socket's.</summary>
    /// <returns>0; -EBADF, -ENOTSOCK (an epoll's).</returns>
    public int Check(int fd) => Descriptors.TryGet(fd, out _) ? 0 : Descriptors.Missing(fd);

    /// <summary>poll(): what a socket or an epoll is ready for now.</summary>
    /// <returns>The mask; -EBADF.</returns>
    public int Poll(int fd) => Descriptors.TryGetFile(fd, out OpenFile file) ? (int)file.Poll() : -Errno.EBADF;

    /// <summary>fcntl().</summary>
    /// <param name="fd">The descriptor of a socket or an epoll.</param>
    /// <param name="command">F_GETFD 1, F_SETFD 2, F_GETFL 3, F_SETFL 4.</param>
    /// <param name="argument">The flags to set: FD_CLOEXEC, or of O_APPEND, O_NONBLOCK, O_ASYNC and O_NOATIME.</param>
    /// <returns>The flags, or 0; -EBADF, -EINVAL.</returns>
    /// <remarks>O_NONBLOCK is kept and changes nothing: no call ever waits.</remarks>
    public int FileControl(int fd, int command, long argument = 0)
    {
        const int getDescriptorFlags = 1;
        const int setDescriptorFlags = 2;
        const int getStatusFlags = 3;
        const int setStatusFlags = 4;
        const int direct = 0x4000;
        if (!Descriptors.TryGetFile(fd, out OpenFile file))
        {
            return -Errno.EBADF;
        }

        switch (command)
        {
            case getDescriptorFlags:
                return (file.StatusFlags & CloseOnExec) != 0 ? 1 : 0;
            case setDescriptorFlags:
                file.StatusFlags = (file.StatusFlags & ~CloseOnExec) | ((argument & 1) != 0 ? CloseOnExec : 0);
                return 0;
            case getStatusFlags:
                return file.StatusFlags & ~CloseOnExec;
            case setStatusFlags when (argument & direct) == 0:
                file.StatusFlags = (file.StatusFlags & ~LargestFlags) | ((int)argument & LargestFlags);
                return 0;
            default:
                return -Errno.EINVAL;
        }
    }

    /// <summary>ioctl() with a pointer to an int.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="request">FIONBIO 0x5421, SIOCINQ 0x541B, SIOCOUTQ 0x5411, SIOCOUTQNSD 0x894B, SIOCATMARK
    /// 0x8905.</param>
    /// <param name="value">Where the pointer points to.</param>
    /// <returns>0; -EBADF, -EINVAL (a listener has no queues of bytes), -ENOTTY (not a request of this kind of
    /// file).</returns>
    public int IoControl(int fd, uint request, ref int value)
    {
        const uint setNonBlocking = 0x5421;
        if (!Descriptors.TryGetFile(fd, out OpenFile file))
        {
            return -Errno.EBADF;
        }

        if (request == setNonBlocking)
        {
            file.StatusFlags = (file.StatusFlags & ~NonBlocking) | (value != 0 ? NonBlocking : 0);
            return 0;
        }

        if (file is not Socket socket)
        {
            return -Errno.ENOTTY;
        }

        return socket.IsDatagram
            ? DatagramControl(socket, request, ref value) : StreamControl(socket, request, ref value);
    }

    /// <summary>Linux: tcp_ioctl.</summary>
    private static int StreamControl(Socket socket, uint request, ref int value)
    {
        Connection? connection = socket.Connection;
        switch (request)
        {
            case InputQueue or OutputQueue or OutputQueueNotSent when socket.Listener is not null:
                return -Errno.EINVAL;
            case InputQueue:
                value = connection?.BytesBeforeMark ?? 0;
                return 0;
            case OutputQueue:
                value = connection?.UnacknowledgedBytes ?? 0;
                return 0;
            case OutputQueueNotSent:
                value = connection?.UnsentBytes ?? 0;
                return 0;
            case AtMark:
                value = connection is { IsAtMark: true } ? 1 : 0;
                return 0;
            default:
                return -Errno.ENOTTY;
        }
    }

    private static int DatagramControl(Socket socket, uint request, ref int value)
    {
        UdpRole udp = socket.Udp!;
        switch (request)
        {
            case InputQueue:
                value = udp.Queue.Count > 0 ? udp.Queue[0].Length : 0;
                return 0;
            case OutputQueue:
                value = udp.Unsent;
                return 0;
            default:
                return -Errno.ENOTTY;
        }
    }

    private const uint InputQueue = 0x541B;
    private const uint OutputQueue = 0x5411;
    private const uint OutputQueueNotSent = 0x894B;
    private const uint AtMark = 0x8905;
}
