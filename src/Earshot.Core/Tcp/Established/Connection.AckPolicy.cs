using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>When an ACK leaves. Linux: tcp_measure_rcv_mss, tcp_event_data_recv, __tcp_ack_snd_check,
/// tcp_send_delayed_ack, tcp_cleanup_rbuf.</content>
internal sealed partial class Connection
{
    // Parts of a second. Linux: TCP_DELACK_MIN and TCP_ATO_MIN, TCP_DELACK_MAX.
    private const int LeastDelayParts = 25;
    private const int MostDelayParts = 5;

    private int LeastDelay => Math.Max(1, _context.Clock.Hz / LeastDelayParts);

    private int MostDelay => Math.Max(1, _context.Clock.Hz / MostDelayParts);

    private bool IsPingPong => _ack.PingPong >= _context.Sysctls.TcpPingpongThresh;

    // Linux: tcp_in_quickack_mode.
    private bool IsQuickAck => _ack.Quick > 0 && !IsPingPong;

    private int RtoJiffies => (int)Math.Min(_context.Clock.FromMicroseconds(_rtt.Rto), int.MaxValue);

    /// <summary>Data is sent: soon after data that came, it is an answer. Linux: tcp_event_data_sent.</summary>
    private void NoteAnswer()
    {
        if ((uint)_context.Jiffies - _lastDataReceived < _ack.Interval && _ack.PingPong < byte.MaxValue)
        {
            _ack.PingPong++;
        }
    }

    private int RoomForSacks => TcpSegment.MaximumOptionsLength - SignatureLength
        - (_hasTimestamps ? TcpOptions.TimestampLength : 0);

    // Linux: tcp_established_options.
    private int SackLength => _inbox is { Sacks.IsEmpty: false } inbox ? inbox.Sacks.WireLength(RoomForSacks) : 0;

    private void EnterPingPongMode() => _ack.PingPong = (byte)_context.Sysctls.TcpPingpongThresh;

    /// <summary>Guesses the size of the peer's segments, and what share of their memory is data. Linux:
    /// tcp_measure_rcv_mss.</summary>
    private void MeasurePeerSegment(in TcpSegment segment, int cost)
    {
        const int DefaultWithHeader = 536 + TcpSegment.MinimumHeaderLength;
        const int LeastWithHeader = 88 + TcpSegment.MinimumHeaderLength;
        const TcpFlags Remnant = TcpFlags.Fin | TcpFlags.Urg | TcpFlags.Syn | TcpFlags.Psh;
        int length = segment.PayloadLength;
        int size = segment.SegmentSize != 0 ? segment.SegmentSize : length;
        int last = _ack.LastSegment;
        _ack.LastSegment = 0;
        if (size >= _ack.PeerSegment)
        {
            if (size != _ack.PeerSegment)
            {
                MeasureShare(length, cost);
            }

            _ack.PeerSegment = Math.Min(size, AdvertisedPayload);
            _ack.Pushed |= segment.Has(TcpFlags.Psh);
            return;
        }

        // SACK blocks and the like make a full segment shorter: two alike are as good as one.
        int whole = size + segment.HeaderLength;
        if (whole >= DefaultWithHeader || (whole >= LeastWithHeader && !segment.Has(Remnant)))
        {
            int plain = whole - TcpSegment.MinimumHeaderLength - (_hasTimestamps ? TcpOptions.TimestampLength : 0);
            _ack.LastSegment = (ushort)plain;
            if (plain == last)
            {
                _ack.PeerSegment = plain;
                return;
            }
        }

        _ack.PushedTwice |= _ack.Pushed;
        _ack.Pushed = true;
    }

    private void MeasureShare(int length, int cost)
    {
        byte share = (byte)Math.Clamp(((long)length << ShareShift) / cost, 1, byte.MaxValue);
        if (share != _share && _context.Profile.MeasuresPacketShare)
        {
            _share = share;
            SetWindowClamp(WindowFrom(Options.ReceiveBuffer));
            _space.Space = Math.Min(_space.Space, _windowLimit);
        }
    }

