using System;
using System.Collections.Generic;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Core.Wire;
using Earshot.Simulation.Programs;
using Earshot.Simulation.Rules;
using Xunit;

namespace Earshot.Simulation.Tests;

/// <summary>What loss recovery makes of a path that loses and shifts packets.</summary>
public sealed class RecoveryTests
{
    // Bytes a second that 6.18's own CUBIC moved in a minute over a relay with 25 ms each way and 1 % loss of data
    // packets, the median of runs (docs/linux-facts.md).
    private const double OfTheKernel = 318_500;

    [Fact]
    [Trait("Linux", "tcp_fastretrans_alert")]
    public void A_path_of_50_ms_that_loses_one_packet_in_a_hundred_is_used_as_the_kernel_uses_it()
    {
        var rates = new List<double>();
        Seeds.Run(9, seed =>
        {
            using World world = Path(seed, KernelProfile.Linux618.With("net.ipv4.tcp_congestion_control", "cubic"));
            Transfer transfer = Start(world, seed, toServer: 100_000_000, toClient: 0);
            world.RunUntil(() => world.Now.Seconds >= 60 || transfer.IsDone, 10_000_000);
            rates.Add(transfer.Server!.Received / world.Now.Seconds);
        });
        rates.Sort();
        Assert.True(
            rates[rates.Count / 2] >= 0.9 * OfTheKernel, $"{string.Join(", ", rates)} bytes a second");
    }

    private static World Path(ulong seed, KernelProfile profile)
    {
        var world = new World(seed);
        Host client = world.AddHost("client", Options("10.0.0.1/24"));
        world.Connect(client, world.AddHost("server", Options("10.0.0.2/24")), new WireOptions
        {
            Latency = TimeSpan.FromMilliseconds(25),
            Rules = [new OneWay(client, new Loss(0.01))],
        });
        return world;

        StackOptions Options(string address) => new()
        {
            Profile = profile,
            Interfaces = [new InterfaceOptions { Addresses = [InterfaceAddress.Parse(address)], Mtu = 1500 }],
        };
    }

    private static Transfer Start(World world, ulong seed, long toServer, long toClient) => new(
        world.Hosts[0],
        world.Hosts[1],
        new TransferOptions
        {
            ToServer = toServer,
            ToClient = toClient,
            Close = (ClosePattern)(seed % 4),
            Server = InetEndpoint.Parse("10.0.0.2:80"),
        },
        world.ProgramChance(0));
}
