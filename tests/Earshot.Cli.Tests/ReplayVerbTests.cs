using System;
using System.IO;
using System.Threading.Tasks;
using Xunit;

namespace Earshot.Cli.Tests;

public sealed class ReplayVerbTests : IDisposable
{
    // Ten seconds and a half of a machine on which nothing was to be seen.
    private const string Recording =
        """
        {"format":"earshot-record","version":1}
        {"time":"2026-11-22T10:00:00.2Z","spaces":[]}
        {"time":"2026-11-22T10:00:10.7Z","spaces":[]}

        """;

    private readonly string _file = Path.GetTempFileName();

    public ReplayVerbTests() => File.WriteAllText(_file, Recording);

    public void Dispose() => File.Delete(_file);

    [Theory]
    [InlineData("+99999")]
    [InlineData("+12")]
    [InlineData("2026-11-22T09:59:59Z")]
    [InlineData("2026-11-22T10:00:12Z")]
    [InlineData("9999-12-31")]
    public async Task A_moment_outside_of_the_recording_is_refused_with_its_span(string at)
    {
        CommandRun run = await CommandRun.OfAsync($"replay {_file} --at {at}");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(
            $"--at {at} is outside of the recording, which goes from 2026-11-22 10:00:00Z to 2026-11-22 10:00:10Z: "
            + "+0 to +10.5",
            run.Error);
        Assert.Equal("", run.Out);
    }

    [Theory]
    [InlineData("+NaN")]
    [InlineData("+Infinity")]
    [InlineData("+-1")]
    [InlineData("+")]
    [InlineData("soon")]
    public async Task What_is_no_moment_is_refused(string at)
    {
        CommandRun run = await CommandRun.OfAsync($"replay {_file} --at {at}");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains($"--at is '{at}', not a time and not +SECONDS", run.Error);
    }

    [Theory]
    [InlineData("+0")]
    [InlineData("+5.5")]
    [InlineData("+11")]
    [InlineData("2026-11-22T10:00:00Z")]
    [InlineData("2026-11-22T10:00:10Z")]
    public async Task A_moment_of_the_recording_is_shown_also_when_its_fraction_is_left_out(string at)
    {
        CommandRun run = await CommandRun.OfAsync($"replay {_file} --at {at}");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal("", run.Error);
    }
}
