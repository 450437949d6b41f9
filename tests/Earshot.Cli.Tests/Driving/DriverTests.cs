using System;
using System.Diagnostics;
using System.Linq;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Cli.Driving;
using Xunit;

namespace Earshot.Cli.Tests.Driving;

public sealed class DriverTests
{
    [Fact]
    public async Task Bytes_go_both_ways_as_hexadecimal_digits()
    {
        await using DrivenPair pair = await DrivenPair.ConnectedAsync();
        Assert.Equal(3, (int)(await pair.A.OkAsync("send c 00ffA5"))["n"]!);
        JsonObject there = await pair.B.OkAsync("recv s 100");
        Assert.Equal(("00ffa5", 3), ((string)there["hex"]!, (int)there["n"]!));
        await pair.B.OkAsync("send s 0102030405");
        Assert.Equal("0102", (string)(await pair.A.OkAsync("recv c 2"))["hex"]!);
        Assert.Equal("030405", (string)(await pair.A.OkAsync("recv c 100"))["hex"]!);
    }

    [Fact]
    public async Task Names_of_both_ends_are_told_as_address_and_port()
    {
        await using var pair = new DrivenPair();
        await pair.B.OkAsync("socket l tcp");
        Assert.Equal("0.0.0.0:0", (string)(await pair.B.OkAsync("getname l"))["name"]!);
        await pair.B.OkAsync("bind l 10.0.0.2 80");
        await pair.B.OkAsync("listen l -1");
        await pair.A.OkAsync("socket c tcp");
        await pair.A.OkAsync("bind c 10.0.0.1 4000");
        await pair.A.OkAsync("connect c 10.0.0.2 80");
        Assert.Equal("10.0.0.1:4000", (string)(await pair.B.OkAsync("accept l s"))["peer"]!);
        Assert.Equal("10.0.0.2:80", (string)(await pair.B.OkAsync("getname s"))["name"]!);
    }

