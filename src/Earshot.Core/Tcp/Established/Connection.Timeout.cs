using System;
using Earshot.Core.Congestion;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Tcp.Established.Sending;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>What the write timer is for. Linux: icsk_pending.</summary>
internal enum WriteTimer : byte
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Retransmission, or a probe of a closed window. Linux: ICSK_TIME_RETRANS, ICSK_TIME_PROBE0.</summary>
    Retransmission,

    /// <summary>A tail loss probe. Linux: ICSK_TIME_LOSS_PROBE.</summary>
    Probe,

    /// <summary>What may only have been overtaken counts as lost. Linux: ICSK_TIME_REO_TIMEOUT.</summary>
    Reordering,
}

/// <content>The retransmission timeout (RFC 6298) and its limits. Linux: tcp_timer.c.</content>
internal sealed partial class Connection
{
    // Linux: TCP_THIN_LINEAR_RETRIES, tcp_stream_is_thin.
    private const int LinearRetries = 6;
    private const int ThinPackets = 4;

    // Linux: TCP_RESOURCE_PROBE_INTERVAL.
    private const long BusyMicroseconds = 500_000;

    /// <summary>The least variation that counts, in microseconds. Linux: tcp_rto_min.</summary>
    private int MinimumVariation =>
        Options.MinimumRto > 0 ? Options.MinimumRto : _context.Sysctls.TcpRtoMinUs;

    /// <summary>Microseconds until the oldest piece has been under way for the timeout. Linux:
    /// tcp_rto_delta_us.</summary>
    private long UntilRto => (Sent.First.SentNanoseconds / 1000) + Rtt.Rto - _context.NowMicroseconds;

    /// <summary>The timeout of what is known of the path, in whole ticks. Linux: tcp_set_rto.</summary>
    private void SetRto() => Rtt.Rto = Math.Min(ToTicks(Rtt.Base(InitialRto)), MaximumRto);

    private long ToTicks(long microseconds)
    {
        int tick = _context.Clock.TickMicroseconds;
        return (microseconds + tick - 1) / tick * tick;
    }

    /// <summary>An ACK took something off: the probe's time or the timeout begins again. Linux:
    /// tcp_set_xmit_timer.</summary>
    private void SetWriteTimer()
    {
        if (!ScheduleProbe(advancing: true))
        {
            RearmRto();
        }
    }

    /// <summary>Linux: tcp_rearm_rto.</summary>
    private void RearmRto()
    {
        if (_packetsOut == 0)
        {
            _pending = WriteTimer.None;
            _tcp.Timers.Stop(_writeTimer);
            return;
        }

        // What ran in its place has used a part of it up.
        bool replaced = _pending is WriteTimer.Probe or WriteTimer.Reordering;
        ArmWriteTimer(replaced ? Math.Max(UntilRto, 1) : Rtt.Rto);
    }

    /// <summary>New data has left. Linux: the end of tcp_write_xmit.</summary>
    partial void AfterNewData(int packets, SendMode mode)
    {
        if (_recovery is RecoveryState.Cwr or RecoveryState.Recovery)
        {
            Loss.Sent += packets;
        }

        if (mode != SendMode.Probe)
        {
            ScheduleProbe(advancing: false);
        }
    }

    /// <summary>The first new segment after a reduction says so. Linux: tcp_ecn_send.</summary>
    private TcpFlags TakeCwr()
    {
        if (!_owesCwr)
        {
            return TcpFlags.None;
        }

        _owesCwr = false;

        // Accurate ECN has another use for the bit.
        return Accurate is null ? TcpFlags.Cwr : TcpFlags.None;
    }

    /// <summary>Linux: tcp_retransmit_timer.</summary>
    private void OnRetransmissionTimer()
    {
        if (_sendWindow == 0 && !IsOrphan)
        {
            AskClosedWindow();
            return;
        }

        Mib mib = _context.Mib;
        mib.Count(Counter.TcpExtTCPTimeouts);
        if (GiveUpIfTooLate())
        {
            return;
        }

        Rehash();
        if (Timeouts == 0)
        {
            CountFailure();
        }

        LossState loss = Loss;
        EnterLoss();
        BeginTimeoutEpisode(loss);
        if (!Retransmit(0, 1) && _isBlocked)
        {
            ArmWriteTimer(BusyMicroseconds);
            return;
        }

        Backoff++;
        BackOff();
    }

    /// <summary>The window was closed over data in flight: asked again and again, without an end as long as the peer
    /// answers.</summary>
    private void AskClosedWindow()
    {
        if (IsClosedForTooLong())
        {
            _context.Mib.Count(Counter.TcpExtTCPAbortOnTimeout);
            Judge(RuleId.ConnectionTimedOut, (uint)Timeouts);
            End(SoftError != 0 ? SoftError : Errno.ETIMEDOUT);
            return;
        }

        EnterLoss();
        Retransmit(0, 1);
        Backoff++;
        BackOff();
    }

    /// <summary>Linux: tcp_rtx_probe0_timed_out.</summary>
    private bool IsClosedForTooLong()
    {
        long began = FirstRetransmission != 0 ? FirstRetransmission : Sent.First.SentNanoseconds;
        long elapsed = (_context.Now.Nanoseconds - began) / 1000;
        if (Options.UserTimeout != 0)
        {
            return elapsed > Options.UserTimeout * 1000L;
        }

        long silent = (_context.Now.Nanoseconds - LastReceived) / 1000;
        return elapsed > 2 * MaximumRto && silent > 2 * MaximumRto;
    }

