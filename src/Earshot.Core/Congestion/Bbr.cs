using System;
using System.Buffers.Binary;

namespace Earshot.Core.Congestion;

/// <summary>BBR, version 1: the rate follows the bandwidth that was measured, and the window the product of bandwidth
/// and round trip. Linux: bbr_main.</summary>
/// <remarks>It needs pacing. The parts: this file what a connection tells it, <c>Bbr.Model.cs</c> the model of the
/// path.</remarks>
internal sealed partial class Bbr : ICongestionControl
{
    internal static readonly Bbr Instance = new();

    // Gains in 256ths. Linux: bbr_high_gain, bbr_drain_gain, bbr_cwnd_gain, bbr_pacing_gain.
    private const int Unit = 256;
    private const int UnitBits = 8;
    private const int HighGain = (Unit * 2885 / 1000) + 1;
    private const int DrainGain = Unit * 1000 / 2885;
    private const int WindowGain = 2 * Unit;
    private const int Phases = 8;
    private const int BandwidthBits = 24;
    private const long BandwidthUnit = 1L << BandwidthBits;
    private const int LeastWindow = 4;
    private const int FirstWindow = 10;
    private const int InfoBytes = 20;
    private const long SlowPacing = 1_200_000 >> 3;

    /// <inheritdoc/>
    public string Name => "bbr";

    /// <inheritdoc/>
    public CongestionTraits Traits =>
        CongestionTraits.Unrestricted | CongestionTraits.ControlsWindow | CongestionTraits.Paced;

    /// <inheritdoc/>
    public int SendBufferFactor => 3;

    /// <inheritdoc/>
    public void Initialize(in CongestionContext connection)
    {
        ref BbrState state = ref connection.State<BbrState>();
        connection.Congestion.Threshold = CongestionState.InfiniteThreshold;
        state.RoundEnd = connection.Delivered;
        state.LeastRtt = (uint)Math.Min(connection.MinimumRtt, uint.MaxValue);
        state.LeastRttTime = (uint)connection.Jiffies;
        StartPacing(connection, ref state);
        ResetLongTerm(connection, ref state);
        state.AckEpochTime = connection.NowMicroseconds;
        Startup(ref state);
    }

    /// <inheritdoc/>
    public int Threshold(in CongestionContext connection)
    {
        SaveWindow(connection, ref connection.State<BbrState>());
        return connection.Congestion.Threshold;
    }

    /// <inheritdoc/>
    public void Grow(in CongestionContext connection, int acknowledged)
    {
        // It sets the window itself.
    }

    /// <inheritdoc/>
    public int Undo(in CongestionContext connection)
    {
        ref BbrState state = ref connection.State<BbrState>();
        state.FullBandwidth = 0;
        state.FullRounds = 0;
        ResetLongTerm(connection, ref state);
        return connection.Congestion.Window;
    }

    /// <inheritdoc/>
    public void OnState(in CongestionContext connection, RecoveryState recovery)
    {
        if (recovery != RecoveryState.Loss)
        {
            return;
        }

        // A timeout is a round's end, and tells a policer's measurement of a loss.
        ref BbrState state = ref connection.State<BbrState>();
        state.PriorRecovery = RecoveryState.Loss;
        state.FullBandwidth = 0;
        state.Set(BbrFlags.RoundStart, true);
        MeasureLongTerm(connection, ref state, new RateSample { Losses = 1 });
    }

    /// <inheritdoc/>
    public void OnEvent(in CongestionContext connection, CongestionEvent happened)
    {
        if (happened != CongestionEvent.TransmitStart || connection.AppLimited == 0)
        {
            return;
        }

        ref BbrState state = ref connection.State<BbrState>();
        state.Set(BbrFlags.IdleRestart, true);
        state.AckEpochTime = connection.NowMicroseconds;
        state.AckEpochPackets = 0;
        if (state.Mode == BbrMode.ProbeBandwidth)
        {
            SetRate(connection, ref state, Bandwidth(state), Unit);
        }
        else if (state.Mode == BbrMode.ProbeRtt)
        {
            EndProbeRtt(connection, ref state);
        }
    }

