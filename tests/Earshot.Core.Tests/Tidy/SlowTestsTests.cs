using System.Linq;
using Earshot.Tests;
using Xunit;

namespace Earshot.Core.Tests.Tidy;

/// <summary>The choice of slow tests, which every test project shares.</summary>
public sealed class SlowTestsTests
{
    [Fact]
    public void A_seed_chooses_about_a_tenth()
    {
        int chosen = Enumerable.Range(0, 1000).Count(i => SlowTests.IsChosen($"Some.Test_{i}", 20261122));
        Assert.InRange(chosen, 60, 140);
    }

    [Fact]
    public void Over_a_hundred_days_every_test_gets_its_turn()
    {
        var neverChosen = Enumerable.Range(0, 100)
            .Where(i => !Enumerable.Range(20260101, 100).Any(day => SlowTests.IsChosen($"Some.Test_{i}", (ulong)day)));
        Assert.Empty(neverChosen);
    }

    [SlowFact]
    public void A_slow_test_is_run_when_it_is_chosen() =>
        Assert.Null(SlowTests.SkipReason("", "SlowTestsTests.cs", nameof(A_slow_test_is_run_when_it_is_chosen)));
}
