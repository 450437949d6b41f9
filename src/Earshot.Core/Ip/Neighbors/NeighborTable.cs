using System;
using System.Collections.Generic;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip.Neighbors;

/// <summary>What the table needs of those who speak on the link.</summary>
internal interface INeighborLink
{
    /// <summary>Asks for a neighbour: everybody, or once its address is known itself.</summary>
    void Solicit(Neighbor neighbor);

    /// <summary>Sends a packet that waited.</summary>
    void Send(Neighbor neighbor, ReadOnlySpan<byte> packet);

    /// <summary>Tells the sender of a packet that waited that the neighbour does not answer.</summary>
    void Fail(Neighbor neighbor, ReadOnlySpan<byte> packet);
}

/// <summary>The neighbours of all Ethernet interfaces and what is known of them. Linux: struct neigh_table,
/// neigh_timer_handler, __neigh_update, __neigh_event_send.</summary>
internal sealed class NeighborTable
{
    /// <summary>The most neighbours; one more is refused when none can be given up. sysctl gc_thresh3.</summary>
    internal const int Limit = 1024;

    /// <summary>Neighbours above which old ones are given up. sysctl gc_thresh2.</summary>
    internal const int SoftLimit = 512;

    /// <summary>The most that may wait for one neighbour, in bytes of memory. sysctl unres_qlen_bytes.</summary>
    internal const int WaitingLimit = 212_992;

    /// <summary>What a waiting packet costs beside its bytes.</summary>
    internal const int WaitingOverhead = 832;

    private const int Probes = 3;
    private static readonly TimeSpan Retransmit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FirstProbe = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan BaseReachable = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Redraw = TimeSpan.FromSeconds(300);
    private static readonly TimeSpan Collectable = TimeSpan.FromSeconds(5);

    private readonly StackContext _context;
    private readonly INetworkTimers _timers;
    private readonly INeighborLink _link;
    private readonly Chance _chance;
    private readonly Dictionary<(InetAddress, int), Neighbor> _index = [];
    private readonly List<Neighbor?> _places = [];
    private readonly Stack<int> _free = new();
    private long _reachable;
    private long _drawn;

    internal NeighborTable(StackContext context, INetworkTimers timers, INeighborLink link)
    {
        _context = context;
        _timers = timers;
        _link = link;
        _chance = context.Stream(ChanceStream.Neighbors);
    }

    /// <summary>Neighbours in the table.</summary>
    internal int Count => _index.Count;

    /// <summary>Packets that were dropped because too much waited for a neighbour, or the table was full.</summary>
    internal long Dropped { get; private set; }

    /// <summary>Adds a row for each neighbour.</summary>
    internal void CopyTo(ICollection<NeighborRow> rows)
    {
        foreach (Neighbor? neighbor in _places)
        {
            if (neighbor is not null)
            {
                rows.Add(new NeighborRow(
                    neighbor.Address, neighbor.Interface, neighbor.Hardware, neighbor.State, neighbor.IsRouter,
                    neighbor.Waiting.Count));
            }
        }
    }

    internal Neighbor? Find(in InetAddress address, int index) =>
        _index.TryGetValue((address, index), out Neighbor? neighbor) ? neighbor : null;

    /// <summary>Finds a neighbour or makes one of which nothing is known.</summary>
    /// <returns>Null when the table is full.</returns>
    internal Neighbor? FindOrAdd(in InetAddress address, int index)
    {
        if (_index.TryGetValue((address, index), out Neighbor? neighbor))
        {
            return neighbor;
        }

        if (_index.Count >= SoftLimit)
        {
            Collect();
        }

        if (_index.Count >= Limit)
        {
            Dropped++;
            return null;
        }

        if (!_free.TryPop(out int place))
        {
            place = _places.Count;
            _places.Add(null);
        }

        neighbor = new Neighbor(address, index, place) { Updated = _context.Jiffies, Used = _context.Jiffies };
        neighbor.Timer = _timers.NewNode(NetworkTimer.Neighbor, place);
        _places[place] = neighbor;
        _index.Add((address, index), neighbor);
        return neighbor;
    }

