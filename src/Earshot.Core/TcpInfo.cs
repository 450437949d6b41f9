using System;
using System.Buffers.Binary;

namespace Earshot.Core;

/// <summary>What a connection negotiated, as the option bits of <c>struct tcp_info</c>.</summary>
[Flags]
public enum TcpInfoOptions
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Timestamps.</summary>
    Timestamps = 1,

    /// <summary>Selective acknowledgments.</summary>
    Sack = 2,

    /// <summary>Window scaling.</summary>
    WindowScale = 4,

    /// <summary>ECN was negotiated.</summary>
    Ecn = 8,

    /// <summary>A packet with an ECN mark came.</summary>
    EcnSeen = 16,

    /// <summary>The SYN's data was acknowledged by the SYN-ACK, or came with the SYN (fast open).</summary>
    SynData = 32,
}

/// <summary>What TCP_INFO and <c>ss -i</c> tell of a socket. Linux: tcp_get_info, struct tcp_info.</summary>
/// <remarks>What this stack does not keep is not here: pacing, receiver round trips, limits by time.</remarks>
public sealed record TcpInfo
{
    /// <summary>The algorithm that sizes the congestion window, as <c>reno</c>.</summary>
    public string CongestionControl { get; init; } = "";

    /// <summary>How loss recovery stands: 0 open, 1 disorder, 2 CWR, 3 recovery, 4 loss.</summary>
    public int RecoveryState { get; init; }

    /// <summary>Timeouts in a row.</summary>
    public int Timeouts { get; init; }

    /// <summary>Window or keepalive probes that were not answered.</summary>
    public int Probes { get; init; }

    /// <summary>By how many doublings the timeout has backed off.</summary>
    public int Backoff { get; init; }

    /// <summary>What was negotiated.</summary>
    public TcpInfoOptions Options { get; init; }

    /// <summary>The shift of the peer's window field, 0 to 14.</summary>
    public int SendScale { get; init; }

    /// <summary>The shift of our window field, 0 to 14.</summary>
    public int ReceiveScale { get; init; }

    /// <summary>Whether the last rate sample, or the lack of one, says that the program sent too little.</summary>
    public bool IsAppLimited { get; init; }

    /// <summary>The retransmission timeout in whole jiffies, backoff included; zero of a listener.</summary>
    public TimeSpan Rto { get; init; }

    /// <summary>The delay of ACKs; zero until data came.</summary>
    public TimeSpan Ato { get; init; }

    /// <summary>Bytes of a full segment that is sent.</summary>
    public int SendMss { get; init; }

    /// <summary>A guess of the bytes of the peer's full segments.</summary>
    public int ReceiveMss { get; init; }

    /// <summary>The MSS that was announced, less timestamps.</summary>
    public int AdvertisedMss { get; init; }

    /// <summary>Bytes of the largest packet on the way to the peer.</summary>
    public int PathMtu { get; init; }

    /// <summary>Packets in flight; of a listener the connections not accepted.</summary>
    public long Unacknowledged { get; init; }

    /// <summary>Packets that arrived out of order there; of a listener its backlog.</summary>
    public long Sacked { get; init; }

    /// <summary>Packets that count as lost.</summary>
    public int Lost { get; init; }

    /// <summary>Packets that were sent again and are in flight.</summary>
    public int Retransmitting { get; init; }

    /// <summary>Packets sent again since the beginning.</summary>
    public int TotalRetransmissions { get; init; }

    /// <summary>Packets that a reordering may hold back before it counts as a loss; 3 until one was seen.</summary>
    public int Reordering { get; init; }

    /// <summary>The congestion window in packets.</summary>
    public int CongestionWindow { get; init; }

    /// <summary>The slow start threshold in packets; <see cref="int.MaxValue"/> is infinite.</summary>
    public int SlowStartThreshold { get; init; } = int.MaxValue;

    /// <summary>The smoothed round trip; zero without a sample.</summary>
    public TimeSpan Rtt { get; init; }

    /// <summary>Its mean deviation.</summary>
    public TimeSpan RttVariation { get; init; }

    /// <summary>The least round trip; zero without a sample.</summary>
    public TimeSpan MinimumRtt { get; init; }

    /// <summary>Bytes up to which the offered window may grow.</summary>
    public long ReceiveThreshold { get; init; }

    /// <summary>Bytes that a reader takes in a round trip, from which the receive buffer would be sized.</summary>
    public long ReceiveSpace { get; init; }

    /// <summary>The receiver's estimate of the round trip.</summary>
    public TimeSpan ReceiveRtt { get; init; }

    /// <summary>Since data was last sent.</summary>
    public TimeSpan SinceDataSent { get; init; }

    /// <summary>Since data last came.</summary>
    public TimeSpan SinceDataReceived { get; init; }

    /// <summary>Since an ACK last came.</summary>
    public TimeSpan SinceAckReceived { get; init; }

    /// <summary>Bytes a second at which a pacer would send: twice the window a round trip in slow start.</summary>
    public long PacingRate { get; init; }

    /// <summary>SO_MAX_PACING_RATE in bytes a second; <see cref="long.MaxValue"/>: none.</summary>
    public long MaximumPacingRate { get; init; } = long.MaxValue;

    /// <summary>Bytes a second that were delivered lately; 0: it is not known.</summary>
    public long DeliveryRate { get; init; }

    /// <summary>How long something was queued or in flight.</summary>
    public TimeSpan BusyTime { get; init; }

    /// <summary>How much of that the peer's window was the limit.</summary>
    public TimeSpan WindowLimitedTime { get; init; }

    /// <summary>How much of that the send buffer was.</summary>
    public TimeSpan BufferLimitedTime { get; init; }

