using System;
using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Earshot.Kestrel;

/// <summary>Hands a listener's connections to Kestrel.</summary>
internal sealed class EarshotConnectionListener : IConnectionListener
{
    private readonly EarshotListener _listener;
    private readonly EarshotTransportOptions _options;
    private readonly MemoryPool<byte> _pool;
    private readonly ILogger _logger;
    private volatile bool _unbound;

    internal EarshotConnectionListener(
        EarshotStack stack,
        EarshotListener listener,
        EarshotTransportOptions options,
        MemoryPool<byte> pool,
        ILogger logger)
    {
        _listener = listener;
        _options = options;
        _pool = pool;
        _logger = logger;
        EndPoint = new EarshotEndPoint(stack, listener.LocalEndPoint.Address, listener.LocalEndPoint.Port);
    }

    /// <inheritdoc/>
    public EndPoint EndPoint { get; }

    /// <inheritdoc/>
    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (!_unbound)
        {
            try
            {
                EarshotSocket socket = await _listener.AcceptAsync(cancellationToken).ConfigureAwait(false);
                socket.InlineCompletions = _options.InlineCompletions;
                var connection = new EarshotConnection(socket, _options, _pool, _logger);
                connection.Start();
                return connection;
            }
            catch (Exception error) when (error is ObjectDisposedException || IsEnd(error))
            {
                // Unbound, or the stack has ended: there will be no more connections.
                return null;
            }
            catch (SocketException error)
            {
                // A connection that died in the queue, or no descriptor for it: the next may fare better, but when
                // descriptors are out the same one comes back at once.
                TransportLog.AcceptFailed(_logger, error);
                await Task.Delay(AcceptRetryDelay, cancellationToken).ConfigureAwait(false);
            }
        }

        return null;
    }

    private static readonly TimeSpan AcceptRetryDelay = TimeSpan.FromMilliseconds(10);

    /// <inheritdoc/>
    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _unbound = true;
        _listener.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _unbound = true;
        _listener.Dispose();

        // Kestrel disposes a listener after its connections, so nothing rents from the pool any more.
        _pool.Dispose();
        return ValueTask.CompletedTask;
    }

    private static bool IsEnd(Exception error) => error is SocketException
    {
        SocketErrorCode: SocketError.OperationAborted or SocketError.ConnectionAborted,
    };
}
