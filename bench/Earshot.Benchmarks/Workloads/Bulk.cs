using System;
using Earshot.Core;
using Earshot.Core.Sockets;

namespace Earshot.Benchmarks.Workloads;

/// <summary>One stream from the client to the server, written and read in calls of 64 KB.</summary>
internal sealed class Bulk : IDisposable
{
    private const int CallLength = 65536;
    private const long RoundTime = 20_000;

    private readonly LinkedStacks _link;
    private readonly SocketCalls _client;
    private readonly SocketCalls _server;
    private readonly byte[] _out = new byte[CallLength];
    private readonly byte[] _in = new byte[CallLength];
    private readonly int _sender;
    private readonly int _receiver;

    internal Bulk(int mtu, InterfaceOffload offload)
    {
        _link = new LinkedStacks(mtu, offload);
        _client = _link.Client.Calls;
        _server = _link.Server.Calls;
        int listener = LinkedStacks.Require(_server.Socket(2, 1, 0));
        LinkedStacks.Require(_server.Bind(listener, LinkedStacks.ServerEndpoint));
        LinkedStacks.Require(_server.Listen(listener, 1));
        _sender = LinkedStacks.Require(_client.Socket(2, 1, 0));
        _ = _client.Connect(_sender, LinkedStacks.ServerEndpoint);
        _link.Pump();
        LinkedStacks.Require(_client.Connect(_sender, LinkedStacks.ServerEndpoint));
        _receiver = LinkedStacks.Require(_server.Accept(listener, out _));
        for (int i = 0; i < _out.Length; i++)
        {
            _out[i] = (byte)((i * 31) + (i >> 8));
        }
    }

    /// <summary>Packets that crossed the link, both ways.</summary>
    internal long Packets => _link.Packets;

    /// <summary>Moves so many bytes.</summary>
    internal void Run(long bytes)
    {
        long received = 0;
        int idle = 0;
        while (received < bytes)
        {
            long before = received;
            while (_client.Send(_sender, _out) > 0)
            {
            }

            _link.CarryToServer();
            for (int count; (count = _server.Receive(_receiver, _in)) > 0;)
            {
                received += count;
            }

            _link.CarryToClient();
            _link.Advance(RoundTime);
            idle = received == before ? idle + 1 : 0;
            if (idle == 1_000_000)
            {
                throw new InvalidOperationException($"the stream stood still after {received} bytes");
            }
        }
    }

    public void Dispose() => _link.Dispose();
}
