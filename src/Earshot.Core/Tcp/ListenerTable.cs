using System;
using System.Buffers.Binary;
using Earshot.Core.Tcp.Listening;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp;

/// <summary>Finds the listener that a segment is for. Linux: inet_lhash2_lookup, inet6_lhash2_lookup.</summary>
/// <remarks>
/// By address and port; those of one address and port hang together, the one that listened last first, and the best
/// score wins. :: hangs with 0.0.0.0, and an IPv4-mapped address with its IPv4 address.
/// </remarks>
internal sealed class ListenerTable
{
    // So few fit into the cache anyway.
    private const int FewListeners = 64;

    private readonly EndpointMap<Listener> _first = new();
    private readonly int _processor;
    private int _specific;
    private InetEndpoint _lastWanted;
    private Listener? _lastFound;
    private Listener?[] _awaited = [];

    internal ListenerTable(int processor) => _processor = processor;

    /// <summary>Finds the listener for a segment: on its address before on the wildcard.</summary>
    /// <param name="tuple">Both ends, ours as local.</param>
    /// <param name="interface">The interface that it came by.</param>
    /// <param name="hash">The hash of the tuple, by which a group chooses.</param>
    internal Listener? Find(in FourTuple tuple, int @interface, uint hash)
    {
        // A flood asks for the same one again and again.
        if (_lastFound is not null && _lastWanted == tuple.Local)
        {
            return _lastFound;
        }

        Listener? found = null;
        Listener? first = null;
        if (_specific > 0 && _first.TryGetValue(tuple.Local, out first))
        {
            found = Best(first, tuple.Local.Address, tuple, @interface, hash);
        }

        var wildcard = new InetEndpoint(InetAddress.Any, tuple.Local.Port);
        if (found is null && _first.TryGetValue(wildcard, out Listener? any))
        {
            InetAddress address = tuple.Remote.Address.IsIPv4 ? InetAddress.Any : InetAddress.IPv6Any;
            found = Best(any, address, tuple, @interface, hash);
            first = first is null ? any : null;
        }

        // Only what depends on nothing but the local end can be remembered.
        if (found is not null && first == found && found.NextOfPort is null && found.Group is null
            && found.Options.Device == 0)
        {
            _lastWanted = tuple.Local;
            _lastFound = found;
        }

        return found;
    }

    /// <summary>Starts to fetch what the listeners of SYNs need, when there are so many that it pays: of all packets
    /// the slots, then the listeners, then what hangs on them.</summary>
    /// <param name="batch">Packets.</param>
    /// <param name="from">The first of those that will be judged next.</param>
    /// <param name="to">The one after the last.</param>
    internal void Prefetch(PacketBatch batch, int from, int to)
    {
        // Stryker disable all : what is fetched early is only there sooner
        if (_first.Count <= FewListeners)
        {
            return;
        }

        if (_awaited.Length < to - from)
        {
            _awaited = new Listener?[to - from];
        }

        for (int i = from; i < to; i++)
        {
            if (TryReadSyn(batch.Bytes(i), out InetEndpoint own))
            {
                _first.Prefetch(_specific > 0 ? own : own with { Address = InetAddress.Any });
            }
        }

        for (int i = from; i < to; i++)
        {
            _awaited[i - from] = null;
            if (TryReadSyn(batch.Bytes(i), out InetEndpoint own)
                && ((_specific > 0 && _first.TryGetValue(own, out Listener? listener))
                    || _first.TryGetValue(own with { Address = InetAddress.Any }, out listener)))
            {
                _awaited[i - from] = listener;
                listener.Prefetch();
            }
        }

        for (int i = from; i < to; i++)
        {
            _awaited[i - from]?.PrefetchTally();
        }

        for (int i = from; i < to; i++)
        {
            _awaited[i - from]?.PrefetchVerdict();
        }

        // Stryker restore all
    }

    /// <summary>Reads where a SYN of IPv4 goes to; anything else is false.</summary>
    private static bool TryReadSyn(ReadOnlySpan<byte> packet, out InetEndpoint own)
    {
        const int FlagsOffset = IpPacket.MinimumHeaderLength + TcpSegment.FlagsOffset;
        const int PortOffset = IpPacket.MinimumHeaderLength + TcpSegment.DestinationPortOffset;
        const TcpFlags Asked = TcpFlags.Syn | TcpFlags.Ack | TcpFlags.Rst | TcpFlags.Fin;
        own = default;
        if (packet.Length <= FlagsOffset || packet[0] != 0x45
            || ((TcpFlags)packet[FlagsOffset] & Asked) != TcpFlags.Syn)
        {
            return false;
        }

        own = new InetEndpoint(
            InetAddress.Read(packet[IpPacket.DestinationOffset..]),
            BinaryPrimitives.ReadUInt16BigEndian(packet[PortOffset..]));
        return true;
    }

