using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using Earshot.Kestrel;
using Microsoft.AspNetCore.Connections;
using Xunit;

namespace Earshot.Sockets.Tests;

/// <summary>The transport by itself, as Kestrel uses it.</summary>
public sealed class EarshotTransportTests
{
    [Fact]
    public async Task The_listener_answers_null_once_it_is_unbound()
    {
        using EarshotStack stack = Testbed.Loopback();
        EarshotTransportFactory factory = Factory();
        var endpoint = new EarshotEndPoint(stack, IPAddress.Loopback, 0);
        Assert.True(factory.CanBind(endpoint));
        Assert.False(factory.CanBind(new IPEndPoint(IPAddress.Loopback, 0)));
        IConnectionListener listener = await factory.BindAsync(endpoint);
        await Assert.ThrowsAsync<AddressInUseException>(() => factory.BindAsync(listener.EndPoint).AsTask());
        Task<ConnectionContext?> accept = listener.AcceptAsync().AsTask();
        await listener.UnbindAsync();
        Assert.Null(await accept.Soon());
        Assert.Null(await listener.AcceptAsync().Soon());
        await listener.DisposeAsync();
    }

    [Fact]
    public async Task A_connection_knows_its_ends_and_tells_when_it_is_over()
    {
        using var hosts = new TwoHosts();
        IConnectionListener listener = await Factory().BindAsync(new EarshotEndPoint(hosts.B, IPAddress.Any, 80));
        using EarshotSocket client = await hosts.A.ConnectAsync(Testbed.At(Testbed.AddressB, 80)).Soon();
        ConnectionContext connection = (await listener.AcceptAsync().Soon())!;
        Assert.Equal(client.LocalEndPoint, connection.RemoteEndPoint);
        Assert.Equal(client.RemoteEndPoint, connection.LocalEndPoint);
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        connection.ConnectionClosed.Register(closed.SetResult);

        await client.SendAsync(new byte[5]);
        Assert.Equal(5, (await connection.Transport.Input.ReadAsync().Soon()).Buffer.Length);
        client.Shutdown(SocketShutdown.Send);
        await closed.Task.Soon();
        await connection.Transport.Output.WriteAsync(new byte[7]).Soon();
        await connection.DisposeAsync().Soon();
        Assert.Equal(7, (await Testbed.HashAllAsync(client).Soon()).Length);
        await listener.DisposeAsync();
    }

    private static EarshotTransportFactory Factory() => new(
        Microsoft.Extensions.Options.Options.Create(new EarshotTransportOptions()),
        Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance);
}
