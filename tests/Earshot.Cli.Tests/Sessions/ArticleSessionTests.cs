using System;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using Earshot.Tests;
using Xunit;

namespace Earshot.Cli.Tests.Sessions;

/// <summary>The article's session, each command in a process of its own, in real time.</summary>
public sealed class ArticleSessionTests
{
    private const int Port = 6666;

    [SlowFact]
    public async Task Under_el6_the_articles_commands_give_the_articles_table()
    {
        const string on = "--stack article-el6";
        await using EarshotProcess up = EarshotProcess.Start("up --profile linux-el6 --name article-el6");
        await UntilUpAsync(on);
        await using EarshotProcess listen = EarshotProcess.Start($"listen 127.0.0.1 {Port} 5 {on}");
        await UntilListeningAsync(on);
        await using EarshotProcess connect = EarshotProcess.Start($"connect localhost {Port} 9 {on}");
        await EarshotProcess.UntilAsync(
            async () => (await TableAsync(on)).Count(row => row.IsClient) == 9, "client 9 has called");
        long start = Stopwatch.GetTimestamp();

        // The ninth SYN is refused: two requests are young. It comes again after 1 s and, if need be, after 3 s.
        Row[] table = await TableAsync(on);
        Assert.Equal("SYN_SENT", table.Single(row => row.IsClient && row.State != "ESTABLISHED").State);
        await Task.Delay(TimeSpan.FromSeconds(3.6) - Stopwatch.GetElapsedTime(start));
        table = await TableAsync(on);

        Row[] server = [.. table.Where(row => !row.IsClient)];
        Assert.Equal(
            ["SYN_RECV", "SYN_RECV", "SYN_RECV", .. Enumerable.Repeat("ESTABLISHED", 6)],
            server.Select(row => row.State));
        Assert.Equal(9, table.Count(row => row.IsClient && row.State == "ESTABLISHED"));
        int[] ports = [.. server.Select(row => row.RemotePort).Order()];
        Assert.All(ports, port => Assert.Equal(ports[0] % 2, port % 2));
        Assert.Equal(Enumerable.Range(0, 9).Select(i => ports[0] + (2 * i)), ports);
        Assert.Equal("", connect.Out + connect.Error + listen.Out + listen.Error);

        CommandRun statistics = await EarshotProcess.RunAsync($"netstat -s {on}");
        Assert.Contains("times the listen queue of a socket overflowed", statistics.Out);
        Assert.Contains("SYNs to LISTEN sockets ignored", statistics.Out);
        CommandRun why = await EarshotProcess.RunAsync($"why {Port} {on}");
        Assert.Contains("SynAcceptQueueFullYoung", why.Out);
        Assert.Equal(3, why.Out.Split('\n').Count(line => line.Contains("SYN_RECV: ", StringComparison.Ordinal)));
        CommandRun somaxconn = await EarshotProcess.RunAsync($"sysctl net.core.somaxconn {on}");
        Assert.Equal("net.core.somaxconn = 128\n", somaxconn.Out);

        Assert.Equal(0, await connect.TerminateAsync());
        Assert.Equal(0, await listen.TerminateAsync("INT"));
        await EarshotProcess.UntilAsync(
            async () => !(await CommandRun.OfAsync($"ss -nlt {on}")).Out.Contains($":{Port}", StringComparison.Ordinal),
            "the listener is closed");
        Assert.Equal(0, await up.TerminateAsync());
        Assert.Equal(3, (await CommandRun.OfAsync($"netstat -nt {on}")).ExitCode);
    }

    [SlowFact]
    public async Task A_command_that_is_killed_leaves_no_socket_behind()
    {
        const string on = "--stack article-kill";
        await using EarshotProcess up = EarshotProcess.Start("up --name article-kill");
        await UntilUpAsync(on);
        await using EarshotProcess listen = EarshotProcess.Start($"listen 127.0.0.1 {Port} 5 {on}");
        await UntilListeningAsync(on);
        await using EarshotProcess connect = EarshotProcess.Start($"connect localhost {Port} 9 {on}");
        await EarshotProcess.UntilAsync(
            async () => (await TableAsync(on)).Any(row => row.State == "SYN_SENT"), "client 7 is refused");
        Assert.Equal(6, (await TableAsync(on)).Count(row => !row.IsClient));

        await listen.KillAsync();
        await connect.KillAsync();

        await EarshotProcess.UntilAsync(async () => (await TableAsync(on)).Length == 0, "every socket is closed");
        Assert.True(up.IsRunning);
        Assert.Equal(0, await up.TerminateAsync());
    }

    [SlowFact]
    public async Task A_listener_is_told_when_its_stack_dies()
    {
        const string on = "--stack article-dies";
        await using EarshotProcess up = EarshotProcess.Start("up --name article-dies");
        await UntilUpAsync(on);
        await using EarshotProcess listen = EarshotProcess.Start($"listen 127.0.0.1 {Port} 5 {on}");
        await UntilListeningAsync(on);

        await up.KillAsync();

        Assert.Equal(4, await listen.WaitAsync());
        Assert.Contains("'article-dies' went down", listen.Error);

        // What was left behind is no obstacle.
        await using EarshotProcess again = EarshotProcess.Start("up --name article-dies");
        await UntilUpAsync(on);
    }

    private static Task UntilUpAsync(string on) => EarshotProcess.UntilAsync(
        async () => (await CommandRun.OfAsync($"netstat -nt {on}")).ExitCode == 0, "it is up");

    private static Task UntilListeningAsync(string on) => EarshotProcess.UntilAsync(
        async () => (await CommandRun.OfAsync($"ss -nlt {on}")).Out.Contains($":{Port}", StringComparison.Ordinal),
        "the listener listens");

    private static async Task<Row[]> TableAsync(string on)
    {
        CommandRun run = await CommandRun.OfAsync($"netstat -nt {on}");
        return [.. run.Out.Split('\n').Where(line => line.Contains($"{Port}", StringComparison.Ordinal)).Select(line =>
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return new Row(words[3], words[4], words[5]);
        })];
    }

    private sealed record Row(string Local, string Remote, string State)
    {
        public bool IsClient => Remote == $"127.0.0.1:{Port}";

        public int RemotePort =>
            int.Parse(Remote[(Remote.IndexOf(':', StringComparison.Ordinal) + 1)..], CultureInfo.InvariantCulture);
    }
}
