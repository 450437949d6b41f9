using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Lab.Packetdrill;
using Earshot.Lab.Targets;
using Earshot.Tests;
using Xunit;

namespace Earshot.Host.Tests.Packetdrill;

/// <summary>Counts the descriptors of the whole process, so no other test may run beside it.</summary>
[Collection(nameof(AloneCollection))]
public sealed class HostDescriptorTests
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
        await Run(text);
        int before = Descriptors();
        Assert.All(
            await Run(text), static verdict => Assert.Equal((4, "accept() blocks"), (verdict.Line, verdict.Reason)));

        // The runtime may open one of its own meanwhile; a script that leaves one leaves it in each run.
        Assert.InRange(Descriptors(), 0, before + (Runs / 2));
    }

    private static int Descriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;

    private static Task<IReadOnlyList<ScriptVerdict>> Run(string text) => Task.Factory.StartNew(
        () => ScriptBatch.Run(
            [.. Enumerable.Repeat((Script.Parse("x.pkt", text), IpVersion.IPv6), Runs)], new HostPacketTargetMaker()),
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);
}

/// <summary>Tests that no other may run beside: they measure the process as a whole.</summary>
[CollectionDefinition(nameof(AloneCollection), DisableParallelization = true)]
public sealed class AloneCollection;
