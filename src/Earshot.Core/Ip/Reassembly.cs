using System;
using System.Buffers;
using System.Collections.Generic;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>Which fragments belong together.</summary>
/// <param name="Source">Who sent them.</param>
/// <param name="Destination">To whom.</param>
/// <param name="Identification">The identification that they share.</param>
/// <param name="Protocol">Of IPv4 the protocol; of IPv6 0.</param>
/// <param name="Interface">Of link-local IPv6 addresses the interface that they came by; else 0.</param>
internal readonly record struct FragmentKey(
    InetAddress Source, InetAddress Destination, uint Identification, byte Protocol, int Interface);

/// <summary>One fragment as it came.</summary>
/// <param name="bytes">The whole packet.</param>
/// <param name="dataStart">Where its piece of the datagram begins.</param>
/// <param name="offset">Where the piece belongs.</param>
/// <param name="end">Where it ends.</param>
/// <param name="more">Whether others follow it.</param>
internal readonly ref struct Fragment(ReadOnlySpan<byte> bytes, int dataStart, int offset, int end, bool more)
{
    internal ReadOnlySpan<byte> Bytes { get; } = bytes;

    internal int DataStart { get; } = dataStart;

    internal int Offset { get; } = offset;

    internal int End { get; } = end;

    internal bool More { get; } = more;

    /// <summary>The two bits of ECN.</summary>
    internal byte Ecn { get; init; }

    /// <summary>Whether it must not be cut further.</summary>
    internal bool DontFragment { get; init; }
}

/// <summary>What became of a fragment.</summary>
internal enum FragmentOutcome : byte
{
    /// <summary>It waits for the others, or was there already.</summary>
    Kept,

    /// <summary>It was dropped, and with it what there was of its datagram.</summary>
    Dropped,

    /// <summary>The datagram is whole.</summary>
    Complete,
}

/// <summary>Fragments that wait for the rest of their datagrams, within Linux's limits. Linux: inet_frag_find,
/// inet_frag_queue_insert, ip_frag_queue, ip6_frag_queue.</summary>
/// <remarks>Everything here is bounded by <c>ipfrag_high_thresh</c>: a fragment costs its bytes and
/// <see cref="Overhead"/>.</remarks>
internal sealed class Reassembly : IDisposable
{
    /// <summary>What a waiting fragment costs beside its bytes.</summary>
    internal const int Overhead = 832;

    // Sources whose fragments are counted apart; more share a count.
    private const int SourceCounts = 1024;
    private const int SparesKept = 64;

    private readonly StackContext _context;
    private readonly INetworkTimers _timers;
    private readonly NetworkTimer _kind;
    private readonly FragmentLimits _limits;
    private readonly Dictionary<FragmentKey, int> _index = [];
    private readonly List<FragmentQueue?> _queues = [];
    private readonly Stack<int> _free = new();
    private readonly Stack<FragmentQueue> _spares = new();
    private uint[] _sources = [];

    internal Reassembly(StackContext context, INetworkTimers timers, NetworkTimer kind, FragmentLimits limits)
    {
        _context = context;
        _timers = timers;
        _kind = kind;
        _limits = limits;
    }

    /// <summary>Datagrams that are not whole yet.</summary>
    internal int Count => _index.Count;

    /// <summary>What their fragments cost, in bytes.</summary>
    internal long Memory { get; private set; }

    /// <summary>Takes a fragment in.</summary>
    /// <param name="key">Which datagram it is a piece of.</param>
    /// <param name="fragment">The fragment.</param>
    /// <param name="whole">Of a whole datagram its fragments; to be given back with <see cref="Release"/>.</param>
    internal FragmentOutcome Add(in FragmentKey key, in Fragment fragment, out FragmentQueue? whole)
    {
        whole = null;
        if (Memory > _limits.HighThreshold(_context.Sysctls))
        {
            _context.Mib.Count(_limits.Fails);
            return FragmentOutcome.Dropped;
        }

        FragmentQueue queue = Find(key);
        if (_limits.MaximumDistance is { } distance && IsTooFar(queue, key, distance(_context.Sysctls)))
        {
            _context.Mib.Count(_limits.Fails);
            Empty(queue);
            _timers.Rearm(queue.Timer, Expiry());
        }

        switch (queue.Insert(fragment))
        {
            case FragmentPlace.Duplicate:
                return FragmentOutcome.Kept;
            case FragmentPlace.Overlap:
                _context.Mib.Count(Counter.IpExtReasmOverlaps, key.Source.IsIPv4 ? 1 : 0);
                return Discard(queue);
            case FragmentPlace.Contradiction:
                return Discard(queue);
        }

        byte[] copy = ArrayPool<byte>.Shared.Rent(fragment.Bytes.Length);
        fragment.Bytes.CopyTo(copy);
        queue.Pieces.Add(new FragmentPiece(
            copy, fragment.Bytes.Length, fragment.DataStart, fragment.Offset, fragment.End));
        Memory += fragment.Bytes.Length + Overhead;
        if (!queue.IsWhole)
        {
            return FragmentOutcome.Kept;
        }

        Forget(queue);
        if (!queue.IsEcnSound)
        {
            _context.Mib.Count(_limits.Fails);
            Release(queue);
            return FragmentOutcome.Dropped;
        }

        whole = queue;
        return FragmentOutcome.Complete;
    }

