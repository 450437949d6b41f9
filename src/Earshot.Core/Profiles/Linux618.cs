namespace Earshot.Core.Profiles;

/// <summary>Linux 6.18.44, the reference: what the fact sheets' live observations were made on.</summary>
internal static class Linux618
{
    internal static KernelProfile Create() => new()
    {
        Name = "linux-6.18",
        Release = "6.18.44",
        Summary = "a full accept queue refuses every SYN; the SYN queue's limit is the backlog; "
            + "each request has a timer",
        Shape = ListenShape.GlobalTable,
        SynAckTimer = SynAckTimerKind.PerRequest,
        TimerWheel = TimerWheelKind.Levels,
        Hz = 250,
        SynQueueAdmitsOneMore = true,
        PrunesUnderPressure = true,
        Sysctls = SysctlSets.Linux([
            ("net.core.somaxconn", "4096"),
            ("net.core.rmem_max", "4194304"),
            ("net.core.wmem_max", "4194304"),
            ("net.ipv4.tcp_max_syn_backlog", "2048"),
            ("net.ipv4.tcp_syncookies", "1"),
            ("net.ipv4.tcp_syn_retries", "6"),
            ("net.ipv4.tcp_syn_linear_timeouts", "4"),
            ("net.ipv4.tcp_ecn", "2"),
            ("net.ipv4.tcp_fastopen", "1"),
            ("net.ipv4.tcp_fastopen_key", "00000000-00000000-00000000-00000000"),
            ("net.ipv4.tcp_reflect_tos", "0"),
            ("net.ipv4.ip_autobind_reuse", "0"),
            ("net.ipv4.tcp_migrate_req", "0"),
            ("net.ipv4.tcp_adv_win_scale", "1"),
            ("net.ipv4.tcp_fwmark_accept", "0"),
            ("net.ipv4.tcp_l3mdev_accept", "0"),
            ("net.ipv4.tcp_rto_max_ms", "120000"),
            ("net.ipv4.route.min_adv_mss", "256"),
            ("net.ipv4.ip_no_pmtu_disc", "0"),
            ("net.core.txrehash", "1"),
            ("net.ipv4.tcp_workaround_signed_windows", "0"),
            ("net.ipv4.ip_unprivileged_port_start", "1024"),
            ("net.ipv4.ip_local_reserved_ports", ""),
            ("net.ipv6.bindv6only", "0"),
            ("net.ipv6.ip_nonlocal_bind", "0"),
            ("net.ipv4.tcp_rmem", "4096\t131072\t33554432"),
            ("net.ipv4.tcp_wmem", "4096\t16384\t4194304"),
            ("net.ipv4.tcp_congestion_control", "reno"),
            ("net.ipv4.tcp_slow_start_after_idle", "1"),
            ("net.ipv4.tcp_tw_reuse", "2"),
            ("net.ipv4.tcp_tw_reuse_delay", "1000"),
            ("net.ipv4.tcp_no_metrics_save", "0"),
            ("net.ipv4.tcp_max_tw_buckets", "131072"),
            ("net.ipv4.tcp_invalid_ratelimit", "500"),
            ("net.ipv4.tcp_challenge_ack_limit", "2147483647"),
            ("net.ipv4.ip_local_port_range", "32768\t60999"),
            ("net.ipv4.icmp_ratelimit", "1000"),
            .. SysctlSets.DataPath]),
    };
}
