using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>What happens to a segment. Linux: tcp_rcv_established, tcp_rcv_state_process
/// (net/ipv4/tcp_input.c).</summary>
internal sealed partial class Connection
{
    // PAWS lets a clock go back one tick, and forgets after INT_MAX microseconds. Linux: TCP_PAWS_WINDOW,
    // TCP_PAWS_WRAP.
    private const int PawsTolerance = 1;
    private const long PawsForgetsSeconds = 2147;

    /// <summary>A segment for this connection.</summary>
    internal void OnSegment(in TcpSegment segment)
    {
        int packets = segment.SegmentSize > 0
            ? (segment.PayloadLength + segment.SegmentSize - 1) / segment.SegmentSize : 1;
        _tally.In += packets;
        _tally.DataIn += segment.PayloadLength > 0 ? packets : 0;
        switch (State)
        {
            case TcpState.Close:
                Judge(segment, RuleId.SegmentClosed);
                return;
            case TcpState.SynSent:
                OnSynSent(segment);
                return;
        }

        if (State == TcpState.Established && TryFastPath(segment))
        {
            return;
        }

        OnSlowPath(segment);
    }

    /// <summary>Header prediction: the segment that everything is made for. Linux: tcp_rcv_established.</summary>
    private bool TryFastPath(in TcpSegment segment)
    {
        int expected = TcpSegment.MinimumHeaderLength + (_hasTimestamps ? TcpOptions.TimestampLength : 0);
        if ((segment.Flags & ~TcpFlags.Psh) != TcpFlags.Ack || segment.Seq != _receiveNext
            || segment.HeaderLength != expected || (uint)segment.WindowField << _sendScale != _sendWindow
            || segment.Ack > _nxt || segment.Ack < _una || _receiveBuffer.RangeCount > 0 || _receiveWindow == 0
            || segment.PayloadLength > RemainingWindow)
        {
            return false;
        }

        TcpOptions options = default;
        if (_hasTimestamps)
        {
            options = TcpOptions.Parse(segment);
            if (!options.HasTimestamp || (int)(options.TsVal - _tsRecent) < 0)
            {
                return false;
            }

            if (_receiveNext == _windowUpdated)
            {
                SetRecentTimestamp(options.TsVal);
            }
        }

        if (segment.PayloadLength > 0 && !_hasReceived)
        {
            // The first data finds no memory set aside for it, and header prediction leaves that to the slow path.
            return false;
        }

        if (segment.PayloadLength == 0)
        {
            if (segment.Ack == _una)
            {
                // A duplicate ACK belongs to recovery.
                return false;
            }

            _context.Mib.Count(Counter.TcpExtTCPHPAcks);
            OnAck(segment, options, predicted: true);
            Push(force: false);
            return true;
        }

        if (segment.Ack != _una)
        {
            _context.Mib.Count(Counter.TcpExtTCPHPAcks);
            OnAck(segment, options, predicted: true);
        }

        _lastReceived = _context.Now.Nanoseconds;
        _context.Mib.Count(Counter.TcpExtTCPHPHits);
        TakeInOrder(segment, 0, segment.PayloadLength);
        Push(force: false);
        AcknowledgeIfNeeded();
        Notify(PollMask.In | PollMask.ReadNormal);
        return true;
    }

