using System;
using System.IO;
using System.Net.Sockets;
using System.Text;
using System.Threading.Tasks;
using Xunit;

namespace Earshot.Sockets.Tests;

public sealed class EarshotStreamTests
{
    [Fact]
    public async Task Lines_go_through_ordinary_readers_and_writers()
    {
        using var hosts = new TwoHosts();
        using Connected pair = await hosts.ConnectAsync();
        await using var writer = new StreamWriter(new EarshotStream(pair.Client));
        using var reader = new StreamReader(new EarshotStream(pair.Server));
        await writer.WriteLineAsync("a line");
        await writer.FlushAsync();
        Assert.Equal("a line", await reader.ReadLineAsync().Soon());
    }

    [Fact]
    public async Task A_sockets_error_comes_as_an_IOException_around_it()
    {
        using var hosts = new TwoHosts();
        using Connected pair = await hosts.ConnectAsync();
        using var stream = new EarshotStream(pair.Server);
        Task<int> read = stream.ReadAsync(new byte[1]).AsTask();
        pair.Client.Abort();
        IOException error = await Assert.ThrowsAsync<IOException>(() => read.Soon());
        Assert.Equal(SocketError.ConnectionReset, Assert.IsType<SocketException>(error.InnerException).SocketErrorCode);
        error = await Assert.ThrowsAsync<IOException>(() => stream.WriteAsync(new byte[1]).Soon());
        Assert.Equal(SocketError.Shutdown, Assert.IsType<SocketException>(error.InnerException).SocketErrorCode);
        Assert.IsType<SocketException>(
            Assert.Throws<IOException>(() => stream.Write(new byte[1], 0, 1)).InnerException);
    }

    [Fact]
    public async Task Disposing_the_stream_closes_the_socket_unless_told_otherwise()
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        new EarshotStream(pair.Client, leaveOpen: true).Dispose();
        await pair.Client.SendAsync(new byte[1]).Soon();
        var stream = new EarshotStream(pair.Client);
        await stream.DisposeAsync();
        Assert.False(stream.CanRead);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => stream.ReadAsync(new byte[1]).AsTask());
        Assert.Equal(1, (await Testbed.HashAllAsync(pair.Server).Soon()).Length);
    }

    [Fact]
    public async Task The_old_pattern_of_Begin_and_End_works_too()
    {
        using EarshotStack stack = Testbed.Loopback();
        using Connected pair = await Connected.MakeAsync(stack);
        using var client = new EarshotStream(pair.Client);
        using var server = new EarshotStream(pair.Server);
        byte[] bytes = Encoding.ASCII.GetBytes("old");
        await Task.Factory.FromAsync(client.BeginWrite, client.EndWrite, bytes, 0, 3, null).Soon();
        byte[] buffer = new byte[3];
        int read = await Task.Factory.FromAsync(server.BeginRead, server.EndRead, buffer, 0, 3, null).Soon();
        Assert.Equal("old", Encoding.ASCII.GetString(buffer, 0, read));
    }
}