    /// <summary>Data came in order: how soon must it be acknowledged? Linux: tcp_event_data_recv.</summary>
    private void OnDataEvent(in TcpSegment segment, in ReceivedPacket packet)
    {
        _ack.Scheduled = true;
        MeasurePeerSegment(segment, packet.Cost);
        _space.MeasureWindow(_receiveNext, _receiveWindow, _context.NowMicroseconds);
        uint now = (uint)_context.Jiffies;
        int least = LeastDelay;
        if (_ack.Interval == 0)
        {
            // The stream begins: the sender's window opens sooner if its first segments are acknowledged at once.
            AddQuickAcks(AckState.MaximumQuick);
            _ack.Interval = (ushort)least;
        }
        else
        {
            int gap = (int)Math.Min(now - _lastDataReceived, int.MaxValue);
            if (gap <= least / 2)
            {
                _ack.Interval = (ushort)((_ack.Interval >> 1) + (least / 2));
            }
            else if (gap < _ack.Interval)
            {
                int interval = Math.Min((_ack.Interval >> 1) + gap, RtoJiffies);
                _ack.Interval = (ushort)Math.Min(interval, MostDelay);
            }
            else if (gap > RtoJiffies)
            {
                // The sender has paused for long: it may be waiting for its window.
                AddQuickAcks(AckState.MaximumQuick);
            }
        }

        _lastDataReceived = now;
        _lastArrival = _context.Now.Nanoseconds;
        CheckCongestionMark(segment);
        if (segment.PayloadLength >= SmallSegment)
        {
            GrowReceiveWindow(packet, segment.PayloadLength, isQueued: true);
        }
    }

    // Less than this lets no window grow.
    private const int SmallSegment = 128;

    private void AddQuickAcks(int most)
    {
        uint segments = _receiveWindow / (uint)Math.Max(1, 2 * _ack.PeerSegment);
        _ack.Quick = Math.Max(_ack.Quick, (int)Math.Min(segments == 0 ? 2 : segments, (uint)most));
    }

    private void EnterQuickAck(int most = AckState.MaximumQuick)
    {
        AddQuickAcks(most);
        _ack.PingPong = 0;
        _ack.Interval = (ushort)LeastDelay;
    }

    /// <summary>Sends the ACK that is owed, now or later. Linux: __tcp_ack_snd_check.</summary>
    private void AcknowledgeIfNeeded()
    {
        if (!_ack.Scheduled || State is TcpState.Close or TcpState.TimeWait || _isFinished)
        {
            return;
        }

        bool two = _receiveNext - _windowUpdated > _ack.PeerSegment
            && (_receiveNext - _readNext < Options.ReceiveLowWater || SelectWindow() >= _receiveWindow);
        if (two || IsQuickAck || _ack.Now)
        {
            SendAck();
        }
        else if (EarlyPackets == 0)
        {
            StartDelayedAck();
        }
        else
        {
            CompressAck();
        }
    }

    /// <summary>A duplicate ACK: the first ones leave at once, later ones are gathered for a moment.</summary>
    private void CompressAck()
    {
        if (!_hasSack || _ack.Compressed >= _context.Sysctls.TcpCompSackNr)
        {
            SendAck();
            return;
        }

        if (_ack.DuplicatesOf != _receiveNext)
        {
            _ack.DuplicatesOf = _receiveNext;
            _ack.Duplicates = 0;
        }

        if (_ack.Duplicates < AckState.PromptDuplicates)
        {
            _ack.Duplicates++;
            SendAck();
            return;
        }

        _ack.Compressed++;
        if (_ack.Compressed == 1)
        {
            long roundTrip = Math.Min(_space.RoundTrip, _rtt.HasSample ? _rtt.Smoothed : long.MaxValue);
            long wait = Math.Min(_context.Sysctls.TcpCompSackDelayNs, roundTrip * 1000 / 20);
            _compressedUntil = _context.Now.Nanoseconds + Math.Max(wait, 1);
            _tcp.Timers.Precise.Arm(new Time.Instant(_compressedUntil), Handle, Time.PreciseTimerKind.CompressedAck);
        }
    }

    // The moment until which duplicate ACKs are gathered.
    private long _compressedUntil;

    /// <summary>A moment is over that duplicate ACKs may be gathered for: that of this connection, or of one before it.
    /// Linux: tcp_compressed_ack_kick.</summary>
    internal void OnCompressedAckTimer()
    {
        if (_compressedUntil == _context.Now.Nanoseconds && State != TcpState.Close)
        {
            SendCompressedAck();
        }
    }