    /// <summary>Finds the datagram whose timer fired and takes it out.</summary>
    /// <returns>What there was of it, to be given back with <see cref="Release"/>.</returns>
    internal FragmentQueue Expire(int place)
    {
        FragmentQueue queue = _queues[place]!;
        _context.Mib.Count(_limits.Fails);
        _context.Mib.Count(_limits.Timeouts);
        Forget(queue);
        return queue;
    }

    /// <summary>Gives the memory of a datagram back.</summary>
    internal void Release(FragmentQueue queue)
    {
        Empty(queue);
        if (_spares.Count < SparesKept)
        {
            _spares.Push(queue);
        }
    }

    public void Dispose()
    {
        foreach (FragmentQueue? queue in _queues)
        {
            if (queue is not null)
            {
                Empty(queue);
            }
        }
    }

    private FragmentQueue Find(in FragmentKey key)
    {
        if (_index.TryGetValue(key, out int place))
        {
            return _queues[place]!;
        }

        if (!_free.TryPop(out place))
        {
            place = _queues.Count;
            _queues.Add(null);
        }

        if (!_spares.TryPop(out FragmentQueue? queue))
        {
            queue = new FragmentQueue();
        }

        queue.Begin(key, place, _timers.NewNode(_kind, place));
        _queues[place] = queue;
        _index.Add(key, place);
        _timers.Rearm(queue.Timer, Expiry());
        return queue;
    }

    private long Expiry() => _context.Jiffies + _context.Clock.From(
        TimeSpan.FromSeconds(_limits.Lifetime(_context.Sysctls)));

    /// <summary>Linux: ip_frag_too_far.</summary>
    private bool IsTooFar(FragmentQueue queue, in FragmentKey key, int most)
    {
        if (most == 0)
        {
            return false;
        }

        if (_sources.Length == 0)
        {
            _sources = new uint[SourceCounts];
        }

        uint seen = ++_sources[(uint)key.Source.GetHashCode() % SourceCounts];
        bool tooFar = queue.Pieces.Count > 0 && seen - queue.LastSeen > (uint)most;
        queue.LastSeen = seen;
        return tooFar;
    }

    private FragmentOutcome Discard(FragmentQueue queue)
    {
        _context.Mib.Count(_limits.Fails);
        Forget(queue);
        Release(queue);
        return FragmentOutcome.Dropped;
    }

    private void Forget(FragmentQueue queue)
    {
        _timers.FreeNode(ref queue.Timer);
        _index.Remove(queue.Key);
        _queues[queue.Place] = null;
        _free.Push(queue.Place);
    }

    private void Empty(FragmentQueue queue)
    {
        foreach (FragmentPiece piece in queue.Pieces)
        {
            Memory -= piece.Length + Overhead;
            ArrayPool<byte>.Shared.Return(piece.Packet);
        }

        queue.Clear();
    }
}

/// <summary>The limits of one family, and what it counts.</summary>
/// <param name="HighThreshold">Bytes of memory beyond which fragments are refused.</param>
/// <param name="Lifetime">Seconds that a datagram has, from its first fragment on.</param>
/// <param name="MaximumDistance">Fragments of other datagrams that a source may send in between; null or 0: any
/// number.</param>
/// <param name="Fails">Counts fragments and datagrams given up.</param>
/// <param name="Timeouts">Counts datagrams that took too long.</param>
internal sealed record FragmentLimits(
    Func<Sysctls, int> HighThreshold,
    Func<Sysctls, int> Lifetime,
    Func<Sysctls, int>? MaximumDistance,
    Counter Fails,
    Counter Timeouts);