    /// <inheritdoc/>
    public void Control(in CongestionContext connection, in RateSample sample)
    {
        ref BbrState state = ref connection.State<BbrState>();
        UpdateModel(connection, ref state, sample);
        uint bandwidth = Bandwidth(state);
        SetRate(connection, ref state, bandwidth, state.PacingGain);
        SetWindow(connection, ref state, sample, bandwidth, state.WindowGain);
    }

    /// <inheritdoc/>
    public int MinimumSegments(in CongestionContext connection, int configured) =>
        connection.Congestion.PacingRate < SlowPacing ? 1 : 2;

    /// <inheritdoc/>
    public int InfoLength => InfoBytes;

    /// <inheritdoc/>
    public int Info(in CongestionContext connection, Span<byte> target)
    {
        ref BbrState state = ref connection.State<BbrState>();
        ulong rate = (ulong)(((UInt128)Bandwidth(state) * (ulong)connection.SegmentSize * 1_000_000) >> BandwidthBits);
        BinaryPrimitives.WriteUInt64LittleEndian(target, rate);
        BinaryPrimitives.WriteUInt32LittleEndian(target[8..], state.LeastRtt);
        BinaryPrimitives.WriteUInt32LittleEndian(target[12..], state.PacingGain);
        BinaryPrimitives.WriteUInt32LittleEndian(target[16..], state.WindowGain);
        return InfoBytes;
    }

    // Linux: bbr_bw.
    private static uint Bandwidth(in BbrState state) =>
        state.Has(BbrFlags.LongTermUsed) ? state.LongTermBandwidth : state.Bandwidth.Value;

    /// <summary>Bytes a second, one in a hundred less than the gain says. Linux: bbr_rate_bytes_per_sec.</summary>
    private static long RateOf(in CongestionContext connection, ulong bandwidth, int gain)
    {
        const int Margin = 1;
        UInt128 rate = (UInt128)bandwidth * (ulong)connection.SegmentSize * (ulong)gain >> UnitBits;
        rate *= 1_000_000 / 100 * (100 - Margin);
        return (long)UInt128.Min(rate >> BandwidthBits, (ulong)connection.MaximumPacingRate);
    }

    // Linux: bbr_init_pacing_rate_from_rtt.
    private static void StartPacing(in CongestionContext connection, ref BbrState state)
    {
        long rtt = 1000;
        if (connection.SmoothedRtt8 != 0)
        {
            rtt = Math.Max(connection.SmoothedRtt8 >> 3, 1);
            state.Set(BbrFlags.HasSeenRtt, true);
        }

        ulong bandwidth = (ulong)connection.Congestion.Window * (ulong)BandwidthUnit / (ulong)rtt;
        connection.Congestion.PacingRate = RateOf(connection, bandwidth, HighGain);
    }

    // Linux: bbr_set_pacing_rate. The rate falls only once the path is known to be full.
    private static void SetRate(in CongestionContext connection, ref BbrState state, uint bandwidth, int gain)
    {
        long rate = RateOf(connection, bandwidth, gain);
        if (!state.Has(BbrFlags.HasSeenRtt) && connection.SmoothedRtt8 != 0)
        {
            StartPacing(connection, ref state);
        }

        if (state.Has(BbrFlags.FullBandwidthReached) || rate > connection.Congestion.PacingRate)
        {
            connection.Congestion.PacingRate = rate;
        }
    }

    // Linux: bbr_tso_segs_goal.
    private int Burst(in CongestionContext connection)
    {
        const int PacingShift = 10;
        const int MostSegments = 0x7f;
        long bytes = Math.Min(connection.Congestion.PacingRate >> PacingShift, connection.MaximumSuperPacket);
        long segments = Math.Max(bytes / connection.SegmentSize, MinimumSegments(connection, 0));
        return (int)Math.Min(segments, MostSegments);
    }

