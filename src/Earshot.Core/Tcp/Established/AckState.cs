namespace Earshot.Core.Tcp.Established;

/// <summary>What decides when the next ACK leaves. Linux: icsk_ack.</summary>
internal struct AckState
{
    /// <summary>ACKs that may be sent at once when a stream begins. Linux: TCP_MAX_QUICKACKS.</summary>
    internal const int MaximumQuick = 16;

    /// <summary>ACKs at once after a mark of congestion.</summary>
    internal const int QuickAfterMark = 2;

    /// <summary>Duplicate ACKs that leave at once before they are gathered. Linux: TCP_FASTRETRANS_THRESH.</summary>
    internal const int PromptDuplicates = 3;

    private const int FirstMss = 536;
    private const int LeastMss = 88;

    /// <summary>ACKs that still leave at once.</summary>
    internal int Quick;

    /// <summary>A guess of the peer's segment size. Linux: rcv_mss.</summary>
    internal int PeerSegment;

    /// <summary>The size of a smaller segment that came last: two alike make it the guess. Linux:
    /// last_seg_size.</summary>
    internal ushort LastSegment;

    /// <summary>The delay in jiffies; 0 until data came. Linux: ato.</summary>
    internal ushort Interval;

    /// <summary>How often an answer followed a request soon, by which ACKs ride on answers.</summary>
    internal byte PingPong;

    /// <summary>An ACK is owed.</summary>
    internal bool Scheduled;

    /// <summary>It is owed at once.</summary>
    internal bool Now;

    /// <summary>The last full segment had PSH, or a smaller one came.</summary>
    internal bool Pushed;

    /// <summary>The same, twice.</summary>
    internal bool PushedTwice;

    /// <summary>There was no memory for the last segment: the window is closed.</summary>
    internal bool NoMemory;

    /// <summary>Duplicate ACKs sent at once for <see cref="DuplicatesOf"/>.</summary>
    internal byte Duplicates;

    /// <summary>Duplicate ACKs that wait to be one. Linux: compressed_ack.</summary>
    internal byte Compressed;

    /// <summary>What they ask for. Linux: compressed_ack_rcv_nxt.</summary>
    internal Wire.SeqNumber DuplicatesOf;

    /// <summary>The state of a new connection. Linux: tcp_initialize_rcv_mss.</summary>
    /// <param name="advertised">The payload of the peer's full segments.</param>
    /// <param name="sent">That of our own.</param>
    /// <param name="window">The window that is offered.</param>
    internal static int FirstSegment(int advertised, int sent, uint window) => System.Math.Max(
        System.Math.Min(
            (int)System.Math.Min(System.Math.Min(advertised, sent), window / 2), FirstMss),
        LeastMss);

    /// <summary>Nothing is owed any more.</summary>
    internal void Settle() => Scheduled = Now = Pushed = PushedTwice = NoMemory = false;
}
