using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Time;
using Earshot.Simulation.Rules;
using Xunit;

namespace Earshot.Simulation.Tests;

public sealed class RealWireTests
{
    private const int Packets = 20_000;

    [Fact]
    public void The_same_numbers_are_lost_whatever_the_packets_are_and_whenever_they_come()
    {
        List<int> lost = Lost(seed: 7, direction: 0, length: 40, apart: 1000);

        Assert.Equal(lost, Lost(seed: 7, direction: 0, length: 1500, apart: 999_999));
        Assert.NotEqual(lost, Lost(seed: 7, direction: 1, length: 40, apart: 1000));
        Assert.NotEqual(lost, Lost(seed: 8, direction: 0, length: 40, apart: 1000));

        // One in a hundred of 20 000 is 200, with a standard deviation of 14.
        Assert.InRange(lost.Count, 130, 270);
    }

    [Fact]
    public void A_doubled_packet_is_delivered_twice_after_the_latency()
    {
        var wire = new RealWire(
            new WireOptions { Latency = TimeSpan.FromMilliseconds(5), Rules = [new Duplicate(1)] }, 1, 0);
        var times = new List<TimeSpan>();
        wire.Carry([1, 2, 3], default, (packet, after) => times.Add(packet.SequenceEqual((byte[])[1, 2, 3])
            ? after : TimeSpan.Zero));

        Assert.Equal([TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(5)], times);
        Assert.Equal((1, 0, 1, 0), (wire.Sent, wire.Dropped, wire.Duplicated, wire.Damaged));
    }

    [Fact]
    public void A_damaged_packet_differs_in_one_bit()
    {
        var wire = new RealWire(new WireOptions { Rules = [new Corrupt(1)] }, 1, 0);
        int bits = 0;
        wire.Carry(new byte[100], default, (packet, _) =>
        {
            foreach (byte one in packet)
            {
                bits += byte.PopCount(one);
            }
        });

        Assert.Equal(1, bits);
        Assert.Equal(1, wire.Damaged);
    }

    private static List<int> Lost(ulong seed, int direction, int length, long apart)
    {
        var wire = new RealWire(new WireOptions { Rules = [new Loss(0.01)] }, seed, direction);
        var delivered = new HashSet<int>();
        byte[] packet = new byte[length];
        for (int i = 0; i < Packets; i++)
        {
            int number = i;
            wire.Carry(packet, new Instant(i * apart), (_, _) => delivered.Add(number));
        }

        return [.. Enumerable.Range(0, Packets).Where(number => !delivered.Contains(number))];
    }
}
