using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>What happens to a segment. Linux: tcp_rcv_established, tcp_rcv_state_process
/// (net/ipv4/tcp_input.c).</summary>
internal sealed partial class Connection
{
    /// <summary>A segment for this connection.</summary>
    internal void OnSegment(in TcpSegment segment)
    {
        Rouse();
        uint packets = segment.SegmentSize > 0
            ? (uint)((segment.PayloadLength + segment.SegmentSize - 1) / segment.SegmentSize) : 1;
        Tally.In += packets;
        Tally.DataIn += segment.PayloadLength > 0 ? packets : 0u;
        switch (State)
        {
            case TcpState.Close:
                Judge(segment, RuleId.SegmentClosed);
                return;
            case TcpState.SynSent:
                OnSynSent(segment);
                return;
        }

        if (State != TcpState.Established || !TryFastPath(segment))
        {
            OnSlowPath(segment);
        }

        GiveBackInbox();
    }

    /// <summary>A segment for this connection had a wrong checksum.</summary>
    internal void CountDamaged(int payloadLength)
    {
        Rouse();
        Tally.In++;
        Tally.DataIn += payloadLength > 0 ? 1u : 0u;
        Tally.Drops++;
    }

    /// <summary>Header prediction: the segment that everything is made for. Linux: tcp_rcv_established.</summary>
    private bool TryFastPath(in TcpSegment segment)
    {
        int expected = TcpSegment.MinimumHeaderLength + (_hasTimestamps ? TcpOptions.TimestampLength : 0);
        if ((segment.Flags & ~TcpFlags.Psh) != TcpFlags.Ack || segment.Seq != _receiveNext
            || segment.HeaderLength != expected || (uint)segment.WindowField << _sendScale != _sendWindow
            || segment.Ack > _nxt || (segment.Ack < _una && !_context.Profile.ChecksSegmentEnd) || !_isPredicting
            || segment.PayloadLength > RemainingWindow)
        {
            return false;
        }

        TcpOptions options = default;
        if (_hasTimestamps)
        {
            if (!TcpOptions.AreAlignedTimestamps(segment.Options))
            {
                return false;
            }

            TcpOptions.Parse(segment, out options);
            if ((int)(options.TsVal - _tsRecent) < 0)
            {
                return false;
            }
        }

        ReceivedPacket packet = default;
        if (segment.PayloadLength > 0)
        {
            packet = ReceivedPacket.Of(segment, _route.IsLocal);
            if (packet.Cost > ReservedMemory)
            {
                // Only the slow path asks for more memory.
                return false;
            }
        }

        if (_hasTimestamps && _receiveNext == _windowUpdated)
        {
            SetRecentTimestamp(options.TsVal);
        }

        NoteMark(segment);
        if (segment.PayloadLength == 0)
        {
            AcknowledgePredicted(segment, options);
            if (_hasTimestamps)
            {
                // No measure, but data that echoes the same is none any more.
                Reading.TakeEcho(options.TsEcr);
            }

            return true;
        }

        MeasureReceiverRoundTrip(segment, options);
        LastReceived = _context.Now.Nanoseconds;
        _context.Mib.Count(Counter.TcpExtTCPHPHits);
        TakeInOrder(segment, packet);
        if (segment.Ack != _una)
        {
            // Even one that is too old keeps no data out here.
            AcknowledgePredicted(segment, options);
        }
        else
        {
            _wl1 = segment.Seq;
        }

        AcknowledgeIfNeeded();
        return true;
    }

    private void AcknowledgePredicted(in TcpSegment segment, in TcpOptions options)
    {
        if (segment.Ack > _una)
        {
            _context.Mib.Count(Counter.TcpExtTCPHPAcks);
        }

        OnAck(segment, options, predicted: true);
        Push(force: false);
    }

    /// <summary>Tries header prediction from now on if nothing is out of the ordinary; it is given up by what is.
    /// Linux: tcp_fast_path_check.</summary>
    private void Predict() => _isPredicting |= Unread is not { Beyond.Count: > 0 } && _receiveWindow != 0
        && ReceivedMemory < Options.ReceiveBuffer && Urgent is not { IsPending: true } && Accurate is null;

    /// <summary>Bytes of memory that the connection has been given and not used: whole pages are given, and kept until
    /// something is given back. Linux: sk_forward_alloc.</summary>
    private int ReservedMemory
    {
        get
        {
            long used = ReceivedMemory + QueuedMemory;
            return (int)(System.Math.Max(ToNextPage(used), Unread?.Given ?? 0) - used);
        }
    }

    private static long ToNextPage(long bytes) => (bytes + PageLength - 1) & -PageLength;

    /// <summary>Something was given back: whole pages that nothing needs go with it. Linux: sk_mem_uncharge.</summary>
    private void Reclaim()
    {
        if (Unread is { Given: > 0 } inbox && ReservedMemory >= PageLength)
        {
            inbox.Given = 0;
        }
    }

