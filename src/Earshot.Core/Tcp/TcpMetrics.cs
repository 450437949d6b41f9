using System;
using System.Collections.Generic;
using Earshot.Core.Congestion;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp;

/// <summary>What is remembered of the way between two hosts, as <c>ip tcp_metrics</c> lists it.</summary>
/// <param name="Local">This host's address.</param>
/// <param name="Remote">The other host's.</param>
/// <param name="Time">When a connection last left something.</param>
/// <param name="RttMicroseconds">Smoothed round trip in microseconds; 0: nothing is known of it.</param>
/// <param name="RttVarMicroseconds">Its variation in microseconds.</param>
/// <param name="CongestionWindow">Segments that were in flight; 0: none was kept.</param>
/// <param name="SlowStartThreshold">Segments up to which slow start goes; 0: none was kept.</param>
/// <param name="Reordering">How far segments were seen to overtake each other; 0: none was kept.</param>
public readonly record struct TcpMetricsRow(
    InetAddress Local,
    InetAddress Remote,
    Instant Time,
    uint RttMicroseconds,
    uint RttVarMicroseconds,
    uint CongestionWindow,
    uint SlowStartThreshold = 0,
    uint Reordering = 0);

/// <summary>What a connection that ends has learned of its way.</summary>
/// <param name="Window">Its congestion window.</param>
/// <param name="Threshold">Its threshold of slow start.</param>
/// <param name="IsOpen">Whether nothing of it was lost or out of order at the end.</param>
/// <param name="IsBackedOff">Whether its retransmission timeout has doubled and nothing came since.</param>
/// <param name="Reordering">How far its segments were seen to overtake each other.</param>
internal readonly record struct LearnedOfWay(
    int Window, int Threshold, bool IsOpen, bool IsBackedOff, int Reordering);

/// <summary>The memory of ways to other hosts that connections leave behind. Linux: net/ipv4/tcp_metrics.c.</summary>
/// <remarks>A peer with a round trip in it is "proven": with cookies off the last quarter of the SYN queue is open to
/// it.</remarks>
internal sealed class TcpMetrics
{
    /// <summary>Ways that are remembered; the one that was left longest ago makes room.</summary>
    internal const int Limit = 16384;

    private readonly Dictionary<(InetAddress Local, InetAddress Remote), LinkedListNode<TcpMetricsRow>> _ways = [];
    private readonly LinkedList<TcpMetricsRow> _order = new();
    private static readonly TcpMetricsRow Nothing;
    private readonly StackContext _context;

    // Connections between the same hosts tend to follow each other.
    private (InetAddress Local, InetAddress Remote) _lastKey;
    private LinkedListNode<TcpMetricsRow>? _last;

    internal TcpMetrics(StackContext context) => _context = context;

    /// <summary>The ways, the one left longest ago first.</summary>
    internal IEnumerable<TcpMetricsRow> Rows => _order;

    /// <summary>Whether a round trip to a host is remembered. Linux: tcp_peer_is_proven.</summary>
    internal bool IsProven(in InetAddress local, in InetAddress remote) => Of(local, remote).RttMicroseconds != 0;

    /// <summary>What is remembered of a way. Linux: tcp_init_metrics.</summary>
    internal ref readonly TcpMetricsRow Of(in InetAddress local, in InetAddress remote)
    {
        if (Find(local, remote) is { } way)
        {
            return ref way.ValueRef;
        }

        return ref Nothing;
    }

    /// <summary>A connection has ended in order. Linux: tcp_update_metrics.</summary>
    /// <param name="tuple">The connection.</param>
    /// <param name="rtt">Its round-trip time.</param>
    /// <param name="learned">What else it knows.</param>
    internal void Update(in FourTuple tuple, in RttEstimator rtt, in LearnedOfWay learned)
    {
        if (_context.Sysctls.TcpNoMetricsSave != 0)
        {
            return;
        }

        LinkedListNode<TcpMetricsRow>? way = Find(tuple.Local.Address, tuple.Remote.Address);
        if (!rtt.HasSample || learned.IsBackedOff)
        {
            // A path on which nothing could be measured is not what it was.
            if (way is not null)
            {
                way.Value = way.Value with { RttMicroseconds = 0 };
            }

            return;
        }

        TcpMetricsRow old = way?.Value
            ?? new TcpMetricsRow(tuple.Local.Address, tuple.Remote.Address, default, 0, 0, 0);
        long measured = rtt.Smoothed;
        long fallen = old.RttMicroseconds - measured;
        long smoothed = fallen <= 0 ? measured : old.RttMicroseconds - (fallen >> 3);
        long deviation = Math.Max(Math.Abs(fallen) >> 1, rtt.Deviation);
        long variation = deviation >= old.RttVarMicroseconds || old.RttMicroseconds == 0
            ? deviation : old.RttVarMicroseconds - ((old.RttVarMicroseconds - deviation) >> 2);
        old = old with
        {
            Time = _context.Now,
            RttMicroseconds = (uint)smoothed,
            RttVarMicroseconds = (uint)variation,
        };
        Keep(way, WithWindow(old, learned));
    }

    /// <summary>In the first slow start a larger window counts, in congestion avoidance both numbers count, in between
    /// the threshold alone.</summary>
    private TcpMetricsRow WithWindow(in TcpMetricsRow old, in LearnedOfWay learned)
    {
        uint window = (uint)learned.Window, threshold = (uint)learned.Threshold, half = window >> 1;
        bool keeps = _context.Sysctls.TcpNoSsthreshMetricsSave == 0;
        uint known = old.SlowStartThreshold;
        if (learned.Threshold >= CongestionState.InfiniteThreshold)
        {
            return old with
            {
                CongestionWindow = Math.Max(old.CongestionWindow, window),
                SlowStartThreshold = keeps && known != 0 ? Math.Max(known, half) : known,
            };
        }

        if (learned.IsOpen && window >= threshold)
        {
            return old with
            {
                CongestionWindow = (old.CongestionWindow + window) >> 1,
                SlowStartThreshold = keeps ? Math.Max(half, threshold) : known,
            };
        }

        bool isWider = learned.Reordering > old.Reordering && learned.Reordering != _context.Sysctls.TcpReordering;
        return old with
        {
            CongestionWindow = (old.CongestionWindow + threshold) >> 1,
            SlowStartThreshold = keeps && known != 0 ? Math.Max(known, threshold) : known,
            Reordering = isWider ? (uint)learned.Reordering : old.Reordering,
        };
    }

    private void Keep(LinkedListNode<TcpMetricsRow>? way, in TcpMetricsRow row)
    {
        if (way is not null)
        {
            way.ValueRef = row;
            if (way.Next is not null)
            {
                _order.Remove(way);
                _order.AddLast(way);
            }

            return;
        }

        if (_ways.Count == Limit)
        {
            TcpMetricsRow oldest = _order.First!.Value;
            _order.RemoveFirst();
            _ways.Remove((oldest.Local, oldest.Remote));
            _last = null;
        }

        _ways.Add((row.Local, row.Remote), _order.AddLast(row));
    }

    private LinkedListNode<TcpMetricsRow>? Find(in InetAddress local, in InetAddress remote)
    {
        if (_last is null || _lastKey.Remote != remote || _lastKey.Local != local)
        {
            _lastKey = (local, remote);
            _ways.TryGetValue(_lastKey, out _last);
        }

        return _last;
    }
}
