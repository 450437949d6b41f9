using System;
using System.Collections.Generic;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp;

/// <summary>What a client remembers of a server for Fast Open. Linux: struct tcp_fastopen_metrics.</summary>
internal struct FastOpenEntry
{
    /// <summary>The cookie, its first byte lowest.</summary>
    internal UInt128 Cookie;

    /// <summary>Its bytes, 4 to 16; 0: there is none.</summary>
    internal byte CookieLength;

    /// <summary>Whether it came in the experimental option.</summary>
    internal bool IsExperimental;

    /// <summary>Which option is to be tried: 1 the experimental one, 2 that failed too. Linux: try_exp.</summary>
    internal byte Experiment;

    /// <summary>The MSS of the last SYN-ACK; 0: none is known.</summary>
    internal ushort Mss;
}

/// <summary>The cookies that servers gave, and whether Fast Open is off for a while because its packets vanish. Linux:
/// tcp_fastopen_cache_get, tcp_fastopen_active_disable.</summary>
internal sealed class FastOpenCache
{
    /// <summary>Servers that are remembered; beyond them the memory begins anew.</summary>
    internal const int Limit = 16384;

    private const int MostDoublings = 6;
    private readonly Dictionary<(InetAddress Local, InetAddress Remote), FastOpenEntry> _entries = [];
    private readonly StackContext _context;
    private int _failures;
    private long _failedAt;

    internal FastOpenCache(StackContext context) => _context = context;

    /// <summary>What is known of a server; nothing at first.</summary>
    internal FastOpenEntry Get(in InetAddress local, in InetAddress remote) =>
        _entries.GetValueOrDefault((local, remote));

    /// <summary>A SYN-ACK came. Linux: tcp_fastopen_cache_set.</summary>
    /// <param name="local">Our address.</param>
    /// <param name="remote">The server's.</param>
    /// <param name="mss">Its MSS.</param>
    /// <param name="cookie">The cookie that came; null: none.</param>
    /// <param name="experiment">What the lack of one says: 0 nothing, 1 the experimental option is to be tried, 2 it
    /// was tried.</param>
    internal void Set(in InetAddress local, in InetAddress remote, int mss, FastOpenEntry? cookie, byte experiment)
    {
        FastOpenEntry entry = Get(local, remote);
        entry.Mss = (ushort)mss;
        if (cookie is { } given)
        {
            entry.Cookie = given.Cookie;
            entry.CookieLength = given.CookieLength;
            entry.IsExperimental = given.IsExperimental;
        }
        else if (experiment > entry.Experiment && entry.CookieLength == 0 && !entry.IsExperimental)
        {
            entry.Experiment = experiment;
        }

        if (_entries.Count >= Limit && !_entries.ContainsKey((local, remote)))
        {
            _entries.Clear();
        }

        _entries[(local, remote)] = entry;
    }

    /// <summary>Whether Fast Open is off for now. Linux: tcp_fastopen_active_should_disable.</summary>
    internal bool IsSuspended
    {
        get
        {
            int seconds = _context.Sysctls.TcpFastopenBlackholeTimeoutSec;
            if (_failures == 0 || seconds == 0)
            {
                return false;
            }

            long pause = ((long)seconds << Math.Min(_failures - 1, MostDoublings)) * Time.Instant.NanosecondsPerSecond;
            return _context.Now.Nanoseconds - _failedAt < pause;
        }
    }

    /// <summary>Whether it was off and is tried again.</summary>
    internal bool IsOnTrial => _failures > 0 && _context.Sysctls.TcpFastopenBlackholeTimeoutSec != 0;

    /// <summary>Fast Open packets seem to vanish: it is off for a while. Linux: tcp_fastopen_active_disable.</summary>
    internal void Suspend()
    {
        if (_context.Sysctls.TcpFastopenBlackholeTimeoutSec != 0)
        {
            _failures++;
            _failedAt = _context.Now.Nanoseconds;
            _context.Mib.Count(Counter.TcpExtTCPFastOpenBlackhole);
        }
    }

    /// <summary>It works. Linux: tcp_fastopen_active_disable_ofo_check.</summary>
    internal void Resume() => _failures = 0;
}
