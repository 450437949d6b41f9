using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Established.Sending;

/// <summary>What waits in a link that tells when it is done with packets. What the kernel does with a device that keeps
/// its queue is shown by the scripts in tests/scripts/tcp/small-queues.</summary>
public sealed class SmallQueueTests : IDisposable
{
    private const int Device = 2;
    private readonly NetworkStack _a = Make("10.0.0.1/24", InterfaceOffload.Completion);
    private readonly NetworkStack _b = Make("10.0.0.2/24", InterfaceOffload.None);
    private readonly PacketBatch _batch = new();
    private readonly Queue<byte[]> _inLink = new();
    private readonly int _client;

    public SmallQueueTests()
    {
        int listener = _b.Calls.Socket(2, 1, 0);
        Assert.Equal(0, _b.Calls.Bind(listener, new InetEndpoint(InetAddress.Any, 80)));
        Assert.Equal(0, _b.Calls.Listen(listener, 1));
        _client = _a.Calls.Socket(2, 1, 0);
        _a.Calls.Connect(_client, new InetEndpoint(InetAddress.Parse("10.0.0.2"), 80));
        while (Take() > 0)
        {
            Deliver(int.MaxValue);
        }

        byte[] on = [1, 0, 0, 0];
        Assert.Equal(0, _a.Calls.SetSocketOption(_client, 6, 1, on));
    }

    [Fact]
    public void A_small_write_waits_while_the_link_has_more_than_it()
    {
        Write(1000);
        Write(100);
        Write(100);
        Assert.Equal(1, Take());
        Assert.Equal(1, _a.Mib[Counter.TcpExtTCPAutoCorking]);
        _a.CompleteTransmissions(Device, 1, _a.Now);
        Assert.Equal(1, Take());
        Assert.Equal([1000, 200], Lengths());
    }

    [Fact]
    public void What_the_link_is_done_with_holds_no_write_back()
    {
        Write(1000);
        Assert.Equal(1, Take());
        _a.CompleteTransmissions(Device, 1, _a.Now);
        Write(100);
        Assert.Equal(1, Take());
        Assert.Equal(0, _a.Mib[Counter.TcpExtTCPAutoCorking]);
    }

    [Fact]
    public void Beyond_the_limit_two_pieces_may_wait_in_the_link()
    {
        Assert.Equal(0, _a.Sysctls.Set("net.ipv4.tcp_autocorking", "0"));
        Assert.Equal(0, _a.Sysctls.Set("net.ipv4.tcp_limit_output_bytes", "1"));
        for (int i = 0; i < 4; i++)
        {
            Write(300);
        }

        Assert.Equal(2, Take());
        _a.CompleteTransmissions(Device, 2, _a.Now);
        Assert.Equal(1, Take());
        Assert.Equal([300, 300, 600], Lengths());
        Assert.Equal(0, _a.Mib[Counter.TcpExtTCPAutoCorking]);
    }

    [Fact]
    public void More_than_the_link_was_given_cannot_be_done()
    {
        Write(10);
        Assert.Throws<ArgumentOutOfRangeException>(() => _a.CompleteTransmissions(Device, 2, _a.Now));
        Assert.Throws<ArgumentOutOfRangeException>(() => _b.CompleteTransmissions(Device, 1, _b.Now));
    }

    [Fact]
    public void A_connection_that_is_no_more_is_not_told()
    {
        Write(1000);
        Write(1000);
        Write(100);
        byte[] abort = [1, 0, 0, 0, 0, 0, 0, 0];
        Assert.Equal(0, _a.Calls.SetSocketOption(_client, 1, 13, abort));
        Assert.Equal(0, _a.Calls.Close(_client));
        int left = Take();
        Assert.True(left >= 2);
        _a.CompleteTransmissions(Device, left, _a.Now);
        Assert.Equal(0, Take());
    }

    public void Dispose()
    {
        _a.Dispose();
        _b.Dispose();
    }

    private static NetworkStack Make(string address, InterfaceOffload offload) => new(
        new StackOptions
        {
            Seed = Chance.Spread(1),
            Interfaces = [new InterfaceOptions { Addresses = [InterfaceAddress.Parse(address)], Offload = offload }],
        },
        Instant.FromSeconds(1));

    private void Write(int bytes) => Assert.Equal(bytes, _a.Calls.Send(_client, new byte[bytes]));

    /// <summary>The link takes what leaves the stack, and keeps it.</summary>
    private int Take()
    {
        int before = _inLink.Count;
        while (_a.TryTransmit(out OutboundPacket packet))
        {
            _inLink.Enqueue(packet.Bytes.ToArray());
        }

        return _inLink.Count - before;
    }

    private int[] Lengths()
    {
        const int Headers = 52;
        return [.. _inLink.Select(static packet => packet.Length - Headers)];
    }

    private void Deliver(int most)
    {
        int done = Math.Min(most, _inLink.Count);
        for (int i = 0; i < done; i++)
        {
            _batch.Clear();
            _batch.TryAdd(_inLink.Dequeue());
            _b.OnPackets(_batch, _b.Now);
        }

        _a.CompleteTransmissions(Device, done, _a.Now);
        _batch.Clear();
        while (_b.TryTransmit(out OutboundPacket packet))
        {
            _batch.TryAdd(packet.Bytes);
        }

        _a.OnPackets(_batch, _a.Now);
    }
}
