using System;
using System.Collections.Generic;
using Earshot.Core.Profiles;

namespace Earshot.Core;

/// <summary>Every tunable of a stack, by its Linux name.</summary>
/// <remarks>
/// The fields hold what the packet path reads; the table below gives each its name and range. When a value takes effect
/// is where the field is read: <c>somaxconn</c> at listen(), <c>tcp_synack_retries</c> at each firing, and so on.
/// </remarks>
public sealed class Sysctls
{
    internal int Somaxconn;
    internal int RmemMax;
    internal int WmemMax;
    internal int TcpMaxSynBacklog;
    internal int TcpSyncookies;
    internal int TcpSynackRetries;
    internal int TcpSynRetries;
    internal int TcpSynLinearTimeouts;
    internal int TcpRetries2;
    internal int TcpOrphanRetries;
    internal int TcpAbortOnOverflow;
    internal int TcpFinTimeout;
    internal int TcpTimestamps;
    internal int TcpWindowScaling;
    internal int TcpSack;
    internal int TcpEcn;
    internal int TcpReflectTos;
    internal int TcpWorkaroundSignedWindows;
    internal int TcpFastopen;

    /// <summary>The key of Fast Open cookies, 16 bytes or 32 with a backup; null: none was needed or set yet.</summary>
    internal byte[]? TcpFastopenKey;
    internal int TcpSlowStartAfterIdle;
    internal int TcpTwReuse;
    internal int TcpTwReuseDelay = 1000;
    internal int TcpRfc1337;
    internal int TcpNoMetricsSave;
    internal int TcpMaxTwBuckets;
    internal int TcpInvalidRatelimit;
    internal int TcpChallengeAckLimit = int.MaxValue;
    internal int TcpKeepaliveTime;
    internal int TcpKeepaliveIntvl;
    internal int TcpKeepaliveProbes;
    internal int IpDefaultTtl;
    internal int IcmpEchoIgnoreAll;
    internal int IcmpRatelimit;
    internal readonly int[] TcpRmem = new int[3];
    internal readonly int[] TcpWmem = new int[3];
    internal readonly int[] IpLocalPortRange = new int[2];

    private const string OnlyCongestionControl = "reno";
    private readonly SortedDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    internal Sysctls(KernelProfile profile)
    {
        foreach (Entry entry in Table())
        {
            if (profile.Sysctls.TryGetValue(entry.Name, out string? value))
            {
                _entries.Add(entry.Name, entry);
                int result = entry.Set(this, value);
                Invariant.Check(result == 0, $"profile {profile.Name}: {entry.Name} cannot be '{value}'");
            }
        }

        // The zeros that a profile shows stand for a key that is drawn when it is first needed.
        TcpFastopenKey = null;
        foreach (string name in profile.Sysctls.Keys)
        {
            Invariant.Check(_entries.ContainsKey(name), $"profile {profile.Name}: sysctl {name} is unknown");
        }
    }

    /// <summary>The names, sorted.</summary>
    public IEnumerable<string> Names => _entries.Keys;

    /// <summary>The text of a value as in <c>/proc/sys</c>, without the newline.</summary>
    /// <param name="name">The name, as <c>net.ipv4.tcp_syncookies</c>.</param>
    /// <param name="value">The text; several numbers are separated by tabs.</param>
    /// <returns>False when the profile's kernel has no such sysctl, or this stack does not use it.</returns>
    public bool TryGet(string name, out string value)
    {
        bool found = _entries.TryGetValue(name, out Entry? entry);
        value = found ? entry!.Get(this) : "";
        return found;
    }

    /// <summary>Sets a value.</summary>
    /// <param name="name">The name.</param>
    /// <param name="value">The text as for <c>/proc/sys</c>.</param>
    /// <returns>0, or -ENOENT (unknown) or -EINVAL (not a number, or out of range).</returns>
    public int Set(string name, string value) =>
        _entries.TryGetValue(name, out Entry? entry) ? entry.Set(this, value) : -Errno.ENOENT;