    private void OnSlowPath(in TcpSegment segment)
    {
        if (_fastOpen >= 0 && !_tcp.RequestInput.AdmitFastOpen(this, _fastOpen, segment))
        {
            return;
        }

        if (!segment.Has(TcpFlags.Ack | TcpFlags.Rst | TcpFlags.Syn))
        {
            _tally.Drops++;
            Judge(segment, RuleId.SegmentNoFlags);
            return;
        }

        TcpOptions options = _hasTimestamps ? TcpOptions.Parse(segment) : default;
        if (!Validate(segment, options))
        {
            _tally.Drops++;
            return;
        }

        if (!segment.Has(TcpFlags.Ack))
        {
            _tally.Drops++;
            Judge(segment, RuleId.SegmentNoFlags);
            return;
        }

        if (State == TcpState.SynRecv)
        {
            if (!(_fastOpen >= 0 ? FinishFastOpen(segment, options) : FinishHandshake(segment, options)))
            {
                return;
            }
        }
        else if (!OnAck(segment, options))
        {
            _tally.Drops++;
            return;
        }
        else if (_fastOpen >= 0)
        {
            // Closed before its third ACK came: the FIN is out already.
            EndFastOpen();
        }

        UpdateRecentTimestamp(segment, options);
        if (!AfterAck(segment))
        {
            return;
        }

        OnText(segment);
        if (_isFinished || State == TcpState.Close)
        {
            return;
        }

        Push(force: false);
    }

    /// <summary>PAWS, sequence, RST, SYN. Linux: tcp_validate_incoming.</summary>
    private bool Validate(in TcpSegment segment, in TcpOptions options)
    {
        if (options.HasTimestamp && IsOldTimestamp(options) && !IsDisorderedAck(segment, options)
            && !segment.Has(TcpFlags.Rst))
        {
            RefuseOldTimestamp(segment);
            return false;
        }

        SeqNumber right = _receiveNext + RemainingWindow;
        bool beyond = segment.EndSeq > right
            && (segment.Seq > right || (_context.Profile.ChecksSegmentEnd && _receiveBuffer.Length > 0));
        bool finReset = segment.Has(TcpFlags.Rst) && segment.Seq + 1 == _receiveNext
            && State is TcpState.CloseWait or TcpState.LastAck or TcpState.Closing;
        if (!finReset && (segment.EndSeq < _windowUpdated || beyond))
        {
            if (beyond && !segment.Has(TcpFlags.Rst | TcpFlags.Syn))
            {
                _context.Mib.Count(Counter.TcpExtBeyondWindow);
            }

            RefuseOutOfWindow(segment);
            return false;
        }

        if (segment.Has(TcpFlags.Rst))
        {
            if (segment.Seq == _receiveNext || finReset || !_context.Profile.ChallengesOddSegments)
            {
                Judge(segment, RuleId.SegmentReset);
                End(State == TcpState.CloseWait ? Errno.EPIPE : Errno.ECONNRESET);
            }
            else
            {
                SendChallenge(segment);
            }

            return false;
        }

        bool answersCrossedSyn = State == TcpState.SynRecv && segment.Has(TcpFlags.Ack)
            && segment.SegmentLength == 1 && segment.Seq + 1 == _receiveNext && segment.Ack == _nxt;
        return !segment.Has(TcpFlags.Syn) || answersCrossedSyn || TolerateSyn(segment);
    }

    /// <summary>A SYN on a connection: challenged, or in older kernels an old number or the end.</summary>
    private bool TolerateSyn(in TcpSegment segment)
    {
        if (_context.Profile.ChallengesOddSegments)
        {
            ChallengeSyn(segment);
            return false;
        }

        if (segment.Seq < _receiveNext)
        {
            // A repeated SYN-ACK: taken as a segment that was received before, and acknowledged as such.
            return true;
        }

        _context.Mib.Count(Counter.TcpInErrs);
        Judge(segment, RuleId.SegmentReset);
        End(Errno.ECONNRESET);
        return false;
    }

    private bool IsOldTimestamp(in TcpOptions options)
    {
        if (_tsRecent == 0 || (int)(_tsRecent - options.TsVal) <= PawsTolerance)
        {
            return false;
        }

        long seconds = _context.Now.Nanoseconds / Time.Instant.NanosecondsPerSecond;
        return seconds - _tsRecentSeconds < PawsForgetsSeconds;
    }

