using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Lab.Experiments;
using Xunit;
using static Earshot.Lab.Tests.Runs;

namespace Earshot.Lab.Tests.Experiments;

public sealed class CompareTests
{
    private static readonly TableRow[] Six = [.. Rows("ESTABLISHED", 1, 2, 3, 4, 5, 6)];

    [Fact]
    public void A_run_has_no_difference_to_itself() =>
        Assert.Empty(Compare.Runs(Run(ArticleSample()), Run(ArticleSample())));

    [Fact]
    public void A_state_that_differs_is_found()
    {
        Difference found = Compare.Runs(Run(Sample(1, [.. Six, .. Rows("SYN_RECV", 7)])), Run(Sample(1, Six)))[0];
        Assert.Equal(("server state SYN_RECV", "1", "0"), (found.What, found.Left, found.Right));
    }

    [Fact]
    public void A_queue_that_differs_is_found()
    {
        Sample other = Sample(1, Six) with { Queues = [new QueueSample(6666, 6, 4, 0)] };
        Difference found = Assert.Single(Compare.Runs(Run(Sample(1, Six)), Run(other)));
        Assert.Equal("port 6666 accept 6 limit 5 SYN_RECV 0", found.Left);
        Assert.Equal("port 6666 accept 6 limit 4 SYN_RECV 0", found.Right);
    }

    [Theory]
    [InlineData("TcpActiveOpens")]
    [InlineData("TcpExtListenDrops")]
    [InlineData("IcmpOutMsgs")]
    [InlineData("IcmpOutDestUnreachs")]
    [InlineData("IpExtInOctets")]
    [InlineData("Ip6InDelivers")]
    public void A_counter_that_moved_on_one_side_only_is_found(string counter)
    {
        RunResult still = Run(Sample(1, Six));
        RunResult moved = Run(Sample(1, Six, (counter, 1)));
        Assert.Equal(("1", "0"), Sides(Compare.Runs(moved, still)));
        Assert.Equal(("0", "1"), Sides(Compare.Runs(still, moved)));
    }

    [Fact]
    public void What_the_stack_leaves_out_is_not_compared() =>
        Assert.Empty(Compare.Runs(
            Run(Sample(1, Six, ("TcpExtTCPRcvCoalesce", 9), ("IcmpMsgInType3", 1))), Run(Sample(1, Six))));

    [Fact]
    public void An_errno_that_differs_is_found()
    {
        RunResult left = Run(ArticleSample());
        RunResult right = left with
        {
            Connects = [left.Connects[0], left.Connects[1] with { Errno = "ECONNREFUSED" }, left.Connects[2]],
        };
        Difference found = Assert.Single(Compare.Runs(left, right));
        Assert.Equal(("connect() of client 2", "ETIMEDOUT", "ECONNREFUSED"), (found.What, found.Left, found.Right));
    }

    [Fact]
    public void A_connect_that_only_one_side_made_is_found()
    {
        RunResult left = Run(ArticleSample());
        Difference found = Assert.Single(Compare.Runs(left, left with { Connects = [.. left.Connects.Take(2)] }));
        Assert.Equal(("still waits", "not called"), (found.Left, found.Right));
    }

    [Fact]
    public void The_earliest_difference_comes_first_whatever_kind_it_is()
    {
        RunResult left = Run(Sample(5, Six)) with { Packets = [Packet(1, 0, "S"), Packet(1, 1, "S")] };
        RunResult right = Run(Sample(5, [])) with { Packets = [Packet(1, 0, "S"), Packet(1, 1, "R")] };
        Assert.StartsWith("packet 2 of connection 1", Compare.Runs(left, right)[0].What, StringComparison.Ordinal);
    }

    [Fact]
    public void A_difference_reads_as_a_line() =>
        Assert.Equal(
            "at 10 s: counter TcpExtTCPTimeouts: linux-6.18 6, host 7",
            new Difference(S(10), "counter TcpExtTCPTimeouts", "6", "7").Describe("linux-6.18", "host"));

    [Fact]
    public void A_packet_that_is_missing_is_found_once()
    {
        Difference found = Assert.Single(Packets([(0, "S"), (0, "SA"), (0, "A")], [(0, "S")]));
        Assert.Equal("none", found.Right);
    }

    [Theory]
    [InlineData(1.000)]
    [InlineData(1.020)]
    [InlineData(1.036)]
    public void A_retransmission_may_be_late_by_the_wheel_s_granule_and_a_tick(double host) =>
        Assert.Empty(Packets([(0, "S"), (1.024, "S")], [(0, "S"), (host, "S")]));

    [Fact]
    public void A_retransmission_that_is_early_is_found() =>
        Assert.Contains("(early: the timer is 1 s)", Assert.Single(
            Packets([(0, "S"), (1.024, "S")], [(0, "S"), (0.999, "S")])).Right, StringComparison.Ordinal);

    [Fact]
    public void A_retransmission_later_than_the_granule_is_found() =>
        Assert.Contains("(late: the timer is 1 s and may be late until 1.036 s)", Assert.Single(
            Packets([(0, "S"), (1.024, "S")], [(0, "S"), (1.040, "S")])).Right, StringComparison.Ordinal);

    [Fact]
    public void The_granule_grows_with_the_timer()
    {
        Assert.Empty(Packets([(0, "S"), (64, "S")], [(0, "S"), (66.05, "S")]));
        Assert.Single(Packets([(0, "S"), (64, "S")], [(0, "S"), (66.06, "S")]));
    }

    [Fact]
    public void Times_are_counted_from_the_packet_before_so_that_lateness_does_not_add_up() =>
        Assert.Empty(Packets(
            [(0, "S"), (1, "S"), (2, "S"), (3, "S")],
            [(0, "S"), (1.03, "S"), (2.06, "S"), (3.09, "S")]));

    [Fact]
    public void An_answer_that_should_come_at_once_may_not_take_a_delayed_ACK_s_time() =>
        Assert.Single(Packets([(0, "S"), (0, "SA")], [(0, "S"), (0.040, "SA")]));

    // Linux: calc_wheel_index. Gaps captured on 6.18.44 with HZ=250, beside the timers that made them.
    [Theory]
    [InlineData(1, 1.015213)]
    [InlineData(1, 1.024075)]
    [InlineData(2, 2.015925)]
    [InlineData(4, 4.160107)]
    [InlineData(8, 8.192147)]
    [InlineData(16, 16.127924)]
    [InlineData(32, 32.256012)]
    [InlineData(64, 65.536610)]
    public void What_the_reference_kernel_did_is_within_its_granularity(double timer, double seen) =>
        Assert.Null(new TimerGranularity(TimerGranularity.DefaultTicksPerSecond).Judge(S(timer), S(seen)));

    [Fact]
    public void Runs_of_different_plans_cannot_be_compared() =>
        Assert.Throws<ArgumentException>(() => Compare.Runs(Run(ArticleSample(10)), Run(ArticleSample(60))));

    private static (string Left, string Right) Sides(IReadOnlyList<Difference> found)
    {
        Difference one = Assert.Single(found);
        return (one.Left, one.Right);
    }

    private static IReadOnlyList<Difference> Packets(
        (double Time, string Flags)[] left, (double Time, string Flags)[] right)
    {
        static RunResult With((double Time, string Flags)[] packets) => Run(Sample(1, Six)) with
        {
            Connects = [],
            Packets = [.. packets.Select(p => Packet(1, p.Time, p.Flags, fromClient: p.Flags != "SA"))],
        };

        return Compare.Runs(With(left), With(right));
    }
}
