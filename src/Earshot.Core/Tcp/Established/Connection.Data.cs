using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>Received data, the window we offer, and when we acknowledge. Linux: tcp_data_queue, __tcp_select_window,
/// __tcp_ack_snd_check.</summary>
internal sealed partial class Connection
{
    /// <summary>The sequence number of the next byte to be read, until the peer's FIN has come.</summary>
    private SeqNumber ReadNext => _receiveNext - (uint)_receiveBuffer.Length;

    /// <summary>What is left of the window that was promised.</summary>
    private uint RemainingWindow
    {
        get
        {
            int left = (int)(_windowUpdated.Value + _receiveWindow - _receiveNext.Value);
            return left > 0 ? (uint)left : 0;
        }
    }

    /// <summary>Reads bytes that are there. Linux: tcp_recvmsg.</summary>
    /// <returns>Bytes, 0 at the end of the stream, or a negated errno.</returns>
    internal int Read(Span<byte> target)
    {
        if (_receiveBuffer.Length > 0)
        {
            int count = _receiveBuffer.Read(target, _context.Buffers);
            if (_receiveBuffer.Length == 0)
            {
                // A reader that asked for more has met the FIN as well.
                _isFinRead |= _finReceived && count < target.Length;
                _tally.UnreadCost = 0;
            }

            AfterRead(count);
            return count;
        }

        if (_finReceived)
        {
            _isFinRead = true;
            return 0;
        }

        if (Error != 0)
        {
            return -TakeError();
        }

        if (IsReadShut)
        {
            return 0;
        }

        return State == TcpState.Close ? -Errno.ENOTCONN : -Errno.EAGAIN;
    }

    /// <summary>Throws away so many bytes that are there. Linux: tcp_recvmsg with MSG_TRUNC.</summary>
    internal int Discard(int count)
    {
        _receiveBuffer.Skip(count, _context.Buffers);
        _tally.UnreadCost = _receiveBuffer.Length == 0 ? 0 : _tally.UnreadCost;
        AfterRead(count);
        return count;
    }

    /// <summary>Looks at bytes that are there and stay.</summary>
    /// <param name="skip">How many before them are passed over.</param>
    /// <param name="count">Bytes that are counted and not copied; 0: as many as there is room for.</param>
    /// <param name="target">Room.</param>
    internal int Peek(int skip, int count, Span<byte> target) =>
        count > 0 ? count : _receiveBuffer.Peek(skip, target);

    /// <summary>The pending error, told once.</summary>
    internal int TakeError()
    {
        int error = Error;
        Error = 0;
        return error;
    }

    private void TakeData(in TcpSegment segment)
    {
        bool fin = segment.Has(TcpFlags.Fin);
        if (segment.SegmentLength == 0)
        {
            // Nothing to take in; an ACK that is owed stays owed.
            return;
        }

        if (segment.Seq <= _receiveNext && segment.EndSeq > _receiveNext)
        {
            if (RemainingWindow == 0 && segment.PayloadLength > 0)
            {
                _context.Mib.Count(Counter.TcpExtTCPZeroWindowDrop);
                RefuseData();
                return;
            }

            int skip = _receiveNext - segment.Seq;
            TakeInOrder(segment, skip, segment.PayloadLength - skip);
            if (fin && !_finReceived)
            {
                _tally.FinCost = segment.PayloadLength == 0 ? CostOf(segment) : -1;
                OnFin();
            }

            AcknowledgeIfNeeded();
            Notify(PollMask.In | PollMask.ReadNormal);
            return;
        }

        if (segment.EndSeq <= _receiveNext)
        {
            // Wholly old: the peer has missed our ACK.
            _context.Mib.Count(Counter.TcpExtDelayedACKLost);
            RefuseData();
            return;
        }

        if (segment.Seq >= _receiveNext + RemainingWindow)
        {
            RefuseData();
            return;
        }

        TakeOutOfOrder(segment, fin);
    }

    private void RefuseData()
    {
        _tally.Drops++;
        EnterQuickAck();
        SendAck();
    }

