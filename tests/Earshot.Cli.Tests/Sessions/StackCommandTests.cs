using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace Earshot.Cli.Tests.Sessions;

/// <summary>The commands against a stack, all inside the test's own process.</summary>
public sealed class StackCommandTests : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private static int _names;

    private readonly CancellationTokenSource _down = new();
    private readonly string _name = $"commands-{Interlocked.Increment(ref _names)}";
    private Task<CommandRun>? _up;

    public async Task InitializeAsync()
    {
        _up = CommandRun.OfAsync($"up --name {_name} --seed 1", _down.Token);
        await UntilAsync("netstat -nt", run => run.ExitCode == 0);
    }

    public async Task DisposeAsync()
    {
        await _down.CancelAsync();
        CommandRun run = await _up!.WaitAsync(Limit);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal("", run.Out);
        _down.Dispose();
    }

    [Fact]
    public async Task A_listener_shows_its_queue_and_limit()
    {
        using var end = new CancellationTokenSource();
        Task<CommandRun> listen = RunAsync("listen 127.0.0.1 6666 5", end.Token);
        await UntilAsync("ss -nlt", run => run.Out.Contains(":6666", StringComparison.Ordinal));
        Task<CommandRun> connect = RunAsync("connect 127.0.0.1 6666 9", end.Token);
        CommandRun full = await UntilAsync("ss -nlt", run => run.Out.Contains("LISTEN 6 ", StringComparison.Ordinal));
        Assert.Equal(
            "State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n"
            + "LISTEN 6      5          127.0.0.1:6666      0.0.0.0:*          \n",
            full.Out);

        CommandRun why = await UntilAsync(
            "why 6666", run => run.Out.Contains("SynAcceptQueueFull", StringComparison.Ordinal));
        Assert.Contains("127.0.0.1:6666 listens: the accept queue holds 6, the backlog is 5 (full)", why.Out);
        Assert.Contains("tcp_conn_request", why.Out);
        Assert.Contains(" SYN_SENT: ", why.Out);
        Assert.Contains(
            "times the listen queue of a socket overflowed", (await RunAsync("netstat -s")).Out);

        await end.CancelAsync();
        Assert.Equal(new CommandRun(0, "", ""), await listen.WaitAsync(Limit));
        Assert.Equal(new CommandRun(0, "", ""), await connect.WaitAsync(Limit));
        await UntilAsync("ss -nlt", run => !run.Out.Contains(":6666", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_port_that_nobody_listens_on_refuses_every_client()
    {
        using var end = new CancellationTokenSource();
        using var output = new StringWriter();
        Task<CommandRun> connect = RunAsync("connect localhost 7777 3", end.Token);
        await UntilAsync(
            "netstat -s", run => run.Out.Contains("3 failed connection attempts", StringComparison.Ordinal));
        await Task.Delay(200);
        Assert.False(connect.IsCompleted);

        await end.CancelAsync();
        CommandRun run = await connect.WaitAsync(Limit);
        Assert.Equal(0, run.ExitCode);
        Assert.Equal("connection failed\nconnection failed\nconnection failed\n", run.Out);
        Assert.Contains("client 3: connect() for 0.0.0.0:7777: ECONNREFUSED", run.Error);
    }

    [Fact]
    public async Task A_port_in_use_is_named()
    {
        using var end = new CancellationTokenSource();
        Task<CommandRun> listen = RunAsync("listen 0.0.0.0 6666 5", end.Token);
        await UntilAsync("ss -nlt", run => run.Out.Contains(":6666", StringComparison.Ordinal));

        CommandRun second = await RunAsync("listen 127.0.0.1 6666 5");
        Assert.Equal(4, second.ExitCode);
        Assert.Contains("bind() for 127.0.0.1:6666: EADDRINUSE: the port is in use", second.Error);

        await end.CancelAsync();
        await listen.WaitAsync(Limit);
    }

    [Fact]
    public async Task An_address_that_the_stack_does_not_have_is_named()
    {
        CommandRun run = await RunAsync("listen 192.0.2.1 6666 5");
        Assert.Equal(4, run.ExitCode);
        Assert.Contains("EADDRNOTAVAIL: the stack has no such address", run.Error);
    }

    [Fact]
    public async Task An_IPv6_address_is_listened_on_and_connected_to()
    {
        using var end = new CancellationTokenSource();
        Task<CommandRun> listen = RunAsync("listen ::1 6666 5", end.Token);
        await UntilAsync("ss -nlt", run => run.Out.Contains("[::1]:6666", StringComparison.Ordinal));
        Task<CommandRun> connect = RunAsync("connect ::1 6666 2", end.Token);
        await UntilAsync("ss -nlt", run => run.Out.Contains("LISTEN 2 ", StringComparison.Ordinal));

        await end.CancelAsync();
        Assert.Equal(new CommandRun(0, "", ""), await listen.WaitAsync(Limit));
        Assert.Equal(new CommandRun(0, "", ""), await connect.WaitAsync(Limit));
    }

    [Theory]
    [InlineData("listen fd00::9 6666 5", "bind() for [fd00::9]:6666: EADDRNOTAVAIL")]
    [InlineData("connect fd00::9 6666 1", "client 1: connect() for [fd00::9]:6666: E")]
    [InlineData("connect 192.0.2.1 6666 1", "client 1: connect() for 192.0.2.1:6666: ENETUNREACH")]
    public async Task An_address_that_cannot_be_used_ends_with_4_and_its_errno(string command, string said)
    {
        CommandRun run = await RunAsync(command).WaitAsync(Limit);
        Assert.Equal(4, run.ExitCode);
        Assert.Contains(said, run.Error);
    }

    [Fact]
    public async Task A_sysctl_is_shown_set_and_listed()
    {
        var two = new CommandRun(0, "net.core.somaxconn = 2\n", "");
        Assert.Equal(new CommandRun(0, "net.core.somaxconn = 4096\n", ""), await RunAsync("sysctl net.core.somaxconn"));
        Assert.Equal(two, await RunAsync("sysctl -w net.core.somaxconn=2"));
        Assert.Equal(two, await RunAsync("sysctl net.core.somaxconn"));
        CommandRun all = await RunAsync("sysctl -a");
        Assert.Contains("net.ipv4.tcp_rmem = 4096\t131072\t33554432\n", all.Out);
        Assert.Contains("net.core.somaxconn = 2\n", all.Out);
    }

    [Theory]
    [InlineData("sysctl net.core.nothing", 2, "linux-6.18 has no 'net.core.nothing'")]
    [InlineData("sysctl net.core.somaxconn=many", 2, "net.core.somaxconn cannot be 'many'; it stays '4096'")]
    [InlineData("sysctl net.core.somaxconn=-1", 2, "cannot be '-1'")]
    [InlineData("sysctl net.ipv4.ip_local_reserved_ports=99999", 2, "cannot be '99999'; it stays ''")]
    [InlineData("why 9", 1, "no socket has port 9")]
    public async Task What_cannot_be_answered_says_why(string command, int code, string said)
    {
        CommandRun run = await RunAsync(command);
        Assert.Equal(code, run.ExitCode);
        Assert.Contains(said, run.Error);
        Assert.Equal("", run.Out);
    }

    [Fact]
    public async Task A_name_that_is_up_is_not_started_again()
    {
        CommandRun run = await CommandRun.OfAsync($"up --name {_name}");
        Assert.Equal(3, run.ExitCode);
        Assert.Contains("is up already", run.Error);
        Assert.Equal(0, (await RunAsync("netstat -nt")).ExitCode);
    }

    [Theory]
    [InlineData("nstat -az", "TcpExtListenDrops               0                  0.0\n")]
    [InlineData("nstat -az --json", "{\"kernel\":{\"IpInReceives\":0,")]
    [InlineData("proc snmp", "Ip: Forwarding DefaultTTL InReceives ")]
    [InlineData("proc tcp", "  sl  local_address rem_address ")]
    [InlineData("proc sockstat --json", "{\"sockets\":{\"used\":0},")]
    [InlineData("netstat -natoe", "State       User       Inode      Timer\n")]
    [InlineData("ss -ntaiem", "State Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n")]
    [InlineData("ss -nta --json", "[\n]\n")]
    [InlineData("ss -tua", "Netid State Recv-Q")]
    [InlineData("ss -nua", "State Recv-Q Send-Q")]
    [InlineData("netstat -nau", "Proto Recv-Q Send-Q")]
    [InlineData("listeners", "")]
    public async Task Every_view_is_shown_over_the_control_socket(string command, string said)
    {
        CommandRun run = await RunAsync(command);
        Assert.Equal(0, run.ExitCode);
        Assert.Contains(said, run.Out);
        Assert.Equal("", run.Error);
    }

    [Fact]
    public async Task Up_writes_every_change_of_state_to_a_file()
    {
        string file = Path.GetTempFileName();
        string name = $"{_name}-events";
        using var down = new CancellationTokenSource();
        Task<CommandRun> up = CommandRun.OfAsync($"up --name {name} --seed 1 --events {file}", down.Token);
        try
        {
            using var end = new CancellationTokenSource();
            using var limit = new CancellationTokenSource(Limit);
            Task<CommandRun> listen;
            do
            {
                await Task.Delay(20, limit.Token);
                listen = CommandRun.OfAsync($"listen 127.0.0.1 6666 5 --stack {name}", end.Token);
                await Task.WhenAny(listen, Task.Delay(500, limit.Token));
            }
            while (listen.IsCompleted);

            await end.CancelAsync();
            await listen.WaitAsync(Limit);
        }
        finally
        {
            await down.CancelAsync();
            Assert.Equal(0, (await up.WaitAsync(Limit)).ExitCode);
        }

        string[] lines = await File.ReadAllLinesAsync(file);
        File.Delete(file);
        Assert.Contains("\"new\":\"LISTEN\"", lines[0]);
        Assert.Contains("\"old\":\"LISTEN\",\"new\":\"CLOSE\"", lines[^1]);
    }

    [Fact]
    public async Task A_file_for_states_that_cannot_be_made_is_named_before_anything_starts()
    {
        CommandRun run = await CommandRun.OfAsync($"up --name {_name}-none --events /no/such/folder/file");
        Assert.Equal(3, run.ExitCode);
        Assert.Contains("--events /no/such/folder/file", run.Error);
    }

    private Task<CommandRun> RunAsync(string command, CancellationToken cancellation = default) =>
        CommandRun.OfAsync($"{command} --stack {_name}", cancellation);

    private async Task<CommandRun> UntilAsync(string command, Func<CommandRun, bool> holds)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            CommandRun run = await RunAsync(command);
            if (holds(run))
            {
                return run;
            }

            limit.Token.ThrowIfCancellationRequested();
            await Task.Delay(20, CancellationToken.None);
        }
    }
}
