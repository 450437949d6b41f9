using System.Collections.Generic;

namespace Earshot.Core.Profiles;

/// <summary>Values that many releases share, so that a profile's page shows what is its own.</summary>
internal static class SysctlSets
{
    /// <summary>What only the data path reads, with 6.18's values; under older profiles they are the same, and
    /// without a file.</summary>
    internal static readonly (string Name, string Value)[] DataPath =
    [
        ("net.ipv4.tcp_available_congestion_control", "reno"),
        ("net.ipv4.tcp_allowed_congestion_control", "reno"),
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
