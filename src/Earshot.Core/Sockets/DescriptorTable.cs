using System.Collections.Generic;

namespace Earshot.Core.Sockets;

/// <summary>Descriptors of sockets and epolls: the lowest free number first, up to a limit.</summary>
internal sealed class DescriptorTable
{
    private readonly List<OpenFile?> _files = [];
    private readonly PriorityQueue<int, int> _free = new();
    private readonly int _first;
    private readonly int _limit;

    internal DescriptorTable(int first, int limit)
    {
        _first = first;
        _limit = limit;
        while (_files.Count < first)
        {
            _files.Add(null);
        }
    }

    /// <summary>Descriptors in use.</summary>
    internal int Count => _files.Count - _first - _free.Count;

    /// <summary>Descriptors of sockets.</summary>
    internal int SocketCount { get; private set; }

    /// <summary>Descriptors of datagram sockets.</summary>
    internal int DatagramCount
    {
        get
        {
            int count = 0;
            foreach (Socket socket in All)
            {
                count += socket.IsDatagram ? 1 : 0;
            }

            return count;
        }
    }

    /// <summary>Every socket, by descriptor.</summary>
    internal IEnumerable<Socket> All
    {
        get
        {
            foreach (OpenFile? file in _files)
            {
                if (file is Socket socket)
                {
                    yield return socket;
                }
            }
        }
    }

    /// <summary>Finds a socket; what is there instead says <see cref="Missing"/>.</summary>
    internal bool TryGet(int descriptor, out Socket socket)
    {
        socket = (uint)descriptor < (uint)_files.Count ? (_files[descriptor] as Socket)! : null!;
        return socket is not null;
    }

    /// <summary>Finds a socket or an epoll.</summary>
    internal bool TryGetFile(int descriptor, out OpenFile file)
    {
        file = (uint)descriptor < (uint)_files.Count ? _files[descriptor]! : null!;
        return file is not null;
    }

    /// <summary>Why <see cref="TryGet"/> found no socket: -ENOTSOCK, or -EBADF.</summary>
    internal int Missing(int descriptor) => TryGetFile(descriptor, out _) ? -Errno.ENOTSOCK : -Errno.EBADF;

    /// <summary>The number that the next file gets, or -EMFILE.</summary>
    internal int Peek()
    {
        if (_free.TryPeek(out int free, out _))
        {
            return free;
        }

        return _files.Count < _limit ? _files.Count : -Errno.EMFILE;
    }

    /// <summary>Puts a file where <see cref="Peek"/> said.</summary>
    internal void Add(OpenFile file)
    {
        SocketCount += file is Socket ? 1 : 0;
        if (file.Descriptor == _files.Count)
        {
            _files.Add(file);
        }
        else
        {
            int free = _free.Dequeue();
            Invariant.Check(free == file.Descriptor, "the lowest free descriptor is used");
            _files[free] = file;
        }
    }

    internal void Remove(int descriptor)
    {
        SocketCount -= _files[descriptor] is Socket ? 1 : 0;
        _files[descriptor] = null;
        _free.Enqueue(descriptor, descriptor);
    }
}
