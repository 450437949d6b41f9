namespace Earshot.Core.Tcp.Established;

/// <summary>What a connection counts, nearly all of it for TCP_INFO alone. Linux: tcp_info, the counts of struct
/// tcp_sock, most of them of 32 bits there too.</summary>
internal struct SegmentTally
{
    /// <summary>Segments received.</summary>
    internal uint In;

    /// <summary>Those with data.</summary>
    internal uint DataIn;

    /// <summary>Segments sent.</summary>
    internal uint Out;

    /// <summary>Those with data.</summary>
    internal uint DataOut;

    /// <summary>Packets known to have arrived, the SYN too.</summary>
    internal uint Delivered;

    /// <summary>The least round trip in microseconds; 0 without a sample.</summary>
    internal uint MinimumRtt;

    /// <summary>Bytes sent, those sent again too.</summary>
    internal long BytesSent;

    /// <summary>Numbers taken in order after the SYN, the FIN's too.</summary>
    internal long BytesReceived;

    /// <summary>Bytes sent again.</summary>
    internal long BytesAgain;

    /// <summary>When the connection began, in nanoseconds.</summary>
    internal long Begun;

    /// <summary>Packets that were acknowledged with ECE. Linux: delivered_ce.</summary>
    internal uint DeliveredCe;

    /// <summary>Packets that came out of order.</summary>
    internal uint OutOfOrder;

    /// <summary>Segments that were dropped. Linux: sk_drops.</summary>
    internal int Drops;

    /// <summary>Whether it began with a SYN that Fast Open took.</summary>
    internal bool IsFastOpen;

    /// <summary>Whether data of that SYN was taken. Linux: syn_data_acked.</summary>
    internal bool TookSynData;
}
