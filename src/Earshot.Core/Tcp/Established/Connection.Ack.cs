using System;
using Earshot.Core.Congestion;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>Acknowledgments, the send window, loss recovery. Linux: tcp_ack, tcp_clean_rtx_queue,
/// tcp_fastretrans_alert.</summary>
internal sealed partial class Connection
{
    private const int DuplicateThreshold = 3;

    /// <summary>Takes the ACK field in.</summary>
    /// <returns>False when the segment must be dropped.</returns>
    /// <param name="segment">The segment.</param>
    /// <param name="options">Its options.</param>
    /// <param name="predicted">Whether it came by the fast path, which counts what it takes itself.</param>
    private bool OnAck(in TcpSegment segment, in TcpOptions options, bool predicted = false)
    {
        SeqNumber ack = segment.Ack;
        if (ack < _una)
        {
            uint tolerated = (uint)Math.Min(_maximumWindow, _bytesAcked);
            if (ack < _una - tolerated && _context.Profile.ChallengesOddSegments)
            {
                SendChallenge(segment);
                return false;
            }

            return true;
        }

        if (ack > _nxt)
        {
            if (_context.Profile.ChallengesOddSegments)
            {
                SendChallenge(segment);
            }
            else
            {
                Judge(segment, RuleId.SegmentBadAck);
            }

            return false;
        }

        bool advanced = ack > _una;
        bool updated = TakeWindow(segment);
        if (!(advanced && predicted) && segment.SegmentLength == 0)
        {
            _context.Mib.Count(Counter.TcpExtTCPPureAcks);
        }

        SoftError = 0;
        _probes = 0;
        _lastReceived = _context.Now.Nanoseconds;
        if (_packetsOut == 0)
        {
            AfterProbe(updated);
            return true;
        }

        int packets = advanced ? Acknowledge(ack, options) : 0;
        bool duplicate = !advanced && !updated && segment.SegmentLength == 0;
        int before = PacketsInFlight;
        Recover(advanced, duplicate, packets);
        if (advanced)
        {
            if (_recovery is RecoveryState.Open or RecoveryState.Disorder or RecoveryState.Loss)
            {
                Algorithm.Grow(Congestion, packets);
            }

            RearmAfterAck();
        }

        if (_recovery is RecoveryState.Recovery or RecoveryState.Loss)
        {
            RetransmitLost();
        }
        else if (duplicate && PacketsInFlight < before)
        {
            Push(force: false);
        }

        return true;
    }

    /// <summary>Whether a segment's window counts. Linux: tcp_may_update_window.</summary>
    private bool UpdatesWindow(in TcpSegment segment)
    {
        uint window = (uint)segment.WindowField << _sendScale;
        return segment.Ack > _una || segment.Seq > _wl1
            || (segment.Seq == _wl1 && (window > _sendWindow || window == 0));
    }

    private bool TakeWindow(in TcpSegment segment)
    {
        if (!UpdatesWindow(segment))
        {
            return false;
        }

        uint window = segment.Has(TcpFlags.Syn) ? segment.WindowField : (uint)segment.WindowField << _sendScale;
        bool changed = window != _sendWindow;
        _wl1 = segment.Seq;
        _sendWindow = window;
        if (window > _maximumWindow)
        {
            _maximumWindow = window;
            SetMss();
        }

        return changed;
    }

