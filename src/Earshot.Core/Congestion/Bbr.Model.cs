using System;

namespace Earshot.Core.Congestion;

/// <content>The model of the path: bandwidth, round trip, and what is being probed.</content>
internal sealed partial class Bbr
{
    // The pacing gain of each phase while probing for bandwidth. Linux: bbr_pacing_gain.
    private static readonly ushort[] PhaseGains = [Unit * 5 / 4, Unit * 3 / 4, Unit, Unit, Unit, Unit, Unit, Unit];

    // Linux: bbr_update_model.
    private void UpdateModel(in CongestionContext connection, ref BbrState state, in RateSample sample)
    {
        MeasureBandwidth(connection, ref state, sample);
        MeasureAggregation(connection, ref state, sample);
        if (state.Mode == BbrMode.ProbeBandwidth && IsPhaseOver(connection, state, sample))
        {
            NextPhase(connection, ref state);
        }

        CheckFull(ref state, sample);
        CheckDrained(connection, ref state);
        MeasureRtt(connection, ref state, sample);
        SetGains(ref state);
    }

    // Linux: bbr_update_bw.
    private static void MeasureBandwidth(in CongestionContext connection, ref BbrState state, in RateSample sample)
    {
        const int Rounds = 10;
        state.Set(BbrFlags.RoundStart, false);
        if (sample.Delivered < 0 || sample.IntervalMicroseconds <= 0)
        {
            return;
        }

        if ((int)(sample.PriorDelivered - state.RoundEnd) >= 0)
        {
            state.RoundEnd = connection.Delivered;
            state.Rounds++;
            state.Set(BbrFlags.RoundStart, true);
            state.Set(BbrFlags.Conserves, false);
        }

        MeasureLongTerm(connection, ref state, sample);
        ulong measured = (ulong)sample.Delivered * (ulong)BandwidthUnit / (ulong)sample.IntervalMicroseconds;
        uint bandwidth = (uint)Math.Min(measured, uint.MaxValue);
        if (!sample.IsAppLimited || bandwidth >= state.Bandwidth.Value)
        {
            state.Bandwidth.Take(Rounds, state.Rounds, bandwidth);
        }
    }

    // Linux: bbr_update_ack_aggregation. ACKs that come in heaps need more in flight than the model says.
    private static void MeasureAggregation(in CongestionContext connection, ref BbrState state, in RateSample sample)
    {
        const int Rounds = 5;
        const byte MostRounds = 0x1f;
        const uint MostPackets = 0xfffff;
        if (sample.Acknowledged <= 0 || sample.Delivered < 0 || sample.IntervalMicroseconds <= 0)
        {
            return;
        }

        if (state.Has(BbrFlags.RoundStart))
        {
            state.ExtraRounds = (byte)Math.Min(MostRounds, state.ExtraRounds + 1);
            if (state.ExtraRounds >= Rounds)
            {
                state.ExtraRounds = 0;
                state.Flags ^= BbrFlags.SecondExtra;
                Extra(ref state) = 0;
            }
        }

        long epoch = Math.Max(0, connection.DeliveredMicroseconds - state.AckEpochTime);
        uint expected = (uint)UInt128.Min(uint.MaxValue, (UInt128)Bandwidth(state) * (ulong)epoch >> BandwidthBits);
        if (state.AckEpochPackets <= expected || state.AckEpochPackets + (uint)sample.Acknowledged > MostPackets)
        {
            state.AckEpochPackets = 0;
            state.AckEpochTime = connection.DeliveredMicroseconds;
            expected = 0;
        }

        state.AckEpochPackets = Math.Min(MostPackets, state.AckEpochPackets + (uint)sample.Acknowledged);
        uint extra = Math.Min(state.AckEpochPackets - expected, (uint)connection.Congestion.Window);
        ref ushort most = ref Extra(ref state);
        most = (ushort)Math.Max(most, Math.Min(extra, ushort.MaxValue));
    }

    private static ref ushort Extra(ref BbrState state)
    {
        if (state.Has(BbrFlags.SecondExtra))
        {
            return ref state.Extra1;
        }

        return ref state.Extra0;
    }

    // Linux: bbr_is_next_cycle_phase.
    private bool IsPhaseOver(in CongestionContext connection, in BbrState state, in RateSample sample)
    {
        bool isLong = connection.DeliveredMicroseconds - state.CycleTime > state.LeastRtt;
        if (state.PacingGain == Unit)
        {
            return isLong;
        }

        int inFlight = InNetwork(connection, state, sample.PriorInFlight);
        uint bandwidth = state.Bandwidth.Value;
        return state.PacingGain > Unit
            ? isLong && (sample.Losses > 0
                || inFlight >= InFlightFor(connection, state, bandwidth, state.PacingGain))
            : isLong || inFlight <= InFlightFor(connection, state, bandwidth, Unit);
    }

