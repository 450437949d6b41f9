using System.Collections.Generic;

namespace Earshot.Simulation.Tests;

/// <summary>Seeds that once failed. They are run first, always; a seed is never taken out of the list.</summary>
internal static class FailedSeeds
{
    private static readonly (string Test, ulong Seed, string Found)[] List =
    [
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