    /// <summary>Why Fast Open failed: 0 it did not, 1 no cookie, 2 data not acknowledged, 3 the SYN was sent
    /// again.</summary>
    public int FastOpenFailure { get; init; }

    /// <summary>Bytes sent, those sent again too.</summary>
    public long BytesSent { get; init; }

    /// <summary>Bytes sent again.</summary>
    public long BytesRetransmitted { get; init; }

    /// <summary>Numbers of our sequence space that were acknowledged since the SYN was sent.</summary>
    public long BytesAcked { get; init; }

    /// <summary>Numbers of the peer's sequence space that were taken in order after the SYN.</summary>
    public long BytesReceived { get; init; }

    /// <summary>Bytes queued and not sent.</summary>
    public long NotSentBytes { get; init; }

    /// <summary>Segments sent.</summary>
    public long SegmentsOut { get; init; }

    /// <summary>Segments received.</summary>
    public long SegmentsIn { get; init; }

    /// <summary>Segments with data sent.</summary>
    public long DataSegmentsOut { get; init; }

    /// <summary>Segments with data received.</summary>
    public long DataSegmentsIn { get; init; }

    /// <summary>Packets known to have arrived, the SYN too.</summary>
    public long Delivered { get; init; }

    /// <summary>Those of them that were acknowledged with ECE.</summary>
    public long DeliveredWithCe { get; init; }

    /// <summary>Duplicates that the peer told of by D-SACK, in segments.</summary>
    public int Duplicates { get; init; }

    /// <summary>How often packets were seen to arrive out of order.</summary>
    public int ReorderingSeen { get; init; }

    /// <summary>Retransmission timeouts ever.</summary>
    public int TotalTimeouts { get; init; }

    /// <summary>Rows of them.</summary>
    public int TimeoutRecoveries { get; init; }

    /// <summary>How long those rows lasted.</summary>
    public TimeSpan TimeoutTime { get; init; }

    /// <summary>Packets that came out of order.</summary>
    public long OutOfOrderPackets { get; init; }

    /// <summary>The window that the peer offers, in bytes.</summary>
    public long SendWindow { get; init; }

    /// <summary>The window that we offer, in bytes.</summary>
    public long ReceiveWindow { get; init; }

    /// <summary>The counters of accurate ECN; null: it is not spoken.</summary>
    internal Tcp.Established.AccurateEcn? Accurate { get; init; }

    /// <summary>Writes what is known of struct tcp_info, in the layout of 6.18 on a little-endian machine; the state
    /// is the caller's.</summary>
    /// <param name="bytes">At least 248 bytes.</param>
    public void Write(Span<byte> bytes)
    {
        const int FirstWord = 8;
        bytes[1] = (byte)RecoveryState;
        bytes[2] = (byte)Math.Min(Timeouts, byte.MaxValue);
        bytes[3] = (byte)Math.Min(Probes, byte.MaxValue);
        bytes[4] = (byte)Math.Min(Backoff, byte.MaxValue);
        bytes[5] = (byte)Options;
        bytes[6] = (byte)(SendScale | (ReceiveScale << 4));
        bytes[7] = (byte)((IsAppLimited ? 1 : 0) | (FastOpenFailure << 1));
        ReadOnlySpan<long> words =
        [
            Microseconds(Rto), Microseconds(Ato), SendMss, ReceiveMss, Unacknowledged, Sacked, Lost, Retransmitting, 0,
            Milliseconds(SinceDataSent), 0, Milliseconds(SinceDataReceived), Milliseconds(SinceAckReceived), PathMtu,
            ReceiveThreshold, Microseconds(Rtt), Microseconds(RttVariation), SlowStartThreshold, CongestionWindow,
            AdvertisedMss, Reordering, Microseconds(ReceiveRtt), ReceiveSpace, TotalRetransmissions,
        ];
        for (int i = 0; i < words.Length; i++)
        {
            Put(bytes, FirstWord + (4 * i), words[i]);
        }

        const ulong NoLimit = ulong.MaxValue;
        BinaryPrimitives.WriteInt64LittleEndian(bytes[104..], PacingRate);
        BinaryPrimitives.WriteUInt64LittleEndian(
            bytes[112..], MaximumPacingRate == long.MaxValue ? NoLimit : (ulong)MaximumPacingRate);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[120..], BytesAcked);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[128..], BytesReceived);
        Put(bytes, 136, SegmentsOut);
        Put(bytes, 140, SegmentsIn);
        Put(bytes, 144, NotSentBytes);
        Put(bytes, 148, MinimumRtt == TimeSpan.Zero ? -1 : Microseconds(MinimumRtt));
        Put(bytes, 152, DataSegmentsIn);
        Put(bytes, 156, DataSegmentsOut);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[160..], DeliveryRate);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[168..], Microseconds(BusyTime));
        BinaryPrimitives.WriteInt64LittleEndian(bytes[176..], Microseconds(WindowLimitedTime));
        BinaryPrimitives.WriteInt64LittleEndian(bytes[184..], Microseconds(BufferLimitedTime));
        Put(bytes, 192, Delivered);
        Put(bytes, 196, DeliveredWithCe);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[200..], BytesSent);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[208..], BytesRetransmitted);
        Put(bytes, 216, Duplicates);
        Put(bytes, 220, ReorderingSeen);
        Put(bytes, 224, OutOfOrderPackets);
        Put(bytes, 228, SendWindow);
        Put(bytes, 232, ReceiveWindow);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[240..], (ushort)TotalTimeouts);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[242..], (ushort)TimeoutRecoveries);
        Put(bytes, 244, Milliseconds(TimeoutTime));
        Accurate?.WriteInfo(bytes[248..]);
    }

    private static void Put(Span<byte> bytes, int offset, long value) =>
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[offset..], (uint)value);

    private static long Microseconds(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;

    private static long Milliseconds(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMillisecond;
}
