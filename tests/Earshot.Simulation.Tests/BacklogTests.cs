using System;
using System.Collections.Generic;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Earshot.Simulation.Rules;
using Xunit;

namespace Earshot.Simulation.Tests;

public sealed class BacklogTests
{
    private static readonly InetEndpoint Server = InetEndpoint.Parse("10.0.0.2:6666");

    [Fact]
    public void Under_6_18_opens_are_accepted_queued_or_refused_after_every_step() =>
        Seeds.Run(150, seed => RunCrowd(seed, KernelProfile.Linux618));

    [Fact]
    public void Under_el6_opens_are_accepted_queued_or_refused_after_every_step() =>
        Seeds.Run(150, seed => RunCrowd(seed, KernelProfile.LinuxEl6));

    [Fact]
    public void With_abort_on_overflow_the_books_balance_too() => Seeds.Run(100, seed => RunCrowd(
        seed,
        (seed % 2 == 0 ? KernelProfile.Linux618 : KernelProfile.LinuxEl6).With("net.ipv4.tcp_abort_on_overflow", "1")));

    [Fact]
    public void The_same_crowd_gives_the_same_packets_twice() => Seeds.Run(20, seed =>
    {
        KernelProfile profile = seed % 2 == 0 ? KernelProfile.Linux618 : KernelProfile.LinuxEl6;
        Assert.Equal(RunCrowd(seed, profile), RunCrowd(seed, profile));
    });

    private static ulong RunCrowd(ulong seed, KernelProfile profile)
    {
        using var world = new World(seed) { CheckEveryStep = true };
        Host client = world.AddHost("client", Options(profile, "10.0.0.1/24"));
        Host server = world.AddHost("server", Options(profile, "10.0.0.2/24"));
        world.Connect(client, server, new WireOptions
        {
            Latency = TimeSpan.FromMilliseconds(seed % 10),
            Rules = seed % 3 == 0
                ? []
                : [new Duplicate(0.05), new Loss(0.1), new Delay(TimeSpan.Zero, TimeSpan.FromMilliseconds(5))],
        });
        var crowd = new Crowd(
            world, client, server, Server, backlog: (int)(seed % 5), clients: 30, world.ProgramChance(0));
        world.AfterStep = _ => crowd.CheckBooks();

        // Long enough for every schedule of SYNs and SYN-ACKs to end.
        world.RunUntil(Instant.FromSeconds(100));
        Assert.Equal(30, crowd.Opens);
        crowd.StopListening();
        world.RunUntil(Instant.FromSeconds(300));
        crowd.StopClients();
        world.RunUntil(Instant.FromSeconds(900));

        Assert.Equal(crowd.Opens, crowd.Connected + crowd.Failed);
        Assert.True(crowd.Accepted > 0, "nobody was accepted");
        Assert.Empty(Rows(client));
        Assert.Empty(Rows(server));
        return world.Trace;
    }

    private static List<SocketRow> Rows(Host host)
    {
        var rows = new List<SocketRow>();
        host.Stack.CopySockets(rows);
        return rows;
    }

    private static StackOptions Options(KernelProfile profile, string address) => new()
    {
        Profile = profile,
        Interfaces = [new InterfaceOptions { Addresses = [InterfaceAddress.Parse(address)] }],
    };
}
