using System;
using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SocketOption = Earshot.Core.Sockets.SocketOption;

namespace Earshot.Kestrel;

/// <summary>
/// Kestrel's transport for <see cref="EarshotEndPoint"/>; other endpoints are left to other transports.
/// </summary>
public sealed class EarshotTransportFactory : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly EarshotTransportOptions _options;
    private readonly ILoggerFactory _loggerFactory;
    private readonly IMemoryPoolFactory<byte>? _poolFactory;

    /// <summary>Makes the factory; the service container does it.</summary>
    /// <param name="options">How connections use their stack.</param>
    /// <param name="loggerFactory">Where connections' ends are logged.</param>
    /// <param name="poolFactory">Where buffers come from; null for the shared pool.</param>
    public EarshotTransportFactory(
        IOptions<EarshotTransportOptions> options,
        ILoggerFactory loggerFactory,
        IMemoryPoolFactory<byte>? poolFactory = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggerFactory);
        _options = options.Value;
        _loggerFactory = loggerFactory;
        _poolFactory = poolFactory;
    }

    /// <inheritdoc/>
    public bool CanBind(EndPoint endpoint) => endpoint is EarshotEndPoint;

    /// <inheritdoc/>
    /// <exception cref="AddressInUseException">Something listens there already.</exception>
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        if (endpoint is not EarshotEndPoint earshot)
        {
            throw new NotSupportedException($"{endpoint} is not an {nameof(EarshotEndPoint)}.");
        }

        EarshotListener listener;
        try
        {
            listener = Listen(earshot);
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new AddressInUseException(error.Message, error);
        }

        MemoryPool<byte> pool = _poolFactory?.Create() ?? MemoryPool<byte>.Shared;
        return ValueTask.FromResult<IConnectionListener>(new EarshotConnectionListener(
            earshot.Stack, listener, _options, pool, _loggerFactory.CreateLogger<EarshotTransportFactory>()));
    }

    private EarshotListener Listen(EarshotEndPoint endpoint)
    {
        using EarshotSocket socket = endpoint.Stack.CreateSocket(endpoint.IPEndPoint.AddressFamily);
        socket.SetOption(SocketOption.ReuseAddress, 1);

        // Connections inherit it from their listener, as on Linux.
        socket.SetOption(SocketOption.NoDelay, _options.NoDelay ? 1 : 0);
        socket.Bind(endpoint.IPEndPoint);
        return socket.Listen(_options.Backlog);
    }
}
