using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using Earshot.Core.Wire;
using Earshot.Lab.Experiments;
using Earshot.Lab.Targets;
using Earshot.Tests;
using Xunit;

namespace Earshot.Host.Tests.Lab;

/// <summary>The article's three experiments on the host kernel, side by side, as far as their look at 10 s.</summary>
public sealed class HostRuns
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(12);

    private readonly Lazy<Dictionary<string, RunResult>> _runs = new(() =>
        new[] { "backlog", "syn-backlog", "somaxconn" }
            .Select(name => (name, Task: OwnThread.Start(
                () => new HostTarget().Run(PlanCatalog.Load(name).Until(Long)))))
            .ToArray()
            .ToDictionary(r => r.name, r => r.Task.GetAwaiter().GetResult()));

    public RunResult this[string plan] => _runs.Value[plan];
}

public sealed class HostTargetTests(HostRuns runs) : IClassFixture<HostRuns>
{
    private static readonly double[] SynTimes = [0, 1, 2, 3, 4, 5, 7];

    [HostFact]
    public void Backlog_5_holds_six_connections_and_the_seventh_client_waits() => Settled("backlog", 6, 5);

    [HostFact]
    public void A_short_SYN_queue_changes_nothing_while_the_accept_queue_refuses_first() =>
        Settled("syn-backlog", 6, 5);

    [HostFact]
    public void Somaxconn_2_cuts_the_backlog_so_that_three_connections_are_held() => Settled("somaxconn", 3, 2);

    [HostFact]
    [Trait("Linux", "tcp_conn_request")]
    public void Every_SYN_of_the_blocked_client_is_one_overflow_and_one_drop()
    {
        foreach (string plan in new[] { "backlog", "syn-backlog", "somaxconn" })
        {
            Assert.Equal([1L, 2L, 4L, 7L], runs[plan].Samples.Select(s => s.Counters["TcpExtListenOverflows"]));
            Assert.Equal([1L, 2L, 4L, 7L], runs[plan].Samples.Select(s => s.Counters["TcpExtListenDrops"]));
        }
    }

    [HostFact]
    public void The_blocked_client_sends_its_SYN_at_the_times_of_the_fact_sheet()
    {
        var granularity = new TimerGranularity(TimerGranularity.DefaultTicksPerSecond);
        TimeSpan[] syns = [.. runs["backlog"].Packets.Where(p => p.Connection == 7).Select(p => p.Time)];
        Assert.Equal(SynTimes.Length, syns.Length);
        for (int i = 1; i < syns.Length; i++)
        {
            TimeSpan timer = TimeSpan.FromSeconds(SynTimes[i] - SynTimes[i - 1]);
            Assert.Null(granularity.Judge(timer, syns[i] - syns[i - 1]));
        }
    }

    [HostFact]
    public void Each_packet_of_a_handshake_is_seen_once_and_in_order() =>
        Assert.Equal(
            ["S", "SA", "A"], runs["backlog"].Packets.Where(p => p.Connection == 1).Select(p => p.Flags));

    [HostFact]
    public void A_captured_packet_has_the_checksum_that_loopback_left_out() =>
        Assert.All(runs["backlog"].Packets, p =>
        {
            Assert.Equal(IpParseError.None, IpPacket.Parse(p.Bytes.Span, out IpPacket ip));
            ulong sum = Checksum.PseudoHeader(ip.Source, ip.Destination, ip.Protocol, ip.Payload.Length);
            Assert.True(Checksum.IsValid(Checksum.Add(ip.Payload, sum)));
        });

    [HostFact]
    public void Two_plans_with_the_same_rules_differ_in_nothing_that_is_compared()
    {
        RunResult other = runs["syn-backlog"] with { Plan = runs["backlog"].Plan };
        Assert.Empty(Compare.Runs(runs["backlog"], other).Select(d => d.Describe("backlog", "syn-backlog")));
    }