    /// <summary>The first timeout of a row ends what was tried before.</summary>
    private void CountFailure()
    {
        Mib mib = _context.Mib;
        switch (_recovery)
        {
            case RecoveryState.Recovery:
                mib.Count(_hasSack ? Counter.TcpExtTCPSackRecoveryFail : Counter.TcpExtTCPRenoRecoveryFail);
                break;
            case RecoveryState.Loss:
                mib.Count(Counter.TcpExtTCPLossFailures);
                break;
            default:
                if (_recovery == RecoveryState.Disorder || _sacked > 0)
                {
                    mib.Count(_hasSack ? Counter.TcpExtTCPSackFailures : Counter.TcpExtTCPRenoFailures);
                }

                break;
        }
    }

    /// <summary>The next timeout takes twice as long, unless the stream is a thin one.</summary>
    private void BackOff()
    {
        bool isThin = _context.Sysctls.TcpThinLinearTimeouts != 0 || Options.ThinLinearTimeouts;
        if (State == TcpState.Established && isThin && _packetsOut < ThinPackets
            && Control.Threshold < CongestionState.InfiniteThreshold && Timeouts <= LinearRetries)
        {
            Backoff = 0;
            SetRto();
        }
        else
        {
            Rtt.Rto = Math.Min(Rtt.Rto << 1, MaximumRto);
        }

        ArmWriteTimer(UntilUserTimeout(Rtt.Rto));
    }

    /// <summary>A wait cut so that it does not pass TCP_USER_TIMEOUT. Linux: tcp_clamp_rto_to_user_timeout.</summary>
    private long UntilUserTimeout(long microseconds)
    {
        if (Options.UserTimeout == 0 || FirstRetransmission == 0)
        {
            return microseconds;
        }

        long elapsed = (_context.Now.Nanoseconds - FirstRetransmission) / 1000;
        return Math.Clamp((Options.UserTimeout * 1000L) - elapsed, 1, microseconds);
    }

    /// <summary>Whether the peer has been silent for too long. Linux: tcp_write_timeout.</summary>
    private bool GiveUpIfTooLate()
    {
        int retries = _context.Sysctls.TcpRetries2;
        if (HasTimedOut(ModelTimeout(_context.Sysctls.TcpRetries1)))
        {
            SuspectBlackHole();
        }

        if (IsOrphan)
        {
            bool alive = Rtt.Rto < MaximumRto;
            retries = OrphanRetriesWhile(alive);
            if (EndsForWantOfMemory(reset: alive || !HasTimedOut(ModelTimeout(retries))))
            {
                return true;
            }
        }

        if (!HasTimedOut(Options.UserTimeout > 0 ? Options.UserTimeout * 1000L : ModelTimeout(retries)))
        {
            return false;
        }

        _context.Mib.Count(Counter.TcpExtTCPAbortOnTimeout);
        Judge(RuleId.ConnectionTimedOut, (uint)Timeouts);
        End(SoftError != 0 ? SoftError : Errno.ETIMEDOUT);
        return true;
    }

    /// <summary>Whether the first retransmission is so many microseconds old. The first timeout of a row, after
    /// something new was acknowledged, does not ask. Linux: retransmits_timed_out.</summary>
    private bool HasTimedOut(long microseconds) => Timeouts > 0 && FirstRetransmission != 0
        && (_context.Now.Nanoseconds - FirstRetransmission) / 1000 >= microseconds;

    /// <summary>How long so many timeouts would have taken from 200 ms on. Linux: tcp_model_timeout.</summary>
    private long ModelTimeout(int boundary)
    {
        const long Base = RttEstimator.MinimumMicroseconds;
        int doublings = System.Numerics.BitOperations.Log2((ulong)Math.Max(1, MaximumRto / Base));
        return boundary <= doublings
            ? ((2L << boundary) - 1) * Base
            : (((2L << doublings) - 1) * Base) + ((boundary - doublings) * MaximumRto);
    }

    /// <summary>An unreachable message about the oldest piece while the timeout has doubled: the network told of a
    /// fault, and not of congestion. Linux: tcp_ld_RTO_revert.</summary>
    private void RevertBackoff(SeqNumber seq)
    {
        if (seq != _una || Timeouts == 0 || Backoff == 0 || Sent.Count == 0)
        {
            return;
        }

        Backoff--;
        SetRto();
        Rtt.Rto = Math.Min(Rtt.Rto << Backoff, MaximumRto);
        long remaining = UntilRto;
        if (remaining > 0)
        {
            ArmWriteTimer(remaining);
        }
        else
        {
            OnRetransmissionTimer();
        }
    }

    /// <summary>The path takes smaller packets only: what is too large leaves again, and the window stays. Linux:
    /// tcp_simple_retransmit.</summary>
    private void ResendTooLarge()
    {
        // What would have no room beside the SACK blocks that are told now is too large as well.
        int most = CurrentMss;
        for (int i = 0; i < Sent.Count; i++)
        {
            ref SentSegment piece = ref Sent[i];
            if (piece.LongestSegment > most)
            {
                MarkLost(ref piece);
            }
        }

        ResendMarked();
    }

    /// <summary>Sends what was marked lost, without a smaller window. Linux:
    /// tcp_non_congestion_loss_retransmit.</summary>
    private void ResendMarked()
    {
        if (_lost == 0)
        {
            return;
        }

        LossState loss = Loss;
        loss.ForgetHints(_una);
        if (!_hasSack)
        {
            LimitSacked();
        }

        if (_recovery != RecoveryState.Loss)
        {
            loss.HighSeq = _nxt;
            Control.Threshold = CurrentThreshold;
            loss.PriorThreshold = 0;
            loss.HasUndoMarker = false;
            SetRecovery(RecoveryState.Loss);
        }

        RetransmitLost();
    }
}
