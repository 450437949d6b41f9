using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using Earshot.Core.Tests.Tidy;
using Earshot.Tests;
using Xunit;

namespace Earshot.Core.Tests;

/// <summary>The conventions of the repository, read from its files. Each failure names file and line.</summary>
public sealed partial class TidyTests
{
    private const int MaxColumns = 120;
    private const int MaxFileLines = 500;
    private const int MaxMethodLines = 80;

    // Each project and which of ours it may use; a star is everything. A project that is not here may not exist.
    private static readonly Dictionary<string, string[]> MayUse = new()
    {
        ["Earshot.Core"] = [],
        ["Earshot.Links"] = [],
        ["Earshot.Simulation"] = ["Earshot.Core"],
        ["Earshot.Monitor"] = [],
        ["Earshot.Sockets"] = ["Earshot.Core", "Earshot.Links"],
        ["Earshot.Kestrel"] = ["Earshot.Sockets", "Microsoft.AspNetCore.App"],
        ["Earshot.Http"] = ["Earshot.Sockets"],
        ["Earshot.Native"] = ["Earshot.Core"],
        ["Earshot.Testing"] = ["Earshot.Sockets", "Earshot.Simulation"],
        ["Earshot.Lab"] = ["Earshot.Core", "Earshot.Simulation", "Earshot.Links", "Earshot.Monitor"],
        ["Earshot.Dashboard"] = ["Earshot.Lab", "Earshot.Monitor", "Earshot.Sockets", "Microsoft.AspNetCore.App"],
        ["Earshot.Cli"] = ["*"],
    };

    private static readonly string[] NativeProjects = ["Earshot.Links", "Earshot.Monitor", "Earshot.Lab"];

    private static readonly IReadOnlyList<SourceFile> All = SourceFile.Below(RepositoryRoot.Path, "");
    private static readonly IReadOnlyList<SourceFile> Source = CSharp("src/");
    private static readonly IReadOnlyList<SourceFile> Code = CSharp("src/", "tests/", "bench/");

    [Fact]
    public void Projects_use_only_what_the_design_lets_them_use()
    {
        var projects = All.Where(file => file.Path.StartsWith("src/") && file.Path.EndsWith(".csproj")).ToList();
        Assert.NotEmpty(projects);
        Nothing(projects.SelectMany(Uses));
    }

    [Fact]
    public void Folders_of_Core_use_only_what_the_design_lets_them_use() => Nothing(CoreFolders.Violations(Source));

    [Fact]
    public void Native_calls_are_declared_only_in_folders_named_Native() =>
        Nothing(Matches(Source.Where(file => !MayCallNative(file)), NativeImport(), "not in a Native folder"));

    [Fact]
    public void No_file_of_code_has_a_tab() => Nothing(Matches(Code, Tab(), "a tab"));

    [Fact]
    public void No_line_of_code_is_longer_than_120_columns() =>
        Nothing(Code.SelectMany(file => Lines(file, (line, _) =>
            line.Length > MaxColumns ? $"{line.Length} columns, at most {MaxColumns}" : null)));

    [Fact]
    public void Nothing_is_marked_as_unfinished() =>
        Nothing(Matches(All.Where(file => InCode(file.Path)), Unfinished(), "a mark of something unfinished"));

    [Fact]
    public void No_file_names_a_path_of_one_machine() =>
        Nothing(Matches(All.Where(file => !file.Path.EndsWith(".lock.json")), MachinePath(), "a path of one machine"));

    [Fact]
    public void No_source_file_is_longer_than_500_lines() =>
        Nothing(Source.Where(file => file.Lines.Length - 1 > MaxFileLines)
            .Select(file => file.At(MaxFileLines + 1, $"{file.Lines.Length - 1} lines, at most {MaxFileLines}")));

    [Fact]
    public void No_method_is_longer_than_80_lines()
    {
        var allowed = AllowedLongMethods();
        var tooLong = Source
            .SelectMany(file => MethodLengths.In(file.Text).Select(method => (file, method)))
            .Where(found => found.method.Length > MaxMethodLines).ToList();
        var unlisted = tooLong.Where(found => !allowed.ContainsKey($"{found.file.Path} {found.method.Name}"))
            .Select(found => found.file.At(
                found.method.Line, $"{found.method.Name} has {found.method.Length} lines, at most {MaxMethodLines}"));
        var stale = allowed.Where(entry => !tooLong.Any(found => $"{found.file.Path} {found.method.Name}" == entry.Key))
            .Select(entry => $"{entry.Value}: {entry.Key} is listed as long, and is not");
        Nothing(unlisted.Concat(stale));
    }

