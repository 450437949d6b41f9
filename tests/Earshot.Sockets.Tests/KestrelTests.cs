using System;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Core;
using Earshot.Kestrel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Earshot.Sockets.Tests;

/// <summary>Kestrel on a stack, asked by an ordinary HttpClient on a stack.</summary>
public sealed class KestrelTests
{
    [Fact]
    public async Task A_web_server_answers_over_a_memory_link()
    {
        using var hosts = new TwoHosts();
        await using WebApplication app = await KestrelHost.ServeAsync(new EarshotEndPoint(hosts.B, IPAddress.Any, 80));
        using HttpClient client = KestrelHost.ClientOn(hosts.A);
        Assert.Equal(
            $"hello {Testbed.AddressA}", await client.GetStringAsync($"http://{Testbed.AddressB}/hello").Soon());
        await app.StopAsync().Soon();
    }

    [Fact]
    public async Task A_web_server_answers_over_loopback_on_a_port_that_was_picked()
    {
        using EarshotStack stack = Testbed.Loopback();
        await using WebApplication app = await KestrelHost.ServeAsync(
            new EarshotEndPoint(stack, IPAddress.Loopback, 0));
        using HttpClient client = KestrelHost.ClientOn(stack);
        string url = Assert.Single(app.Urls);
        Assert.Matches("^http://127.0.0.1:[1-9][0-9]*$", url);
        Assert.Equal("hello 127.0.0.1", await client.GetStringAsync($"{url}/hello").Soon());
        await app.StopAsync().Soon();
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task A_megabyte_goes_up_and_comes_back_whole(bool overLink, bool inline)
    {
        using var hosts = new TwoHosts();
        EarshotStack server = overLink ? hosts.B : hosts.A;
        await using WebApplication app = await KestrelHost.ServeAsync(
            new EarshotEndPoint(server, IPAddress.Any, 80), options => options.InlineCompletions = inline);
        using HttpClient client = KestrelHost.ClientOn(hosts.A);
        string url = $"http://{(overLink ? Testbed.AddressB : "127.0.0.1")}/echo";
        for (int i = 0; i < 3; i++)
        {
            byte[] body = Testbed.RandomBytes(1024 * 1024, i);
            using HttpResponseMessage response = await client.PostAsync(url, new ByteArrayContent(body)).Soon();
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            byte[] echoed = await response.Content.ReadAsByteArrayAsync().Soon();
            Assert.True(body.AsSpan().SequenceEqual(echoed));
        }

        await app.StopAsync().Soon();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Sixty_four_requests_at_a_time_are_all_answered(bool inline)
    {
        using var hosts = new TwoHosts();
        await using WebApplication app = await KestrelHost.ServeAsync(
            new EarshotEndPoint(hosts.B, IPAddress.Any, 80), options => options.InlineCompletions = inline);
        using HttpClient client = KestrelHost.ClientOn(hosts.A);
        byte[][] answers = await Task.WhenAll(Enumerable.Range(0, 64).Select(worker => Task.Run(async () =>
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            for (int i = 0; i < 10; i++)
            {
                hash.AppendData(await client.GetByteArrayAsync($"http://{Testbed.AddressB}/random/{20_000 + i}"));
            }

            return hash.GetHashAndReset();
        }))).Soon();
        using var expected = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int i = 0; i < 10; i++)
        {
            expected.AppendData(Testbed.RandomBytes(20_000 + i, 20_000 + i));
        }

        byte[] all = expected.GetHashAndReset();
        Assert.All(answers, answer => Assert.Equal(all, answer));
        await app.StopAsync().Soon();
    }

    [Fact]
    public async Task Ordinary_sockets_still_serve_in_the_same_host()
    {
        using EarshotStack stack = Testbed.Loopback();
        await using WebApplication app = await KestrelHost.ServeAsync(
            new EarshotEndPoint(stack, IPAddress.Loopback, 80), also: new IPEndPoint(IPAddress.Loopback, 0));
        using HttpClient ours = KestrelHost.ClientOn(stack);
        using var kernels = new HttpClient();
        string url = Assert.Single(app.Urls, url => url != "http://127.0.0.1:80");
        Assert.Equal("hello 127.0.0.1", await ours.GetStringAsync("http://127.0.0.1/hello").Soon());
        Assert.Equal("hello 127.0.0.1", await kernels.GetStringAsync($"{url}/hello").Soon());
        await app.StopAsync().Soon();
    }

    [Fact]
    public async Task A_stopping_server_finishes_the_request_under_way_and_refuses_new_ones()
    {
        using var hosts = new TwoHosts();
        await using WebApplication app = await KestrelHost.ServeAsync(new EarshotEndPoint(hosts.B, IPAddress.Any, 80));
        using HttpClient client = KestrelHost.ClientOn(hosts.A);
        Gate gate = app.Services.GetRequiredService<Gate>();
        Task<string> slow = client.GetStringAsync($"http://{Testbed.AddressB}/gate");
        Assert.True(await gate.Entered.WaitAsync(Testbed.Patience));
        Task stop = app.StopAsync();
        await WaitForAsync(
            async () => (await hosts.B.InvokeAsync(Rows.Of)).All(row => row.State != Core.TcpState.Listen));
        await ErrorTests.Fails(
            SocketError.ConnectionRefused, () => hosts.A.ConnectAsync(Testbed.At(Testbed.AddressB, 80)).AsTask());
        Assert.False(stop.IsCompleted);
        gate.Open.Release();
        Assert.Equal("through", await slow.Soon());
        await stop.Soon();
    }

