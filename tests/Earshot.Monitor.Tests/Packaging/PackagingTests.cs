using System;
using System.IO;
using System.Linq;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Earshot.Monitor.Exposition;
using Earshot.Monitor.Tests.Incidents;
using Earshot.Monitor.Verdicts;
using Earshot.Tests;
using Xunit;

namespace Earshot.Monitor.Tests.Packaging;

/// <summary>The files for Prometheus, Grafana and systemd say what their programs understand.</summary>
public sealed partial class PackagingTests
{
    private static readonly string Folder = Path.Combine(RepositoryRoot.Path, "packaging");

    [RootFact("promtool")]
    public void Promtool_accepts_the_rules()
    {
        string said = Bed.Run(
            "promtool", $"check rules {Folder}/prometheus/alerts.yml {Folder}/prometheus/recording.yml");

        Assert.Equal(2, SuccessLine().Count(said));
        Assert.DoesNotContain("FAILED", said);
    }

    [Fact]
    public void Rules_and_board_name_only_metrics_and_verdicts_that_there_are()
    {
        var metrics = MetricsText.Families
            .Select(one => one.Type == "counter" ? one.Name + "_total" : one.Name).ToHashSet();
        string[] texts =
        [
            .. Directory.GetFiles(Folder, "*", SearchOption.AllDirectories)
                .Where(file => file.EndsWith(".yml", StringComparison.Ordinal)
                    || file.EndsWith(".json", StringComparison.Ordinal)).Select(File.ReadAllText),
        ];

        Assert.Equal(3, texts.Length);
        Assert.All(texts.SelectMany(text => Metric().Matches(text)), one => Assert.Contains(one.Value, metrics));
        Assert.All(
            texts.SelectMany(text => Codes().Matches(text)).SelectMany(one => one.Groups[1].Value.Split('|')),
            code => Assert.Contains(code, RuleNames.All));
    }

    [Fact]
    public void The_board_is_JSON_with_a_query_in_every_panel()
    {
        JsonNode board = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, "grafana", "earshot.json")))!;

        Assert.All(board["panels"]!.AsArray(), panel => Assert.NotEmpty(panel!["targets"]!.AsArray()));
    }

    [RootFact("systemd-analyze")]
    public void Systemd_accepts_the_unit()
    {
        string folder = Directory.CreateTempSubdirectory("earmon").FullName;
        try
        {
            // The command is not installed here; everything else is checked as it stands.
            string unit = Path.Combine(folder, "earshot-export.service");
            File.WriteAllText(unit, File.ReadAllText(Path.Combine(Folder, "earshot-export.service"))
                .Replace("/usr/bin/earshot", "/bin/true", StringComparison.Ordinal));
            using var process = System.Diagnostics.Process.Start(
                new System.Diagnostics.ProcessStartInfo("systemd-analyze", $"verify {unit}")
                {
                    RedirectStandardError = true,
                })!;
            string said = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.DoesNotContain("earshot-export.service:", said);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [GeneratedRegex(@"SUCCESS: \d+ rules found")]
    private static partial Regex SuccessLine();

    [GeneratedRegex(@"(?<![\w:])earshot_\w+")]
    private static partial Regex Metric();

    [GeneratedRegex(@"code=~?\\?""([\w|-]+)\\?""")]
    private static partial Regex Codes();
}
