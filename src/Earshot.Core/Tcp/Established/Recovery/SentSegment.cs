using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established.Recovery;

/// <summary>What is known about a piece of the stream in flight. Linux: TCPCB_TAGBITS and its like.</summary>
[Flags]
internal enum SentFlags : ushort
{
    None = 0,

    /// <summary>Believed lost.</summary>
    Lost = 1,

    /// <summary>A copy is in flight. Linux: TCPCB_SACKED_RETRANS.</summary>
    Retransmitted = 2,

    /// <summary>It was sent more than once: it gives no round-trip sample. Linux: TCPCB_EVER_RETRANS.</summary>
    EverRetransmitted = 4,

    /// <summary>It ends with the FIN.</summary>
    Fin = 8,

    /// <summary>It was sent with PSH, and is again.</summary>
    Push = 16,

    /// <summary>The peer has told that it has it. Linux: TCPCB_SACKED_ACKED.</summary>
    Sacked = 32,

    /// <summary>The program had no more to send when it left. Linux: tx.is_app_limited.</summary>
    AppLimited = 64,

    /// <summary>A record ends with it: nothing is put behind it in its segment. Linux: eor.</summary>
    EndOfRecord = 128,

    /// <summary>RACK has found it lost, or the peer told of it, and RACK does not look at it before it is sent again.
    /// Linux: taken out of tsorted_sent_queue.</summary>
    Unwatched = 256,
}

/// <summary>A piece of the stream in flight, of one segment or of several. Linux: sk_buff, in the retransmit
/// queue.</summary>
internal struct SentSegment
{
    /// <summary>When it was last sent, in nanoseconds. Linux: skb_mstamp_ns.</summary>
    internal long SentNanoseconds;

    /// <summary>When the delivery was heard of that was the latest one as it left. Linux:
    /// tx.delivered_mstamp.</summary>
    internal long DeliveredNanoseconds;

    /// <summary>When the first packet of its round left. Linux: tx.first_tx_mstamp.</summary>
    internal long FirstSentNanoseconds;

    /// <summary>Packets delivered when it left. Linux: tx.delivered.</summary>
    internal uint Delivered;

    /// <summary>Of those, packets whose ACK told of congestion. Linux: tx.delivered_ce.</summary>
    internal uint DeliveredCe;

    /// <summary>Its first sequence number.</summary>
    internal SeqNumber Seq;

    /// <summary>The sequence number after it.</summary>
    internal SeqNumber End;

    /// <summary>Segments on the wire that it stands for. Linux: tcp_skb_pcount.</summary>
    internal ushort Packets;

    /// <summary>Payload bytes of each but the last. Linux: tcp_skb_mss.</summary>
    internal ushort SegmentSize;

    /// <summary>What is known of it.</summary>
    internal SentFlags Flags;

    /// <summary>Bytes before it that were acknowledged of a single segment: Linux keeps its beginning until it is sent
    /// again.</summary>
    internal ushort Acknowledged;

    internal readonly bool Has(SentFlags flag) => (Flags & flag) != 0;

    /// <summary>Its bytes of payload: a FIN is none.</summary>
    internal readonly int PayloadLength => End - Seq - (Has(SentFlags.Fin) ? 1 : 0);

    /// <summary>Payload bytes of its longest segment, as it was sent. Linux: tcp_skb_seglen.</summary>
    internal readonly int LongestSegment => Packets == 1 ? PayloadLength + Acknowledged : SegmentSize;

    /// <summary>Segments that so many payload bytes of it make. Linux: tcp_set_skb_tso_segs.</summary>
    internal readonly ushort PacketsOf(int bytes) =>
        bytes <= SegmentSize ? (ushort)1 : (ushort)((bytes + SegmentSize - 1) / SegmentSize);
}
