using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Lab.Packetdrill;
using Earshot.Lab.Targets;
using Earshot.Tests;
using Xunit;

namespace Earshot.Lab.Tests.Packetdrill;

public sealed class CorpusTests
{
    private static readonly string Scripts = Path.Combine(RepositoryRoot.Path, "tests", "scripts");

    private static string[] Files =>
        [.. Directory.GetFiles(Scripts, "*.pkt", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private static (Script Script, IpVersion Version)[] Runs =>
    [
        .. Files
            .Select(static file => Script.Parse(Path.GetFileName(file), File.ReadAllText(file)))
            .SelectMany(static script => script.IpVersions.Select(v => (script, v))),
    ];

    private static Dictionary<string, string> NotYet => Listed("not-yet.txt");

    private static Dictionary<string, string> Listed(string file) => File.ReadAllLines(Path.Combine(Scripts, file))
        .Where(static line => line.Length > 0 && line[0] != '#')
        .Select(static line => line.Split(": ", 2))
        .ToDictionary(static sides => sides[0], static sides => sides[1], StringComparer.Ordinal);

    [Fact]
    public void Every_script_passes_on_the_stack_over_every_IP_version_or_is_listed_with_its_reason()
    {
        IReadOnlyList<ScriptVerdict> verdicts =
            ScriptBatch.Run(Runs, new StackPacketTargetMaker(KernelProfile.Linux618));
        HashSet<string> failed = [.. verdicts.Where(static v => !v.Passed).Select(static v => Name(v.File))];
        string[] unexplained =
            [.. verdicts.Where(v => !v.Passed && !NotYet.ContainsKey(Name(v.File))).Select(static v => v.ToString())];
        Assert.True(unexplained.Length == 0, string.Join('\n', unexplained));
        string[] gone = [.. NotYet.Keys.Where(name => !failed.Contains(name))];
        Assert.True(gone.Length == 0, $"not-yet.txt lists scripts that pass: {string.Join(", ", gone)}");
    }

    [Fact]
    public void Every_script_passes_as_well_when_nothing_is_kept_at_hand_of_a_quiet_connection()
    {
        (Script, IpVersion)[] runs = Runs;
        var maker = new StackPacketTargetMaker(KernelProfile.Linux618) { BusyConnections = 0 };
        string[] failed =
        [
            .. ScriptBatch.Run(runs, maker).Where(static v => !v.Passed && !NotYet.ContainsKey(Name(v.File)))
                .Select(static v => v.ToString()),
        ];
        Assert.True(runs.Length > 400, $"only {runs.Length} scripts");
        Assert.True(failed.Length == 0, string.Join('\n', failed));
    }

    // A script whose measured times lie on a limit of the kernel's passes on the host or fails, by the machine's mood.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Every_script_passes_as_well_when_each_step_comes_a_little_late(int seed)
    {
        var maker = new LateTargetMaker(
            new StackPacketTargetMaker(KernelProfile.Linux618), seed, TimeSpan.FromMilliseconds(2));
        string[] failed =
        [
            .. ScriptBatch.Run(Runs, maker).Where(static v => !v.Passed && !NotYet.ContainsKey(Name(v.File)))
                .Select(static v => v.ToString()),
        ];
        Assert.True(failed.Length == 0, string.Join('\n', failed));
    }

    [Fact]
    public void Every_rule_of_the_ledger_speaks_in_a_script_or_is_listed_with_where_it_does()
    {
        var spoken = new ConcurrentDictionary<RuleId, string>();
        var maker = new StackPacketTargetMaker(KernelProfile.Linux618)
        {
            Finished = stack =>
            {
                foreach (RuleTally tally in stack.Ledger.Tallies)
                {
                    spoken.TryAdd(tally.Rule, "");
                }
            },
        };
        _ = ScriptBatch.Run(Runs, maker);
        Dictionary<string, string> elsewhere = Listed("rules-elsewhere.txt");
        string[] silent = [.. Enum.GetValues<RuleId>()
            .Where(id => id != RuleId.None && !spoken.ContainsKey(id)).Select(static id => id.ToString())];
        string[] unexplained = [.. silent.Except(elsewhere.Keys)];
        Assert.True(unexplained.Length == 0, $"no script makes these rules speak: {string.Join(' ', unexplained)}");
        string[] gone = [.. elsewhere.Keys.Except(silent)];
        Assert.True(gone.Length == 0, $"rules-elsewhere.txt lists what scripts do: {string.Join(' ', gone)}");
    }

    [Fact]
    public void Every_script_opens_with_what_it_shows_and_where_the_fact_comes_from() => Assert.All(Files, file =>
    {
        string[] comment = [.. File.ReadLines(file).TakeWhile(static l => l.StartsWith("//"))];
        Assert.True(
            comment.Any(static l => l.Contains("linux-") || l.Contains("seen on", StringComparison.OrdinalIgnoreCase)),
            $"{file}: the comment does not say where the fact comes from");
        if (Path.GetFileName(Path.GetDirectoryName(file)) == "listen")
        {
            Assert.True(comment.Length >= 2, $"{file}: two lines of comment are the least");
            Assert.All(File.ReadLines(file), line => Assert.True(line.Length <= 120, $"{file}: {line}"));
        }
    });

    [Fact]
    public void Every_script_is_named_as_a_sentence() => Assert.All(Files, static file =>
        Assert.Matches("^[a-z0-9]+(-[a-z0-9]+){3,}\\.pkt$", Path.GetFileName(file)));

    private static string Name(string file) => Path.GetFileNameWithoutExtension(file);
}
