using System;
using Earshot.Core.Congestion;
using Earshot.Core.Tcp.Established.Recovery;

namespace Earshot.Core.Tcp.Established;

/// <content>The time after a timeout, and how a reduction is taken back. Linux: tcp_enter_loss, tcp_process_loss,
/// tcp_undo_cwnd_reduction.</content>
internal sealed partial class Connection
{
    // Linux: tcp_check_sack_reneging.
    private const int RenegingMicroseconds = 10_000;

    /// <summary>The timer fired, or everything is in doubt. Linux: tcp_enter_loss.</summary>
    private void EnterLoss()
    {
        LossState loss = Loss;
        bool isNew = _recovery < RecoveryState.Recovery;
        MarkLostByTimeout(loss);
        if (_recovery <= RecoveryState.Disorder || loss.HighSeq <= _una
            || (_recovery == RecoveryState.Loss && Timeouts == 0))
        {
            loss.PriorThreshold = CurrentThreshold;
            Control.PriorWindow = Control.Window;
            Control.Threshold = LossThreshold();
            Algorithm.OnEvent(Congestion, CongestionEvent.Loss);
            ArmUndo(loss);
        }

        Control.Window = PacketsInFlight + 1;
        Control.Credit = 0;
        int reordering = _context.Sysctls.TcpReordering;
        if (_recovery <= RecoveryState.Disorder && _sacked >= reordering)
        {
            // So many came, and yet it took a timeout: less is shifted than was believed.
            loss.Reordering = Math.Min(loss.Reordering, reordering);
        }

        SetRecovery(RecoveryState.Loss);
        loss.HighSeq = _nxt;
        loss.HasProbe = false;
        _owesCwr |= _hasEcn;
        loss.IsFrto = _context.Sysctls.TcpFrto != 0 && (isNew || Timeouts > 0);
    }

    /// <summary>Linux: tcp_timeout_mark_lost.</summary>
    private void MarkLostByTimeout(LossState loss)
    {
        bool reneging = Sent.Count > 0 && Sent.First.Has(SentFlags.Sacked);
        if (reneging)
        {
            _context.Mib.Count(Counter.TcpExtTCPSACKReneging);
            _sacked = 0;
            loss.IsReneging = true;
        }
        else if (!_hasSack)
        {
            _sacked = 0;
        }

        long now = _context.NowMicroseconds;
        for (int i = 0; i < Sent.Count; i++)
        {
            ref SentSegment piece = ref Sent[i];
            if (reneging)
            {
                piece.Flags |= piece.Has(SentFlags.Sacked) ? SentFlags.Unwatched : SentFlags.None;
                piece.Flags &= ~SentFlags.Sacked;
            }
            else if (i > 0 && Rack.RttMicroseconds > now - (piece.SentNanoseconds / 1000))
            {
                // It left so lately that it can still arrive.
                continue;
            }

            MarkLost(ref piece);
        }

        loss.ForgetHints(_una);
    }

    /// <summary>The peer has gone back on what it told; it gets a little time to say so. Linux:
    /// tcp_check_sack_reneging.</summary>
    private void WaitForReneging(ref AckSample sample)
    {
        sample.Flags &= ~AckFlags.SetTimer;
        ArmWriteTimer(Math.Max(Rtt.Smoothed >> 1, RenegingMicroseconds), WriteTimer.Retransmission);
    }

    /// <summary>An ACK after a timeout. Linux: tcp_process_loss.</summary>
    private Resend GoOnInLoss(LossState loss, ref AckSample sample, int duplicates)
    {
        bool recovered = _una >= loss.HighSeq;
        if ((sample.Has(AckFlags.UnaAdvanced) || _fastOpen >= 0) && TryUndoLoss(loss, sample.Echo, spurious: false))
        {
            return Resend.None;
        }

        if (loss.IsFrto)
        {
            // RFC 5682 §3.1, step 3.b: something that was sent only once has arrived.
            if (sample.Has(AckFlags.OriginalArrived) && TryUndoLoss(loss, sample.Echo, spurious: true))
            {
                return Resend.None;
            }

            if (_nxt > loss.HighSeq)
            {
                if (sample.Has(AckFlags.DataSacked) || duplicates > 0)
                {
                    // Step 3.a: the loss was real.
                    loss.IsFrto = false;
                }
            }
            else if (sample.Has(AckFlags.UnaAdvanced) && !recovered)
            {
                loss.HighSeq = _nxt;
                if (Unsent.Count > 0 && _una + _sendWindow > _nxt)
                {
                    // Step 2.b: new data, and no retransmission.
                    return Resend.New;
                }

                loss.IsFrto = false;
            }
        }

        if (recovered)
        {
            TryUndoRecovery(loss, sample.Echo);
            return Resend.None;
        }

        if (!_hasSack)
        {
            if (_nxt > loss.HighSeq && duplicates > 0)
            {
                AddDuplicateAcks(duplicates, sample.Has(AckFlags.Ece));
            }
            else if (sample.Has(AckFlags.UnaAdvanced))
            {
                _sacked = 0;
            }
        }

        return Resend.Lost;
    }

    /// <summary>From now on a reduction can be taken back. Linux: tcp_init_undo.</summary>
    private void ArmUndo(LossState loss)
    {
        loss.UndoMarker = _una;
        loss.HasUndoMarker = true;
        loss.UndoRetransmissions = _retransmitted + (loss is { HasProbe: true, ProbeIsCopy: true } ? 1 : 0);
        if (loss.UndoRetransmissions == 0)
        {
            loss.UndoRetransmissions = -1;
        }
    }

    /// <summary>Linux: tcp_may_undo.</summary>
    private bool MayUndo(LossState loss, uint echo) =>
        loss.HasUndoMarker && (loss.UndoRetransmissions == 0 || IsDelayed(echo));

