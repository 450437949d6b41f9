using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Earshot.Lab.Sizing;
using Earshot.Monitor.Sizing;
using Earshot.Monitor.Tests.Incidents;
using Earshot.Tests;
using Xunit;
using Xunit.Abstractions;

namespace Earshot.Monitor.Tests.Sizing;

/// <summary>What a backlog would have done, told from a recording, is what it does.</summary>
public sealed class SizeTests(ITestOutputHelper output)
{
    [RootTheory("ip ss python3 dotnet")]
    [InlineData("one-burst", 20)]
    [InlineData("bursts", 10)]
    [InlineData("growing", 25)]
    [InlineData("slow", 15)]
    [InlineData("pause", 30)]
    public async Task Drops_of_a_smaller_backlog_are_told_from_a_recording_with_a_larger(
        string pattern, int backlog)
    {
        const double within = 0.2;
        int told, measured, tries = 0;
        do
        {
            // The two must meet the same load: a machine busy otherwise may hold up one of them. Three in a row are
            // ours.
            ArrivalRecord roomy = await RecordAsync(pattern, 1000);
            ArrivalRecord tight = await RecordAsync(pattern, backlog);
            (told, measured) = (QueueReplay.Run(roomy, backlog).Refused, tight.Refused);
            output.WriteLine($"{pattern}, backlog {backlog}: told {told}, measured {measured}");
            Assert.Equal(0, roomy.Refused);
            Assert.True(measured > 0, "the load is too small for the backlog");
        }
        while (Math.Abs(told - measured) > within * measured && ++tries < 3);

        Assert.InRange(told, (1 - within) * measured, (1 + within) * measured);
    }

    [Fact]
    public void A_burst_needs_a_backlog_one_below_its_size()
    {
        SizeAdvice advice = SizeAdvice.For(
            new ArrivalRecord("x:1", 128, TimeSpan.FromSeconds(1), [Tick(0, 50, 0, 50), Tick(20, 0, 50, 0)], true), 0);

        Assert.True(advice.Cure);
        Assert.Equal(49, advice.Smallest);
    }

    [Fact]
    public void More_arrivals_than_accepts_are_no_matter_of_backlog()
    {
        var ticks = Enumerable.Range(0, 400).Select(i => Tick(i * 5, i % 2, i % 4 == 0 ? 1 : 0, 1 + (i / 4))).ToList();

        SizeAdvice advice = SizeAdvice.For(new ArrivalRecord("x:1", 10, TimeSpan.FromSeconds(2), ticks, true), 0);

        Assert.False(advice.Cure);
        Assert.Contains("faster than they are accepted", advice.Why);
    }

    [Fact]
    public void A_SYN_sent_again_is_not_another_client()
    {
        var record = new ArrivalRecord(
            "x:1", 4, TimeSpan.FromSeconds(2),
            [
                new ArrivalTick(TimeSpan.Zero, 5, 0, 3, 5),
                new ArrivalTick(TimeSpan.FromMilliseconds(1015), 3, 3, 0, 0),
            ],
            true);

        Assert.Equal(8, record.FirstAttempts().Count);
    }

    private static ArrivalTick Tick(int at, int entered, int left, int queue) =>
        new(TimeSpan.FromMilliseconds(at), entered, left, 0, queue);

    private static async Task<ArrivalRecord> RecordAsync(string pattern, int backlog)
    {
        using var bed = new Bed();
        string script = Path.Combine(AppContext.BaseDirectory, "Incidents", "load.py");
        using Process load = Process.Start(new ProcessStartInfo(
            "ip", $"netns exec {bed.Name} {Bed.Interpreter} {script} 7700 {backlog} {pattern}")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        Assert.Equal("listening", await load.StandardOutput.ReadLineAsync());
        string file = Path.Combine(bed.Folder, "arrivals.json");
        using Process recorder = Process.Start(new ProcessStartInfo(
            "ip", $"netns exec {bed.Name} dotnet {Bed.Command} size 7700 --for 8s --save {file} --json")
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        Assert.Contains("recording", await recorder.StandardError.ReadLineAsync());
        await load.StandardInput.WriteLineAsync("go");
        Assert.Equal("done", await load.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60)));
        await recorder.StandardOutput.ReadToEndAsync();
        await recorder.WaitForExitAsync();
        load.StandardInput.Close();
        await load.WaitForExitAsync();
        return System.Text.Json.JsonSerializer.Deserialize<ArrivalRecord>(
            await File.ReadAllTextAsync(file), Earshot.Monitor.Reports.MonitorJson.Compact)!;
    }
}
