using System.Threading.Tasks;
using Xunit;

namespace Earshot.Cli.Tests;

public sealed class SimVerbTests
{
    [Fact]
    public async Task Worlds_are_run_and_counted()
    {
        CommandRun run = await CommandRun.OfAsync("sim --seeds 3 --seed 3200 --show");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("3 worlds from seed 3200 on: 3 kept every rule, 0 did not", run.Out);
        Assert.Contains("seed 3201", run.Out);
    }

    [Theory]
    [InlineData("--seeds", "0")]
    [InlineData("--jobs", "0")]
    public async Task What_is_out_of_its_range_is_a_mistake_of_usage(string option, string value)
    {
        CommandRun run = await CommandRun.OfAsync($"sim {option} {value}");
        Assert.Equal(2, run.ExitCode);
    }
}