    [Fact]
    public void Every_Linux_name_in_a_comment_is_in_the_dictionary()
    {
        string map = TextOf("docs/linux-map.md");
        var known = Word().Matches(map).Select(match => match.Value).ToHashSet();
        Nothing(Source.SelectMany(file => Lines(file, (line, _) => LinuxName().Matches(line)
            .Select(match => match.Groups[1].Value).Where(name => !known.Contains(name))
            .Select(name => map == ""
                ? $"Linux: {name}, but there is no docs/linux-map.md"
                : $"Linux: {name} is not in docs/linux-map.md").FirstOrDefault())));
    }

    [Fact]
    public void Every_file_the_tour_names_exists()
    {
        const string tour = "docs/way-of-a-syn.md";
        var core = Source.Where(file => file.Path.StartsWith("src/Earshot.Core/")).ToList();
        if (!All.Any(file => file.Path == tour))
        {
            Nothing(Matches(core, LinuxName(), $"the code has stops of the tour, and there is no {tour}"));
            return;
        }

        Nothing(All.Where(file => file.Path == tour).SelectMany(file => Lines(file, (line, _) => CodeFile()
            .Matches(line).Select(match => match.Groups[1].Value)
            .Where(name => !Code.Any(code => $"/{code.Path}".EndsWith($"/{name}")))
            .Select(name => $"there is no file {name}").FirstOrDefault())));
    }

    [Fact]
    public void Every_decision_has_context_decision_and_consequences()
    {
        var decisions = All.Where(file => file.Path.StartsWith("docs/decisions/")).ToList();
        Assert.NotEmpty(decisions);
        var headings = new[] { "## Context", "## Decision", "## Consequences" };
        var incomplete = decisions.SelectMany(file => headings.Where(heading => !file.Lines.Contains(heading))
            .Select(heading => file.At(1, $"it has no heading '{heading}'")));
        var numbers = decisions.Select((file, i) => (file, expected: $"docs/decisions/{i + 1:0000}-"))
            .Where(pair => !pair.file.Path.StartsWith(pair.expected))
            .Select(pair => pair.file.At(1, $"decisions are numbered without gaps; expected {pair.expected}"));
        Nothing(incomplete.Concat(numbers));
    }

    [Fact]
    public void Deviations_are_numbered_upwards_and_the_code_cites_only_these()
    {
        SourceFile list = All.Single(file => file.Path == "docs/deviations.md");
        var numbered = Lines(list, (line, _) => Deviation().Match(line).Groups[1].Value is { Length: > 0 } n ? n : null)
            .Select(found => found[(found.LastIndexOf(' ') + 1)..]).ToList();

        // The number of one that is gone is not used again.
        Assert.Equal(numbered.Select(int.Parse).Distinct().Order().Select(n => $"{n}"), numbered);
        Nothing(Source.SelectMany(file => Lines(file, (line, _) => DeviationCited().Matches(line)
            .Select(match => match.Groups[1].Value).Where(n => !numbered.Contains(n))
            .Select(n => $"D{n} is not in docs/deviations.md").FirstOrDefault())));
    }

    [Fact]
    public void Every_item_of_the_data_path_names_scripts_and_tests_that_exist()
    {
        SourceFile list = All.Single(file => file.Path == "tests/items-of-the-data-path.txt");
        var items = list.Lines.Where(line => line.Length > 0 && line[0] != '#').ToList();
        Assert.True(items.Count > 50, $"{items.Count} items");
        Nothing(Lines(list, (line, _) => line.Length == 0 || line[0] == '#' ? null
            : line.Split(" | ") is not [_, { Length: > 0 } shownBy] ? "it is not of the form 'item | what shows it'"
            : shownBy.Split(' ').Where(name => !Exists(name)).Select(name => $"there is no {name}").FirstOrDefault()));

        static bool Exists(string name) => name.Contains('/') || name == "udp"
            ? All.Any(file => $"{file.Path}/".StartsWith($"tests/scripts/{name}/"))
            : name.Split('.') is [var type, .. var method]
                && Code.Any(file => file.Path.StartsWith("tests/") && file.Text.Contains($" class {type}")
                    && method.All(one => file.Text.Contains($" {one}(")));
    }

