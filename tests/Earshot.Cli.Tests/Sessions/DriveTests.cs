using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using Earshot.Tests;
using Xunit;

namespace Earshot.Cli.Tests.Sessions;

/// <summary><c>drive</c> on a TUN device in a network namespace of its own, against the kernel's own
/// sockets.</summary>
public sealed class DriveTests : IAsyncLifetime
{
    private const string Device = "ear0";

    private readonly string _space = $"earshot-drive-{Environment.ProcessId}";

    public async Task InitializeAsync()
    {
        if (Host.Missing(Needs.Tun, null) is null)
        {
            await IpAsync($"netns add {_space}");
            await IpAsync($"-n {_space} link set lo up");
            await IpAsync($"-n {_space} tuntap add dev {Device} mode tun");
            await IpAsync($"-n {_space} link set {Device} addrgenmode none");
            await IpAsync($"-n {_space} addr add 10.78.0.1/24 dev {Device}");
            await IpAsync($"-n {_space} addr add fd78::1/64 dev {Device} nodad");
            await IpAsync($"-n {_space} link set {Device} up");
        }
    }

    public async Task DisposeAsync()
    {
        if (Host.Missing(Needs.Tun, null) is null)
        {
            await IpAsync($"netns del {_space}");
        }
    }

    [TunTheory("python3")]
    [InlineData("10.78.0.2", "0.0.0.0")]
    [InlineData("fd78::2", "::")]
    public async Task The_kernel_connects_and_bytes_go_both_ways(string address, string any)
    {
        await using var drive = DriveProcess.Start(_space, $"--tun {Device} --seed 7");
        await drive.OkAsync("socket l tcp");
        await drive.OkAsync($"bind l {any} 80");
        await drive.OkAsync("listen l 5");
        Assert.Equal("EAGAIN", await drive.FailAsync("accept l early 0.1"));
        Task<CommandRun> client = PythonAsync(
            $"s = socket.create_connection(('{address}', 80), 20); s.sendall(b'ping'); print(s.recv(4).decode()); "
            + "s.shutdown(socket.SHUT_WR); print(s.recv(4))");
        await drive.OkAsync("accept l s");
        Assert.Equal("70696e67", (string)(await drive.OkAsync("recv s 10"))["hex"]!);
        await drive.OkAsync("send s 706f6e67");
        Assert.Equal(0, (int)(await drive.OkAsync("recv s 10"))["n"]!);
        Assert.Contains("CLOSE_WAIT", (await drive.OkAsync("table")).ToJsonString());
        await drive.OkAsync("close s");
        Assert.Equal("pong\nb''\n", (await client).Out);
        Assert.Equal(0, await drive.EndInputAsync());
    }

    [TunFact]
    public async Task Changes_of_state_go_to_a_file_line_by_line()
    {
        string file = Path.GetTempFileName();
        await using (var drive = DriveProcess.Start(_space, $"--tun {Device} --events {file}"))
        {
            await drive.OkAsync("socket l tcp");
            await drive.OkAsync("bind l 0.0.0.0 80");
            await drive.OkAsync("listen l 5");
            await drive.OkAsync("close l");
            Assert.Equal(0, await drive.EndInputAsync());
        }

        string[] lines = await File.ReadAllLinesAsync(file);
        File.Delete(file);
        Assert.Equal(2, lines.Length);
        Assert.Contains("\"new\":\"LISTEN\"", lines[0]);
        Assert.Contains("\"old\":\"LISTEN\",\"new\":\"CLOSE\"", lines[1]);
    }

    [TunTheory("python3")]
    [InlineData("10.78.0.1")]
    [InlineData("fd78::1")]
    public async Task The_stack_connects_to_the_kernel(string address)
    {
        await using var drive = DriveProcess.Start(_space, $"--tun {Device}");
        await drive.OkAsync("socket r tcp");
        Assert.Equal("ECONNREFUSED", await drive.FailAsync($"connect r {address} 9"));
        string family = address.Contains(':', StringComparison.Ordinal) ? "socket.AF_INET6" : "socket.AF_INET";
        Task<CommandRun> server = PythonAsync(
            $"l = socket.create_server(('{address}', 7000), family={family}); s, _ = l.accept(); "
            + "d = s.makefile('rb').read(); s.sendall(d[::-1]); print(len(d))");
        await EarshotProcess.UntilAsync(
            async () =>
            {
                await drive.SayAsync("socket c tcp");
                bool done = (bool)(await drive.SayAsync($"connect c {address} 7000"))["ok"]!;
                if (!done)
                {
                    await drive.OkAsync("close c");
                }

                return done;
            },
            "the kernel listens");
        await drive.OkAsync("send c " + new string('7', 20_000));
        await drive.OkAsync("shutdown c wr");
        string back = "";
        while ((string)(await drive.OkAsync("recv c 100000"))["hex"]! is { Length: > 0 } hex)
        {
            back += hex;
        }

        Assert.Equal(new string('7', 20_000), back);
        Assert.Equal("10000\n", (await server).Out);
    }

