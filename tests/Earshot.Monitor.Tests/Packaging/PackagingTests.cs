using System;
using System.IO;
using System.Linq;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
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
    public async Task Systemd_accepts_the_unit()
    {
        string folder = Directory.CreateTempSubdirectory("earmon").FullName;
        try
        {
            // The command is not installed here; everything else is checked as it stands.
            string unit = Path.Combine(folder, "earshot-export.service");
            File.WriteAllText(unit, File.ReadAllText(Path.Combine(Folder, "earshot-export.service"))
                .Replace("/usr/bin/earshot", "/bin/true", StringComparison.Ordinal));
            (_, _, string said) = await Bed.RunAsync("systemd-analyze", $"verify {unit}");
            Assert.DoesNotContain("earshot-export.service:", said);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void The_container_file_copies_from_its_own_stage_runs_as_nobody_and_starts_the_exporter()
    {
        var lines = File.ReadAllLines(Path.Combine(Folder, "Containerfile"))
            .Where(line => line.Length > 0 && !line.StartsWith('#'))
            .Select(line => line.Split(' ', 2)).ToList();
        string Only(string keyword) => Assert.Single(lines, line => line[0] == keyword)[1];
        string[] From(string keyword) => [.. lines.Where(line => line[0] == keyword).Select(line => line[1])];

        Assert.All(lines, line => Assert.Contains(
            line[0], (string[])["ARG", "FROM", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "ENTRYPOINT", "CMD"]));
        var arguments = From("ARG").Select(one => one.Split('=')[0]).ToHashSet();
        Assert.All(From("FROM"), from => Assert.Contains(FromLine().Match(from).Groups[1].Value, arguments));
        Assert.EndsWith(" AS build", From("FROM")[0]);
        Assert.Contains("--from=build /app /app", From("COPY"));
        Assert.Matches(@"^\d{2,}:\d{2,}$", Only("USER"));
        string[] entry = JsonNode.Parse(Only("ENTRYPOINT"))!.AsArray().Select(one => (string)one!).ToArray();
        string[] command = JsonNode.Parse(Only("CMD"))!.AsArray().Select(one => (string)one!).ToArray();
        Assert.Equal(["dotnet", "/app/earshot.dll", "export"], entry);
        Assert.Equal($"127.0.0.1:{Only("EXPOSE")}", command[1]);
        Assert.Contains($"{command[0]} ", Bed.Run("dotnet", $"{Bed.Command} export --help"));
        Assert.True(Directory.Exists(
            Path.Combine(RepositoryRoot.Path, PublishLine().Match(Only("RUN")).Groups[1].Value)));
    }

    [SlowFact(Needs = Needs.Root, Tools = "ip ss setpriv dotnet")]
    public void What_the_container_file_builds_runs_as_its_user()
    {
        string folder = Directory.CreateTempSubdirectory("earmon").FullName;
        try
        {
            string run = File.ReadAllLines(Path.Combine(Folder, "Containerfile"))
                .Single(line => line.StartsWith("RUN ", StringComparison.Ordinal))["RUN dotnet ".Length..]
                .Replace(" -o /app", $" -o {folder}", StringComparison.Ordinal);
            using (var build = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("dotnet", run)
            {
                WorkingDirectory = RepositoryRoot.Path,
                RedirectStandardOutput = true,
            })!)
            {
                string said = build.StandardOutput.ReadToEnd();
                build.WaitForExit();
                Assert.True(build.ExitCode == 0, said);
            }

            Bed.Run("chmod", $"-R a+rX {folder}");
            using var bed = new Bed();
            string text = Bed.Run(
                "ip", $"netns exec {bed.Name} setpriv --reuid=65532 --regid=65532 --clear-groups env HOME=/tmp "
                + $"dotnet {folder}/earshot.dll export --once");
            Assert.Contains("earshot_sysctl{netns=", text);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [GeneratedRegex(@"^\$\{(\w+)\}")]
    private static partial Regex FromLine();

    [GeneratedRegex(@"^dotnet publish (\S+) ")]
    private static partial Regex PublishLine();

    [GeneratedRegex(@"SUCCESS: \d+ rules found")]
    private static partial Regex SuccessLine();

    [GeneratedRegex(@"(?<![\w:])earshot_\w+")]
    private static partial Regex Metric();

    [GeneratedRegex(@"code=~?\\?""([\w|-]+)\\?""")]
    private static partial Regex Codes();
}
