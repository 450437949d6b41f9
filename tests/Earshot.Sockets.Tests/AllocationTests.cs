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
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task Reads_and_writes_in_steady_state_allocate_nothing(bool withToken, bool overLink)
    {
        using var hosts = new TwoHosts();
        using Connected pair = overLink ? await hosts.ConnectAsync() : await Connected.MakeAsync(hosts.A);
        using var source = new CancellationTokenSource();
        CancellationToken token = withToken ? source.Token : default;
        byte[] buffer = new byte[1000];
        const int exchanges = 5000;
        double least = double.MaxValue;
        for (int round = 0; round < 6; round++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            await Exchange(exchanges);
            least = Math.Min(least, (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)exchanges);
        }

        // The runtime's own doings, the pool's threads above all, disturb a round here or there; the smallest object
        // has 24 bytes, so one per exchange would show in each.
        Assert.InRange(least, 0, 1);

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
