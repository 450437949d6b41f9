namespace Earshot.Sockets;

/// <summary>
/// The operations that wait on one side of a socket, first come first served; and the waiter they share.
/// </summary>
internal struct OperationQueue
{
    private SocketOperation? _last;

    /// <summary>The operation whose turn it is.</summary>
    internal SocketOperation? First { get; private set; }

    /// <summary>The token by which the stack will tell that the socket is ready; 0 when it was not asked.</summary>
    internal long Waiter { get; set; }

    internal void Add(SocketOperation operation)
    {
        if (_last is null)
        {
            First = operation;
        }
        else
        {
            _last.NextInLine = operation;
        }

        _last = operation;
    }

    internal void RemoveFirst(SocketOperation first)
    {
        First = first.NextInLine;
        first.NextInLine = null;
        if (First is null)
        {
            _last = null;
        }
    }

    internal void Remove(SocketOperation operation)
    {
        SocketOperation? before = null;
        for (SocketOperation? at = First; at is not null; before = at, at = at.NextInLine)
        {
            if (!ReferenceEquals(at, operation))
            {
                continue;
            }

            if (before is null)
            {
                RemoveFirst(operation);
                return;
            }

            before.NextInLine = operation.NextInLine;
            operation.NextInLine = null;
            _last = ReferenceEquals(_last, operation) ? before : _last;
            return;
        }
    }
}

/// <summary>The operations that have ended in a turn of the pump, and whose callers are told at its end.</summary>
internal struct EndedOperations
{
    private SocketOperation? _first;
    private SocketOperation? _last;

    internal void Add(SocketOperation operation)
    {
        if (_last is null)
        {
            _first = operation;
        }
        else
        {
            _last.NextEnded = operation;
        }

        _last = operation;
    }

    internal void Publish()
    {
        while (_first is { } operation)
        {
            _first = operation.NextEnded;
            if (_first is null)
            {
                _last = null;
            }

            operation.NextEnded = null;
            operation.Publish();
        }
    }
}
