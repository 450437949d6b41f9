using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Earshot.Cli.Monitoring;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Monitor.Explaining;
using Earshot.Monitor.Exposition;
using Earshot.Monitor.Reading;
using Earshot.Monitor.Reports;
using Earshot.Monitor.Verdicts;
using Earshot.Tests;
using Xunit;
using Errno = Earshot.Monitor.Reading.Errno;

namespace Earshot.Monitor.Tests.Reports;

/// <summary>Every name that our output can print is explained.</summary>
public sealed partial class ExplainTests
{
    [Fact]
    public void Every_rule_is_explained() => Explained([.. RuleNames.All]);

    [Fact]
    public void Every_counter_and_sysctl_is_explained() =>
        Explained([.. Interesting.Counters, .. NamespaceReader.SysctlNames]);

    [Fact]
    public void Every_column_of_the_table_is_explained() => Explained(
        [.. Regex.Split(ReportText.Table([], true).First(), " +")
            .Where(word => word is not ("Local" or "Address:Port")), "Local Address:Port", "last 30 s", "cost"]);

    [Fact]
    public void Severities_confidences_queues_states_and_errnos_are_explained() => Explained(
        "note", "warning", "critical", "high confidence", "medium confidence", "low confidence", "accept queue",
        "SYN queue", "unix listen queue", "SYN_RECV", "LISTEN", "ESTABLISHED", "CLOSE_WAIT", "EAGAIN", "ECONNRESET",
        "EMFILE", "EPERM", "EACCES", "sk_drops", "drops", "queue", "limit");

    [Fact]
    public void Every_metric_is_explained() => Explained(
        [.. MetricsText.Families.Select(one => one.Type == "counter" ? one.Name + "_total" : one.Name)]);

    [Fact]
    public void Every_errno_that_reading_the_kernel_can_meet_is_explained() => Explained(
        [.. Enumerable.Range(1, 200).Select(Errno.Name).Where(name => name.StartsWith('E'))]);

    // Names of evidence stand in the rules and nowhere else; those made of a process's name are not words.
    [Fact]
    public void Every_name_of_evidence_is_explained()
    {
        string[] names =
        [
            .. Directory.GetFiles(
                Path.Combine(RepositoryRoot.Path, "src", "Earshot.Monitor", "Verdicts"), "*.cs")
                .SelectMany(file => EvidenceName().Matches(File.ReadAllText(file))).Select(one => one.Groups[1].Value),
        ];

        Assert.True(names.Length > 10);
        Explained(names);
    }

    [Fact]
    public void Every_counter_rule_sysctl_and_errno_of_a_stack_is_explained_in_words()
    {
        Explained([.. System.Enum.GetNames<Counter>().Skip(1), .. Rule.All.Select(rule => rule.Id.ToString())]);
        Explained([.. KernelProfile.All.SelectMany(profile => profile.Sysctls.Keys).Distinct()]);
        Explained([.. typeof(Core.Errno).GetFields().Where(field => field.IsLiteral).Select(field => field.Name)]);
        Assert.All(Lexicon.All, term => Assert.DoesNotContain(
            term.Lines, line => line.Heading == "says" && line.Text.Length < 8));
        Assert.Contains(
            "4096 (", Lexicon.Find("somaxconn")!.Lines.Single(line => line.Heading == "default").Text);
    }

    [Fact]
    public void A_mistyped_name_is_answered_with_those_that_resemble_it() =>
        Assert.Contains("ListenOverflows", Lexicon.Like("overflow"));

    [GeneratedRegex(@"new Evidence\(\s*""([^""$]+)""")]
    private static partial Regex EvidenceName();

    [Fact]
    public void A_term_says_what_people_mistake_it_for() => Assert.All(
        Terms.All, term => Assert.Contains(term.Lines, line => line.Heading == "mistaken"));

    [Fact]
    public void No_name_is_explained_twice() => Assert.Empty(
        Terms.All.SelectMany(term => term.Names).GroupBy(name => name).Where(group => group.Count() > 1)
            .Select(group => group.Key));

    private static void Explained(params string[] names) =>
        Assert.All(names, name => Assert.True(Lexicon.Find(name) is not null, $"{name} is not explained"));
}
