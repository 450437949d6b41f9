using System;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Threading.Tasks;
using Earshot.Cli.Forwarding;
using Earshot.Core;
using Earshot.Sockets;
using Xunit;

namespace Earshot.Cli.Tests.Forwarding;

/// <summary>Between a stack's loopback and the host's: no device, no root.</summary>
public sealed class ForwarderTests : IAsyncLifetime
{
    private const int InnerPort = 7000;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly EarshotStack _stack = EarshotStack.Start(new StackOptions());
    private readonly TcpListener _outer = new(IPAddress.Loopback, 0);
    private Forwarder? _forwarder;

    private Forwarder Forwarder => _forwarder!; // Set before a test begins.

    public Task InitializeAsync()
    {
        _outer.Start();
        _forwarder = new Forwarder(_stack, keepsAlive: true);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await Forwarder.DisposeAsync();
        _outer.Dispose();
        await _stack.DisposeAsync();
    }

    [Fact]
    public async Task What_goes_in_comes_out_and_back_and_each_end_is_passed_on()
    {
        await ForwardInwardAsync();
        byte[] sent = RandomNumberGenerator.GetBytes(1_000_000);
        using EarshotSocket inner = await _stack.ConnectAsync(new IPEndPoint(IPAddress.Loopback, InnerPort));
        using Socket outer = await _outer.AcceptSocketAsync().WaitAsync(Limit);

        Task<byte[]> reading = ReadAsync(memory => outer.ReceiveAsync(memory));
        await inner.SendAsync(sent);
        inner.Shutdown(SocketShutdown.Send);
        Assert.Equal(sent, await reading.WaitAsync(Limit));

        // The other direction is open still.
        reading = ReadAsync(memory => inner.ReceiveAsync(memory));
        await outer.SendAsync(sent);
        outer.Shutdown(SocketShutdown.Send);
        Assert.Equal(sent, await reading.WaitAsync(Limit));
        await UntilNothingIsOpenAsync();
        Assert.Equal(1, Forwarder.JoinedCount);
    }

    [Fact]
    public async Task Connections_of_the_host_go_through_the_stack()
    {
        using EarshotListener listener = _stack.Listen(new IPEndPoint(IPAddress.Loopback, InnerPort));
        IPEndPoint entrance = Forwarder.AddOutward(new ForwardRule(null, 0, listener.LocalEndPoint));

        using var outer = new TcpClient();
        await outer.ConnectAsync(entrance).WaitAsync(Limit);
        using EarshotSocket inner = await listener.AcceptAsync().AsTask().WaitAsync(Limit);
        await outer.GetStream().WriteAsync("hello"u8.ToArray());
        byte[] buffer = new byte[10];
        Assert.Equal(5, await inner.ReceiveAsync(buffer).AsTask().WaitAsync(Limit));
        Assert.Equal("hello"u8.ToArray(), buffer[..5]);
    }

    [Fact]
    public async Task A_reset_is_passed_on_as_a_reset()
    {
        await ForwardInwardAsync();
        using EarshotSocket inner = await _stack.ConnectAsync(new IPEndPoint(IPAddress.Loopback, InnerPort));
        Socket outer = await _outer.AcceptSocketAsync().WaitAsync(Limit);
        outer.LingerState = new LingerOption(enable: true, 0);
        outer.Dispose();

        SocketException error = await Assert.ThrowsAsync<SocketException>(
            () => inner.ReceiveAsync(new byte[1]).AsTask().WaitAsync(Limit));
        Assert.Equal(SocketError.ConnectionReset, error.SocketErrorCode);
        await UntilNothingIsOpenAsync();
    }

    [Fact]
    public async Task A_target_that_refuses_resets_who_asked()
    {
        // Bound and not listening: nobody else can have the port.
        using var target = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        target.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await Forwarder.AddInwardAsync(
            new ForwardRule(null, InnerPort, (IPEndPoint)target.LocalEndPoint!), hasIPv6: false);
        using EarshotSocket inner = await _stack.ConnectAsync(new IPEndPoint(IPAddress.Loopback, InnerPort));

        SocketException error = await Assert.ThrowsAsync<SocketException>(
            () => inner.ReceiveAsync(new byte[1]).AsTask().WaitAsync(Limit));
        Assert.Equal(SocketError.ConnectionReset, error.SocketErrorCode);
    }

    private Task ForwardInwardAsync() => Forwarder.AddInwardAsync(
        new ForwardRule(null, InnerPort, (IPEndPoint)_outer.LocalEndpoint), hasIPv6: true);

    private async Task UntilNothingIsOpenAsync()
    {
        for (int i = 0; i < 300 && Forwarder.OpenCount > 0; i++)
        {
            await Task.Delay(100);
        }

        Assert.Equal(0, Forwarder.OpenCount);
    }

    private static async Task<byte[]> ReadAsync(Func<Memory<byte>, ValueTask<int>> receive)
    {
        byte[] buffer = new byte[1_100_000];
        int length = 0;
        while (true)
        {
            int count = await receive(buffer.AsMemory(length));
            if (count == 0)
            {
                return buffer[..length];
            }

            length += count;
        }
    }
}