    /// <summary>Whether what came was under way before anything was sent again (RFC 3522). Linux:
    /// tcp_packet_delayed.</summary>
    private bool IsDelayed(uint echo)
    {
        if (FirstRetransmission != 0)
        {
            return echo != 0 && (int)(echo - TimestampAt(FirstRetransmission)) < 0;
        }

        // Nothing was sent again yet, unless it was forgotten at the end of an episode without SACK.
        return _hasSack || _una < Loss.HighSeq;
    }

    /// <summary>Whether an ACK echoes an earlier copy than the last one of a piece. Linux:
    /// tcp_skb_spurious_retrans.</summary>
    private bool IsSpurious(in SentSegment piece, uint echo) =>
        (piece.Flags & (SentFlags.Retransmitted | SentFlags.EverRetransmitted)) != 0
        && echo != 0 && (int)(echo - TimestampAt(piece.SentNanoseconds)) < 0;

    /// <summary>Window and threshold are what they were. Linux: tcp_undo_cwnd_reduction.</summary>
    /// <param name="loss">What is remembered.</param>
    /// <param name="unmark">Whether nothing counts as lost any more.</param>
    private void Undo(LossState loss, bool unmark)
    {
        if (unmark)
        {
            for (int i = 0; i < Sent.Count; i++)
            {
                Sent[i].Flags &= ~SentFlags.Lost;
            }

            _lost = 0;
            loss.ForgetHints(_una);
        }

        if (loss.PriorThreshold != 0)
        {
            Control.Window = Algorithm.Undo(Congestion);
            if (loss.PriorThreshold > Control.Threshold)
            {
                Control.Threshold = loss.PriorThreshold;
                _owesCwr = false;
            }
        }

        loss.HasUndoMarker = false;
        Rack.HasAdvanced = true;
    }

    /// <summary>Linux: tcp_try_undo_loss.</summary>
    private bool TryUndoLoss(LossState loss, uint echo, bool spurious)
    {
        if (!spurious && !MayUndo(loss, echo))
        {
            return false;
        }

        Undo(loss, unmark: true);
        _context.Mib.Count(Counter.TcpExtTCPLossUndo);
        if (spurious)
        {
            _context.Mib.Count(Counter.TcpExtTCPSpuriousRTOs);
        }

        Timeouts = 0;
        if (!HoldsStateWithoutSack(loss) && (spurious || _hasSack))
        {
            SetRecovery(RecoveryState.Open);
            loss.IsReneging = false;
        }

        return true;
    }

    /// <summary>Everything of before is acknowledged. Linux: tcp_try_undo_recovery.</summary>
    /// <returns>Whether the state must be held until more is acknowledged.</returns>
    private bool TryUndoRecovery(LossState loss, uint echo)
    {
        if (MayUndo(loss, echo))
        {
            _context.Mib.Count(_recovery == RecoveryState.Loss
                ? Counter.TcpExtTCPLossUndo : Counter.TcpExtTCPFullUndo);
            Undo(loss, unmark: false);
        }
        else if (loss.WindowHeld > 0)
        {
            loss.WindowHeld--;
        }

        if (HoldsStateWithoutSack(loss))
        {
            return true;
        }

        SetRecovery(RecoveryState.Open);
        loss.IsReneging = false;
        return false;
    }

    /// <summary>Without SACK a state is held until something above its end is acknowledged: late duplicates would begin
    /// the next one (RFC 2582). Linux: tcp_is_non_sack_preventing_reopen.</summary>
    private bool HoldsStateWithoutSack(LossState loss)
    {
        if (_hasSack || _una != loss.HighSeq)
        {
            return false;
        }

        if (!HasResent)
        {
            FirstRetransmission = 0;
        }

        return true;
    }

    /// <summary>Each retransmission was told of as a duplicate. Linux: tcp_try_undo_dsack.</summary>
    private bool TryUndoByDuplicates(LossState loss)
    {
        if (!loss.HasUndoMarker || loss.UndoRetransmissions != 0)
        {
            return false;
        }

        loss.WindowHeld = (byte)Math.Min(LossState.RecoveriesHeld, loss.WindowHeld + 1);
        Undo(loss, unmark: false);
        _context.Mib.Count(Counter.TcpExtTCPDSACKUndo);
        return true;
    }

    /// <summary>A hole was filled by a packet that was late, and not by its copy. Linux:
    /// tcp_try_undo_partial.</summary>
    /// <returns>Whether retransmission pauses.</returns>
    private bool TryUndoPartially(LossState loss, ref AckSample sample)
    {
        if (!loss.HasUndoMarker || !IsDelayed(sample.Echo))
        {
            return false;
        }

        NoteReordering(sample.PriorUna, byTimestamp: true);
        if (_retransmitted > 0)
        {
            return true;
        }

        if (!HasResent)
        {
            FirstRetransmission = 0;
        }

        Undo(loss, unmark: true);
        _context.Mib.Count(Counter.TcpExtTCPPartialUndo);
        OpenOrDisorder(loss);
        return false;
    }

    /// <summary>Linux: tcp_update_rto_stats.</summary>
    private void BeginTimeoutEpisode(LossState loss)
    {
        if (Timeouts++ == 0)
        {
            loss.TimeoutRecoveries++;
            loss.TimeoutsBegan = Math.Max(1, _context.NowMilliseconds);
        }

        loss.TotalTimeouts++;
    }

    /// <summary>Linux: tcp_update_rto_time.</summary>
    private void EndTimeoutEpisode(LossState loss)
    {
        if (loss.TimeoutsBegan != 0)
        {
            loss.TimeoutMilliseconds += _context.NowMilliseconds - loss.TimeoutsBegan;
            loss.TimeoutsBegan = 0;
        }
    }
}
