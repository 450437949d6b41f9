using System;
using Earshot.Core.Congestion;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Tcp.Established.Sending;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>Which of what is queued may leave, and in what pieces. Linux: tcp_write_xmit.</content>
internal sealed partial class Connection
{
    /// <summary>Payload bytes of a full segment now: SACK blocks take room. Linux: tcp_current_mss.</summary>
    private int CurrentMss => _mss - SackLength;

    /// <summary>Sends new data as far as windows and Nagle allow. Linux: tcp_data_snd_check.</summary>
    /// <param name="force">Whether Nagle is overridden: the last byte shall leave.</param>
    private void Push(bool force)
    {
        if (Unsent.Count > 0 && !IsOpening && State != TcpState.Close && !_isFinished)
        {
            PushPending(CurrentMss, force ? Nagle.Off : Nagling);
        }

        CheckSpace();
    }

    /// <summary>Linux: __tcp_push_pending_frames.</summary>
    private void PushPending(int mss, Nagle nagle)
    {
        if (SendQueued(mss, nagle, SendMode.All) && !_tcp.Timers.IsArmed(_writeTimer) && _packetsOut == 0)
        {
            // Nothing is in flight that would wake us: a probe has to. Linux: tcp_check_probe_timer.
            ArmWriteTimer(Math.Max(Rtt.Rto, RttEstimator.MinimumMicroseconds));
        }
    }

    /// <summary>Sends pieces of the queue. Linux: tcp_write_xmit.</summary>
    /// <returns>Whether nothing was sent, nothing is in flight, and something waits.</returns>
    private bool SendQueued(int mss, Nagle nagle, SendMode mode)
    {
        int sent = 0;
        int most = 0;
        var limits = default(SendLimits);
        if (KnownMtuProbe is not null && mode == SendMode.All && Unsent.Count > 0)
        {
            int probed = TryProbeMtu(mss);
            if (probed == 0)
            {
                return false;
            }

            sent = Math.Max(0, probed);
        }

        while (Unsent.Count > 0)
        {
            if (IsPaceClosed())
            {
                break;
            }

            int quota = WindowQuota();
            if (quota == 0)
            {
                if (mode != SendMode.Probe)
                {
                    break;
                }

                quota = 1;
            }

            int length = Unsent.Head.End - _nxt;
            if (length > mss || Unsent.Count > 1)
            {
                most = most == 0 ? SuperSegments(mss) : most;
                quota = Math.Min(quota, most);
                length = GrowHead(length, quota * mss);
            }

            length = Allow(length, mss, quota, most, nagle, mode, ref limits);
            if (length < 0 || (IsLinkCounted && IsLinkFull(length, 0)) || !SendNew(length, mss))
            {
                break;
            }

            sent += Sent.Last.Packets;
            if (_lacksSpace && length > mss && PacketsInFlight < Control.Window)
            {
                // Linux sends the rest when the device has taken this piece, and looks for space before.
                ExpandSendBuffer();
            }

            if (mode != SendMode.All)
            {
                break;
            }
        }

        return AfterSending(sent, limits, mode);
    }

    /// <summary>How much of the oldest piece leaves: -1 for nothing.</summary>
    private int Allow(
        int length, int mss, int quota, int most, Nagle nagle, SendMode mode, ref SendLimits limits)
    {
        ref UnsentPiece head = ref Unsent.Head;
        int window = (int)(_una.Value + _sendWindow - _nxt.Value);
        int first = length > mss ? mss : length + (head.Has(UnsentFlags.Fin) ? 1 : 0);
        if (first > window)
        {
            limits.Window = true;
            return -1;
        }

        bool isLast = Unsent.Count == 1;
        if (length <= mss)
        {
            return length == mss || NagleAllows(head, isLast ? nagle : Nagle.Push) ? length : -1;
        }

        if (mode == SendMode.All && ShouldDefer(length, most, mss, window, isLast, ref limits))
        {
            return -1;
        }

        return Math.Min(length, IsUrgent ? mss : SplitPoint(length, mss, quota, window, isLast, nagle));
    }

    /// <summary>Whether a segment that is not full may leave. Linux: tcp_nagle_test.</summary>
    private bool NagleAllows(in UnsentPiece piece, Nagle nagle) =>
        (nagle & Nagle.Push) != 0 || piece.Has(UnsentFlags.Fin) || !NagleHolds(nagle) || IsUrgent;

    /// <summary>Nagle, Minshall and corks. Linux: tcp_nagle_check, tcp_minshall_check.</summary>
    private bool NagleHolds(Nagle nagle) => (nagle & Nagle.Cork) != 0
        || (nagle == Nagle.On && _packetsOut > 0 && _smallEnd > _una && _smallEnd <= _nxt);

    /// <summary>Packets that the window lets out at once: never more than half of it. Linux: tcp_cwnd_test.</summary>
    private int WindowQuota()
    {
        int free = Control.Window - PacketsInFlight;
        return free <= 0 ? 0 : Math.Min(free, Math.Max(Control.Window >> 1, 1));
    }

