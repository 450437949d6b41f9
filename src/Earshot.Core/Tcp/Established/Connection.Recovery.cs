using System;
using Earshot.Core.Congestion;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>The states of loss recovery. Linux: tcp_fastretrans_alert.</content>
internal sealed partial class Connection
{
    /// <summary>Packets by which the path is believed to shift one. Linux: reordering.</summary>
    private int Reordering => KnownLoss?.Reordering ?? _context.Sysctls.TcpReordering;

    /// <summary>Packets that have left the network, or so it is believed. Linux: tcp_left_out.</summary>
    private int LeftOut => _sacked + _lost;

    /// <summary>Judges an ACK that is not simply good news.</summary>
    /// <param name="sample">What it told.</param>
    /// <param name="duplicates">1 when it is a duplicate ACK.</param>
    /// <returns>What is to be sent.</returns>
    private Resend JudgeLosses(ref AckSample sample, int duplicates)
    {
        LossState loss = Loss;
        bool ece = sample.Has(AckFlags.Ece);
        if (_packetsOut == 0)
        {
            _sacked = 0;
        }

        if (ece)
        {
            loss.PriorThreshold = 0;
        }

        if (sample.Has(AckFlags.Reneging) && sample.Has(AckFlags.UnaAdvanced))
        {
            WaitForReneging(ref sample);
            return Resend.None;
        }

        if (_recovery == RecoveryState.Open)
        {
            FirstRetransmission = 0;
        }
        else if (_una >= loss.HighSeq && LeaveReduction(loss, sample.Echo))
        {
            return Resend.None;
        }

        switch (_recovery)
        {
            case RecoveryState.Recovery:
                return GoOnRecovering(loss, ref sample, duplicates);
            case RecoveryState.Loss:
                Resend resend = GoOnInLoss(loss, ref sample, duplicates);
                if (_recovery != RecoveryState.Loss)
                {
                    EndTimeoutEpisode(loss);
                }

                FindLosses(ref sample);
                if (_recovery != RecoveryState.Open && !sample.Has(AckFlags.RetransmissionLost))
                {
                    return resend;
                }

                break;
        }

        return Watch(loss, ref sample, duplicates);
    }

    /// <summary>What was in flight when the window was reduced is acknowledged.</summary>
    /// <returns>Whether nothing else is to be done.</returns>
    private bool LeaveReduction(LossState loss, uint echo)
    {
        switch (_recovery)
        {
            case RecoveryState.Cwr when _una != loss.HighSeq:
                // Held until the peer must have seen CWR.
                EndReduction(loss);
                SetRecovery(RecoveryState.Open);
                break;
            case RecoveryState.Recovery:
                if (!_hasSack)
                {
                    _sacked = 0;
                }

                if (TryUndoRecovery(loss, echo))
                {
                    return true;
                }

                EndReduction(loss);
                break;
        }

        return false;
    }

    private Resend GoOnRecovering(LossState loss, ref AckSample sample, int duplicates)
    {
        if (!sample.Has(AckFlags.UnaAdvanced))
        {
            if (!_hasSack)
            {
                AddDuplicateAcks(duplicates, sample.Has(AckFlags.Ece));
            }
        }
        else if (TryUndoPartially(loss, ref sample))
        {
            return Resend.None;
        }

        if (TryUndoByDuplicates(loss))
        {
            KeepOpen(loss, sample.Has(AckFlags.Ece));
        }

        FindLosses(ref sample);
        if (_recovery != RecoveryState.Recovery)
        {
            if (_lost == 0)
            {
                return Resend.None;
            }

            // Undone, and yet something is lost.
            EnterRecovery(loss, sample.Has(AckFlags.Ece));
        }

        return Resend.Lost;
    }

    /// <summary>Open, Disorder and CWR, or what Loss has just become.</summary>
    private Resend Watch(LossState loss, ref AckSample sample, int duplicates)
    {
        bool ece = sample.Has(AckFlags.Ece);
        if (!_hasSack)
        {
            if (sample.Has(AckFlags.UnaAdvanced))
            {
                _sacked = 0;
            }

            AddDuplicateAcks(duplicates, ece);
        }

        if (_recovery <= RecoveryState.Disorder)
        {
            TryUndoByDuplicates(loss);
        }

        FindLosses(ref sample);
        if (_lost == 0)
        {
            KeepOpen(loss, ece);
            return Resend.None;
        }

        if (_recovery < RecoveryState.Cwr && TryFailMtuProbe())
        {
            return Resend.None;
        }

        EnterRecovery(loss, ece);
        return Resend.Lost;
    }

