using System;
using Earshot.Core;
using Earshot.Core.Sockets;

namespace Earshot.Benchmarks.Workloads;

/// <summary>Connections one after another: connect, accept, close on both sides, each side told by events.</summary>
/// <remarks>
/// The reset variant is the peers': the server aborts each connection it accepts. In the other the client closes first,
/// and its TIME_WAIT entries stay their 60 s: the clock moves on 10 ms a connection, so that some 6 000 of them exist.
/// </remarks>
internal sealed class Churn : IDisposable
{
    private const long ListenerToken = 1;
    private const long ClientToken = 2;
    private const long FirstChildToken = 3;
    private const long ResetStep = 20_000;
    private const long CloseStep = 10_000_000;

    private readonly LinkedStacks _link = new();
    private readonly SocketCalls _client;
    private readonly SocketCalls _server;
    private readonly byte[] _byte = new byte[1];
    private readonly bool _reset;
    private readonly int _listener;
    private int _socket;
    private bool _connected;
    private bool _done;

    internal Churn(bool reset)
    {
        _reset = reset;
        _client = _link.Client.Calls;
        _server = _link.Server.Calls;
        _link.Set("net.ipv4.ip_local_port_range", "1024\t65535");
        _link.OnClientEvent = OnClient;
        _link.OnServerEvent = OnServer;
        _listener = LinkedStacks.Require(_server.Socket(2, 1, 0));
        if (reset)
        {
            // Accepted sockets inherit it: their close() is a reset.
            LinkedStacks.Require(_server.SetOption(_listener, SocketOption.Linger, 0));
        }

        LinkedStacks.Require(_server.Bind(_listener, LinkedStacks.ServerEndpoint));
        LinkedStacks.Require(_server.Listen(_listener, 128));
        LinkedStacks.Require(_server.Wait(_listener, PollMask.In, ListenerToken, exclusive: true));
    }

    /// <summary>Packets that crossed the link.</summary>
    internal long Packets => _link.Packets;

    /// <summary>Connections that the server accepted.</summary>
    internal long Accepted { get; private set; }

    /// <summary>Makes and ends connections.</summary>
    internal void Run(int count)
    {
        for (int i = 0; i < count; i++)
        {
            One();
        }
    }

    public void Dispose() => _link.Dispose();

    private void One()
    {
        _connected = false;
        _done = false;
        _socket = LinkedStacks.Require(_client.Socket(2, 1, 0));
        int result = _client.Connect(_socket, LinkedStacks.ServerEndpoint);
        if (result != -Errno.EINPROGRESS)
        {
            throw new InvalidOperationException($"connect() answered {Errno.Name(result)}");
        }

        LinkedStacks.Require(_client.Wait(_socket, PollMask.Out, ClientToken));
        _link.Pump();
        if (!_done)
        {
            throw new InvalidOperationException("a connection did not come to its end");
        }

        _link.Advance(_reset ? ResetStep : CloseStep);
    }

    // The event's mask says how things stand, as the arguments of the peers' callbacks do.
    private void OnClient(StackEvent stackEvent)
    {
        bool failed = (stackEvent.Mask & PollMask.Err) != 0;
        if (failed != (_connected && _reset))
        {
            throw new InvalidOperationException($"the client was told {stackEvent.Mask}");
        }

        if (!_connected && _reset)
        {
            _connected = true;
            LinkedStacks.Require(_client.Wait(_socket, PollMask.In, ClientToken));
            return;
        }

        LinkedStacks.Require(_client.Close(_socket));
        _done |= _reset;
    }

    private void OnServer(StackEvent stackEvent)
    {
        if (stackEvent.Waiter != ListenerToken)
        {
            int end = LinkedStacks.Require(_server.Receive(stackEvent.Descriptor, _byte));
            LinkedStacks.Require(_server.Close(stackEvent.Descriptor));
            _done = end == 0;
            return;
        }

        int socket = LinkedStacks.Require(_server.Accept(_listener, out _));
        Accepted++;
        if (_reset)
        {
            LinkedStacks.Require(_server.Close(socket));
        }
        else
        {
            LinkedStacks.Require(_server.Wait(socket, PollMask.In, FirstChildToken + socket));
        }

        LinkedStacks.Require(_server.Wait(_listener, PollMask.In, ListenerToken, exclusive: true));
    }
}