    /// <summary>Segments that make a super-packet: what about a millisecond carries. Linux: tcp_tso_autosize,
    /// tcp_tso_segs.</summary>
    private int SuperSegments(int mss)
    {
        const int PacingShift = 10;
        Sysctls sysctls = _context.Sysctls;
        long bytes = Pace == 0 ? MaximumSuperSegment : Pace >> PacingShift;
        long shift = Tally.MinimumRtt == 0 ? 32 : Tally.MinimumRtt >> sysctls.TcpTsoRttLog;
        if (shift < 32)
        {
            bytes += MaximumSuperSegment >> (int)shift;
        }

        // The least number that the algorithm wants must still make one packet.
        int segments = (int)Math.Min(bytes, MaximumSuperSegment) / mss;
        segments = Math.Max(segments, Algorithm.MinimumSegments(Congestion, sysctls.TcpMinTsoSegs));
        return Math.Clamp(segments, 1, Math.Max(1, MaximumSuperSegment / mss));
    }

    /// <summary>Takes bytes of the pieces behind into the oldest one, up to a length. Linux: tcp_grow_skb.</summary>
    private int GrowHead(int length, int wanted)
    {
        if (length >= wanted || Unsent.Count < 2 || Unsent.Head.Has(UnsentFlags.EndOfRecord))
        {
            return length;
        }

        ref UnsentPiece head = ref Unsent.Head;
        ref UnsentPiece next = ref Unsent.Second;
        int taken = Math.Min(wanted - length, next.End - head.End);
        head.End += taken;
        if (head.End == next.End)
        {
            head.Flags |= next.Flags;
            Unsent.RemoveSecond(_tcp.UnsentPieces);
        }
        else if (Unsent.Count == 2)
        {
            Unsent.MoveTail(head.End);
        }

        return length + taken;
    }

    /// <summary>Where a super-packet is cut: at the window, and before a last segment that Nagle holds. Linux:
    /// tcp_mss_split_point.</summary>
    private int SplitPoint(int length, int mss, int quota, int window, bool isLast, Nagle nagle)
    {
        int most = mss * quota;
        if (most <= window && !isLast)
        {
            return most;
        }

        int needed = Math.Min(length, window);
        if (most <= needed)
        {
            return most;
        }

        int partial = needed % mss;
        return partial != 0 && NagleHolds(nagle) ? needed - partial : needed;
    }

    /// <summary>Whether to wait for an ACK that lets a larger super-packet out. Linux: tcp_tso_should_defer.</summary>
    private bool ShouldDefer(int length, int most, int mss, int window, bool isLast, ref SendLimits limits)
    {
        const long Recent = 1_000_000;
        const int MostDeferred = 3;
        long now = _context.Now.Nanoseconds;
        if (_recovery >= RecoveryState.Recovery || now - Sender.PaceNanoseconds > Recent || Sent.Count == 0)
        {
            return false;
        }

        int congestion = (Control.Window - PacketsInFlight) * mss;
        int limit = Math.Min(window, congestion);
        if (limit >= most * mss || (!isLast && limit >= length))
        {
            return false;
        }

        int divisor = _context.Sysctls.TcpTsoWinDivisor;
        if (divisor != 0
            ? limit >= Math.Min(_sendWindow, (long)Control.Window * mss) / divisor : limit > MostDeferred * mss)
        {
            return false;
        }

        long rtt = Rtt.Smoothed * 1000;
        if (Sent.First.SentNanoseconds + rtt - now > Math.Min(rtt >> 1, Recent))
        {
            // The ACK is too far away to wait for.
            return false;
        }

        if (congestion < window)
        {
            if (congestion <= length)
            {
                limits.Congestion = true;
                return true;
            }
        }
        else if (window <= length)
        {
            limits.Window = true;
            return true;
        }

        return (Unsent.Head.Flags & (UnsentFlags.Fin | UnsentFlags.EndOfRecord)) == 0;
    }

    /// <summary>Notes what stopped the sending. Linux: the end of tcp_write_xmit.</summary>
    private bool AfterSending(int sent, SendLimits limits, SendMode mode)
    {
        SetWindowLimited(limits.Window);
        bool limited = limits.Congestion || PacketsInFlight >= Control.Window;
        if (sent > 0 || limited)
        {
            ValidateWindow(limited);
        }

        if (sent == 0)
        {
            Live.LastLook = _context.Now.Nanoseconds;
            return _packetsOut == 0 && Unsent.Count > 0;
        }

        AfterNewData(sent, mode);
        return false;
    }

