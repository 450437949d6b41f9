using System;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Tests;
using Xunit;

namespace Earshot.Cli.Tests;

public sealed class LabVerbTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("earshot-lab-");

    [Fact]
    public async Task Lab_shows_the_article_under_two_kernels_with_reasons()
    {
        CommandRun run = await CommandRun.OfAsync("lab");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("linux-el6", run.Out);
        Assert.Contains("linux-6.18", run.Out);
        Assert.Contains("server 6 ESTABLISHED + 3 SYN_RECV", run.Out);
        Assert.Contains("ETIMEDOUT after 13", run.Out);
        Assert.Contains("more than the backlog of 5", run.Out);
        Assert.Equal("", run.Error);
    }

    [Fact]
    public async Task A_run_is_one_document()
    {
        CommandRun run = await CommandRun.OfAsync("lab run backlog --profile linux-el6 --json");
        using JsonDocument document = JsonDocument.Parse(run.Out);
        JsonElement root = document.RootElement;
        Assert.Equal("linux-el6", root.GetProperty("target").GetString());
        JsonElement[] samples = [.. root.GetProperty("samples").EnumerateArray()];
        Assert.Equal([(0.1, 6, 2), (10, 6, 3), (200, 6, 0)], samples
            .Select(sample => (sample.GetProperty("at").GetDouble(), sample.GetProperty("server")))
            .Where(sample => sample.Item1 is 0.1 or 10 or 200)
            .Select(sample => (sample.Item1, Count(sample.Item2, "ESTABLISHED"), Count(sample.Item2, "SYN_RECV"))));
        Assert.Equal(1, Count(samples[0].GetProperty("client"), "SYN_SENT"));
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_text_and_another_one_another()
    {
        CommandRun one = await CommandRun.OfAsync("lab run backlog --seed 7");
        Assert.Equal(one, await CommandRun.OfAsync("lab run backlog --seed 7"));
        Assert.NotEqual(one.Out, (await CommandRun.OfAsync("lab run backlog --seed 8")).Out);
    }

    [RootFact("ip")]
    public async Task Rules_are_told_of_one_compared_plan_too()
    {
        CommandRun run = await CommandRun.OfAsync("lab compare backlog-huge --rules");
        Assert.True(run.ExitCode == 0, run.Out + run.Error);
        Assert.Contains("ListenStarted", run.Out);
        Assert.Contains("backlog-huge: no difference", run.Out);
    }

    [Fact]
    public async Task Many_seeds_become_a_summary()
    {
        CommandRun text = await CommandRun.OfAsync("lab run backlog --profile linux-el6 --seeds 30");
        Assert.Contains("30 seeds", text.Out);
        Assert.Contains("client 9: connected after 1 s", text.Out);
        CommandRun json = await CommandRun.OfAsync("lab run backlog --profile linux-el6 --seeds 30 --json");
        using JsonDocument document = JsonDocument.Parse(json.Out);
        Assert.Equal(30, document.RootElement.GetProperty("seeds").GetInt32());
    }

    [Fact]
    public async Task One_moment_can_be_chosen()
    {
        CommandRun run = await CommandRun.OfAsync("lab run backlog --at 2.25 --json");
        using JsonDocument document = JsonDocument.Parse(run.Out);
        JsonElement sample = Assert.Single(document.RootElement.GetProperty("samples").EnumerateArray());
        Assert.Equal(2.25, sample.GetProperty("at").GetDouble());
    }

    [Fact]
    public async Task A_capture_is_written()
    {
        string path = Path.Combine(_folder.FullName, "out.pcapng");
        Assert.Equal(0, (await CommandRun.OfAsync($"lab run backlog --pcap {path}")).ExitCode);
        string bytes = System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(path));
        Assert.StartsWith("\n\r\r\n", bytes);
        Assert.Contains("more than the backlog of 5", bytes);
    }

    [Fact]
    public async Task A_capture_that_cannot_be_made_ends_with_3()
    {
        CommandRun run = await CommandRun.OfAsync($"lab run backlog --pcap {_folder.FullName}/none/out.pcapng");
        Assert.Equal(3, run.ExitCode);
        Assert.Contains("--pcap", run.Error);
        Assert.Equal("", run.Out);
    }

    [Fact]
    public async Task A_plan_file_with_an_error_is_told_with_its_line_and_ends_with_2()
    {
        string path = Path.Combine(_folder.FullName, "bad.plan");
        await File.WriteAllTextAsync(path, "name = bad\nthis is no line of a plan\n");
        CommandRun run = await CommandRun.OfAsync($"lab run {path}");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains($"{path}:2: ", run.Error);
    }

    [Fact]
    public async Task A_plan_that_cannot_be_carried_out_ends_with_4()
    {
        string path = Path.Combine(_folder.FullName, "impossible.plan");
        await File.WriteAllTextAsync(
            path,
            "name = impossible\ntitle = no kernel has this\nlook = 0.1\n[host]\nnet.ipv4.tcp_magic = 1\n"
            + "[listen]\naddress = 127.0.0.1\nport = 6666\nbacklog = 5\n"
            + "[clients]\naddress = localhost\nport = 6666\ncount = 1\nmode = one-after-another\n");
        CommandRun run = await CommandRun.OfAsync($"lab run {path}");
        Assert.Equal(4, run.ExitCode);
        Assert.Contains("net.ipv4.tcp_magic", run.Error);
    }

    [Fact]
    public async Task A_long_run_can_be_ended()
    {
        using var end = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        CommandRun run = await CommandRun.OfAsync("lab run backlog --seeds 1000000", end.Token);
        Assert.Equal(4, run.ExitCode);
        Assert.Contains("ended early", run.Error);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static int Count(JsonElement states, string state) =>
        states.TryGetProperty(state, out JsonElement count) ? count.GetInt32() : 0;
}
