using System.Collections.Generic;

namespace Earshot.Core.Sockets;

/// <summary>Descriptors: the lowest free number first, from 3 on, up to a limit.</summary>
internal sealed class DescriptorTable
{
    /// <summary>0, 1 and 2 belong to every program.</summary>
    internal const int First = 3;

    private readonly List<Socket?> _sockets = [null, null, null];
    private readonly PriorityQueue<int, int> _free = new();
    private readonly int _limit;

    internal DescriptorTable(int limit) => _limit = limit;

    /// <summary>Descriptors in use.</summary>
    internal int Count => _sockets.Count - First - _free.Count;

    /// <summary>Every socket, by descriptor.</summary>
    internal IEnumerable<Socket> All
    {
        get
        {
            foreach (Socket? socket in _sockets)
            {
                if (socket is not null)
                {
                    yield return socket;
                }
            }
        }
    }

    internal bool TryGet(int descriptor, out Socket socket)
    {
        socket = descriptor >= First && descriptor < _sockets.Count ? _sockets[descriptor]! : null!;
        return socket is not null;
    }

    /// <summary>The number that the next socket gets, or -EMFILE.</summary>
    internal int Peek()
    {
        if (_free.TryPeek(out int free, out _))
        {
            return free;
        }

        return _sockets.Count < _limit ? _sockets.Count : -Errno.EMFILE;
    }

    /// <summary>Puts a socket where <see cref="Peek"/> said.</summary>
    internal void Add(Socket socket)
    {
        if (socket.Descriptor == _sockets.Count)
        {
            _sockets.Add(socket);
        }
        else
        {
            int free = _free.Dequeue();
            Invariant.Check(free == socket.Descriptor, "the lowest free descriptor is used");
            _sockets[free] = socket;
        }
    }

    internal void Remove(int descriptor)
    {
        _sockets[descriptor] = null;
        _free.Enqueue(descriptor, descriptor);
    }
}
