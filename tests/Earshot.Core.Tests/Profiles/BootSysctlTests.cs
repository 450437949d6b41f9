using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Profiles;
using Xunit;

namespace Earshot.Core.Tests.Profiles;

/// <summary>What every release boots with.</summary>
/// <remarks>
/// Typed from the history of the releases ("Defaults") and, for 6.18, from what the host kernel shows in a new
/// namespace; what those leave open is marked (unverified) in the profile's own page, and typed here from that page.
/// </remarks>
public sealed class BootSysctlTests
{
    // Of net.core and net.ipv4: what is read when sockets listen, connect and end.
    public static TheoryData<string, string> Values => new()
    {
        { "net.core.somaxconn", "2.4: 128; 5.4: 4096" },
        { "net.core.rmem_max", "2.2: 65535; 2.6.11: 110592; 2.6.32: 124928; 3.10: 212992; 6.18: 4194304" },
        { "net.core.wmem_max", "2.2: 65535; 2.6.11: 110592; 2.6.32: 124928; 3.10: 212992; 6.18: 4194304" },
        { "net.core.txrehash", "6.18: 1" },
        { "net.ipv4.tcp_max_syn_backlog", "2.2: 128; 2.4: 1024; 2.6.32: 2048; 3.10: 1024; 5.4: 2048" },
        { "net.ipv4.tcp_syncookies", "2.2: 0; 3.10: 1" },
        { "net.ipv4.tcp_syn_retries", "2.2: 10; 2.4: 5; 3.10: 6" },
        { "net.ipv4.tcp_syn_linear_timeouts", "6.12: 4" },
        { "net.ipv4.tcp_synack_retries", "2.4: 5" },
        { "net.ipv4.tcp_retries2", "2.2: 15" },
        { "net.ipv4.tcp_orphan_retries", "2.4: 0" },
        { "net.ipv4.tcp_abort_on_overflow", "2.4: 0" },
        { "net.ipv4.tcp_fin_timeout", "2.2: 180; 2.4: 60" },
        { "net.ipv4.tcp_timestamps", "2.2: 1" },
        { "net.ipv4.tcp_window_scaling", "2.2: 1" },
        { "net.ipv4.tcp_sack", "2.2: 1" },
        { "net.ipv4.tcp_rfc1337", "2.2: 0" },
        { "net.ipv4.tcp_keepalive_time", "2.2: 7200" },
        { "net.ipv4.tcp_keepalive_intvl", "2.4: 75" },
        { "net.ipv4.tcp_keepalive_probes", "2.2: 9" },
        { "net.ipv4.tcp_ecn", "2.4: 0; 2.6.32: 2" },
        { "net.ipv4.tcp_fastopen", "3.10: 0; 4.4: 1" },
        { "net.ipv4.tcp_fastopen_key", "3.10: 00000000-00000000-00000000-00000000" },
        { "net.ipv4.tcp_reflect_tos", "6.1: 0" },
        { "net.ipv4.tcp_migrate_req", "6.1: 0" },
        { "net.ipv4.tcp_adv_win_scale", "6.18: 1" },
        { "net.ipv4.tcp_fwmark_accept", "6.18: 0" },
        { "net.ipv4.tcp_l3mdev_accept", "6.18: 0" },
        { "net.ipv4.tcp_rto_max_ms", "6.18: 120000" },
        { "net.ipv4.tcp_workaround_signed_windows", "2.6.32: 0" },
        {
            "net.ipv4.tcp_rmem",
            "2.4: 4096 87380 174760; 2.6.32: 4096 87380 4194304; 3.10: 4096 87380 6291456; 5.4: 4096 131072 6291456; "
                + "6.18: 4096 131072 33554432"
        },
        { "net.ipv4.tcp_wmem", "2.4: 4096 16384 131072; 2.6.32: 4096 16384 4194304" },
        { "net.ipv4.tcp_congestion_control", "2.6.32: cubic" },
        { "net.ipv4.tcp_slow_start_after_idle", "2.6.32: 1" },
        { "net.ipv4.tcp_tw_reuse", "2.4: 0; 5.4: 2" },
        { "net.ipv4.tcp_tw_reuse_delay", "6.18: 1000" },
        { "net.ipv4.tcp_no_metrics_save", "3.10: 0" },
        { "net.ipv4.tcp_max_tw_buckets", "2.4: 180000; 2.6.32: 262144; 3.10: 131072" },
        { "net.ipv4.tcp_invalid_ratelimit", "4.4: 500" },
        { "net.ipv4.tcp_challenge_ack_limit", "3.10: 100; 4.4: 1000; 6.1: 2147483647" },
        { "net.ipv4.ip_local_port_range", "2.2: 1024 4999; 2.4: 32768 61000; 4.4: 32768 60999" },
        { "net.ipv4.ip_local_reserved_ports", "el6: " },
        { "net.ipv4.ip_unprivileged_port_start", "5.4: 1024" },
        { "net.ipv4.ip_autobind_reuse", "6.1: 0" },
        { "net.ipv4.ip_nonlocal_bind", "2.4: 0" },
        { "net.ipv4.ip_default_ttl", "2.4: 64" },
        { "net.ipv4.ip_no_pmtu_disc", "6.18: 0" },
        { "net.ipv4.icmp_echo_ignore_all", "2.2: 0" },
        { "net.ipv4.icmp_echo_ignore_broadcasts", "6.18: 1" },
        { "net.ipv4.icmp_ratelimit", "2.4: 100; 2.6.11: 1000" },
        { "net.ipv4.icmp_ratemask", "6.18: 6168" },
        { "net.ipv4.icmp_msgs_per_sec", "6.18: 1000" },
        { "net.ipv4.icmp_msgs_burst", "6.18: 50" },
        { "net.ipv4.ipfrag_high_thresh", "6.18: 4194304" },
        { "net.ipv4.ipfrag_time", "6.18: 30" },
        { "net.ipv4.ipfrag_max_dist", "6.18: 64" },
        { "net.ipv4.igmp_max_memberships", "6.18: 20" },
        { "net.ipv4.igmp_max_msf", "6.18: 10" },
        { "net.ipv6.mld_max_msf", "6.18: 64" },
        { "net.ipv4.route.min_adv_mss", "6.18: 256" },
        { "net.ipv4.route.min_pmtu", "6.18: 552" },
        { "net.ipv4.route.mtu_expires", "6.18: 600" },
        { "net.ipv6.bindv6only", "2.6.11: 0" },
        { "net.ipv6.ip_nonlocal_bind", "4.4: 0" },
        { "net.ipv6.ip6frag_high_thresh", "6.18: 4194304" },
        { "net.ipv6.ip6frag_time", "6.18: 60" },
        { "net.ipv6.route.mtu_expires", "6.18: 600" },
        { "kern.ipc.somaxconn", "freebsd: 128; xnu: 128" },
        { "net.inet.tcp.syncookies", "freebsd: 1" },
        { "net.inet.tcp.syncache.rexmtlimit", "freebsd: 3" },
        { "net.inet.tcp.syncache.rst_on_sock_fail", "freebsd: 1" },
    };

