using Earshot.Core.Profiles;
using Earshot.Core.Time;
using Xunit;

namespace Earshot.Core.Tests;

/// <summary>What a kernel 6.18.44 answered to the same writes.</summary>
public sealed class SysctlTests : HostTest
{
    [Theory]
    [Trait("Linux", "proc_dointvec_minmax")]
    [InlineData("net.core.somaxconn", "0", "0")]
    [InlineData("net.core.somaxconn", "-1", null)]
    [InlineData("net.core.somaxconn", "2147483647", "2147483647")]
    [InlineData("net.core.somaxconn", "2147483648", null)]
    [InlineData("net.core.somaxconn", "4294967296", null)]
    [InlineData("net.core.somaxconn", "99999999999999999999999", null)]
    [InlineData("net.core.somaxconn", "", null)]
    [InlineData("net.core.somaxconn", "0x10", "16")]
    [InlineData("net.core.somaxconn", "010", "8")]
    [InlineData("net.core.somaxconn", "09", null)]
    [InlineData("net.core.somaxconn", "0x", null)]
    [InlineData("net.core.somaxconn", "+1", null)]
    [InlineData("net.core.somaxconn", " 7", "7")]
    [InlineData("net.core.somaxconn", "1 2", "1")]
    [InlineData("net.core.somaxconn", "7abc", null)]
    [InlineData("net.core.somaxconn", "1.5", null)]
    [InlineData("net.core.somaxconn", "1,2", null)]
    [InlineData("net.ipv4.tcp_max_syn_backlog", "-2147483648", "-2147483648")]
    [InlineData("net.ipv4.tcp_max_syn_backlog", "-2147483649", null)]
    [InlineData("net.ipv4.tcp_syncookies", "255", "255")]
    [InlineData("net.ipv4.tcp_syncookies", "256", null)]
    [InlineData("net.ipv4.tcp_synack_retries", "256", null)]
    [InlineData("net.ipv4.tcp_abort_on_overflow", "3", "3")]
    [InlineData("net.ipv4.tcp_migrate_req", "2", null)]
    [InlineData("net.ipv4.ip_autobind_reuse", "2", null)]
    [InlineData("net.ipv4.ip_nonlocal_bind", "255", "255")]
    [InlineData("net.ipv6.bindv6only", "255", "255")]
    [InlineData("net.ipv4.tcp_challenge_ack_limit", "-1", "-1")]
    [InlineData("net.ipv4.tcp_fin_timeout", "-1", "-1")]
    [InlineData("net.ipv4.tcp_fin_timeout", "2147483647", null)]
    [InlineData("net.ipv4.tcp_max_tw_buckets", "-1", "-1")]
    [InlineData("net.ipv4.tcp_tw_reuse", "3", null)]
    [InlineData("net.ipv4.tcp_tw_reuse_delay", "65535", null)]
    [InlineData("net.ipv4.ip_default_ttl", "0", null)]
    [InlineData("net.ipv4.tcp_invalid_ratelimit", "1", "4")]
    [InlineData("net.ipv4.tcp_invalid_ratelimit", "5", "8")]
    [InlineData("net.ipv4.tcp_invalid_ratelimit", "65535", "65536")]
    [InlineData("net.ipv4.tcp_invalid_ratelimit", "-1", null)]
    [InlineData("net.ipv4.tcp_invalid_ratelimit", "2147483648", null)]
    [InlineData("net.ipv4.tcp_invalid_ratelimit", "4294967296", "0")]
    [InlineData("net.ipv4.tcp_invalid_ratelimit", "2147483647", "2147483648")]
    [InlineData("net.ipv4.tcp_rmem", "9 8 7", "9\t8\t7")]
    [InlineData("net.ipv4.tcp_rmem", "1 2 3 4", "1\t2\t3")]
    [InlineData("net.ipv4.tcp_rmem", "5", "5\t131072\t33554432")]
    [InlineData("net.ipv4.tcp_rmem", "0", null)]
    [InlineData("net.ipv4.tcp_congestion_control", "abc", null, -Errno.ENOENT)]
    [InlineData("net.ipv4.ip_local_port_range", "40000", "40000\t60999")]
    [InlineData("net.ipv4.ip_local_port_range", "40000 40000", "40000\t40000")]
    [InlineData("net.ipv4.ip_local_port_range", "40000 50000 1", "40000\t50000")]
    [InlineData("net.ipv4.ip_local_port_range", "50000 40000", null)]
    [InlineData("net.ipv4.ip_local_port_range", "1023 65535", null)]
    [InlineData("net.ipv4.ip_local_port_range", "40000 abc", null)]
    [InlineData("net.ipv4.ip_local_port_range", "40000,50000", null)]
    [InlineData("net.ipv4.ip_unprivileged_port_start", "32768", "32768")]
    [InlineData("net.ipv4.ip_unprivileged_port_start", "32769", null)]
    [InlineData("net.ipv4.ip_unprivileged_port_start", "-1", null)]
    [InlineData("net.ipv4.ip_local_reserved_ports", "1,2,5-9", "1-2,5-9")]
    [InlineData("net.ipv4.ip_local_reserved_ports", "1-3,2-7", "1-7")]
    [InlineData("net.ipv4.ip_local_reserved_ports", "5,", "5")]
    [InlineData("net.ipv4.ip_local_reserved_ports", "", "")]
    [InlineData("net.ipv4.ip_local_reserved_ports", "0-65535", "0-65535")]
    [InlineData("net.ipv4.ip_local_reserved_ports", "0x10", "16")]
    [InlineData("net.ipv4.ip_local_reserved_ports", "5-3", null)]
    [InlineData("net.ipv4.ip_local_reserved_ports", "5-", null)]
    [InlineData("net.ipv4.ip_local_reserved_ports", "-5", null)]
    [InlineData("net.ipv4.ip_local_reserved_ports", "1,,2", null)]
    [InlineData("net.ipv4.ip_local_reserved_ports", "1,2 3", null)]
    [InlineData("net.ipv4.ip_local_reserved_ports", " 1", null)]
    [InlineData("net.ipv4.ip_local_reserved_ports", "65536", null)]
    [InlineData("net.ipv4.no_such_thing", "1", null, -Errno.ENOENT)]
    [InlineData("net.ipv4.tcp_reordering", "300", "300")]
    [InlineData("net.ipv4.tcp_reordering", "301", null)]
    [InlineData("net.ipv4.tcp_max_reordering", "0", null)]
    [InlineData("net.ipv4.tcp_probe_interval", "17179869", "17179869")]
    [InlineData("net.ipv4.tcp_probe_interval", "17179870", null)]
    [InlineData("net.ipv4.tcp_min_rtt_wlen", "86401", null)]
    [InlineData("net.ipv4.tcp_notsent_lowat", "0", "0")]
    [InlineData("net.ipv4.tcp_notsent_lowat", "4294967296", null)]
    [InlineData("net.ipv4.tcp_notsent_lowat", "-1", null)]
    [InlineData("net.ipv4.tcp_comp_sack_delay_ns", "8589934592", "8589934592")]
    [InlineData("net.ipv4.tcp_comp_sack_delay_ns", "-1", null)]
    [InlineData("net.ipv4.tcp_early_retrans", "5", null)]
    [InlineData("net.ipv4.tcp_app_win", "32", null)]
    [InlineData("net.ipv4.tcp_min_snd_mss", "47", null)]
    [InlineData("net.ipv4.tcp_rto_min_us", "0", null)]
    [InlineData("net.ipv4.tcp_base_mss", "0", "0")]
    [InlineData("net.ipv4.tcp_pacing_ss_ratio", "1001", null)]
    [InlineData("net.ipv4.tcp_mem", "0 0 0", "0\t0\t0")]
    [InlineData("net.ipv4.tcp_mem", "-1 1 1", null)]
    [InlineData("net.ipv4.tcp_max_orphans", "-1", "-1")]
    [InlineData("net.core.rmem_default", "2303", null)]
    public void A_value_is_taken_or_refused_as_the_kernel_does(
        string name, string text, string? read, int refusal = -Errno.EINVAL)
    {
        Host.Stack.Sysctls.TryGet(name, out string before);
        Assert.Equal(read is null ? refusal : 0, Host.Stack.Sysctls.Set(name, text));
        Host.Stack.Sysctls.TryGet(name, out string after);
        Assert.Equal(read ?? before, after);
    }

