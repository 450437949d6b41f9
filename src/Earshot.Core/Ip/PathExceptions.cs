using System.Collections.Generic;
using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>What ICMP taught about the ways to single hosts: a smaller MTU, another router. Linux: struct
/// fib_nh_exception, struct rt6_exception.</summary>
internal sealed class PathExceptions
{
    /// <summary>The most hosts of which something is remembered; the one whose knowledge ends first makes
    /// room.</summary>
    internal const int Limit = 8192;

    private readonly Dictionary<InetAddress, PathException> _hosts = [];

    /// <summary>Hosts of which something is remembered.</summary>
    internal int Count => _hosts.Count;

    /// <summary>What is known of the way to a host.</summary>
    /// <returns>False when there is nothing, or no longer.</returns>
    internal bool TryGet(in InetAddress host, Instant now, out PathException known)
    {
        if (!_hosts.TryGetValue(host, out known))
        {
            return false;
        }

        if (known.Mtu != 0 && known.MtuUntil <= now)
        {
            known = known with { Mtu = 0, IsLocked = false };
        }

        if (!known.Gateway.IsAny && known.GatewayUntil <= now)
        {
            known = known with { Gateway = default };
        }

        if (known.Mtu == 0 && known.Gateway.IsAny)
        {
            _hosts.Remove(host);
            return false;
        }

        return true;
    }

    /// <summary>Remembers something of a host.</summary>
    internal void Set(in InetAddress host, in PathException known)
    {
        if (_hosts.Count >= Limit && !_hosts.ContainsKey(host))
        {
            MakeRoom();
        }

        _hosts[host] = known;
    }

    internal void Clear() => _hosts.Clear();

    private void MakeRoom()
    {
        InetAddress first = default;
        Instant earliest = Instant.Never;
        foreach ((InetAddress host, PathException known) in _hosts)
        {
            Instant until = known.MtuUntil > known.GatewayUntil ? known.MtuUntil : known.GatewayUntil;
            if (until < earliest)
            {
                (first, earliest) = (host, until);
            }
        }

        _hosts.Remove(first);
    }
}

/// <summary>What is known of the way to one host.</summary>
/// <param name="Mtu">The path MTU in bytes; 0: unknown.</param>
/// <param name="IsLocked">Whether packets to it go without DF.</param>
/// <param name="MtuUntil">When the MTU is forgotten.</param>
/// <param name="Gateway">The router that a redirect named; 0.0.0.0: none.</param>
/// <param name="GatewayUntil">When that is forgotten.</param>
internal readonly record struct PathException(
    int Mtu, bool IsLocked, Instant MtuUntil, InetAddress Gateway, Instant GatewayUntil);
