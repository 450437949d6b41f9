namespace Earshot.Core.Tcp.Established;

/// <summary>What decides when the next ACK leaves. Linux: icsk_ack.</summary>
internal struct AckState
{
    /// <summary>The interval of the delay timer at its least. Linux: TCP_ATO_MIN.</summary>
    internal const int MinimumMilliseconds = 40;

    /// <summary>ACKs that may be sent at once when a stream begins. Linux: TCP_MAX_QUICKACKS.</summary>
    internal const int MaximumQuick = 16;

    private const int FirstMss = 536;

    /// <summary>ACKs that still leave at once.</summary>
    internal int Quick;

    /// <summary>A guess of the peer's segment size. Linux: rcv_mss.</summary>
    internal int PeerSegment;

    /// <summary>The delay in milliseconds; 0 until data came.</summary>
    internal int Interval;

    /// <summary>An ACK is owed.</summary>
    internal bool Scheduled;

    /// <summary>It is owed at once.</summary>
    internal bool Now;

    /// <summary>The last full segment had PSH, or a smaller one came.</summary>
    internal bool Pushed;

    /// <summary>The same, twice.</summary>
    internal bool PushedTwice;

    /// <summary>Requests and answers alternate: ACKs ride on answers.</summary>
    internal bool PingPong;

    /// <summary>The state of a new connection.</summary>
    internal static AckState Fresh => new() { PeerSegment = FirstMss };

    /// <summary>Whether ACKs leave at once.</summary>
    internal readonly bool IsQuick => Quick > 0 && !PingPong;
}