    [Fact]
    [Trait("Linux", "proc_dointvec_minmax")]
    public void The_reordering_that_is_assumed_may_be_raised_with_its_maximum()
    {
        Assert.Equal(0, Host.Stack.Sysctls.Set("net.ipv4.tcp_max_reordering", "1000"));
        Assert.Equal(0, Host.Stack.Sysctls.Set("net.ipv4.tcp_reordering", "500"));
    }

    [Theory]
    [InlineData(100, "1", "10")]
    [InlineData(300, "4", "7")]
    [InlineData(300, "500", "500")]
    [InlineData(1000, "1", "1")]
    [Trait("Linux", "proc_dointvec_ms_jiffies")]
    public void Milliseconds_are_rounded_to_the_tick_of_the_build(int hz, string text, string read)
    {
        var sysctls = new NetworkStack(
            new StackOptions { Profile = KernelProfile.Linux618 with { Hz = hz } }, Instant.Zero).Sysctls;
        Assert.Equal(0, sysctls.Set("net.ipv4.tcp_invalid_ratelimit", text));
        Assert.True(sysctls.TryGet("net.ipv4.tcp_invalid_ratelimit", out string value));
        Assert.Equal(read, value);
    }

    [Fact]
    [Trait("Linux", "proc_dointvec_minmax")]
    public void Numbers_before_a_wrong_one_are_taken()
    {
        Assert.Equal(-Errno.EINVAL, Host.Stack.Sysctls.Set("net.ipv4.tcp_rmem", "5 abc"));
        Host.Stack.Sysctls.TryGet("net.ipv4.tcp_rmem", out string text);
        Assert.Equal("5\t131072\t33554432", text);
    }
}
