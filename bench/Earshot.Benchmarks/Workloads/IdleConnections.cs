using System;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;

namespace Earshot.Benchmarks.Workloads;

/// <summary>Connections that are made, accepted and left alone; both ends are in this process.</summary>
internal sealed class IdleConnections : IDisposable
{
    private const int Batch = 100;
    private const int Length = 100;
    private const long Day = 86_400_000_000_000;
    private const long StepTime = 100_000;

    private readonly LinkedStacks _link = new();
    private readonly byte[] _buffer = new byte[Length];

    /// <summary>Makes connections.</summary>
    /// <param name="count">How many, at most as many as there are ports on a few addresses.</param>
    /// <param name="withExchange">Whether each carries a request and its reply.</param>
    internal void Open(int count, bool withExchange = false)
    {
        // Times are large numbers then, as on a host that has been up for a while.
        _link.Advance(Day);
        const int PerListener = 20_000;
        _link.Set("net.ipv4.ip_local_port_range", "1024\t65535");
        SocketCalls client = _link.Client.Calls;
        SocketCalls server = _link.Server.Calls;
        for (int opened = 0; opened < count;)
        {
            var to = LinkedStacks.ServerEndpoint with { Port = (ushort)(80 + (opened / PerListener)) };
            int listener = LinkedStacks.Require(server.Socket(2, 1, 0));
            LinkedStacks.Require(server.Bind(listener, to));
            LinkedStacks.Require(server.Listen(listener, Batch));
            for (int end = Math.Min(opened + PerListener, count); opened < end; opened += Batch)
            {
                OpenBatch(listener, to, withExchange);
            }
        }

        // What was owed or armed is over.
        for (int i = 0; i < 100; i++)
        {
            _link.Advance(Day / 864_000);
            _link.Pump();
        }
    }

    private void OpenBatch(int listener, InetEndpoint to, bool withExchange)
    {
        SocketCalls client = _link.Client.Calls;
        SocketCalls server = _link.Server.Calls;
        Span<int> near = stackalloc int[Batch];
        Span<int> far = stackalloc int[Batch];
        foreach (ref int socket in near)
        {
            socket = LinkedStacks.Require(client.Socket(2, 1, 0));
            _ = client.Connect(socket, to);
        }

        Step();
        foreach (ref int socket in far)
        {
            socket = LinkedStacks.Require(server.Accept(listener, out _));
        }

        if (withExchange)
        {
            Carry(client, near, server, far);
            Carry(server, far, client, near);
        }
    }

    private void Carry(SocketCalls from, ReadOnlySpan<int> senders, SocketCalls to, ReadOnlySpan<int> receivers)
    {
        foreach (int socket in senders)
        {
            LinkedStacks.Require(from.Send(socket, _buffer));
        }

        Step();
        foreach (int socket in receivers)
        {
            LinkedStacks.Require(to.Receive(socket, _buffer));
        }

        Step();
    }

    private void Step()
    {
        _link.Pump();
        _link.Advance(StepTime);
    }

    public void Dispose() => _link.Dispose();
}