    [HostFact]
    public void A_namespace_lets_every_sysctl_of_the_list_be_as_it_is_written() => Assert.Empty(runs["backlog"].Notes);

    [HostFact]
    public void All_clients_at_once_are_refused_alike()
    {
        Plan plan = PlanCatalog.Load("backlog").Until(TimeSpan.FromSeconds(2));
        RunResult result = new HostTarget().Run(plan with { Clients = plan.Clients with { Mode = ClientMode.AtOnce } });
        Assert.Equal("6+0 S3", Outcome.Of(result, result.Samples[0]));
        Assert.Equal(9, result.Connects.Count);
        Assert.Equal(6, result.Connects.Count(c => c.Returned is not null && c.Errno is null));
    }

    [HostFact]
    public void A_port_that_nobody_listens_on_refuses_with_ECONNREFUSED()
    {
        Plan plan = PlanCatalog.Load("backlog").Until(TimeSpan.FromSeconds(1));
        RunResult result = new HostTarget().Run(plan with { Clients = plan.Clients with { Port = 6667 } });
        Assert.All(result.Connects, c => Assert.Equal("ECONNREFUSED", c.Errno));
        Assert.Equal(9, result.Samples[0].Counters["TcpOutRsts"]);
    }

    [HostFact]
    public void A_sysctl_that_the_kernel_does_not_have_ends_the_experiment_with_its_name()
    {
        Plan plan = PlanCatalog.Load("backlog").Until(TimeSpan.FromSeconds(1));
        plan = plan with { Hosts = [new HostPlan("host", [new SysctlSetting("net.core.no_such_thing", "1")])] };
        string message = Assert.Throws<ExperimentFailedException>(() => new HostTarget().Run(plan)).Message;
        Assert.Contains("net.core.no_such_thing does not exist", message, StringComparison.Ordinal);
    }

    [HostFact]
    public void A_value_that_the_kernel_refuses_ends_the_experiment_with_the_value_it_kept()
    {
        Plan plan = PlanCatalog.Load("backlog").Until(TimeSpan.FromSeconds(1));
        plan = plan with { Hosts = [new HostPlan("host", [new SysctlSetting("net.core.somaxconn", "many")])] };
        string message = Assert.Throws<ExperimentFailedException>(() => new HostTarget().Run(plan)).Message;
        Assert.Contains("net.core.somaxconn cannot be set to 'many' in a network namespace; it is '4096'", message,
            StringComparison.Ordinal);
    }

    [HostFact]
    public void A_run_that_is_cancelled_ends_although_a_client_is_blocked()
    {
        using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        long start = Stopwatch.GetTimestamp();
        Assert.Throws<OperationCanceledException>(
            () => new HostTarget().Run(PlanCatalog.Load("backlog"), cancellation: cancel.Token));
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(30));
    }

    [SlowFact(Needs = Needs.Root)]
    public void After_200_seconds_a_client_has_failed_with_ETIMEDOUT_and_the_next_one_waits()
    {
        RunResult result = new HostTarget().Run(PlanCatalog.Load("backlog"));
        Assert.Equal("6+0 S F1", Outcome.Of(result, result.Samples[^1]));
        Assert.Equal("ETIMEDOUT", result.Connects[6].Errno);
        Assert.InRange(result.Connects[6].Returned!.Value.TotalSeconds, 131, 135);
        Assert.Equal(8, result.Connects.Count);
        Assert.Equal(21, result.Samples[^1].Counters["TcpExtListenDrops"]);
    }

    private void Settled(string plan, int held, int limit)
    {
        RunResult result = runs[plan];
        Assert.Equal(4, result.Samples.Count);
        Assert.All(result.Samples, s => Assert.Equal($"{held}+0 S", Outcome.Of(result, s)));
        Assert.All(result.Samples, s => Assert.Equal(new QueueSample(6666, held, limit, 0), Assert.Single(s.Queues)));
        Assert.Equal(held + 1, result.Connects.Count);
        Assert.Null(result.Connects[^1].Returned);
    }
}
