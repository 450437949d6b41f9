using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Profiles;
using Earshot.Lab.Experiments;
using Earshot.Lab.Targets;
using Xunit;

namespace Earshot.Lab.Tests.Targets;

public sealed class HostFilesTests
{
    [Fact]
    public void Counters_are_named_as_nstat_names_them()
    {
        var counters = new Dictionary<string, long>();
        HostFiles.ReadCounters(
            "Tcp: RtoMin ActiveOpens MaxConn\nTcp: 200 7 -1\nTcpExt: TCPTimeouts\nTcpExt: 3\n", counters);
        Assert.Equal(7, counters["TcpActiveOpens"]);
        Assert.Equal(-1, counters["TcpMaxConn"]);
        Assert.Equal(3, counters["TcpExtTCPTimeouts"]);
    }

    [Fact]
    public void A_line_of_proc_net_tcp_is_read_into_a_row()
    {
        const string text =
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
            "   0: 0100007F:1A0A 00000000:0000 0A 00000000:00000006 00:00000000 00000000     0        0 5921\n" +
            "   1: 0100007F:E640 0100007F:1A0A 02 00000001:00000000 01:00000063 00000000     0        0 5930\n";
        Assert.Equal(
            [
                new TableRow(6, 0, "127.0.0.1:6666", "0.0.0.0:*", "LISTEN", true),
                new TableRow(0, 1, "127.0.0.1:58944", "127.0.0.1:6666", "SYN_SENT", false),
            ],
            HostFiles.ReadSockets(text, 6666));
    }

    [Fact]
    public void Only_counters_that_moved_are_in_a_delta() =>
        Assert.Equal(
            [new KeyValuePair<string, long>("b", 2), new("c", 5)],
            CounterDelta.Between(
                new Dictionary<string, long> { ["a"] = 1, ["b"] = 1 },
                new Dictionary<string, long> { ["a"] = 1, ["b"] = 3, ["c"] = 5 }));

    [Fact]
    public void A_namespace_s_first_sysctl_is_its_congestion_control() =>
        Assert.Equal(new SysctlSetting("net.ipv4.tcp_congestion_control", "reno"), HostSysctls.Linux618[0]);

    [Fact]
    public void A_namespace_gets_every_sysctl_of_the_reference_profile_with_the_profile_s_value()
    {
        Dictionary<string, string> written = HostSysctls.Linux618.ToDictionary(s => s.Name, s => s.Value);

        // The key's value before its first use is what a kernel shows, not what it may be given; two cannot be written;
        // four are one for all namespaces of a host.
        Assert.All(KernelProfile.Linux618.Sysctls.Where(s => s.Key is not ("net.ipv4.tcp_fastopen_key"
            or "net.ipv4.tcp_congestion_control"
            or "net.ipv4.tcp_available_congestion_control" or "net.ipv4.tcp_allowed_congestion_control"
            or "net.ipv4.tcp_mem" or "net.ipv4.udp_mem" or "net.ipv4.tcp_max_orphans"
            or "net.ipv6.mld_max_msf")), sysctl =>
            Assert.Equal(sysctl.Value.Replace('\t', ' '), written.GetValueOrDefault(sysctl.Key)));
    }
}