    // Linux: bbr_save_cwnd.
    private static void SaveWindow(in CongestionContext connection, ref BbrState state)
    {
        int window = connection.Congestion.Window;
        state.PriorWindow = state.PriorRecovery < RecoveryState.Recovery && state.Mode != BbrMode.ProbeRtt
            ? window : Math.Max(state.PriorWindow, window);
    }

    // Linux: bbr_bdp.
    private static int Product(in BbrState state, uint bandwidth, int gain)
    {
        if (state.LeastRtt == uint.MaxValue)
        {
            return FirstWindow;
        }

        ulong packets = ((ulong)bandwidth * state.LeastRtt * (ulong)gain) >> UnitBits;
        return (int)((packets + (ulong)BandwidthUnit - 1) >> BandwidthBits);
    }

    // Linux: bbr_quantization_budget.
    private int WithBursts(in CongestionContext connection, in BbrState state, int packets)
    {
        packets += 3 * Burst(connection);
        packets = (packets + 1) & ~1;
        return state.Mode == BbrMode.ProbeBandwidth && state.Phase == 0 ? packets + 2 : packets;
    }

    // Linux: bbr_inflight.
    private int InFlightFor(in CongestionContext connection, in BbrState state, uint bandwidth, int gain) =>
        WithBursts(connection, state, Product(state, bandwidth, gain));

    // Linux: bbr_ack_aggregation_cwnd.
    private static int ForAggregation(in BbrState state)
    {
        const ulong MostMicroseconds = 100_000;
        if (!state.Has(BbrFlags.FullBandwidthReached))
        {
            return 0;
        }

        int most = (int)(Bandwidth(state) * MostMicroseconds >> BandwidthBits);
        return Math.Min(Math.Max(state.Extra0, state.Extra1), most);
    }

    // Linux: bbr_set_cwnd.
    private void SetWindow(
        in CongestionContext connection, ref BbrState state, in RateSample sample, uint bandwidth, int gain)
    {
        ref CongestionState congestion = ref connection.Congestion;
        int acknowledged = sample.Acknowledged;
        if (acknowledged > 0 && !Recover(connection, ref state, sample, out int window))
        {
            int target = WithBursts(
                connection, state, Product(state, bandwidth, gain) + ForAggregation(state));
            if (state.Has(BbrFlags.FullBandwidthReached))
            {
                window = Math.Min(window + acknowledged, target);
            }
            else if (window < target || connection.Delivered < FirstWindow)
            {
                window += acknowledged;
            }

            congestion.Window = Math.Max(window, LeastWindow);
        }

        if (state.Mode == BbrMode.ProbeRtt)
        {
            congestion.Window = Math.Min(congestion.Window, LeastWindow);
        }
    }

    /// <summary>In a recovery's first round as many leave as arrive; after it the window is what it was. Linux:
    /// bbr_set_cwnd_to_recover_or_restore.</summary>
    /// <returns>Whether the window is set by that alone.</returns>
    private static bool Recover(
        in CongestionContext connection, ref BbrState state, in RateSample sample, out int window)
    {
        RecoveryState now = connection.Recovery;
        RecoveryState before = state.PriorRecovery;
        window = connection.Congestion.Window;
        if (sample.Losses > 0)
        {
            window = Math.Max(window - sample.Losses, 1);
        }

        if (now == RecoveryState.Recovery && before != RecoveryState.Recovery)
        {
            state.Set(BbrFlags.Conserves, true);
            state.RoundEnd = connection.Delivered;
            window = connection.PacketsInFlight + sample.Acknowledged;
        }
        else if (before >= RecoveryState.Recovery && now < RecoveryState.Recovery)
        {
            window = Math.Max(window, state.PriorWindow);
            state.Set(BbrFlags.Conserves, false);
        }

        state.PriorRecovery = now;
        if (state.Has(BbrFlags.Conserves))
        {
            connection.Congestion.Window = Math.Max(window, connection.PacketsInFlight + sample.Acknowledged);
            return true;
        }

        return false;
    }
}