    /// <summary>Removes what is acknowledged and takes a round-trip sample. Linux: tcp_clean_rtx_queue.</summary>
    private int Acknowledge(SeqNumber ack, in TcpOptions options)
    {
        int packets = 0;
        bool retransmitted = false;
        long firstSent = 0;
        while (_sent.Count > 0 && _sent[0].End <= ack)
        {
            ref SentSegment piece = ref _sent[0];
            retransmitted |= piece.Has(SentFlags.EverRetransmitted);
            firstSent = firstSent == 0 ? piece.SentNanoseconds : firstSent;
            packets += piece.Packets;
            Forget(ref piece);
            _sent.RemoveFirst(_tcp.SentSegments);
        }

        if (_sent.Count > 0 && _sent[0].Seq < ack)
        {
            packets += TrimFirst(ack);
        }

        int bytes = Math.Min(ack - _una, _sendBuffer.Length);
        _bytesAcked += (ulong)(ack - _una);
        _una = ack;
        if (bytes > 0)
        {
            _sendBuffer.Advance(bytes, _context.Buffers);
        }

        _timeouts = 0;
        if (!retransmitted && firstSent != 0)
        {
            Sample((_context.Now.Nanoseconds - firstSent) / 1000);
            _backoff = 0;
        }
        else if (options.HasTimestamp && options.TsEcr != 0)
        {
            SampleTimestamp(options.TsEcr);
            _backoff = 0;
        }

        _context.Mib.Count(Counter.TcpExtTCPDelivered, packets);
        _tally.Delivered += packets;
        _sacked = Math.Max(0, _sacked - Math.Max(0, packets - 1));
        _sacked = Math.Min(_sacked, Math.Max(0, _packetsOut - Math.Max(_lost, 1)));
        return packets;
    }

    private void Forget(ref SentSegment piece)
    {
        _packetsOut -= piece.Packets;
        if (piece.Has(SentFlags.Lost))
        {
            _lost -= piece.Packets;
        }

        if (piece.Has(SentFlags.Retransmitted))
        {
            _retransmitted -= piece.Packets;
        }
    }

    /// <summary>An ACK inside the oldest piece: whole segments of it are gone. Linux: tcp_trim_head.</summary>
    private int TrimFirst(SeqNumber ack)
    {
        ref SentSegment piece = ref _sent[0];
        SentSegment old = piece;
        Forget(ref piece);
        piece.Seq = ack;
        piece.Packets = old.Packets == 1 ? old.Packets : piece.PacketsOf(piece.PayloadLength);
        _packetsOut += piece.Packets;
        _lost += piece.Has(SentFlags.Lost) ? piece.Packets : 0;
        _retransmitted += piece.Has(SentFlags.Retransmitted) ? piece.Packets : 0;
        return old.Packets - piece.Packets;
    }

    private void Sample(long microseconds)
    {
        _rtt.Sample(microseconds, _una.Value, _nxt.Value, MaximumRto);
        long counted = Math.Max(1, microseconds);
        _tally.MinimumRtt = _tally.MinimumRtt == 0 ? counted : Math.Min(_tally.MinimumRtt, counted);
    }

    private void SampleTimestamp(uint echo)
    {
        uint ticks = _context.TimestampClock + _tsOffset - echo;
        if (ticks < int.MaxValue / 1000)
        {
            Sample(Math.Max(1u, ticks) * 1000L);
        }
    }

    /// <summary>The states of recovery without SACK (NewReno, RFC 6582). Linux: tcp_fastretrans_alert.</summary>
    private void Recover(bool advanced, bool duplicate, int packets)
    {
        if (duplicate)
        {
            // Each duplicate ACK says that a segment has left the network.
            _sacked = Math.Min(_sacked + 1, Math.Max(0, _packetsOut - Math.Max(_lost, 1)));
        }

        switch (_recovery)
        {
            case RecoveryState.Open or RecoveryState.Disorder:
                if (advanced)
                {
                    _sacked = 0;
                    SetRecovery(RecoveryState.Open);
                }
                else if (_sacked >= DuplicateThreshold)
                {
                    EnterRecovery();
                }
                else if (_sacked > 0)
                {
                    SetRecovery(RecoveryState.Disorder);
                }

                break;
            case RecoveryState.Recovery when advanced:
                if (_una > _recoveryEnd || _packetsOut == 0)
                {
                    LeaveRecovery();
                }
                else if (packets > 0)
                {
                    // A partial ACK: the segment that now is the first was lost as well.
                    MarkFirstLost();
                }

                break;
            case RecoveryState.Loss when advanced && _una >= _recoveryEnd:
                LeaveLoss();
                break;
        }
    }

