using System;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Core;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;

namespace Earshot.Sockets;

/// <summary>A listening TCP socket of an <see cref="EarshotStack"/>, for any thread.</summary>
public sealed class EarshotListener : IDisposable
{
    /// <summary>The most accepts that may be pending; one more ends with NoBufferSpaceAvailable.</summary>
    public const int PendingLimit = 1024;

    private readonly PumpSocket _socket;
    private AcceptOperation? _spare;
    private int _pending;
    private volatile bool _disposed;

    internal EarshotListener(PumpSocket socket, IPEndPoint localEndPoint)
    {
        _socket = socket;
        LocalEndPoint = localEndPoint;
    }

    /// <summary>Where it listens, with the port that was picked when 0 was asked for.</summary>
    public IPEndPoint LocalEndPoint { get; }

    /// <summary>
    /// Takes the oldest finished connection, and waits while there is none; first come, first served.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait; no connection is lost.</param>
    /// <exception cref="SocketException">TooManyOpenSockets (the connection stays queued); OperationAborted when the
    /// listener was disposed meanwhile.</exception>
    public ValueTask<EarshotSocket> AcceptAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<EarshotSocket>(cancellationToken);
        }

        if (Interlocked.Increment(ref _pending) > PendingLimit)
        {
            Interlocked.Decrement(ref _pending);
            throw SocketErrors.Exception(SocketError.NoBufferSpaceAvailable);
        }

        AcceptOperation operation = Interlocked.Exchange(ref _spare, null) ?? new AcceptOperation(this, _socket);
        return operation.StartAsync(inline: false, cancellationToken);
    }

    /// <summary>
    /// Stops listening: pending accepts end with OperationAborted, connections not accepted are reset.
    /// </summary>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _socket.Signal(_socket.Pump, PumpSocket.CloseSignal);
        }
    }

    /// <summary>What makes a listener, on the pump thread.</summary>
    internal static Func<NetworkStack, EarshotListener> Maker(
        StackPump pump, IPEndPoint local, EarshotListenerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        InetEndpoint endpoint = Endpoints.ToInet(local);
        return stack =>
        {
            SocketCalls calls = stack.Calls;
            var socket = new PumpSocket(pump, family: local.AddressFamily);
            SocketErrors.Check(socket.Open());
            int result = options.Apply(calls, socket.Descriptor);
            result = result < 0 ? result : calls.Bind(socket.Descriptor, endpoint);
            result = result < 0 ? result : calls.Listen(socket.Descriptor, options.Backlog);
            InetEndpoint bound = default;
            result = result < 0 ? result : calls.GetSocketName(socket.Descriptor, out bound);
            if (result < 0)
            {
                socket.Close(abort: false);
                throw SocketErrors.Exception(result);
            }

            return new EarshotListener(socket, Endpoints.ToIPEndPoint(bound));
        };
    }

    internal void Return(AcceptOperation operation, bool isReusable)
    {
        Interlocked.Decrement(ref _pending);
        if (isReusable)
        {
            Volatile.Write(ref _spare, operation);
        }
    }
}
