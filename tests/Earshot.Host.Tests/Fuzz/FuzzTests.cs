using System.Linq;
using Earshot.Lab.Fuzz;
using Earshot.Tests;
using Xunit;

namespace Earshot.Host.Tests.Fuzz;

/// <summary>Random sequences on the stack and on the host kernel: what calls return, what packets say, sockets and
/// counters after each step.</summary>
public sealed class FuzzTests
{
    [RootFact]
    public void A_hundred_random_sequences_show_no_difference_between_stack_and_kernel() => Compare(1, 100);

    [SlowFact(Needs = Needs.Root)]
    public void A_thousand_more_show_none() => Compare(1_000_000, 1000);

    private static void Compare(ulong seed, int sequences)
    {
        FuzzReport report = Fuzzer.Run(new FuzzOptions { Seed = seed, Sequences = sequences });
        Assert.True(
            report.Findings.Count == 0,
            string.Join('\n', report.Findings.Select(f => $"seed {f.Seed}\n{f.Steps}\n{f.Difference}")));

        // Sequences that hang on a timer's moment are left out: the others have to be the most.
        Assert.True(report.Compared > sequences / 2, $"{report.Compared} of {sequences} were compared");
        Assert.Equal(report.Compared, report.Passed);
    }
}