    [Fact]
    public async Task Nothing_there_is_EAGAIN_at_once_or_after_the_timeout()
    {
        await using DrivenPair pair = await DrivenPair.ConnectedAsync();
        Assert.Equal("EAGAIN", await pair.B.FailAsync("accept l x 0"));
        Assert.Equal("EAGAIN", await pair.B.FailAsync("recv s 1 0"));
        long start = Stopwatch.GetTimestamp();
        Assert.Equal("EAGAIN", await pair.B.FailAsync("accept l x 0.25"));
        Assert.Equal("EAGAIN", await pair.B.FailAsync("recv s 1 0.25"));
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.5, 5);
    }

    [Fact]
    public async Task A_command_that_waits_goes_on_when_what_it_waits_for_comes()
    {
        await using DrivenPair pair = await DrivenPair.ConnectedAsync();
        Task<JsonObject> accept = pair.B.ExecuteAsync("accept l s2");
        await pair.A.OkAsync("socket c2 tcp");
        await pair.A.OkAsync("connect c2 10.0.0.2 80");
        Assert.True((bool)(await accept)["ok"]!);
        Task<JsonObject> receive = pair.B.ExecuteAsync("recv s2 10");
        await pair.A.OkAsync("send c2 2a");
        Assert.Equal("2a", (string)(await receive)["hex"]!);
    }

    [Fact]
    public async Task Connect_without_waiting_is_EINPROGRESS_and_then_done()
    {
        await using DrivenPair pair = await DrivenPair.ConnectedAsync();
        await pair.B.OkAsync("delay 0.1");
        await pair.A.OkAsync("socket n tcp");
        Assert.Equal("EINPROGRESS", await pair.A.FailAsync("connect n 10.0.0.2 80 0"));
        Assert.Equal("EALREADY", await pair.A.FailAsync("connect n 10.0.0.2 80 0"));
        await pair.A.OkAsync("connect n 10.0.0.2 80");
        Assert.Equal("EISCONN", await pair.A.FailAsync("connect n 10.0.0.2 80"));
    }

    [Fact]
    public async Task Connect_ends_with_the_errors_of_the_wire()
    {
        await using var pair = new DrivenPair();
        await pair.A.OkAsync("socket r tcp");
        Assert.Equal("ECONNREFUSED", await pair.A.FailAsync("connect r 10.0.0.2 9"));
        await pair.A.OkAsync("socket t tcp");
        Assert.Equal("EINPROGRESS", await pair.A.FailAsync("connect t 10.0.0.77 9 0.2"));
        await pair.A.OkAsync("socket u tcp");
        Assert.Equal("ENETUNREACH", await pair.A.FailAsync("connect u 172.16.0.1 9"));
    }

    [Fact]
    public async Task A_socket_is_of_the_family_of_its_first_address()
    {
        await using var pair = new DrivenPair();
        await pair.B.OkAsync("socket l tcp");
        await pair.B.OkAsync("setopt l syncnt 4");
        await pair.B.OkAsync("bind l fd00::2 80");
        await pair.B.OkAsync("listen l 5");
        Assert.Equal(4, (int)(await pair.B.OkAsync("getopt l syncnt"))["value"]!);
        await pair.A.OkAsync("socket c tcp");
        await pair.A.OkAsync("connect c fd00::2 80");
        Assert.StartsWith("[fd00::1]:", (string)(await pair.B.OkAsync("accept l s"))["peer"]!);
        await pair.A.OkAsync("send c 2a");
        Assert.Equal("2a", (string)(await pair.B.OkAsync("recv s 5"))["hex"]!);
        Assert.Equal("[fd00::2]:80", (string)(await pair.B.OkAsync("getname l"))["name"]!);
        JsonObject row = Row(await pair.B.OkAsync("table"), "LISTEN");
        Assert.Equal(("fd00::2:80", ":::*"), ((string)row["local"]!, (string)row["remote"]!));
    }

    [Fact]
    public async Task The_calls_errnos_are_passed_on()
    {
        await using var pair = new DrivenPair();
        Driver b = pair.B;
        await b.OkAsync("socket l tcp");
        await b.OkAsync("bind l 0.0.0.0 80");
        Assert.Equal("EINVAL", await b.FailAsync("bind l 0.0.0.0 81"));
        await b.OkAsync("socket other tcp");
        Assert.Equal("EADDRINUSE", await b.FailAsync("bind other 0.0.0.0 80"));
        Assert.Equal("EADDRNOTAVAIL", await b.FailAsync("bind other 10.9.9.9 80"));
        Assert.Equal("ENOTCONN", await b.FailAsync("recv other 1"));
        Assert.Equal("EPIPE", await b.FailAsync("send other 00"));
        Assert.Equal("ENOTCONN", await b.FailAsync("shutdown other wr"));
        Assert.Equal("EINVAL", await b.FailAsync("accept other x"));
        await b.OkAsync("close other");
        Assert.Equal("EBADF", await b.FailAsync("close other"));
    }

    [Theory]
    [InlineData("", "ENOSYS")]
    [InlineData("   ", "ENOSYS")]
    [InlineData("frobnicate x", "ENOSYS")]
    [InlineData("SOCKET x tcp", "ENOSYS")]
    [InlineData("{\"do\":\"socket\"}", "ENOSYS")]
    [InlineData("socket", "EINVAL")]
    [InlineData("socket x", "EINVAL")]
    [InlineData("socket x sctp", "EINVAL")]
    [InlineData("socket x tcp more", "EINVAL")]
    [InlineData("socket l tcp", "EEXIST")]
    [InlineData("bind l 1.2.3 80", "EINVAL")]
    [InlineData("bind l 1.2.3.4", "EINVAL")]
    [InlineData("bind l 0.0.0.0 65536", "EINVAL")]
    [InlineData("bind l 0.0.0.0 -1", "EINVAL")]
    [InlineData("listen l", "EINVAL")]
    [InlineData("listen l many", "EINVAL")]
    [InlineData("listen l 99999999999", "EINVAL")]
    [InlineData("listen l 5 5", "EINVAL")]
    [InlineData("connect l 10.0.0.1 80 soon", "EINVAL")]
    [InlineData("connect l 10.0.0.1 80 -1", "EINVAL")]
    [InlineData("connect l 10.0.0.1 80 1e999", "EINVAL")]
    [InlineData("accept l", "EINVAL")]
    [InlineData("accept l l", "EEXIST")]
    [InlineData("accept l n 99999999", "EINVAL")]
    [InlineData("recv l -1", "EINVAL")]
    [InlineData("recv l x", "EINVAL")]
    [InlineData("send l 0", "EINVAL")]
    [InlineData("send l zz", "EINVAL")]
    [InlineData("shutdown l both", "EINVAL")]
    [InlineData("close", "EINVAL")]
    [InlineData("close nobody", "EBADF")]
    [InlineData("recv nobody 1", "EBADF")]
    [InlineData("setopt l colour 1", "ENOPROTOOPT")]
    [InlineData("setopt l nodelay", "EINVAL")]
    [InlineData("setopt l acceptconn 1", "ENOPROTOOPT")]
    [InlineData("setopt l syncnt 200", "EINVAL")]
    [InlineData("getopt l colour", "ENOPROTOOPT")]
    [InlineData("getname", "EINVAL")]
    [InlineData("poll nobody", "EBADF")]
    [InlineData("sysctl", "EINVAL")]
    [InlineData("sysctl no.such", "ENOENT")]
    [InlineData("sysctl tcp_syncookies 300", "EINVAL")]
    [InlineData("sysctl tcp_rmem 0 2 3", "EINVAL")]
    [InlineData("sysctl tcp_rmem some", "EINVAL")]
    [InlineData("sysctl ip_local_reserved_ports 99999", "EINVAL")]
    [InlineData("table 80", "EINVAL")]
    [InlineData("listenq", "EINVAL")]
    [InlineData("counters all", "EINVAL")]
    [InlineData("info 80", "EINVAL")]
    [InlineData("info 80 81", "ENOENT")]
    [InlineData("text x", "EINVAL")]
    [InlineData("delay", "EINVAL")]
    [InlineData("delay -0.1", "EINVAL")]
    [InlineData("why 70000", "EINVAL")]
    public async Task What_cannot_be_carried_out_is_answered_and_changes_nothing(string line, string error)
    {
        await using var pair = new DrivenPair();
        await pair.B.OkAsync("socket l tcp");
        JsonObject reply = await pair.B.ExecuteAsync(line);
        Assert.Equal(error, (string)reply["err"]!);
        Assert.NotEqual("", (string?)reply["text"] ?? "the errno says it all");
        await pair.B.OkAsync("bind l 0.0.0.0 80");
        await pair.B.OkAsync("listen l 1");
    }

    [Fact]
    public async Task Poll_tells_the_bits_by_name()
    {
        await using DrivenPair pair = await DrivenPair.ConnectedAsync();
        await pair.A.OkAsync("socket fresh tcp");
        Assert.Equal("OUT HUP", await pair.A.PollAsync("fresh"));
        Assert.Equal("OUT", await pair.B.PollAsync("s"));
        Assert.Equal("", await pair.B.PollAsync("l"));
        await pair.A.OkAsync("send c 00");
        await pair.B.OkAsync("recv s 1");
        await pair.A.OkAsync("shutdown c wr");
        Assert.Equal(0, (int)(await pair.B.OkAsync("recv s 1"))["n"]!);
        Assert.Equal("IN OUT RDHUP", await pair.B.PollAsync("s"));
        await pair.B.OkAsync("shutdown s wr");
        Assert.Equal("IN OUT HUP RDHUP", await pair.B.PollAsync("s"));
    }

    [Fact]
    public async Task Options_are_set_and_read()
    {
        await using DrivenPair pair = await DrivenPair.ConnectedAsync();
        (string Name, int Set, int Get)[] options =
        [
            ("reuseaddr", 1, 1), ("rcvbuf", 5000, 10000), ("linger0", 1, 1), ("linger0", 0, 0), ("syncnt", 3, 3),
            ("maxseg", 500, 500), ("nodelay", 1, 1), ("reuseport", 1, 1), ("defer", 7, 7), ("fastopen", 5, 5),
        ];
        await pair.A.OkAsync("socket o tcp");
        foreach ((string name, int set, int get) in options)
        {
            await pair.A.OkAsync($"setopt o {name} {set}");
            Assert.Equal(get, (int)(await pair.A.OkAsync($"getopt o {name}"))["value"]!);
        }

        Assert.Equal(1, (int)(await pair.B.OkAsync("getopt l acceptconn"))["value"]!);
        Assert.Equal(0, (int)(await pair.B.OkAsync("getopt s acceptconn"))["value"]!);
    }

    [Fact]
    public async Task Listeners_of_one_group_share_a_port()
    {
        await using DrivenPair pair = await DrivenPair.ConnectedAsync();
        foreach (string name in (string[])["one", "two"])
        {
            await pair.B.OkAsync($"socket {name} tcp");
            await pair.B.OkAsync($"setopt {name} reuseport 1");
            await pair.B.OkAsync($"bind {name} 10.0.0.2 81");
            await pair.B.OkAsync($"listen {name} 5");
        }

        Assert.Equal("[[0,5],[0,5]]", (await pair.B.OkAsync("listenq 81"))["q"]!.ToJsonString());
        await pair.B.OkAsync("socket u udp");
        await pair.B.OkAsync("bind u 0.0.0.0 53");
        Assert.Equal("EOPNOTSUPP", await pair.B.FailAsync("listen u 5"));
    }

    [Fact]
    public async Task Linger0_makes_close_a_reset()
    {
        await using DrivenPair pair = await DrivenPair.ConnectedAsync();
        await pair.A.OkAsync("setopt c linger0 1");
        await pair.A.OkAsync("close c");
        Assert.Equal("ECONNRESET", await pair.B.FailAsync("recv s 1"));
        Assert.Equal("IN OUT HUP RDHUP", await pair.B.PollAsync("s"));
    }

    [Fact]
    public async Task Tables_queues_and_counters_are_objects()
    {
        await using DrivenPair pair = await DrivenPair.ConnectedAsync();
        await pair.A.OkAsync("socket c2 tcp");
        await pair.A.OkAsync("connect c2 10.0.0.2 80");
        await pair.A.OkAsync("send c 001122");
        await UntilAsync(async () =>
            (await pair.B.OkAsync("table"))["rows"]!.AsArray().Any(
                row => (string)row!["state"]! == "ESTABLISHED" && (long)row["rq"]! == 3));
        JsonObject listener = Row(await pair.B.OkAsync("table"), "LISTEN");
        Assert.Equal(
            "{\"local\":\"0.0.0.0:80\",\"remote\":\"0.0.0.0:*\",\"state\":\"LISTEN\",\"rq\":1,\"sq\":0,\"retrans\":0}",
            listener.ToJsonString());
        Assert.Equal("[[1,5]]", (await pair.B.OkAsync("listenq 80"))["q"]!.ToJsonString());
        Assert.Equal("[]", (await pair.B.OkAsync("listenq 81"))["q"]!.ToJsonString());
        JsonObject counters = (await pair.B.OkAsync("counters"))["c"]!.AsObject();
        Assert.Equal(2, (long)counters["TcpPassiveOpens"]!);
        Assert.Equal(0, (long)counters["TcpExtListenDrops"]!);
        Assert.All(counters, counter => Assert.NotNull(counter.Value));
    }

    [Fact]
    public async Task A_request_whose_answer_is_held_back_is_in_the_table()
    {
        await using DrivenPair pair = await DrivenPair.ConnectedAsync();
        await pair.B.OkAsync("delay 5");
        await pair.A.OkAsync("socket n tcp");
        Assert.Equal("EINPROGRESS", await pair.A.FailAsync("connect n 10.0.0.2 80 0.1"));
        Assert.Equal("10.0.0.2:80", (string)Row(await pair.B.OkAsync("table"), "SYN_RECV")["local"]!);
        Assert.Equal("10.0.0.2:80", (string)Row(await pair.A.OkAsync("table"), "SYN_SENT")["remote"]!);
    }

    [Fact]
    public async Task Sysctls_are_read_and_set_by_long_and_short_names()
    {
        await using var pair = new DrivenPair();
        Assert.Equal("4096\t131072\t33554432", (string)(await pair.A.OkAsync("sysctl tcp_rmem"))["value"]!);
        Assert.Equal("1\t2\t3", (string)(await pair.A.OkAsync("sysctl net.ipv4.tcp_rmem 1 2 3"))["value"]!);
        Assert.Equal("1\t2\t3", (string)(await pair.A.OkAsync("sysctl net/ipv4/tcp_rmem"))["value"]!);
        Assert.Equal("2", (string)(await pair.A.OkAsync("sysctl net.core.somaxconn 2"))["value"]!);
        Assert.NotEqual("", (string)(await pair.A.OkAsync("sysctl tcp_congestion_control"))["value"]!);
    }

    [Fact]
    public async Task Texts_are_those_of_the_tools()
    {
        await using DrivenPair pair = await DrivenPair.ConnectedAsync();
        string text = (string)(await pair.B.OkAsync("text 80"))["text"]!;
        Assert.Contains("Active Internet connections (servers and established)\n", text);
        Assert.Contains("0.0.0.0:80 ", text);
        Assert.Contains("\nState  Recv-Q Send-Q", text);
        Assert.Contains("ESTAB  0      0 ", text);
        string local = (string)(await pair.A.OkAsync("getname c"))["name"]!;
        string info = (string)(await pair.A.OkAsync($"info {local.Split(':')[1]} 80"))["text"]!;
        Assert.StartsWith("ESTAB 0", info);
        Assert.Contains(" wscale:10,10 ", info);
        Assert.Contains(" cwnd:10 ", info);
        JsonObject why = await pair.B.OkAsync("why 80");
        Assert.Contains("0.0.0.0:80 listens", (string)why["text"]!);
        Assert.Equal("", (string)(await pair.B.OkAsync("why 81"))["text"]!);
        Assert.Equal("", (string)(await pair.B.OkAsync("metrics"))["text"]!);
        Assert.Empty((await pair.B.OkAsync("log"))["lines"]!.AsArray());
    }

    [Fact]
    public async Task Why_tells_a_negative_backlog_as_it_was_given()
    {
        await using var pair = new DrivenPair();
        await pair.B.OkAsync("socket l tcp");
        await pair.B.OkAsync("bind l 0.0.0.0 80");
        await pair.B.OkAsync("listen l -5");
        Assert.Contains(
            "the backlog asked for was -5, somaxconn is 4096", (string)(await pair.B.OkAsync("why 80"))["text"]!);
    }

    [Fact]
    public async Task A_sysctl_whose_value_is_empty_is_there_nevertheless()
    {
        await using var pair = new DrivenPair();
        Assert.Equal("", (string)(await pair.A.OkAsync("sysctl ip_local_reserved_ports"))["value"]!);
        Assert.Equal(
            "ip_local_reserved_ports cannot be '99999'; it stays ''",
            (string)(await pair.A.ExecuteAsync("sysctl ip_local_reserved_ports 99999"))["text"]!);
    }

    [Fact]
    public async Task A_delay_holds_back_every_packet_in_order()
    {
        await using DrivenPair pair = await DrivenPair.ConnectedAsync();
        await pair.A.OkAsync("delay 0.3");
        long start = Stopwatch.GetTimestamp();
        await pair.A.OkAsync("send c 01");
        await pair.A.OkAsync("delay 0");
        await pair.A.OkAsync("send c 02");
        Assert.Equal("EAGAIN", await pair.B.FailAsync("recv s 1 0.1"));
        string first = (string)(await pair.B.OkAsync("recv s 1"))["hex"]!;
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.3, 5);
        Assert.Equal("0102", first + (string)(await pair.B.OkAsync("recv s 1"))["hex"]!);
        await pair.A.OkAsync("socket n tcp");
        await pair.A.OkAsync("connect n 10.0.0.2 80 0.25");
    }

    [Fact]
    public async Task The_end_closes_every_socket()
    {
        await using DrivenPair pair = await DrivenPair.ConnectedAsync();
        await pair.A.CloseAllAsync();
        Assert.Equal(0, (int)(await pair.B.OkAsync("recv s 1"))["n"]!);
        Assert.Equal("EBADF", await pair.A.FailAsync("recv c 1"));
    }

    [Fact]
    public async Task A_cancelled_wait_ends_as_its_timeout_would()
    {
        await using DrivenPair pair = await DrivenPair.ConnectedAsync();
        using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        JsonObject reply = await pair.B.ExecuteAsync("accept l x 60", soon.Token);
        Assert.Equal("EAGAIN", (string)reply["err"]!);
    }

    [Fact]
    public async Task A_stack_that_has_ended_is_ECONNABORTED()
    {
        DrivenPair pair = await DrivenPair.ConnectedAsync();
        Task<JsonObject> accept = pair.B.ExecuteAsync("accept l x");
        await pair.DisposeAsync();
        Assert.Equal("ECONNABORTED", (string)(await accept)["err"]!);
        Assert.Equal("ECONNABORTED", await pair.B.FailAsync("table"));
    }

    private static JsonObject Row(JsonObject reply, string state) =>
        reply["rows"]!.AsArray().Select(row => row!.AsObject()).First(row => (string)row["state"]! == state);

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        while (!await holds())
        {
            await Task.Delay(5, limit.Token);
        }
    }
}