    /// <summary>Whether the loss is that of an MTU probe, which says nothing about congestion; its pieces are then on
    /// their way again.</summary>
    private bool TryFailMtuProbe()
    {
        bool failed = false;
        FailMtuProbe(ref failed);
        return failed;
    }

    /// <summary>Linux: tcp_mtup_probe_failed.</summary>
    partial void FailMtuProbe(ref bool failed);

    /// <summary>Linux: tcp_identify_packet_loss.</summary>
    private void FindLosses(ref AckSample sample)
    {
        if (Sent.Count == 0)
        {
            return;
        }

        if (!_hasSack)
        {
            MarkHeadLost(sample.Has(AckFlags.UnaAdvanced));
            return;
        }

        int copies = _retransmitted;
        if (FindByTime())
        {
            sample.Flags &= ~AckFlags.SetTimer;
        }

        if (copies > _retransmitted)
        {
            sample.Flags |= AckFlags.RetransmissionLost;
        }
    }

    /// <summary>Three duplicate ACKs, or a partial one (RFC 6582). Linux: tcp_newreno_mark_lost.</summary>
    private void MarkHeadLost(bool advanced)
    {
        bool early = _recovery < RecoveryState.Recovery && _sacked >= Reordering;
        if ((!early && (_recovery != RecoveryState.Recovery || !advanced)) || Sent.First.Has(SentFlags.Lost))
        {
            return;
        }

        if (Sent.First.Packets > 1 && Sent.First.PayloadLength > _mss)
        {
            Cut(0, _mss, _mss);
        }

        MarkLost(ref Sent.First);
    }

    /// <summary>Without SACK each duplicate ACK says that a packet has arrived. Linux: tcp_add_reno_sack.</summary>
    private void AddDuplicateAcks(int count, bool ece)
    {
        if (count > 0)
        {
            int before = _sacked;
            _sacked += count;
            LimitDuplicateAcks(0);
            if (_sacked > before)
            {
                CountDelivered(_sacked - before, ece);
            }
        }
    }

    /// <summary>An ACK of so many packets accounts for the duplicates before it. Linux:
    /// tcp_remove_reno_sacks.</summary>
    private void RemoveDuplicateAcks(int acked, ref AckSample sample)
    {
        CountDelivered(Math.Max(acked - _sacked, 1), sample.Has(AckFlags.Ece));
        _sacked = Math.Max(0, _sacked - (acked - 1));
        LimitDuplicateAcks(acked);
        if (sample.Has(AckFlags.RetransmissionAcked))
        {
            // Without blocks nobody knows if the rest came by itself.
            sample.Flags &= ~AckFlags.OriginalArrived;
        }
    }

    /// <summary>More duplicates than packets: the path shifts them. Linux: tcp_check_reno_reordering.</summary>
    private void LimitDuplicateAcks(int acked)
    {
        if (!LimitSacked())
        {
            return;
        }

        LossState loss = Loss;
        loss.Reordering = Math.Min(_packetsOut + acked, _context.Sysctls.TcpMaxReordering);
        loss.ReorderingSeen++;
        _context.Mib.Count(Counter.TcpExtTCPRenoReorder);
    }

    /// <summary>Linux: tcp_limit_reno_sacked.</summary>
    private bool LimitSacked()
    {
        int holes = Math.Min(Math.Max(_lost, 1), _packetsOut);
        if (_sacked + holes <= _packetsOut)
        {
            return false;
        }

        _sacked = _packetsOut - holes;
        return true;
    }

    /// <summary>Linux: tcp_mark_skb_lost.</summary>
    private void MarkLost(ref SentSegment piece)
    {
        if (piece.Has(SentFlags.Sacked))
        {
            return;
        }

        LossState loss = Loss;
        Refresh(ref loss.RetransmitHint);
        if (piece.Seq < loss.RetransmitHint)
        {
            loss.RetransmitHint = piece.Seq;
        }

        if (!piece.Has(SentFlags.Lost))
        {
            piece.Flags |= SentFlags.Lost;
            _lost += piece.Packets;
            LostEver += piece.Packets;
        }
        else if (piece.Has(SentFlags.Retransmitted))
        {
            piece.Flags &= ~SentFlags.Retransmitted;
            _retransmitted -= piece.Packets;
            LostEver += piece.Packets;
            _context.Mib.Count(Counter.TcpExtTCPLostRetransmit, piece.Packets);
        }
    }

    /// <summary>A hint from long ago may have come round: numbers are compared modulo 2^32.</summary>
    private void Refresh(ref SeqNumber hint)
    {
        if (hint < _una || hint > _nxt)
        {
            hint = _una;
        }
    }

