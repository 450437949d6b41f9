using System.IO;
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
    [TunFact]
    public async Task A_call_that_blocks_without_leave_ends_the_script_and_leaves_no_descriptor_behind()
    {
        const string text = """
            0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
            +0 bind(3, ..., ...) = 0
            +0 listen(3, 1) = 0
            +0 accept(3, ..., ...) = 4
            """;
        const int runs = 16;
        await Run(text);
        int before = Descriptors();
        for (int run = 0; run < runs; run++)
        {
            ScriptVerdict verdict = await Run(text);
            Assert.Equal((4, "accept() blocks"), (verdict.Line, verdict.Reason));
        }

        // The runtime may open one of its own meanwhile; a script that leaves one leaves it in each run.
        Assert.InRange(Descriptors(), 0, before + (runs / 2));
    }

    private static int Descriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;

    private static Task<ScriptVerdict> Run(string text) => Task.Factory.StartNew(
        () => ScriptBatch.Run([(Script.Parse("x.pkt", text), IpVersion.IPv6)], new HostPacketTargetMaker())[0],
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);
}

/// <summary>Tests that no other may run beside: they measure the process as a whole.</summary>
[CollectionDefinition(nameof(AloneCollection), DisableParallelization = true)]
public sealed class AloneCollection;
