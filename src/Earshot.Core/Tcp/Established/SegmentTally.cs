namespace Earshot.Core.Tcp.Established;

/// <summary>What a connection counts for TCP_INFO and for nothing else. Linux: tcp_info, the counts of struct
/// tcp_sock.</summary>
internal struct SegmentTally
{
    /// <summary>Segments received.</summary>
    internal long In;

    /// <summary>Those with data.</summary>
    internal long DataIn;

    /// <summary>Segments sent.</summary>
    internal long Out;

    /// <summary>Those with data.</summary>
    internal long DataOut;

    /// <summary>Bytes sent, those sent again too.</summary>
    internal long BytesSent;

    /// <summary>Bytes sent again.</summary>
    internal long BytesAgain;

    /// <summary>Numbers taken in order after the SYN, the FIN's too.</summary>
    internal long BytesReceived;

    /// <summary>Packets known to have arrived, the SYN too.</summary>
    internal long Delivered;

    /// <summary>Those of them that were acknowledged with ECE. Linux: delivered_ce.</summary>
    internal long DeliveredCe;

    /// <summary>Packets that came out of order.</summary>
    internal long OutOfOrder;

    /// <summary>The least round trip in microseconds; 0 without a sample.</summary>
    internal long MinimumRtt;

    /// <summary>Whether it began with a SYN that Fast Open took.</summary>
    internal bool IsFastOpen;

    /// <summary>Whether data of that SYN was taken. Linux: syn_data_acked.</summary>
    internal bool TookSynData;

    /// <summary>Segments that were dropped. Linux: sk_drops.</summary>
    internal int Drops;

    /// <summary>When the connection began, in nanoseconds.</summary>
    internal long Begun;
}
