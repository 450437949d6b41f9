using Earshot.Core.Congestion;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Tcp.Established.Sending;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>What matters of a connection only while something moves on it: what is queued and in flight, and what is
/// measured of it.</summary>
/// <remarks>A connection that nothing happens on has none: <see cref="TrafficPool"/> writes the state down in a short
/// form and gives the object to another.</remarks>
internal sealed class Traffic
{
    /// <summary>Whose it is.</summary>
    internal Connection? User;

    /// <summary>Its place among those that are in use.</summary>
    internal int Place;

    /// <summary>Bytes that are written and not acknowledged.</summary>
    internal SendBuffer SendBuffer;

    /// <summary>The pieces in flight.</summary>
    internal SentSegments Sent;

    /// <summary>The pieces that wait to be sent.</summary>
    internal UnsentQueue Unsent;

    /// <summary>What is received and not read; null: nothing.</summary>
    internal ReceiveBuffer? Unread;

    /// <summary>What is known of losses; null: there never was one.</summary>
    internal LossState? Loss;

    /// <summary>Bytes that the program wants to be told of; null: it never did.</summary>
    internal SendMarks? Marks;

    /// <summary>The urgent byte; null: there never was one.</summary>
    internal UrgentByte? Urgent;

    /// <summary>The counters of accurate ECN; null: it was not asked for, or is not spoken.</summary>
    internal AccurateEcn? Accurate;

    /// <summary>When it was last looked for what may leave and nothing was found, in nanoseconds.</summary>
    internal long LastLook;

    /// <summary>The moment that counts for what is sent again, in nanoseconds; 0: the present.</summary>
    internal long SendsAt;

    /// <summary>All that is numbers.</summary>
    internal TrafficState State;

    /// <summary>Whether it is nothing but numbers: nothing is queued, in flight, unread or asked for. What is known of
    /// losses the connection keeps itself.</summary>
    internal bool IsNumbers => SendBuffer.Length == 0 && Sent.Count == 0 && Unsent.Count == 0
        && Unread is null && Marks is null && Urgent is null && Accurate is null;
}

/// <summary>The numbers of a connection's traffic; all zeros when it begins.</summary>
/// <remarks>In the order in which a segment needs them, so that a small exchange stays in few cache lines.</remarks>
internal struct TrafficState
{
    /// <summary>What is counted.</summary>
    internal SegmentTally Tally;

    /// <summary>When the next ACK leaves.</summary>
    internal AckState Ack;

    /// <summary>The round trip.</summary>
    internal RttEstimator Rtt;

    /// <summary>What the sender measures of itself.</summary>
    internal SenderState Sender;

    /// <summary>The congestion window.</summary>
    internal CongestionState Control;

    /// <summary>When a segment last came that was acceptable, in nanoseconds. Linux: rcv_tstamp.</summary>
    internal long LastReceived;

    /// <summary>When data last left, in nanoseconds. Linux: lsndtime.</summary>
    internal long LastSent;

    /// <summary>When data last came, in nanoseconds.</summary>
    internal long LastArrival;

    /// <summary>Linux: bytes_acked.</summary>
    internal ulong BytesAcked;

    /// <summary>When data last came, in jiffies. Linux: icsk_ack.lrcvtime.</summary>
    internal uint LastDataJiffies;

    /// <summary>Most packets that were out in a round trip. Linux: max_packets_out.</summary>
    internal int MostPacketsOut;

    /// <summary>Where that round trip ends. Linux: cwnd_usage_seq.</summary>
    internal SeqNumber MostPacketsOutEnd;

    /// <summary>Linux: icsk_retransmits.</summary>
    internal int Timeouts;

    /// <summary>Linux: icsk_backoff.</summary>
    internal int Backoff;

    /// <summary>Linux: icsk_probes_out.</summary>
    internal int Probes;

    /// <summary>The last packet that is known to have arrived.</summary>
    internal Rack Rack;

    /// <summary>How much the program reads in a round trip.</summary>
    internal ReceiveSpace Reading;

    /// <summary>The least round trip.</summary>
    internal WindowedMinimum LeastRtt;

    /// <summary>When what is sent again was first sent again, in nanoseconds. Linux: retrans_stamp.</summary>
    internal long FirstRetransmission;

    /// <summary>When the pace lets the next packet out, in nanoseconds; 0: nothing waits.</summary>
    internal long PaceTimer;

    /// <summary>The moment until which duplicate ACKs are gathered.</summary>
    internal long CompressedUntil;

    /// <summary>Linux: total_retrans.</summary>
    internal int TotalRetransmissions;

    /// <summary>Packets ever marked lost. Linux: lost.</summary>
    internal uint LostEver;

    /// <summary>When probing a closed window began, in jiffies; 0: it has not. Linux: icsk_probes_tstamp.</summary>
    internal uint ProbesBegun;

    /// <summary>Where urgent data ends. Linux: snd_up.</summary>
    internal SeqNumber UrgentEnd;

    /// <summary>When the last time stamp of the peer came, in seconds. Linux: ts_recent_stamp.</summary>
    internal uint TsRecentSeconds;

    /// <summary>The number that its row shows; 0: nobody has asked.</summary>
    internal long RowNumber;

    /// <summary>When a segment outside the window was last answered, in milliseconds; 0: never. Linux:
    /// last_oow_ack_time.</summary>
    internal uint LastOutOfWindow;

    /// <summary>Writes what is alike as differences, most of which are small: for a short form.</summary>
    internal void Shorten()
    {
        SeqNumber unsent = default;
        Rtt.Shorten(ref MostPacketsOutEnd, ref Tally.DataOut > 0 ? ref Rack.End : ref unsent);
        LeastRtt.Shorten(LastDataJiffies, Tally.MinimumRtt);
        Control.Threshold ^= CongestionState.InfiniteThreshold;
        MoveJiffies(0 - LastDataJiffies);
        MoveSent(-LastSent);
        Move(-LastReceived, -1);
        LastReceived -= Tally.Begun;
    }

    /// <summary>Takes <see cref="Shorten"/> back.</summary>
    internal void Restore()
    {
        LastReceived += Tally.Begun;
        Move(LastReceived, 1);
        MoveSent(LastSent);
        MoveJiffies(LastDataJiffies);
        Control.Threshold ^= CongestionState.InfiniteThreshold;
        LeastRtt.Restore(LastDataJiffies, Tally.MinimumRtt);
        SeqNumber unsent = default;
        Rtt.Restore(ref MostPacketsOutEnd, ref Tally.DataOut > 0 ? ref Rack.End : ref unsent);
    }

    private void MoveJiffies(uint by)
    {
        Sender.WindowStamp += by;
        if (Tally.DataOut > 0)
        {
            Sender.ChronoStart += by;
        }
    }

    // Times that are 0 until something was sent or has come stay 0: what is counted tells which they are.
    private void MoveSent(long by)
    {
        if (Tally.DataOut > 0)
        {
            Sender.DeliveredNanoseconds += by;
            Sender.FirstSentNanoseconds += by;
            Rack.SentMicroseconds += by / 1000;
        }
    }

    private void Move(long by, int times)
    {
        TsRecentSeconds += (uint)(by / Time.Instant.NanosecondsPerSecond);
        Reading.Move((uint)(by / 1000), Tally.DataIn > 0, times);
        if (Tally.Out > 0)
        {
            LastSent += by;
            Sender.PaceNanoseconds += by;
        }

        if (Tally.DataIn > 0)
        {
            LastArrival += by;
        }
    }
}
