using System;

namespace Earshot.Core.Congestion;

/// <summary>Reno (RFC 5681) as Linux counts it: what every stack has. Linux: tcp_reno_cong_avoid,
/// tcp_reno_ssthresh.</summary>
internal sealed class Reno : ICongestionControl
{
    internal static readonly Reno Instance = new();

    // A window of one packet would wait for the peer's delayed ACK each time.
    private const int LeastThreshold = 2;

    /// <inheritdoc/>
    public string Name => "reno";

    /// <inheritdoc/>
    public int Threshold(in CongestionContext connection) => HalfOf(connection.Congestion.Window);

    /// <inheritdoc/>
    public void Grow(in CongestionContext connection, int acknowledged)
    {
        if (!connection.IsWindowLimited)
        {
            return;
        }

        if (connection.IsInSlowStart)
        {
            acknowledged = connection.SlowStart(acknowledged);
            if (acknowledged == 0)
            {
                return;
            }
        }

        connection.Additive(connection.Congestion.Window, acknowledged);
    }

    /// <summary>The threshold of Reno after a loss at a window.</summary>
    internal static int HalfOf(int window) => Math.Max(window >> 1, LeastThreshold);
}
