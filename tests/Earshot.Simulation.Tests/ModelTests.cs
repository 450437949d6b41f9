using System;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Earshot.Simulation.Programs;
using Earshot.Simulation.Rules;
using Xunit;

namespace Earshot.Simulation.Tests;

/// <summary>Switches and the models of links that lose in bursts, damage packets or take small ones only.</summary>
public sealed class ModelTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_switch_learns_who_is_behind_which_wire(bool ethernet)
    {
        using var world = new World(7);
        Switch center = world.AddSwitch("center", ethernet);
        Host[] hosts = [.. Enumerable.Range(0, 3).Select(i => Add(world, i, 1500, ethernet))];
        foreach (Host host in hosts)
        {
            world.Connect(host, center);
        }

        Transfer transfer = Start(world, hosts[0], hosts[2], 200_000);
        world.RunUntil(() => transfer.IsDone);
        Assert.InRange(center.Flooded, 1, 10);
        Assert.True(center.Received > 100);
        Assert.Equal(0, hosts[1].Stack.Mib[Counter.TcpInSegs]);
    }

    [Fact]
    public void Bursts_are_as_long_as_their_model_says()
    {
        var model = new GilbertLoss(0.01, 0.25);
        (int lost, int bursts) = (0, 0);
        bool before = false;
        using var world = new World(7);
        Host host = Add(world, 0, 1500, ethernet: false);
        Host other = Add(world, 1, 1500, ethernet: false);
        Chance chance = world.ProgramChance(1);
        Wire wire = world.Connect(host, other, new WireOptions
        {
            Rules =
            [
                new Custom((in WirePacket packet, Chance _) =>
                {
                    for (int i = 0; i < 100_000; i++)
                    {
                        bool drop = model.Judge(packet, chance).Kind == FateKind.Drop;
                        lost += drop ? 1 : 0;
                        bursts += drop && !before ? 1 : 0;
                        before = drop;
                    }

                    return Fate.Drop;
                }),
            ],
        });
        Echo(host);
        world.RunUntil(Instant.FromSeconds(0.5));
        Assert.Equal(1, wire.Dropped);
        Assert.InRange((double)lost / bursts, 3.5, 4.5);
        Assert.InRange(lost, 3000, 5000);
    }

    [Fact]
    public void Damaged_packets_are_found_out_and_the_stream_stays_whole()
    {
        using var world = new World(11);
        Host client = Add(world, 0, 1500, ethernet: false);
        Host server = Add(world, 1, 1500, ethernet: false);
        Wire wire = world.Connect(client, server, new WireOptions { Rules = [new Corrupt(0.05)] });
        Transfer transfer = Start(world, client, server, 300_000);
        Assert.True(world.RunUntil(() => transfer.IsDone));
        Assert.True(wire.Damaged > 5);
        Assert.True(server.Stack.Mib[Counter.TcpInCsumErrors] + client.Stack.Mib[Counter.TcpInCsumErrors] > 0);
    }

    [Theory]
    [InlineData(1300)]
    [InlineData(576)]
    public void A_narrow_way_tells_its_MTU_and_the_stream_goes_on_in_smaller_pieces(int mtu)
    {
        using var world = new World(12);
        Host client = Add(world, 0, 1500, ethernet: false);
        Host server = Add(world, 1, 1500, ethernet: false);
        int longest = 0;
        Wire wire = world.Connect(client, server, new WireOptions { Rules = [new Narrow(mtu)] });
        wire.Add(new Custom((in WirePacket packet, Chance _) =>
        {
            longest = Math.Max(longest, packet.Bytes.Length);
            return Fate.Pass;
        }));
        Transfer transfer = Start(world, client, server, 300_000);
        Assert.True(world.RunUntil(() => transfer.IsDone));
        Assert.Equal(mtu, longest);
        Assert.InRange(wire.Dropped, 1, 50);
    }

    private static Host Add(World world, int number, int mtu, bool ethernet) => world.AddHost(
        $"h{number}",
        new StackOptions
        {
            Interfaces =
            [
                new InterfaceOptions
                {
                    Mtu = mtu,
                    Addresses = [InterfaceAddress.Parse($"10.0.0.{number + 1}/24")],
                    Ethernet = ethernet
                        ? new EthernetOptions
                        {
                            Address = new MacAddress(0x0200_0000_0001UL + (ulong)number),
                            DetectsDuplicates = false,
                            AcceptsRouters = false,
                        }
                        : null,
                },
            ],
        });

    private static Transfer Start(World world, Host client, Host server, long bytes) => new(
        client, server,
        new TransferOptions
        {
            ToServer = bytes,
            ToClient = 1000,
            Server = InetEndpoint.Parse($"10.0.0.{server.Number + 1}:80"),
        },
        world.ProgramChance(3));

    // One packet is enough: a connect to the other host.
    private static void Echo(Host host) => Assert.True(
        host.Calls.Connect(host.Calls.Socket(2, 1, 0), InetEndpoint.Parse("10.0.0.2:9")) < 0);
}