    /// <summary>Linux: tcp_enter_recovery.</summary>
    private void EnterRecovery(LossState loss, bool ece)
    {
        _context.Mib.Count(_hasSack ? Counter.TcpExtTCPSackRecovery : Counter.TcpExtTCPRenoRecovery);
        if (!HasResent)
        {
            // The clock starts with this retransmission.
            FirstRetransmission = 0;
        }

        loss.PriorThreshold = 0;
        ArmUndo(loss);
        if (_recovery is not (RecoveryState.Cwr or RecoveryState.Recovery))
        {
            if (!ece)
            {
                loss.PriorThreshold = CurrentThreshold;
            }

            BeginReduction(loss);
        }

        SetRecovery(RecoveryState.Recovery);
    }

    /// <summary>The network itself says that it is congested. Linux: tcp_enter_cwr.</summary>
    internal void EnterReduction()
    {
        LossState loss = Loss;
        loss.PriorThreshold = 0;
        if (_recovery < RecoveryState.Cwr)
        {
            loss.HasUndoMarker = false;
            BeginReduction(loss);
            SetRecovery(RecoveryState.Cwr);
        }
    }

    /// <summary>Linux: tcp_init_cwnd_reduction.</summary>
    private void BeginReduction(LossState loss)
    {
        loss.HighSeq = _nxt;
        loss.HasProbe = false;
        loss.Delivered = loss.Sent = 0;
        Control.Credit = 0;
        Control.PriorWindow = Control.Window;
        Control.Threshold = LossThreshold();
        _owesCwr |= _hasEcn;
    }

    /// <summary>Proportional rate reduction (RFC 6937). Linux: tcp_cwnd_reduction.</summary>
    /// <param name="delivered">Packets newly delivered.</param>
    /// <param name="lost">Packets newly found lost.</param>
    /// <param name="advanced">Whether SND.UNA moved.</param>
    private void ReduceWindow(int delivered, int lost, bool advanced)
    {
        LossState loss = Loss;
        if (delivered <= 0 || Control.PriorWindow <= 0)
        {
            return;
        }

        int room = Control.Threshold - PacketsInFlight;
        loss.Delivered += delivered;
        int send;
        if (room < 0)
        {
            long share = ((long)Control.Threshold * loss.Delivered) + Control.PriorWindow - 1;
            send = (int)(share / Control.PriorWindow) - loss.Sent;
        }
        else
        {
            send = Math.Max(loss.Delivered - loss.Sent, delivered) + (advanced && lost == 0 ? 1 : 0);
            send = Math.Min(room, send);
        }

        // The first retransmission leaves in any case.
        send = Math.Max(send, loss.Sent > 0 ? 0 : 1);
        Control.Window = PacketsInFlight + send;
    }

    /// <summary>Linux: tcp_end_cwnd_reduction.</summary>
    private void EndReduction(LossState loss)
    {
        if ((Algorithm.Traits & CongestionTraits.ControlsWindow) != 0)
        {
            return;
        }

        if (Control.Threshold < CongestionState.InfiniteThreshold
            && (_recovery == RecoveryState.Cwr || loss.HasUndoMarker))
        {
            Control.Window = Control.Threshold;
        }

        Algorithm.OnEvent(Congestion, CongestionEvent.ReductionComplete);
    }

    /// <summary>The threshold as it stands while nothing is reduced. Linux: tcp_current_ssthresh.</summary>
    private int CurrentThreshold => _recovery is RecoveryState.Cwr or RecoveryState.Recovery
        ? Control.Threshold
        : Math.Max(Control.Threshold, (Control.Window >> 1) + (Control.Window >> 2));

    /// <summary>Whether something in flight, or the oldest piece, was sent again. Linux:
    /// tcp_any_retrans_done.</summary>
    private bool HasResent => _retransmitted > 0 || (Sent.Count > 0 && Sent.First.Has(SentFlags.EverRetransmitted));

    /// <summary>Linux: tcp_try_to_open.</summary>
    private void KeepOpen(LossState loss, bool ece)
    {
        if (!HasResent)
        {
            FirstRetransmission = 0;
        }

        if (ece)
        {
            EnterReduction();
        }

        if (_recovery != RecoveryState.Cwr)
        {
            OpenOrDisorder(loss);
        }
    }

    /// <summary>Linux: tcp_try_keep_open.</summary>
    private void OpenOrDisorder(LossState loss)
    {
        RecoveryState state = LeftOut > 0 || HasResent ? RecoveryState.Disorder : RecoveryState.Open;
        if (_recovery != state)
        {
            SetRecovery(state);
            loss.HighSeq = _nxt;
        }
    }
}
