using System;
using System.Net.Sockets;
using Earshot.Core;
using Earshot.Core.Sockets;
using SocketOption = Earshot.Core.Sockets.SocketOption;

namespace Earshot.Sockets;

/// <summary>A descriptor as the pump sees it: the operations that wait on it. Belongs to the pump thread.</summary>
/// <remarks>As a piece of work it is the request to close it.</remarks>
internal sealed class PumpSocket : PumpWork
{
    internal const int CloseSignal = 1;
    internal const int AbortSignal = 2;

    private const int NotOpen = -1;
    private const int AddressFamilyInet = 2;
    private const int AddressFamilyInet6 = 10;
    private const int SocketTypeStream = 1;

    private readonly int _family;
    private OperationQueue _reads;
    private OperationQueue _writes;

    internal PumpSocket(StackPump pump, int descriptor = NotOpen, AddressFamily family = AddressFamily.InterNetwork)
    {
        _family = family == AddressFamily.InterNetworkV6 ? AddressFamilyInet6 : AddressFamilyInet;
        Pump = pump;
        Descriptor = descriptor;
        if (descriptor >= 0)
        {
            pump.Add(this);
        }
    }

    internal StackPump Pump { get; }

    /// <summary>The descriptor, or -1 before <see cref="Open"/> and after the end.</summary>
    internal int Descriptor { get; private set; }

    /// <summary>Whether it was closed or aborted, or the pump has ended.</summary>
    internal bool IsClosed { get; private set; }

    private SocketCalls Calls => Pump.Stack.Calls;

    /// <summary>Gets a descriptor unless there is one: 0 or a negated errno.</summary>
    internal int Open()
    {
        if (IsClosed)
        {
            return -Errno.EBADF;
        }

        if (Descriptor == NotOpen)
        {
            int descriptor = Calls.Socket(_family, SocketTypeStream, 0);
            if (descriptor < 0)
            {
                return descriptor;
            }

            Descriptor = descriptor;
            Pump.Add(this);
        }

        return 0;
    }

    /// <summary>Takes an operation in: makes it at once when nothing is before it, else when its turn comes.</summary>
    internal void Submit(SocketOperation operation)
    {
        if (IsClosed)
        {
            operation.End(0, SocketErrors.Exception(SocketError.OperationAborted));
            Pump.AddEnded(operation);
            return;
        }

        ref OperationQueue queue = ref operation.IsWrite ? ref _writes : ref _reads;
        bool isFirst = queue.First is null;
        queue.Add(operation);
        if (isFirst)
        {
            Serve(ref queue);
        }
    }

    /// <summary>Takes an operation that still waits out of its queue and ends it.</summary>
    internal void Cancel(SocketOperation operation, Exception error)
    {
        ref OperationQueue queue = ref operation.IsWrite ? ref _writes : ref _reads;
        bool wasFirst = ReferenceEquals(queue.First, operation);
        queue.Remove(operation);
        operation.End(0, error);
        Pump.AddEnded(operation);
        if (!wasFirst)
        {
            return;
        }

        // The first one has been attempted, so the socket waits for it; and what the next one waits for is not always
        // the same: a connect that is given up wakes nobody.
        Calls.CancelWait(Descriptor, queue.Waiter);
        queue.Waiter = 0;
        operation.Abandon(Calls);
        Serve(ref queue);
    }

    /// <summary>The stack tells that the socket is ready for one of its sides.</summary>
    internal void OnReady(long waiter)
    {
        if (waiter == _reads.Waiter)
        {
            _reads.Waiter = 0;
            Serve(ref _reads);
        }
        else if (waiter == _writes.Waiter)
        {
            _writes.Waiter = 0;
            Serve(ref _writes);
        }
    }

    internal override void Run(StackPump pump, int signals) => Close((signals & AbortSignal) != 0);

    internal override void Refuse(StackPump pump, int signals)
    {
        // The pump's end was the socket's end too.
    }

    /// <summary>Ends every operation with an error and frees the descriptor, unless that was done.</summary>
    /// <param name="abort">
    /// Whether the connection is reset, rather than closed once what is unsent has been sent.
    /// </param>
    internal void Close(bool abort)
    {
        EndAll(SocketError.OperationAborted);
        if (Descriptor == NotOpen)
        {
            return;
        }

        if (abort)
        {
            Calls.SetOption(Descriptor, SocketOption.Linger, 0);
        }

        int descriptor = Descriptor;
        Descriptor = NotOpen;
        Pump.Remove(descriptor);
        Calls.Close(descriptor);
    }

    /// <summary>Ends every operation with an error; from now on there are none.</summary>
    internal void EndAll(SocketError error)
    {
        IsClosed = true;
        EndAll(ref _reads, error);
        EndAll(ref _writes, error);
    }

    private void EndAll(ref OperationQueue queue, SocketError error)
    {
        queue.Waiter = 0;
        while (queue.First is { } operation)
        {
            queue.RemoveFirst(operation);
            operation.End(0, SocketErrors.Exception(error));
            Pump.AddEnded(operation);
        }
    }

    /// <summary>Makes the waiting operations in turn, until one has to go on waiting.</summary>
    private void Serve(ref OperationQueue queue)
    {
        while (queue.First is { } operation)
        {
            int result = operation.Attempt(Calls);
            if (result == SocketOperation.Again)
            {
                queue.Waiter = Pump.NextWaiter();
                result = Calls.Wait(Descriptor, operation.Interest, queue.Waiter, operation.IsExclusive);
                if (result >= 0)
                {
                    return;
                }
            }

            queue.RemoveFirst(operation);
            operation.End(result);
            Pump.AddEnded(operation);
        }
    }
}
