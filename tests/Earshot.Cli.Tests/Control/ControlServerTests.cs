using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Cli.Control;
using Xunit;

namespace Earshot.Cli.Tests.Control;

public sealed class ControlServerTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);
    private const UnixFileMode OnlyUser = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private static int _names;
    private readonly string _name = $"server-{Interlocked.Increment(ref _names)}";

    [Theory]
    [InlineData("this is no JSON", "bad request")]
    [InlineData("[1,2,3]", "bad request")]
    [InlineData("null", "bad request")]
    [InlineData("", "bad request")]
    [InlineData("{\"version\":1,\"do\":\"echo\",\"surprise\":1}", "surprise")]
    [InlineData("{\"version\":1,\"do\":5}", "bad request")]
    [InlineData("{\"version\":1,\"do\":\"echo\",\"port\":1e99}", "bad request")]
    [InlineData("{\"version\":2,\"do\":\"echo\"}", "version 2")]
    [InlineData("{\"do\":\"echo\"}", "version 0")]
    [InlineData("{\"version\":1,\"do\":\"fail\"}", "as told")]
    [InlineData("{\"version\":1,\"do\":\"crash\"}", "please report it")]
    public async Task A_bad_request_is_answered_and_the_next_one_works(string request, string said)
    {
        await using ControlServer server = ControlServer.Open(_name, EchoAsync);
        using RawClient client = RawClient.Connect(_name);

        client.Send(request + "\n");
        string answer = client.ReadLine();
        Assert.Contains("\"error\":", answer);
        Assert.Contains(said, answer);

        client.Send("{\"version\":1,\"do\":\"echo\",\"name\":\"still here\"}\n");
        Assert.Contains("still here", client.ReadLine());
        Assert.Equal("{\"ok\":true}", client.ReadLine());
    }

    [Fact]
    public async Task Bytes_that_are_no_text_are_answered()
    {
        await using ControlServer server = ControlServer.Open(_name, EchoAsync);
        using RawClient client = RawClient.Connect(_name);
        client.Send([0, 255, 254, 0xc0, 0x80, (byte)'\n']);
        Assert.Contains("bad request", client.ReadLine());
    }

    [Fact]
    public async Task A_line_without_end_is_answered_and_its_client_dropped_and_no_other()
    {
        await using ControlServer server = ControlServer.Open(_name, EchoAsync);
        using RawClient other = RawClient.Connect(_name);
        using RawClient client = RawClient.Connect(_name);

        client.Send(new string('x', ControlRequest.MaxLength + 1));
        Assert.Contains($"longer than {ControlRequest.MaxLength} bytes", client.ReadLine());
        Assert.True(client.IsAtEnd());

        other.Send("{\"version\":1,\"do\":\"echo\",\"name\":\"fine\"}\n");
        Assert.Contains("fine", other.ReadLine());
    }

    [Fact]
    public async Task Requests_may_come_together_and_are_answered_in_order()
    {
        await using ControlServer server = ControlServer.Open(_name, EchoAsync);
        using RawClient client = RawClient.Connect(_name);
        client.Send(string.Concat(
            Enumerable.Range(0, 10).Select(i => $"{{\"version\":1,\"do\":\"echo\",\"name\":\"{i}\"}}\n")));
        for (int i = 0; i < 10; i++)
        {
            Assert.Contains($"{i}", client.ReadLine());
            Assert.Equal("{\"ok\":true}", client.ReadLine());
        }
    }

    [Fact]
    public async Task A_client_that_has_asked_all_it_wants_still_gets_its_answers()
    {
        await using ControlServer server = ControlServer.Open(_name, EchoAsync);
        using RawClient client = RawClient.Connect(_name);
        client.Send("{\"version\":1,\"do\":\"echo\",\"name\":\"once\"}\n");
        client.EndSending();
        Assert.Contains("once", client.ReadLine());
        Assert.Equal("{\"ok\":true}", client.ReadLine());
        Assert.True(client.IsAtEnd());
    }

    [Fact]
    public async Task A_long_answer_comes_in_lines_within_the_limit()
    {
        string[] lines = [.. Enumerable.Range(0, 5000).Select(i => new string((char)('a' + (i % 26)), 100))];
        await using ControlServer server = ControlServer.Open(_name, async (_, session) =>
        {
            await session.SendLinesAsync(lines);
            return new ControlReply { Ok = true };
        });
        await using ControlClient client = await ControlClient.ConnectAsync(_name, CancellationToken.None);
        using var output = new StringWriter();
        await client.AskAsync(new ControlRequest { Do = "text" }, output, CancellationToken.None);
        Assert.Equal(string.Join('\n', lines) + "\n", output.ToString());
    }

    [Fact]
    public async Task When_a_client_goes_its_waiting_ends_and_its_sockets_are_closed_in_order()
    {
        var closed = new List<int>();
        var allClosed = new TaskCompletionSource();
        await using ControlServer server = ControlServer.Open(_name, async (_, session) =>
        {
            for (int i = 1; i <= 3; i++)
            {
                int socket = i;
                session.Own(() =>
                {
                    closed.Add(socket);
                    if (socket == 3)
                    {
                        allClosed.SetResult();
                    }

                    return Task.CompletedTask;
                });
            }

            await Task.Delay(Timeout.Infinite, session.Gone);
            return new ControlReply { Ok = true };
        });
        using (RawClient client = RawClient.Connect(_name))
        {
            client.Send("{\"version\":1,\"do\":\"wait\"}\n");
            await Task.Delay(50);
            Assert.Empty(closed);
        }

        await allClosed.Task.WaitAsync(Soon);
        Assert.Equal([1, 2, 3], closed);
    }

    [Fact]
    public async Task A_client_that_asks_more_than_may_wait_loses_its_connection()
    {
        await using ControlServer server = ControlServer.Open(_name, async (_, session) =>
        {
            await Task.Delay(Timeout.Infinite, session.Gone);
            return new ControlReply { Ok = true };
        });
        using RawClient client = RawClient.Connect(_name);
        const string request = "{\"version\":1,\"do\":\"wait\"}\n";
        client.Send(string.Concat(Enumerable.Repeat(request, ControlSession.MaxWaiting + 2)));
        Assert.True(client.IsAtEnd());
    }

    [Fact]
    public async Task A_name_that_is_up_cannot_be_taken_and_can_again_afterwards()
    {
        await using (ControlServer.Open(_name, EchoAsync))
        {
            CommandException error = Assert.Throws<CommandException>(() => ControlServer.Open(_name, EchoAsync));
            Assert.Equal(ExitCode.CannotRunHere, error.ExitCode);
            Assert.Contains($"'{_name}' is up already", error.Message);
            Assert.Contains(_name, ControlFolder.StacksUp());
        }

        Assert.DoesNotContain(_name, ControlFolder.StacksUp());
        await using ControlServer again = ControlServer.Open(_name, EchoAsync);
    }

    [Fact]
    public async Task A_socket_left_behind_is_replaced()
    {
        ControlFolder.Make();
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(ControlFolder.SocketPath(_name)));
        }

        // .NET removes the file of a socket that it closes; a program that is killed does not.
        await File.WriteAllTextAsync(ControlFolder.SocketPath(_name), "");
        await using ControlServer server = ControlServer.Open(_name, EchoAsync);
        using RawClient client = RawClient.Connect(_name);
        client.Send("{\"version\":1,\"do\":\"echo\",\"name\":\"new\"}\n");
        Assert.Contains("new", client.ReadLine());
    }

    [Fact]
    public async Task Only_the_user_may_enter_the_folder_and_open_the_socket()
    {
        await using ControlServer server = ControlServer.Open(_name, EchoAsync);
        UnixFileMode mode = OperatingSystem.IsWindows()
            ? OnlyUser : File.GetUnixFileMode(ControlFolder.SocketPath(_name));
        UnixFileMode folder = OperatingSystem.IsWindows()
            ? OnlyUser | UnixFileMode.UserExecute : File.GetUnixFileMode(ControlFolder.Path);
        Assert.Equal(OnlyUser, mode);
        Assert.Equal(OnlyUser | UnixFileMode.UserExecute, folder);
    }

    [Fact]
    public async Task One_client_too_many_is_told_so()
    {
        await using ControlServer server = ControlServer.Open(_name, EchoAsync);
        var clients = new List<RawClient>();
        try
        {
            for (int i = 0; i < ControlServer.MaxSessions; i++)
            {
                clients.Add(RawClient.Connect(_name));
                clients[^1].Send("{\"version\":1,\"do\":\"echo\",\"name\":\"in\"}\n");
                Assert.Contains("in", clients[^1].ReadLine());
            }

            using RawClient late = RawClient.Connect(_name);
            Assert.Contains("too many clients", late.ReadLine());
            Assert.True(late.IsAtEnd());
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    [Fact]
    public async Task When_the_stack_goes_down_its_clients_are_told()
    {
        ControlServer server = ControlServer.Open(_name, EchoAsync);
        await using ControlClient client = await ControlClient.ConnectAsync(_name, CancellationToken.None);
        await client.AskAsync(new ControlRequest { Do = "echo", Name = "x" }, TextWriter.Null, CancellationToken.None);
        Task waiting = client.WaitForEndAsync(CancellationToken.None);
        await server.DisposeAsync();
        CommandException error = await Assert.ThrowsAsync<CommandException>(() => waiting.WaitAsync(Soon));
        Assert.Contains("went down", error.Message);
    }

    private static async Task<ControlReply> EchoAsync(ControlRequest request, ControlSession session)
    {
        if (request.Do == "fail")
        {
            throw new CommandException(ExitCode.Usage, "as told");
        }

        if (request.Do == "crash")
        {
            throw new InvalidOperationException("a defect");
        }

        await session.SendLinesAsync([request.Name ?? ""]);
        return new ControlReply { Ok = true };
    }

    /// <summary>A client that keeps to no protocol.</summary>
    private sealed class RawClient : IDisposable
    {
        private readonly Socket _socket;
        private readonly StreamReader _reader;

        private RawClient(Socket socket)
        {
            _socket = socket;
            _socket.ReceiveTimeout = (int)Soon.TotalMilliseconds;
            _reader = new StreamReader(new NetworkStream(socket));
        }

        public static RawClient Connect(string name)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Connect(new UnixDomainSocketEndPoint(ControlFolder.SocketPath(name)));
            return new RawClient(socket);
        }

        public void Send(string text) => Send(Encoding.UTF8.GetBytes(text));

        public void Send(byte[] bytes) => _socket.Send(bytes);

        public void EndSending() => _socket.Shutdown(SocketShutdown.Send);

        public string ReadLine() => _reader.ReadLine() ?? throw new EndOfStreamException();

        public bool IsAtEnd()
        {
            try
            {
                return _reader.Read() < 0;
            }
            catch (IOException e)
                when (e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionReset })
            {
                return true;
            }
        }

        public void Dispose()
        {
            _reader.Dispose();
            _socket.Dispose();
        }
    }
}
