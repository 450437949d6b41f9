using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using Earshot.Tests;
using Xunit;

namespace Earshot.Api.Tests;

/// <summary>A change of what a library shows is made knowingly: it shows in the diff of PublicApi/.</summary>
public sealed class PublicApiTests
{
    private static readonly string Listings = Path.Combine(RepositoryRoot.Path, "PublicApi");

    [Theory]
    [InlineData("Earshot.Core")]
    [InlineData("Earshot.Links")]
    [InlineData("Earshot.Sockets")]
    [InlineData("Earshot.Kestrel")]
    [InlineData("Earshot.Simulation")]
    [InlineData("Earshot.Lab")]
    public void The_public_surface_is_the_one_that_was_accepted(string library)
    {
        string path = Path.Combine(Listings, $"{library}.txt");
        IReadOnlyList<string> surface = PublicSurface.Of(Assembly.Load(library));
        if (Environment.GetEnvironmentVariable("EARSHOT_ACCEPT_API") == "1")
        {
            Directory.CreateDirectory(Listings);
            File.WriteAllText(path, string.Concat(surface.Select(line => line + "\n")));
        }

        const string advice = "If that is meant, run ./test --accept-api and commit the change.";
        Assert.True(File.Exists(path), $"There is no PublicApi/{library}.txt. {advice}");
        string[] accepted = File.ReadAllLines(path);
        Assert.True(
            accepted.SequenceEqual(surface),
            $"{library} shows not what PublicApi/{library}.txt has:\n{Difference(accepted, surface)}{advice}");
    }

    // Lines are unique within their type only, so a difference is told with the type it is in.
    private static string Difference(IReadOnlyList<string> accepted, IReadOnlyList<string> surface)
    {
        var before = Qualified(accepted).ToHashSet();
        var now = Qualified(surface).ToHashSet();
        var gone = before.Except(now).Select(line => $"  - {line}");
        var lines = gone.Concat(now.Except(before).Select(line => $"  + {line}"));
        string list = string.Concat(lines.Take(40).Select(line => line + "\n"));
        return list == "" ? "  (only the order of lines)\n" : list;
    }

    private static IEnumerable<string> Qualified(IEnumerable<string> lines)
    {
        string type = "";
        foreach (string line in lines)
        {
            type = line.StartsWith(' ') ? type : line;
            yield return line.StartsWith(' ') ? $"{type} {{ {line.Trim()} }}" : line;
        }
    }
}
