using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Monitor.Explaining;
using Earshot.Monitor.Exposition;

namespace Earshot.Cli.Monitoring;

/// <summary>What <c>earshot explain</c> knows: the monitor's words, and everything that a stack of ours counts,
/// decides, answers or can be told, from the stack's own documentation.</summary>
internal static partial class Lexicon
{
    private const string Nothing = "-";
    private static readonly Lazy<Dictionary<string, string>> Summaries = new(ReadSummaries);
    private static readonly Lazy<IReadOnlyList<Term>> Lazily = new(
        () => [.. Terms.All, .. Metrics(), .. Counters(), .. Rules(), .. Sysctls(), .. Errnos()]);

    /// <summary>Every term, the monitor's own first.</summary>
    public static IReadOnlyList<Term> All => Lazily.Value;

    /// <summary>The term of a name, in any case of letters, with or without what nstat and sysctl put before
    /// it.</summary>
    public static Term? Find(string name)
    {
        Term? found = Terms.Find(name, All);

        // What the stack's documentation adds to the monitor's own words, such as a sysctl's default by kernel.
        return found is null ? null : found with
        {
            Lines =
            [
                .. All.Where(term => found.Names.Contains(term.Names[0])).SelectMany(term => term.Lines)
                    .DistinctBy(line => line.Heading),
            ],
        };
    }

    /// <summary>Names that resemble one, for somebody who mistyped it.</summary>
    public static IEnumerable<string> Like(string name) => name.Length < 2 ? [] : All.SelectMany(term => term.Names)
        .Where(one => one.Contains(name, StringComparison.OrdinalIgnoreCase)
            || name.Contains(one, StringComparison.OrdinalIgnoreCase)).Distinct().Take(8);

    private static IEnumerable<Term> Metrics() => MetricsText.Families.Select(one => new Term(
        one.Type == "counter" ? [one.Name + "_total", one.Name] : [one.Name],
        [("kind", $"metric of earshot export ({one.Type})"), ("says", one.Help)]));

    private static IEnumerable<Term> Counters() => Enum.GetNames<Counter>().Skip(1).Select(name => new Term(
        [name, Prefix().Replace(name, "")],
        [
            ("kind", "counter of the kernel and of our stack"),
            ("says", Summary($"F:Earshot.Core.Counter.{name}")),
            ("source", $"nstat -as {name}"),
        ]));

    private static IEnumerable<Term> Rules() => Rule.All.Select(rule => new Term(
        [rule.Id.ToString()],
        [
            ("kind", $"rule of our stack: the segment or call is {rule.Outcome.ToString().ToLowerInvariant()}"),
            ("says", Hole().Replace(rule.Sentence, one => one.Value == "{peer}" ? "a client"
                : one.Value == "{local}" ? "the local address" : "N")),
            ("in Linux", rule.LinuxFunction.Length > 0 ? rule.LinuxFunction : Nothing),
        ]));

    // A sysctl's value by kernel, neighbours of one value together.
    private static IEnumerable<Term> Sysctls() => KernelProfile.All.SelectMany(profile => profile.Sysctls.Keys)
        .Distinct().Order(StringComparer.Ordinal).Select(name => new Term(
            [name, name[(name.LastIndexOf('.') + 1)..]],
            [
                ("kind", "sysctl that our stack has as Linux does"),
                ("default", string.Join("; ", KernelProfile.All.Where(profile => profile.Sysctls.ContainsKey(name))
                    .GroupBy(profile => profile.Sysctls[name].Replace('\t', ' '))
                    .Select(group => $"{(group.Key.Length > 0 ? group.Key : "empty")} ({Kernels([.. group])})"))),
                ("source", $"sysctl {name}"),
            ]));

    private static string Kernels(List<KernelProfile> group) => group.Count switch
    {
        > 2 => $"{group[0].Name} ... {group[^1].Name}",
        _ => string.Join(", ", group.Select(profile => profile.Name)),
    };

    private static IEnumerable<Term> Errnos() => typeof(Errno).GetFields().Where(field => field.IsLiteral)
        .Select(field => new Term(
            [field.Name],
            [("kind", "errno"), ("says", Summary($"F:Earshot.Core.Errno.{field.Name}"))]));

    private static string Summary(string member) => Summaries.Value.GetValueOrDefault(member, Nothing);

    // The documentation that the compiler writes beside the library.
    private static Dictionary<string, string> ReadSummaries()
    {
        string file = Path.Combine(AppContext.BaseDirectory, "Earshot.Core.xml");
        return !File.Exists(file) ? [] : XDocument.Load(file).Descendants("member")
            .Where(member => member.Attribute("name")?.Value is { } name
                && (name.StartsWith("F:Earshot.Core.Counter.", StringComparison.Ordinal)
                    || name.StartsWith("F:Earshot.Core.Errno.", StringComparison.Ordinal)))
            .ToDictionary(
                member => member.Attribute("name")!.Value,
                member => Blanks().Replace(Text(member.Element("summary")), " ").Trim());
    }

    // References and code count with what they name.
    private static string Text(XElement? summary) => summary is null ? Nothing : string.Concat(summary.Nodes().Select(
        node => node switch
        {
            XText text => text.Value,
            XElement element => element.Value.Length > 0 ? element.Value
                : (element.Attribute("cref") ?? element.Attribute("name"))?.Value.Split('.')[^1] ?? "",
            _ => "",
        }));

    [GeneratedRegex("^(TcpExt|IpExt|Tcp|Ip6|Ip|Icmp6|Icmp|Udp6|Udp)")]
    private static partial Regex Prefix();

    [GeneratedRegex(@"\{\w+\}")]
    private static partial Regex Hole();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