    private static IEnumerable<Entry> Table()
    {
        const int U8 = 255;
        yield return Number("net.core.somaxconn", 0, int.MaxValue, s => ref s.Somaxconn);
        yield return Number("net.core.rmem_max", 2304, int.MaxValue, s => ref s.RmemMax);
        yield return Number("net.core.wmem_max", 4608, int.MaxValue, s => ref s.WmemMax);
        yield return Number("net.ipv4.tcp_max_syn_backlog", int.MinValue, int.MaxValue, s => ref s.TcpMaxSynBacklog);
        yield return Number("net.ipv4.tcp_syncookies", 0, U8, s => ref s.TcpSyncookies);
        yield return Number("net.ipv4.tcp_synack_retries", 0, U8, s => ref s.TcpSynackRetries);
        yield return Number("net.ipv4.tcp_syn_retries", 1, 127, s => ref s.TcpSynRetries);
        yield return Number("net.ipv4.tcp_syn_linear_timeouts", 0, 127, s => ref s.TcpSynLinearTimeouts);
        yield return Number("net.ipv4.tcp_retries2", 0, U8, s => ref s.TcpRetries2);
        yield return Number("net.ipv4.tcp_orphan_retries", 0, U8, s => ref s.TcpOrphanRetries);
        yield return Number("net.ipv4.tcp_abort_on_overflow", 0, U8, s => ref s.TcpAbortOnOverflow);
        yield return Number("net.ipv4.tcp_fin_timeout", 0, int.MaxValue / 1000, s => ref s.TcpFinTimeout);
        yield return Number("net.ipv4.tcp_timestamps", 0, U8, s => ref s.TcpTimestamps);
        yield return Number("net.ipv4.tcp_window_scaling", 0, U8, s => ref s.TcpWindowScaling);
        yield return Number("net.ipv4.tcp_sack", 0, U8, s => ref s.TcpSack);
        yield return Number("net.ipv4.tcp_ecn", 0, 2, s => ref s.TcpEcn);
        yield return Number("net.ipv4.tcp_fastopen", int.MinValue, int.MaxValue, s => ref s.TcpFastopen);
        yield return new Entry(
            "net.ipv4.tcp_fastopen_key",
            s => FastOpenKey.Show(s.TcpFastopenKey),
            (s, text) => FastOpenKey.TryParse(text, out byte[] key) ? s.TakeFastOpenKey(key) : -Errno.EINVAL);
        yield return Number("net.ipv4.tcp_reflect_tos", 0, 1, s => ref s.TcpReflectTos);
        yield return Number("net.ipv4.tcp_workaround_signed_windows", 0, U8, s => ref s.TcpWorkaroundSignedWindows);
        yield return Number("net.ipv4.tcp_slow_start_after_idle", 0, U8, s => ref s.TcpSlowStartAfterIdle);
        yield return Number("net.ipv4.tcp_tw_reuse", 0, 2, s => ref s.TcpTwReuse);
        yield return Number("net.ipv4.tcp_tw_reuse_delay", 1, int.MaxValue, s => ref s.TcpTwReuseDelay);
        yield return Number("net.ipv4.tcp_no_metrics_save", 0, U8, s => ref s.TcpNoMetricsSave);
        yield return Number("net.ipv4.tcp_rfc1337", 0, U8, s => ref s.TcpRfc1337);
        yield return Number("net.ipv4.tcp_max_tw_buckets", 0, int.MaxValue, s => ref s.TcpMaxTwBuckets);
        yield return Number("net.ipv4.tcp_invalid_ratelimit", 0, int.MaxValue, s => ref s.TcpInvalidRatelimit);
        yield return Number("net.ipv4.tcp_challenge_ack_limit", 0, int.MaxValue, s => ref s.TcpChallengeAckLimit);
        yield return Number("net.ipv4.tcp_keepalive_time", 1, 32767, s => ref s.TcpKeepaliveTime);
        yield return Number("net.ipv4.tcp_keepalive_intvl", 1, 32767, s => ref s.TcpKeepaliveIntvl);
        yield return Number("net.ipv4.tcp_keepalive_probes", 1, 127, s => ref s.TcpKeepaliveProbes);
        yield return Number("net.ipv4.ip_default_ttl", 1, U8, s => ref s.IpDefaultTtl);
        yield return Number("net.ipv4.icmp_echo_ignore_all", 0, U8, s => ref s.IcmpEchoIgnoreAll);
        yield return Number("net.ipv4.icmp_ratelimit", 0, int.MaxValue, s => ref s.IcmpRatelimit);
        yield return Numbers("net.ipv4.tcp_rmem", 1, int.MaxValue, ordered: false, s => s.TcpRmem);
        yield return Numbers("net.ipv4.tcp_wmem", 1, int.MaxValue, ordered: false, s => s.TcpWmem);
        yield return Numbers("net.ipv4.ip_local_port_range", 1, 65535, ordered: true, s => s.IpLocalPortRange);
        yield return new Entry(
            "net.ipv4.tcp_congestion_control",
            _ => OnlyCongestionControl,
            (_, text) => text.Trim() == OnlyCongestionControl ? 0 : -Errno.ENOENT);
    }

    private int TakeFastOpenKey(byte[] key)
    {
        TcpFastopenKey = key;
        return 0;
    }

    private static Entry Number(string name, int least, int most, FieldOf field) => new(
        name,
        s => field(s).ToString(),
        (s, text) =>
        {
            if (!int.TryParse(text.Trim(), out int value) || value < least || value > most)
            {
                return -Errno.EINVAL;
            }

            field(s) = value;
            return 0;
        });

    private static Entry Numbers(string name, int least, int most, bool ordered, Func<Sysctls, int[]> field) => new(
        name,
        s => string.Join('\t', field(s)),
        (s, text) =>
        {
            string[] parts = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            int[] target = field(s);
            Span<int> values = stackalloc int[target.Length];
            if (parts.Length != target.Length)
            {
                return -Errno.EINVAL;
            }

            for (int i = 0; i < parts.Length; i++)
            {
                if (!int.TryParse(parts[i], out values[i]) || values[i] < least || values[i] > most
                    || (ordered && i > 0 && values[i] < values[i - 1]))
                {
                    return -Errno.EINVAL;
                }
            }

            values.CopyTo(target);
            return 0;
        });

    private delegate ref int FieldOf(Sysctls sysctls);

    private sealed record Entry(string Name, Func<Sysctls, string> Get, Func<Sysctls, string, int> Set);
}
