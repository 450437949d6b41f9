using System;
using System.Numerics;
using Earshot.Core.Congestion;
using Earshot.Core.Tcp.Established.Sending;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>What a program writes: where pieces begin and end, and how much of it is taken. Linux: tcp_sendmsg,
/// tcp_push.</content>
internal sealed partial class Connection
{
    // The payload of the largest super-packet: 64 KB less the room that a kernel keeps for headers. Linux:
    // sk_gso_max_size.
    private const int MaximumSuperSegment = 65536 - 321;

    private bool _isUrgent;
    private bool _nagleOverride;
    private bool _lacksSpace;

    /// <summary>Memory that written data takes until it is acknowledged. Linux: sk_wmem_queued.</summary>
    private long WriteMemory => _traffic is null ? 0
        : SendBuffer.Length + (Sent.Count > 0 ? Sent.First.Acknowledged : 0)
            + ((long)PacketCost * (Sent.Count + Unsent.Count));

    /// <summary>Bytes written and never sent. Linux: tcp_notsent_bytes.</summary>
    private uint UnsentLength => (uint)Math.Max(0, _writeSeq - _nxt);

    private uint UnsentLimit => Options.UnsentLimit != 0 ? Options.UnsentLimit : _context.Sysctls.TcpNotsentLowat;

    /// <summary>Whether another piece may begin. Linux: sk_stream_memory_free.</summary>
    private bool HasMemory => WriteMemory < Options.SendBuffer && UnsentLength < UnsentLimit;

    /// <summary>Whether there is a place that bytes would be copied to.</summary>
    internal bool HasWriteRoom => HasMemory || (_traffic is not null && Unsent.Count > 0
        && (Unsent.Tail.Flags & (UnsentFlags.EndOfRecord | UnsentFlags.Fin)) == 0
        && TailLength < SizeGoal(CurrentMss));

    /// <summary>Whether poll() says that the socket can be written to. Linux: sk_stream_is_writeable.</summary>
    private bool HasWriteSpace => WriteMemory * 3 <= Options.SendBuffer * 2L && WriteMemory < Options.SendBuffer
        && (ulong)UnsentLength << 1 < UnsentLimit;

    /// <summary>Whether urgent data is not acknowledged. Linux: tcp_urg_mode.</summary>
    private bool IsUrgent => _isUrgent && UrgentEnd > _una;

    /// <summary>What keeps small segments back. Linux: tp-&gt;nonagle.</summary>
    private Nagle Nagling => (Options.NoDelay ? Nagle.Off : Nagle.On) | (Options.Cork ? Nagle.Cork : Nagle.On)
        | (_nagleOverride ? Nagle.Push : Nagle.On);

    /// <summary>Queues bytes and sends what may leave. Linux: tcp_sendmsg_locked.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="flags">MSG_MORE, MSG_EOR, MSG_OOB; others do nothing here.</param>
    /// <returns>The bytes taken, or a negated errno.</returns>
    internal int Write(ReadOnlySpan<byte> bytes, MessageFlags flags = MessageFlags.None)
    {
        Rouse();
        if (IsOpening)
        {
            return IsDeferred ? WriteDeferred(bytes) : -Errno.EAGAIN;
        }

        if (Error != 0)
        {
            return -TakeError();
        }

        if (IsWriteShut || State is not (TcpState.Established or TcpState.CloseWait or TcpState.SynRecv))
        {
            return -Errno.EPIPE;
        }

        if (bytes.Length == 0)
        {
            return 0;
        }

        NoteAppLimited();
        bool urgent = (flags & MessageFlags.Urgent) != 0;
        int mss = CurrentMss;
        int goal = urgent ? mss : SizeGoal(mss);
        int copied = Queue(bytes, flags, mss, goal, urgent);
        if (copied > 0)
        {
            PushWritten(flags, mss, goal, Nagling);
        }

        if (copied < bytes.Length)
        {
            _lacksSpace = true;
        }

        return copied > 0 ? copied : -Errno.EAGAIN;
    }

    // The first write after a connect() that put its SYN off. Linux: tcp_sendmsg_fastopen.
    private int WriteDeferred(ReadOnlySpan<byte> bytes)
    {
        int taken = BeginHandshake(fastOpen: true, bytes);
        return taken > 0 ? taken : -Errno.EINPROGRESS;
    }

