using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;
using Earshot.Core;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Earshot.Lab.Views;
using Xunit;

namespace Earshot.Cli.Tests.Views;

/// <summary>Views of a stack with one listener, a connection in its queue and its client.</summary>
public sealed class StackViewTests : IDisposable
{
    private readonly NetworkStack _stack = new(new StackOptions { Seed = Chance.Spread(1) }, Instant.Zero);
    private readonly int _listener;

    public StackViewTests()
    {
        _listener = _stack.Calls.Socket(2, 1, 0);
        Assert.Equal(0, _stack.Calls.Bind(_listener, InetEndpoint.Parse("127.0.0.1:6666")));
        Assert.Equal(0, _stack.Calls.Listen(_listener, 0));
        int client = _stack.Calls.Socket(2, 1, 0);
        _stack.Calls.Connect(client, InetEndpoint.Parse("127.0.0.1:6666"));
        Assert.Equal(3, _stack.Calls.Send(client, new byte[3]));
        int late = _stack.Calls.Socket(2, 1, 0);
        _stack.Calls.Connect(late, InetEndpoint.Parse("127.0.0.1:6666"));
        _stack.OnTimer(Instant.FromSeconds(0.5));
    }

    public void Dispose() => _stack.Dispose();

    // The texts of the real tools are compared in Earshot.Host.Tests; here is what must hold without them.
    [Theory]
    [InlineData("netstat -nat", 6)]
    [InlineData("netstat -nlt", 3)]
    [InlineData("netstat -nt", 5)]
    [InlineData("netstat -nat -6", 2)]
    [InlineData("ss -ntl", 2)]
    [InlineData("ss -nta -H", 4)]
    [InlineData("ss -nta -i", 9)]
    [InlineData("ss -ntaiO", 5)]
    [InlineData("cat /proc/net/tcp", 5)]
    [InlineData("proc tcp6", 1)]
    [InlineData("proc sockstat", 6)]
    public void A_view_has_a_line_for_each_socket(string command, int lines) =>
        Assert.Equal(lines, Lines(command).Length);

    [Fact]
    public void Each_line_of_proc_net_tcp_has_149_columns() =>
        Assert.All(Lines("proc tcp"), line => Assert.Equal(149, line.Length));

    [Fact]
    public void Sockstat_counts_sockets_and_the_pages_of_what_they_hold() => Assert.Equal(
        [
            "sockets: used 4", "TCP: inuse 4 orphan 0 tw 0 alloc 4 mem 2", "UDP: inuse 0 mem 0", "UDPLITE: inuse 0",
            "RAW: inuse 0", "FRAG: inuse 0 memory 0",
        ],
        Lines("proc sockstat"));

    // The same three sockets on the host kernel 6.18 gave these texts, but for the numbers that it draws.
    [Fact]
    public void Datagram_sockets_are_shown_as_the_kernel_and_the_tools_show_them()
    {
        int bound = _stack.Calls.Socket(2, 2, 0);
        _stack.Calls.Bind(bound, InetEndpoint.Parse("127.0.0.1:5353"));
        int connected = _stack.Calls.Socket(2, 2, 0);
        _stack.Calls.Bind(connected, InetEndpoint.Parse("0.0.0.0:36174"));
        _stack.Calls.Connect(connected, InetEndpoint.Parse("127.0.0.1:5353"));
        _stack.Calls.Send(connected, new byte[1]);
        _stack.Calls.Bind(_stack.Calls.Socket(10, 2, 0), InetEndpoint.Parse("[::]:53"));
        Assert.Equal(
            [
                "Proto Recv-Q Send-Q Local Address           Foreign Address         State      ",
                "udp      832      0 127.0.0.1:5353          0.0.0.0:*                          ",
                "udp        0      0 127.0.0.1:36174         127.0.0.1:5353          ESTABLISHED",
                "udp6       0      0 :::53                   :::*                               ",
            ],
            Lines("netstat -nau")[1..]);
        Assert.Equal(
            [
                "Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess",
                "0      0          127.0.0.1:36174    127.0.0.1:5353       ",
            ],
            Lines("ss -nu"));
        Assert.Equal(
            [
                "State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess",
                "UNCONN 0      0                  *:53              *:*          ",
                "UNCONN 832    0          127.0.0.1:5353      0.0.0.0:*          ",
            ],
            Lines("ss -nlu"));
        string[] file = Lines("proc udp");
        Assert.All(file, line => Assert.Equal(127, line.Length));
        Assert.Contains(
            ": 0100007F:14E9 00000000:0000 07 00000000:00000340 00:00000000 00000000     0        0 ", file[1],
            StringComparison.Ordinal);
        Assert.Contains(": 0100007F:8D4E 0100007F:14E9 01 00000000:00000000 ", file[2], StringComparison.Ordinal);
        Assert.Equal(2, Lines("proc udp6").Length);
    }