    [TunFact("python3")]
    public async Task Two_hundred_connections_are_accepted_one_by_one()
    {
        await using var drive = DriveProcess.Start(_space, $"--tun {Device} --address 10.78.0.2/24");
        await drive.OkAsync("socket l tcp");
        await drive.OkAsync("bind l 10.78.0.2 80");
        await drive.OkAsync("listen l 511");
        Task<CommandRun> clients = PythonAsync(
            "c = [socket.create_connection(('10.78.0.2', 80), 20) for i in range(200)]; "
            + "[s.sendall(b'%03d' % i) for i, s in enumerate(c)]; print(sum(s.recv(1) == b'!' for s in c))");
        var seen = new HashSet<string>();
        for (int i = 0; i < 200; i++)
        {
            await drive.OkAsync($"accept l s{i}");
            seen.Add((string)(await drive.OkAsync($"recv s{i} 3"))["hex"]!);
            await drive.OkAsync($"send s{i} 21");
        }

        Assert.Equal("200\n", (await clients).Out);
        Assert.Equal(200, seen.Count);
        JsonObject counters = (await drive.OkAsync("counters"))["c"]!.AsObject();
        Assert.Equal(200, (long)counters["TcpPassiveOpens"]!);
        Assert.Equal(0, (long)counters["TcpExtListenDrops"]!);
        Assert.Equal("[[0,511]]", (await drive.OkAsync("listenq 80"))["q"]!.ToJsonString());
    }

    [TunFact("python3")]
    public async Task Packets_from_anywhere_are_answered_through_the_device()
    {
        await IpAsync($"-n {_space} addr add 198.51.100.7/32 dev lo");
        await using var drive = DriveProcess.Start(_space, $"--tun {Device}");
        await drive.OkAsync("socket l tcp");
        await drive.OkAsync("bind l 0.0.0.0 80");
        await drive.OkAsync("listen l 5");
        Task<CommandRun> client = PythonAsync(
            "socket.create_connection(('10.78.0.2', 80), 20, ('198.51.100.7', 5000)); print('connected')");
        Assert.Equal("198.51.100.7:5000", (string)(await drive.OkAsync("accept l s"))["peer"]!);
        Assert.Equal("connected\n", (await client).Out);
    }

    [TunFact]
    public async Task The_end_of_the_input_ends_the_stack_and_leaves_the_device_as_it_was()
    {
        string before = await ShowAsync();
        await using (var drive = DriveProcess.Start(_space, $"--tun {Device}"))
        {
            await drive.OkAsync("socket l tcp");
            await drive.OkAsync("listen l 5");
            Assert.Equal("EBUSY", await AttachTwiceAsync());
            Assert.Equal(0, await drive.EndInputAsync());
        }

        Assert.Equal(before, await ShowAsync());
    }

    [TunFact]
    public async Task Lines_that_make_no_sense_do_not_end_it()
    {
        await using var drive = DriveProcess.Start(_space, $"--tun {Device}");
        string[] lines =
        [
            "", "\0", "accept", "socket a", "recv a 1", "connect a b c", new string('x', 200_000), "send a " + "0",
            "{}", "\u00e9\u4e2d", "delay x", "sysctl", "table table",
        ];
        foreach (string line in lines)
        {
            await drive.FailAsync(line);
        }

        await drive.OkAsync("socket a tcp");
        Assert.Equal(0, await drive.EndInputAsync());
    }

    [TunFact]
    public async Task A_device_that_goes_away_ends_it_with_3()
    {
        await using var drive = DriveProcess.Start(_space, $"--tun {Device}");
        await drive.OkAsync("socket a tcp");
        await IpAsync($"-n {_space} link del {Device}");
        Assert.Equal(3, await drive.WaitAsync());
    }

    [TunFact]
    public async Task What_cannot_be_a_command_line_ends_it_with_2()
    {
        foreach (string arguments in (string[])
            ["", $"--tun {Device} --address 10.78.0", $"--tun {Device} --profile linux-9", $"--tun {Device} --seed x"])
        {
            Assert.Equal(2, (await CommandRun.OfAsync($"drive {arguments}")).ExitCode);
        }
    }

    private async Task<string> AttachTwiceAsync()
    {
        await using EarshotProcess other = EarshotProcess.StartIn(_space, $"drive --tun {Device}");
        return await other.WaitAsync() == 3 && other.Error.Contains("in use", StringComparison.Ordinal)
            ? "EBUSY" : other.Error;
    }

    private async Task<string> ShowAsync()
    {
        CommandRun run = await EarshotProcess.RunProgramAsync("ip", $"-n {_space} -d addr show dev {Device}");

        // The state follows a moment after the owner.
        return string.Join('\n', run.Out.Split('\n').Skip(1));
    }

    private Task<CommandRun> PythonAsync(string program) => EarshotProcess.RunProgramAsync(
        "ip", $"netns exec {_space} python3 -c \"import socket; {program}\"");

    private static async Task IpAsync(string arguments)
    {
        CommandRun run = await EarshotProcess.RunProgramAsync("ip", arguments);
        Assert.True(run.ExitCode == 0, $"ip {arguments}: {run.Error}");
    }
}
