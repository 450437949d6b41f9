using System;
using System.Collections.Generic;
using Earshot.Core.Sockets;
using Earshot.Core.Time;
using Xunit;

namespace Earshot.Core.Tests.Ip;

/// <summary>A stack without anybody on the other end of its link: frames are given to it by hand, time goes on from
/// timer to timer, and what it sends is kept with its moment.</summary>
internal sealed class LoneStack : IDisposable
{
    private readonly PacketBatch _batch = new(1);
    private readonly NetworkStack _stack;
    private Instant _now = Instant.FromSeconds(10);

    internal LoneStack(InterfaceOptions link) =>
        _stack = new NetworkStack(new StackOptions { Interfaces = [link] }, _now);

    internal SocketCalls Calls => _stack.Calls;

    /// <summary>Lets a frame come in.</summary>
    internal void Give(byte[] frame)
    {
        _batch.Clear();
        Assert.True(_batch.TryAdd(frame));
        _stack.OnPackets(_batch, _now);
    }

    /// <summary>Lets time pass.</summary>
    /// <returns>The frames that were sent, each with the seconds that had passed.</returns>
    internal List<(double At, byte[] Frame)> Run(double seconds)
    {
        var sent = new List<(double At, byte[] Frame)>();
        Instant begin = _now;
        Instant end = _now + TimeSpan.FromSeconds(seconds);
        Collect();
        while (_stack.NextTimer is { } next && next <= end)
        {
            _now = next;
            _stack.OnTimer(_now);
            Collect();
        }

        _now = end;
        _stack.OnTimer(_now);
        Collect();
        return sent;

        void Collect()
        {
            while (_stack.TryTransmit(out OutboundPacket packet))
            {
                sent.Add(((_now - begin).TotalSeconds, packet.Bytes.ToArray()));
            }
        }
    }

    public void Dispose() => _stack.Dispose();
}