    /// <summary>Sends what was gathered. Linux: tcp_sack_compress_send_ack.</summary>
    private void SendCompressedAck()
    {
        if (_ack.Compressed > 0)
        {
            // Since one of them is sent now, it is not counted.
            _context.Mib.Count(Counter.TcpExtTCPAckCompressed, _ack.Compressed - 1);
            _ack.Compressed = 0;
            SendAck();
        }
    }

    /// <summary>Every segment carries the ACK that was owed. Linux: tcp_event_ack_sent.</summary>
    private void AfterAckSent()
    {
        if (_ack.Compressed > 0)
        {
            _context.Mib.Count(Counter.TcpExtTCPAckCompressed, _ack.Compressed);
            _ack.Compressed = 0;
            _compressedUntil = 0;
        }

        if (_ack.Scheduled && _ack.Quick > 0 && --_ack.Quick == 0)
        {
            _ack.Interval = (ushort)LeastDelay;
        }

        _ack.Settle();
        if (_delayedAckTimer >= 0)
        {
            _tcp.Timers.Wheel.Cancel(_delayedAckTimer);
        }
    }

    /// <summary>Linux: tcp_send_delayed_ack.</summary>
    private void StartDelayedAck()
    {
        int least = LeastDelay;
        int most = MostDelay;
        int wait = _ack.Interval;
        if (wait > least)
        {
            int limit = IsPingPong || _ack.Pushed ? most : _context.Clock.Hz / 2;
            if (_rtt.HasSample)
            {
                limit = (int)Math.Min(limit, Math.Max(_context.Clock.FromMicroseconds(_rtt.Smoothed), least));
            }

            wait = Math.Min(wait, limit);
        }

        wait = Math.Min(wait, MostAckDelay);
        int node = Node(ref _delayedAckTimer, TimerKind.DelayedAck);
        if (_tcp.Timers.IsArmed(node))
        {
            // One that runs is not put off; if it is nearly over, it need not be waited for.
            long left = _tcp.Timers.Remaining(node);
            if (left <= wait >> 2)
            {
                SendAck();
                return;
            }

            if (wait >= left)
            {
                return;
            }
        }

        _tcp.Timers.Arm(node, wait);
    }

    // As long as the program allows, and a tick less than the least timeout that the peer may have too. Linux:
    // tcp_delack_max.
    private int MostAckDelay => (int)Math.Min(
        _context.Clock.FromMicroseconds(Options.MostAckDelay),
        Math.Max(1, _context.Clock.FromMicroseconds(MinimumVariation) - 1));

    /// <summary>Linux: tcp_delack_timer_handler.</summary>
    internal void OnDelayedAckTimer()
    {
        if (State is TcpState.Close or TcpState.Listen)
        {
            return;
        }

        if (_ack.Compressed > 0)
        {
            SendCompressedAck();
            return;
        }

        if (!_ack.Scheduled)
        {
            return;
        }

        if (IsPingPong)
        {
            // Nobody answered: the peer waits for the ACK after all.
            _ack.PingPong = 0;
            _ack.Interval = (ushort)LeastDelay;
        }
        else
        {
            _ack.Interval = (ushort)Math.Min(Math.Min(_ack.Interval << 1, RtoJiffies), MostDelay);
        }

        SendAck();
        _context.Mib.Count(Counter.TcpExtDelayedACKs);
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
            bool all = count > 0 && ReceivedMemory == 0
                && (_ack.PushedTwice || (_ack.Pushed && !IsPingPong));
            if (many || all)
            {
                SendAck();
                return;
            }
        }

        if (count <= 0 || IsReadShut)
        {
            return;
        }

        uint left = RemainingWindow;
        if (2 * left <= (uint)_windowLimit)
        {
            uint window = SelectWindow();
            if (window > 0 && window >= 2 * left)
            {
                SendAck();
            }
        }
    }

    /// <summary>TCP_QUICKACK. Linux: __tcp_sock_set_quickack.</summary>
    internal void SetQuickAck(int value)
    {
        if (value == 0)
        {
            EnterPingPongMode();
            return;
        }

        _ack.PingPong = 0;
        if (State is TcpState.Established or TcpState.CloseWait && _ack.Scheduled)
        {
            _ack.Pushed = true;
            AfterRead(1);
            if ((value & 1) == 0)
            {
                EnterPingPongMode();
            }
        }
    }

    /// <summary>Whether ACKs leave at once, as TCP_QUICKACK tells it.</summary>
    internal bool IsQuickAckSet => !IsPingPong;
}