    // Of the data path, with the values that the host kernel has; kept for 6.18 alone.
    public static TheoryData<string, string> DataPath => new()
    {
        { "net.ipv4.tcp_available_congestion_control", "reno cubic bbr dctcp" },
        { "net.ipv4.tcp_allowed_congestion_control", "reno cubic bbr" },
        { "net.ipv4.tcp_retries1", "3" },
        { "net.ipv4.tcp_retrans_collapse", "1" },
        { "net.ipv4.tcp_frto", "2" },
        { "net.ipv4.tcp_recovery", "1" },
        { "net.ipv4.tcp_early_retrans", "3" },
        { "net.ipv4.tcp_max_reordering", "300" },
        { "net.ipv4.tcp_reordering", "3" },
        { "net.ipv4.tcp_thin_linear_timeouts", "0" },
        { "net.ipv4.tcp_min_rtt_wlen", "300" },
        { "net.ipv4.tcp_rto_min_us", "200000" },
        { "net.ipv4.tcp_no_ssthresh_metrics_save", "1" },
        { "net.ipv4.tcp_tso_win_divisor", "3" },
        { "net.ipv4.tcp_tso_rtt_log", "9" },
        { "net.ipv4.tcp_min_tso_segs", "2" },
        { "net.ipv4.tcp_limit_output_bytes", "4194304" },
        { "net.ipv4.tcp_pacing_ss_ratio", "200" },
        { "net.ipv4.tcp_pacing_ca_ratio", "120" },
        { "net.ipv4.tcp_autocorking", "1" },
        { "net.ipv4.tcp_notsent_lowat", "4294967295" },
        { "net.ipv4.tcp_mtu_probing", "0" },
        { "net.ipv4.tcp_base_mss", "1024" },
        { "net.ipv4.tcp_min_snd_mss", "48" },
        { "net.ipv4.tcp_mtu_probe_floor", "48" },
        { "net.ipv4.tcp_probe_threshold", "8" },
        { "net.ipv4.tcp_probe_interval", "600" },
        { "net.ipv4.tcp_ecn_fallback", "1" },
        { "net.ipv4.tcp_ecn_option", "2" },
        { "net.ipv4.tcp_ecn_option_beacon", "3" },
        { "net.ipv4.tcp_fastopen_blackhole_timeout_sec", "0" },
        { "net.ipv4.tcp_dsack", "1" },
        { "net.ipv4.tcp_shrink_window", "0" },
        { "net.ipv4.tcp_moderate_rcvbuf", "1" },
        { "net.ipv4.tcp_app_win", "31" },
        { "net.ipv4.tcp_pingpong_thresh", "1" },
        { "net.ipv4.tcp_backlog_ack_defer", "1" },
        { "net.ipv4.tcp_comp_sack_nr", "44" },
        { "net.ipv4.tcp_comp_sack_delay_ns", "1000000" },
        { "net.ipv4.tcp_comp_sack_slack_ns", "100000" },
        { "net.ipv4.tcp_mem", "287901 383868 575802" },
        { "net.ipv4.udp_mem", "575802 767736 1151604" },
        { "net.ipv4.tcp_max_orphans", "131072" },
        { "net.ipv4.tcp_stdurg", "0" },
        { "net.core.rmem_default", "212992" },
        { "net.core.wmem_default", "212992" },
        { "net.core.optmem_max", "131072" },
        { "net.ipv4.udp_rmem_min", "4096" },
        { "net.ipv4.udp_wmem_min", "4096" },
    };