    /// <summary>A packet is to go to a neighbour. Linux: neigh_event_send.</summary>
    /// <returns>Whether it can go now; else <see cref="Wait"/> keeps it.</returns>
    internal bool MaySend(Neighbor neighbor)
    {
        long now = _context.Jiffies;
        neighbor.Used = now;
        if (neighbor.IsConnected)
        {
            return true;
        }

        if (neighbor.State == NeighborState.Stale)
        {
            neighbor.State = NeighborState.Delay;
            neighbor.Updated = now;
            _timers.Rearm(neighbor.Timer, now + Ticks(FirstProbe));
            return true;
        }

        return neighbor.IsValid;
    }

    /// <summary>Keeps a packet until the neighbour's address is known, and asks for it. What waited longest makes
    /// room.</summary>
    internal void Wait(Neighbor neighbor, ReadOnlySpan<byte> packet)
    {
        int cost = packet.Length + WaitingOverhead;
        while (neighbor.Waiting.Count > 0 && neighbor.WaitingBytes + cost > WaitingLimit)
        {
            neighbor.WaitingBytes -= neighbor.Waiting.Dequeue().Length + WaitingOverhead;
            Dropped++;
        }

        neighbor.Waiting.Enqueue(packet.ToArray());
        neighbor.WaitingBytes += cost;
        if (neighbor.State is NeighborState.None or NeighborState.Failed)
        {
            neighbor.State = NeighborState.Incomplete;
            neighbor.Probes = 0;
            neighbor.Updated = _context.Jiffies;
            Ask(neighbor);
        }
    }

    /// <summary>Something was learned of a neighbour.</summary>
    /// <param name="neighbor">The neighbour.</param>
    /// <param name="hardware">Its address; zero: not told.</param>
    /// <param name="state">Reachable if it answered, stale if it only spoke.</param>
    /// <param name="overrides">Whether another address than the one known is believed.</param>
    /// <param name="weak">Whether another address that is not believed makes a doubt of the one known.</param>
    internal void Update(
        Neighbor neighbor, MacAddress hardware, NeighborState state, bool overrides, bool weak = false)
    {
        long now = _context.Jiffies;
        bool wasValid = neighbor.IsValid;
        if (neighbor.State == NeighborState.Permanent || (!wasValid && hardware.IsZero))
        {
            return;
        }

        hardware = hardware.IsZero ? neighbor.Hardware : hardware;
        if (wasValid && hardware != neighbor.Hardware && !overrides)
        {
            if (!weak || !neighbor.IsConnected)
            {
                return;
            }

            hardware = neighbor.Hardware;
            state = NeighborState.Stale;
        }
        else if (wasValid && hardware == neighbor.Hardware && state == NeighborState.Stale)
        {
            // To be spoken to by a neighbour that is known says nothing new.
            return;
        }

        if (state == NeighborState.Reachable)
        {
            neighbor.Confirmed = now;
        }
        else if (hardware != neighbor.Hardware)
        {
            neighbor.Confirmed = now - (2 * Ticks(BaseReachable));
        }

        if (state != neighbor.State || hardware != neighbor.Hardware)
        {
            neighbor.Updated = now;
        }

        neighbor.Hardware = hardware;
        neighbor.State = state;
        neighbor.Probes = 0;
        _timers.Disarm(neighbor.Timer);
        if (state == NeighborState.Reachable)
        {
            _timers.Rearm(neighbor.Timer, now + Reachable(now));
        }

        Flush(neighbor);
    }

    /// <summary>A neighbour whose address was given by hand.</summary>
    internal void SetPermanent(Neighbor neighbor, MacAddress hardware)
    {
        _timers.Disarm(neighbor.Timer);
        neighbor.Hardware = hardware;
        neighbor.State = NeighborState.Permanent;
        Flush(neighbor);
    }

