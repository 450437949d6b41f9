using System;

namespace Earshot.Core.Tcp.Established;

/// <summary>A congestion window and what an algorithm remembers about it, in packets.</summary>
internal struct CongestionState
{
    /// <summary>A threshold that nothing reaches. Linux: TCP_INFINITE_SSTHRESH.</summary>
    internal const int InfiniteThreshold = 0x7fffffff;

    /// <summary>The window.</summary>
    internal int Window;

    /// <summary>Below it the window doubles each round trip.</summary>
    internal int Threshold;

    /// <summary>Packets acknowledged since the window last grew.</summary>
    internal int Credit;
}

/// <summary>How the congestion window grows and shrinks: the seam between recovery and the algorithms.</summary>
internal interface ICongestionControl
{
    /// <summary>The algorithm's name, as in net.ipv4.tcp_congestion_control.</summary>
    string Name { get; }

    /// <summary>The threshold after a loss.</summary>
    int AfterLoss(in CongestionState state);

    /// <summary>So many packets were newly acknowledged, and the window was the limit.</summary>
    void OnAcked(ref CongestionState state, int packets);
}

/// <summary>Reno (RFC 5681) as Linux counts it. Linux: tcp_reno_cong_avoid, tcp_reno_ssthresh.</summary>
internal sealed class Reno : ICongestionControl
{
    internal static readonly Reno Instance = new();

    // A window of one packet would wait for the peer's delayed ACK each time.
    private const int LeastThreshold = 2;

    public string Name => "reno";

    public int AfterLoss(in CongestionState state) => Math.Max(state.Window >> 1, LeastThreshold);

    public void OnAcked(ref CongestionState state, int packets)
    {
        if (state.Window < state.Threshold)
        {
            // Slow start, up to the threshold; the rest of the ACK goes to congestion avoidance.
            int grown = Math.Min(state.Window + packets, state.Threshold);
            packets -= grown - state.Window;
            state.Window = grown;
            if (packets == 0)
            {
                return;
            }
        }

        if (state.Credit >= state.Window)
        {
            state.Credit = 0;
            state.Window++;
        }

        state.Credit += packets;
        if (state.Credit >= state.Window)
        {
            int steps = state.Credit / state.Window;
            state.Credit -= steps * state.Window;
            state.Window += steps;
        }
    }
}
