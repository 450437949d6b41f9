using System;
using System.Collections.Generic;
using System.Threading;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Core.Wire;
using Earshot.Simulation.Programs;
using Earshot.Simulation.Rules;
using Xunit;

namespace Earshot.Simulation.Tests;

public sealed class TransferTests
{
    private const int Megabyte = 1_000_000;

    [Fact]
    public void Five_hundred_seeds_move_a_megabyte_each_way_over_a_wire_that_loses_reorders_and_duplicates() =>
        Seeds.Run(500, seed => RunTransfer(seed, Megabyte));

    [Fact]
    public void The_same_seed_gives_the_same_packets_twice() => Seeds.Run(20, seed =>
    {
        (ulong trace, long sent) = RunTransfer(seed, 200_000);
        Assert.Equal((trace, sent), RunTransfer(seed, 200_000));
        Assert.NotEqual(trace, RunTransfer(seed + 1_000_000, 200_000).Trace);
    });

    [Fact]
    public void Small_packets_and_small_buffers_move_the_bytes_too() => Seeds.Run(60, seed =>
    {
        KernelProfile profile = ProfileOf(seed)
            .With("net.ipv4.tcp_rmem", "2304\t4096\t8192").With("net.ipv4.tcp_wmem", "4608\t4608\t9216");
        RunTransfer(seed, 40_000, profile, mtu: 68 + (int)(seed % 4 * 200));
    });

    [Fact]
    public void A_link_that_cuts_segments_and_completes_checksums_moves_the_bytes_too() => Seeds.Run(40, seed =>
        RunTransfer(seed, 300_000, offload: InterfaceOffload.Checksum | InterfaceOffload.Segmentation));

    [Fact]
    public void A_slow_link_with_a_short_queue_is_filled_and_not_overrun_for_ever() => Seeds.Run(20, seed =>
    {
        using World world = TwoHosts(seed, ProfileOf(seed), 1500, InterfaceOffload.None, new WireOptions
        {
            Latency = TimeSpan.FromMilliseconds(5),
            Rules = [new Bottleneck(10_000_000, 30_000)],
        });
        Transfer transfer = Start(world, seed, 300_000);
        Assert.True(world.RunUntil(() => transfer.IsDone), "nothing was left to happen");

        // 2 x 300 kB at 10 Mbit/s each way take 0.24 s when the link is never idle; congestion control may need more.
        Assert.InRange(world.Now.Seconds, 0.24, 20);
    });

    [Theory]
    [InlineData(3, "cubic")]
    [InlineData(3, "dctcp")]
    [InlineData(1, "cubic")]
    public void What_a_queue_marks_both_ends_know(int ecn, string algorithm) => Seeds.Run(10, seed =>
    {
        using World world = TwoHosts(seed, KernelProfile.Linux618, 1500, InterfaceOffload.None, new WireOptions
        {
            Latency = TimeSpan.FromMilliseconds(2 + (seed % 5)),
            Rules = [new Bottleneck(20_000_000, 400_000, 20_000)],
        });
        Speak(world, ecn, algorithm);
        Transfer transfer = Start(world, seed, Megabyte);
        Assert.True(world.RunUntil(() => transfer.IsDone), "nothing was left to happen");
        Assert.True(world.RunUntil(() => Sockets(world) == 0, 100_000));
        Wire wire = world.Wires[0];
        Assert.Equal(0, wire.Dropped);
        Assert.True(wire.Marked > 10, $"{wire.Marked} marks");
        Assert.Equal(wire.Marked, Sum(world, Counter.IpExtInCEPkts));
        if (ecn == 3)
        {
            // An echo of RFC 3168 counts all that is acknowledged until CWR; accurate ECN counts packets.
            Assert.Equal(wire.Marked, Sum(world, Counter.TcpExtTCPDeliveredCE));
        }
    });

    [Fact]
    public void Accurate_ECN_survives_a_wire_that_loses_reorders_and_duplicates()
    {
        long marked = 0;
        Seeds.Run(60, seed => Interlocked.Add(ref marked, LoseAndMark(seed)));
        Assert.True(marked > 1000, $"{marked} marks");
    }

