using System.Linq;
using System.Text.Json;
using Earshot.Lab.Experiments;
using Xunit;
using static Earshot.Lab.Tests.Runs;

namespace Earshot.Lab.Tests.Experiments;

public sealed class SeedSummaryTests
{
    private static SeedSummary Three()
    {
        RunResult more = Run(ArticleSample(10));
        RunResult less = Run(Sample(10, [.. Rows("ESTABLISHED", 1, 2)]));
        var summary = new SeedSummary(more.Plan, "linux-el6");
        summary.Add(more);
        summary.Add(less);
        summary.Add(more);
        return summary;
    }

    [Fact]
    public void The_most_frequent_outcome_comes_first() =>
        Assert.Equal([new OutcomeCount("6+3", 2), new OutcomeCount("2+0", 1)], Three().Looks[0]);

    [Fact]
    public void Each_client_s_fate_is_counted_to_a_tenth_of_a_second() =>
        Assert.Equal(
            ["connected after 0 s", "ETIMEDOUT after 63 s", "still waits"],
            Three().Clients.OrderBy(c => c.Key).Select(c => Assert.Single(c.Value).What));

    [Fact]
    public void The_lines_give_shares() =>
        Assert.Equal(
            [
                "backlog on linux-el6, 3 seeds",
                "  at 10 s: 6+3 66.7 %, 2+0 33.3 %",
                "  client 1: connected after 0 s 100.0 %",
            ],
            Three().Lines().Take(3));

    [Fact]
    public void The_JSON_document_gives_counts()
    {
        using var document = JsonDocument.Parse(Three().Json());
        JsonElement root = document.RootElement;
        Assert.Equal(3, root.GetProperty("seeds").GetInt32());
        Assert.Equal(10.0, root.GetProperty("looks")[0].GetProperty("at").GetDouble());
        Assert.Equal(2, root.GetProperty("looks")[0].GetProperty("outcomes").GetProperty("6+3").GetInt32());
        JsonElement second = root.GetProperty("clients")[1].GetProperty("outcomes");
        Assert.Equal(3, second.GetProperty("ETIMEDOUT after 63 s").GetInt32());
    }
}
