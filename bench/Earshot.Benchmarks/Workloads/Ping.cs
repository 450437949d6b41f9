using System;
using Earshot.Core.Sockets;

namespace Earshot.Benchmarks.Workloads;

/// <summary>One connection on which 64 bytes go to and fro: request, reply, request.</summary>
internal sealed class Ping : IDisposable
{
    private const int Length = 64;
    private const long TripTime = 1000;

    private readonly LinkedStacks _link = new();
    private readonly SocketCalls _client;
    private readonly SocketCalls _server;
    private readonly byte[] _buffer = new byte[Length];
    private readonly int _near;
    private readonly int _far;

    internal Ping()
    {
        _client = _link.Client.Calls;
        _server = _link.Server.Calls;
        int listener = LinkedStacks.Require(_server.Socket(2, 1, 0));
        LinkedStacks.Require(_server.Bind(listener, LinkedStacks.ServerEndpoint));
        LinkedStacks.Require(_server.Listen(listener, 1));
        _near = LinkedStacks.Require(_client.Socket(2, 1, 0));
        _ = _client.Connect(_near, LinkedStacks.ServerEndpoint);
        _link.Pump();
        LinkedStacks.Require(_client.Connect(_near, LinkedStacks.ServerEndpoint));
        _far = LinkedStacks.Require(_server.Accept(listener, out _));
    }

    /// <summary>Packets that crossed the link, both ways.</summary>
    internal long Packets => _link.Packets;

    /// <summary>Makes so many round trips.</summary>
    internal void Run(int trips)
    {
        for (int i = 0; i < trips; i++)
        {
            Require(_client.Send(_near, _buffer));
            _link.CarryToServer();
            Require(_server.Receive(_far, _buffer));
            Require(_server.Send(_far, _buffer));
            _link.CarryToClient();
            Require(_client.Receive(_near, _buffer));
            _link.Advance(TripTime);
        }
    }

    public void Dispose() => _link.Dispose();

    private static void Require(int count)
    {
        if (count != Length)
        {
            throw new InvalidOperationException($"a call moved {count} bytes of {Length}");
        }
    }
}
