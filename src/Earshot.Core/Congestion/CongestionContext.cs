using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Congestion;

/// <summary>What an algorithm may ask a connection.</summary>
internal interface ISender
{
    long NowMicroseconds { get; }

    long Jiffies { get; }

    int JiffiesPerSecond { get; }

    int SegmentSize { get; }

    int PacketsInFlight { get; }

    int PacketsOut { get; }

    int Reordering { get; }

    uint Delivered { get; }

    uint DeliveredWithCe { get; }

    uint Lost { get; }

    long DeliveredMicroseconds { get; }

    uint AppLimited { get; }

    long PaceMicroseconds { get; }

    long LastSentJiffies { get; }

    SeqNumber Unacknowledged { get; }

    SeqNumber Next { get; }

    RecoveryState Recovery { get; }

    long SmoothedRtt8 { get; }

    long MinimumRtt { get; }

    bool IsWindowLimited { get; }

    bool IsPaced { get; }

    long MaximumPacingRate { get; }

    int MaximumSuperPacket { get; }

    bool HasEcn { get; }

    void MarkAppLimited();

    uint Draw(uint bound);

    void Count(Counter counter, long amount);
}

/// <summary>A connection as a congestion control sees it.</summary>
public readonly ref struct CongestionContext
{
    private readonly ISender _sender;

    internal CongestionContext(ISender sender, ref CongestionState congestion)
    {
        _sender = sender;
        Congestion = ref congestion;
    }

    /// <summary>Window, threshold and rate, which the algorithm may set.</summary>
    public readonly ref CongestionState Congestion;

    /// <summary>The present in microseconds. Linux: tcp_mstamp.</summary>
    public long NowMicroseconds => _sender.NowMicroseconds;

    /// <summary>When the next packet may leave, or the last one left, in microseconds. Linux: tcp_wstamp_ns.</summary>
    public long PaceMicroseconds => _sender.PaceMicroseconds;

    /// <summary>The present in ticks of the kernel. Linux: tcp_jiffies32.</summary>
    public long Jiffies => _sender.Jiffies;

    /// <summary>Ticks a second. Linux: HZ.</summary>
    public int JiffiesPerSecond => _sender.JiffiesPerSecond;

    /// <summary>The tick in which data was last sent. Linux: lsndtime.</summary>
    public long LastSentJiffies => _sender.LastSentJiffies;

    /// <summary>Payload bytes of a full segment. Linux: mss_cache.</summary>
    public int SegmentSize => _sender.SegmentSize;

    /// <summary>Packets believed to be in the network. Linux: tcp_packets_in_flight.</summary>
    public int PacketsInFlight => _sender.PacketsInFlight;

    /// <summary>Packets sent and not acknowledged. Linux: packets_out.</summary>
    public int PacketsOut => _sender.PacketsOut;

    /// <summary>Packets that may come out of order before one counts as lost. Linux: reordering.</summary>
    public int Reordering => _sender.Reordering;

    /// <summary>Packets ever delivered. Linux: delivered.</summary>
    public uint Delivered => _sender.Delivered;

    /// <summary>Those of them that were acknowledged with ECE. Linux: delivered_ce.</summary>
    public uint DeliveredWithCe => _sender.DeliveredWithCe;

    /// <summary>Packets ever marked lost. Linux: lost.</summary>
    public uint Lost => _sender.Lost;

    /// <summary>When a packet was last delivered, in microseconds. Linux: delivered_mstamp.</summary>
    public long DeliveredMicroseconds => _sender.DeliveredMicroseconds;

    /// <summary>The count of delivered packets up to which the program sent too little; 0: it does not. Linux:
    /// app_limited.</summary>
    public uint AppLimited => _sender.AppLimited;

    /// <summary>SND.UNA.</summary>
    public SeqNumber Unacknowledged => _sender.Unacknowledged;

    /// <summary>SND.NXT.</summary>
    public SeqNumber Next => _sender.Next;

    /// <summary>How loss recovery stands.</summary>
    public RecoveryState Recovery => _sender.Recovery;

    /// <summary>The smoothed round trip in eighths of a microsecond; 0: none is known. Linux: srtt_us.</summary>
    public long SmoothedRtt8 => _sender.SmoothedRtt8;

    /// <summary>The least round trip of the last minutes in microseconds; uint.MaxValue: none is known. Linux:
    /// tcp_min_rtt.</summary>
    public long MinimumRtt => _sender.MinimumRtt;

    /// <summary>Whether the window was the limit. Linux: tcp_is_cwnd_limited.</summary>
    public bool IsWindowLimited => _sender.IsWindowLimited;

    /// <summary>Whether packets leave at a pace. Linux: sk_pacing_status.</summary>
    public bool IsPaced => _sender.IsPaced;

    /// <summary>SO_MAX_PACING_RATE in bytes a second; long.MaxValue: none.</summary>
    public long MaximumPacingRate => _sender.MaximumPacingRate;

    /// <summary>Bytes of the largest super-packet. Linux: sk_gso_max_size.</summary>
    public int MaximumSuperPacket => _sender.MaximumSuperPacket;

    /// <summary>Whether ECN was agreed on.</summary>
    public bool HasEcn => _sender.HasEcn;

    /// <summary>Whether the window is below the threshold. Linux: tcp_in_slow_start.</summary>
    public bool IsInSlowStart => Congestion.Window < Congestion.Threshold;

    /// <summary>What the algorithm remembers of the connection; zeros at first.</summary>
    /// <typeparam name="T">A struct without references, of at most
    /// <see cref="CongestionState.PrivateLength"/> bytes.</typeparam>
    public ref T State<T>()
        where T : unmanaged => ref Congestion.Private<T>();

    /// <summary>Grows the window by what was acknowledged, up to the threshold. Linux: tcp_slow_start.</summary>
    /// <returns>The packets of the ACK that are left for congestion avoidance.</returns>
    public int SlowStart(int acknowledged)
    {
        int grown = Math.Min(Congestion.Window + acknowledged, Congestion.Threshold);
        acknowledged -= grown - Congestion.Window;
        Congestion.Window = grown;
        return acknowledged;
    }

    /// <summary>Grows the window by one for each so many packets acknowledged. Linux: tcp_cong_avoid_ai.</summary>
    /// <param name="packets">How many packets make the window grow by one.</param>
    /// <param name="acknowledged">The packets acknowledged.</param>
    public void Additive(int packets, int acknowledged)
    {
        ref CongestionState state = ref Congestion;
        if (state.Credit >= packets)
        {
            // The step has become smaller: what was counted for the larger one is worth one packet.
            state.Credit = 0;
            state.Window++;
        }

        state.Credit += acknowledged;
        if (state.Credit >= packets)
        {
            int steps = state.Credit / packets;
            state.Credit -= steps * packets;
            state.Window += steps;
        }
    }

    /// <summary>What is in flight now says nothing of the path: the algorithm keeps it small itself.</summary>
    public void MarkAppLimited() => _sender.MarkAppLimited();

    /// <summary>A number from 0 up to, not including, a bound, from the stack's seed.</summary>
    /// <param name="bound">At least 1.</param>
    public uint Draw(uint bound) => _sender.Draw(bound);

    /// <summary>Counts something in the stack's counters.</summary>
    public void Count(Counter counter, long amount = 1) => _sender.Count(counter, amount);
}
