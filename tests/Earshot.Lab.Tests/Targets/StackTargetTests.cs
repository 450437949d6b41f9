using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Profiles;
using Earshot.Lab.Experiments;
using Earshot.Lab.Targets;
using Xunit;

namespace Earshot.Lab.Tests.Targets;

/// <summary>The article's three experiments on the embedded stack, under both profiles.</summary>
public sealed class StackTargetTests
{
    private static readonly KernelProfile El6 = KernelProfile.LinuxEl6;
    private static readonly KernelProfile Modern = KernelProfile.Linux618;

    [Fact]
    [Trait("Linux", "tcp_v4_conn_request")]
    public void Under_el6_six_are_established_and_two_half_open_at_once_and_the_ninth_client_waits()
    {
        Sample first = Run("backlog", El6).Samples[0];
        Assert.Equal(6, first.Server["ESTABLISHED"]);
        Assert.Equal(2, first.Server["SYN_RECV"]);
        Assert.Equal(8, first.Client["ESTABLISHED"]);
        Assert.Equal(1, first.Client["SYN_SENT"]);
        Assert.Equal(new QueueSample(6666, 6, 5, 2), Assert.Single(first.Queues));
    }

    [Theory]
    [InlineData("backlog", "6+2 S", "6+3", "6+3", "6+0")]
    [InlineData("syn-backlog", "6+2 S", "6+3 S", "6+3 S", "6+0 F1")]
    [InlineData("somaxconn", "3+2 S", "3+3 S", "3+3 S", "3+0 F1")]
    public void Under_el6_the_tables_are_the_article_s(string plan, string first, string at10, string at60, string last)
    {
        RunResult run = Run(plan, El6);
        Assert.Equal(first, Outcome.Of(run, run.Samples[0]));
        Assert.Equal(at10, Outcome.Of(run, run.Samples[3]));
        Assert.Equal(at60, Outcome.Of(run, run.Samples[4]));
        Assert.Equal(last, Outcome.Of(run, run.Samples[5]));
    }

    [Theory]
    [InlineData("backlog", 6, 5)]
    [InlineData("syn-backlog", 6, 5)]
    [InlineData("somaxconn", 3, 2)]
    [Trait("Linux", "tcp_conn_request")]
    public void Under_6_18_a_full_accept_queue_refuses_every_SYN_at_every_moment(string plan, int held, int limit)
    {
        RunResult run = Run(plan, Modern);
        Assert.All(run.Samples.Take(5), s => Assert.Equal($"{held}+0 S", Outcome.Of(run, s)));
        Assert.Equal($"{held}+0 S F1", Outcome.Of(run, run.Samples[5]));
        Assert.All(run.Samples, s => Assert.Equal(new QueueSample(6666, held, limit, 0), Assert.Single(s.Queues)));
    }

    // The fact sheets' table, and what the host kernel counted.
    [Theory]
    [InlineData("backlog", "linux-el6", 2, 18)]
    [InlineData("backlog", "linux-6.18", 1, 10)]
    [InlineData("syn-backlog", "linux-6.18", 1, 10)]
    [InlineData("somaxconn", "linux-6.18", 1, 10)]
    public void Overflows_and_drops_are_those_of_the_fact_sheet(string plan, string profile, long first, long at60)
    {
        Assert.True(KernelProfile.TryFind(profile, out KernelProfile found));
        RunResult run = Run(plan, found);
        foreach (string counter in new[] { "TcpExtListenOverflows", "TcpExtListenDrops" })
        {
            Assert.Equal(first, run.Samples[0].Counters[counter]);
            Assert.Equal(at60, run.Samples[4].Counters[counter]);
        }
    }

    [Fact]
    public void Under_6_18_the_blocked_client_s_SYNs_leave_at_the_times_of_the_fact_sheet()
    {
        double[] times = [0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67];
        var granularity = new TimerGranularity(TimerGranularity.DefaultTicksPerSecond);
        TimeSpan[] syns = [.. Run("backlog", Modern).Packets.Where(p => p.Connection == 7).Select(p => p.Time)];
        Assert.Equal(times.Length, syns.Length);
        for (int i = 1; i < syns.Length; i++)
        {
            TimeSpan timer = TimeSpan.FromSeconds(times[i] - times[i - 1]);
            Assert.InRange(syns[i] - syns[i - 1], timer, timer + granularity.Lateness(timer));
        }
    }

    [Fact]
    public void Under_6_18_the_seventh_connect_fails_with_ETIMEDOUT_and_the_eighth_begins()
    {
        IReadOnlyList<ConnectResult> connects = Run("backlog", Modern).Connects;
        Assert.Equal(8, connects.Count);
        Assert.Equal("ETIMEDOUT", connects[6].Errno);
        Assert.InRange(connects[6].Returned!.Value.TotalSeconds, 131, 135);
        Assert.Equal(connects[6].Returned, connects[7].At);
        Assert.Null(connects[7].Returned);
    }

