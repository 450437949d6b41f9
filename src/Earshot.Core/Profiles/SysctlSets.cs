using System.Collections.Generic;

namespace Earshot.Core.Profiles;

/// <summary>Values that many releases share, so that a profile's page shows what is its own.</summary>
internal static class SysctlSets
{
    /// <summary>What only the data path reads, with 6.18's values; under older profiles they are the same, and
    /// without a file.</summary>
    internal static readonly (string Name, string Value)[] DataPath =
    [
        ("net.ipv4.tcp_available_congestion_control", "reno cubic bbr dctcp"),
        ("net.ipv4.tcp_allowed_congestion_control", "reno cubic bbr"),
        ("net.ipv4.tcp_retries1", "3"),
        ("net.ipv4.tcp_retrans_collapse", "1"),
        ("net.ipv4.tcp_frto", "2"),
        ("net.ipv4.tcp_recovery", "1"),
        ("net.ipv4.tcp_early_retrans", "3"),
        ("net.ipv4.tcp_max_reordering", "300"),
        ("net.ipv4.tcp_reordering", "3"),
        ("net.ipv4.tcp_thin_linear_timeouts", "0"),
        ("net.ipv4.tcp_min_rtt_wlen", "300"),
        ("net.ipv4.tcp_rto_min_us", "200000"),
        ("net.ipv4.tcp_no_ssthresh_metrics_save", "1"),
        ("net.ipv4.tcp_tso_win_divisor", "3"),
        ("net.ipv4.tcp_tso_rtt_log", "9"),
        ("net.ipv4.tcp_min_tso_segs", "2"),
        ("net.ipv4.tcp_limit_output_bytes", "4194304"),
        ("net.ipv4.tcp_pacing_ss_ratio", "200"),
        ("net.ipv4.tcp_pacing_ca_ratio", "120"),
        ("net.ipv4.tcp_autocorking", "1"),
        ("net.ipv4.tcp_notsent_lowat", "4294967295"),
        ("net.ipv4.tcp_mtu_probing", "0"),
        ("net.ipv4.tcp_base_mss", "1024"),
        ("net.ipv4.tcp_min_snd_mss", "48"),
        ("net.ipv4.tcp_mtu_probe_floor", "48"),
        ("net.ipv4.tcp_probe_threshold", "8"),
        ("net.ipv4.tcp_probe_interval", "600"),
        ("net.ipv4.tcp_ecn_fallback", "1"),
        ("net.ipv4.tcp_ecn_option", "2"),
        ("net.ipv4.tcp_ecn_option_beacon", "3"),
        ("net.ipv4.tcp_fastopen_blackhole_timeout_sec", "0"),
        ("net.ipv4.tcp_dsack", "1"),
        ("net.ipv4.tcp_shrink_window", "0"),
        ("net.ipv4.tcp_moderate_rcvbuf", "1"),
        ("net.ipv4.tcp_app_win", "31"),
        ("net.ipv4.tcp_pingpong_thresh", "1"),
        ("net.ipv4.tcp_backlog_ack_defer", "1"),
        ("net.ipv4.tcp_comp_sack_nr", "44"),
        ("net.ipv4.tcp_comp_sack_delay_ns", "1000000"),
        ("net.ipv4.tcp_comp_sack_slack_ns", "100000"),
        ("net.ipv4.tcp_mem", "287901\t383868\t575802"),
        ("net.ipv4.udp_mem", "575802\t767736\t1151604"),
        ("net.ipv4.tcp_max_orphans", "131072"),
        ("net.ipv4.tcp_stdurg", "0"),
        ("net.core.rmem_default", "212992"),
        ("net.core.wmem_default", "212992"),
        ("net.core.optmem_max", "131072"),
        ("net.ipv4.udp_rmem_min", "4096"),
        ("net.ipv4.udp_wmem_min", "4096"),
    ];

    /// <summary>What every release from 2.4 to 6.18 boots with, and what is the page's own.</summary>
    internal static Dictionary<string, string> Linux(params (string Name, string Value)[] own) => With(
        new Dictionary<string, string>
        {
            ["net.ipv4.tcp_synack_retries"] = "5",
            ["net.ipv4.tcp_retries2"] = "15",
            ["net.ipv4.tcp_orphan_retries"] = "0",
            ["net.ipv4.tcp_abort_on_overflow"] = "0",
            ["net.ipv4.tcp_fin_timeout"] = "60",
            ["net.ipv4.tcp_timestamps"] = "1",
            ["net.ipv4.tcp_window_scaling"] = "1",
            ["net.ipv4.tcp_sack"] = "1",
            ["net.ipv4.tcp_rfc1337"] = "0",
            ["net.ipv4.tcp_keepalive_time"] = "7200",
            ["net.ipv4.tcp_keepalive_intvl"] = "75",
            ["net.ipv4.tcp_keepalive_probes"] = "9",
            ["net.ipv4.ip_default_ttl"] = "64",
            ["net.ipv4.ip_nonlocal_bind"] = "0",
            ["net.ipv4.icmp_echo_ignore_all"] = "0",
        },
        own);

    /// <summary>What a system before sysctls, or one with names of its own, has compiled in, and what is the page's
    /// own.</summary>
    internal static Dictionary<string, string> CompiledIn(params (string Name, string Value)[] own) => With(
        new Dictionary<string, string>
        {
            ["net.ipv4.tcp_fin_timeout"] = "60",
            ["net.ipv4.tcp_retries2"] = "15",
            ["net.ipv4.tcp_max_tw_buckets"] = "131072",
            ["net.ipv4.tcp_keepalive_time"] = "7200",
            ["net.ipv4.tcp_keepalive_intvl"] = "75",
            ["net.ipv4.tcp_keepalive_probes"] = "9",
            ["net.ipv4.ip_default_ttl"] = "64",
        },
        own);

    private static Dictionary<string, string> With(
        Dictionary<string, string> common, (string Name, string Value)[] own)
    {
        foreach ((string name, string value) in own)
        {
            common[name] = value;
        }

        return common;
    }
}
