using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Lab.Views;
using Xunit;

namespace Earshot.Cli.Tests.Views;

public sealed class NetstatStatisticsTests
{
    // What the real netstat was shown, in the order of its made-up values: our counters, and all that we do not move.
    private static readonly string[] Names = [.. GoldenText.Lines("netstat-s-counters.txt")];

    [Fact]
    public void The_real_netstat_was_shown_every_counter_of_ours() =>
        Assert.Empty(Enum.GetNames<Counter>().Skip(1).Where(name => !name.Contains('6')).Except(Names));

    [Fact]
    public void Counters_stand_in_the_order_of_the_kernels_files()
    {
        string[] kernel = GoldenText.Lines("proc-net-names.txt");
        string[] ours = [.. Enum.GetNames<Counter>().Skip(1)];
        Assert.Equal(kernel.Where(ours.Contains), ours);
    }

    [Fact]
    public void Every_counter_is_worded_as_netstat_2_10_words_it() => Assert.Equal(
        GoldenText.Lines("netstat-s-all.txt"),
        NetstatStatistics.Lines(
            Names.Select((name, i) => KeyValuePair.Create(name, 100L + i)), KernelProfile.Linux618));

    [Fact]
    public void Of_counters_that_are_0_the_same_ones_are_printed() => Assert.Equal(
        GoldenText.Lines("netstat-s-zero.txt"),
        NetstatStatistics.Lines(Names.Select(name => KeyValuePair.Create(name, 0L)), KernelProfile.Linux618));

    [Fact]
    public void Under_el6_SYNs_are_ignored_and_later_dropped()
    {
        KeyValuePair<string, long>[] counters = [KeyValuePair.Create("TcpExtListenDrops", 144L)];
        const string said = "    144 SYNs to LISTEN sockets ";
        Assert.Contains(said + "ignored", NetstatStatistics.Lines(counters, KernelProfile.LinuxEl6));
        Assert.Contains(said + "dropped", NetstatStatistics.Lines(counters, KernelProfile.Linux618));
    }

    [Fact]
    public void What_the_stack_does_not_count_is_not_printed() => Assert.Equal(
        ["Ip:", "Icmp:", "Tcp:", "    3 active connection openings", "TcpExt:", "IpExt:"],
        NetstatStatistics.Lines([KeyValuePair.Create("TcpActiveOpens", 3L)], KernelProfile.Linux618));
}