    private static long LoseAndMark(ulong seed)
    {
        using World world = TwoHosts(seed, KernelProfile.Linux618, 1500, InterfaceOffload.None, new WireOptions
        {
            Latency = TimeSpan.FromMilliseconds(1 + (seed % 20)),
            Rules =
            [
                new Duplicate(0.02),
                new Loss(0.02),
                new Reorder(0.05, TimeSpan.FromMilliseconds(5)),
                new Bottleneck(20_000_000, 100_000, 2_000),
            ],
        });
        world.CheckEveryStep = true;
        Speak(world, 3, seed % 2 == 0 ? "cubic" : "dctcp");
        Transfer transfer = Start(world, seed, 300_000);
        Assert.True(world.RunUntil(() => transfer.IsDone, 2_000_000), "all is quiet, but bytes are missing");
        Assert.Equal(300_000, transfer.Server!.Received);
        return world.Wires[0].Marked;
    }

    private static void Speak(World world, int ecn, string algorithm)
    {
        foreach (Host host in world.Hosts)
        {
            Assert.Equal(0, host.Stack.Sysctls.Set("net.ipv4.tcp_ecn", $"{ecn}"));
            Assert.Equal(0, host.Stack.Sysctls.Set("net.ipv4.tcp_congestion_control", algorithm));
        }
    }

    private static long Sum(World world, Counter counter)
    {
        long sum = 0;
        foreach (Host host in world.Hosts)
        {
            sum += host.Stack.Mib[counter];
        }

        return sum;
    }

    private static (ulong Trace, long Sent) RunTransfer(
        ulong seed,
        int bytes,
        KernelProfile? profile = null,
        int mtu = 1500,
        InterfaceOffload offload = InterfaceOffload.None)
    {
        var wire = new WireOptions
        {
            Latency = TimeSpan.FromMilliseconds(1 + (seed % 20)),
            Rules =
            [
                new Duplicate(0.03),
                new Loss(0.05),
                new Reorder(0.1, TimeSpan.FromMilliseconds(10)),
                new Delay(TimeSpan.Zero, TimeSpan.FromMilliseconds(0.5)),
            ],
        };
        using World world = TwoHosts(seed, profile ?? ProfileOf(seed), mtu, offload, wire);
        world.CheckEveryStep = true;
        Transfer transfer = Start(world, seed, bytes);

        Assert.True(world.RunUntil(() => transfer.IsDone, 2_000_000), "all is quiet, but bytes are missing");
        Assert.Equal(bytes, transfer.Client.Received);
        Assert.Equal(bytes, transfer.Server!.Received);
        Assert.True(world.RunUntil(() => Sockets(world) == 0, 100_000), $"{Sockets(world)} sockets stayed for ever");
        Assert.All(world.Hosts, host => Assert.Equal(0, host.Stack.Mib[Counter.TcpCurrEstab]));
        return (world.Trace, world.Wires[0].Sent);
    }

    private static KernelProfile ProfileOf(ulong seed) =>
        seed / 4 % 2 == 0 ? KernelProfile.Linux618 : KernelProfile.LinuxEl6;

    private static World TwoHosts(
        ulong seed, KernelProfile profile, int mtu, InterfaceOffload offload, WireOptions wire)
    {
        var world = new World(seed);
        Host client = world.AddHost("client", Options("10.0.0.1/24"));
        world.Connect(client, world.AddHost("server", Options("10.0.0.2/24")), wire);
        return world;

        StackOptions Options(string address) => new()
        {
            Profile = profile,
            HasAccurateEcn = true,
            Interfaces =
            [
                new InterfaceOptions
                {
                    Addresses = [InterfaceAddress.Parse(address)],
                    Mtu = mtu,
                    Offload = offload,
                },
            ],
        };
    }

    private static Transfer Start(World world, ulong seed, int bytes) => new(
        world.Hosts[0],
        world.Hosts[1],
        new TransferOptions
        {
            ToServer = bytes,
            ToClient = bytes,
            Close = (ClosePattern)(seed % 4),
            Server = InetEndpoint.Parse("10.0.0.2:80"),
        },
        world.ProgramChance(0));

    private static int Sockets(World world)
    {
        var rows = new List<SocketRow>();
        foreach (Host host in world.Hosts)
        {
            host.Stack.CopySockets(rows);
        }

        return rows.Count;
    }
}