    /// <summary>Takes bytes that are next, and those beyond gaps that they reach.</summary>
    private void TakeInOrder(in TcpSegment segment, int skip, int length)
    {
        if (length > 0)
        {
            _receiveBuffer.Append(segment.Payload.Slice(skip, length), _context.Buffers);
            _receiveNext += length;
            _tally.BytesReceived += length;
            _tally.UnreadCost += CostOf(segment);
            MeasurePeerSegment(segment);
            _hasReceived = true;
            OnDataEvent();
        }

        if (_receiveBuffer.RangeCount > 0)
        {
            int joined = _receiveBuffer.Join();
            _receiveNext += joined;
            _tally.BytesReceived += joined;
            _ack.Now |= _receiveBuffer.RangeCount == 0;
        }

        if (_outOfOrderFin == _receiveNext)
        {
            OnFin();
        }

        // The window may grow while the reader keeps up. Linux: tcp_grow_window.
        int room = Math.Min(FullWindow, FreeSpace) - _receiveLimit;
        if (room > 0 && segment.PayloadLength >= 128)
        {
            _receiveLimit += Math.Min(room, 2 * Math.Max(_advertisedMss, segment.PayloadLength));
            _ack.Quick |= 1;
        }
    }

    private void TakeOutOfOrder(in TcpSegment segment, bool fin)
    {
        _context.Mib.Count(Counter.TcpExtTCPOFOQueue);
        _tally.OutOfOrder++;
        if (fin)
        {
            _outOfOrderFin = segment.Seq + segment.PayloadLength;
        }

        if (segment.PayloadLength > 0)
        {
            int offset = _receiveBuffer.Length + (segment.Seq - _receiveNext);
            int length = Math.Min(segment.PayloadLength, (int)RemainingWindow - (segment.Seq - _receiveNext));
            if (!_receiveBuffer.TryInsert(offset, segment.Payload[..length], _context.Buffers, out bool known))
            {
                _context.Mib.Count(Counter.TcpExtTCPOFODrop);
                Judge(segment, RuleId.SegmentNoMemory);
                return;
            }

            if (known)
            {
                _context.Mib.Count(Counter.TcpExtTCPOFOMerge);
            }

            if (_hasSack)
            {
                _sacks.Add(segment.Seq, _receiveBuffer, ReadNext);
            }
        }

        _ack.Scheduled = true;
        SendAck();
    }

    /// <summary>The peer's FIN is next. Linux: tcp_fin.</summary>
    private void OnFin()
    {
        _receiveNext += 1;
        _tally.BytesReceived++;
        _tally.FinCost = _tally.FinCost == 0 ? PacketCost : Math.Max(0, _tally.FinCost);
        _ack.Scheduled = true;
        _finReceived = true;
        _outOfOrderFin = null;
        IsReadShut = true;
        _receiveBuffer.ForgetRanges();
        _ack.Scheduled = true;
        switch (State)
        {
            case TcpState.Established or TcpState.SynRecv:
                SetState(TcpState.CloseWait);
                _ack.PingPong = true;
                break;
            case TcpState.FinWait1:
                SendAck();
                SetState(TcpState.Closing);
                break;
            case TcpState.FinWait2:
                SendAck();
                EnterTimeWait(isFinWait2: false, TimeWait.Length);
                break;
        }

        Notify(PollMask.In | PollMask.ReadNormal | PollMask.ReadHup);
    }

    private int FullWindow => Math.Min(Space, Options.WindowClamp > 0
        ? Math.Min(Options.WindowClamp, _windowLimit) : _windowLimit);

    private int Space => ReceiveWindow.FromSpace(_context, Options.ReceiveBuffer);

    // A FIN that nobody has read waits in the queue like data.
    private int FreeSpace => Space - _receiveBuffer.Length - (_finReceived && !_isFinRead ? 1 : 0)
        - (_receiveBuffer.RangeCount > 0 ? _receiveBuffer.OutOfOrderLength : 0);

    /// <summary>The window to offer. Linux: __tcp_select_window.</summary>
    private uint SelectWindow()
    {
        int full = FullWindow;
        int mss = Math.Min(_ack.PeerSegment, full);
        int free = FreeSpace;
        int unit = 1 << _receiveScale;
        if (free < full / 2)
        {
            _ack.Quick = 0;
            free &= -unit;
            if (free < full / 16 || free < mss)
            {
                return 0;
            }
        }

        free = Math.Min(free, _receiveLimit);
        if (free <= 0)
        {
            return 0;
        }

        if (_receiveScale > 0)
        {
            return (uint)((free + unit - 1) & -unit);
        }

        bool keep = _receiveWindow <= (uint)free && _receiveWindow > (uint)Math.Max(0, free - mss);
        return keep || mss == 0 ? Math.Min(_receiveWindow, (uint)free) : (uint)(free / mss * mss);
    }

