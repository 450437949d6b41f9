using System;
using System.Linq;
using System.Text.Json;
using Earshot.Lab.Experiments;
using Earshot.Lab.Views;
using Xunit;
using static Earshot.Lab.Tests.Runs;

namespace Earshot.Lab.Tests.Experiments;

public sealed class ReportTests
{
    // The article's first table, line by line; the columns are those of net-tools 2.10.
    private const string ArticleTable = """
        tcp        0      0 127.0.0.1:6666              127.0.0.1:57636             SYN_RECV
        tcp        0      0 127.0.0.1:6666              127.0.0.1:57634             SYN_RECV
        tcp        0      0 127.0.0.1:6666              127.0.0.1:57632             SYN_RECV
        tcp        0      0 127.0.0.1:6666              127.0.0.1:57620             ESTABLISHED
        tcp        0      0 127.0.0.1:6666              127.0.0.1:57630             ESTABLISHED
        tcp        0      0 127.0.0.1:6666              127.0.0.1:57626             ESTABLISHED
        tcp        0      0 127.0.0.1:6666              127.0.0.1:57628             ESTABLISHED
        tcp        0      0 127.0.0.1:6666              127.0.0.1:57622             ESTABLISHED
        tcp        0      0 127.0.0.1:6666              127.0.0.1:57624             ESTABLISHED
        """;

    [Fact]
    public void The_article_s_table_is_printed_as_netstat_prints_it() =>
        Assert.Equal(
            ArticleTable,
            string.Join('\n', ArticleSample().Table.Select(r => NetstatView.Line(r, "linux-el6").TrimEnd())));

    [Fact]
    public void A_row_ends_with_the_blanks_that_netstat_pads_the_state_with() =>
        Assert.Equal(
            "tcp        0      1 127.0.0.1:57648         127.0.0.1:6666          SYN_SENT   ",
            NetstatView.Line(new TableRow(0, 1, "127.0.0.1:57648", "127.0.0.1:6666", "SYN_SENT", false), "linux-6.18"));

    [Fact]
    public void The_report_of_the_article_s_experiment_reads_like_this()
    {
        RunResult run = Run(ArticleSample(10), ArticleSample(60), ArticleSample(61));
        run = run with { Logs = ["a log line"], Notes = ["a note"] };
        string expected = $"""
            backlog: a backlog of 5 and 9 clients, nobody accepts
            on linux-el6, seed 1

            at 10 s: server 6 ESTABLISHED + 3 SYN_RECV; client nothing
              $ netstat -nt | grep 6666
              {ArticleTable.Replace("\n", "\n  ", StringComparison.Ordinal)}
              port 6666: accept queue 6, limit 5; 3 in SYN_RECV

            at 60 s: server 6 ESTABLISHED + 3 SYN_RECV; client nothing
              $ netstat -nt | grep 6666      (as at 10 s)
              port 6666: accept queue 6, limit 5; 3 in SYN_RECV

            at 61 s: server 6 ESTABLISHED + 3 SYN_RECV; client nothing
              $ netstat -nt | grep 6666      (as at 10 s)
              port 6666: accept queue 6, limit 5; 3 in SYN_RECV

            the clients' view
              client  connect() at  returned at  result
              1       0 s           0 s          connected
              2       0 s           63 s         ETIMEDOUT
              3       63 s          -            still waits

            counters, since just before listen()
                                     10 s  60 s  61 s
              TcpExtListenDrops         6     6     6
              TcpExtListenOverflows     6     6     6

            why
              a sentence.

            kernel log
              a log line

            notes
              a note

            """;
        Assert.Equal(expected, Report.Text(run));
    }

    [Fact]
    public void Rows_without_the_port_are_left_out_as_grep_leaves_them_out() =>
        Assert.False(NetstatView.Matches(
            new TableRow(0, 0, "127.0.0.1:22", "127.0.0.1:40000", "ESTABLISHED", true), 6666));

    [Fact]
    public void Two_targets_stand_side_by_side()
    {
        RunResult el6 = Run(ArticleSample(10));
        RunResult modern = Run(Sample(10, [.. Rows("ESTABLISHED", 1, 2)])) with { Target = "linux-6.18" };
        Assert.Equal(
            [
                "at    linux-el6                                          linux-6.18",
                "10 s  server 6 ESTABLISHED + 3 SYN_RECV; client nothing  server 2 ESTABLISHED; client nothing",
            ],
            Report.SideBySide([el6, modern]));
    }

    [Fact]
    public void An_outcome_is_written_as_the_fact_sheets_write_it()
    {
        TableRow waiting = new(0, 1, "127.0.0.1:5", "127.0.0.1:6666", "SYN_SENT", IsServer: false);
        RunResult run = Run(
            Sample(10, [.. Rows("ESTABLISHED", 1, 2), .. Rows("SYN_RECV", 3), waiting]), Sample(200, []));
        Assert.Equal("2+1 S", Outcome.Of(run, run.Samples[0]));
        Assert.Equal("0+0 F1", Outcome.Of(run, run.Samples[1]));
    }

    [Fact]
    public void The_JSON_document_has_the_shape_that_is_promised()
    {
        RunResult run = Run(ArticleSample(0.1)) with { Packets = [Packet(1, 0.000006, "SA", fromClient: false)] };
        string json = RunResultJson.Write(run);
        using var document = JsonDocument.Parse(json);
        JsonElement root = document.RootElement;
        Assert.Equal(1, root.GetProperty("schema").GetInt32());
        Assert.Equal("backlog", root.GetProperty("plan").GetString());
        Assert.Equal("linux-el6", root.GetProperty("target").GetString());
        Assert.Equal(1, root.GetProperty("seed").GetInt32());
        JsonElement sample = root.GetProperty("samples")[0];
        Assert.Equal(0.1, sample.GetProperty("at").GetDouble());
        Assert.Equal(6, sample.GetProperty("server").GetProperty("ESTABLISHED").GetInt32());
        Assert.Equal(3, sample.GetProperty("server").GetProperty("SYN_RECV").GetInt32());
        Assert.Equal(
            """{"port":6666,"accept":6,"limit":5,"synRecv":3}""",
            JsonSerializer.Serialize(sample.GetProperty("queues")[0]));
        Assert.Equal(6, sample.GetProperty("counters").GetProperty("TcpExtListenOverflows").GetInt64());
        Assert.Equal(
            """{"recvQ":0,"sendQ":0,"local":"127.0.0.1:6666","remote":"127.0.0.1:57636","""
            + """
            "state":"SYN_RECV","side":"server"}
            """,
            JsonSerializer.Serialize(sample.GetProperty("table")[0]));
        Assert.Equal(JsonValueKind.Null, root.GetProperty("connects")[0].GetProperty("errno").ValueKind);
        Assert.Equal("ETIMEDOUT", root.GetProperty("connects")[1].GetProperty("errno").GetString());
        Assert.Equal(JsonValueKind.Null, root.GetProperty("connects")[2].GetProperty("returned").ValueKind);
        Assert.Equal("a sentence.", root.GetProperty("why")[0].GetString());
        Assert.Contains("\"returned\": 0.0,", json, StringComparison.Ordinal);
        Assert.Contains("\"time\": 0.000006,", json, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_runs_are_one_array()
    {
        using var document = JsonDocument.Parse(RunResultJson.Write([Run(ArticleSample()), Run(ArticleSample())]));
        Assert.Equal(2, document.RootElement.GetArrayLength());
    }
}
