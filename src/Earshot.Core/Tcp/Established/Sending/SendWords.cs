using System;

namespace Earshot.Core.Tcp.Established.Sending;

/// <summary>What keeps segments back that are not full. Linux: TCP_NAGLE_OFF, TCP_NAGLE_CORK,
/// TCP_NAGLE_PUSH.</summary>
[Flags]
internal enum Nagle : byte
{
    /// <summary>Nagle's algorithm does.</summary>
    On = 0,

    /// <summary>Nothing: TCP_NODELAY.</summary>
    Off = 1,

    /// <summary>Always: TCP_CORK, MSG_MORE.</summary>
    Cork = 2,

    /// <summary>Nothing, this time.</summary>
    Push = 4,
}

/// <summary>How much one attempt to send may send. Linux: push_one.</summary>
internal enum SendMode : byte
{
    /// <summary>All that may leave.</summary>
    All,

    /// <summary>One piece.</summary>
    One,

    /// <summary>One segment, the congestion window notwithstanding: a tail loss probe.</summary>
    Probe,
}

/// <summary>What a sender is kept from sending by. Linux: enum tcp_chrono.</summary>
internal enum Chrono : byte
{
    /// <summary>There is nothing to send.</summary>
    None,

    /// <summary>Data is queued or in flight.</summary>
    Busy,

    /// <summary>The peer's window is the limit.</summary>
    WindowLimited,

    /// <summary>The send buffer is.</summary>
    BufferLimited,
}

/// <summary>What a sender measures of itself. Linux: the fields of tcp_rate.c and of tcp_chrono in struct
/// tcp_sock.</summary>
internal struct SenderState
{
    /// <summary>When a packet was last delivered, in nanoseconds. Linux: delivered_mstamp.</summary>
    internal long DeliveredNanoseconds;

    /// <summary>When the first packet of the present sample left, in nanoseconds. Linux: first_tx_mstamp.</summary>
    internal long FirstSentNanoseconds;

    /// <summary>When a packet last left, or when the next may at the present pace. Linux: tcp_wstamp_ns.</summary>
    internal long PaceNanoseconds;

    /// <summary>The count of delivered packets up to which the program sent too little; 0: it does not. Linux:
    /// app_limited.</summary>
    internal uint AppLimited;

    /// <summary>Packets of the last rate sample that is told. Linux: rate_delivered.</summary>
    internal int RateDelivered;

    /// <summary>Its microseconds. Linux: rate_interval_us.</summary>
    internal uint RateInterval;

    /// <summary>Most packets out while the window was not used up. Linux: snd_cwnd_used.</summary>
    internal int WindowUsed;

    /// <summary>When the window was last used up, in jiffies. Linux: snd_cwnd_stamp.</summary>
    internal uint WindowStamp;

    /// <summary>When the present state began, in jiffies. Linux: chrono_start.</summary>
    internal uint ChronoStart;

    /// <summary>Jiffies with something to send and no other limit.</summary>
    internal uint Busy;

    /// <summary>Jiffies in which the peer's window was the limit.</summary>
    internal uint WindowLimited;

    /// <summary>Jiffies in which the send buffer was.</summary>
    internal uint BufferLimited;

    /// <summary>The present state. Linux: chrono_type.</summary>
    internal Chrono Chrono;

    /// <summary>Whether that rate sample was limited by the program. Linux: rate_app_limited.</summary>
    internal bool RateAppLimited;
}
