using System;
using System.Collections.Generic;

namespace Earshot.Core;

/// <content>The tunables of the data path, of memory and of datagrams. The values here are 6.18's; a profile that names
/// them sets its own, one that does not goes by these.</content>
public sealed partial class Sysctls
{
    // Sending and recovery.
    internal int TcpRetries1 = 3;
    internal int TcpRetransCollapse = 1;
    internal int TcpFrto = 2;
    internal int TcpRecovery = 1;
    internal int TcpEarlyRetrans = 3;
    internal int TcpReordering = 3;
    internal int TcpMaxReordering = 300;
    internal int TcpThinLinearTimeouts;
    internal int TcpMinRttWlen = 300;
    internal int TcpRtoMinUs = 200_000;
    internal int TcpNoSsthreshMetricsSave = 1;
    internal int TcpTsoWinDivisor = 3;
    internal int TcpTsoRttLog = 9;
    internal int TcpMinTsoSegs = 2;
    internal int TcpLimitOutputBytes = 4 << 20;
    internal int TcpPacingSsRatio = 200;
    internal int TcpPacingCaRatio = 120;
    internal int TcpAutocorking = 1;
    internal uint TcpNotsentLowat = uint.MaxValue;
    internal int TcpMtuProbing;
    internal int TcpBaseMss = 1024;
    internal int TcpMinSndMss = 48;
    internal int TcpMtuProbeFloor = 48;
    internal int TcpProbeThreshold = 8;
    internal uint TcpProbeInterval = 600;
    internal int TcpEcnFallback = 1;
    internal int TcpEcnOption = 2;
    internal int TcpEcnOptionBeacon = 3;
    internal int TcpFastopenBlackholeTimeoutSec;

    // Receiving.
    internal int TcpDsack = 1;
    internal int TcpShrinkWindow;
    internal int TcpModerateRcvbuf = 1;
    internal int TcpAppWin = 31;
    internal int TcpPingpongThresh = 1;
    internal int TcpBacklogAckDefer = 1;
    internal int TcpCompSackNr = 44;

    /// <summary>Nanoseconds; so is the slack.</summary>
    internal long TcpCompSackDelayNs = 1_000_000;
    internal long TcpCompSackSlackNs = 100_000;

    // Memory, in pages of 4096 bytes: low, pressure, high. As on a host of 24 GB, unless it was told its memory.
    internal readonly long[] TcpMem = [287_901, 383_868, 575_802];
    internal readonly long[] UdpMem = [575_802, 767_736, 1_151_604];
    internal int TcpMaxOrphans = 131_072;
    internal int TcpStdurg;
    internal int RmemDefault = 212_992;
    internal int WmemDefault = 212_992;
    internal int OptmemMax = 131_072;
    internal int UdpRmemMin = 4096;
    internal int UdpWmemMin = 4096;

    private delegate ref uint UnsignedFieldOf(Sysctls sysctls);

    private delegate ref long LongFieldOf(Sysctls sysctls);

