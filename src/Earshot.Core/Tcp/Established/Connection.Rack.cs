using System;
using Earshot.Core.Congestion;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Tcp.Established.Sending;

namespace Earshot.Core.Tcp.Established;

/// <content>Losses found by time (RFC 8985). Linux: tcp_recovery.c.</content>
internal sealed partial class Connection
{
    // The bits of net.ipv4.tcp_recovery. Linux: TCP_RACK_STATIC_REO_WND, TCP_RACK_NO_DUPTHRESH.
    private const int StaticWindowBit = 2;
    private const int NoThresholdBit = 4;

    // Two milliseconds. Linux: TCP_TIMEOUT_MIN_US.
    private const int LeastMicroseconds = 2000;

    /// <summary>Microseconds that a packet may come later than one sent after it. Linux: tcp_rack_reo_wnd.</summary>
    private long ReorderWindow
    {
        get
        {
            LossState loss = Loss;
            if (loss.ReorderingSeen == 0 && (_recovery >= RecoveryState.Recovery
                || (_sacked >= loss.Reordering && (_context.Sysctls.TcpRecovery & NoThresholdBit) == 0)))
            {
                return 0;
            }

            long minimum = Tally.MinimumRtt == 0 ? uint.MaxValue : Tally.MinimumRtt;
            return Math.Min((minimum >> 2) * loss.WindowSteps, Rtt.Smoothed);
        }
    }

    /// <summary>Duplicates say that too little was waited. Linux: tcp_rack_update_reo_wnd.</summary>
    private void WidenReorderWindow(uint priorDelivered)
    {
        LossState loss = Loss;
        if ((_context.Sysctls.TcpRecovery & StaticWindowBit) != 0 || priorDelivered == 0)
        {
            return;
        }

        if ((int)(priorDelivered - loss.DeliveredAtWidening) < 0)
        {
            // Once a round trip.
            loss.DuplicateSeen = false;
        }

        if (loss.DuplicateSeen)
        {
            loss.WindowSteps = (byte)Math.Min(byte.MaxValue, loss.WindowSteps + 1);
            loss.DuplicateSeen = false;
            loss.DeliveredAtWidening = Tally.Delivered;
            loss.WindowHeld = LossState.RecoveriesHeld;
        }
        else if (loss.WindowHeld == 0)
        {
            loss.WindowSteps = 1;
        }
    }

    /// <summary>Looks for losses if something has arrived since. Linux: tcp_rack_mark_lost.</summary>
    /// <returns>Whether some pieces must wait, and the timer runs for them.</returns>
    private bool FindByTime()
    {
        if (!Rack.HasAdvanced)
        {
            return false;
        }

        Rack.HasAdvanced = false;
        long wait = DetectLosses();
        if (wait == 0)
        {
            return false;
        }

        ArmWriteTimer(Math.Min(wait + LeastMicroseconds, Rtt.Rto), WriteTimer.Reordering);
        return true;
    }

    /// <summary>Linux: tcp_rack_detect_loss.</summary>
    /// <returns>Microseconds until the last one of those that may still come must be there; 0: there are
    /// none.</returns>
    private long DetectLosses()
    {
        LossState loss = Loss;
        long age = _context.NowMicroseconds - Rack.RttMicroseconds - ReorderWindow;
        long wait = 0;

        // Those that were sent once left in the order of the stream.
        Refresh(ref loss.RackHint);
        int i = Sent.IndexAfter(loss.RackHint);
        bool isPrefix = true;
        long end = long.MaxValue;
        for (; i < Sent.Count; i++)
        {
            ref SentSegment piece = ref Sent[i];
            const SentFlags NotOnce = SentFlags.Sacked | SentFlags.EverRetransmitted | SentFlags.Unwatched;
            if ((piece.Flags & NotOnce) == 0 && !piece.Has(SentFlags.Lost))
            {
                if (!Rack.IsAfter(piece))
                {
                    end = Math.Min(end, piece.SentNanoseconds);
                    isPrefix = false;
                }
                else if (!LoseIfOlder(ref piece, age, ref wait))
                {
                    isPrefix = false;
                }
            }

            if (isPrefix)
            {
                loss.RackHint = piece.End;
            }
            else if (!Rack.IsAfter(piece) && !piece.Has(SentFlags.EverRetransmitted))
            {
                break;
            }
        }

        for (i = 0; i < loss.Resent.Count; i++)
        {
            Resent resent = loss.Resent[i];
            if (resent.SentNanoseconds > end || !DetectAmong(resent, age, ref wait, out bool isLeft))
            {
                break;
            }

            if (i == 0 && !isLeft)
            {
                loss.Resent.RemoveFirst(_tcp.Resents);
                i--;
            }
        }

        return wait;
    }

    /// <summary>The same among what was sent again at one time.</summary>
    /// <returns>False when it was sent after what arrived.</returns>
    private bool DetectAmong(in Resent resent, long age, ref long wait, out bool isLeft)
    {
        isLeft = false;
        for (int i = Sent.IndexAfter(resent.Seq); i < Sent.Count && Sent[i].Seq < resent.End; i++)
        {
            ref SentSegment piece = ref Sent[i];
            if (piece.SentNanoseconds != resent.SentNanoseconds
                || (piece.Flags & (SentFlags.Sacked | SentFlags.EverRetransmitted | SentFlags.Unwatched))
                    != SentFlags.EverRetransmitted
                || (piece.Flags & (SentFlags.Lost | SentFlags.Retransmitted)) == SentFlags.Lost)
            {
                continue;
            }

            if (!Rack.IsAfter(piece))
            {
                isLeft = true;
                return false;
            }

            isLeft |= !LoseIfOlder(ref piece, age, ref wait);
        }

        return true;
    }