    /// <summary>The neighbour showed that it takes packets: its peer's data was acknowledged. Linux:
    /// dst_confirm_neigh.</summary>
    internal void Confirm(Neighbor neighbor) => neighbor.Confirmed = _context.Jiffies;

    /// <summary>A neighbour's timer fired.</summary>
    internal void OnTimer(int place)
    {
        Neighbor neighbor = _places[place]!;
        long now = _context.Jiffies;
        switch (neighbor.State)
        {
            case NeighborState.Reachable when now < neighbor.Confirmed + Reachable(now):
                _timers.Rearm(neighbor.Timer, neighbor.Confirmed + Reachable(now));
                return;
            case NeighborState.Reachable when now <= neighbor.Used + Ticks(FirstProbe):
                neighbor.State = NeighborState.Delay;
                neighbor.Updated = now;
                _timers.Rearm(neighbor.Timer, now + Ticks(FirstProbe));
                return;
            case NeighborState.Reachable:
                neighbor.State = NeighborState.Stale;
                neighbor.Updated = now;
                return;
            case NeighborState.Delay when now <= neighbor.Confirmed + Ticks(FirstProbe):
                neighbor.State = NeighborState.Reachable;
                neighbor.Updated = now;
                _timers.Rearm(neighbor.Timer, Math.Max(now + 1, neighbor.Confirmed + Reachable(now)));
                return;
            case NeighborState.Delay:
                neighbor.State = NeighborState.Probe;
                neighbor.Updated = now;
                neighbor.Probes = 0;
                Ask(neighbor);
                return;
            case NeighborState.Probe or NeighborState.Incomplete when neighbor.Probes >= Probes:
                Fail(neighbor, now);
                return;
            case NeighborState.Probe or NeighborState.Incomplete:
                Ask(neighbor);
                return;
        }
    }

    /// <summary>Gives everything back.</summary>
    internal void Clear()
    {
        foreach (Neighbor? neighbor in _places)
        {
            if (neighbor is not null)
            {
                _timers.FreeNode(ref neighbor.Timer);
            }
        }
    }

    private void Ask(Neighbor neighbor)
    {
        neighbor.Probes++;
        _timers.Rearm(neighbor.Timer, _context.Jiffies + Ticks(Retransmit));
        _link.Solicit(neighbor);
    }

    private void Flush(Neighbor neighbor)
    {
        while (neighbor.Waiting.TryDequeue(out byte[]? packet))
        {
            _link.Send(neighbor, packet);
        }

        neighbor.WaitingBytes = 0;
    }

    private void Fail(Neighbor neighbor, long now)
    {
        neighbor.State = NeighborState.Failed;
        neighbor.Updated = now;
        while (neighbor.Waiting.TryDequeue(out byte[]? packet))
        {
            _link.Fail(neighbor, packet);
        }

        neighbor.WaitingBytes = 0;
    }

    // Between half and one and a half of the base, drawn anew every five minutes.
    private long Reachable(long now)
    {
        if (_reachable == 0 || now - _drawn > Ticks(Redraw))
        {
            long half = Ticks(BaseReachable) / 2;
            _reachable = half + _chance.Below((uint)(2 * half));
            _drawn = now;
        }

        return _reachable;
    }

    private long Ticks(TimeSpan span) => _context.Clock.From(span);

    // What nobody is waiting for and was not used of late makes room. Linux: neigh_forced_gc.
    private void Collect()
    {
        long before = _context.Jiffies - Ticks(Collectable);
        for (int place = 0; place < _places.Count; place++)
        {
            if (_places[place] is { } neighbor && neighbor.Waiting.Count == 0 && neighbor.Used < before
                && neighbor.State is NeighborState.Failed or NeighborState.Stale or NeighborState.None)
            {
                _timers.FreeNode(ref neighbor.Timer);
                _index.Remove((neighbor.Address, neighbor.Interface));
                _places[place] = null;
                _free.Push(place);
            }
        }
    }
}
