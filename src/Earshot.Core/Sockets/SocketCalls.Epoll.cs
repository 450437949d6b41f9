using System;

namespace Earshot.Core.Sockets;

/// <content>epoll. Linux: do_epoll_create, do_epoll_ctl, do_epoll_wait.</content>
public sealed partial class SocketCalls
{
    private const int MostEvents = int.MaxValue / 12;

    /// <summary>epoll_create1(): a new epoll's descriptor.</summary>
    /// <param name="flags">EPOLL_CLOEXEC (0x80000) or 0.</param>
    /// <returns>The descriptor; -EINVAL, -EMFILE.</returns>
    public int EpollCreate(int flags = 0)
    {
        if ((flags & ~CloseOnExec) != 0)
        {
            return -Errno.EINVAL;
        }

        int descriptor = Descriptors.Peek();
        if (descriptor >= 0)
        {
            Descriptors.Add(new Epoll { Descriptor = descriptor, StatusFlags = ReadWrite });
        }

        return descriptor;
    }

    /// <summary>epoll_ctl(): adds (1), removes (2) or changes (3) a descriptor that an epoll watches.</summary>
    /// <param name="epoll">The epoll.</param>
    /// <param name="operation">EPOLL_CTL_ADD 1, EPOLL_CTL_DEL 2, EPOLL_CTL_MOD 3.</param>
    /// <param name="fd">The descriptor.</param>
    /// <param name="wanted">What to tell; nothing to EPOLL_CTL_DEL.</param>
    /// <returns>0; -EBADF, -EINVAL, -EEXIST, -ENOENT; -ELOOP: more than five epolls would watch each other in a row, or
    /// one itself.</returns>
    public int EpollControl(int epoll, int operation, int fd, EpollEvent wanted)
    {
        if (!Descriptors.TryGetFile(epoll, out OpenFile file) || !Descriptors.TryGetFile(fd, out OpenFile target))
        {
            return -Errno.EBADF;
        }

        if (file is not Epoll into || file == target)
        {
            return -Errno.EINVAL;
        }

        return operation switch
        {
            1 => into.Add(target, wanted),
            2 => into.Delete(target),
            3 => into.Modify(target, wanted),
            _ => -Errno.EINVAL,
        };
    }

    /// <summary>epoll_wait() that never waits: what is ready now, in the order in which it became ready.</summary>
    /// <param name="epoll">The epoll.</param>
    /// <param name="events">Room for the events.</param>
    /// <param name="most">Most events; no more than there is room for.</param>
    /// <returns>How many; -EBADF, -EINVAL (<paramref name="most"/> is not from 1 to 178956970, or it is no epoll),
    /// -EFAULT (less room than <paramref name="most"/> and no room at all).</returns>
    public int EpollWait(int epoll, Span<EpollEvent> events, int most)
    {
        if (most is <= 0 or > MostEvents)
        {
            return -Errno.EINVAL;
        }

        if (events.IsEmpty)
        {
            return -Errno.EFAULT;
        }

        if (!Descriptors.TryGetFile(epoll, out OpenFile file))
        {
            return -Errno.EBADF;
        }

        return file is Epoll from ? from.Wait(events[..Math.Min(most, events.Length)]) : -Errno.EINVAL;
    }
}
