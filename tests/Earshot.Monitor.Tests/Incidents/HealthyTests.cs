using System.Threading.Tasks;
using Earshot.Monitor.Verdicts;
using Earshot.Tests;
using Xunit;

namespace Earshot.Monitor.Tests.Incidents;

/// <summary>Servers that are well, some of them busy: <c>earshot check</c> is silent.</summary>
public sealed class HealthyTests
{
    [RootFact("ip ss nginx python3 dotnet")]
    public async Task A_busy_nginx_is_healthy()
    {
        using var bed = new Bed();
        StoppedTests.Nginx(bed, "listen 8080;");
        await bed.ListensAsync("8080");
        bed.Python("connect.py", "8080 300 60 churn");
        bed.Python("connect.py", "8080 300 60 churn");

        (await bed.CheckAsync()).IsHealthy();
    }

    [RootFact("ip ss redis-server python3 dotnet")]
    public async Task An_idle_redis_and_a_redis_with_many_clients_are_healthy()
    {
        using var bed = new Bed();
        bed.Start("redis-server --port 6379 --save \"\" --protected-mode no");
        bed.Start("redis-server --port 6380 --save \"\" --protected-mode no");
        await bed.ListensAsync("6379");
        await bed.ListensAsync("6380");
        bed.Python("connect.py", "6380 400 60");

        (await bed.CheckAsync()).IsHealthy();
    }

    [RootFact("ip ss nmap python3 dotnet")]
    public async Task A_port_scan_moves_drops_and_is_no_overflow()
    {
        using var bed = new Bed();
        await bed.ServeAsync("echo 7300 50");
        Verdict verdict = await bed.CheckAsync(
            "--for 8s", () => bed.Start("nmap -n -sS -p 7300 127.0.0.1").WaitForExitAsync());

        verdict.IsHealthy();
        Assert.Contains(verdict.Findings, one => (string?)one["rule"] == RuleNames.DropsElsewhere
            && ((string?)one["summary"])!.Contains("half-open"));
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task Cookies_that_are_always_sent_are_no_flood()
    {
        using var bed = new Bed();
        bed.Sysctl("net.ipv4.tcp_syncookies", 2);
        await bed.ServeAsync("echo 7301 100");
        bed.Python("connect.py", "7301 50 60 churn");

        (await bed.CheckAsync()).IsHealthy();
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task Clients_that_talk_at_once_to_a_deferred_listener_are_healthy()
    {
        using var bed = new Bed();
        await bed.ServeAsync("defer 7302 100");
        bed.Python("connect.py", "7302 40 60 talk");
        await Task.Delay(1000);

        (await bed.CheckAsync()).IsHealthy();
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task A_queue_that_is_used_and_does_not_overflow_is_healthy()
    {
        using var bed = new Bed();
        await bed.ServeAsync("slow 7303 100 0.02");
        bed.Python("connect.py", "7303 40 60");

        (await bed.CheckAsync("--for 3s")).IsHealthy();
    }
}