    // What a release has compiled in.
    public static TheoryData<string, string> Constants => new()
    {
        { "net.core.somaxconn", "2.0: 128; 2.4: -; bsd-4.4: 5" },
        { "net.ipv4.tcp_syncookies", "2.0: 0; 2.2: -" },
        { "net.ipv4.tcp_synack_retries", "2.0: 6; 2.2: 7; 2.4: -; xnu: 12; bsd-4.4: 12" },
        { "net.ipv4.tcp_syn_retries", "2.0: 6; 2.2: -; freebsd: 12; xnu: 12; bsd-4.4: 12" },
        { "net.ipv4.tcp_timestamps", "2.0: 0; 2.2: -; freebsd: 1; xnu: 1; bsd-4.4: 1" },
        { "net.ipv4.tcp_window_scaling", "2.0: 0; 2.2: -; freebsd: 1; xnu: 1; bsd-4.4: 1" },
        { "net.ipv4.tcp_sack", "freebsd: 1; xnu: 1" },
        { "net.ipv4.tcp_fin_timeout", "2.0: 180; 2.2: -; freebsd: 60; xnu: 60; bsd-4.4: 60" },
        { "net.ipv4.tcp_retries2", "2.0: 15; 2.2: -; freebsd: 15; xnu: 15; bsd-4.4: 15" },
        { "net.ipv4.tcp_max_tw_buckets", "2.0: 131072; 2.4: -; freebsd: 131072; xnu: 131072; bsd-4.4: 131072" },
        { "net.ipv4.tcp_keepalive_time", "2.0: 7200; 2.2: -; freebsd: 7200; xnu: 7200; bsd-4.4: 7200" },
        { "net.ipv4.tcp_keepalive_intvl", "2.0: 75; 2.4: -; freebsd: 75; xnu: 75; bsd-4.4: 75" },
        { "net.ipv4.tcp_keepalive_probes", "2.0: 9; 2.2: -; freebsd: 9; xnu: 9; bsd-4.4: 9" },
        { "net.ipv4.ip_default_ttl", "2.0: 64; 2.4: -; freebsd: 64; xnu: 64; bsd-4.4: 64" },
        {
            "net.ipv4.tcp_rmem",
            "2.0: 256 65535 65535; 2.4: -; freebsd: 1 65536 2097152; xnu: 1 131072 4194304; bsd-4.4: 1 8192 262144"
        },
        {
            "net.ipv4.tcp_wmem",
            "2.0: 2048 65535 65535; 2.4: -; freebsd: 1 32768 2097152; xnu: 1 131072 4194304; bsd-4.4: 1 8192 262144"
        },
        {
            "net.ipv4.ip_local_port_range",
            "2.0: 1024 4999; 2.2: -; freebsd: 10000 65535; xnu: 49152 65535; bsd-4.4: 1024 5000"
        },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public void A_sysctl_has_the_value_that_the_release_boots_with(string name, string line) =>
        Assert.Empty(ReleaseTable.Disagreements(line, profile => Text(profile.Sysctls, name)));

    [Theory]
    [MemberData(nameof(DataPath))]
    public void A_sysctl_of_the_data_path_has_6_18_s_value(string name, string value)
    {
        Assert.Empty(ReleaseTable.Disagreements($"6.18: {value}", profile => Text(profile.Sysctls, name)));
        Assert.Contains(name, KernelProfile.DataPathSysctls);
    }

    [Theory]
    [MemberData(nameof(Constants))]
    public void A_constant_is_what_the_release_has_compiled_in(string name, string line) =>
        Assert.Empty(ReleaseTable.Disagreements(line, profile => Text(profile.Constants, name)));

    [Fact]
    public void Every_sysctl_and_constant_of_a_profile_is_in_the_tables()
    {
        Assert.Equal(
            Values.Concat(DataPath).Select(row => (string)row[0]).Order(StringComparer.Ordinal),
            KernelProfile.All.SelectMany(profile => profile.Sysctls.Keys).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(
            Constants.Select(row => (string)row[0]).Order(StringComparer.Ordinal),
            KernelProfile.All.SelectMany(profile => profile.Constants.Keys).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(DataPath.Select(row => (string)row[0]), KernelProfile.DataPathSysctls);
    }

    private static string? Text(IReadOnlyDictionary<string, string> of, string name) =>
        of.TryGetValue(name, out string? value) ? value.Replace('\t', ' ') : null;
}
