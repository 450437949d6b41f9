using System;
using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using SocketOption = Earshot.Core.Sockets.SocketOption;

namespace Earshot.Sockets;

/// <summary>A TCP socket of an <see cref="EarshotStack"/>, for any thread.</summary>
/// <remarks>
/// Calls of one direction are made one after another, in the order in which they were started; each has the stack to
/// itself, so bytes of two sends never mix. Errors are the <see cref="SocketException"/> that .NET's own sockets throw
/// on Linux. Calls that wait keep the caller's memory until their task has ended, and not longer. Once the stack has
/// ended, calls throw at once: <see cref="ObjectDisposedException"/>, or ConnectionAborted when it failed.
/// </remarks>
public sealed class EarshotSocket : IDisposable
{
    /// <summary>
    /// The most calls of one direction that may be pending; one more ends with NoBufferSpaceAvailable.
    /// </summary>
    public const int PendingLimit = 1024;

    private readonly PumpSocket _socket;
    private ReceiveOperation? _spareReceive;
    private SendOperation? _spareSend;
    private int _pendingReceives;
    private int _pendingSends;
    private volatile bool _disposed;
    private IPEndPoint? _localEndPoint;
    private IPEndPoint? _remoteEndPoint;

    internal EarshotSocket(StackPump pump, PumpSocket socket)
    {
        Pump = pump;
        _socket = socket;
    }

    /// <summary>Where this end is bound; null before <see cref="Bind"/> or <see cref="ConnectAsync"/>.</summary>
    public IPEndPoint? LocalEndPoint => Volatile.Read(ref _localEndPoint);

    /// <summary>The other end; null when the socket never was connected.</summary>
    public IPEndPoint? RemoteEndPoint => Volatile.Read(ref _remoteEndPoint);

    /// <summary>
    /// Whether what awaits a call goes on on the pump's own thread; off by default, and read when a call is started.
    /// </summary>
    /// <remarks>
    /// It saves a hand-over to the thread pool, and everything on the stack waits meanwhile: only for code that never
    /// blocks, never computes for long and never calls the blocking members.
    /// </remarks>
    public bool InlineCompletions { get; set; }

    internal StackPump Pump { get; }

    /// <summary>Gives the socket its local address and port; port 0 picks one.</summary>
    /// <param name="local">An IPv4 endpoint of this stack.</param>
    /// <exception cref="SocketException">
    /// AddressNotAvailable, AddressAlreadyInUse, InvalidArgument (bound already).
    /// </exception>
    public void Bind(IPEndPoint local)
    {
        InetEndpoint endpoint = Endpoints.ToInet(local);
        Call(calls =>
        {
            int result = calls.Bind(Descriptor(), endpoint);
            ReadNames(calls);
            return result;
        });
    }

    /// <summary>Turns the bound socket into a listener, which owns it from then on.</summary>
    /// <param name="backlog">As of listen(): what is more than net.core.somaxconn, or negative, counts as that.</param>
    /// <exception cref="SocketException">AddressAlreadyInUse, InvalidArgument (connected or connecting).</exception>
    public EarshotListener Listen(int backlog = int.MaxValue)
    {
        Call(calls =>
        {
            int result = calls.Listen(Descriptor(), backlog);
            ReadNames(calls);
            return result;
        });
        _disposed = true;
        return new EarshotListener(_socket, LocalEndPoint!); // A listener has a name: Call did not throw.
    }

    /// <summary>Connects, and waits for the outcome.</summary>
    /// <param name="remote">An IPv4 endpoint; 0.0.0.0 is this host, as on Linux.</param>
    /// <param name="cancellationToken">Gives the attempt up; the socket can then be used for another.</param>
    /// <exception cref="SocketException">ConnectionRefused, TimedOut, NetworkUnreachable, HostUnreachable,
    /// AddressNotAvailable, IsConnected …: Linux's connect().</exception>
    public ValueTask ConnectAsync(IPEndPoint remote, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        InetEndpoint endpoint = Endpoints.ToInet(remote);
        return cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled(cancellationToken)
            : new ConnectOperation(this, _socket, endpoint)
                .StartWithoutValueAsync(InlineCompletions, cancellationToken);
    }

    /// <summary>Reads what has arrived, and waits while nothing has.</summary>
    /// <param name="buffer">Where the bytes go; an empty one waits until there are some and takes none.</param>
    /// <param name="cancellationToken">Ends the wait; nothing is read then.</param>
    /// <returns>The bytes read; 0 at the end of what the peer sends.</returns>
    /// <exception cref="SocketException">
    /// ConnectionReset, TimedOut, NotConnected …; OperationAborted when the socket was closed meanwhile.
    /// </exception>
    public ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled<int>(cancellationToken)
            : RentReceive().Prepare(buffer, forStream: false).StartAsync(InlineCompletions, cancellationToken);

