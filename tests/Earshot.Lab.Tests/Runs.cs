using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Lab.Experiments;

namespace Earshot.Lab.Tests;

/// <summary>Runs made by hand, so that reports and comparisons can be tested without a target.</summary>
internal static class Runs
{
    public static TimeSpan S(double seconds) => TimeSpan.FromSeconds(seconds);

    /// <summary>The article's first table: six accepted nowhere, three in SYN_RECV, in the article's order.</summary>
    public static Sample ArticleSample(double at = 10) => Sample(
        at,
        [
            .. Rows("SYN_RECV", 57636, 57634, 57632),
            .. Rows("ESTABLISHED", 57620, 57630, 57626, 57628, 57622, 57624),
        ],
        ("TcpExtListenOverflows", 6), ("TcpExtListenDrops", 6));

    public static IEnumerable<TableRow> Rows(string state, params int[] ports) => ports.Select(p =>
        new TableRow(0, 0, "127.0.0.1:6666", $"127.0.0.1:{p}", state, IsServer: true));

    public static Sample Sample(double at, IReadOnlyList<TableRow> rows, params (string Name, long By)[] moved) => new()
    {
        At = S(at),
        Server = TcpStates.Count([.. rows.Where(r => r.IsServer).Select(r => r.State), "LISTEN"]),
        Client = TcpStates.Count(rows.Where(r => !r.IsServer).Select(r => r.State)),
        Queues = [new QueueSample(6666, CountOf(rows, "ESTABLISHED"), 5, CountOf(rows, "SYN_RECV"))],
        Counters = moved.ToDictionary(c => c.Name, c => c.By),
        Table = rows,
    };

    private static int CountOf(IReadOnlyList<TableRow> rows, string state) => rows.Count(r => r.State == state);

    public static RunResult Run(params Sample[] samples) => new()
    {
        Plan = PlanCatalog.Load("backlog") with { Looks = [.. samples.Select(s => s.At)] },
        Target = "linux-el6",
        Seed = 1,
        Samples = samples,
        Connects =
        [
            new ConnectResult(1, TimeSpan.Zero, TimeSpan.Zero, null),
            new ConnectResult(2, S(0), S(63), "ETIMEDOUT"),
            new ConnectResult(3, S(63), null, null),
        ],
        Packets = [],
        Why = ["a sentence."],
    };

    public static PacketRecord Packet(int connection, double time, string flags, bool fromClient = true) => new()
    {
        Time = S(time),
        Connection = connection,
        FromClient = fromClient,
        From = fromClient ? "127.0.0.1:40000" : "127.0.0.1:6666",
        To = fromClient ? "127.0.0.1:6666" : "127.0.0.1:40000",
        Flags = flags,
        Seq = 0,
        Ack = 0,
        Length = 0,
        Window = 65495,
    };
}
