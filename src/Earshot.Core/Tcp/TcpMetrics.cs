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
public readonly record struct TcpMetricsRow(
    InetAddress Local,
    InetAddress Remote,
    Instant Time,
    uint RttMicroseconds,
    uint RttVarMicroseconds,
    uint CongestionWindow);

/// <summary>The memory of ways to other hosts that connections leave behind. Linux: net/ipv4/tcp_metrics.c.</summary>
/// <remarks>A peer with a round trip in it is "proven": with cookies off the last quarter of the SYN queue is open to
/// it.</remarks>
internal sealed class TcpMetrics
{
    /// <summary>Ways that are remembered; the one that was left longest ago makes room.</summary>
    internal const int Limit = 16384;

    private readonly Dictionary<(InetAddress Local, InetAddress Remote), LinkedListNode<TcpMetricsRow>> _ways = [];
    private readonly LinkedList<TcpMetricsRow> _order = new();
    private readonly StackContext _context;

    // Connections between the same hosts tend to follow each other.
    private (InetAddress Local, InetAddress Remote) _lastKey;
    private LinkedListNode<TcpMetricsRow>? _last;

    internal TcpMetrics(StackContext context) => _context = context;

    /// <summary>The ways, the one left longest ago first.</summary>
    internal IEnumerable<TcpMetricsRow> Rows => _order;

    /// <summary>Whether a round trip to a host is remembered. Linux: tcp_peer_is_proven.</summary>
    internal bool IsProven(in InetAddress local, in InetAddress remote) => RoundTrip(local, remote) != 0;

    /// <summary>The remembered round trip in microseconds, or 0. Linux: tcp_init_metrics.</summary>
    internal uint RoundTrip(in InetAddress local, in InetAddress remote) =>
        Find(local, remote)?.ValueRef.RttMicroseconds ?? 0;

    /// <summary>A connection has ended in order. Linux: tcp_update_metrics.</summary>
    /// <param name="tuple">The connection.</param>
    /// <param name="rtt">Its round-trip time.</param>
    /// <param name="congestion">Its congestion window.</param>
    /// <param name="isBackedOff">Whether its retransmission timeout has doubled and nothing came since.</param>
    internal void Update(
        in FourTuple tuple, in RttEstimator rtt, in CongestionState congestion, bool isBackedOff)
    {
        if (_context.Sysctls.TcpNoMetricsSave != 0)
        {
            return;
        }

        LinkedListNode<TcpMetricsRow>? way = Find(tuple.Local.Address, tuple.Remote.Address);
        if (!rtt.HasSample || isBackedOff)
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
        Keep(way, old with
        {
            Time = _context.Now,
            RttMicroseconds = (uint)smoothed,
            RttVarMicroseconds = (uint)variation,
            CongestionWindow = Window(old.CongestionWindow, congestion),
        });
    }

    /// <summary>While slow start goes on a larger window counts; later the mean of both.</summary>
    private static uint Window(uint old, in CongestionState congestion)
    {
        uint window = (uint)congestion.Window;
        return congestion.Threshold == CongestionState.InfiniteThreshold ? Math.Max(old, window)
            : congestion.Window > congestion.Threshold ? (old + window) >> 1
            : old == 0 ? 0 : (old + (uint)congestion.Threshold) >> 1;
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
