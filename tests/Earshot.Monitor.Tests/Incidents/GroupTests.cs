using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using Earshot.Monitor.Verdicts;
using Earshot.Tests;
using Xunit;

namespace Earshot.Monitor.Tests.Incidents;

/// <summary>Listeners that share a port, and reloads, and what <c>earshot check</c> says of them.</summary>
public sealed class GroupTests
{
    [RootFact("ip ss python3 dotnet")]
    public async Task A_starved_member_of_a_reuseport_group_is_named_with_its_process()
    {
        using var bed = new Bed();
        await bed.ServeAsync("reuse 7200 6");
        Process stopped = await bed.ServeAsync("reuse 7200 6");
        await bed.ServeAsync("reuse 7200 6");
        await Task.Delay(500);
        Bed.Signal(stopped, "STOP");
        bed.Python("connect.py", "7200 60 60 steady");
        await bed.QueuesAsync("7200", 7);

        Verdict verdict = await bed.CheckAsync();

        JsonObject finding = verdict.Of(RuleNames.ReuseportSkew, ":7200");
        Assert.Contains($"({stopped.Id})", (string?)finding["process"]);
        Assert.Contains("2 have room", (string?)finding["summary"]);
        Assert.Equal(
            $"kill -CONT {stopped.Id}", (string?)verdict.Of(RuleNames.ProcessStopped, ":7200")["nextStep"]);
        Bed.Signal(stopped, "CONT");
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task A_reload_that_throws_queued_connections_away_is_told()
    {
        using var bed = new Bed();
        Process old = await bed.ServeAsync("quits 7201 200");
        await bed.ServeAsync("reuse 7201 200");
        bed.Python("connect.py", "7201 60 60");
        await bed.QueuesAsync("7201", 10);

        Verdict verdict = await bed.CheckAsync("--for 6s", () => QuitAsync(old));

        JsonObject finding = verdict.Of(RuleNames.ReloadLost, ":7201");
        Assert.Contains("sysctl -w net.ipv4.tcp_migrate_req=1", (string?)finding["nextStep"]);
        Assert.Contains("another listens on the port", (string?)finding["summary"]);
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task A_reload_with_migration_on_loses_nobody()
    {
        using var bed = new Bed();
        bed.Sysctl("net.ipv4.tcp_migrate_req", 1);
        Process old = await bed.ServeAsync("quits 7202 200");
        await bed.ServeAsync("reuse 7202 200");
        bed.Python("connect.py", "7202 60 60");
        await bed.QueuesAsync("7202", 10);

        (await bed.CheckAsync("--for 6s", () => QuitAsync(old))).IsHealthy();
    }

    private static async Task QuitAsync(Process old)
    {
        await Task.Delay(1500);
        Bed.Signal(old, "USR1");
    }
}
