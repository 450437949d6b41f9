using System.Text.Json.Nodes;
using System.Threading.Tasks;
using Earshot.Monitor.Verdicts;
using Earshot.Tests;
using Xunit;

namespace Earshot.Monitor.Tests.Incidents;

/// <summary>Half-open connections, floods and cookies, and what <c>earshot check</c> says of them.</summary>
public sealed class SynTests
{
    private const string Syncookies = "net.ipv4.tcp_syncookies";

    [RootFact("ip ss python3 dotnet")]
    public async Task A_flood_from_forged_addresses_is_told_from_a_burst()
    {
        using var bed = new Bed();
        bed.RouteNowhere();
        await bed.ServeAsync("echo 7100 64");
        Task<Verdict> check = bed.CheckAsync("--for 8s", () => FloodAsync(bed, "7100 2000 1000 10.98.0.1"));

        Verdict verdict = await check;

        JsonObject flood = verdict.Of(RuleNames.SynFlood, ":7100");
        Assert.False((bool?)flood["backlogHelps"]);
        Assert.Contains("nft add rule", (string?)flood["nextStep"]);
        verdict.Of(RuleNames.SynCookies, ":7100");
        verdict.SaysOnly(RuleNames.SynFlood, RuleNames.SynCookies);
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task A_flood_without_cookies_shuts_everybody_out()
    {
        using var bed = new Bed();
        bed.RouteNowhere();
        bed.Sysctl(Syncookies, 0);
        await bed.ServeAsync("echo 7101 32");
        Task<Verdict> check = bed.CheckAsync("--for 8s", () => FloodAsync(bed, "7101 1000 500 10.98.0.1"));

        Verdict verdict = await check;

        JsonObject full = verdict.Of(RuleNames.SynQueueFull, ":7101");
        Assert.Equal($"sysctl -w {Syncookies}=1", (string?)full["nextStep"]);
        Assert.Equal("critical", (string?)full["severity"]);
        verdict.Of(RuleNames.SynFlood, ":7101");
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task The_last_quarter_of_tcp_max_syn_backlog_bites_only_without_cookies()
    {
        using var bed = new Bed();
        bed.RouteNowhere();
        bed.Sysctl(Syncookies, 0);
        bed.Sysctl("net.ipv4.tcp_max_syn_backlog", 64);
        await bed.ServeAsync("echo 7102 1000");
        Task<Verdict> check = bed.CheckAsync("--for 8s", () => FloodAsync(bed, "7102 80 400 10.98.0.1"));

        JsonObject finding = (await check).Of(RuleNames.LastQuarter, ":7102");

        Assert.Contains($"sysctl -w {Syncookies}=1", (string?)finding["nextStep"]);
        Assert.Contains("tcp_max_syn_backlog", (string?)finding["summary"]);
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task Handshakes_whose_third_ACK_never_comes_are_told()
    {
        using var bed = new Bed();
        bed.RouteNowhere();
        await bed.ServeAsync("echo 7103 200");
        await FloodAsync(bed, "7103 8 100 10.98.0.1");
        await Task.Delay(4000);

        JsonObject finding = (await bed.CheckAsync("--for 2s")).Of(RuleNames.HandshakesStuck, ":7103");

        Assert.Contains("tcpdump", (string?)finding["nextStep"]);
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task Clients_that_say_nothing_to_a_deferred_listener_are_told()
    {
        using var bed = new Bed();
        await bed.ServeAsync("defer 7104 100");
        Task<Verdict> check = bed.CheckAsync("--for 8s", () =>
        {
            bed.Python("connect.py", "7104 20 60");
            return Task.CompletedTask;
        });

        JsonObject finding = (await check).Of(RuleNames.DeferAccept, ":7104");

        Assert.Contains("deferred", (string?)finding["nextStep"]);
        Assert.Equal("SYN queue", (string?)finding["queue"]);
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task A_burst_of_real_clients_who_are_far_away_is_no_flood()
    {
        using var bed = new Bed();
        await bed.ServeAsync("echo 7105 64");
        Task<Verdict> check = bed.CheckAsync("--for 8s", () =>
        {
            bed.Python("far.py", "7105 1500 400 0.4");
            return Task.CompletedTask;
        });

        Verdict verdict = await check;

        JsonObject burst = verdict.Of(RuleNames.SynBurst, ":7105");
        Assert.True((bool?)burst["backlogHelps"]);
        Assert.Contains("no attack", (string?)burst["nextStep"]);
        verdict.Of(RuleNames.SynCookies, ":7105");
        verdict.SaysOnly(RuleNames.SynBurst, RuleNames.SynCookies);
    }

    private static Task FloodAsync(Bed bed, string arguments) =>
        bed.Python("syn.py", arguments).WaitForExitAsync();
}
