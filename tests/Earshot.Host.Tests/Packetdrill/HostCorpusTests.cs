using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Earshot.Core.Profiles;
using Earshot.Lab.Packetdrill;
using Earshot.Lab.Targets;
using Earshot.Tests;
using Xunit;

namespace Earshot.Host.Tests.Packetdrill;

public sealed class HostCorpusTests
{
    // What waits longer than this by its own times is slow.
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(15);

    private static readonly string Folder = Path.Combine(RepositoryRoot.Path, "tests", "scripts");

    private static IEnumerable<Script> Scripts => Directory
        .GetFiles(Folder, "*.pkt", SearchOption.AllDirectories)
        .Order(StringComparer.Ordinal)
        .Select(static file => Script.Parse(Path.GetRelativePath(Folder, file), File.ReadAllText(file)));

    [TunFact]
    public Task Every_script_passes_on_the_host_kernel_sixteen_at_a_time() =>
        Pass(Scripts.Where(static s => s.NominalLength <= Slow));

    [SlowFact(Needs = Needs.Tun)]
    public Task Every_slow_script_passes_on_the_host_kernel() =>
        Pass(Scripts.Where(static s => s.NominalLength > Slow));

    [TunFact]
    public async Task A_difference_is_told_with_its_line_and_both_packets()
    {
        const string text = """
            // Expects a window that Linux does not offer.
            0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
            +0 bind(3, ..., ...) = 0
            +0 listen(3, 1) = 0
            +0 < S 0:0(0) win 1000 <mss 1000>
            +0 > S. 0:0(0) ack 1 win 1 <mss 1460>
            """;
        ScriptVerdict verdict = (await Run([(Script.Parse("x.pkt", text), IpVersion.IPv4)]))[0];
        Assert.Equal(
            """
            FAIL  x.pkt:6: the window is 64240, expected 1 [host, ipv4]
                  expected: > S. 0:0(0) ack 1 win 1 <mss 1460>
                  seen:     > S. 0:0(0) ack 1 win 64240 <mss 1460>
            """,
            verdict.ToString());
    }

    [TunFact]
    public async Task A_FIN_at_a_closed_window_is_taken_or_refused_and_the_stack_can_do_either()
    {
        KernelProfile asHere = await OwnThread.Start(HostVariant.Ask);
        Script script = asHere.TakesFinAtClosedWindow ? HostVariant.FinTaken : HostVariant.FinRefused;
        await Pass([script]);
        await Pass([script], new StackPacketTargetMaker(asHere));
    }

    private static async Task Pass(IEnumerable<Script> scripts, IPacketTargetMaker? maker = null)
    {
        (Script Script, IpVersion Version)[] runs =
            [.. scripts.SelectMany(static script => script.IpVersions.Select(v => (script, v)))];
        IReadOnlyList<ScriptVerdict> verdicts = await Run(runs, maker);
        Assert.NotEmpty(verdicts);
        string failed = string.Join('\n', verdicts.Where(static v => !v.Passed));
        Assert.True(failed.Length == 0, failed);
    }

    private static Task<IReadOnlyList<ScriptVerdict>> Run(
        (Script Script, IpVersion Version)[] runs, IPacketTargetMaker? maker = null) =>
        OwnThread.Start(() => ScriptBatch.Run(runs, maker ?? new HostPacketTargetMaker()));
}