    private static IReadOnlyList<SourceFile> CSharp(params string[] folders) =>
        [.. All.Where(file => file.Path.EndsWith(".cs") && folders.Any(file.Path.StartsWith))];

    private static bool InCode(string path) =>
        path.StartsWith("src/") || path.StartsWith("tests/") || path.StartsWith("bench/");

    private static string TextOf(string path) => All.FirstOrDefault(file => file.Path == path)?.Text ?? "";

    private static void Nothing(IEnumerable<string> violations)
    {
        string list = string.Join('\n', violations);
        Assert.True(list == "", list);
    }

    private static IEnumerable<string> Lines(SourceFile file, Func<string, int, string?> complaint) =>
        file.Lines.Select((line, i) => (what: complaint(line, i), i))
            .Where(found => found.what != null).Select(found => file.At(found.i + 1, found.what ?? ""));

    private static IEnumerable<string> Matches(IEnumerable<SourceFile> files, Regex wrong, string what) =>
        files.SelectMany(file => Lines(file, (line, _) => wrong.IsMatch(line) ? $"{what}: {line.Trim()}" : null));

    private static IEnumerable<string> Uses(SourceFile file)
    {
        string name = Path.GetFileNameWithoutExtension(file.Path);
        if (!MayUse.TryGetValue(name, out string[]? may))
        {
            return [file.At(1, $"{name} is not in the design's list of who may use whom")];
        }

        // Packages count too: only what talks to people has any. (Analyzers come from the build files.)
        return XDocument.Parse(file.Text, LoadOptions.SetLineInfo).Descendants()
            .Where(e => e.Name.LocalName is "ProjectReference" or "FrameworkReference" or "PackageReference")
            .Select(e => (used: e.Attribute("Include")?.Value ?? "", line: ((IXmlLineInfo)e).LineNumber))
            .Where(r => !may.Contains("*") && !may.Contains(ProjectName().Replace(r.used, "$1")))
            .Select(r => file.At(r.line, $"{name} may not use {r.used}; it may use: {string.Join(", ", may)}"));
    }

    private static bool MayCallNative(SourceFile file) =>
        file.Path.Split('/') is { Length: > 3 } parts
        && NativeProjects.Contains(parts[1]) && parts.Skip(2).SkipLast(1).Contains("Native");

    // "path method" to the line of the list that allows it.
    private static Dictionary<string, string> AllowedLongMethods()
    {
        SourceFile list = All.Single(file => file.Path == "tests/Earshot.Core.Tests/Tidy/long-methods.txt");
        var entries = list.Lines.Select((line, i) => (words: line.Split(' ', 3), at: $"{list.Path}:{i + 1}"))
            .Where(entry => entry.words[0].Length > 0 && entry.words[0] != "#").ToList();
        Nothing(entries.Where(entry => entry.words.Length < 3).Select(entry => $"{entry.at}: path, method, reason"));
        return entries.ToDictionary(entry => $"{entry.words[0]} {entry.words[1]}", entry => entry.at);
    }

    // The words are put together here, so that this file does not find itself.
    private static Regex Unfinished() =>
        new($@"\b({"TO" + "DO"}|{"FIX" + "ME"}|{"HA" + "CK"}|{"NotImplemented" + "Exception"})\b");

    [GeneratedRegex(@"^.*[/\\]([^/\\]+)\.csproj$")]
    private static partial Regex ProjectName();

    [GeneratedRegex(@"\t")]
    private static partial Regex Tab();

    [GeneratedRegex(@"\[\s*(LibraryImport|DllImport)\b")]
    private static partial Regex NativeImport();

    [GeneratedRegex(@"(^|[^A-Za-z0-9_.])/(work|farm|root|home/[a-z]+)/")]
    private static partial Regex MachinePath();

    [GeneratedRegex(@"(?<!Differs from )\bLinux: (?:struct )?([A-Za-z_]\w*)")]
    private static partial Regex LinuxName();

    [GeneratedRegex(@"[A-Za-z_]\w*")]
    private static partial Regex Word();

    [GeneratedRegex(@"`([\w./]+\.cs)`")]
    private static partial Regex CodeFile();

    [GeneratedRegex(@"^## D(\d+)\b")]
    private static partial Regex Deviation();

    [GeneratedRegex(@"deviations\.md, D(\d+)")]
    private static partial Regex DeviationCited();
}
