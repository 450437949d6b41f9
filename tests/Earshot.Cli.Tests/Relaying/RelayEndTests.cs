using System;
using System.Diagnostics;
using Earshot.Cli.Relaying;
using Earshot.Links;
using Earshot.Simulation;
using Earshot.Simulation.Rules;
using Xunit;

namespace Earshot.Cli.Tests.Relaying;

public sealed class RelayEndTests : IDisposable
{
    private readonly (MemoryLink Near, MemoryLink Far) _left = MemoryLink.CreatePair();
    private readonly (MemoryLink Near, MemoryLink Far) _right = MemoryLink.CreatePair();
    private RelayEnd? _one;
    private RelayEnd? _other;

    public void Dispose()
    {
        _one?.Stop();
        _other?.Stop();
        foreach (MemoryLink link in (ReadOnlySpan<MemoryLink>)[_left.Near, _left.Far, _right.Near, _right.Far])
        {
            link.Dispose();
        }
    }

    [Fact]
    public void Packets_cross_in_order_and_not_before_their_delay()
    {
        Start(new WireOptions { Latency = TimeSpan.FromMilliseconds(30) }, limit: 100);
        long start = Stopwatch.GetTimestamp();
        for (byte i = 0; i < 10; i++)
        {
            Assert.True(_left.Near.TrySend(Packet(i), default));
        }

        for (byte i = 0; i < 10; i++)
        {
            Assert.Equal(i, Receive(_right.Near));
        }

        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.FromMilliseconds(30), TimeSpan.MaxValue);
        Assert.True(_right.Near.TrySend(Packet(77), default));
        Assert.Equal(77, Receive(_left.Near));
    }

    [Fact]
    public void What_is_more_than_the_limit_is_lost_and_counted()
    {
        Start(new WireOptions { Latency = TimeSpan.FromMilliseconds(200) }, limit: 3);
        for (byte i = 0; i < 5; i++)
        {
            Assert.True(_left.Near.TrySend(Packet(i), default));
        }

        for (byte i = 0; i < 3; i++)
        {
            Assert.Equal(i, Receive(_right.Near));
        }

        Assert.Equal(-1, Receive(_right.Near, TimeSpan.FromMilliseconds(300)));
        Assert.Equal(2, _one!.OverLimit); // Set by Start.
    }

    [Fact]
    public void A_wire_loses_what_its_rules_say()
    {
        Start(new WireOptions { Latency = TimeSpan.Zero, Rules = [new Loss(1)] }, limit: 100);
        Assert.True(_left.Near.TrySend(Packet(1), default));
        Assert.Equal(-1, Receive(_right.Near, TimeSpan.FromMilliseconds(200)));
        Assert.Equal((1, 1), (_one!.Wire.Sent, _one.Wire.Dropped)); // Set by Start.
    }

    private void Start(WireOptions options, int limit)
    {
        _one = new RelayEnd(_left.Far, new RealWire(options, 1, 0), limit);
        _other = new RelayEnd(_right.Far, new RealWire(options, 1, 1), limit);
        RelayEnd.Start(_one, _other);
    }

    private static byte[] Packet(byte number)
    {
        byte[] packet = new byte[40];
        packet[0] = 0x45;
        packet[39] = number;
        return packet;
    }

    private static int Receive(MemoryLink link) => Receive(link, TimeSpan.FromSeconds(20));

    private static int Receive(MemoryLink link, TimeSpan patience)
    {
        byte[] buffer = new byte[100];
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < patience)
        {
            if (link.Receive(buffer, out _) == 40)
            {
                return buffer[39];
            }

            link.Wait(TimeSpan.FromMilliseconds(10));
        }

        return -1;
    }
}