    private static IEnumerable<Entry> DataPathTable()
    {
        const int U8 = 255;
        const int Int = int.MaxValue;
        yield return Number("net.ipv4.tcp_retries1", 0, U8, s => ref s.TcpRetries1);
        yield return Number("net.ipv4.tcp_retrans_collapse", 0, U8, s => ref s.TcpRetransCollapse);
        yield return Number("net.ipv4.tcp_frto", 0, U8, s => ref s.TcpFrto);
        yield return Number("net.ipv4.tcp_recovery", 0, U8, s => ref s.TcpRecovery);
        yield return Number("net.ipv4.tcp_early_retrans", 0, 4, s => ref s.TcpEarlyRetrans);
        yield return Number("net.ipv4.tcp_reordering", 1, s => s.TcpMaxReordering, s => ref s.TcpReordering);
        yield return Number("net.ipv4.tcp_max_reordering", 1, Int, s => ref s.TcpMaxReordering);
        yield return Number("net.ipv4.tcp_thin_linear_timeouts", 0, U8, s => ref s.TcpThinLinearTimeouts);
        yield return Number("net.ipv4.tcp_min_rtt_wlen", 0, 86_400, s => ref s.TcpMinRttWlen);
        yield return Number("net.ipv4.tcp_rto_min_us", 1, Int, s => ref s.TcpRtoMinUs);
        yield return Number("net.ipv4.tcp_no_ssthresh_metrics_save", 0, 1, s => ref s.TcpNoSsthreshMetricsSave);
        yield return Number("net.ipv4.tcp_tso_win_divisor", 0, U8, s => ref s.TcpTsoWinDivisor);
        yield return Number("net.ipv4.tcp_tso_rtt_log", 0, U8, s => ref s.TcpTsoRttLog);
        yield return Number("net.ipv4.tcp_min_tso_segs", 1, U8, s => ref s.TcpMinTsoSegs);
        yield return Number("net.ipv4.tcp_limit_output_bytes", int.MinValue, Int, s => ref s.TcpLimitOutputBytes);
        yield return Number("net.ipv4.tcp_pacing_ss_ratio", 0, 1000, s => ref s.TcpPacingSsRatio);
        yield return Number("net.ipv4.tcp_pacing_ca_ratio", 0, 1000, s => ref s.TcpPacingCaRatio);
        yield return Number("net.ipv4.tcp_autocorking", 0, 1, s => ref s.TcpAutocorking);
        yield return Unsigned("net.ipv4.tcp_notsent_lowat", static _ => uint.MaxValue, s => ref s.TcpNotsentLowat);
        yield return Number("net.ipv4.tcp_mtu_probing", 0, U8, s => ref s.TcpMtuProbing);
        yield return Number("net.ipv4.tcp_base_mss", int.MinValue, Int, s => ref s.TcpBaseMss);
        yield return Number("net.ipv4.tcp_min_snd_mss", 48, 65_535, s => ref s.TcpMinSndMss);
        yield return Number("net.ipv4.tcp_mtu_probe_floor", 48, 65_535, s => ref s.TcpMtuProbeFloor);
        yield return Number("net.ipv4.tcp_probe_threshold", int.MinValue, Int, s => ref s.TcpProbeThreshold);

        // The greatest number of seconds whose ticks fit into 32 bits.
        yield return Unsigned(
            "net.ipv4.tcp_probe_interval", s => uint.MaxValue / s._hz, s => ref s.TcpProbeInterval);
        yield return Number("net.ipv4.tcp_ecn_fallback", 0, 1, s => ref s.TcpEcnFallback);
        yield return Number("net.ipv4.tcp_ecn_option", 0, 2, s => ref s.TcpEcnOption);
        yield return Number("net.ipv4.tcp_ecn_option_beacon", 0, 3, s => ref s.TcpEcnOptionBeacon);
        yield return Number(
            "net.ipv4.tcp_fastopen_blackhole_timeout_sec", 0, Int, s => ref s.TcpFastopenBlackholeTimeoutSec);
        yield return Number("net.ipv4.tcp_dsack", 0, U8, s => ref s.TcpDsack);
        yield return Number("net.ipv4.tcp_shrink_window", 0, 1, s => ref s.TcpShrinkWindow);
        yield return Number("net.ipv4.tcp_moderate_rcvbuf", 0, U8, s => ref s.TcpModerateRcvbuf);
        yield return Number("net.ipv4.tcp_app_win", 0, 31, s => ref s.TcpAppWin);
        yield return Number("net.ipv4.tcp_pingpong_thresh", 1, U8, s => ref s.TcpPingpongThresh);
        yield return Number("net.ipv4.tcp_backlog_ack_defer", 0, 1, s => ref s.TcpBacklogAckDefer);
        yield return Number("net.ipv4.tcp_comp_sack_nr", 0, U8, s => ref s.TcpCompSackNr);
        yield return Long("net.ipv4.tcp_comp_sack_delay_ns", s => ref s.TcpCompSackDelayNs);
        yield return Long("net.ipv4.tcp_comp_sack_slack_ns", s => ref s.TcpCompSackSlackNs);
        yield return Longs("net.ipv4.tcp_mem", s => s.TcpMem);
        yield return Longs("net.ipv4.udp_mem", s => s.UdpMem);
        yield return Number("net.ipv4.tcp_max_orphans", int.MinValue, Int, s => ref s.TcpMaxOrphans);
        yield return Number("net.ipv4.tcp_stdurg", 0, U8, s => ref s.TcpStdurg);
        yield return Number("net.core.rmem_default", 2304, Int, s => ref s.RmemDefault);
        yield return Number("net.core.wmem_default", 4608, Int, s => ref s.WmemDefault);
        yield return Number("net.core.optmem_max", 0, Int, s => ref s.OptmemMax);
        yield return Number("net.ipv4.udp_rmem_min", 1, Int, s => ref s.UdpRmemMin);
        yield return Number("net.ipv4.udp_wmem_min", 1, Int, s => ref s.UdpWmemMin);
    }

    // Whose greatest value is another sysctl's, or depends on the tick.
    private static Entry Number(string name, long least, Func<Sysctls, long> most, FieldOf field) => new(
        name,
        s => field(s).ToString(),
        (s, text) =>
        {
            ReadOnlySpan<char> rest = text;
            if (!SysctlText.TryNext(ref rest, out long value) || value < least || value > most(s))
            {
                return -Errno.EINVAL;
            }

            field(s) = (int)value;
            return 0;
        });

    // As proc_douintvec_minmax.
    private static Entry Unsigned(string name, Func<Sysctls, long> most, UnsignedFieldOf field) => new(
        name,
        s => field(s).ToString(),
        (s, text) =>
        {
            ReadOnlySpan<char> rest = text;
            if (!SysctlText.TryNext(ref rest, out long value) || value < 0 || value > most(s))
            {
                return -Errno.EINVAL;
            }

            field(s) = (uint)value;
            return 0;
        });

    // As proc_doulongvec_minmax.
    private static Entry Long(string name, LongFieldOf field) => new(
        name,
        s => field(s).ToString(),
        (s, text) =>
        {
            ReadOnlySpan<char> rest = text;
            if (!SysctlText.TryNext(ref rest, out long value) || value < 0)
            {
                return -Errno.EINVAL;
            }

            field(s) = value;
            return 0;
        });

    private static Entry Longs(string name, Func<Sysctls, long[]> field) => new(
        name,
        s => string.Join('\t', field(s)),
        (s, text) =>
        {
            ReadOnlySpan<char> rest = text;
            long[] target = field(s);
            int count = 0;
            for (; count < target.Length && !rest.Trim().IsEmpty; count++)
            {
                if (!SysctlText.TryNext(ref rest, out long value) || value < 0)
                {
                    return -Errno.EINVAL;
                }

                target[count] = value;
            }

            return count == 0 ? -Errno.EINVAL : 0;
        });
}
