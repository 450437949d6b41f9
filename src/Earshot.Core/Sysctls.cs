using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Congestion;
using Earshot.Core.Profiles;

namespace Earshot.Core;

/// <summary>Every tunable of a stack, by its Linux name.</summary>
/// <remarks>
/// The fields hold what the packet path reads; the table below gives each its name and range. When a value takes effect
/// is where the field is read: <c>somaxconn</c> at listen(), <c>tcp_synack_retries</c> at each firing, and so on.
/// </remarks>
public sealed partial class Sysctls
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

    /// <summary>The highest value of tcp_ecn.</summary>
    internal int MostEcn = 2;
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
    internal int IpUnprivilegedPortStart = 1024;
    internal int IpAutobindReuse;
    internal int IpNonlocalBind;
    internal int IPv6NonlocalBind;
    internal int IPv6BindOnly;
    internal int TcpMigrateReq;
    internal int TcpRtoMaxMs;
    internal int MinAdvMss = 256;
    internal int IpNoPmtuDisc;
    internal int Txrehash = 1;
    internal readonly int[] IpLocalPortRange = [32768, 60999];

    private readonly SortedDictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _idle = [];
    private readonly CongestionControls _congestion;
    private readonly int _hz;
    private bool[]? _reservedPorts;

    internal Sysctls(KernelProfile profile, CongestionControls congestion)
    {
        _congestion = congestion;
        _hz = profile.Hz;
        foreach (Entry entry in Table().Concat(DataPathTable()).Concat(NetworkTable()))
        {
            if (profile.Sysctls.TryGetValue(entry.Name, out string? value))
            {
                _entries.Add(entry.Name, entry);
                int result = entry.IsReadOnly ? 0 : entry.Set(this, value);
                Invariant.Check(result == 0, $"profile {profile.Name}: {entry.Name} cannot be '{value}'");
            }
            else if (profile.Constants.TryGetValue(entry.Name, out string? constant))
            {
                // Compiled in: it has its effect, but no file.
                int result = entry.Set(this, constant);
                Invariant.Check(result == 0, $"profile {profile.Name}: {entry.Name} cannot be '{constant}'");
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
    public int Set(string name, string value)
    {
        Version++;
        return _entries.TryGetValue(name, out Entry? entry) ? entry.Set(this, value) : -Errno.ENOENT;
    }

    /// <summary>Grows with each change, so that what was made of the values can be kept until then.</summary>
    internal int Version { get; private set; }

    /// <summary>Whether a port is in ip_local_reserved_ports, so that none is chosen automatically.</summary>
    internal bool IsReserved(ushort port) => _reservedPorts is { } ports && ports[port];

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
        yield return Seconds("net.ipv4.tcp_fin_timeout", s => ref s.TcpFinTimeout);
        yield return Number("net.ipv4.tcp_timestamps", 0, U8, s => ref s.TcpTimestamps);
        yield return Number("net.ipv4.tcp_window_scaling", 0, U8, s => ref s.TcpWindowScaling);
        yield return Number("net.ipv4.tcp_sack", 0, U8, s => ref s.TcpSack);
        yield return Ecn();
        yield return Number("net.ipv4.tcp_fastopen", int.MinValue, int.MaxValue, s => ref s.TcpFastopen);
        yield return new Entry(
            "net.ipv4.tcp_fastopen_key",
            s => FastOpenKey.Show(s.TcpFastopenKey),
            (s, text) => FastOpenKey.TryParse(text, out byte[] key) ? s.TakeFastOpenKey(key) : -Errno.EINVAL);
        yield return Number("net.ipv4.tcp_reflect_tos", 0, 1, s => ref s.TcpReflectTos);
        yield return Number("net.ipv4.tcp_workaround_signed_windows", 0, U8, s => ref s.TcpWorkaroundSignedWindows);
        yield return Number("net.ipv4.tcp_slow_start_after_idle", 0, U8, s => ref s.TcpSlowStartAfterIdle);
        yield return Number("net.ipv4.tcp_tw_reuse", 0, 2, s => ref s.TcpTwReuse);
        yield return Number("net.ipv4.tcp_tw_reuse_delay", 1, 60_000, s => ref s.TcpTwReuseDelay);
        yield return Number("net.ipv4.tcp_no_metrics_save", 0, U8, s => ref s.TcpNoMetricsSave);
        yield return Number("net.ipv4.tcp_rfc1337", 0, U8, s => ref s.TcpRfc1337);
        yield return Number("net.ipv4.tcp_max_tw_buckets", int.MinValue, int.MaxValue, s => ref s.TcpMaxTwBuckets);
        yield return Milliseconds("net.ipv4.tcp_invalid_ratelimit", s => ref s.TcpInvalidRatelimit);
        yield return Number(
            "net.ipv4.tcp_challenge_ack_limit", int.MinValue, int.MaxValue, s => ref s.TcpChallengeAckLimit);
        yield return Seconds("net.ipv4.tcp_keepalive_time", s => ref s.TcpKeepaliveTime);
        yield return Seconds("net.ipv4.tcp_keepalive_intvl", s => ref s.TcpKeepaliveIntvl);
        yield return Number("net.ipv4.tcp_keepalive_probes", 0, U8, s => ref s.TcpKeepaliveProbes);
        yield return Number("net.ipv4.ip_default_ttl", 1, U8, s => ref s.IpDefaultTtl);
        yield return Number("net.ipv4.icmp_echo_ignore_all", 0, 1, s => ref s.IcmpEchoIgnoreAll);
        yield return Milliseconds("net.ipv4.icmp_ratelimit", s => ref s.IcmpRatelimit);

        // The same under the names of FreeBSD and XNU.
        yield return Number("kern.ipc.somaxconn", 1, 65535, s => ref s.Somaxconn);
        yield return Number("net.inet.tcp.syncookies", 0, 1, s => ref s.TcpSyncookies);
        yield return Number("net.inet.tcp.syncache.rexmtlimit", 0, U8, s => ref s.TcpSynackRetries);
        yield return Number("net.inet.tcp.syncache.rst_on_sock_fail", 0, 1, s => ref s.TcpAbortOnOverflow);
        yield return Numbers("net.ipv4.tcp_rmem", 1, int.MaxValue, s => s.TcpRmem);
        yield return Numbers("net.ipv4.tcp_wmem", 1, int.MaxValue, s => s.TcpWmem);
        yield return new Entry(
            "net.ipv4.ip_local_port_range",
            s => string.Join('\t', s.IpLocalPortRange), (s, text) => s.SetLocalPortRange(text));
        yield return new Entry(
            "net.ipv4.ip_unprivileged_port_start",
            s => s.IpUnprivilegedPortStart.ToString(), (s, text) => s.SetUnprivilegedPortStart(text));
        yield return new Entry(
            "net.ipv4.ip_local_reserved_ports",
            s => SysctlText.Ranges(s._reservedPorts), (s, text) => s.SetReservedPorts(text));
        yield return Number("net.ipv4.ip_autobind_reuse", 0, 1, s => ref s.IpAutobindReuse);
        yield return Number("net.ipv4.ip_nonlocal_bind", 0, U8, s => ref s.IpNonlocalBind);
        yield return Number("net.ipv4.ip_no_pmtu_disc", 0, U8, s => ref s.IpNoPmtuDisc);
        yield return Number("net.ipv4.route.min_adv_mss", int.MinValue, int.MaxValue, s => ref s.MinAdvMss);
        yield return Number("net.ipv4.tcp_rto_max_ms", 1000, 120_000, s => ref s.TcpRtoMaxMs);
        yield return Number("net.core.txrehash", 0, 1, s => ref s.Txrehash);
        yield return Idle("net.ipv4.tcp_adv_win_scale", -31, 31);
        yield return Idle("net.ipv4.tcp_fwmark_accept", 0, U8);
        yield return Idle("net.ipv4.tcp_l3mdev_accept", 0, 1);
        yield return Number("net.ipv4.tcp_migrate_req", 0, 1, s => ref s.TcpMigrateReq);
        yield return Number("net.ipv6.bindv6only", 0, U8, s => ref s.IPv6BindOnly);
        yield return Number("net.ipv6.ip_nonlocal_bind", 0, U8, s => ref s.IPv6NonlocalBind);
        yield return new Entry(
            "net.ipv4.tcp_congestion_control",
            s => s._congestion[s._congestion.Default].Name,
            (s, text) => s._congestion.SetDefault(text));
        yield return Shown("net.ipv4.tcp_available_congestion_control", s => s._congestion.Available);
        yield return Shown("net.ipv4.tcp_allowed_congestion_control", s => s._congestion.Allowed);
    }

    // A file without write permission.
    private static Entry Shown(string name, Func<Sysctls, string> get) =>
        new(name, get, (_, _) => -Errno.EACCES, IsReadOnly: true);

    private int TakeFastOpenKey(byte[] key)
    {
        TcpFastopenKey = key;
        return 0;
    }

    // As proc_dointvec_minmax: what follows the number is not looked at.
    private static Entry Ecn() => new(
        "net.ipv4.tcp_ecn",
        s => s.TcpEcn.ToString(),
        (s, text) =>
        {
            ReadOnlySpan<char> rest = text;
            if (!SysctlText.TryNext(ref rest, out long value) || value < 0 || value > s.MostEcn)
            {
                return -Errno.EINVAL;
            }

            s.TcpEcn = (int)value;
            return 0;
        });

    private static Entry Number(string name, long least, long most, FieldOf field) => new(
        name,
        s => field(s).ToString(),
        (s, text) =>
        {
            ReadOnlySpan<char> rest = text;
            if (!SysctlText.TryNext(ref rest, out long value) || value < least || value > most)
            {
                return -Errno.EINVAL;
            }

            field(s) = (int)value;
            return 0;
        });

    // As proc_dointvec_jiffies: the ticks must fit into an int.
    private static Entry Seconds(string name, FieldOf field) => new(
        name,
        s => field(s).ToString(),
        (s, text) =>
        {
            ReadOnlySpan<char> rest = text;
            if (!SysctlText.TryNext(ref rest, out long value) || Math.Abs(value) > int.MaxValue / s._hz)
            {
                return -Errno.EINVAL;
            }

            field(s) = (int)value;
            return 0;
        });

    // A value that can be seen and nothing more: 6.6 and later do not read tcp_adv_win_scale; no packet here comes from
    // an L3 domain, and of one that comes in the mark is not kept.
    private static Entry Idle(string name, long least, long most) => new(
        name,
        s => s._idle[name].ToString(),
        (s, text) =>
        {
            ReadOnlySpan<char> rest = text;
            if (!SysctlText.TryNext(ref rest, out long value) || value < least || value > most)
            {
                return -Errno.EINVAL;
            }

            s._idle[name] = value;
            return 0;
        });

    // As proc_dointvec_ms_jiffies: kept in ticks, so that it reads rounded up; the number counts modulo 2^32.
    private static Entry Milliseconds(string name, FieldOf field) => new(
        name,
        s => (field(s) == int.MaxValue ? s.RoundUp(int.MaxValue) : field(s)).ToString(),
        (s, text) =>
        {
            ReadOnlySpan<char> rest = text;
            if (!SysctlText.TryNext(ref rest, out long value) || (int)(uint)value < 0)
            {
                return -Errno.EINVAL;
            }

            field(s) = (int)Math.Min(s.RoundUp((uint)value), int.MaxValue);
            return 0;
        });

    // As proc_dointvec_minmax with several: numbers before a wrong one are taken, numbers that are missing stay.
    private static Entry Numbers(string name, int least, int most, Func<Sysctls, int[]> field) => new(
        name,
        s => string.Join('\t', field(s)),
        (s, text) => ReadNumbers(text, least, most, field(s)));

    private static int ReadNumbers(string text, int least, int most, int[] target)
    {
        ReadOnlySpan<char> rest = text;
        int count = 0;
        for (; count < target.Length && !rest.Trim().IsEmpty; count++)
        {
            if (!SysctlText.TryNext(ref rest, out long value) || value < least || value > most)
            {
                return -Errno.EINVAL;
            }

            target[count] = (int)value;
        }

        return count == 0 ? -Errno.EINVAL : 0;
    }

    private int SetLocalPortRange(string text)
    {
        int[] range = [.. IpLocalPortRange];
        int result = ReadNumbers(text, 1, ushort.MaxValue, range);
        if (result == 0 && (range[1] < range[0] || range[0] < IpUnprivilegedPortStart))
        {
            result = -Errno.EINVAL;
        }

        if (result == 0)
        {
            range.CopyTo(IpLocalPortRange, 0);
        }

        return result;
    }

    private int SetUnprivilegedPortStart(string text)
    {
        ReadOnlySpan<char> rest = text;
        if (!SysctlText.TryNext(ref rest, out long value) || value < 0 || value > IpLocalPortRange[0])
        {
            return -Errno.EINVAL;
        }

        IpUnprivilegedPortStart = (int)value;
        return 0;
    }

    private int SetReservedPorts(string text)
    {
        if (!SysctlText.TryPorts(text, out bool[] ports))
        {
            return -Errno.EINVAL;
        }

        _reservedPorts = Array.IndexOf(ports, true) < 0 ? null : ports;
        return 0;
    }

    private long RoundUp(long milliseconds)
    {
        long jiffies = ((milliseconds * _hz) + 999) / 1000;
        return ((jiffies * 1000) + _hz - 1) / _hz;
    }

    private delegate ref int FieldOf(Sysctls sysctls);

    private sealed record Entry(
        string Name, Func<Sysctls, string> Get, Func<Sysctls, string, int> Set, bool IsReadOnly = false);
}