    /// <summary>Room for bytes that are to be written.</summary>
    /// <returns>The bytes taken.</returns>
    private int Queue(ReadOnlySpan<byte> bytes, MessageFlags flags, int mss, int goal, bool urgent)
    {
        int copied = 0;
        while (true)
        {
            int room = Unsent.Count > 0 && (Unsent.Tail.Flags & (UnsentFlags.EndOfRecord | UnsentFlags.Fin)) == 0
                ? goal - TailLength : 0;
            if (room <= 0)
            {
                if (!HasMemory)
                {
                    if (copied > 0)
                    {
                        PushWritten(flags & ~MessageFlags.More, mss, goal, Nagle.Push);
                    }

                    return copied;
                }

                _nagleOverride = false;
                RestartIfIdle();
                StartBusy();
                Unsent.Add(_writeSeq, _tcp.UnsentPieces);
                room = goal;
            }

            int count = Math.Min(room, bytes.Length - copied);
            SendBuffer.Append(bytes.Slice(copied, count), _context.Buffers);
            ref UnsentPiece tail = ref Unsent.Tail;
            if (copied == 0)
            {
                tail.Flags &= ~UnsentFlags.Push;
            }

            _writeSeq += count;
            tail.End = _writeSeq;
            copied += count;
            if (copied == bytes.Length)
            {
                tail.Flags |= (flags & MessageFlags.EndOfRecord) != 0 ? UnsentFlags.EndOfRecord : UnsentFlags.None;
                return copied;
            }

            if (TailLength < goal || urgent)
            {
                continue;
            }

            if (IsPushDue)
            {
                MarkPush();
                PushPending(mss, Nagle.Push);
            }
            else if (Unsent.Count == 1)
            {
                SendQueued(mss, Nagle.Push, SendMode.One);
            }

            _context.PassPieceTime();
        }
    }

    /// <summary>Bytes of the newest piece.</summary>
    private int TailLength => Unsent.Tail.End - (Unsent.Count == 1 ? _nxt : Unsent.TailStart);

    /// <summary>Whether more than half of the largest window was written since the last PSH. Linux:
    /// forced_push.</summary>
    private bool IsPushDue => _writeSeq > _pushed + (_maximumWindow >> 1);

    private void MarkPush()
    {
        Unsent.Tail.Flags |= UnsentFlags.Push;
        _pushed = _writeSeq;
    }

    /// <summary>The end of a write. Linux: tcp_push.</summary>
    private void PushWritten(MessageFlags flags, int mss, int goal, Nagle nagle)
    {
        if (Unsent.Count == 0)
        {
            return;
        }

        bool more = (flags & MessageFlags.More) != 0;
        if (!more || IsPushDue)
        {
            MarkPush();
        }

        if ((flags & MessageFlags.Urgent) != 0)
        {
            _isUrgent = true;
            UrgentEnd = _writeSeq;
        }

        if (!IsAutoCorked(goal))
        {
            PushPending(mss, more ? Nagle.Cork : nagle);
        }
    }

    /// <summary>Our FIN ends the newest piece, or is one of its own. Linux: tcp_send_fin.</summary>
    private void AddFin()
    {
        if (Unsent.Count == 0)
        {
            Unsent.Add(_writeSeq, _tcp.UnsentPieces);
        }

        Unsent.Tail.Flags |= UnsentFlags.Fin;
    }

    private void ForgetSending()
    {
        Unsent.Clear(_tcp.UnsentPieces);
        Sender = default;
        _isUrgent = _nagleOverride = _lacksSpace = _isPaced = false;
        PaceTimer = 0;
    }

    /// <summary>TCP_NODELAY was set: what waits leaves. Linux: __tcp_sock_set_nodelay.</summary>
    internal void StopDelaying()
    {
        Rouse();
        _nagleOverride = true;
        Push(force: false);
    }

    /// <summary>TCP_CORK was cleared: what waits leaves. Linux: __tcp_sock_set_cork.</summary>
    internal void Uncork()
    {
        Rouse();
        _nagleOverride |= Options.NoDelay;
        Push(force: false);
    }