    [Fact]
    [Trait("Linux", "inet_csk_reqsk_queue_prune")]
    public void Under_el6_the_sweep_decides_whether_the_ninth_client_gets_in_at_1_s_or_at_3_s()
    {
        Plan plan = PlanCatalog.Load("backlog").Until(TimeSpan.FromSeconds(10));
        var summary = new SeedSummary(plan, El6.Name);
        for (ulong seed = 1; seed <= 1000; seed++)
        {
            summary.Add(new StackTarget(El6).Run(plan with { Seed = seed }));
        }

        IReadOnlyList<OutcomeCount> ninth = summary.Clients[9];
        Assert.Equal(["connected after 1 s", "connected after 3 s"], ninth.Select(o => o.What));
        Assert.InRange(ninth[0].Count, 570, 650);
        Assert.Equal(1000, ninth[0].Count + ninth[1].Count);
    }

    [Fact]
    public void Under_el6_the_requests_are_listed_first_and_client_ports_are_even()
    {
        Sample sample = Run("backlog", El6).Samples[3];
        string[] states = [.. sample.Table.Where(r => r.IsServer).Select(r => r.State)];
        Assert.Equal(["SYN_RECV", "SYN_RECV", "SYN_RECV"], states.Take(3));
        Assert.All(states.Skip(3), s => Assert.Equal("ESTABLISHED", s));
        Assert.All(sample.Table.Where(r => r.IsServer), r => Assert.Equal(0, (r.Remote[^1] - '0') % 2));
    }

    [Fact]
    public void Why_a_client_waits_is_said_by_the_rule_and_its_numbers()
    {
        string sentence = Run("backlog", Modern).Why[7];
        Assert.StartsWith("client 8 (port ", sentence, StringComparison.Ordinal);
        Assert.Contains("still waits in connect(): SYN from 127.0.0.1:", sentence, StringComparison.Ordinal);
        Assert.Contains("the accept queue holds 6 connections, more than the backlog of 5", sentence,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Changing_one_number_of_a_profile_changes_the_sentence()
    {
        Plan plan = PlanCatalog.Load("backlog").Until(TimeSpan.FromSeconds(1));
        RunResult run = new StackTarget(Modern.With("net.core.somaxconn", "3")).Run(plan);
        Assert.Contains("the accept queue holds 4 connections, more than the backlog of 3", run.Why[4],
            StringComparison.Ordinal);
        PacketRecord refused = run.Packets.Last(p => p.Flags == "S");
        Assert.Contains("more than the backlog of 3", refused.Verdict, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_seed_gives_the_same_document_twice_and_another_seed_another()
    {
        Plan plan = PlanCatalog.Load("backlog");
        string once = RunResultJson.Write(new StackTarget(El6).Run(plan));
        Assert.Equal(once, RunResultJson.Write(new StackTarget(El6).Run(plan)));
        Assert.NotEqual(once, RunResultJson.Write(new StackTarget(El6).Run(plan with { Seed = 2 })));
    }

    [Fact]
    public void Looking_more_often_changes_nothing_that_is_seen()
    {
        Plan plan = PlanCatalog.Load("backlog");
        RunResult often = new StackTarget(Modern).Run(
            plan with { Looks = [.. Enumerable.Range(1, 2000).Select(i => TimeSpan.FromSeconds(0.1 * i))] });
        RunResult seldom = new StackTarget(Modern).Run(plan);
        Assert.Equal(seldom.Samples[^1].Counters, often.Samples[^1].Counters);
        Assert.Equal(
            seldom.Packets.Select(p => (p.Time, p.Flags)), often.Packets.Select(p => (p.Time, p.Flags)));
    }

    [Fact]
    public void All_clients_at_once_are_refused_alike()
    {
        Plan plan = PlanCatalog.Load("backlog").Until(TimeSpan.FromSeconds(2));
        ClientsPlan atOnce = plan.Clients with { Mode = ClientMode.AtOnce };
        RunResult run = new StackTarget(Modern).Run(plan with { Clients = atOnce });
        Assert.Equal("6+0 S3", Outcome.Of(run, run.Samples[0]));
        Assert.Equal(9, run.Connects.Count);
    }

    [Fact]
    public void A_port_that_nobody_listens_on_refuses_with_ECONNREFUSED()
    {
        Plan plan = PlanCatalog.Load("backlog").Until(TimeSpan.FromSeconds(1));
        RunResult run = new StackTarget(Modern).Run(plan with { Clients = plan.Clients with { Port = 6667 } });
        Assert.Equal(9, run.Connects.Count);
        Assert.All(run.Connects, c => Assert.Equal("ECONNREFUSED", c.Errno));
    }

    [Fact]
    public void A_sysctl_that_the_profile_does_not_have_ends_the_experiment_with_its_name()
    {
        Plan plan = PlanCatalog.Load("backlog") with
        {
            Hosts = [new HostPlan("host", [new SysctlSetting("net.ipv4.tcp_syn_linear_timeouts", "1")])],
        };
        string message = Assert.Throws<ExperimentFailedException>(() => new StackTarget(El6).Run(plan)).Message;
        Assert.Equal("the plan's sysctl: linux-el6 has no net.ipv4.tcp_syn_linear_timeouts", message);
    }

    private static RunResult Run(string plan, KernelProfile profile) =>
        new StackTarget(profile).Run(PlanCatalog.Load(plan));
}
