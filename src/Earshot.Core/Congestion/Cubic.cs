using System;
using System.Numerics;

namespace Earshot.Core.Congestion;

/// <summary>CUBIC (RFC 9438) with HyStart as Linux counts it: the default. Linux: bictcp_update,
/// hystart_update.</summary>
/// <remarks>Times are in 1/1024 s, made from ticks of the kernel; the window that a cubic curve asks for becomes a
/// number of ACKs for each packet more.</remarks>
internal sealed class Cubic : ICongestionControl
{
    internal static readonly Cubic Instance = new();

    // Linux: BICTCP_BETA_SCALE, beta, bic_scale, BICTCP_HZ, beta_scale.
    private const int BetaScale = 1024;
    private const int Beta = 717;
    private const int CubeScale = 410;
    private const int ClockBits = 10;
    private const int CubeBits = 40;
    private const int FriendlyScale = 15;
    private const int LeastThreshold = 2;
    private const int FirstCount = 20;
    private const int FarAway = 100;

    // HyStart. Linux: hystart_low_window, hystart_ack_delta_us, HYSTART_MIN_SAMPLES, HYSTART_DELAY_MIN.
    private const int LowWindow = 16;
    private const int TrainGap = 2000;
    private const int Samples = 8;
    private const int LeastDelay = 4000;
    private const int MostDelay = 16000;
    private const uint NoSample = uint.MaxValue;

    /// <inheritdoc/>
    public string Name => "cubic";

    /// <inheritdoc/>
    public void Initialize(in CongestionContext connection) => StartRound(connection);

    /// <inheritdoc/>
    public int Threshold(in CongestionContext connection)
    {
        ref State state = ref connection.State<State>();
        uint window = (uint)connection.Congestion.Window;
        state.EpochStart = 0;

        // Whoever lost below the last maximum gives way a little more: fast convergence.
        state.LastMaximum = window < state.LastMaximum
            ? (uint)((ulong)window * (BetaScale + Beta) / (2 * BetaScale)) : window;
        return Math.Max((int)((ulong)window * Beta / BetaScale), LeastThreshold);
    }

    /// <inheritdoc/>
    public void Grow(in CongestionContext connection, int acknowledged)
    {
        if (!connection.IsWindowLimited)
        {
            return;
        }

        if (connection.IsInSlowStart)
        {
            acknowledged = connection.SlowStart(acknowledged);
            if (acknowledged == 0)
            {
                return;
            }
        }

        ref State state = ref connection.State<State>();
        Update(connection, ref state, acknowledged);
        connection.Additive((int)state.Count, acknowledged);
    }

    /// <inheritdoc/>
    public void OnState(in CongestionContext connection, RecoveryState recovery)
    {
        if (recovery == RecoveryState.Loss)
        {
            ref State state = ref connection.State<State>();
            HystartState hystart = state.Hystart;
            state = default;
            hystart.Found = false;
            state.Hystart = hystart;
            StartRound(connection);
        }
    }

    /// <inheritdoc/>
    public void OnEvent(in CongestionContext connection, CongestionEvent happened)
    {
        if (happened != CongestionEvent.TransmitStart)
        {
            return;
        }

        // Time in which nothing was sent does not count for the curve.
        ref State state = ref connection.State<State>();
        uint now = (uint)connection.Jiffies;
        int idle = (int)(now - (uint)connection.LastSentJiffies);
        if (state.EpochStart != 0 && idle > 0)
        {
            state.EpochStart += (uint)idle;
            state.EpochStart = (int)(state.EpochStart - now) > 0 ? now : state.EpochStart;
        }
    }

    /// <inheritdoc/>
    public void OnAcknowledged(in CongestionContext connection, in AckedPackets sample)
    {
        if (sample.RttMicroseconds < 0)
        {
            return;
        }

        // Right after a recovery the queue is still draining.
        ref State state = ref connection.State<State>();
        if (state.EpochStart != 0 && (int)((uint)connection.Jiffies - state.EpochStart) < connection.JiffiesPerSecond)
        {
            return;
        }

        uint delay = (uint)Math.Max(1, sample.RttMicroseconds);
        state.LeastDelay = state.LeastDelay == 0 ? delay : Math.Min(state.LeastDelay, delay);
        if (!state.Hystart.Found && connection.IsInSlowStart && connection.Congestion.Window >= LowWindow)
        {
            LookForEnd(connection, ref state, delay);
        }
    }

    /// <summary>The cube root, to about two parts in a thousand as the kernel's. Linux: cubic_root.</summary>
    internal static uint CubeRoot(ulong value)
    {
        const double Rounding = 0.5;
        if (value < 64)
        {
            return (uint)(Math.Cbrt(value) + Rounding);
        }

        // The root of the first bits, and one step of Newton's.
        int shift = ((((64 - BitOperations.LeadingZeroCount(value)) * 84) >> 8) - 1) * 3;
        uint root = (uint)((ulong)(Math.Cbrt(value >> shift) * 64) << (shift / 3)) >> 6;
        root = Math.Max(root, 2);
        return (uint)((((2UL * root) + (value / ((ulong)root * (root - 1)))) * 341) >> 10);
    }

