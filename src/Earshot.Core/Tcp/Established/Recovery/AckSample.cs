using System;
using Earshot.Core.Congestion;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established.Recovery;

/// <summary>What an ACK brought. Linux: the flags of tcp_ack.</summary>
[Flags]
internal enum AckFlags : ushort
{
    None = 0,

    /// <summary>The segment had payload. Linux: FLAG_DATA.</summary>
    Data = 1,

    /// <summary>Its window counted. Linux: FLAG_WIN_UPDATE.</summary>
    WindowUpdate = 2,

    /// <summary>It acknowledged packets. Linux: FLAG_DATA_ACKED.</summary>
    DataAcked = 4,

    /// <summary>Some of what it acknowledged had been sent again. Linux: FLAG_RETRANS_DATA_ACKED.</summary>
    RetransmissionAcked = 8,

    /// <summary>A block told of something for the first time. Linux: FLAG_DATA_SACKED.</summary>
    DataSacked = 16,

    /// <summary>It said that congestion was met. Linux: FLAG_ECE.</summary>
    Ece = 32,

    /// <summary>A retransmission was found lost. Linux: FLAG_LOST_RETRANS.</summary>
    RetransmissionLost = 64,

    /// <summary>Something that was sent once arrived. Linux: FLAG_ORIG_SACK_ACKED.</summary>
    OriginalArrived = 128,

    /// <summary>SND.UNA moved. Linux: FLAG_SND_UNA_ADVANCED.</summary>
    UnaAdvanced = 256,

    /// <summary>A block told of a duplicate. Linux: FLAG_DSACKING_ACK.</summary>
    Dsack = 512,

    /// <summary>The write timer has to start again. Linux: FLAG_SET_XMIT_TIMER.</summary>
    SetTimer = 1024,

    /// <summary>What was told of before is no more. Linux: FLAG_SACK_RENEGING.</summary>
    Reneging = 2048,

    /// <summary>It may be one that the peer delayed. Linux: FLAG_ACK_MAYBE_DELAYED.</summary>
    MaybeDelayed = 4096,

    /// <summary>The duplicate was that of a tail loss probe. Linux: FLAG_DSACK_TLP.</summary>
    DsackOfProbe = 8192,
}

/// <summary>What is to be sent after an ACK beside new data. Linux: REXMIT_NONE, REXMIT_LOST, REXMIT_NEW.</summary>
internal enum Resend : byte
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>What is lost.</summary>
    Lost,

    /// <summary>New data, to find out whether a timeout was spurious.</summary>
    New,
}

/// <summary>What one ACK told, gathered while it is taken in. Linux: struct tcp_sacktag_state.</summary>
internal struct AckSample
{
    /// <summary>What it brought.</summary>
    internal AckFlags Flags;

    /// <summary>SND.UNA before it.</summary>
    internal SeqNumber PriorUna;

    /// <summary>Its TSecr; 0: none.</summary>
    internal uint Echo;

    /// <summary>Packets that its blocks told of for the first time, duplicates too. Linux: sack_delivered.</summary>
    internal int SackDelivered;

    /// <summary>The lowest number that it showed to have come out of order. Linux: reord.</summary>
    internal SeqNumber Reordered;

    /// <summary>When the oldest packet was sent that a block told of, in microseconds; -1: none. Linux:
    /// first_sackt.</summary>
    internal long FirstSacked;

    /// <summary>The same of the newest. Linux: last_sackt.</summary>
    internal long LastSacked;

    /// <summary>How fast packets were delivered.</summary>
    internal RateSample Rate;

    internal readonly bool Has(AckFlags flag) => (Flags & flag) != 0;
}