    /// <summary>Enters a listener. Linux: inet_hash, inet_reuseport_add_sock.</summary>
    /// <remarks>In front of the others, but an IPv6 one with SO_REUSEPORT behind them.</remarks>
    internal void Add(Listener listener)
    {
        _lastFound = null;
        InetEndpoint key = Key(listener);
        _specific += key.Address.IsAny ? 0 : 1;
        _first.TryGetValue(key, out Listener? first);
        ref readonly SocketOptions options = ref listener.Options;
        if (options.ReusePort)
        {
            JoinGroup(listener, first);
        }

        listener.NextOfPort = null;
        if (first is null || !(options.ReusePort && options.IsIPv6))
        {
            listener.NextOfPort = first;
            _first.Set(key, listener);
            return;
        }

        while (first.NextOfPort is { } next)
        {
            first = next;
        }

        first.NextOfPort = listener;
    }

    internal void Remove(Listener listener)
    {
        _lastFound = null;
        InetEndpoint key = Key(listener);
        _specific -= key.Address.IsAny ? 0 : 1;
        Listener? before = null;
        _first.TryGetValue(key, out Listener? head);
        for (Listener? at = head; at != listener; at = at!.NextOfPort)
        {
            before = at;
        }

        if (before is not null)
        {
            before.NextOfPort = listener.NextOfPort;
        }
        else if (listener.NextOfPort is { } next)
        {
            _first.Set(key, next);
        }
        else
        {
            _first.Remove(key);
        }

        listener.NextOfPort = null;
    }

    /// <summary>A listener's options have changed.</summary>
    internal void Invalidate() => _lastFound = null;

    private static InetEndpoint Key(Listener listener) =>
        listener.Local.Address.IsAny ? listener.Local with { Address = InetAddress.Any } : listener.Local;

    private static void JoinGroup(Listener listener, Listener? others)
    {
        ref readonly SocketOptions own = ref listener.Options;
        ReusePortGroup? group = null;
        for (; others is not null && group is null; others = others.NextOfPort)
        {
            ref readonly SocketOptions options = ref others.Options;
            bool same = options.ReusePort && options.IsIPv6 == own.IsIPv6 && options.IPv6Only == own.IPv6Only
                && options.Device == own.Device && options.Uid == own.Uid
                && others.Local.Address == listener.Local.Address;
            group = same ? others.Group : null;
        }

        if (listener.Group is { } left && left != group)
        {
            left.Forget(listener);
        }

        (group ?? new ReusePortGroup()).Join(listener);
    }

    /// <summary>The listener with the best score, the first among equals; a group chooses at once.</summary>
    private Listener? Best(Listener first, in InetAddress address, in FourTuple tuple, int @interface, uint hash)
    {
        Listener? best = null;
        int most = 0;
        for (Listener? listener = first; listener is not null; listener = listener.NextOfPort)
        {
            ref readonly SocketOptions options = ref listener.Options;
            int score = Score(listener, options, address, tuple.Remote.Address.IsIPv4, @interface);
            if (score > most)
            {
                if (options.ReusePort && listener.Group?.Select(tuple, hash, _processor) is { } chosen)
                {
                    return chosen;
                }

                best = listener;
                most = score;
            }
        }

        return best;
    }

    /// <summary>0: not this one. Linux: compute_score.</summary>
    private int Score(
        Listener listener, in SocketOptions options, in InetAddress address, bool isIPv4, int @interface)
    {
        bool matches = isIPv4
            ? !options.IPv6Only && (listener.Local.Address == address
                || (address.IsAny && listener.Local.Address.IsAny))
            : options.IsIPv6 && listener.Local.Address == address;
        if (!matches || (options.Device != 0 && options.Device != @interface))
        {
            return 0;
        }

        int score = options.Device != 0 ? 2 : 1;
        score += isIPv4 && !options.IsIPv6 ? 1 : 0;
        return options.IncomingCpu == _processor ? score + 1 : score;
    }
}
