using System;

namespace Earshot.Core.Congestion;

/// <summary>How a congestion window grows and shrinks: the seam between TCP and the algorithms.</summary>
/// <remarks>
/// One object serves all connections of a stack; what it remembers of a connection lies in
/// <see cref="CongestionContext.State{T}"/>. A program adds its own through
/// <see cref="StackOptions.CongestionControls"/> and chooses it by name. Linux: struct tcp_congestion_ops.
/// </remarks>
public interface ICongestionControl
{
    /// <summary>The name by which TCP_CONGESTION and net.ipv4.tcp_congestion_control know it: 1 to 15
    /// characters.</summary>
    string Name { get; }

    /// <summary>What it asks for.</summary>
    CongestionTraits Traits => CongestionTraits.Unrestricted;

    /// <summary>How much send buffer a packet of the window needs, in packets. Linux: sndbuf_expand.</summary>
    int SendBufferFactor => 2;

    /// <summary>A connection begins to use it. Linux: init.</summary>
    void Initialize(in CongestionContext connection)
    {
    }

    /// <summary>A connection ends, or goes on with another algorithm. Linux: release.</summary>
    void Release(in CongestionContext connection)
    {
    }

    /// <summary>The threshold after a loss or a congestion mark, in packets, at least 2. Linux: ssthresh.</summary>
    int Threshold(in CongestionContext connection);

    /// <summary>The window grows. Linux: cong_avoid.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="acknowledged">Packets newly delivered.</param>
    void Grow(in CongestionContext connection, int acknowledged);

    /// <summary>The window to go back to when a reduction turns out to have been for nothing, in packets. Linux:
    /// undo_cwnd.</summary>
    int Undo(in CongestionContext connection) =>
        Math.Max(connection.Congestion.Window, connection.Congestion.PriorWindow);

    /// <summary>Recovery enters a state. Linux: set_state.</summary>
    void OnState(in CongestionContext connection, RecoveryState state)
    {
    }

    /// <summary>Something happened. Linux: cwnd_event.</summary>
    void OnEvent(in CongestionContext connection, CongestionEvent happened)
    {
    }

    /// <summary>An ACK came, before it is judged. Linux: in_ack_event.</summary>
    void OnAck(in CongestionContext connection, AckEvent kind)
    {
    }

    /// <summary>Packets were acknowledged. Linux: pkts_acked.</summary>
    void OnAcknowledged(in CongestionContext connection, in AckedPackets sample)
    {
    }

    /// <summary>Sets window and rate; called at each ACK instead of growth and reduction when
    /// <see cref="CongestionTraits.ControlsWindow"/> is among the traits. Linux: cong_control.</summary>
    void Control(in CongestionContext connection, in RateSample sample)
    {
    }

    /// <summary>The fewest segments that a super-packet is made of while data and window allow. Linux:
    /// min_tso_segs.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="configured">net.ipv4.tcp_min_tso_segs.</param>
    int MinimumSegments(in CongestionContext connection, int configured) => configured;

    /// <summary>Bytes that TCP_CC_INFO tells: zeros where nothing was sent yet.</summary>
    int InfoLength => 0;

    /// <summary>Fills what TCP_CC_INFO tells. Linux: get_info.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="target">Room for 20 bytes, little endian.</param>
    /// <returns>The bytes written; 0: there is nothing to tell.</returns>
    int Info(in CongestionContext connection, Span<byte> target) => 0;
}