    private void EnterRecovery()
    {
        _context.Mib.Count(Counter.TcpExtTCPRenoRecovery);
        SetRecovery(RecoveryState.Recovery);
        _recoveryEnd = _nxt;
        _congestion.PriorWindow = _congestion.Window;
        _congestion.Threshold = LossThreshold();
        _congestion.Window = _congestion.Threshold;
        _congestion.Credit = 0;
        MarkFirstLost();
        RetransmitFirst();
    }

    private void LeaveRecovery()
    {
        SetRecovery(RecoveryState.Open);
        _sacked = 0;
        ClearMarks();
        _congestion.Window = Math.Min(_congestion.Window, _congestion.Threshold);
    }

    private void LeaveLoss()
    {
        SetRecovery(RecoveryState.Open);
        _sacked = 0;
        ClearMarks();
    }

    private void ClearMarks()
    {
        for (int i = 0; i < _sent.Count; i++)
        {
            _sent[i].Flags &= ~(SentFlags.Lost | SentFlags.Retransmitted);
        }

        _lost = _retransmitted = 0;
    }

    /// <summary>One segment is lost, not the super-packet that it left in.</summary>
    private void MarkFirstLost()
    {
        if (_sent.Count > 0 && _sent[0].Packets > 1)
        {
            Cut(0, _sent[0].SegmentSize);
        }

        MarkLost(0);
    }

    private void MarkLost(int index)
    {
        if (index >= _sent.Count)
        {
            return;
        }

        ref SentSegment piece = ref _sent[index];
        if (piece.Has(SentFlags.Retransmitted))
        {
            piece.Flags &= ~SentFlags.Retransmitted;
            _retransmitted -= piece.Packets;
            _context.Mib.Count(Counter.TcpExtTCPLostRetransmit, piece.Packets);
        }

        if (!piece.Has(SentFlags.Lost))
        {
            piece.Flags |= SentFlags.Lost;
            _lost += piece.Packets;
        }

        _sacked = Math.Min(_sacked, Math.Max(0, _packetsOut - _lost));
    }

    /// <summary>The timer fired: everything in flight counts as lost. Linux: tcp_enter_loss.</summary>
    private void EnterLoss()
    {
        if (_recovery is RecoveryState.Open or RecoveryState.Disorder || _una >= _recoveryEnd || _timeouts == 0)
        {
            if (_recovery != RecoveryState.Loss || _timeouts == 0)
            {
                _congestion.Threshold = _recovery == RecoveryState.Recovery
                    ? _congestion.Threshold : LossThreshold();
            }
        }

        SetRecovery(RecoveryState.Loss);
        _recoveryEnd = _nxt;
        _sacked = 0;
        for (int i = 0; i < _sent.Count; i++)
        {
            MarkLost(i);
        }

        _congestion.Window = 1;
        _congestion.Credit = 0;
    }

    private void RearmAfterAck()
    {
        if (_packetsOut == 0)
        {
            _tcp.Timers.Stop(_writeTimer);
            _firstRetransmission = 0;
        }
        else
        {
            _rtt.Rto = Math.Min(_rtt.Base(InitialRto) << _backoff, MaximumRto);
            ArmWriteTimer(_rtt.Rto);
        }
    }

    /// <summary>An ACK while nothing was in flight: perhaps the window has opened. Linux: tcp_ack_probe.</summary>
    private void AfterProbe(bool updated)
    {
        if (_sendBuffer.Length == 0 || !updated)
        {
            return;
        }

        if (_sendWindow >= Math.Min((uint)(_writeSeq - _nxt), (uint)_mss))
        {
            _backoff = 0;
            _tcp.Timers.Stop(_writeTimer);
            _rtt.Rto = _rtt.Base(InitialRto);
        }
    }
}
