using System;
using System.Collections.Generic;
using Earshot.Core;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Earshot.Simulation.Rules;
using Xunit;

namespace Earshot.Simulation.Tests;

/// <summary>
/// What wires and rules do, shown with pings: an echo request is put into a host, and its reply takes the wire.
/// </summary>
public sealed class WireTests : IDisposable
{
    private readonly World _world = new(7);
    private readonly List<(Instant At, ushort Number)> _arrived = [];
    private readonly Host _near;
    private readonly Host _far;

    public WireTests()
    {
        _near = _world.AddHost("near", Options("10.0.0.1/24"));
        _far = _world.AddHost("far", Options("10.0.0.2/24"));
        _far.Stack.Tap = (in TappedPacket packet) =>
        {
            if (!packet.IsOutbound)
            {
                _arrived.Add((packet.Time, (ushort)(packet.Bytes[26] << 8 | packet.Bytes[27])));
            }
        };
    }

    public void Dispose() => _world.Dispose();

    [Fact]
    public void A_packet_arrives_after_the_latency()
    {
        _world.Connect(_near, _far, new WireOptions { Latency = TimeSpan.FromMilliseconds(30) });
        Ping(1);
        Assert.True(_world.Step());
        Assert.Equal([(Instant.FromSeconds(0.03), (ushort)1)], _arrived);
        Assert.False(_world.Step());
    }

    [Fact]
    public void A_delay_adds_to_the_latency_and_its_jitter_stays_within_its_limit()
    {
        Run(new Delay(TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(2)), 200);
        Assert.Equal(200, _arrived.Count);
        Assert.All(_arrived, a => Assert.InRange(a.At.Seconds, 0.006, 0.008));
        Assert.True(_arrived[0].At < _arrived[^1].At);
    }

    [Fact]
    public void Loss_takes_its_share()
    {
        Run(new Loss(0.25), 2000);
        Assert.InRange(_arrived.Count, 1400, 1600);
        Assert.Equal(2000 - _arrived.Count, _world.Wires[0].Dropped);
    }

    [Fact]
    public void Reordering_lets_later_packets_overtake()
    {
        Run(new Reorder(0.2, TimeSpan.FromMilliseconds(1)), 500);
        Assert.Equal(500, _arrived.Count);
        int overtaken = 0;
        for (int i = 1; i < _arrived.Count; i++)
        {
            overtaken += _arrived[i].Number < _arrived[i - 1].Number ? 1 : 0;
        }

        // A fifth is held back, in an order of its own: half of those come after one that was sent later.
        Assert.InRange(overtaken, 30, 70);
    }

    [Fact]
    public void A_duplicate_is_judged_by_the_rules_after_it_for_itself()
    {
        Wire wire = Run([new Duplicate(1), new Loss(0.5)], 1000);
        Assert.Equal(1000, wire.Duplicated);
        Assert.Equal(2000, wire.Launched + wire.Dropped);
        Assert.InRange(_arrived.Count, 900, 1100);
    }

    [Fact]
    public void The_first_rule_that_does_not_pass_wins()
    {
        var first = new Custom((in WirePacket packet, Chance _) =>
            packet.Ordinal == 0 ? Fate.Deliver(TimeSpan.Zero) : Fate.Pass);
        Run([first, new Loss(1)], 3);
        Assert.Equal(0, Assert.Single(_arrived).Number);
    }

    [Fact]
    public void A_rule_leaves_when_its_guard_is_disposed()
    {
        Wire wire = _world.Connect(_near, _far);
        IDisposable guard = wire.AddFirst(new Partition());
        Ping(1);
        Assert.False(_world.Step());
        guard.Dispose();
        guard.Dispose();
        Ping(2);
        Assert.True(_world.Step());
        Assert.Equal(2, Assert.Single(_arrived).Number);
    }

    [Fact]
    public void A_rule_may_leave_while_it_judges()
    {
        Wire wire = _world.Connect(_near, _far, new WireOptions { Rules = [new Loss(0)] });
        IDisposable? guard = null;
        guard = wire.AddFirst(new Custom((in WirePacket _, Chance _) =>
        {
            guard!.Dispose();
            return Fate.Drop;
        }));
        Ping(1);
        Ping(2);
        while (_world.Step())
        {
        }

        Assert.Equal(2, Assert.Single(_arrived).Number);
    }

    [Fact]
    public void A_one_way_rule_judges_one_hosts_packets_only()
    {
        Run(new OneWay(_far, new Loss(1)), 5);
        Assert.Equal(5, _arrived.Count);
    }

