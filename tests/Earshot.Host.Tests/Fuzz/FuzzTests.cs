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

    [RootFact]
    public void Sixty_random_sequences_about_connections_show_none() => Compare(1, 60, established: true);

    private static void Compare(ulong seed, int sequences, bool established = false)
    {
        FuzzReport report = Fuzzer.Run(
            new FuzzOptions { Seed = seed, Sequences = sequences, Established = established });
        Assert.True(
            report.Findings.Count == 0,
            string.Join('\n', report.Findings.Select(f => $"seed {f.Seed}\n{f.Steps}\n{f.Difference}")));

        // What is behind a step that hangs on a timer's moment is left out: the rest has to be the most.
        Assert.Equal(sequences, report.Compared);
        Assert.True(report.Part > 0.5, $"{report.Part:P0} of the steps were compared");
        Assert.Equal(report.Compared, report.Passed + report.Unsteady);
    }
}
