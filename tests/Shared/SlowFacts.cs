using System;
using System.Globalization;
using System.IO;
using System.Runtime.CompilerServices;
using Xunit;
using Xunit.Sdk;

namespace Earshot.Tests;

/// <summary>
/// A slow test: it carries the trait Speed=slow, and runs always under <c>./test --all</c>, otherwise when it is in the
/// tenth the seed chose.
/// </summary>
/// <remarks>
/// xunit's own discoverer makes the trait of the first two constructor arguments, which is why they are arguments; the
/// compiler fills in the last two. Nobody writes any of the four.
/// </remarks>
[TraitDiscoverer("Xunit.Sdk.TraitDiscoverer", "xunit.core")]
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SlowFactAttribute(
    string trait = "Speed",
    string value = "slow",
    [CallerMemberName] string member = "",
    [CallerFilePath] string file = "") : FactAttribute, ITraitAttribute
{
    /// <summary>What it asks of the machine besides time.</summary>
    public Needs Needs { get; set; }

    /// <summary>The programs it calls, separated by blanks.</summary>
    public string? Tools { get; set; }

    /// <inheritdoc/>
    public override string? Skip
    {
        get => base.Skip ?? SlowTests.SkipReason($"{trait}={value}", file, member) ?? Host.Missing(Needs, Tools);
        set => base.Skip = value;
    }
}

/// <summary>A slow theory: as <see cref="SlowFactAttribute"/>, chosen or not with all its rows.</summary>
[TraitDiscoverer("Xunit.Sdk.TraitDiscoverer", "xunit.core")]
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SlowTheoryAttribute(
    string trait = "Speed",
    string value = "slow",
    [CallerMemberName] string member = "",
    [CallerFilePath] string file = "") : TheoryAttribute, ITraitAttribute
{
    /// <summary>What it asks of the machine besides time.</summary>
    public Needs Needs { get; set; }

    /// <summary>The programs it calls, separated by blanks.</summary>
    public string? Tools { get; set; }

    /// <inheritdoc/>
    public override string? Skip
    {
        get => base.Skip ?? SlowTests.SkipReason($"{trait}={value}", file, member) ?? Host.Missing(Needs, Tools);
        set => base.Skip = value;
    }
}

/// <summary>Chooses the slow tests, as <c>./test</c> says in EARSHOT_SLOW (all, tenth) and EARSHOT_SLOW_SEED.</summary>
internal static class SlowTests
{
    private const int OneIn = 10;

    /// <summary>Why the slow test is not run this time; null when it is.</summary>
    public static string? SkipReason(string trait, string file, string member)
    {
        if (Environment.GetEnvironmentVariable("EARSHOT_SLOW") == "all")
        {
            return null;
        }

        string seed = Environment.GetEnvironmentVariable("EARSHOT_SLOW_SEED") ?? "1";
        string name = $"{Path.GetFileNameWithoutExtension(file)}.{member}";
        return IsChosen(name, ulong.Parse(seed, CultureInfo.InvariantCulture))
            ? null
            : $"{trait}: not in the tenth that seed {seed} chose (./test --all runs it)";
    }

    /// <summary>Whether the seed's tenth has the test: FNV-1a over seed and name, mixed.</summary>
    public static bool IsChosen(string name, ulong seed)
    {
        ulong hash = 14695981039346656037;
        foreach (char c in $"{seed}:{name}")
        {
            hash = (hash ^ c) * 1099511628211;
        }

        hash = (hash ^ (hash >> 32)) * 0x9E3779B97F4A7C15;
        return (hash >> 32) % OneIn == 0;
    }
}
