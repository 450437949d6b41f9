using System;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Core.Wire;
using Earshot.Lab.Views;
using Xunit;

namespace Earshot.Cli.Tests.Views;

public sealed class NetstatViewTests
{
    private static readonly SocketRow[] Rows =
    [
        Row("127.0.0.1:6666", "0.0.0.0:0", TcpState.Listen, receive: 6),
        Row("0.0.0.0:80", "0.0.0.0:0", TcpState.Listen),
        Row("127.0.0.1:6666", "127.0.0.1:57636", TcpState.SynRecv, timer: SocketTimer.On, remaining: 1.95,
            retransmits: 1),
        Row("127.0.0.1:6666", "127.0.0.1:57620", TcpState.Established),
        Row("127.0.0.1:57636", "127.0.0.1:6666", TcpState.SynSent, send: 1, timer: SocketTimer.On, remaining: 2.98,
            retransmits: 2),
        Row("255.255.255.255:65535", "192.168.100.200:65535", TcpState.Established, receive: 7654321, send: 1234567,
            timer: SocketTimer.Probe, remaining: 123.45, retransmits: 3),
        Row("10.0.0.1:1", "10.0.0.2:2", TcpState.TimeWait, timer: SocketTimer.TimeWait, remaining: 59.99),
        Row("10.0.0.1:1", "10.0.0.2:3", TcpState.FinWait1, timer: SocketTimer.Keepalive, remaining: 1),
        Row("10.0.0.1:1", "10.0.0.2:4", TcpState.FinWait2, timer: SocketTimer.Keepalive, remaining: 1),
        Row("10.0.0.1:1", "10.0.0.2:5", TcpState.CloseWait),
        Row("10.0.0.1:1", "10.0.0.2:6", TcpState.LastAck, send: 1, timer: SocketTimer.On, remaining: 0.2),
        Row("10.0.0.1:1", "10.0.0.2:7", TcpState.Closing, send: 1, timer: SocketTimer.On, remaining: 0.2),
    ];

    [Theory]
    [InlineData("netstat-nt.txt", SocketSelection.Connections, false)]
    [InlineData("netstat-nat.txt", SocketSelection.All, false)]
    [InlineData("netstat-nlt.txt", SocketSelection.Listeners, false)]
    [InlineData("netstat-nto.txt", SocketSelection.Connections, true)]
    [InlineData("netstat-nato.txt", SocketSelection.All, true)]
    public void The_table_is_that_of_netstat_2_10(string golden, SocketSelection selection, bool timers) =>
        Assert.Equal(GoldenText.Lines(golden), NetstatView.Table(Rows, KernelProfile.Linux618, selection, timers));

    // As the articles print it. The blanks between the second address and the state are the article's own: they differ
    // from table to table, while netstat pads both addresses alike.
    [Theory]
    [InlineData("tcp        0      0 127.0.0.1:6666              127.0.0.1:57636    SYN_RECV")]
    [InlineData("tcp        0      0 127.0.0.1:6666              127.0.0.1:57620    ESTABLISHED")]
    public void Under_el6_a_line_has_the_wide_columns_of_the_article(string article)
    {
        string[] words = article.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        SocketRow row = Row(words[3], words[4], words[5] == "SYN_RECV" ? TcpState.SynRecv : TcpState.Established);

        string line = NetstatView.Line(row, KernelProfile.LinuxEl6);

        int endOfTheSecondAddress = article.IndexOf(words[4], StringComparison.Ordinal) + words[4].Length;
        Assert.StartsWith(article[..endOfTheSecondAddress], line);
        Assert.Equal(words, line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(20 + 28 + 28, line.IndexOf(words[5], StringComparison.Ordinal));
    }

    [Fact]
    public void The_heading_stands_over_its_columns()
    {
        foreach (KernelProfile profile in KernelProfile.All)
        {
            string[] lines = [.. NetstatView.Table([Rows[2]], profile)];
            foreach ((string heading, string cell) in ((string, string)[])[("Local", "127"), ("State", "SYN_RECV")])
            {
                Assert.Equal(
                    lines[1].IndexOf(heading, StringComparison.Ordinal),
                    lines[2].IndexOf(cell, StringComparison.Ordinal));
            }
        }
    }

    [Fact]
    public void Every_state_has_netstats_name() => Assert.All(
        Enum.GetValues<TcpState>().Where(state => state != TcpState.None),
        state => Assert.Equal(
            state.ToString().ToUpperInvariant(),
            NetstatView.StateName(state).Replace("_", "", StringComparison.Ordinal)));

    private static SocketRow Row(
        string local, string remote, TcpState state, long receive = 0, long send = 0,
        SocketTimer timer = SocketTimer.Off, double remaining = 0, int retransmits = 0) => new()
        {
            Local = InetEndpoint.Parse(local),
            Remote = InetEndpoint.Parse(remote),
            State = state,
            ReceiveQueue = receive,
            SendQueue = send,
            Timer = timer,
            TimerRemaining = TimeSpan.FromSeconds(remaining),
            Retransmits = retransmits,
        };
}
