using System;
using System.Linq;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Links;
using Xunit;

namespace Earshot.Sockets.Tests;

public sealed class CancellationTests
{
    [Fact]
    public async Task A_cancelled_accept_takes_no_connection()
    {
        using EarshotStack stack = Testbed.Loopback();
        using EarshotListener listener = stack.Listen(Testbed.At("127.0.0.1"));
        using var source = new CancellationTokenSource();
        Task<EarshotSocket> accept = listener.AcceptAsync(source.Token).AsTask();
        await Cancelled(accept, source);
        using EarshotSocket client = await stack.ConnectAsync(listener.LocalEndPoint).Soon();
        using EarshotSocket server = await listener.AcceptAsync().Soon();
        Assert.Equal(client.LocalEndPoint, server.RemoteEndPoint);
    }

    [Fact]
    public async Task A_cancelled_connect_is_given_up_and_the_socket_connects_elsewhere()
    {
        (MemoryLink wire, MemoryLink hole) = MemoryLink.CreatePair();
        using MemoryLink _ = hole;
        using EarshotStack stack = EarshotStack.Start(Testbed.Host(Testbed.AddressA, 1), wire);
        using EarshotListener listener = stack.Listen(Testbed.At("127.0.0.1"));
        using EarshotSocket socket = stack.CreateSocket();
        using var source = new CancellationTokenSource();
        Task connect = socket.ConnectAsync(Testbed.At(Testbed.AddressB, 80), source.Token).AsTask();
        await Cancelled(connect, source);
        Assert.DoesNotContain(
            await stack.InvokeAsync(Rows.Of), row => row.State == Core.TcpState.SynSent);
        await socket.ConnectAsync(listener.LocalEndPoint).Soon();
        Assert.Equal(listener.LocalEndPoint, socket.RemoteEndPoint);
    }

    [Fact]
    public async Task A_cancelled_connect_of_the_stacks_leaves_no_socket_behind()
    {
        (MemoryLink wire, MemoryLink hole) = MemoryLink.CreatePair();
        using MemoryLink _ = hole;
        using EarshotStack stack = EarshotStack.Start(Testbed.Host(Testbed.AddressA, 1), wire);
        using var source = new CancellationTokenSource();
        await Cancelled(stack.ConnectAsync(Testbed.At(Testbed.AddressB, 80), source.Token).AsTask(), source);
        Assert.Empty(await stack.InvokeAsync(Rows.Of));
    }

    [Fact]
    public async Task A_cancelled_read_takes_no_bytes()
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        using var source = new CancellationTokenSource();
        byte[] buffer = new byte[10];
        Task<int> first = pair.Server.ReceiveAsync(buffer, source.Token).AsTask();
        Task<int> second = pair.Server.ReceiveAsync(new byte[10]).AsTask();
        await Cancelled(first, source);
        await pair.Client.SendAsync(new byte[] { 1, 2, 3 });
        Assert.Equal(3, await second.Soon());
        Assert.Equal(new byte[10], buffer);
    }

    [Fact]
    public async Task A_cancelled_send_lets_the_next_one_go_on()
    {
        using var hosts = new TwoHosts();
        using Connected pair = await hosts.ConnectAsync();
        using var source = new CancellationTokenSource();
        Task<int> first = pair.Client.SendAsync(new byte[50_000_000], source.Token).AsTask();
        Task<int> second = pair.Client.SendAsync(new byte[] { 1 }).AsTask();
        await Cancelled(first, source);
        Task<(long Length, byte[] Hash)> read = Testbed.HashAllAsync(pair.Server);
        Assert.Equal(1, await second.Soon());
        pair.Client.Shutdown(SocketShutdown.Send);
        Assert.InRange((await read.Soon()).Length, 1, 49_999_999);
    }

    [Fact]
    public async Task A_call_with_a_token_that_is_cancelled_already_does_nothing()
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        using EarshotListener listener = stack.Listen(Testbed.At("127.0.0.1"));
        using EarshotSocket socket = stack.CreateSocket();
        var token = new CancellationToken(canceled: true);
        Assert.True(pair.Client.SendAsync(new byte[1], token).AsTask().IsCanceled);
        Assert.True(pair.Client.ReceiveAsync(new byte[1], token).AsTask().IsCanceled);
        Assert.True(listener.AcceptAsync(token).AsTask().IsCanceled);
        Assert.True(socket.ConnectAsync(listener.LocalEndPoint, token).AsTask().IsCanceled);
    }

    [Fact]
    public async Task Cancelling_while_bytes_arrive_loses_none()
    {
        // A race on purpose: each read either gets its byte or is cancelled, and all bytes are there at the end.
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        const int bytes = 2000;
        int got = 0;
        int cancelled = 0;
        byte[] buffer = new byte[1];
        for (int i = 0; i < bytes; i++)
        {
            using var source = new CancellationTokenSource();
            ValueTask<int> read = pair.Server.ReceiveAsync(buffer, source.Token);
            Task<int> send = pair.Client.SendAsync(new[] { (byte)i }).AsTask();
            if (i % 2 == 0)
            {
                source.Cancel();
            }

            try
            {
                Assert.Equal(1, await read.Soon());
                Assert.Equal((byte)got, buffer[0]);
                got++;
            }
            catch (OperationCanceledException)
            {
                cancelled++;
            }

            await send.Soon();
        }

        byte[] rest = new byte[bytes - got];
        await Testbed.ReceiveExactlyAsync(pair.Server, rest).Soon();
        Assert.Equal(Enumerable.Range(got, rest.Length).Select(i => (byte)i), rest);
        Assert.InRange(cancelled, 1, bytes / 2);
    }

    private static async Task Cancelled(Task call, CancellationTokenSource source)
    {
        await Task.Delay(30);
        Assert.False(call.IsCompleted);
        await source.CancelAsync();
        var thrown = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.Soon());
        Assert.Equal(source.Token, thrown.CancellationToken);
    }
}