    /// <summary>Marks a piece that was sent at a moment or before; of another one the wait is noted. Linux:
    /// tcp_rack_skb_timeout.</summary>
    private bool LoseIfOlder(ref SentSegment piece, long moment, ref long wait)
    {
        long remaining = (piece.SentNanoseconds / 1000) - moment;
        if (remaining > 0)
        {
            wait = Math.Max(wait, remaining);
            return false;
        }

        MarkLost(ref piece);
        piece.Flags |= SentFlags.Unwatched;
        return true;
    }

    /// <summary>What may have been late is late. Linux: tcp_rack_reo_timeout.</summary>
    private void OnReorderTimer()
    {
        LossState loss = Loss;
        int inFlight = PacketsInFlight;
        uint lost = LostEver;
        DetectLosses();
        if (inFlight != PacketsInFlight)
        {
            if (_recovery != RecoveryState.Recovery)
            {
                EnterRecovery(loss, ece: false);
                if ((Algorithm.Traits & CongestionTraits.ControlsWindow) == 0)
                {
                    ReduceWindow(1, (int)(LostEver - lost), advanced: false);
                }
            }

            RetransmitLost();
        }

        if (_pending != WriteTimer.Retransmission)
        {
            RearmRto();
        }
    }

    /// <summary>Sends a probe before the retransmission timer does harm. Linux: tcp_schedule_loss_probe.</summary>
    /// <param name="advancing">Whether an ACK restarts the timers, so that the RTO counts from now.</param>
    /// <returns>Whether it will be sent.</returns>
    private bool ScheduleProbe(bool advancing)
    {
        if (!_hasSack || _packetsOut == 0 || _fastOpen >= 0
            || _recovery is not (RecoveryState.Open or RecoveryState.Cwr)
            || _context.Sysctls.TcpEarlyRetrans is not (3 or 4))
        {
            return false;
        }

        // One packet alone may wait for the peer's delayed ACK.
        long timeout = !Rtt.HasSample ? InitialRto
            : (2 * Rtt.Smoothed) + (_packetsOut == 1 ? MinimumVariation : LeastMicroseconds);
        long rto = advancing ? Rtt.Rto : UntilRto;
        if (rto > 0)
        {
            timeout = Math.Min(timeout, rto);
        }

        ArmWriteTimer(timeout, WriteTimer.Probe);
        return true;
    }

    /// <summary>Linux: tcp_send_loss_probe.</summary>
    private void OnProbeOfTail()
    {
        LossState loss = Loss;
        if (loss.HasProbe || !SendProbe(loss))
        {
            RearmRto();
            return;
        }

        loss.HasProbe = true;
        loss.ProbeEnd = _nxt;
        _context.Mib.Count(Counter.TcpExtTCPLossProbes);

        // The timeout counts from now.
        _pending = WriteTimer.None;
        RearmRto();
    }

    // Linux: tcp_snd_wnd_test of the head.
    private bool HeadFits => Math.Min(Unsent.Head.End - _nxt, CurrentMss)
        + (Unsent.Head.Has(UnsentFlags.Fin) && Unsent.Head.End - _nxt <= CurrentMss ? 1 : 0)
        <= (int)(_una.Value + _sendWindow - _nxt.Value);

    private bool SendProbe(LossState loss)
    {
        loss.ProbeIsCopy = false;
        int before = _packetsOut;
        if (Unsent.Count > 0 && HeadFits)
        {
            // New data does what a copy would, and is of use in any case.
            SendQueued(CurrentMss, Nagle.Off, SendMode.Probe);
            return _packetsOut > before;
        }

        if (Sent.Count == 0)
        {
            return false;
        }

        int last = Sent.Count - 1;
        int packets = Sent[last].Packets;
        int mss = CurrentMss;
        int whole = (packets - 1) * mss;
        if (packets > 1 && Sent[last].PayloadLength > whole)
        {
            Cut(last, whole, mss);
            last++;
        }

        loss.ProbeIsCopy = SendCopy(last, 1);
        return loss.ProbeIsCopy;
    }

    /// <summary>What an ACK says about a probe. Linux: tcp_process_tlp_ack.</summary>
    private void JudgeProbe(ref AckSample sample)
    {
        LossState loss = Loss;
        if (!loss.HasProbe || _una < loss.ProbeEnd)
        {
            return;
        }

        if (!loss.ProbeIsCopy || sample.Has(AckFlags.DsackOfProbe))
        {
            // It was new data, or both copies arrived.
            loss.HasProbe = false;
        }
        else if (_una > loss.ProbeEnd)
        {
            // The probe repaired a loss, and a loss costs a reduction.
            BeginReduction(loss);
            SetRecovery(RecoveryState.Cwr);
            EndReduction(loss);
            OpenOrDisorder(loss);
            _context.Mib.Count(Counter.TcpExtTCPLossProbeRecovery);
        }
        else if ((sample.Flags & (AckFlags.UnaAdvanced | NotDuplicate | AckFlags.DataSacked)) == 0)
        {
            loss.HasProbe = false;
        }
    }
}