    [Fact]
    public void A_bottleneck_spaces_packets_and_drops_what_its_queue_cannot_hold()
    {
        // 28 bytes at 224 kbit/s take 1 ms; while 84 bytes or fewer are ahead of it, a packet is let in: four are.
        Run(new Bottleneck(224_000, 84), 10);
        Assert.Equal(4, _arrived.Count);
        for (int i = 0; i < _arrived.Count; i++)
        {
            Assert.Equal(0.001 * (i + 2), _arrived[i].At.Seconds, 6);
        }
    }

    [Fact]
    public void Scheduled_actions_happen_at_their_moments_in_the_order_of_scheduling()
    {
        var done = new List<string>();
        _world.Schedule(Instant.FromSeconds(2), () => done.Add("third"));
        _world.Schedule(Instant.FromSeconds(1), () => done.Add("first"));
        _world.Schedule(Instant.FromSeconds(1), () => done.Add("second"));
        _world.RunUntil(Instant.FromSeconds(1.5));
        Assert.Equal(["first", "second"], done);
        Assert.Equal(Instant.FromSeconds(1.5), _world.Now);
        Assert.Equal(Instant.FromSeconds(1.5), _near.Stack.Now);
        _world.RunUntil(Instant.FromSeconds(5));
        Assert.Equal(["first", "second", "third"], done);
    }

    [Fact]
    public void A_world_that_never_ends_is_stopped_by_the_step_limit()
    {
        void Again() => _world.Schedule(_world.Now + TimeSpan.FromSeconds(1), Again);
        Again();
        Assert.Throws<SimulationException>(() => _world.RunUntil(() => false, stepLimit: 1000));
    }

    [Fact]
    public void Wires_need_two_hosts_and_free_interfaces()
    {
        Assert.Throws<ArgumentException>(() => _world.Connect(_near, _near));
        Assert.Throws<ArgumentException>(() => _world.Connect(_near, _far, new WireOptions { SecondInterface = 3 }));
        _world.Connect(_near, _far);
        Assert.Throws<ArgumentException>(() => _world.Connect(_near, _far));
    }

    [Fact]
    public void A_step_allocates_nothing_once_the_buffers_are_there()
    {
        // Every packet is a copy in a pooled buffer; the tap's list is the test's own, so it is taken away.
        _far.Stack.Tap = null;
        var jitter = new Delay(TimeSpan.Zero, TimeSpan.FromMilliseconds(3));
        _world.Connect(_near, _far, new WireOptions { Rules = [jitter] });
        PacketBatch batch = EchoRequests(64);
        Turn();
        Turn();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Turn();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Turn()
        {
            for (int i = 0; i < 10; i++)
            {
                _near.Stack.OnPackets(batch, _world.Now);
                while (_world.Step())
                {
                }
            }
        }
    }

    private Wire Run(IRule rule, int pings) => Run([rule], pings);

    private Wire Run(IReadOnlyList<IRule> rules, int pings)
    {
        Wire wire = _world.Connect(_near, _far, new WireOptions { Rules = rules });
        for (int i = 0; i < pings; i++)
        {
            Ping((ushort)i);
        }

        while (_world.Step())
        {
        }

        Assert.Equal(pings, wire.Sent);
        return wire;
    }

    private void Ping(ushort number)
    {
        PacketBatch batch = EchoRequests(1, number);
        _near.Stack.OnPackets(batch, _world.Now);
        _ = _world.NextMoment;
    }

    // An echo request to the near host that says it comes from the far one.
    private static PacketBatch EchoRequests(int count, ushort number = 0)
    {
        var batch = new PacketBatch();
        for (int i = 0; i < count; i++)
        {
            Span<byte> packet = batch.Reserve()[..28];
            packet.Clear();
            var fields = new IpFields(
                InetAddress.Parse("10.0.0.2"), InetAddress.Parse("10.0.0.1"), IpPacket.ProtocolIcmp, 0, 0, 64, false);
            IpPacket.WriteHeader(packet, fields, 8);
            packet[20] = 8;
            packet[26] = (byte)(number >> 8);
            packet[27] = (byte)number;
            ushort sum = Checksum.Finish(Checksum.Add(packet[20..]));
            BitConverter.TryWriteBytes(packet[22..], sum);
            batch.Commit(28);
        }

        return batch;
    }

    private static StackOptions Options(string address) => new()
    {
        Interfaces = [new InterfaceOptions { Addresses = [InterfaceAddress.Parse(address)] }],
    };
}