    /// <summary>How much of the window was used. Linux: tcp_cwnd_validate.</summary>
    private void ValidateWindow(bool limited)
    {
        if (_una >= MostPacketsOutEnd || limited || (!_windowLimited && _packetsOut > MostPacketsOut))
        {
            // One window's memory.
            _windowLimited = limited;
            MostPacketsOut = _packetsOut;
            MostPacketsOutEnd = _nxt;
        }

        uint now = (uint)_context.Jiffies;
        if (((ISender)this).IsWindowLimited)
        {
            Sender.WindowUsed = 0;
            Sender.WindowStamp = now;
            return;
        }

        Sender.WindowUsed = Math.Max(Sender.WindowUsed, _packetsOut);
        if (_context.Sysctls.TcpSlowStartAfterIdle != 0
            && (int)(now - Sender.WindowStamp) >= _context.Clock.FromMicroseconds(Rtt.Rto)
            && (Algorithm.Traits & CongestionTraits.ControlsWindow) == 0)
        {
            ShrinkUnusedWindow(now);
        }

        if (Unsent.Count == 0 && _lacksSpace && State is TcpState.Established or TcpState.CloseWait)
        {
            StartChrono(Chrono.BufferLimited);
        }
    }

    /// <summary>A window that the program did not use for a while says nothing. Linux:
    /// tcp_cwnd_application_limited.</summary>
    private void ShrinkUnusedWindow(uint now)
    {
        if (_recovery == RecoveryState.Open && Owner is not null && !_lacksSpace)
        {
            int used = Math.Max(Sender.WindowUsed, _context.Profile.InitialWindow);
            if (used < Control.Window)
            {
                Control.Threshold = KeptThreshold;
                Control.Window = (Control.Window + used) >> 1;
            }

            Sender.WindowUsed = 0;
        }

        Sender.WindowStamp = now;
    }

    /// <summary>Sends so many bytes of the oldest piece. Linux: tcp_event_new_data_sent.</summary>
    private bool SendNew(int length, int mss)
    {
        SeqNumber seq = _nxt;
        UnsentPiece head = Unsent.Head;
        bool whole = seq + length == head.End;
        bool fin = whole && head.Has(UnsentFlags.Fin);
        bool push = whole && head.Has(UnsentFlags.Push);
        TcpFlags flags = TcpFlags.Ack | (fin ? TcpFlags.Fin : TcpFlags.None)
            | (push || length > mss ? TcpFlags.Psh : TcpFlags.None);
        int packets = length <= mss ? 1 : (length + mss - 1) / mss;
        bool wasIdle = PacketsInFlight == 0;
        if (!HasRoomFor(packets))
        {
            BlockUntilRoom();
            return false;
        }

        SendData(seq, length, length > 0 ? flags | TakeCwr() : flags, mss, isNew: true);
        ref SentSegment piece = ref Sent.Add(_tcp.SentSegments);
        piece = default;
        piece.Seq = seq;
        piece.End = seq + length + (fin ? 1 : 0);
        piece.SegmentSize = (ushort)mss;
        piece.Packets = (ushort)packets;
        piece.Flags = (fin ? SentFlags.Fin : SentFlags.None) | (push ? SentFlags.Push : SentFlags.None)
            | (whole && head.Has(UnsentFlags.EndOfRecord) ? SentFlags.EndOfRecord : SentFlags.None);
        StampSent(ref piece);
        if (whole)
        {
            Unsent.RemoveHead(_tcp.UnsentPieces);
        }

        bool first = _packetsOut == 0;
        _packetsOut += packets;
        _nxt = piece.End;
        TellMarks();
        if (length < packets * mss)
        {
            _smallEnd = piece.End;
        }

        _context.Mib.Count(Counter.TcpOutSegs, packets);
        _context.Mib.Count(Counter.TcpExtTCPOrigDataSent, packets);
        if (length > 0)
        {
            NoteDataSent(wasIdle);
        }

        if (first || _pending == WriteTimer.Probe)
        {
            RearmRto();
        }

        return true;
    }

    /// <summary>A write timer sends what fits into a window that is open for less than a segment, as real data. Linux:
    /// tcp_write_wakeup.</summary>
    private bool SendProbePiece(int window)
    {
        int mss = CurrentMss;
        int length = Unsent.Head.End - _nxt;
        bool cut = window < length || length > mss;
        length = cut ? Math.Min(window, Math.Min(length, mss)) : length;
        if (Unsent.Head.End > _pushed)
        {
            _pushed = Unsent.Head.End;
        }

        // Both parts are pushed.
        Unsent.Head.Flags |= UnsentFlags.Push;
        if (cut)
        {
            Unsent.Split(_nxt + length, _tcp.UnsentPieces);
            Unsent.Head.Flags |= UnsentFlags.Push;
        }

        // Nagle does not take it for a small segment.
        SeqNumber small = _smallEnd;
        bool sent = SendNew(length, mss);
        _smallEnd = small;
        return sent;
    }

    /// <summary>What a program's sending means for both directions. Linux: tcp_event_data_sent.</summary>
    private void NoteDataSent(bool wasIdle)
    {
        if (wasIdle)
        {
            Algorithm.OnEvent(Congestion, CongestionEvent.TransmitStart);
        }

        LastSent = _context.Now.Nanoseconds;
        NoteAnswer();
    }

    private struct SendLimits
    {
        internal bool Congestion;
        internal bool Window;
    }
}
