using System;
using Earshot.Core.Sockets;

namespace Earshot.Benchmarks.Workloads;

/// <summary>Connections that are made, accepted and left alone; both ends are in this process.</summary>
internal sealed class IdleConnections : IDisposable
{
    private const int Batch = 100;
    private readonly LinkedStacks _link = new();

    /// <summary>Makes connections.</summary>
    /// <param name="count">How many, at most as many as there are ports on a few addresses.</param>
    internal void Open(int count)
    {
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
                for (int i = 0; i < Batch; i++)
                {
                    int socket = LinkedStacks.Require(client.Socket(2, 1, 0));
                    _ = client.Connect(socket, to);
                }

                _link.Pump();
                for (int i = 0; i < Batch; i++)
                {
                    LinkedStacks.Require(server.Accept(listener, out _));
                }
            }
        }
    }

    public void Dispose() => _link.Dispose();
}