    [Fact]
    public void Nstat_leaves_counters_that_are_0_out_unless_told_otherwise()
    {
        string[] all = Lines("nstat -az");
        Assert.Equal("#kernel", all[0]);
        Assert.Contains("TcpExtListenDrops               1                  0.0", all);
        Assert.Contains("TcpExtTCPAbortOnData            0                  0.0", all);
        Assert.DoesNotContain(all, line => line.StartsWith("TcpCurrEstab", StringComparison.Ordinal));
        string[] moved = Lines("nstat -a");
        Assert.True(moved.Length < all.Length);
        Assert.DoesNotContain(moved, line => line.Contains(" 0  ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_counter_that_nothing_here_moves_is_in_no_view()
    {
        foreach (string command in (string[])["nstat -az", "netstat -s", "proc snmp", "proc netstat"])
        {
            Assert.DoesNotContain(
                Lines(command), line => line.Contains("PrequeueDropped", StringComparison.Ordinal)
                    || line.Contains("BusyPollRxPackets", StringComparison.Ordinal)
                    || line.Contains("InBcastPkts", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void The_listeners_view_tells_what_Linux_does_not() => Assert.Equal(
        [
            "127.0.0.1:6666",
            "    accept queue: 1 (full), most 1, backlog 0; full for 0.500 s",
            "    SYN queue: 0, 0 of them young, most 1, limit 0",
            "    counters: TcpPassiveOpens 1, TcpExtListenOverflows 1, TcpExtListenDrops 1",
            "    accepted: 0",
            "    waiting, the oldest first:",
            $"        127.0.0.1:{ClientPort} for 0.500 s, 3 bytes",
        ],
        Lines("listeners"));

    [Fact]
    public void Waits_stand_in_powers_of_two()
    {
        Assert.True(_stack.Calls.Accept(_listener, out _) > 0);
        string[] lines = Lines("listeners");
        Assert.Contains("    accepted: 1, by how long they waited:", lines);
        Assert.Contains($"        below  524.3 ms         1 {new string('#', 40)}", lines);
    }

    [Fact]
    public void What_a_cookie_lost_is_said_of_the_connection()
    {
        var row = new ListenerRow { Local = InetEndpoint.Parse("0.0.0.0:80"), AcceptCount = 1, Backlog = 5 };
        var waiting = new QueuedConnection
        {
            Remote = InetEndpoint.Parse("10.0.0.2:40000"),
            State = TcpState.CloseWait,
            Cookie = new CookieRemains(1440, Timestamps: true, WindowScale: false, Sack: false, Ecn: false),
        };
        StackSnapshot snapshot = StackSnapshot.Of(_stack) with { Listeners = [new ListenerReport(row, [waiting], [])] };
        Assert.Contains(
            "        10.0.0.2:40000 CLOSE_WAIT for 0.000 s, 0 bytes, by cookie: no SACK, no window scale, MSS 1440",
            ListenersView.Lines(snapshot));
    }

    [Fact]
    public void The_counters_of_the_only_listener_are_those_of_the_stack()
    {
        StackSnapshot snapshot = StackSnapshot.Of(_stack);
        Assert.All(snapshot.Listeners[0].Counters, counter =>
        {
            if (counter.Key is not ("TcpAttemptFails" or "TcpRetransSegs" or "TcpExtTCPTimeouts"))
            {
                Assert.True(_stack.Mib.TryGet(counter.Key, out long value), counter.Key);
                Assert.Equal((counter.Key, value), (counter.Key, counter.Value));
            }
        });
    }

    [Theory]
    [InlineData("netstat -nat", 4)]
    [InlineData("ss -ntl", 1)]
    [InlineData("ss -ntai", 4)]
    [InlineData("proc tcp", 4)]
    [InlineData("listeners", 1)]
    public void Sockets_as_JSON_are_an_array(string command, int count)
    {
        using JsonDocument json = JsonDocument.Parse(string.Join('\n', Lines(command + " --json")));
        Assert.Equal(count, json.RootElement.GetArrayLength());
        Assert.Equal("127.0.0.1:6666", json.RootElement[0].GetProperty("local").GetString());
    }

    [Theory]
    [InlineData("netstat -s", "TcpExt", "ListenDrops")]
    [InlineData("nstat -az", "kernel", "TcpExtListenDrops")]
    [InlineData("proc netstat", "TcpExt", "ListenDrops")]
    [InlineData("proc snmp", "Tcp", "PassiveOpens")]
    [InlineData("proc snmp6", "Ip6", "InReceives")]
    [InlineData("proc sockstat", "TCP", "inuse")]
    [InlineData("proc sockstat6", "TCP6", "inuse")]
    public void Counters_as_JSON_are_an_object_of_groups(string command, string group, string name)
    {
        using JsonDocument json = JsonDocument.Parse(string.Join('\n', Lines(command + " --json")));
        Assert.True(json.RootElement.GetProperty(group).GetProperty(name).GetInt64() >= 0);
    }

    [Theory]
    [InlineData("netstat -p", "netstat has no option -p here")]
    [InlineData("proc raw", "there is no 'raw' here; there are netstat, snmp")]
    [InlineData("ss udp", "'udp' means nothing to ss")]
    [InlineData("top", "'top' is no view")]
    [InlineData("", "'' is no view")]
    public void What_is_no_view_is_named(string command, string said) =>
        Assert.Contains(said, Assert.Throws<FormatException>(() => ViewRequest.Parse(command)).Message);

    [Fact]
    public void The_record_of_states_is_a_line_of_JSON_for_each_change()
    {
        var stream = new MemoryStream();
        using (var log = new StateLog(stream))
        {
            _stack.Observer = log.OnChange;
            int other = _stack.Calls.Socket(2, 1, 0);
            _stack.Calls.Bind(other, InetEndpoint.Parse("127.0.0.1:7777"));
            _stack.Calls.Listen(other, 5);
            int client = _stack.Calls.Socket(2, 1, 0);
            _stack.Calls.Connect(client, InetEndpoint.Parse("127.0.0.1:7777"));
        }

        string[] lines = Encoding.UTF8.GetString(stream.ToArray()).TrimEnd('\n').Split('\n');
        Assert.Equal(
            "{\"time\":0.5,\"local\":\"127.0.0.1:7777\",\"remote\":\"0.0.0.0:0\",\"old\":\"CLOSE\",\"new\":\"LISTEN\","
            + "\"listener\":\"127.0.0.1:7777\",\"rule\":\"ListenStarted\"}",
            lines[0]);
        Assert.Equal(
            ["LISTEN", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "ESTABLISHED"],
            lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("new").GetString()));
        Assert.Contains("\"rule\":\"RequestPromoted\"", lines[4]);
    }

    private int ClientPort
    {
        get
        {
            var rows = new List<SocketRow>();
            _stack.CopySockets(rows);
            return rows.Single(row => row.Local.Port == 6666 && row.State == TcpState.Established).Remote.Port;
        }
    }

    private string[] Lines(string command) =>
        [.. StackView.Lines(ViewRequest.Parse(command), StackSnapshot.Of(_stack))];
}