    /// <summary>Hands all the bytes to the stack, and waits whenever its send buffer is full.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="cancellationToken">Ends the wait; a part may have been sent, and no one can tell how much.</param>
    /// <returns>The number of bytes, all of them.</returns>
    /// <exception cref="SocketException">Shutdown (EPIPE), ConnectionReset, TimedOut, NotConnected …; OperationAborted
    /// when the socket was closed meanwhile.</exception>
    public ValueTask<int> SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default) =>
        cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled<int>(cancellationToken)
            : RentSend().Prepare(bytes, forStream: false).StartAsync(InlineCompletions, cancellationToken);

    /// <summary>
    /// Hands all the bytes of a sequence to the stack, as one send; waits whenever its send buffer is full.
    /// </summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="cancellationToken">Ends the wait; a part may have been sent, and no one can tell how much.</param>
    /// <exception cref="SocketException">As of the other <c>SendAsync</c>.</exception>
    public ValueTask SendAsync(in ReadOnlySequence<byte> bytes, CancellationToken cancellationToken = default) =>
        cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled(cancellationToken)
            : RentSend().Prepare(bytes).StartWithoutValueAsync(InlineCompletions, cancellationToken);

    /// <summary>Shuts one direction or both; sends that still wait then end with Shutdown (EPIPE).</summary>
    /// <param name="how">Which.</param>
    /// <exception cref="SocketException">NotConnected.</exception>
    public void Shutdown(SocketShutdown how) => Call(calls => calls.Shutdown(Descriptor(), (int)how));

    /// <summary>Reads an option.</summary>
    /// <param name="option">Which.</param>
    /// <returns>Its value, in the option's own unit.</returns>
    public int GetOption(SocketOption option)
    {
        int value = 0;
        Call(calls => calls.GetOption(Descriptor(), option, out value));
        return value;
    }

    /// <summary>Sets an option.</summary>
    /// <param name="option">Which.</param>
    /// <param name="value">The value, in the option's own unit.</param>
    /// <exception cref="SocketException">InvalidArgument, ProtocolOption (read-only).</exception>
    public void SetOption(SocketOption option, int value) =>
        Call(calls => calls.SetOption(Descriptor(), option, value));

    /// <summary>Closes the socket: pending calls end with OperationAborted, and what is unsent is still sent.</summary>
    public void Close() => Dispose();

    /// <summary>Closes the socket and resets the connection: the peer gets a RST.</summary>
    public void Abort() => End(PumpSocket.AbortSignal);

    /// <summary>The same as <see cref="Close"/>; returns at once.</summary>
    public void Dispose() => End(PumpSocket.CloseSignal);

    internal ValueTask<int> ReceiveForStreamAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled<int>(cancellationToken)
            : RentReceive().Prepare(buffer, forStream: true).StartAsync(InlineCompletions, cancellationToken);

    internal ValueTask SendForStreamAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled(cancellationToken)
            : RentSend().Prepare(bytes, forStream: true).StartWithoutValueAsync(InlineCompletions, cancellationToken);

    internal int ReceiveForStream(Memory<byte> buffer) =>
        RentReceive().Prepare(buffer, forStream: true).StartAndWait();

    internal void SendForStream(ReadOnlyMemory<byte> bytes) =>
        RentSend().Prepare(bytes, forStream: true).StartAndWait();

    /// <summary>Opens the descriptor now rather than when it is first needed.</summary>
    internal void Open() => Call(_ => _socket.Open());

    /// <summary>Learns both ends' names, on the pump thread.</summary>
    internal void ReadNames(SocketCalls calls)
    {
        if (calls.GetSocketName(_socket.Descriptor, out InetEndpoint local) >= 0 && local.Port != 0)
        {
            Volatile.Write(ref _localEndPoint, Endpoints.ToIPEndPoint(local));
        }

        if (calls.GetPeerName(_socket.Descriptor, out InetEndpoint remote) >= 0)
        {
            Volatile.Write(ref _remoteEndPoint, Endpoints.ToIPEndPoint(remote));
        }
    }

    internal void Return(ReceiveOperation operation, bool isReusable)
    {
        Interlocked.Decrement(ref _pendingReceives);
        if (isReusable)
        {
            Volatile.Write(ref _spareReceive, operation);
        }
    }

    internal void Return(SendOperation operation, bool isReusable)
    {
        Interlocked.Decrement(ref _pendingSends);
        if (isReusable)
        {
            Volatile.Write(ref _spareSend, operation);
        }
    }

    private ReceiveOperation RentReceive()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ThrowIfTooMany(ref _pendingReceives);
        return Interlocked.Exchange(ref _spareReceive, null) ?? new ReceiveOperation(this, _socket);
    }

    private SendOperation RentSend()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ThrowIfTooMany(ref _pendingSends);
        return Interlocked.Exchange(ref _spareSend, null) ?? new SendOperation(this, _socket);
    }

    private static void ThrowIfTooMany(ref int pending)
    {
        if (Interlocked.Increment(ref pending) > PendingLimit)
        {
            Interlocked.Decrement(ref pending);
            throw SocketErrors.Exception(SocketError.NoBufferSpaceAvailable);
        }
    }

    /// <summary>Makes a call that never waits, on the pump thread, and waits for its answer.</summary>
    private void Call(Func<SocketCalls, int> call)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        SocketErrors.Check(Pump.Invoke(stack => call(stack.Calls)));
    }

    /// <summary>The descriptor, opened if need be; on the pump thread.</summary>
    private int Descriptor()
    {
        SocketErrors.Check(_socket.Open());
        return _socket.Descriptor;
    }

    private void End(int signal)
    {
        // Abort after Close is not too late: an orphan's data may still be on its way. But the descriptor is gone.
        if (!_disposed)
        {
            _disposed = true;
            _socket.Signal(Pump, signal);
        }
    }
}
