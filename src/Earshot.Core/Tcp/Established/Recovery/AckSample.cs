using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established.Recovery;

/// <summary>What an ACK brought. Linux: the FLAG_ names of tcp_input.c.</summary>
[Flags]
internal enum AckFlags : ushort
{
    None = 0,

    /// <summary>The segment had payload.</summary>
    Data = 1,

    /// <summary>The send window changed by the rules of RFC 9293.</summary>
    WindowUpdate = 2,

    /// <summary>It acknowledged data for the first time.</summary>
    DataAcked = 4,

    /// <summary>What it acknowledged had been retransmitted.</summary>
    RetransDataAcked = 8,

    /// <summary>It acknowledged the SYN.</summary>
    SynAcked = 16,

    /// <summary>A block told of data that was not told of before.</summary>
    DataSacked = 32,

    /// <summary>It said that congestion was met: ECE.</summary>
    Ece = 64,

    /// <summary>Losses were found while it was taken in.</summary>
    LostRetransmission = 128,

    /// <summary>It came by the slow path.</summary>
    SlowPath = 256,

    /// <summary>An original, never retransmitted, was acknowledged or told of. Linux: FLAG_ORIG_SACK_ACKED.</summary>
    OriginalDelivered = 512,

    /// <summary>SND.UNA moved.</summary>
    UnaAdvanced = 1024,

    /// <summary>A block told of a duplicate. Linux: FLAG_DSACKING_ACK.</summary>
    Dsack = 2048,

    /// <summary>The retransmission timer has to start again. Linux: FLAG_SET_XMIT_TIMER.</summary>
    SetTimer = 4096,

    /// <summary>What was told of before is no more. Linux: FLAG_SACK_RENEGING.</summary>
    Reneging = 8192,

    /// <summary>It may be one that the peer delayed. Linux: FLAG_ACK_MAYBE_DELAYED.</summary>
    MaybeDelayed = 16384,

    /// <summary>The duplicate was one of a tail loss probe. Linux: FLAG_DSACK_TLP.</summary>
    DsackOfProbe = 32768,
}

/// <summary>What one ACK told, gathered while it is taken in. Linux: tcp_sacktag_state and rate_sample.</summary>
internal struct AckSample
{
    /// <summary>What it brought.</summary>
    internal AckFlags Flags;

    /// <summary>Packets newly delivered by it, told of or acknowledged. Linux: acked_sacked.</summary>
    internal int Delivered;

    /// <summary>Packets newly found lost with it. Linux: rs.losses.</summary>
    internal int Lost;

    /// <summary>Packets in flight before it. Linux: prior_in_flight.</summary>
    internal int PriorInFlight;

    /// <summary>The round trip that congestion control is told, in microseconds; -1 without one. Linux:
    /// ca_rtt_us.</summary>
    internal long RttMicroseconds;

    /// <summary>Packets delivered when the newest packet that it is about was sent; 0: it is about none. Linux:
    /// prior_delivered.</summary>
    internal uint PriorDelivered;

    /// <summary>Of those, packets whose ACK told of congestion.</summary>
    internal uint PriorDeliveredCe;

    /// <summary>Where that packet ends.</summary>
    internal SeqNumber LastEnd;

    /// <summary>When the delivery had been heard of that was the latest one as that packet was sent. Linux:
    /// prior_mstamp.</summary>
    internal long PriorNanoseconds;

    /// <summary>Packets delivered since.</summary>
    internal int DeliveredSince;

    /// <summary>Microseconds in which they were; -1: it is not known.</summary>
    internal long IntervalMicroseconds;

    /// <summary>Whether the program had no more to send when that packet was.</summary>
    internal bool IsAppLimited;

    /// <summary>Whether that packet was a retransmission.</summary>
    internal bool IsRetransmission;

    internal readonly bool Has(AckFlags flag) => (Flags & flag) != 0;
}
