using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Earshot.Host.Tests.Lab;
using Earshot.Lab.Experiments;
using Earshot.Lab.Packetdrill;
using Earshot.Lab.Targets;
using Earshot.Tests;
using Xunit;

namespace Earshot.Host.Tests;

/// <summary>What is left behind of the descriptors of the whole process, so no other test may run beside
/// these.</summary>
[Collection(nameof(AloneCollection))]
public sealed class DescriptorTests
{
    private const int Runs = 16;

    [TunFact]
    public async Task A_call_that_blocks_without_leave_ends_the_script_and_leaves_no_descriptor_behind()
    {
        const string text = """
            0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
            +0 bind(3, ..., ...) = 0
            +0 listen(3, 1) = 0
            +0 accept(3, ..., ...) = 4
            """;
        await Blocked();
        int before = Count();
        Assert.All(await Blocked(), static v => Assert.Equal((4, "accept() blocks"), (v.Line, v.Reason)));
        NothingIsLeft(before);

        static Task<IReadOnlyList<ScriptVerdict>> Blocked() => OwnThread.Start(static () => ScriptBatch.Run(
            [.. Enumerable.Repeat((Script.Parse("x.pkt", text), IpVersion.IPv6), Runs)], new HostPacketTargetMaker()));
    }

    [HostFact]
    public async Task Sixteen_runs_side_by_side_disturb_nothing_and_leave_no_descriptor_behind()
    {
        Plan plan = PlanCatalog.Load("backlog").Until(TimeSpan.FromSeconds(1));
        var target = new HostTarget();
        target.Run(plan);
        int before = Count();
        RunResult[] all = await Task.WhenAll(
            Enumerable.Range(0, Runs).Select(_ => OwnThread.Start(() => target.Run(plan))));
        Assert.All(all, static result => Assert.Equal("6+0 S", Outcome.Of(result, result.Samples[0])));
        NothingIsLeft(before);
    }

    // The runtime may open one of its own meanwhile; a run that leaves one leaves it in each of the sixteen.
    private static void NothingIsLeft(int before) => Assert.InRange(Count(), 0, before + (Runs / 2));

    private static int Count() => Directory.GetFileSystemEntries("/proc/self/fd").Length;
}

/// <summary>Tests that no other may run beside: they measure the process as a whole.</summary>
[CollectionDefinition(nameof(AloneCollection), DisableParallelization = true)]
public sealed class AloneCollection;