    /// <summary>A pure ACK that overtook another says nothing new and is let pass. Linux: tcp_disordered_ack.</summary>
    private bool IsDisorderedAck(in TcpSegment segment, in TcpOptions options) =>
        segment.Flags == TcpFlags.Ack && segment.PayloadLength == 0 && segment.Seq == _receiveNext
        && segment.Ack == _una && !UpdatesWindow(segment)
        && (int)(_tsRecent - options.TsVal) <= _rtt.Rto * 6 / 5 / 1000;

    private void RefuseOldTimestamp(in TcpSegment segment)
    {
        if (segment.Has(TcpFlags.Syn))
        {
            ChallengeSyn(segment);
            return;
        }

        Judge(segment, RuleId.SegmentOldTimestamp);
        if (segment.PayloadLength == 0 && !segment.Has(TcpFlags.Fin) && segment.Seq < _receiveNext)
        {
            _context.Mib.Count(Counter.TcpExtPAWSOldAck);
            return;
        }

        _context.Mib.Count(Counter.TcpExtPAWSEstab);
        SendDuplicateAck(segment, Counter.TcpExtTCPACKSkippedPAWS);
    }

    private void RefuseOutOfWindow(in TcpSegment segment)
    {
        if (segment.Has(TcpFlags.Rst))
        {
            Judge(segment, RuleId.SegmentOutOfWindow);
            return;
        }

        if (segment.Has(TcpFlags.Syn))
        {
            ChallengeSyn(segment);
            return;
        }

        Judge(segment, RuleId.SegmentOutOfWindow);
        SendDuplicateAck(segment, Counter.TcpExtTCPACKSkippedSeq);
    }

    private void ChallengeSyn(in TcpSegment segment)
    {
        if (!_context.Profile.ChallengesOddSegments)
        {
            // Before RFC 5961 a SYN outside the window was a segment like any other there.
            Judge(segment, RuleId.SegmentOutOfWindow);
            SendDuplicateAck(segment, Counter.TcpExtTCPACKSkippedSeq);
            return;
        }

        if (State == TcpState.Established)
        {
            _context.Mib.Count(Counter.TcpInErrs);
        }

        _context.Mib.Count(Counter.TcpExtTCPSYNChallenge);
        SendChallenge(segment);
    }

    /// <summary>RFC 5961: an ACK in place of obedience. Linux: tcp_send_challenge_ack.</summary>
    private void SendChallenge(in TcpSegment segment)
    {
        if (IsLimited(Counter.TcpExtTCPACKSkippedChallenge) || !_tcp.ChallengeLimit.TryTake())
        {
            Judge(segment, RuleId.SegmentChallengeLimited);
            return;
        }

        _context.Mib.Count(Counter.TcpExtTCPChallengeACK);
        Judge(segment, RuleId.SegmentChallenge);
        SendAck();
    }

    private void SendDuplicateAck(in TcpSegment segment, Counter skipped)
    {
        if (segment.SegmentLength > 0 && segment.Seq < _receiveNext)
        {
            _context.Mib.Count(Counter.TcpExtDelayedACKLost);
            EnterQuickAck();
        }

        // Data outside the window is answered each time: the peer must learn what is expected.
        if (segment.SegmentLength == 0 && IsLimited(skipped))
        {
            return;
        }

        SendAck();
    }

    /// <summary>One stamp for all rate-limited replies of this socket. Linux: tcp_oow_rate_limited.</summary>
    private bool IsLimited(Counter skipped)
    {
        uint now = _context.NowMilliseconds;
        int limit = _context.Sysctls.TcpInvalidRatelimit;
        if (_lastOutOfWindow != 0 && now - _lastOutOfWindow < (uint)limit)
        {
            _context.Mib.Count(skipped);
            return true;
        }

        _lastOutOfWindow = now == 0 ? 1 : now;
        return false;
    }