    private void OnSlowPath(in TcpSegment segment)
    {
        if (_fastOpen >= 0 && !_tcp.RequestInput.AdmitFastOpen(this, _fastOpen, segment))
        {
            Tally.Drops++;
            return;
        }

        if (!segment.Has(TcpFlags.Ack | TcpFlags.Rst | TcpFlags.Syn))
        {
            Tally.Drops++;
            Judge(segment, RuleId.SegmentNoFlags);
            return;
        }

        TcpOptions options = default;
        if (_hasTimestamps)
        {
            TcpOptions.Parse(segment, out options);
        }

        if (!Validate(segment, options))
        {
            Tally.Drops++;
            return;
        }

        if (!segment.Has(TcpFlags.Ack))
        {
            Tally.Drops++;
            Judge(segment, RuleId.SegmentNoFlags);
            return;
        }

        if (_echoesCongestion)
        {
            CountMark(segment);
        }

        // The ACK of a handshake is no measure: its echo may yet be that of the first data.
        bool measures = State == TcpState.Established;
        if (State == TcpState.SynRecv)
        {
            if (!(_fastOpen >= 0 ? FinishFastOpen(segment, options) : FinishHandshake(segment, options)))
            {
                return;
            }

            UpdateRecentTimestamp(segment, options);
        }
        else if (!TakeAck(segment, options))
        {
            Tally.Drops++;
            return;
        }
        else if (_fastOpen >= 0)
        {
            // Closed before its third ACK came: the FIN is out already.
            EndFastOpen();
        }

        TakeWindowReduced(segment);
        if (!AfterAck(segment))
        {
            return;
        }

        if (measures)
        {
            MeasureReceiverRoundTrip(segment, options);
        }

        TakeText(segment);
    }

    /// <summary>Takes what a segment brings, and sends what may leave now.</summary>
    private void TakeText(in TcpSegment segment)
    {
        TakeUrgent(segment);
        OnText(segment);
        if (_isFinished || State == TcpState.Close)
        {
            return;
        }

        Push(force: false);
        AcknowledgeIfNeeded();
    }

    private bool TakeAck(in TcpSegment segment, in TcpOptions options)
    {
        if (State == TcpState.Established)
        {
            NoteMark(segment);
        }

        return OnAck(segment, options);
    }

    /// <summary>The ACK that ends SYN_RECV. Linux: tcp_rcv_state_process, TCP_SYN_RECV.</summary>
    private bool FinishHandshake(in TcpSegment segment, in TcpOptions options)
    {
        if (segment.Ack < _una || segment.Ack > _nxt)
        {
            Judge(segment, RuleId.ConnectWrongAck);
            _tcp.Output.Reset(segment, Key);
            return false;
        }

        // A connection that a listener made may have been accepted before.
        bool crossed = _listenerId == 0;
        if (crossed)
        {
            _tcp.Timers.Stop(_writeTimer);
            _una = segment.Ack;
            BytesAcked = 1;
            Tally.Delivered = 1;
            _context.Mib.Count(Counter.TcpExtTCPDelivered);
            if (KnownLoss is { } loss)
            {
                EndTimeoutEpisode(loss);
                loss.ForgetHints(_una);
            }

            Timeouts = Backoff = 0;
            FirstRetransmission = 0;
            if (options.HasTimestamp && options.TsEcr != 0)
            {
                SampleTimestamp(options.TsEcr);
            }

            StartCongestion(timedOut: true);
        }
        else if (!Rtt.HasSample && options.HasTimestamp && options.TsEcr != 0)
        {
            // A SYN-ACK that was sent again, or that nobody remembers: its echo tells. Linux: tcp_synack_rtt_meas.
            SampleTimestamp(options.TsEcr);
            StartRto();
        }

        if (!crossed)
        {
            TakeSacksOfThirdAck(segment, options);
        }

        _sendWindow = segment.Has(TcpFlags.Syn)
            ? segment.WindowField : (uint)segment.WindowField << _sendScale;
        _maximumWindow = System.Math.Max(_maximumWindow, _sendWindow);
        _wl1 = segment.Seq;
        LastReceived = _context.Now.Nanoseconds;
        SetMss();
        _isPredicting = Accurate is null;
        Tally.Delivered++;
        SetState(TcpState.Established);
        if (!segment.Has(TcpFlags.Fin) && segment.PayloadLength == 0)
        {
            _context.Mib.Count(Counter.TcpExtTCPPureAcks);
        }

        if (Options.KeepAlive)
        {
            SetKeepalive();
        }

        if (crossed)
        {
            StartBuffer();
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
                LeaveMetrics();
                SetState(TcpState.Close);
                Leave();
                return false;
            default:
                return true;
        }
    }

    /// <summary>Whether it has bytes beyond what was received, or is a FIN beyond a gap.</summary>
    private bool ReachesBeyond(in TcpSegment segment) => (segment.PayloadLength > 0 || segment.Has(TcpFlags.Fin))
        && segment.Seq + segment.PayloadLength > _receiveNext;

    /// <summary>Data and FIN, as far as the state takes them.</summary>
    private void OnText(in TcpSegment segment)
    {
        switch (State)
        {
            case TcpState.CloseWait or TcpState.Closing or TcpState.LastAck when segment.Seq >= _receiveNext:
                // Data behind a FIN: ignored without a word.
                return;
            case TcpState.CloseWait or TcpState.Closing or TcpState.LastAck or TcpState.FinWait1 or TcpState.FinWait2:
                if (IsReadShut && ReachesBeyond(segment))
                {
                    _context.Mib.Count(Counter.TcpExtTCPAbortOnData);
                    Judge(segment, RuleId.SegmentAfterClose);
                    _tcp.Output.Reset(segment, Key);
                    End(State == TcpState.CloseWait ? Errno.EPIPE : Errno.ECONNRESET);
                    return;
                }

                break;
        }

        TakeData(segment);
    }
}