    // Linux: bbr_packets_in_net_at_edt.
    private int InNetwork(in CongestionContext connection, in BbrState state, int inFlight)
    {
        long wait = Math.Max(0, connection.PaceMicroseconds - connection.NowMicroseconds);
        int delivered = (int)((UInt128)Bandwidth(state) * (ulong)wait >> BandwidthBits);
        inFlight += state.PacingGain > Unit ? Burst(connection) : 0;
        return Math.Max(0, inFlight - delivered);
    }

    private static void NextPhase(in CongestionContext connection, ref BbrState state)
    {
        state.Phase = (byte)((state.Phase + 1) & (Phases - 1));
        state.CycleTime = connection.DeliveredMicroseconds;
    }

    private static void Startup(ref BbrState state) => state.Mode = BbrMode.Startup;

    // Linux: bbr_reset_probe_bw_mode. The cycle begins anywhere but with the phase below the rate.
    private static void ProbeBandwidth(in CongestionContext connection, ref BbrState state)
    {
        const uint Starts = 7;
        state.Mode = BbrMode.ProbeBandwidth;
        state.Phase = (byte)(Phases - 1 - connection.Draw(Starts));
        NextPhase(connection, ref state);
    }

    // Linux: bbr_check_full_bw_reached.
    private static void CheckFull(ref BbrState state, in RateSample sample)
    {
        const ulong Growth = Unit * 5 / 4;
        const int Rounds = 3;
        if (state.Has(BbrFlags.FullBandwidthReached) || !state.Has(BbrFlags.RoundStart) || sample.IsAppLimited)
        {
            return;
        }

        if (state.Bandwidth.Value >= (state.FullBandwidth * Growth) >> UnitBits)
        {
            state.FullBandwidth = state.Bandwidth.Value;
            state.FullRounds = 0;
            return;
        }

        state.FullRounds++;
        state.Set(BbrFlags.FullBandwidthReached, state.FullRounds >= Rounds);
    }

    // Linux: bbr_check_drain.
    private void CheckDrained(in CongestionContext connection, ref BbrState state)
    {
        if (state.Mode == BbrMode.Startup && state.Has(BbrFlags.FullBandwidthReached))
        {
            state.Mode = BbrMode.Drain;
            connection.Congestion.Threshold = InFlightFor(connection, state, state.Bandwidth.Value, Unit);
        }

        if (state.Mode == BbrMode.Drain && InNetwork(connection, state, connection.PacketsInFlight)
            <= InFlightFor(connection, state, state.Bandwidth.Value, Unit))
        {
            ProbeBandwidth(connection, ref state);
        }
    }

    // Linux: bbr_update_min_rtt.
    private static void MeasureRtt(in CongestionContext connection, ref BbrState state, in RateSample sample)
    {
        const int Seconds = 10;
        uint now = (uint)connection.Jiffies;
        bool expired = (int)(now - (state.LeastRttTime + (uint)(Seconds * connection.JiffiesPerSecond))) > 0;
        if (sample.RttMicroseconds >= 0
            && (sample.RttMicroseconds < state.LeastRtt || (expired && !sample.IsAckDelayed)))
        {
            state.LeastRtt = (uint)sample.RttMicroseconds;
            state.LeastRttTime = now;
        }

        if (expired && !state.Has(BbrFlags.IdleRestart) && state.Mode != BbrMode.ProbeRtt)
        {
            state.Mode = BbrMode.ProbeRtt;
            SaveWindow(connection, ref state);
            state.ProbeRttDone = 0;
        }

        if (state.Mode == BbrMode.ProbeRtt)
        {
            GoOnProbingRtt(connection, ref state, now);
        }

        if (sample.Delivered > 0)
        {
            state.Set(BbrFlags.IdleRestart, false);
        }
    }

    private static void GoOnProbingRtt(in CongestionContext connection, ref BbrState state, uint now)
    {
        // 200 ms, and a round.
        const int PerSecond = 5;
        connection.MarkAppLimited();
        if (state.ProbeRttDone == 0)
        {
            if (connection.PacketsInFlight <= LeastWindow)
            {
                state.ProbeRttDone = now + (uint)(connection.JiffiesPerSecond / PerSecond);
                state.ProbeRttDone = state.ProbeRttDone == 0 ? 1 : state.ProbeRttDone;
                state.Set(BbrFlags.ProbeRttRoundDone, false);
                state.RoundEnd = connection.Delivered;
            }

            return;
        }

        if (state.Has(BbrFlags.RoundStart))
        {
            state.Set(BbrFlags.ProbeRttRoundDone, true);
        }

        if (state.Has(BbrFlags.ProbeRttRoundDone))
        {
            EndProbeRtt(connection, ref state);
        }
    }