    [Fact]
    public async Task A_client_that_resets_cancels_its_request()
    {
        using var hosts = new TwoHosts();
        await using WebApplication app = await KestrelHost.ServeAsync(new EarshotEndPoint(hosts.B, IPAddress.Any, 80));
        Gate gate = app.Services.GetRequiredService<Gate>();
        using EarshotSocket socket = await hosts.A.ConnectAsync(Testbed.At(Testbed.AddressB, 80)).Soon();
        await socket.SendAsync(Encoding.ASCII.GetBytes("GET /gate HTTP/1.1\r\nHost: x\r\n\r\n")).Soon();
        Assert.True(await gate.Entered.WaitAsync(Testbed.Patience));
        socket.Abort();
        Assert.True(await gate.Left.WaitAsync(Testbed.Patience));
        Assert.True(gate.WasAborted);
        await app.StopAsync().Soon();
    }

    [Fact]
    public async Task A_server_that_aborts_resets_its_client()
    {
        using var hosts = new TwoHosts();
        await using WebApplication app = await KestrelHost.ServeAsync(new EarshotEndPoint(hosts.B, IPAddress.Any, 80));
        using EarshotSocket socket = await hosts.A.ConnectAsync(Testbed.At(Testbed.AddressB, 80)).Soon();
        await socket.SendAsync(Encoding.ASCII.GetBytes("GET /abort HTTP/1.1\r\nHost: x\r\n\r\n")).Soon();
        await ErrorTests.Fails(SocketError.ConnectionReset, () => socket.ReceiveAsync(new byte[100]).AsTask());
        await app.StopAsync().Soon();
    }

    [Fact]
    public async Task A_client_that_does_not_read_makes_the_server_wait_and_then_gets_everything()
    {
        using var hosts = new TwoHosts();
        await using WebApplication app = await KestrelHost.ServeAsync(new EarshotEndPoint(hosts.B, IPAddress.Any, 80));
        Gate gate = app.Services.GetRequiredService<Gate>();
        using HttpClient client = KestrelHost.ClientOn(hosts.A);
        const int length = 40_000_000;
        using HttpResponseMessage response = await client.GetAsync(
            $"http://{Testbed.AddressB}/long/{length}", HttpCompletionOption.ResponseHeadersRead).Soon();
        await Task.Delay(300);
        Assert.InRange(gate.Written, 1, length / 2);
        await using Stream body = await response.Content.ReadAsStreamAsync();
        byte[] buffer = new byte[65536];
        long total = 0;
        int read;
        while ((read = await body.ReadAsync(buffer).Soon()) != 0)
        {
            total += read;
        }

        Assert.Equal(length, total);
        await app.StopAsync().Soon();
    }

    [Fact]
    public async Task A_server_whose_stack_is_gone_stops_all_the_same()
    {
        using var hosts = new TwoHosts();
        await using WebApplication app = await KestrelHost.ServeAsync(new EarshotEndPoint(hosts.B, IPAddress.Any, 80));
        using HttpClient client = KestrelHost.ClientOn(hosts.A);
        await client.GetStringAsync($"http://{Testbed.AddressB}/hello").Soon();
        hosts.B.Dispose();
        await Assert.ThrowsAnyAsync<Exception>(
            () => client.GetStringAsync($"http://{Testbed.AddressB}/hello").WaitAsync(TimeSpan.FromSeconds(1)));
        await app.StopAsync().Soon();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task HTTP_2_with_and_without_TLS_answers_many_requests_on_one_connection(bool tls)
    {
        using var hosts = new TwoHosts();
        using X509Certificate2 certificate = KestrelHost.SelfSigned();
        await using WebApplication app = await KestrelHost.ServeAsync(
            new EarshotEndPoint(hosts.B, IPAddress.Any, 443),
            listen: options =>
            {
                options.Protocols = HttpProtocols.Http2;
                if (tls)
                {
                    options.UseHttps(certificate);
                }
            });
        int connections = 0;
        using var client = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = { RemoteCertificateValidationCallback = (_, shown, _, _) => certificate.Equals(shown) },
            ConnectCallback = (context, cancellation) =>
            {
                connections++;
                return KestrelHost.ConnectAsync(hosts.A, context, cancellation);
            },
        })
        {
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        string url = $"{(tls ? "https" : "http")}://{Testbed.AddressB}:443/random/";
        byte[][] answers = await Task.WhenAll(
            Enumerable.Range(1, 40).Select(i => client.GetByteArrayAsync($"{url}{i * 1000}"))).Soon();
        Assert.All(answers, (answer, i) => Assert.Equal(Testbed.RandomBytes((i + 1) * 1000, (i + 1) * 1000), answer));
        Assert.Equal(1, connections);
        await app.StopAsync().Soon();
    }

    // With Nagle's algorithm the second part waits for the ACK of the first, which the client delays.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_response_in_two_parts_waits_for_no_delayed_ACK_unless_it_shall(bool noDelay)
    {
        using var hosts = new TwoHosts();
        await using WebApplication app = await KestrelHost.ServeAsync(
            new EarshotEndPoint(hosts.B, IPAddress.Any, 80), options => options.NoDelay = noDelay);
        using HttpClient client = KestrelHost.ClientOn(hosts.A);
        const int requests = 50;
        for (int i = 0; i < requests; i++)
        {
            await client.GetStringAsync($"http://{Testbed.AddressB}/hello").Soon();
        }

        long delayed = await hosts.A.InvokeAsync(stack => stack.Mib[Counter.TcpExtDelayedACKs]).Soon();
        Assert.Equal((noDelay, delayed), (delayed < requests / 2, delayed));
        await app.StopAsync().Soon();
    }

    private static async Task WaitForAsync(Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(Testbed.Patience);
        while (!await condition())
        {
            await Task.Delay(10, patience.Token);
        }
    }
}
