using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace Earshot.Sockets.Tests;

/// <summary>Blocking calls; alone, because the test occupies the thread pool.</summary>
[Collection(nameof(AloneCollection))]
public sealed class BlockingTests
{
    [Fact]
    public async Task Blocking_calls_need_no_thread_of_the_pool()
    {
        using var hosts = new TwoHosts();
        using Connected pair = await hosts.ConnectAsync();
        byte[] bytes = Testbed.RandomBytes(3_000_000, 1);
        byte[] received = new byte[bytes.Length];
        using var occupied = new CountdownEvent(Environment.ProcessorCount * 4);
        using var release = new ManualResetEventSlim();
        Task[] hogs = [.. Enumerable.Range(0, occupied.InitialCount).Select(_ => Task.Run(() =>
        {
            occupied.Signal();
            release.Wait();
        }))];
        try
        {
            var writer = new Thread(
                () => new EarshotStream(pair.Client, leaveOpen: true).Write(bytes, 0, bytes.Length));
            var reader = new Thread(() => new EarshotStream(pair.Server, leaveOpen: true).ReadExactly(received));
            writer.Start();
            reader.Start();
            Assert.True(reader.Join(Testbed.Patience), "the reader did not end");
            Assert.True(writer.Join(Testbed.Patience), "the writer did not end");
        }
        finally
        {
            release.Set();
        }

        Assert.True(bytes.AsSpan().SequenceEqual(received));
        await Task.WhenAll(hogs);
    }
}