    /// <summary>Makes a promise of a window: it never takes back what was promised. Linux: tcp_select_window.</summary>
    private ushort PromiseWindow()
    {
        uint wanted = SelectWindow();
        uint left = RemainingWindow;
        if (wanted < left)
        {
            if (wanted == 0)
            {
                _context.Mib.Count(Counter.TcpExtTCPWantZeroWindowAdv);
            }

            uint unit = 1u << _receiveScale;
            wanted = (left + unit - 1) & (uint)-(int)unit;
        }

        uint old = _receiveWindow;
        _receiveWindow = wanted;
        _windowUpdated = _receiveNext;
        uint field = Math.Min(wanted >> _receiveScale, ushort.MaxValue);
        if (field == 0 && old != 0)
        {
            _context.Mib.Count(Counter.TcpExtTCPToZeroWindowAdv);
        }
        else if (field != 0 && old == 0)
        {
            _context.Mib.Count(Counter.TcpExtTCPFromZeroWindowAdv);
        }

        return (ushort)field;
    }

    /// <summary>Guesses the size of the peer's segments. Linux: tcp_measure_rcv_mss.</summary>
    private void MeasurePeerSegment(in TcpSegment segment)
    {
        int size = segment.SegmentSize != 0 ? segment.SegmentSize : segment.PayloadLength;
        bool full = size >= _ack.PeerSegment;
        if (full)
        {
            _ack.PeerSegment = Math.Min(size, _advertisedMss);
        }

        if (!full || segment.Has(TcpFlags.Psh))
        {
            _ack.PushedTwice = _ack.Pushed;
            _ack.Pushed = true;
        }
    }

    /// <summary>Data came in order: how soon must it be acknowledged? Linux: tcp_event_data_recv.</summary>
    private void OnDataEvent()
    {
        const int Half = AckState.MinimumMilliseconds / 2;
        long now = _context.Now.Nanoseconds;
        _ack.Scheduled = true;
        if (_ack.Interval == 0)
        {
            // The stream begins: the sender's window opens sooner if its first segments are acknowledged at once.
            AddQuickAcks();
            _ack.Interval = AckState.MinimumMilliseconds;
        }
        else
        {
            long gap = (now - _lastDataReceived) / 1_000_000;
            if (gap <= Half)
            {
                _ack.Interval = (_ack.Interval >> 1) + Half;
            }
            else if (gap < _ack.Interval)
            {
                _ack.Interval = (int)Math.Min((_ack.Interval >> 1) + gap, Math.Min(_rtt.Rto / 1000, 200));
            }
            else if (gap > _rtt.Rto / 1000)
            {
                // The sender has paused for long: it may be waiting for its window.
                AddQuickAcks();
            }
        }

        _lastDataReceived = now;
    }

    private void AddQuickAcks()
    {
        uint segments = _receiveWindow / (uint)Math.Max(1, 2 * _ack.PeerSegment);
        _ack.Quick = Math.Max(_ack.Quick, (int)Math.Clamp(segments == 0 ? 2 : segments, 1, AckState.MaximumQuick));
    }

    private void EnterQuickAck()
    {
        AddQuickAcks();
        _ack.PingPong = false;
        _ack.Interval = AckState.MinimumMilliseconds;
    }

    /// <summary>Sends the ACK that is owed, now or later. Linux: __tcp_ack_snd_check.</summary>
    private void AcknowledgeIfNeeded()
    {
        if (!_ack.Scheduled || State is TcpState.Close or TcpState.TimeWait || _isFinished)
        {
            return;
        }

        bool two = _receiveNext - _windowUpdated > _ack.PeerSegment
            && (_receiveBuffer.Length < 1 || SelectWindow() >= _receiveWindow);
        if (two || _ack.IsQuick || _ack.Now || _receiveBuffer.RangeCount > 0)
        {
            SendAck();
        }
        else
        {
            StartDelayedAck();
        }
    }

    /// <summary>The reader took bytes: perhaps an ACK or a window is due. Linux: tcp_cleanup_rbuf.</summary>
    private void AfterRead(int count)
    {
        if (State is TcpState.Close or TcpState.TimeWait)
        {
            return;
        }

        if (_ack.Scheduled)
        {
            bool many = _receiveNext - _windowUpdated > _ack.PeerSegment;
            bool all = count > 0 && _receiveBuffer.Length == 0
                && (_ack.PushedTwice || (_ack.Pushed && !_ack.PingPong));
            if (many || all)
            {
                SendAck();
                return;
            }
        }

        if (count > 0 && !IsReadShut)
        {
            uint left = RemainingWindow;
            if (2 * left <= (uint)FullWindow)
            {
                uint window = SelectWindow();
                if (window > 0 && window >= 2 * left)
                {
                    SendAck();
                }
            }
        }
    }
}
