using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Tasks;
using Earshot.Links;
using Xunit;

namespace Earshot.Sockets.Tests;

/// <summary>Bytes that go from one socket to another.</summary>
public sealed class TransferTests
{
    [Fact]
    public async Task Bytes_come_back_over_loopback_in_one_stack()
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        await Echo(pair);
    }

    [Fact]
    public async Task Bytes_come_back_over_a_wire_between_two_stacks()
    {
        using var hosts = new TwoHosts();
        using Connected pair = await hosts.ConnectAsync();
        await Echo(pair);
    }

    [Fact]
    public async Task Both_ends_know_both_names()
    {
        using var hosts = new TwoHosts();
        using Connected pair = await hosts.ConnectAsync();
        Assert.Equal(Testbed.AddressA, pair.Client.LocalEndPoint!.Address.ToString());
        Assert.Equal(Testbed.AddressB, pair.Client.RemoteEndPoint!.Address.ToString());
        Assert.Equal(pair.Client.LocalEndPoint, pair.Server.RemoteEndPoint);
        Assert.Equal(pair.Server.LocalEndPoint, pair.Client.RemoteEndPoint);
    }

    [Fact]
    public async Task Connecting_to_any_address_reaches_this_host()
    {
        using EarshotStack stack = Testbed.Loopback();
        using EarshotListener listener = stack.Listen(Testbed.At("0.0.0.0"));
        using EarshotSocket client = await stack.ConnectAsync(
            Testbed.At("0.0.0.0", listener.LocalEndPoint.Port)).Soon();
        using EarshotSocket server = await listener.AcceptAsync().Soon();
        Assert.Equal("127.0.0.1", client.RemoteEndPoint!.Address.ToString());
    }

    [Theory]
    [InlineData(1500, 1024, LinkOffload.None)]
    [InlineData(1500, 4, LinkOffload.None)]
    [InlineData(576, 64, LinkOffload.None)]
    [InlineData(1500, 1024, LinkOffload.Checksum)]
    [InlineData(1500, 256, LinkOffload.Checksum | LinkOffload.Segmentation)]
    [InlineData(1500, 64, LinkOffload.Completion)]
    [InlineData(1500, 64, LinkOffload.Completion | LinkOffload.Checksum | LinkOffload.Segmentation)]
    public async Task Megabytes_arrive_whole_in_both_directions_at_once(int mtu, int capacity, LinkOffload offload)
    {
        using var hosts = new TwoHosts(mtu, capacity, offload);
        using Connected pair = await hosts.ConnectAsync();
        await MoveBothWays(pair, capacity < 16 ? 500_000 : 4_000_000);
    }

    [Fact]
    public async Task Megabytes_arrive_whole_over_loopback()
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        await MoveBothWays(pair, 8_000_000);
    }

    [Fact]
    public async Task Inline_completions_move_the_same_bytes()
    {
        using var hosts = new TwoHosts();
        using Connected pair = await hosts.ConnectAsync();
        pair.Client.InlineCompletions = true;
        pair.Server.InlineCompletions = true;
        byte[] bytes = Testbed.RandomBytes(2_000_000, 3);
        Task send = SendInline(pair.Client, bytes);
        (long length, byte[] hash) = await Testbed.HashAllAsync(pair.Server).Soon();
        await send.Soon();
        Assert.Equal(bytes.Length, length);
        Assert.Equal(SHA256.HashData(bytes), hash);

        static async Task SendInline(EarshotSocket socket, byte[] bytes)
        {
            for (int at = 0; at < bytes.Length; at += 10_000)
            {
                await socket.SendAsync(bytes.AsMemory(at, 10_000));
            }

            socket.Shutdown(SocketShutdown.Send);
        }
    }

    [Fact]
    public async Task A_send_waits_while_the_peer_does_not_read()
    {
        using var hosts = new TwoHosts();
        using Connected pair = await hosts.ConnectAsync();
        byte[] bytes = Testbed.RandomBytes(32_000_000, 4);
        Task<int> send = pair.Client.SendAsync(bytes).AsTask();
        await Task.Delay(300);
        Assert.False(send.IsCompleted, "32 MB fit into no window and no send buffer");

        // What was taken is what the two buffers hold, and no more is taken while nobody reads.
        (int sendBuffer, int receiveBuffer) = (
            pair.Client.GetOption(Core.Sockets.SocketOption.SendBuffer),
            pair.Server.GetOption(Core.Sockets.SocketOption.ReceiveBuffer));
        Assert.InRange((long)sendBuffer + receiveBuffer, 1, 16_000_000);

        byte[] received = new byte[bytes.Length];
        await Testbed.ReceiveExactlyAsync(pair.Server, received).Soon();
        Assert.Equal(bytes.Length, await send.Soon());
        Assert.True(bytes.AsSpan().SequenceEqual(received));
    }

    [Fact]
    public async Task Sends_that_wait_at_the_same_time_do_not_mix()
    {
        using var hosts = new TwoHosts();
        using Connected pair = await hosts.ConnectAsync();
        const int each = 700_000;
        Task<int>[] sends = Enumerable.Range(0, 8).Select(i =>
        {
            byte[] bytes = new byte[each];
            bytes.AsSpan().Fill((byte)i);
            return pair.Client.SendAsync(bytes).AsTask();
        }).ToArray();
        byte[] received = new byte[8 * each];
        await Testbed.ReceiveExactlyAsync(pair.Server, received).Soon();
        Assert.All(await Task.WhenAll(sends).Soon(), sent => Assert.Equal(each, sent));
        for (int i = 0; i < 8; i++)
        {
            Assert.Equal(-1, received.AsSpan(i * each, each).IndexOfAnyExcept((byte)i));
        }
    }

    [Fact]
    public async Task Reads_that_wait_at_the_same_time_are_served_in_order()
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        byte[][] buffers = [new byte[1], new byte[1], new byte[1]];
        Task<int>[] reads = buffers.Select(buffer => pair.Server.ReceiveAsync(buffer).AsTask()).ToArray();
        await pair.Client.SendAsync(Encoding.ASCII.GetBytes("abc"));
        Assert.All(await Task.WhenAll(reads).Soon(), read => Assert.Equal(1, read));
        Assert.Equal("abc", Encoding.ASCII.GetString([.. buffers.SelectMany(buffer => buffer)]));
    }

    [Fact]
    public async Task Accepts_that_wait_at_the_same_time_are_served_in_order()
    {
        using EarshotStack stack = Testbed.Loopback();
        using EarshotListener listener = stack.Listen(Testbed.At("127.0.0.1"));
        Task<EarshotSocket>[] accepts = [.. Enumerable.Range(0, 5).Select(_ => listener.AcceptAsync().AsTask())];
        var ports = new List<int>();
        var clients = new List<EarshotSocket>();
        for (int i = 0; i < accepts.Length; i++)
        {
            EarshotSocket client = await stack.ConnectAsync(listener.LocalEndPoint).Soon();
            clients.Add(client);
            ports.Add(client.LocalEndPoint!.Port);
        }

        EarshotSocket[] accepted = await Task.WhenAll(accepts).Soon();
        Assert.Equal(ports, accepted.Select(socket => socket.RemoteEndPoint!.Port));
        Assert.All(clients.Concat(accepted), socket => socket.Dispose());
    }

    [Fact]
    public async Task A_sequence_is_sent_as_its_parts_in_order()
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        var pipe = new System.IO.Pipelines.Pipe(new(pauseWriterThreshold: 0));
        byte[] bytes = Testbed.RandomBytes(100_000, 5);
        await pipe.Writer.WriteAsync(bytes.AsMemory(0, 60_000));
        await pipe.Writer.WriteAsync(bytes.AsMemory(60_000));
        System.IO.Pipelines.ReadResult read = await pipe.Reader.ReadAsync();
        Assert.False(read.Buffer.IsSingleSegment);
        Task send = pair.Client.SendAsync(read.Buffer).AsTask();
        byte[] received = new byte[bytes.Length];
        await Testbed.ReceiveExactlyAsync(pair.Server, received).Soon();
        await send.Soon();
        Assert.True(bytes.AsSpan().SequenceEqual(received));
    }

    [Fact]
    public async Task An_empty_read_waits_for_bytes_and_takes_none()
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        Task<int> wait = pair.Server.ReceiveAsync(Memory<byte>.Empty).AsTask();
        await Task.Delay(50);
        Assert.False(wait.IsCompleted);
        await pair.Client.SendAsync(new byte[3]);
        Assert.Equal(0, await wait.Soon());
        Assert.Equal(3, await pair.Server.ReceiveAsync(new byte[10]).Soon());
    }

    private static async Task Echo(Connected pair)
    {
        byte[] question = Encoding.ASCII.GetBytes("who listens?");
        byte[] buffer = new byte[100];
        for (int i = 0; i < 100; i++)
        {
            Assert.Equal(question.Length, await pair.Client.SendAsync(question).Soon());
            int read = await pair.Server.ReceiveAsync(buffer).Soon();
            await pair.Server.SendAsync(buffer.AsMemory(0, read)).Soon();
            await Testbed.ReceiveExactlyAsync(pair.Client, buffer.AsMemory(0, question.Length)).Soon();
            Assert.True(question.AsSpan().SequenceEqual(buffer.AsSpan(0, question.Length)));
        }
    }

    private static async Task MoveBothWays(Connected pair, int length)
    {
        byte[] there = Testbed.RandomBytes(length, 1);
        byte[] back = Testbed.RandomBytes(length, 2);
        Task sendThere = Task.Run(() => Testbed.SendAllAsync(pair.Client, there));
        Task sendBack = Task.Run(() => Testbed.SendAllAsync(pair.Server, back));
        Task<(long Length, byte[] Hash)> readThere = Task.Run(() => Testbed.HashAllAsync(pair.Server));
        Task<(long Length, byte[] Hash)> readBack = Task.Run(() => Testbed.HashAllAsync(pair.Client));
        Assert.Equal(there.Length, (await readThere.Soon()).Length);
        Assert.Equal(back.Length, (await readBack.Soon()).Length);
        Assert.Equal(SHA256.HashData(there), (await readThere).Hash);
        Assert.Equal(SHA256.HashData(back), (await readBack).Hash);
        await sendThere.Soon();
        await sendBack.Soon();
    }
}
