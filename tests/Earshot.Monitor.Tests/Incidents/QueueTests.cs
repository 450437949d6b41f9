using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using Earshot.Monitor.Verdicts;
using Earshot.Tests;
using Xunit;

namespace Earshot.Monitor.Tests.Incidents;

/// <summary>Accept queues too short or drained too slowly, and what <c>earshot check</c> says of them.</summary>
public sealed class QueueTests
{
    private const string Somaxconn = "net.core.somaxconn";

    [RootFact("ip ss nginx python3 dotnet")]
    public async Task A_burst_on_nginx_clamped_by_somaxconn_needs_the_sysctl_and_a_restart()
    {
        using var bed = new Bed();
        bed.Sysctl(Somaxconn, 16);
        Process nginx = StoppedTests.Nginx(bed, "listen 8080;");
        await bed.ListensAsync("8080");
        int worker = await Bed.WorkerAsync(nginx);
        Verdict verdict = await bed.CheckAsync(
            "8080 --for 8s", () => PauseForBurstAsync(bed, worker, "8080", "60 60 talk"));

        JsonObject clamp = verdict.Of(RuleNames.LimitClamped, ":8080");
        Assert.StartsWith("asked 511, got 16", (string?)clamp["summary"]);
        Assert.Contains($"sysctl -w {Somaxconn}=4096, then restart nginx", (string?)clamp["nextStep"]);
        JsonObject burst = verdict.Of(RuleNames.AcceptBurst, ":8080");
        Assert.True((bool?)burst["backlogHelps"]);
        verdict.SaysOnly(RuleNames.LimitClamped, RuleNames.AcceptBurst);
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task A_burst_on_a_default_of_five_names_the_setting_of_the_framework()
    {
        using var bed = new Bed();
        Process server = await bed.ServeAsync("echo 8000 5");
        Verdict verdict = await bed.CheckAsync(
            "--for 8s", () => PauseForBurstAsync(bed, server.Id, "8000", "40 60"));

        Assert.Contains("request_queue_size", (string?)verdict.Of(RuleNames.SmallBacklog, ":8000")["nextStep"]);
        verdict.Of(RuleNames.AcceptBurst, ":8000");
    }

    [RootFact("ip ss haproxy python3 dotnet")]
    public async Task A_burst_on_HAProxy_whose_backlog_is_its_maxconn_names_the_key()
    {
        using var bed = new Bed();
        string file = bed.Write("haproxy.cfg", """
            global
              maxconn 500
            defaults
              mode tcp
              timeout connect 1s
              timeout client 20s
              timeout server 20s
            frontend web
              bind 127.0.0.1:8090 backlog 10
              maxconn 400
              default_backend none
            backend none
              server one 127.0.0.1:9
            """);
        Process haproxy = bed.Start($"haproxy -db -f {file}");
        await bed.ListensAsync("8090");
        Verdict verdict = await bed.CheckAsync(
            "--for 8s", () => PauseForBurstAsync(bed, haproxy.Id, "8090", "60 60"));

        JsonObject finding = verdict.Of(RuleNames.AcceptBurst, ":8090");

        Assert.Contains("bind ... backlog ", (string?)finding["nextStep"]);
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task A_server_that_accepts_too_slowly_is_not_to_be_given_a_bigger_backlog()
    {
        using var bed = new Bed();
        await bed.ServeAsync("slow 7001 20 0.4");
        bed.Python("connect.py", "7001 300 60");
        await bed.QueuesAsync("7001", 21);

        Verdict verdict = await bed.CheckAsync("--for 5s");

        JsonObject finding = verdict.Of(RuleNames.AcceptTooSlow, ":7001");
        Assert.False((bool?)finding["backlogHelps"]);
        Assert.Contains("a second", (string?)finding["summary"]);
        verdict.SaysOnly(RuleNames.AcceptTooSlow);
    }

    [QuotaFact("ip ss python3 dotnet")]
    public async Task A_server_that_its_quota_keeps_from_running_is_told_so()
    {
        using var bed = new Bed();
        using var quota = new CpuQuota(0.02);
        Process server = await bed.ServeAsync("work 7005 10 0.005");
        quota.Add(server.Id);
        bed.Python("connect.py", "7005 600 60 steady");
        await bed.QueuesAsync("7005", 11);

        // From outside: who enters a namespace with "ip netns exec" gets another /sys, without cgroups.
        Verdict verdict = await Bed.CheckAllAsync("7005 --for 6s");

        JsonObject finding = verdict.Of(RuleNames.CpuThrottled, ":7005");
        Assert.Contains("kept from running", (string?)finding["summary"]);
        Assert.False((bool?)finding["backlogHelps"]);
        verdict.Of(RuleNames.AcceptTooSlow, ":7005");
        verdict.SaysOnly(RuleNames.CpuThrottled, RuleNames.AcceptTooSlow);
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task A_Multipath_TCP_listener_is_one_line_with_its_drops_and_its_verdict()
    {
        using var bed = new Bed();
        await bed.ServeAsync("mptcp 7007 5");
        bed.Python("connect.py", "7007 20 60");
        await bed.QueuesAsync("7007", 6);

        JsonNode lines = JsonNode.Parse(Bed.Run(
            "ip", $"netns exec {bed.Name} dotnet {Bed.Command} ss 7007 --json --for 2s"))!["listeners"]!;

        JsonNode line = Assert.Single(lines.AsArray())!;
        Assert.Equal("mptcp", (string?)line["kind"]);
        Assert.Equal((6, 5), ((int)line["queue"]!, (int)line["limit"]!));
        Assert.True((long)line["drops"]! > 0);
        (await bed.CheckAsync()).Of(RuleNames.NotAccepting, ":7007");
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task A_server_out_of_descriptors_is_found()
    {
        using var bed = new Bed();
        Process server = await bed.ServeAsync("full 7002 8 20");
        bed.Python("connect.py", "7002 60 60 steady");
        await bed.QueuesAsync("7002", 9);

        JsonObject finding = (await bed.CheckAsync()).Of(RuleNames.DescriptorsExhausted, ":7002");

        Assert.StartsWith($"prlimit --pid {server.Id} --nofile=80", (string?)finding["nextStep"]);
    }

    [RootFact("ip ss nginx python3 dotnet")]
    public async Task A_worker_of_nginx_out_of_descriptors_is_found()
    {
        using var bed = new Bed();
        StoppedTests.Nginx(bed, "listen 8080 backlog=8;", "worker_rlimit_nofile 16;");
        await bed.ListensAsync("8080");
        bed.Python("connect.py", "8080 60 60");
        await bed.QueuesAsync("8080", 9);

        JsonObject finding = (await bed.CheckAsync()).Of(RuleNames.DescriptorsExhausted, ":8080");

        Assert.Contains("nginx has all 16 descriptors in use", (string?)finding["summary"]);
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task Abort_on_overflow_is_told_beside_the_overflow()
    {
        using var bed = new Bed();
        bed.Sysctl("net.ipv4.tcp_abort_on_overflow", 1);
        await bed.ServeAsync("never 7003 4");
        bed.Python("connect.py", "7003 20 60");
        await bed.QueuesAsync("7003", 5);

        JsonObject finding = (await bed.CheckAsync("--for 6s")).Of(RuleNames.AbortOnOverflow, ":7003");

        Assert.Equal("sysctl -w net.ipv4.tcp_abort_on_overflow=0", (string?)finding["nextStep"]);
        Assert.Contains("ECONNRESET", (string?)finding["effect"]);
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task A_namespace_with_a_smaller_somaxconn_than_the_hosts_is_told_from_outside()
    {
        using var bed = new Bed();
        bed.Sysctl(Somaxconn, 8);
        Process server = await bed.ServeAsync("never 7004 500");
        bed.Python("connect.py", "7004 30 60");
        await bed.QueuesAsync("7004", 9);

        Verdict verdict = await Bed.CheckAllAsync("7004 --for 4s");

        JsonObject finding = verdict.Of(RuleNames.SomaxconnDiffers, ":7004");
        Assert.Equal(bed.Name, (string?)finding["namespace"]);
        Assert.Contains($"nsenter -t ", (string?)finding["nextStep"]);
        Assert.Contains($"({server.Id})", (string?)finding["process"]);
    }

    // The server pauses, the burst comes, the server goes on: the queue was too short for the pause, not the server too
    // slow.
    private static async Task PauseForBurstAsync(Bed bed, int pid, string port, string clients)
    {
        Bed.Signal(pid, "STOP");
        bed.Python("connect.py", $"{port} {clients}");
        await bed.QueuesAsync(port, 5);
        await Task.Delay(300);
        Bed.Signal(pid, "CONT");
    }
}
