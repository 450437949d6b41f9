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

    private bool IsPingPong => Ack.PingPong >= _context.Sysctls.TcpPingpongThresh;

    // Linux: tcp_in_quickack_mode.
    private bool IsQuickAck => Ack.Quick > 0 && !IsPingPong;

    private int RtoJiffies => (int)Math.Min(_context.Clock.FromMicroseconds(Rtt.Rto), int.MaxValue);

    /// <summary>Data is sent: soon after data that came, it is an answer. Linux: tcp_event_data_sent.</summary>
    private void NoteAnswer()
    {
        if ((uint)_context.Jiffies - LastDataJiffies < Ack.Interval && Ack.PingPong < byte.MaxValue)
        {
            Ack.PingPong++;
        }
    }

    private int RoomForSacks => TcpSegment.MaximumOptionsLength - SignatureLength
        - (_hasTimestamps ? TcpOptions.TimestampLength : 0);

    // Linux: tcp_established_options.
    private int SackLength => Unread is { Sacks.IsEmpty: false } inbox ? inbox.Sacks.WireLength(RoomForSacks) : 0;

    private void EnterPingPongMode() => Ack.PingPong = (byte)_context.Sysctls.TcpPingpongThresh;

    /// <summary>Guesses the size of the peer's segments, and what share of their memory is data. Linux:
    /// tcp_measure_rcv_mss.</summary>
    private void MeasurePeerSegment(in TcpSegment segment, int cost)
    {
        const int DefaultWithHeader = 536 + TcpSegment.MinimumHeaderLength;
        const int LeastWithHeader = 88 + TcpSegment.MinimumHeaderLength;
        const TcpFlags Remnant = TcpFlags.Fin | TcpFlags.Urg | TcpFlags.Syn | TcpFlags.Psh;
        int length = segment.PayloadLength;
        int size = segment.SegmentSize != 0 ? segment.SegmentSize : length;
        int last = Ack.LastSegment;
        Ack.LastSegment = 0;
        if (size >= Ack.PeerSegment)
        {
            if (size != Ack.PeerSegment)
            {
                MeasureShare(length, cost);
            }

            Ack.PeerSegment = Math.Min(size, AdvertisedPayload);
            Ack.Pushed |= segment.Has(TcpFlags.Psh);
            return;
        }

        // SACK blocks and the like make a full segment shorter: two alike are as good as one.
        int whole = size + segment.HeaderLength;
        if (whole >= DefaultWithHeader || (whole >= LeastWithHeader && !segment.Has(Remnant)))
        {
            int plain = whole - TcpSegment.MinimumHeaderLength - (_hasTimestamps ? TcpOptions.TimestampLength : 0);
            Ack.LastSegment = (ushort)plain;
            if (plain == last)
            {
                Ack.PeerSegment = plain;
                return;
            }
        }

        Ack.PushedTwice |= Ack.Pushed;
        Ack.Pushed = true;
    }

    private void MeasureShare(int length, int cost)
    {
        byte share = (byte)Math.Clamp(((long)length << ShareShift) / cost, 1, byte.MaxValue);
        if (share != _share && _context.Profile.MeasuresPacketShare)
        {
            _share = share;
            SetWindowClamp(WindowFrom(Options.ReceiveBuffer));
            Reading.Space = Math.Min(Reading.Space, _windowLimit);
        }
    }

    /// <summary>Data came in order: how soon must it be acknowledged? Linux: tcp_event_data_recv.</summary>
    private void OnDataEvent(in TcpSegment segment, in ReceivedPacket packet)
    {
        Ack.Scheduled = true;
        MeasurePeerSegment(segment, packet.Cost);
        Reading.MeasureWindow(_receiveNext, _receiveWindow, _context.NowMicroseconds);
        uint now = (uint)_context.Jiffies;
        int least = LeastDelay;
        if (Ack.Interval == 0)
        {
            // The stream begins: the sender's window opens sooner if its first segments are acknowledged at once.
            AddQuickAcks(AckState.MaximumQuick);
            Ack.Interval = (ushort)least;
        }
        else
        {
            int gap = (int)Math.Min(now - LastDataJiffies, int.MaxValue);
            if (gap <= least / 2)
            {
                Ack.Interval = (ushort)((Ack.Interval >> 1) + (least / 2));
            }
            else if (gap < Ack.Interval)
            {
                int interval = Math.Min((Ack.Interval >> 1) + gap, RtoJiffies);
                Ack.Interval = (ushort)Math.Min(interval, MostDelay);
            }
            else if (gap > RtoJiffies)
            {
                // The sender has paused for long: it may be waiting for its window.
                AddQuickAcks(AckState.MaximumQuick);
            }
        }

        LastDataJiffies = now;
        LastArrival = _context.Now.Nanoseconds;
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
        uint segments = _receiveWindow / (uint)Math.Max(1, 2 * Ack.PeerSegment);
        Ack.Quick = Math.Max(Ack.Quick, (int)Math.Min(segments == 0 ? 2 : segments, (uint)most));
    }

    private void EnterQuickAck(int most = AckState.MaximumQuick)
    {
        AddQuickAcks(most);
        Ack.PingPong = 0;
        Ack.Interval = (ushort)LeastDelay;
    }

    /// <summary>Sends the ACK that is owed, now or later. Linux: __tcp_ack_snd_check.</summary>
    private void AcknowledgeIfNeeded()
    {
        if (!Ack.Scheduled || State is TcpState.Close or TcpState.TimeWait || _isFinished)
        {
            return;
        }

        bool two = _receiveNext - _windowUpdated > Ack.PeerSegment
            && (_receiveNext - _readNext < Options.ReceiveLowWater || SelectWindow() >= _receiveWindow);
        if (two || IsQuickAck || Ack.Now)
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
        if (!_hasSack || Ack.Compressed >= _context.Sysctls.TcpCompSackNr)
        {
            SendAck();
            return;
        }

        if (Ack.DuplicatesOf != _receiveNext)
        {
            Ack.DuplicatesOf = _receiveNext;
            Ack.Duplicates = 0;
        }

        if (Ack.Duplicates < AckState.PromptDuplicates)
        {
            Ack.Duplicates++;
            SendAck();
            return;
        }

        Ack.Compressed++;
        if (Ack.Compressed == 1)
        {
            long roundTrip = Math.Min(Reading.RoundTrip, Rtt.HasSample ? Rtt.Smoothed : long.MaxValue);
            long wait = Math.Min(_context.Sysctls.TcpCompSackDelayNs, roundTrip * 1000 / 20);
            CompressedUntil = _context.Now.Nanoseconds + Math.Max(wait, 1);
            _tcp.Timers.Precise.Arm(new Time.Instant(CompressedUntil), Handle, Time.PreciseTimerKind.CompressedAck);
        }
    }

    /// <summary>A moment is over that duplicate ACKs may be gathered for: that of this connection, or of one before it.
    /// Linux: tcp_compressed_ack_kick.</summary>
    internal void OnCompressedAckTimer()
    {
        if (_traffic is not null && CompressedUntil == _context.Now.Nanoseconds && State != TcpState.Close)
        {
            SendCompressedAck();
        }
    }

    /// <summary>Sends what was gathered. Linux: tcp_sack_compress_send_ack.</summary>
    private void SendCompressedAck()
    {
        if (Ack.Compressed > 0)
        {
            // Since one of them is sent now, it is not counted.
            _context.Mib.Count(Counter.TcpExtTCPAckCompressed, Ack.Compressed - 1);
            Ack.Compressed = 0;
            SendAck();
        }
    }

    /// <summary>Every segment carries the ACK that was owed. Linux: tcp_event_ack_sent.</summary>
    private void AfterAckSent()
    {
        if (Ack.Compressed > 0)
        {
            _context.Mib.Count(Counter.TcpExtTCPAckCompressed, Ack.Compressed);
            Ack.Compressed = 0;
            CompressedUntil = 0;
        }

        if (Ack.Scheduled && Ack.Quick > 0 && --Ack.Quick == 0)
        {
            Ack.Interval = (ushort)LeastDelay;
        }

        Ack.Settle();
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
        int wait = Ack.Interval;
        if (wait > least)
        {
            int limit = IsPingPong || Ack.Pushed ? most : _context.Clock.Hz / 2;
            if (Rtt.HasSample)
            {
                limit = (int)Math.Min(limit, Math.Max(_context.Clock.FromMicroseconds(Rtt.Smoothed), least));
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
        Rouse();
        if (State is TcpState.Close or TcpState.Listen)
        {
            return;
        }

        if (Ack.Compressed > 0)
        {
            SendCompressedAck();
            return;
        }

        if (!Ack.Scheduled)
        {
            return;
        }

        if (IsPingPong)
        {
            // Nobody answered: the peer waits for the ACK after all.
            Ack.PingPong = 0;
            Ack.Interval = (ushort)LeastDelay;
        }
        else
        {
            Ack.Interval = (ushort)Math.Min(Math.Min(Ack.Interval << 1, RtoJiffies), MostDelay);
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

        if (Ack.Scheduled)
        {
            bool many = _receiveNext - _windowUpdated > Ack.PeerSegment;
            bool all = count > 0 && ReceivedMemory == 0
                && (Ack.PushedTwice || (Ack.Pushed && !IsPingPong));
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
        Rouse();
        if (value == 0)
        {
            EnterPingPongMode();
            return;
        }

        Ack.PingPong = 0;
        if (State is TcpState.Established or TcpState.CloseWait && Ack.Scheduled)
        {
            Ack.Pushed = true;
            AfterRead(1);
            if ((value & 1) == 0)
            {
                EnterPingPongMode();
            }
        }
    }

    /// <summary>Whether ACKs leave at once, as TCP_QUICKACK tells it.</summary>
    internal bool IsQuickAckSet
    {
        get
        {
            Rouse();
            return !IsPingPong;
        }
    }
}
