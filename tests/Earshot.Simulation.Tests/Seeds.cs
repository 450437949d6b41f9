using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Threading.Tasks;
using Xunit.Sdk;

namespace Earshot.Simulation.Tests;

/// <summary>Runs one simulation for many seeds, and says of a failure which command repeats it.</summary>
/// <remarks>
/// EARSHOT_SEED=N runs that seed alone; EARSHOT_SEEDS=N runs the seeds 1 to N in place of a test's own number. The
/// seeds of
/// <see cref="FailedSeeds"/> are always run, before all others. Each world is one thread's; worlds run side by side.
/// </remarks>
internal static class Seeds
{
    private const string OneSeed = "EARSHOT_SEED";
    private const string SeedCount = "EARSHOT_SEEDS";

    /// <summary>Runs the seeds 1 to count.</summary>
    /// <param name="count">How many.</param>
    /// <param name="simulate">Runs one; throws when something is wrong.</param>
    /// <param name="test">The test that calls.</param>
    internal static void Run(int count, Action<ulong> simulate, [CallerMemberName] string test = "")
    {
        if (ulong.TryParse(Environment.GetEnvironmentVariable(OneSeed), out ulong only))
        {
            Repeatable(only, simulate, test);
            return;
        }

        if (int.TryParse(Environment.GetEnvironmentVariable(SeedCount), out int more) && more > 0)
        {
            count = more;
        }

        ulong[] seeds = [.. FailedSeeds.Of(test).Concat(Enumerable.Range(1, count).Select(i => (ulong)i)).Distinct()];
        var failures = new SortedDictionary<int, Exception>();
        Parallel.For(0, seeds.Length, Options, (i, state) =>
        {
            try
            {
                Repeatable(seeds[i], simulate, test);
            }
            catch (XunitException failure)
            {
                lock (failures)
                {
                    failures.Add(i, failure);
                }

                // Lower seeds that are running finish, so the seed named is the lowest of those that were started.
                state.Break();
            }
        });
        if (failures.Count > 0)
        {
            throw failures.First().Value;
        }
    }

    /// <summary>Runs one seed; what it throws comes out with the command that repeats it.</summary>
    internal static void Repeatable(ulong seed, Action<ulong> simulate, string test)
    {
        try
        {
            simulate(seed);
        }
        catch (Exception failure)
        {
            throw new XunitException(
                $"seed {seed}: {failure.Message}\nRepeat it at commit {Commit} with:\n  {Command(seed, test)}\n",
                failure);
        }
    }

    private static ParallelOptions Options => new() { MaxDegreeOfParallelism = Environment.ProcessorCount };

    private static string Command(ulong seed, string test) =>
        $"{OneSeed}={seed} dotnet test -c Release tests/Earshot.Simulation.Tests --filter FullyQualifiedName~{test}";

    private static string Commit
    {
        get
        {
            string version = typeof(World).Assembly
                .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
            int plus = version.IndexOf('+', StringComparison.Ordinal);
            return plus < 0 ? "unknown" : version[(plus + 1)..];
        }
    }
}
