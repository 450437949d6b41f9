using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>How many ICMP errors may leave: some for the whole host, some per destination.</summary>
/// <remarks>Linux: icmp_global_allow (50 at once, 1000 a second), inet_peer_xrlim_allow (6 at once, one a
/// second).</remarks>
internal sealed class IcmpLimiter
{
    private const int GlobalRefillMilliseconds = 20;
    private const int HostBurst = 6;

    // Destinations that are told apart; more share a bucket.
    private const int Buckets = 256;

    private readonly StackContext _context;
    private readonly Chance _chance;
    private readonly (InetAddress Host, long Tokens, long Last)[] _hosts = new (InetAddress, long, long)[Buckets];
    private int _credit;
    private long _refilled;

    internal IcmpLimiter(StackContext context)
    {
        _context = context;
        _chance = context.Stream(ChanceStream.Limits);
        _credit = context.Sysctls.IcmpMsgsBurst;
    }

    /// <summary>Whether messages of a type are limited at all: those in icmp_ratemask. Linux:
    /// icmpv4_mask_allow.</summary>
    internal bool IsLimited(byte type) => ((_context.Sysctls.IcmpRatemask >> type) & 1) != 0;

    /// <summary>Whether one more error may go to a host.</summary>
    internal bool TryTake(in InetAddress host, bool isLoopback)
    {
        bool taken = TryTake(host, isLoopback, 0, out bool hostRefused);
        if (hostRefused)
        {
            _context.Mib.Count(Counter.IcmpOutRateLimitHost);
        }

        return taken;
    }

    /// <summary>Whether one more error may go to a host.</summary>
    /// <param name="host">The host.</param>
    /// <param name="isLoopback">Whether it is on this host.</param>
    /// <param name="shift">By what power of two the interval between errors is shorter.</param>
    /// <param name="hostRefused">Whether the host has had its share.</param>
    internal bool TryTake(in InetAddress host, bool isLoopback, int shift, out bool hostRefused)
    {
        hostRefused = false;
        if (!isLoopback && !HasGlobal())
        {
            _context.Mib.Count(Counter.IcmpOutRateLimitGlobal);
            return false;
        }

        if (!isLoopback && !TryTakeHost(host, shift))
        {
            hostRefused = true;
            return false;
        }

        // A message costs a drawn 0, 1 or 2, so that the limit cannot be used to count messages to others.
        _credit = isLoopback ? _credit : Math.Max(0, _credit - (int)_chance.Below(3));
        return true;
    }

    private bool HasGlobal()
    {
        long now = _context.Now.Milliseconds;
        if (_credit == 0 || now - _refilled >= GlobalRefillMilliseconds)
        {
            long elapsed = Math.Min(now - _refilled, 1000);
            if (elapsed >= GlobalRefillMilliseconds)
            {
                Sysctls sysctls = _context.Sysctls;
                _credit = (int)Math.Min(
                    sysctls.IcmpMsgsBurst, _credit + (elapsed * sysctls.IcmpMsgsPerSec / 1000));
                _refilled = now;
            }
        }

        return _credit > 0;
    }

    private bool TryTakeHost(in InetAddress host, int shift)
    {
        int cost = _context.Sysctls.IcmpRatelimit >> shift;
        if (cost == 0)
        {
            return true;
        }

        long now = _context.Now.Milliseconds;
        ref (InetAddress Host, long Tokens, long Last) bucket = ref _hosts[(int)((uint)host.GetHashCode() >> 24)];
        if (bucket.Host != host)
        {
            bucket = (host, (long)HostBurst * cost, now);
        }

        bucket.Tokens = Math.Min((long)HostBurst * cost, bucket.Tokens + now - bucket.Last);
        bucket.Last = now;
        if (bucket.Tokens < cost)
        {
            return false;
        }

        bucket.Tokens -= cost;
        return true;
    }
}
