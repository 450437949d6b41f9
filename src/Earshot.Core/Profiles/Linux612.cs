namespace Earshot.Core.Profiles;

/// <summary>Linux 6.12.117: as 6.18, without the checks that came after it.</summary>
/// <remarks>
/// The SYN queue admits backlog + 1: so read in 6.12.117, whose stable tree has it from later; 6.12.0 was full at
/// the backlog.
/// </remarks>
internal static class Linux612
{
    internal static KernelProfile Create() => new()
    {
        Name = "linux-6.12",
        Release = "6.12.117",
        Summary = "as 6.18 for queues and timers; a smaller receive buffer, so window scale 7",
        Shape = ListenShape.GlobalTable,
        SynAckTimer = SynAckTimerKind.PerRequest,
        TimerWheel = TimerWheelKind.Levels,
        Hz = 250,
        SynQueueAdmitsOneMore = true,
        PrunesUnderPressure = true,
        ChecksTimestampEcho = false,
        ChecksSegmentEnd = false,
        LacksCounters = CounterEras.After612,
        Sysctls = SysctlSets.Linux(
            ("net.core.somaxconn", "4096"),
            ("net.core.rmem_max", "212992"),
            ("net.core.wmem_max", "212992"),
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
            ("net.ipv4.tcp_workaround_signed_windows", "0"),
            ("net.ipv4.ip_unprivileged_port_start", "1024"),
            ("net.ipv4.ip_local_reserved_ports", ""),
            ("net.ipv6.bindv6only", "0"),
            ("net.ipv6.ip_nonlocal_bind", "0"),
            ("net.ipv4.tcp_rmem", "4096\t131072\t6291456"),
            ("net.ipv4.tcp_wmem", "4096\t16384\t4194304"),
            ("net.ipv4.tcp_congestion_control", "cubic"),
            ("net.ipv4.tcp_slow_start_after_idle", "1"),
            ("net.ipv4.tcp_tw_reuse", "2"),
            ("net.ipv4.tcp_no_metrics_save", "0"),
            ("net.ipv4.tcp_max_tw_buckets", "131072"),
            ("net.ipv4.tcp_invalid_ratelimit", "500"),
            ("net.ipv4.tcp_challenge_ack_limit", "2147483647"),
            ("net.ipv4.ip_local_port_range", "32768\t60999"),
            ("net.ipv4.icmp_ratelimit", "1000")),
    };
}
