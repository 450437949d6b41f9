using System.Linq;
using System.Text.RegularExpressions;
using Earshot.Monitor.Explaining;
using Earshot.Monitor.Reading;
using Earshot.Monitor.Reports;
using Earshot.Monitor.Verdicts;
using Xunit;

namespace Earshot.Monitor.Tests.Reports;

/// <summary>Every name that our output can print is explained.</summary>
public sealed class ExplainTests
{
    [Fact]
    public void Every_rule_is_explained() => Explained([.. RuleNames.All]);

    [Fact]
    public void Every_counter_and_sysctl_is_explained() =>
        Explained([.. Interesting.Counters, .. NamespaceReader.SysctlNames]);

    [Fact]
    public void Every_column_of_the_table_is_explained() => Explained(
        [.. Regex.Split(ReportText.Table([], false).First(), " +")
            .Where(word => word is not ("Local" or "Address:Port" or "Process"))]);

    [Fact]
    public void Severities_confidences_queues_states_and_errnos_are_explained() => Explained(
        "note", "warning", "critical", "high confidence", "medium confidence", "low confidence", "accept queue",
        "SYN queue", "unix listen queue", "SYN_RECV", "LISTEN", "ESTABLISHED", "CLOSE_WAIT", "EAGAIN", "ECONNRESET",
        "EMFILE", "EPERM", "EACCES", "sk_drops", "drops", "queue", "limit");

    [Fact]
    public void A_term_says_what_people_mistake_it_for() => Assert.All(
        Terms.All, term => Assert.Contains(term.Lines, line => line.Heading == "mistaken"));

    [Fact]
    public void No_name_is_explained_twice() => Assert.Empty(
        Terms.All.SelectMany(term => term.Names).GroupBy(name => name).Where(group => group.Count() > 1)
            .Select(group => group.Key));

    private static void Explained(params string[] names) =>
        Assert.All(names, name => Assert.True(Terms.Find(name) is not null, $"{name} is not explained"));
}
