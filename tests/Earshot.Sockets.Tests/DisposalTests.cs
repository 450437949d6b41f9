using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Core;
using Earshot.Links;
using Xunit;

namespace Earshot.Sockets.Tests;

/// <summary>Every end of a stack ends every call.</summary>
public sealed class DisposalTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Hundreds_of_pending_calls_of_every_kind_end_with_the_disposal(int seed)
    {
        (MemoryLink wire, MemoryLink hole) = MemoryLink.CreatePair();
        using MemoryLink _ = hole;
        EarshotStack stack = EarshotStack.Start(Testbed.Host(Testbed.AddressA, (ulong)seed), wire);
        List<Task> calls = await StartCallsOfEveryKind(stack);
        Assert.All(calls, call => Assert.False(call.IsCompleted));

        stack.Dispose();
        foreach (Task call in calls)
        {
            SocketException error = await Assert.ThrowsAsync<SocketException>(() => call.Soon());
            Assert.Equal(SocketError.OperationAborted, error.SocketErrorCode);
        }

        Assert.True(stack.Completion.IsCompletedSuccessfully);
        Assert.Null(stack.Failure);
    }

    [Fact]
    public async Task A_broken_rule_stops_its_stack_alone_and_aborts_its_sockets()
    {
        (MemoryLink wire, MemoryLink hole) = MemoryLink.CreatePair();
        using MemoryLink _ = hole;
        using EarshotStack stack = EarshotStack.Start(Testbed.Host(Testbed.AddressA, 1), wire);
        using EarshotStack other = Testbed.Loopback();
        using Connected elsewhere = await Connected.MakeAsync(other);
        List<Task> calls = await StartCallsOfEveryKind(stack);
        EarshotSocket idle = stack.CreateSocket();

        var broken = new InvariantException("made by the test");
        Task<int> breaking = stack.InvokeAsync<int>(_ => throw broken);
        Assert.Same(broken, await Assert.ThrowsAsync<InvariantException>(() => breaking.Soon()));
        await stack.Completion.Soon();
        Assert.Same(broken, stack.Failure);
        foreach (Task call in calls)
        {
            await ErrorTests.Fails(SocketError.ConnectionAborted, () => call.Soon());
        }

        await ErrorTests.Fails(SocketError.ConnectionAborted, () => idle.SendAsync(new byte[1]).AsTask());
        await ErrorTests.Fails(SocketError.ConnectionAborted, () => stack.InvokeAsync(s => s.Now));
        Assert.Throws<SocketException>(() => stack.CreateSocket());

        await elsewhere.Client.SendAsync(new byte[1]);
        Assert.Equal(1, await elsewhere.Server.ReceiveAsync(new byte[1]).Soon());
    }

    [Fact]
    public async Task Work_that_was_asked_for_together_with_what_broke_the_stack_ends_too()
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        using var begun = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        Task<bool> busy = stack.InvokeAsync(_ =>
        {
            begun.Set();
            return goOn.Wait(Testbed.Patience);
        });
        Assert.True(begun.Wait(Testbed.Patience));
        Task<int> breaking = stack.InvokeAsync<int>(_ => throw new InvariantException("made by the test"));
        Task<int>[] reads = [.. Enumerable.Range(0, 50).Select(_ => pair.Server.ReceiveAsync(new byte[1]).AsTask())];
        Task<int>[] calls = [.. Enumerable.Range(0, 50).Select(_ => stack.InvokeAsync(_ => 1))];
        goOn.Set();
        Assert.True(await busy.Soon());
        await Assert.ThrowsAsync<InvariantException>(() => breaking.Soon());
        foreach (Task call in reads.Concat(calls))
        {
            await ErrorTests.Fails(SocketError.ConnectionAborted, () => call.Soon());
        }
    }

    [Fact]
    public async Task A_link_that_is_disposed_under_the_pump_is_a_failure_and_not_a_hang()
    {
        (MemoryLink wire, MemoryLink hole) = MemoryLink.CreatePair();
        using MemoryLink _ = hole;
        using EarshotStack stack = EarshotStack.Start(Testbed.Host(Testbed.AddressA, 1), wire);
        List<Task> calls = await StartCallsOfEveryKind(stack);
        wire.Dispose();
        await stack.Completion.Soon();
        Assert.IsType<ObjectDisposedException>(stack.Failure);
        foreach (Task call in calls)
        {
            await ErrorTests.Fails(SocketError.ConnectionAborted, () => call.Soon());
        }
    }

    [Fact]
    public async Task Calls_after_disposal_fail_at_once()
    {
        EarshotStack stack = Testbed.Loopback();
        Connected pair = await Connected.MakeAsync(stack);
        EarshotListener listener = stack.Listen(Testbed.At("127.0.0.1"));
        stack.Dispose();
        stack.Dispose();
        await stack.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => pair.Client.SendAsync(new byte[1]).Soon());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => pair.Client.ReceiveAsync(new byte[1]).Soon());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => listener.AcceptAsync().Soon());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => stack.ConnectAsync(listener.LocalEndPoint).Soon());
        await Assert.ThrowsAsync<ObjectDisposedException>(() => stack.InvokeAsync(s => s.Now).Soon());
        Assert.Throws<ObjectDisposedException>(() => stack.CreateSocket());
        Assert.Throws<ObjectDisposedException>(() => pair.Client.Shutdown(SocketShutdown.Both));
        pair.Dispose();
        listener.Dispose();
    }

    [Fact]
    public async Task Calls_that_race_with_disposal_all_end()
    {
        for (int round = 0; round < 20; round++)
        {
            EarshotStack stack = Testbed.Loopback();
            EarshotListener listener = stack.Listen(Testbed.At("127.0.0.1"));
            Task[] clients = [.. Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
            {
                try
                {
                    while (true)
                    {
                        using EarshotSocket client = await stack.ConnectAsync(listener.LocalEndPoint);
                        await client.SendAsync(new byte[10]);
                        using EarshotSocket server = await listener.AcceptAsync();
                        await server.ReceiveAsync(new byte[10]);
                    }
                }
                catch (Exception error) when (error is SocketException or ObjectDisposedException)
                {
                }
            }))];
            await Task.Delay(round);
            Task dispose = Task.Run(stack.Dispose);
            await Task.WhenAll(clients).WaitAsync(Testbed.Patience);
            await dispose.Soon();
            Assert.True(stack.Completion.IsCompletedSuccessfully);
            Assert.Null(stack.Failure);
        }
    }

    [Fact]
    public async Task Closing_a_socket_ends_its_pending_calls()
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        Task<int> read = pair.Server.ReceiveAsync(new byte[1]).AsTask();
        pair.Server.Close();
        await ErrorTests.Fails(SocketError.OperationAborted, () => read);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => pair.Server.ReceiveAsync(new byte[1]).AsTask());
        Assert.Equal(0, await pair.Client.ReceiveAsync(new byte[1]).Soon());
    }

    [Fact]
    public async Task Disposing_a_listener_ends_its_accepts_and_resets_who_was_not_accepted()
    {
        using EarshotStack stack = Testbed.Loopback();
        EarshotListener idle = stack.Listen(Testbed.At("127.0.0.1"));
        Task<EarshotSocket> accept = idle.AcceptAsync().AsTask();
        idle.Dispose();
        await ErrorTests.Fails(SocketError.OperationAborted, () => accept);

        EarshotListener listener = stack.Listen(Testbed.At("127.0.0.1"));
        using EarshotSocket client = await stack.ConnectAsync(listener.LocalEndPoint).Soon();
        Task<int> read = client.ReceiveAsync(new byte[1]).AsTask();
        listener.Dispose();
        await ErrorTests.Fails(SocketError.ConnectionReset, () => read);
    }

    [Fact]
    public async Task A_disposed_stack_resets_its_peers()
    {
        using var hosts = new TwoHosts();
        using Connected pair = await hosts.ConnectAsync();
        Task<int> read = pair.Client.ReceiveAsync(new byte[1]).AsTask();
        await hosts.B.DisposeAsync();
        await ErrorTests.Fails(SocketError.ConnectionReset, () => read);
    }

    [Fact]
    public async Task A_stack_can_be_disposed_from_its_own_thread()
    {
        using EarshotStack stack = Testbed.Loopback();
        Assert.True(await stack.InvokeAsync(_ =>
        {
            stack.Dispose();
            return true;
        }).Soon());
        await stack.Completion.Soon();
        Assert.Null(stack.Failure);
    }

    [Fact]
    public async Task Ten_thousand_connections_come_and_go_and_leave_no_descriptor_behind()
    {
        using EarshotStack stack = EarshotStack.Start(new StackOptions { DescriptorLimit = 50 });
        using EarshotListener listener = stack.Listen(Testbed.At("127.0.0.1"));
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            for (int i = 0; i < 1250; i++)
            {
                ValueTask<EarshotSocket> accept = listener.AcceptAsync();
                using EarshotSocket client = await stack.ConnectAsync(listener.LocalEndPoint);
                using EarshotSocket server = await accept;

                // Aborted, so that ten thousand ports are not in TIME_WAIT.
                client.Abort();
            }
        }))).Soon();
        int descriptors = await stack.InvokeAsync(s => Rows.Of(s).Count(row => row.Descriptor >= 0));
        Assert.Equal(1, descriptors);
    }

    /// <summary>Some hundred calls that all wait: accepts, connects, reads, writes, blocking ones too.</summary>
    private static async Task<List<Task>> StartCallsOfEveryKind(EarshotStack stack)
    {
        const int each = 100;
        var calls = new List<Task>();
        EarshotListener accepting = stack.Listen(Testbed.At("127.0.0.1"));
        calls.AddRange(Enumerable.Range(0, each).Select(_ => accepting.AcceptAsync().AsTask()));
        calls.AddRange(Enumerable.Range(0, each).Select(
            i => stack.ConnectAsync(Testbed.At(Testbed.AddressB, 1000 + i)).AsTask()));
        var pairs = new List<Connected>();
        for (int i = 0; i < 20; i++)
        {
            pairs.Add(await Connected.MakeAsync(stack));
        }

        byte[] large = new byte[40_000_000];
        using var token = new CancellationTokenSource();
        foreach (Connected pair in pairs)
        {
            calls.AddRange(Enumerable.Range(0, 5).Select(
                _ => pair.Client.ReceiveAsync(new byte[10], token.Token).AsTask()));
            calls.AddRange(Enumerable.Range(0, 5).Select(_ => pair.Client.SendAsync(large).AsTask()));
        }

        Connected quiet = await Connected.MakeAsync(stack);
        var stream = new EarshotStream(quiet.Client);
        calls.Add(Task.Factory.StartNew(
            () => Unwrapped(() => stream.ReadExactly(new byte[1], 0, 1)), TaskCreationOptions.LongRunning));
        await Task.Delay(200);
        return calls;
    }

    private static void Unwrapped(Action blocking)
    {
        try
        {
            blocking();
        }
        catch (System.IO.IOException error) when (error.InnerException is SocketException inner)
        {
            throw inner;
        }
    }
}
