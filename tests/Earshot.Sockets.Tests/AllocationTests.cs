using System;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace Earshot.Sockets.Tests;

/// <summary>Steady reading and writing allocates nothing, on whichever thread.</summary>
[Collection(nameof(AloneCollection))]
public sealed class AllocationTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Reads_and_writes_in_steady_state_allocate_nothing(bool withToken)
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        using var source = new CancellationTokenSource();
        CancellationToken token = withToken ? source.Token : default;
        byte[] buffer = new byte[1000];
        await Exchange(2000);
        long before = GC.GetTotalAllocatedBytes(precise: true);
        const int exchanges = 5000;
        await Exchange(exchanges);
        double each = (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)exchanges;

        // The test's own state machine and timers of the runtime are in it, but nothing that grows with the calls.
        Assert.InRange(each, 0, 4);

        async Task Exchange(int count)
        {
            for (int i = 0; i < count; i++)
            {
                ValueTask<int> read = pair.Server.ReceiveAsync(buffer, token);
                await pair.Client.SendAsync(buffer, token);
                await read;
            }
        }
    }
}

[CollectionDefinition(nameof(AloneCollection), DisableParallelization = true)]
public sealed class AloneCollection;
