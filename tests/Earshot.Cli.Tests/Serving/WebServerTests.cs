using System;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Threading.Tasks;
using Earshot.Cli.Serving;
using Earshot.Core;
using Earshot.Sockets;
using Microsoft.AspNetCore.Builder;
using Xunit;

namespace Earshot.Cli.Tests.Serving;

/// <summary>The web server on a stack's loopback: no device, no root.</summary>
public sealed class WebServerTests : IAsyncLifetime
{
    private const int Port = 8080;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("earshot-web-");
    private readonly byte[] _content = new byte[300_000];
    private EarshotStack? _stack;
    private RootedFiles? _files;
    private WebApplication? _server;
    private HttpClient? _client;

    public async Task InitializeAsync()
    {
        new Random(1).NextBytes(_content);
        await File.WriteAllBytesAsync(Path.Combine(_folder.FullName, "data.bin"), _content);
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "page.html"), "<p>hello");
        _stack = EarshotStack.Start(new StackOptions());
        _files = new RootedFiles(_folder.FullName);
        _server = await WebServer.StartAsync(_stack, new IPEndPoint(IPAddress.Any, Port), _files);
        EarshotStack stack = _stack;
        _client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) =>
                new EarshotStream(await stack.ConnectAsync(new IPEndPoint(IPAddress.Loopback, Port), cancellation)),
        })
        {
            BaseAddress = new Uri($"http://earshot.example:{Port}"),
            Timeout = TimeSpan.FromSeconds(30),
        };
    }

    public async Task DisposeAsync()
    {
        _client?.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        if (_stack is not null)
        {
            await _stack.DisposeAsync();
        }

        _files?.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_file_arrives_whole_with_its_length()
    {
        using HttpResponseMessage response = await _client!.GetAsync(
            "/data.bin", HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(_content.Length, response.Content.Headers.ContentLength);
        Assert.Equal("application/octet-stream", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(_content, await response.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1000, 100_999)]
    [InlineData(299_999, null)]
    public async Task A_range_of_a_file_arrives(int from, int? to)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/data.bin");
        request.Headers.Range = new RangeHeaderValue(from, to);
        using HttpResponseMessage response = await _client!.SendAsync(request);
        int end = (to ?? (_content.Length - 1)) + 1;
        Assert.Equal(HttpStatusCode.PartialContent, response.StatusCode);
        Assert.Equal(_content[from..end], await response.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task A_range_beyond_the_file_is_refused()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/data.bin");
        request.Headers.Range = new RangeHeaderValue(300_000, null);
        using HttpResponseMessage response = await _client!.SendAsync(request);
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, response.StatusCode);
    }

    [Fact]
    public async Task HEAD_gives_the_length_and_no_content()
    {
        using var request = new HttpRequestMessage(HttpMethod.Head, "/page.html");
        using HttpResponseMessage response = await _client!.SendAsync(request);
        Assert.Equal(8, response.Content.Headers.ContentLength);
        Assert.Equal("text/html", response.Content.Headers.ContentType?.MediaType);
        Assert.Empty(await response.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData("/nothing")]
    [InlineData("/..%2fsecret")]
    [InlineData("/%2e%2e/secret")]
    public async Task What_is_not_there_is_404(string path)
    {
        using HttpResponseMessage response = await _client!.GetAsync(path);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Fact]
    public async Task The_status_page_shows_the_stack_it_came_over()
    {
        string page = await _client!.GetStringAsync("/");
        Assert.Contains("linux-6.18", page);
        Assert.Contains("0.0.0.0:8080", page);
        Assert.Contains("TcpPassiveOpens", page);
        Assert.Contains("ESTABLISHED", page);
        Assert.Contains("SynQueued", page);
    }

    [Fact]
    public async Task Only_GET_and_HEAD_reach_the_status_page()
    {
        using HttpResponseMessage response = await _client!.PostAsync("/", new StringContent("x"));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
    }
}
