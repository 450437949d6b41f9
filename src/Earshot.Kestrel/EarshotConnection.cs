using System;
using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;

namespace Earshot.Kestrel;

/// <summary>A connection as Kestrel wants it: two pipes, and two loops that copy between them and the socket.</summary>
/// <remarks>
/// The loops run where the socket completes (the stack's thread with inline completions) or, for the sending loop, on
/// the thread that flushes; the application's side of both pipes always goes on on the thread pool.
/// </remarks>
internal sealed class EarshotConnection : DefaultConnectionContext, IMemoryPoolFeature
{
    private const int LeastReadSize = 2048;

    private readonly EarshotSocket _socket;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _closed = new();
    private readonly PipeWriter _received;
    private readonly PipeReader _toSend;
    private readonly Lock _endLock = new();
    private Task _receiving = Task.CompletedTask;
    private Task _sending = Task.CompletedTask;
    private Exception? _endReason;
    private bool _ended;

    internal EarshotConnection(
        EarshotSocket socket, EarshotTransportOptions options, MemoryPool<byte> pool, ILogger logger)
    {
        _socket = socket;
        _logger = logger;
        MemoryPool = pool;
        LocalEndPoint = socket.LocalEndPoint;
        RemoteEndPoint = socket.RemoteEndPoint;
        ConnectionClosed = _closed.Token;
        Features.Set<IMemoryPoolFeature>(this);

        // The reader of what is received and the writer of what is to be sent are the application.
        PipeScheduler application = PipeScheduler.ThreadPool;
        PipeScheduler transport = PipeScheduler.Inline;
        var input = new Pipe(Options(pool, options.MaxReadBufferSize, reader: application, writer: transport));
        var output = new Pipe(Options(pool, options.MaxWriteBufferSize, reader: transport, writer: application));
        _received = input.Writer;
        _toSend = output.Reader;
        Application = new Duplex(_toSend, _received);
        Transport = new Duplex(input.Reader, output.Writer);
    }

    /// <inheritdoc/>
    public MemoryPool<byte> MemoryPool { get; }

    /// <summary>Starts both loops.</summary>
    internal void Start()
    {
        _receiving = ReceiveAsync();
        _sending = SendAsync();
    }

    /// <summary>Resets the connection.</summary>
    /// <param name="abortReason">Why; Kestrel passes null when the client was first.</param>
    public override void Abort(ConnectionAbortedException? abortReason)
    {
        End(abortReason ?? new ConnectionAbortedException(), reset: true);

        // A sender that waits for the application learns of it here.
        _toSend.CancelPendingRead();
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        Transport.Input.Complete();
        Transport.Output.Complete();
        await _receiving.ConfigureAwait(false);
        await _sending.ConfigureAwait(false);
        _closed.Dispose();
        await base.DisposeAsync().ConfigureAwait(false);
    }

    private async Task ReceiveAsync()
    {
        Exception? error = null;
        try
        {
            while (true)
            {
                // An idle connection holds no buffer: wait first, rent then.
                await _socket.ReceiveAsync(Memory<byte>.Empty).ConfigureAwait(false);
                int length = await _socket.ReceiveAsync(_received.GetMemory(LeastReadSize)).ConfigureAwait(false);
                if (length == 0)
                {
                    break;
                }

                _received.Advance(length);
                FlushResult flushed = await _received.FlushAsync().ConfigureAwait(false);
                if (flushed.IsCompleted || flushed.IsCanceled)
                {
                    break;
                }
            }
        }
        catch (Exception caught)
        {
            error = Translate(caught);
        }

        // What ended this end tells more than the OperationAborted that it led to.
        _received.Complete(EndReason() ?? error);
        await FireClosedAsync().ConfigureAwait(false);
    }

    private async Task SendAsync()
    {
        Exception? error = null;
        try
        {
            while (true)
            {
                ReadResult read = await _toSend.ReadAsync().ConfigureAwait(false);
                if (read.IsCanceled)
                {
                    break;
                }

                if (!read.Buffer.IsEmpty)
                {
                    await _socket.SendAsync(read.Buffer).ConfigureAwait(false);
                }

                _toSend.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    break;
                }
            }
        }
        catch (Exception caught)
        {
            error = Translate(caught);
        }

        // The application has said all, or nobody listens any more: both directions end here, as with Kestrel's own
        // sockets.
        End(
            error ?? new ConnectionAbortedException("The application has completed its side of the connection."),
            reset: false);
        _toSend.Complete(error);
        _received.CancelPendingFlush();
    }

    private void End(Exception reason, bool reset)
    {
        lock (_endLock)
        {
            if (_ended)
            {
                return;
            }

            _ended = true;
            _endReason = reason;
        }

        if (reset)
        {
            TransportLog.Aborted(_logger, ConnectionId, reason.Message);
            _socket.Abort();
        }
        else
        {
            _socket.Close();
        }
    }

    private Exception? EndReason()
    {
        lock (_endLock)
        {
            return _endReason;
        }
    }

    private Exception Translate(Exception error)
    {
        switch (error)
        {
            case SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.Shutdown }:
                TransportLog.Reset(_logger, ConnectionId);
                return new ConnectionResetException(error.Message, error);
            case ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted }:
                return new ConnectionAbortedException(error.Message, error);
            case SocketException:
                TransportLog.Failed(_logger, ConnectionId, error);
                return error;
            default:
                TransportLog.Unexpected(_logger, ConnectionId, error);
                return error;
        }
    }

    /// <summary>Tells the application, on the thread pool, that no more will come.</summary>
    private async Task FireClosedAsync()
    {
        try
        {
            await _closed.CancelAsync().ConfigureAwait(false);
        }
        catch (AggregateException error)
        {
            // What the application registered has thrown.
            TransportLog.Unexpected(_logger, ConnectionId, error);
        }
    }

    private static PipeOptions Options(
        MemoryPool<byte> pool, long limit, PipeScheduler reader, PipeScheduler writer) => new(
        pool,
        reader,
        writer,
        pauseWriterThreshold: limit,
        resumeWriterThreshold: limit / 2,
        useSynchronizationContext: false);

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
