namespace Earshot.Core.Congestion;

/// <summary>What an ACK acknowledged. Linux: struct ack_sample.</summary>
/// <param name="Packets">Packets newly acknowledged.</param>
/// <param name="RttMicroseconds">The round trip of the last of them; -1: none can be told.</param>
/// <param name="InFlight">Packets in flight when it was sent.</param>
public readonly record struct AckedPackets(int Packets, long RttMicroseconds, int InFlight);

/// <summary>How fast packets were delivered up to an ACK. Linux: struct rate_sample.</summary>
public struct RateSample
{
    /// <summary>When the packet that the sample starts from was delivered, in microseconds; 0: there is no
    /// sample.</summary>
    public long PriorTime { get; internal set; }

    /// <summary>Packets delivered when the newest delivered packet was sent.</summary>
    public uint PriorDelivered { get; internal set; }

    /// <summary>Packets that were delivered in the interval; negative: the sample is not valid.</summary>
    public int Delivered { get; internal set; }

    /// <summary>The longer of the times for sending and for acknowledging them, in microseconds; -1: not
    /// valid.</summary>
    public long IntervalMicroseconds { get; internal set; }

    /// <summary>The time in which they were sent, in microseconds.</summary>
    public int SendMicroseconds { get; internal set; }

    /// <summary>The time in which they were acknowledged, in microseconds.</summary>
    public int ReceiveMicroseconds { get; internal set; }

    /// <summary>The round trip of the newest acknowledged packet in microseconds; -1: none can be told.</summary>
    public long RttMicroseconds { get; internal set; }

    /// <summary>Packets newly marked lost by this ACK.</summary>
    public int Losses { get; internal set; }

    /// <summary>Packets newly acknowledged or SACKed by this ACK.</summary>
    public int Acknowledged { get; internal set; }

    /// <summary>Packets in flight before this ACK.</summary>
    public int PriorInFlight { get; internal set; }

    /// <summary>Whether the program sent too little for the sample to tell of the path.</summary>
    public bool IsAppLimited { get; internal set; }

    /// <summary>Whether the sample rests on a packet that was sent more than once.</summary>
    public bool IsRetransmitted { get; internal set; }

    /// <summary>Whether the ACK is of a single small segment and may have been delayed.</summary>
    public bool IsAckDelayed { get; internal set; }

    /// <summary>The end of the newest delivered packet, which breaks ties.</summary>
    internal uint LastEnd { get; set; }
}