    // Linux: bbr_check_probe_rtt_done.
    private static void EndProbeRtt(in CongestionContext connection, ref BbrState state)
    {
        uint now = (uint)connection.Jiffies;
        if (state.ProbeRttDone == 0 || (int)(now - state.ProbeRttDone) <= 0)
        {
            return;
        }

        state.LeastRttTime = now;
        connection.Congestion.Window = Math.Max(connection.Congestion.Window, state.PriorWindow);
        if (state.Has(BbrFlags.FullBandwidthReached))
        {
            ProbeBandwidth(connection, ref state);
        }
        else
        {
            Startup(ref state);
        }
    }

    // Linux: bbr_update_gains.
    private static void SetGains(ref BbrState state)
    {
        (state.PacingGain, state.WindowGain) = state.Mode switch
        {
            BbrMode.Startup => ((ushort)HighGain, (ushort)HighGain),
            BbrMode.Drain => ((ushort)DrainGain, (ushort)HighGain),
            BbrMode.ProbeBandwidth => (
                state.Has(BbrFlags.LongTermUsed) ? (ushort)Unit : PhaseGains[state.Phase], (ushort)WindowGain),
            _ => ((ushort)Unit, (ushort)Unit),
        };
    }

    // Linux: bbr_lt_bw_sampling. A policer shows as much loss at an even rate.
    private static void MeasureLongTerm(in CongestionContext connection, ref BbrState state, in RateSample sample)
    {
        const int UsedRounds = 48;
        const int LeastRounds = 4;
        const int MostRounds = 4 * LeastRounds;
        const int LossShare = 50;
        if (state.Has(BbrFlags.LongTermUsed))
        {
            if (state.Mode == BbrMode.ProbeBandwidth && state.Has(BbrFlags.RoundStart)
                && ++state.LongTermRounds >= UsedRounds)
            {
                ResetLongTerm(connection, ref state);
                ProbeBandwidth(connection, ref state);
            }

            return;
        }

        if (!state.Has(BbrFlags.LongTermSampling))
        {
            if (sample.Losses == 0)
            {
                return;
            }

            StartLongTerm(connection, ref state);
            state.Set(BbrFlags.LongTermSampling, true);
        }

        state.LongTermRounds += (byte)(state.Has(BbrFlags.RoundStart) && !sample.IsAppLimited ? 1 : 0);
        if (sample.IsAppLimited || state.LongTermRounds > MostRounds)
        {
            ResetLongTerm(connection, ref state);
            return;
        }

        uint lost = connection.Lost - state.LongTermLost;
        uint delivered = connection.Delivered - state.LongTermDelivered;
        if (state.LongTermRounds < LeastRounds || sample.Losses == 0 || delivered == 0
            || (ulong)lost << UnitBits < (ulong)LossShare * delivered)
        {
            return;
        }

        uint milliseconds = (uint)(connection.DeliveredMicroseconds / 1000) - state.LongTermTime;
        if ((int)milliseconds >= 1)
        {
            ulong bandwidth = delivered * (ulong)BandwidthUnit / (milliseconds * 1000UL);
            EndLongTerm(connection, ref state, (uint)Math.Min(bandwidth, uint.MaxValue));
        }
    }

    // Linux: bbr_lt_bw_interval_done.
    private static void EndLongTerm(in CongestionContext connection, ref BbrState state, uint bandwidth)
    {
        const int Near = Unit / 8;
        const long NearBytes = 4000 / 8;
        if (state.LongTermBandwidth != 0)
        {
            uint difference = bandwidth > state.LongTermBandwidth
                ? bandwidth - state.LongTermBandwidth : state.LongTermBandwidth - bandwidth;
            if ((ulong)difference * Unit <= (ulong)Near * state.LongTermBandwidth
                || RateOf(connection, difference, Unit) <= NearBytes)
            {
                state.LongTermBandwidth = (uint)(((ulong)bandwidth + state.LongTermBandwidth) >> 1);
                state.Set(BbrFlags.LongTermUsed, true);
                state.PacingGain = Unit;
                state.LongTermRounds = 0;
                return;
            }
        }

        state.LongTermBandwidth = bandwidth;
        StartLongTerm(connection, ref state);
    }

    private static void StartLongTerm(in CongestionContext connection, ref BbrState state)
    {
        state.LongTermTime = (uint)(connection.DeliveredMicroseconds / 1000);
        state.LongTermDelivered = connection.Delivered;
        state.LongTermLost = connection.Lost;
        state.LongTermRounds = 0;
    }

    private static void ResetLongTerm(in CongestionContext connection, ref BbrState state)
    {
        state.LongTermBandwidth = 0;
        state.Set(BbrFlags.LongTermUsed, false);
        state.Set(BbrFlags.LongTermSampling, false);
        StartLongTerm(connection, ref state);
    }
}
