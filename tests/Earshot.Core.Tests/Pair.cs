using System;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests;

/// <summary>Two stacks, 10.0.0.1 and 10.0.0.2, on a wire that loses nothing and takes no time.</summary>
internal sealed class Pair : IDisposable
{
    internal const ushort Port = 80;
    private readonly PacketBatch _batch = new();

    /// <summary>Makes the stacks.</summary>
    /// <param name="seed">Where their chance comes from.</param>
    /// <param name="busy">Connections of which each keeps everything at hand.</param>
    /// <param name="now">The moment; one second after the clock's zero unless given.</param>
    internal Pair(ulong seed = 1, int busy = StackOptions.DefaultBusyConnections, Instant? now = null)
    {
        Now = now ?? Instant.FromSeconds(1);
        A = Make("10.0.0.1/24", seed, busy);
        B = Make("10.0.0.2/24", seed + 1, busy);
    }

    internal NetworkStack A { get; }

    internal NetworkStack B { get; }

    internal Instant Now { get; private set; }

    internal long Packets { get; private set; }

    /// <summary>A connection from A to B: the descriptors of both ends.</summary>
    internal (int A, int B) Connect(int listener)
    {
        var remote = new InetEndpoint(InetAddress.Parse("10.0.0.2"), Port);
        int a = A.Calls.Socket(2, 1, 0);
        Assert.Equal(-Errno.EINPROGRESS, A.Calls.Connect(a, remote));
        Settle();
        Assert.Equal(0, A.Calls.Connect(a, remote));
        int b = B.Calls.Accept(listener, out _);
        Assert.True(b > 0);
        return (a, b);
    }

    internal int Listen(int backlog = 16)
    {
        int listener = B.Calls.Socket(2, 1, 0);
        B.Calls.Bind(listener, new InetEndpoint(InetAddress.Any, Port));
        Assert.Equal(0, B.Calls.Listen(listener, backlog));
        return listener;
    }

    /// <summary>Carries packets until none is left.</summary>
    internal void Settle()
    {
        while (Carry(A, B) | Carry(B, A))
        {
        }
    }

    internal void Run(double seconds)
    {
        Instant end = Now + TimeSpan.FromSeconds(seconds);
        Settle();
        while (Earlier(A.NextTimer, B.NextTimer) is { } next && next <= end)
        {
            Now = next;
            A.OnTimer(Now);
            B.OnTimer(Now);
            Settle();
        }

        Now = end;
        A.OnTimer(Now);
        B.OnTimer(Now);
    }

    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
    }

    private static Instant? Earlier(Instant? a, Instant? b) => a is null || b < a ? b : a;

    private NetworkStack Make(string address, ulong seed, int busy) => new(
        new StackOptions
        {
            Seed = Chance.Spread(seed),
            BusyConnections = busy,
            Interfaces = [new InterfaceOptions { Addresses = [InterfaceAddress.Parse(address)] }],
        },
        Now);

    private bool Carry(NetworkStack from, NetworkStack to)
    {
        _batch.Clear();
        while (_batch.HasRoom && from.TryTransmit(out OutboundPacket packet))
        {
            _batch.TryAdd(packet.Bytes);
        }

        Packets += _batch.Count;
        to.OnPackets(_batch, Now);
        return _batch.Count > 0;
    }
}
