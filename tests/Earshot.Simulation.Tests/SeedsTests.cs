using System;
using System.Collections.Concurrent;
using System.Linq;
using Xunit;
using Xunit.Sdk;

namespace Earshot.Simulation.Tests;

public sealed class SeedsTests
{
    [Fact]
    public void A_failing_seed_prints_the_one_command_that_repeats_it()
    {
        XunitException failure = Assert.ThrowsAny<XunitException>(() => Seeds.Repeatable(
            17, _ => throw new SimulationException("a byte is not the one that was sent"), "Some_test"));
        string[] lines = failure.Message.Split('\n');

        Assert.Contains("seed 17: a byte is not the one that was sent", lines);
        string command = Assert.Single(lines, line => line.Contains("dotnet test", StringComparison.Ordinal));
        Assert.Equal(
            "EARSHOT_SEED=17 dotnet test -c Release tests/Earshot.Simulation.Tests " +
            "--filter FullyQualifiedName~Some_test",
            command.Trim());
        Assert.Contains(lines, line => line.StartsWith("Repeat it at commit ", StringComparison.Ordinal));
    }

    [Fact]
    public void Every_seed_is_run_once()
    {
        var seen = new ConcurrentBag<ulong>();
        Seeds.Run(100, seen.Add);

        int expected = Environment.GetEnvironmentVariable("EARSHOT_SEED") is not null ? 1
            : int.TryParse(Environment.GetEnvironmentVariable("EARSHOT_SEEDS"), out int set) ? set : 100;
        Assert.Equal(expected, seen.Count);
        Assert.Equal(expected, seen.Distinct().Count());
    }
}