    private static void Update(in CongestionContext connection, ref State state, int acknowledged)
    {
        uint window = (uint)connection.Congestion.Window;
        uint now = (uint)connection.Jiffies;
        state.Acknowledged += (uint)acknowledged;
        if (state.LastWindow == window && (int)(now - state.LastTime) <= connection.JiffiesPerSecond / 32)
        {
            return;
        }

        if (state.EpochStart == 0 || now != state.LastTime)
        {
            state.LastWindow = window;
            state.LastTime = now;
            Aim(connection, ref state, window, now, acknowledged);
        }

        // What Reno would have grown to by now; below it the curve is not followed.
        uint step = (window * FriendlyScale) >> 3;
        while (state.Acknowledged > step)
        {
            state.Acknowledged -= step;
            state.RenoWindow++;
        }

        if (state.RenoWindow > window)
        {
            state.Count = Math.Min(state.Count, window / (state.RenoWindow - window));
        }

        state.Count = Math.Max(state.Count, 2);
    }

    /// <summary>Where the curve is now, and how many ACKs a packet takes to get there.</summary>
    private static void Aim(
        in CongestionContext connection, ref State state, uint window, uint now, int acknowledged)
    {
        if (state.EpochStart == 0)
        {
            state.EpochStart = now == 0 ? 1 : now;
            state.Acknowledged = (uint)acknowledged;
            state.RenoWindow = window;
            bool above = state.LastMaximum <= window;
            state.Origin = above ? window : state.LastMaximum;
            state.TimeToOrigin = above ? 0
                : CubeRoot((1UL << CubeBits) / CubeScale * (state.LastMaximum - window));
        }

        long tick = 1_000_000 / connection.JiffiesPerSecond;
        long ticks = (int)(now - state.EpochStart) + ((state.LeastDelay + tick - 1) / tick);
        ulong time = ((ulong)ticks << ClockBits) / (ulong)connection.JiffiesPerSecond;
        ulong distance = time < state.TimeToOrigin ? state.TimeToOrigin - time : time - state.TimeToOrigin;
        uint height = (uint)((CubeScale * distance * distance * distance) >> CubeBits);
        uint target = time < state.TimeToOrigin ? state.Origin - height : state.Origin + height;
        state.Count = target > window ? window / (target - window) : FarAway * window;
        if (state.LastMaximum == 0 && state.Count > FirstCount)
        {
            state.Count = FirstCount;
        }
    }

    /// <summary>HyStart: whether slow start fills the path already.</summary>
    private static void LookForEnd(in CongestionContext connection, ref State state, uint delay)
    {
        if ((int)(connection.Unacknowledged.Value - state.Hystart.RoundEnd) > 0)
        {
            StartRound(connection);
        }

        ref HystartState hystart = ref state.Hystart;
        uint now = (uint)connection.NowMicroseconds;
        if ((int)(now - hystart.LastAck) <= TrainGap)
        {
            // ACKs that come one upon the other for so long fill half a round trip.
            hystart.LastAck = now;
            uint limit = state.LeastDelay + AckDelay(connection);
            limit = connection.IsPaced ? limit : limit >> 1;
            if ((int)(now - hystart.RoundStart) > (int)limit)
            {
                Stop(connection, ref hystart, Counter.TcpExtTCPHystartTrainDetect,
                    Counter.TcpExtTCPHystartTrainCwnd);
            }
        }

        hystart.RoundDelay = Math.Min(hystart.RoundDelay, delay);
        if (hystart.Samples < Samples)
        {
            hystart.Samples++;
        }
        else if (hystart.RoundDelay > state.LeastDelay
            + Math.Clamp(state.LeastDelay >> 3, LeastDelay, MostDelay))
        {
            Stop(connection, ref hystart, Counter.TcpExtTCPHystartDelayDetect, Counter.TcpExtTCPHystartDelayCwnd);
        }
    }

    private static void Stop(
        in CongestionContext connection, ref HystartState hystart, Counter times, Counter windows)
    {
        hystart.Found = true;
        connection.Count(times);
        connection.Count(windows, connection.Congestion.Window);
        connection.Congestion.Threshold = connection.Congestion.Window;
    }

    // What a peer and the link may add by holding ACKs back. Linux: hystart_ack_delay.
    private static uint AckDelay(in CongestionContext connection)
    {
        const long FourSuperPackets = 4 * 65536 * 1_000_000L;
        const uint Most = 1000;
        long rate = connection.Congestion.PacingRate;
        return rate == 0 ? 0 : (uint)Math.Min(Most, FourSuperPackets / rate);
    }

    private static void StartRound(in CongestionContext connection)
    {
        ref HystartState hystart = ref connection.State<State>().Hystart;
        hystart.RoundStart = hystart.LastAck = (uint)connection.NowMicroseconds;
        hystart.RoundEnd = connection.Next.Value;
        hystart.RoundDelay = NoSample;
        hystart.Samples = 0;
    }

    /// <summary>What it remembers. Linux: struct bictcp.</summary>
    private struct State
    {
        internal uint Count;
        internal uint LastMaximum;
        internal uint LastWindow;
        internal uint LastTime;
        internal uint Origin;
        internal uint TimeToOrigin;
        internal uint LeastDelay;
        internal uint EpochStart;
        internal uint Acknowledged;
        internal uint RenoWindow;
        internal HystartState Hystart;
    }

    private struct HystartState
    {
        internal uint RoundStart;
        internal uint RoundEnd;
        internal uint LastAck;
        internal uint RoundDelay;
        internal byte Samples;
        internal bool Found;
    }
}
