using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Sockets;
using SocketOption = Earshot.Core.Sockets.SocketOption;

namespace Earshot.Cli.Forwarding;

/// <summary>Joins connections of a stack with connections of the host's kernel, byte for byte, in both
/// directions.</summary>
/// <remarks>An end of one side's data is passed on as an end, a reset as a reset. What one side does not take the other
/// is not asked for: each connection holds one buffer a direction, and none while nothing moves.</remarks>
internal sealed class Forwarder : IAsyncDisposable
{
    private static readonly TimeSpan AfterError = TimeSpan.FromMilliseconds(100);

    private readonly EarshotStack _stack;
    private readonly bool _keepsAlive;
    private readonly CancellationTokenSource _end = new();
    private readonly List<IDisposable> _listeners = [];
    private readonly List<Task> _accepts = [];
    private int _open;

    /// <summary>Makes a forwarder that forwards nothing yet.</summary>
    /// <param name="stack">The stack.</param>
    /// <param name="keepsAlive">Whether the stack's connections are probed while they are silent.</param>
    internal Forwarder(EarshotStack stack, bool keepsAlive)
    {
        _stack = stack;
        _keepsAlive = keepsAlive;
    }

    /// <summary>Connections that are joined now.</summary>
    internal int OpenCount => Volatile.Read(ref _open);

    /// <summary>Connections that were joined so far.</summary>
    internal long JoinedCount { get; private set; }

    /// <summary>Forwards connections that come to the stack to a server of the host's network.</summary>
    /// <exception cref="SocketException">The stack cannot listen there.</exception>
    internal async Task AddInwardAsync(ForwardRule rule, bool hasIPv6)
    {
        IPAddress any = hasIPv6 ? IPAddress.IPv6Any : IPAddress.Any;
        EarshotListener listener = await _stack.ListenAsync(new IPEndPoint(rule.Local ?? any, rule.Port))
            .ConfigureAwait(false);
        _listeners.Add(listener);
        _accepts.Add(AcceptAsync(
            async () => await listener.AcceptAsync(_end.Token).ConfigureAwait(false),
            inner => ServeInwardAsync(inner, rule.Target)));
    }

    /// <summary>Forwards connections that come to the host's kernel through the stack.</summary>
    /// <returns>Where it listens, the port too that the host chose for port 0.</returns>
    /// <exception cref="SocketException">The kernel cannot listen there.</exception>
    internal IPEndPoint AddOutward(ForwardRule rule)
    {
        var local = new IPEndPoint(rule.Local ?? IPAddress.Loopback, rule.Port);
        var listener = new Socket(local.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        _listeners.Add(listener);
        listener.Bind(local);
        listener.Listen();
        _accepts.Add(AcceptAsync(
            async () => await listener.AcceptAsync(_end.Token).ConfigureAwait(false),
            outer => ServeOutwardAsync(outer, rule.Target)));
        return (IPEndPoint)listener.LocalEndPoint!;
    }

    /// <summary>Stops listening and resets what is open.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        foreach (IDisposable listener in _listeners)
        {
            listener.Dispose();
        }

        await Task.WhenAll(_accepts).ConfigureAwait(false);
        _end.Dispose();
    }

    private async Task AcceptAsync<T>(Func<Task<T>> accept, Func<T, Task> serve)
    {
        while (!_end.IsCancellationRequested)
        {
            try
            {
                _ = serve(await accept().ConfigureAwait(false));
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException) when (_stack.Failure is not null || _end.IsCancellationRequested)
            {
                return;
            }
            catch (SocketException)
            {
                // Out of descriptors, or a connection that was over before it was taken: others may do better.
                await Task.Delay(AfterError).ConfigureAwait(false);
            }
        }
    }

    private async Task ServeInwardAsync(EarshotSocket inner, IPEndPoint target)
    {
        var outer = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await outer.ConnectAsync(target, _end.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            inner.Abort();
            outer.Dispose();
            return;
        }

        await JoinAsync(inner, outer).ConfigureAwait(false);
    }

    private async Task ServeOutwardAsync(Socket outer, IPEndPoint target)
    {
        EarshotSocket inner;
        try
        {
            inner = await _stack.ConnectAsync(target, _end.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            Reset(outer);
            return;
        }

        await JoinAsync(inner, outer).ConfigureAwait(false);
    }

    private async Task JoinAsync(EarshotSocket inner, Socket outer)
    {
        Interlocked.Increment(ref _open);
        JoinedCount++;
        try
        {
            Prepare(inner, outer);
            await Task.WhenAll(InwardsAsync(inner, outer), OutwardsAsync(inner, outer)).ConfigureAwait(false);
            inner.Dispose();
            outer.Dispose();
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            inner.Abort();
            Reset(outer);
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    }

    private void Prepare(EarshotSocket inner, Socket outer)
    {
        outer.NoDelay = true;
        inner.SetOption(SocketOption.NoDelay, 1);
        if (_keepsAlive)
        {
            inner.SetOption(SocketOption.KeepAlive, 1);
        }
    }

    private async Task OutwardsAsync(EarshotSocket inner, Socket outer)
    {
        try
        {
            await Copying.CopyAsync(
                (memory, cancel) => inner.ReceiveAsync(memory, cancel),
                (memory, cancel) => outer.SendAsync(memory, SocketFlags.None, cancel), _end.Token)
                .ConfigureAwait(false);
            outer.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The other direction must not wait for ever: it learns of it by its socket.
            inner.Abort();
            Reset(outer);
            throw;
        }
    }

    private async Task InwardsAsync(EarshotSocket inner, Socket outer)
    {
        try
        {
            await Copying.CopyAsync(
                (memory, cancel) => outer.ReceiveAsync(memory, SocketFlags.None, cancel),
                (memory, cancel) => inner.SendAsync(memory, cancel), _end.Token).ConfigureAwait(false);
            inner.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            inner.Abort();
            Reset(outer);
            throw;
        }
    }

    private static void Reset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(enable: true, 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Closed already.
        }

        socket.Dispose();
    }
}
