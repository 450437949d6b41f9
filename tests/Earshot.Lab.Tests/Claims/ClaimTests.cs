using System.Linq;
using Earshot.Lab.Claims;
using Earshot.Tests;
using Xunit;

namespace Earshot.Lab.Tests.Claims;

public sealed class ClaimTests
{
    [Fact]
    public void There_are_49_claims_of_five_articles_in_the_sheet_s_order()
    {
        Assert.Equal(Enumerable.Range(1, 49), ClaimCatalog.All.Select(claim => claim.Number));
        Assert.Equal(
            [("1", 16), ("2", 6), ("3", 10), ("4", 12), ("5", 5)],
            ClaimCatalog.All.GroupBy(claim => claim.Article[..1]).Select(group => (group.Key, group.Count())));
    }

    [Fact]
    public void Every_claim_that_an_experiment_can_decide_says_what_it_should_show() => Assert.All(
        ClaimCatalog.All, claim => Assert.Equal(claim.Judgement == Judgement.Prose, claim.Expected is null));

    [Fact]
    public void Every_judgement_on_the_stack_is_confirmed()
    {
        // 30 to 32 and 37 ask the host; the test below does.
        int[] host = [30, 31, 32, 37];
        ClaimResult[] results =
            [.. ClaimCatalog.Run(ClaimCatalog.All.Where(claim => !host.Contains(claim.Number)))];
        Assert.Empty(results.Where(result => !result.Confirms || result.Skipped)
            .Select(result => $"{result.Claim.Number}: {result.Measured} instead of {result.Claim.Expected}"));
    }

    [SlowFact(Needs = Needs.Root, Tools = "g++")]
    public void A_compiled_Boost_acceptor_makes_the_errors_that_are_its_own()
    {
        int[] host = [30, 31, 32];
        Assert.All(
            ClaimCatalog.Run(ClaimCatalog.All.Where(claim => host.Contains(claim.Number))),
            result => Assert.True(result.Confirms, result.Measured));
    }

    [SlowFact]
    public void One_listener_and_a_group_of_them_are_raced_and_only_reported()
    {
        ClaimResult result = Assert.Single(ClaimCatalog.Run(ClaimCatalog.All.Where(claim => claim.Number == 37)));
        Assert.True(result.Confirms);
        Assert.Contains("a single measurement decides nothing", result.Measured);
    }

    [Fact]
    public void A_judgement_that_the_experiment_does_not_show_is_not_confirmed()
    {
        Claim claim = ClaimCatalog.All[0] with { Measure = () => "something else" };
        Assert.False(Assert.Single(ClaimCatalog.Run([claim])).Confirms);
    }
}