    /// <summary>The ACK that ends SYN_RECV. Linux: tcp_rcv_state_process, TCP_SYN_RECV.</summary>
    private bool FinishHandshake(in TcpSegment segment, in TcpOptions options)
    {
        if (segment.Ack < _una || segment.Ack > _nxt)
        {
            Judge(segment, RuleId.ConnectWrongAck);
            _tcp.Output.Reset(segment);
            return false;
        }

        bool crossed = Owner is not null;
        if (crossed)
        {
            _tcp.Timers.Stop(_writeTimer);
            _una = segment.Ack;
            _context.Mib.Count(Counter.TcpExtTCPDelivered);
            _timeouts = _backoff = 0;
            _firstRetransmission = 0;
            if (options.HasTimestamp && options.TsEcr != 0)
            {
                SampleTimestamp(options.TsEcr);
            }

            StartCongestion(timedOut: true);
        }
        else if (!_rtt.HasSample && options.HasTimestamp && options.TsEcr != 0)
        {
            // A SYN-ACK that was sent again, or that nobody remembers: its echo tells. Linux: tcp_synack_rtt_meas.
            SampleTimestamp(options.TsEcr);
            StartRto();
        }

        _sendWindow = segment.Has(TcpFlags.Syn)
            ? segment.WindowField : (uint)segment.WindowField << _sendScale;
        _maximumWindow = System.Math.Max(_maximumWindow, _sendWindow);
        _wl1 = segment.Seq;
        _lastReceived = _context.Now.Nanoseconds;
        SetMss();
        _tally.Delivered++;
        SetState(TcpState.Established);
        if (!segment.Has(TcpFlags.Fin) && segment.PayloadLength == 0)
        {
            _context.Mib.Count(Counter.TcpExtTCPPureAcks);
        }

        if (Options.KeepAlive)
        {
            SetKeepalive();
        }

        if (segment.Has(TcpFlags.Syn))
        {
            // The peer's SYN-ACK of a simultaneous open: an old sequence number, answered at once.
            SendAck();
        }

        if (IsWriteShut)
        {
            QueueFin();
        }

        Notify(PollMask.Out | PollMask.WriteNormal);
        return true;
    }

    private void UpdateRecentTimestamp(in TcpSegment segment, in TcpOptions options)
    {
        if (options.HasTimestamp && segment.Seq <= _windowUpdated && (int)(_tsRecent - options.TsVal) <= 0)
        {
            SetRecentTimestamp(options.TsVal);
        }
    }

    /// <summary>What an acknowledged FIN leads to.</summary>
    /// <returns>False when the segment is done with.</returns>
    private bool AfterAck(in TcpSegment segment)
    {
        bool finAcked = _finQueued && _una == _writeSeq + 1;
        switch (State)
        {
            case TcpState.FinWait1 when finAcked:
                return EnterFinWait2(segment);
            case TcpState.Closing when finAcked:
                EnterTimeWait(isFinWait2: false, TimeWait.Length);
                return false;
            case TcpState.LastAck when finAcked:
                _tcp.Metrics.Update(_tuple, _rtt, _congestion, _backoff > 0);
                SetState(TcpState.Close);
                Leave();
                return false;
            default:
                return true;
        }
    }

    /// <summary>Data and FIN, as far as the state takes them.</summary>
    private void OnText(in TcpSegment segment)
    {
        switch (State)
        {
            case TcpState.CloseWait or TcpState.Closing or TcpState.LastAck when segment.Seq >= _receiveNext:
                // Data behind a FIN: ignored without a word.
                return;
            case TcpState.CloseWait or TcpState.Closing or TcpState.LastAck or TcpState.FinWait1 or TcpState.FinWait2:
                if (IsReadShut && segment.PayloadLength > 0 && segment.Seq + segment.PayloadLength > _receiveNext)
                {
                    _context.Mib.Count(Counter.TcpExtTCPAbortOnData);
                    Judge(segment, RuleId.SegmentAfterClose);
                    _tcp.Output.Reset(segment);
                    End(State == TcpState.CloseWait ? Errno.EPIPE : Errno.ECONNRESET);
                    return;
                }

                break;
        }

        TakeData(segment);
    }
}
