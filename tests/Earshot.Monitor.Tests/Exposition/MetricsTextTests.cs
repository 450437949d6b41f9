using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading.Tasks;
using Earshot.Monitor.Exposition;
using Earshot.Monitor.Reading;
using Earshot.Monitor.Tests.Incidents;
using Earshot.Monitor.Verdicts;
using Earshot.Tests;
using Xunit;

namespace Earshot.Monitor.Tests.Exposition;

/// <summary>The text that Prometheus reads.</summary>
public sealed class MetricsTextTests
{
    [Fact]
    public void What_is_not_known_is_left_out_and_never_zero()
    {
        string text = Write(MetricsFormat.Prometheus, Value(drops: null, synRecv: null));

        Assert.DoesNotContain("earshot_listener_drops_total{", text);
        Assert.DoesNotContain("earshot_listener_syn_recv{", text);
        Assert.Contains("earshot_listener_accept_queue_length{netns=\"host\",family=\"inet\",address=\"0.0.0.0\","
            + "port=\"80\"} 3\n", text);
    }

    [Fact]
    public void A_counter_is_named_as_each_format_wants_it()
    {
        Assert.Contains("# TYPE earshot_listener_drops_total counter\n", Write(MetricsFormat.Prometheus, Value()));
        string open = Write(MetricsFormat.OpenMetrics, Value());
        Assert.Contains("# TYPE earshot_listener_drops counter\n", open);
        Assert.Contains("earshot_listener_drops_total{", open);
        Assert.EndsWith("# EOF\n", open);
    }

    [Fact]
    public void A_name_that_tries_to_end_its_label_does_not()
    {
        string text = Write(MetricsFormat.Prometheus, Value() with { Process = "x\"} 9\nevil 1\\" }, withProcess: true);

        Assert.Contains("process=\"x\\\"} 9\\nevil 1\\\\\"} 3\n", text);
        Assert.DoesNotContain("\nevil", text);
    }

    [Fact]
    public void Every_rule_has_a_series_that_is_0_or_1()
    {
        string text = Write(MetricsFormat.Prometheus, Value());

        Assert.All(RuleNames.All, rule => Assert.Contains($"earshot_verdict{{code=\"{rule}\"}} ", text));
        Assert.Contains("earshot_verdict{code=\"accept-burst\"} 1\n", text);
    }

    [RootFact("ip ss python3 promtool dotnet")]
    public async Task Promtool_accepts_the_text_though_a_process_tries_label_injection()
    {
        using var bed = new Bed();
        await bed.NamedAsync("a\"} 1\nb\e[31m<i>", "127.0.0.1", 7400, 7);

        string text = Bed.Run(
            "ip", $"netns exec {bed.Name} dotnet {Bed.Command} export --once --process-label");

        Assert.Contains("port=\"7400\",process=\"a\\\"} 1\\\\x0ab\\\\x1b[31m<i>\"} 7\n", text);
        Assert.DoesNotContain('\e', text);
        string checkedBy = await PromtoolAsync("check metrics", text);
        Assert.Equal("", checkedBy);
    }

    private static async Task<string> PromtoolAsync(string arguments, string input)
    {
        using Process process = Process.Start(new ProcessStartInfo("promtool", arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        string said = await process.StandardOutput.ReadToEndAsync() + await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? "" : said;
    }

    private static SeriesValue Value(ulong? drops = 7, long? synRecv = 0) => new()
    {
        Key = new SeriesKey("host", "inet", "0.0.0.0", 80),
        Members = 1,
        Queue = 3,
        Limit = 4,
        Peak = 5,
        SynRecv = synRecv,
        Drops = drops,
        Verdicts = ["accept-burst"],
    };

    private static string Write(MetricsFormat format, SeriesValue value, bool withProcess = false) => MetricsText.Write(
        new MetricsSnapshot
        {
            Time = DateTimeOffset.UnixEpoch,
            Listeners = [value],
            Omitted = 0,
            CostSeconds = 0.5,
            AgeSeconds = 1,
            Unknown = 0,
            Verdicts = new HashSet<string> { "accept-burst" },
            Namespaces =
            [
                ("host", new Dictionary<string, long> { [Names.ListenDrops] = 7 },
                    new Dictionary<string, long> { [Names.Somaxconn] = 4096 }),
            ],
        },
        format, withProcess);
}
