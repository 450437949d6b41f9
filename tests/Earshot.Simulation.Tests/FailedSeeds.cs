using System.Collections.Generic;

namespace Earshot.Simulation.Tests;

/// <summary>Seeds that once failed. They are run first, always; a seed is never taken out of the list.</summary>
internal static class FailedSeeds
{
    private static readonly (string Test, ulong Seed, string Found)[] List =
    [
        ("With_abort_on_overflow_the_books_balance_too", 2972,
            "a late copy of a SYN made a request while its client's connection, reset, was still in the queue"),
    ];

    /// <summary>The seeds of one test, in the order in which they were found.</summary>
    internal static IEnumerable<ulong> Of(string test)
    {
        foreach ((string name, ulong seed, _) in List)
        {
            if (name == test)
            {
                yield return seed;
            }
        }
    }
}