    /// <summary>TCP_NOTSENT_LOWAT was set: there may be space now. Linux: sk_stream_write_space.</summary>
    internal void TellSpace()
    {
        if (!IsOpening && HasWriteSpace && _lacksSpace)
        {
            _lacksSpace = false;
            Notify(PollMask.Out | PollMask.WriteNormal);
        }
    }

    /// <summary>How large a piece grows. Linux: tcp_xmit_size_goal.</summary>
    private int SizeGoal(int mss) => Key is not null
        ? mss : Math.Max(BoundToHalfWindow(MaximumSuperSegment) / mss, 1) * mss;

    /// <summary>Never more than half of the largest window seen, so that two fit; a tiny window is not cut into pieces.
    /// Linux: tcp_bound_to_half_wnd.</summary>
    private int BoundToHalfWindow(int length)
    {
        const int SmallWindow = 536;
        const int LeastIpMtu = 68;
        uint half = _maximumWindow > SmallWindow ? _maximumWindow >> 1 : _maximumWindow;
        return half > 0 && half < length
            ? Math.Max((int)half, LeastIpMtu - TcpSegment.MinimumHeaderLength
                - (_hasTimestamps ? TcpOptions.TimestampLength : 0)) : length;
    }

    /// <summary>After a pause the old window may be wrong. Linux: tcp_slow_start_after_idle_check,
    /// tcp_cwnd_restart.</summary>
    private void RestartIfIdle()
    {
        if (_packetsOut > 0 || LastSent == 0 || _context.Sysctls.TcpSlowStartAfterIdle == 0)
        {
            return;
        }

        long rto = _context.Clock.FromMicroseconds(Rtt.Rto);
        long idle = _context.Jiffies - _context.Clock.At(new Time.Instant(LastSent));
        if (idle <= rto || (Algorithm.Traits & CongestionTraits.ControlsWindow) != 0)
        {
            return;
        }

        Algorithm.OnEvent(Congestion, CongestionEvent.WindowRestart);
        int least = Math.Min(_context.Profile.InitialWindow, Control.Window);
        Control.Threshold = KeptThreshold;
        for (idle -= rto; idle > 0 && Control.Window > least; idle -= rto)
        {
            Control.Window >>= 1;
        }

        Control.Window = Math.Max(Control.Window, least);
        Sender.WindowStamp = (uint)_context.Jiffies;
        Sender.WindowUsed = 0;
    }

    /// <summary>The threshold that remembers the window. Linux: tcp_current_ssthresh.</summary>
    private int KeptThreshold => _recovery is RecoveryState.Cwr or RecoveryState.Recovery
        ? Control.Threshold
        : Math.Max(Control.Threshold, (Control.Window >> 1) + (Control.Window >> 2));

    /// <summary>The buffer grows with the window, unless the program chose its size. Linux:
    /// tcp_sndbuf_expand.</summary>
    private void ExpandSendBuffer()
    {
        if (Options.SendBufferLocked)
        {
            return;
        }

        const int LeastPackets = 10;
        const int PacketDescriptor = 256;
        long packet = BitOperations.RoundUpToPowerOf2((uint)(Math.Max(_peerMss, _mss) + HeadersLength));
        long packets = Math.Max(Math.Max(Control.Window, LeastPackets), Reordering + 1);
        long grown = Algorithm.SendBufferFactor * packets * (packet + PacketDescriptor);
        if (grown > Options.SendBuffer)
        {
            SharedOptions.GrowSendBuffer(ref _options, (int)Math.Min(grown, _context.Sysctls.TcpWmem[2]));
        }
    }

    /// <summary>Memory was freed: a writer that found none may go on. Linux: tcp_check_space.</summary>
    private void CheckSpace()
    {
        if (Sender.Chrono != Chrono.None && Unsent.Count == 0 && Sent.Count == 0)
        {
            StopChrono(Sender.Chrono);
        }

        if (!_lacksSpace)
        {
            return;
        }

        if (PacketsInFlight < Control.Window)
        {
            ExpandSendBuffer();
        }

        if (HasWriteSpace)
        {
            _lacksSpace = false;
            Notify(PollMask.Out | PollMask.WriteNormal);
            EndSpaceLimit();
        }
    }
}
