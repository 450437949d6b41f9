using System;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using Earshot.Core;
using Xunit;
using SocketOption = Earshot.Core.Sockets.SocketOption;

namespace Earshot.Sockets.Tests;

/// <summary>Ends of connections, and calls that cannot be.</summary>
public sealed class ErrorTests
{
    [Fact]
    public async Task After_one_end_said_all_the_other_can_still_answer()
    {
        using var hosts = new TwoHosts();
        using Connected pair = await hosts.ConnectAsync();
        await pair.Client.SendAsync(new byte[10]);
        pair.Client.Shutdown(SocketShutdown.Send);
        (long length, _) = await Testbed.HashAllAsync(pair.Server).Soon();
        Assert.Equal(10, length);
        Task send = Task.Run(() => Testbed.SendAllAsync(pair.Server, Testbed.RandomBytes(1_000_000, 1)));
        (length, _) = await Testbed.HashAllAsync(pair.Client).Soon();
        await send.Soon();
        Assert.Equal(1_000_000, length);
    }

    [Fact]
    public async Task Sending_after_shutdown_is_EPIPE()
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        pair.Client.Shutdown(SocketShutdown.Send);
        await Fails(SocketError.Shutdown, () => pair.Client.SendAsync(new byte[1]).AsTask());
    }

    [Fact]
    public async Task An_aborted_connection_is_reset_for_the_peer()
    {
        using var hosts = new TwoHosts();
        using Connected pair = await hosts.ConnectAsync();
        Task<int> read = pair.Server.ReceiveAsync(new byte[10]).AsTask();
        pair.Client.Abort();
        await Fails(SocketError.ConnectionReset, () => read);
        await Fails(SocketError.Shutdown, () => pair.Server.SendAsync(new byte[1]).AsTask());
    }

    [Fact]
    public async Task A_closed_socket_still_sends_what_it_was_given()
    {
        using var hosts = new TwoHosts();
        using Connected pair = await hosts.ConnectAsync();
        byte[] bytes = Testbed.RandomBytes(60_000, 1);
        await pair.Client.SendAsync(bytes).Soon();
        pair.Client.Close();
        (long length, _) = await Testbed.HashAllAsync(pair.Server).Soon();
        Assert.Equal(bytes.Length, length);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Connecting_to_a_port_where_nobody_listens_is_refused(bool overLoopback)
    {
        using var hosts = new TwoHosts();
        IPEndPoint nobody = Testbed.At(overLoopback ? "127.0.0.1" : Testbed.AddressB, 9);
        await Fails(SocketError.ConnectionRefused, () => hosts.A.ConnectAsync(nobody).AsTask());
    }

    [Fact]
    public async Task A_socket_whose_connect_was_refused_can_connect_elsewhere()
    {
        using EarshotStack stack = Testbed.Loopback();
        using EarshotListener listener = stack.Listen(Testbed.At("127.0.0.1"));
        using EarshotSocket socket = stack.CreateSocket();
        await Fails(SocketError.ConnectionRefused, () => socket.ConnectAsync(Testbed.At("127.0.0.1", 9)).AsTask());
        await socket.ConnectAsync(listener.LocalEndPoint).Soon();
        Assert.Equal(listener.LocalEndPoint, socket.RemoteEndPoint);
    }

    [Fact]
    public async Task Connecting_where_no_route_leads_is_unreachable()
    {
        using EarshotStack stack = Testbed.Loopback();
        await Fails(SocketError.NetworkUnreachable, () => stack.ConnectAsync(Testbed.At("192.0.2.1", 9)).AsTask());
    }

    [Fact]
    public async Task A_second_connect_says_that_the_socket_is_connected()
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        await Fails(SocketError.IsConnected, () => pair.Client.ConnectAsync(pair.Server.LocalEndPoint!).AsTask());
    }

    [Fact]
    public async Task A_socket_that_is_not_connected_neither_reads_nor_writes()
    {
        using EarshotStack stack = Testbed.Loopback();
        using EarshotSocket socket = stack.CreateSocket();
        await Fails(SocketError.NotConnected, () => socket.ReceiveAsync(new byte[1]).AsTask());
        await Fails(SocketError.Shutdown, () => socket.SendAsync(new byte[1]).AsTask());
    }

    [Fact]
    public void A_port_where_somebody_listens_is_in_use()
    {
        using EarshotStack stack = Testbed.Loopback();
        using EarshotListener listener = stack.Listen(Testbed.At("127.0.0.1"));
        Assert.Equal(
            SocketError.AddressAlreadyInUse,
            Assert.Throws<SocketException>(() => stack.Listen(listener.LocalEndPoint)).SocketErrorCode);
    }

    [Fact]
    public void A_port_is_free_again_once_its_listener_was_disposed()
    {
        using EarshotStack stack = Testbed.Loopback();
        EarshotListener first = stack.Listen(Testbed.At("127.0.0.1"));
        first.Dispose();
        using EarshotListener second = stack.Listen(first.LocalEndPoint);
        Assert.Equal(first.LocalEndPoint, second.LocalEndPoint);
    }

    [Fact]
    public void An_address_of_another_host_cannot_be_bound()
    {
        using EarshotStack stack = Testbed.Loopback();
        using EarshotSocket socket = stack.CreateSocket();
        Assert.Equal(
            SocketError.AddressNotAvailable,
            Assert.Throws<SocketException>(() => socket.Bind(Testbed.At("192.0.2.1", 80))).SocketErrorCode);
    }

    [Fact]
    public void A_mapped_endpoint_is_IPv4()
    {
        using EarshotStack stack = Testbed.Loopback();
        using EarshotSocket socket = stack.CreateSocket();
        socket.Bind(Testbed.At("::ffff:127.0.0.1", 80));
        Assert.Equal(Testbed.At("127.0.0.1", 80), socket.LocalEndPoint);
    }

    [Fact]
    public void Options_are_set_and_read()
    {
        using EarshotStack stack = Testbed.Loopback();
        using EarshotSocket socket = stack.CreateSocket();
        Assert.Equal(0, socket.GetOption(SocketOption.NoDelay));
        socket.SetOption(SocketOption.NoDelay, 1);
        Assert.Equal(1, socket.GetOption(SocketOption.NoDelay));
        Assert.Equal(
            SocketError.InvalidArgument,
            Assert.Throws<SocketException>(() => socket.SetOption(SocketOption.SynCount, 0)).SocketErrorCode);
    }

    [Fact]
    public async Task Beyond_the_limit_of_pending_calls_one_more_is_refused()
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        byte[] buffer = new byte[1];
        Task<int>[] reads = [.. Enumerable.Range(0, EarshotSocket.PendingLimit)
            .Select(_ => pair.Server.ReceiveAsync(buffer).AsTask())];
        await Fails(SocketError.NoBufferSpaceAvailable, () => pair.Server.ReceiveAsync(buffer).AsTask());
        pair.Server.Dispose();
        foreach (Task<int> read in reads)
        {
            await Fails(SocketError.OperationAborted, () => read);
        }
    }

    [Fact]
    public async Task Beyond_the_limit_of_descriptors_there_are_too_many_sockets()
    {
        using EarshotStack stack = EarshotStack.Start(new StackOptions { DescriptorLimit = 5 });
        using EarshotSocket first = stack.CreateSocket();
        using EarshotSocket second = stack.CreateSocket();
        Assert.Equal(
            SocketError.TooManyOpenSockets,
            Assert.Throws<SocketException>(stack.CreateSocket).SocketErrorCode);
        await Fails(SocketError.TooManyOpenSockets, () => stack.ConnectAsync(Testbed.At("127.0.0.1", 9)).AsTask());
    }

    [Fact]
    public async Task Awaiting_a_call_twice_does_no_harm_to_the_next()
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        await pair.Client.SendAsync(new byte[2]);
        ValueTask<int> read = pair.Server.ReceiveAsync(new byte[1]);
        Assert.Equal(1, await read);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await read);
        Assert.Equal(1, await pair.Server.ReceiveAsync(new byte[1]).Soon());
    }

    [Fact]
    public async Task Memory_that_was_freed_too_early_fails_the_call_and_not_the_stack()
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        await pair.Client.SendAsync(new byte[1]);
        using var freed = new FreedMemory();
        await Fails(SocketError.Fault, () => pair.Server.ReceiveAsync(freed.Memory).AsTask());
        await Fails(SocketError.Fault, () => pair.Server.SendAsync(freed.Memory).AsTask());
        Assert.Equal(1, await pair.Server.ReceiveAsync(new byte[1]).Soon());
    }

    internal static async Task Fails(SocketError error, Func<Task> call)
    {
        SocketException thrown = await Assert.ThrowsAsync<SocketException>(() => call().Soon());
        Assert.Equal(error, thrown.SocketErrorCode);
    }

    private sealed class FreedMemory : System.Buffers.MemoryManager<byte>
    {
        public override Memory<byte> Memory => CreateMemory(100);

        public override Span<byte> GetSpan() => throw new ObjectDisposedException(nameof(FreedMemory));

        public override System.Buffers.MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException();

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
