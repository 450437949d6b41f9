using System.Collections.Generic;
using Earshot.Core.Congestion;
using Earshot.Core.Wire;

namespace Earshot.Core.Tests.Congestion;

/// <summary>A sender of which a test says everything; its clock stands still unless told.</summary>
internal sealed class FakeSender : ISender
{
    internal const int Hz = 1000;
    private CongestionState _state = new() { Window = 10, Threshold = CongestionState.InfiniteThreshold };

    internal FakeSender(ICongestionControl algorithm)
    {
        Algorithm = algorithm;
        algorithm.Initialize(Context);
    }

    internal ICongestionControl Algorithm { get; }

    internal CongestionContext Context => new(this, ref _state);

    internal ref CongestionState State => ref _state;

    internal Dictionary<Counter, long> Counted { get; } = [];

    public long NowMicroseconds { get; set; } = 1_000_000;

    public long Jiffies => NowMicroseconds / (1_000_000 / Hz);

    public int JiffiesPerSecond => Hz;

    public int SegmentSize => 1448;

    public int PacketsInFlight { get; set; }

    public int PacketsOut => PacketsInFlight;

    public int Reordering => 3;

    public uint Delivered { get; set; }

    public uint DeliveredWithCe { get; set; }

    public uint Lost { get; set; }

    public long DeliveredMicroseconds => NowMicroseconds;

    public uint AppLimited { get; set; }

    public long PaceMicroseconds => NowMicroseconds;

    public long LastSentJiffies { get; set; }

    public SeqNumber Unacknowledged { get; set; }

    public SeqNumber Next { get; set; }

    public RecoveryState Recovery { get; set; }

    public long SmoothedRtt8 { get; set; }

    public long MinimumRtt { get; set; } = uint.MaxValue;

    public bool IsWindowLimited { get; set; } = true;

    public bool IsPaced { get; set; }

    public long MaximumPacingRate => long.MaxValue;

    public int MaximumSuperPacket => 65215;

    public bool HasEcn { get; set; }

    public void MarkAppLimited() => AppLimited = 1;

    public uint Draw(uint bound) => 0;

    public void Count(Counter counter, long amount) =>
        Counted[counter] = Counted.GetValueOrDefault(counter) + amount;

    /// <summary>An ACK of so many packets, without delay of its own.</summary>
    internal void Ack(int packets, long rtt)
    {
        Delivered += (uint)packets;
        Unacknowledged += packets * SegmentSize;
        Algorithm.OnAck(Context, AckEvent.None);
        Algorithm.OnAcknowledged(Context, new AckedPackets(packets, rtt, _state.Window));
        Algorithm.Grow(Context, packets);
    }

    /// <summary>Round trips in which the whole window is sent at once and acknowledged packet by packet,
    /// evenly.</summary>
    internal void Rounds(int count, long rtt)
    {
        for (int i = 0; i < count; i++)
        {
            int window = _state.Window;
            Next += window * SegmentSize;
            long start = NowMicroseconds;
            for (int packet = 1; packet <= window; packet++)
            {
                NowMicroseconds = start + (rtt * packet / window);
                Ack(1, rtt);
            }
        }
    }

    /// <summary>A fast recovery: the window becomes the threshold.</summary>
    internal void Lose()
    {
        _state.PriorWindow = _state.Window;
        Algorithm.OnState(Context, RecoveryState.Recovery);
        Recovery = RecoveryState.Recovery;
        _state.Threshold = Algorithm.Threshold(Context);
        _state.Window = _state.Threshold;
        Algorithm.OnState(Context, RecoveryState.Open);
        Recovery = RecoveryState.Open;
    }
}
