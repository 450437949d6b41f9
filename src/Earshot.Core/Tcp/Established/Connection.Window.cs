using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>The window that is offered, and how it grows with what arrives and with what is read. Linux:
/// tcp_select_window, __tcp_select_window, tcp_grow_window, tcp_rcv_space_adjust.</content>
internal sealed partial class Connection
{
    private const int ShareShift = 8;

    // Half of the memory is thought to be data until packets have shown what it is. Linux: TCP_DEFAULT_SCALING_RATIO.
    private const byte FirstShare = 128;

    /// <summary>What is left of the window that was promised.</summary>
    private uint RemainingWindow
    {
        get
        {
            int left = (int)(_windowUpdated.Value + _receiveWindow - _receiveNext.Value);
            return left > 0 ? (uint)left : 0;
        }
    }

    // What the whole buffer and what is left of it are worth. Linux: tcp_full_space, tcp_space.
    private int Space => WindowFrom(Options.ReceiveBuffer);

    private int FreeSpace => WindowFrom(Options.ReceiveBuffer - ReceivedMemory);

    /// <summary>The window that so much memory is worth. Linux: tcp_win_from_space.</summary>
    private int WindowFrom(int memory) => _context.Profile.MeasuresPacketShare
        ? (int)(((long)memory * _share) >> ShareShift) : ReceiveWindow.FromSpace(_context, memory);

    /// <summary>The memory that such a window takes. Linux: tcp_space_from_win.</summary>
    private long MemoryFor(long window) => _context.Profile.MeasuresPacketShare
        ? (window << ShareShift) / _share
        : (window << _context.Profile.WindowShareShift) / ((1L << _context.Profile.WindowShareShift) - 1);

    /// <summary>The window to offer. Linux: __tcp_select_window.</summary>
    private uint SelectWindow()
    {
        int free = FreeSpace;
        int all = Space;
        int full = Math.Min(_windowLimit, all);
        int mss = Math.Min(Ack.PeerSegment, full);
        int unit = 1 << _receiveScale;
        if (mss <= 0)
        {
            return 0;
        }

        bool shrinks = _context.Sysctls.TcpShrinkWindow != 0 && _receiveScale > 0;
        if (shrinks)
        {
            free &= -unit;
        }

        if (free < full >> 1)
        {
            Ack.Quick = 0;
            LimitUnderPressure();
            free &= -unit;
            if (free < all >> 4 || free < mss || (shrinks && free < unit))
            {
                return 0;
            }
        }

        if (free > _receiveLimit)
        {
            free = _receiveLimit;
        }

        if (_receiveScale > 0)
        {
            return (uint)((free + unit - 1) & -unit);
        }

        long window = _receiveWindow;
        if (window <= free - mss || window > free)
        {
            window = free / mss * mss;
        }
        else if (mss == full && free > window + (full >> 1))
        {
            window = free;
        }

        return (uint)window;
    }

    /// <summary>Makes a promise of a window: it never takes back what was promised, unless it is told to. Linux:
    /// tcp_select_window.</summary>
    private ushort PromiseWindow()
    {
        uint old = _receiveWindow;
        if (Ack.NoMemory)
        {
            // The segment before found no memory: nothing more may come, whatever was promised.
            _receiveWindow = 0;
            _windowUpdated = _receiveNext;
            _isPredicting = false;
            return 0;
        }

        uint left = RemainingWindow;
        uint wanted = SelectWindow();
        if (wanted < left && (_context.Sysctls.TcpShrinkWindow == 0 || _receiveScale == 0))
        {
            if (wanted == 0)
            {
                _context.Mib.Count(Counter.TcpExtTCPWantZeroWindowAdv);
            }

            uint unit = 1u << _receiveScale;
            wanted = (left + unit - 1) & (uint)-(int)unit;
        }

        _receiveWindow = wanted;
        _windowUpdated = _receiveNext;
        _isPredicting &= wanted != 0;
        uint most = _receiveScale == 0 && _context.Sysctls.TcpWorkaroundSignedWindows != 0
            ? (uint)short.MaxValue : (uint)ushort.MaxValue << _receiveScale;
        uint field = Math.Min(wanted, most) >> _receiveScale;
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

    /// <summary>TCP_WINDOW_CLAMP, and what follows when the worth of memory changes. Linux:
    /// tcp_set_window_clamp.</summary>
    internal void SetWindowClamp(int clamp)
    {
        Rouse();
        const int Least = 1152;
        clamp = Math.Max(clamp, Least);
        int old = _windowLimit;
        if (clamp == old)
        {
            return;
        }

        _windowLimit = clamp;
        if (clamp < old)
        {
            _receiveLimit = Math.Min(_receiveLimit, clamp);
        }
        else
        {
            _receiveLimit = Math.Max(_receiveLimit, (int)Math.Min(_receiveWindow, (uint)clamp));
        }
    }

    /// <summary>SO_RCVLOWAT was set: the buffer must hold so much. Linux: tcp_set_rcvlowat.</summary>
    internal void OnLowWater()
    {
        Rouse();
        NotifyReadable();
        long memory = MemoryFor(Options.ReceiveLowWater);
        if (!Options.ReceiveBufferLocked && memory > Options.ReceiveBuffer)
        {
            ChangeOptions().ReceiveBuffer = (int)Math.Min(memory, int.MaxValue);
            if (_windowLimit < Options.ReceiveLowWater)
            {
                SetWindowClamp(Options.ReceiveLowWater);
            }
        }
    }

    /// <summary>The most that the window may be. Linux: window_clamp.</summary>
    internal int WindowLimit => _windowLimit;

    /// <summary>The state in which data begins to be received. Linux: tcp_init_buffer_space.</summary>
    private void StartBuffer()
    {
        int all = Space;
        int mss = AdvertisedPayload;
        int appWindow = _context.Sysctls.TcpAppWin;
        if (_windowLimit >= all)
        {
            _windowLimit = all;
            if (appWindow != 0 && all > 4 * mss)
            {
                _windowLimit = Math.Max(all - (all >> appWindow), 4 * mss);
            }
        }

        if (appWindow != 0 && _windowLimit > 2 * mss && _windowLimit + mss > all)
        {
            // One segment of the buffer is kept free.
            _windowLimit = Math.Max(2 * mss, all - mss);
        }

        const int FirstSegments = 10;
        _receiveLimit = Math.Min(_receiveLimit, _windowLimit);
        Reading.Begin(
            (int)Math.Min(Math.Min((long)_receiveLimit, _receiveWindow), FirstSegments * mss), _readNext,
            _context.NowMicroseconds);
    }

    /// <summary>Lets the window grow with what arrives. Linux: tcp_grow_window.</summary>
    /// <param name="packet">What came.</param>
    /// <param name="length">Its payload's bytes.</param>
    /// <param name="isQueued">Whether it is in the queue, where pages count without the head they came in.</param>
    /// <param name="charged">What of the memory that was charged does not count yet.</param>
    private void GrowReceiveWindow(in ReceivedPacket packet, int length, bool isQueued, int charged = 0)
    {
        int free = WindowFrom(Options.ReceiveBuffer - ReceivedMemory + charged);
        int room = Math.Min(_windowLimit, free) - _receiveLimit;
        if (room <= 0)
        {
            return;
        }

        if (_tcp.Memory.IsUnderPressure)
        {
            LimitUnderPressure();
            return;
        }

        // A FIN of its own leaves nothing of its head when it is joined to what lies before.
        int cost = isQueued && length == 0 ? 0
            : packet.Cost - (isQueued && (packet.Marks & ReceivedMarks.InHead) == 0 ? ReceivedPacket.EmptyCost : 0);
        int more = WindowFrom(cost) <= length ? 2 * AdvertisedPayload : SlowGrowth(cost, length);
        if (more > 0)
        {
            _receiveLimit += Math.Min(room, Math.Max(more, 2 * length));
            Ack.Quick |= 1;
        }
    }

    /// <summary>What a window may grow by for packets that waste memory. Linux: __tcp_grow_window.</summary>
    private int SlowGrowth(int cost, int length)
    {
        int worth = WindowFrom(cost) >> 1;
        int window = WindowFrom(_context.Sysctls.TcpRmem[2]) >> 1;
        while (_receiveLimit <= window)
        {
            if (worth <= length)
            {
                return 2 * Ack.PeerSegment;
            }

            worth >>= 1;
            window >>= 1;
        }

        return 0;
    }

    private void LimitUnderPressure()
    {
        if (_tcp.Memory.IsUnderPressure)
        {
            _receiveLimit = Math.Min(_receiveLimit, 4 * AdvertisedPayload);
        }
    }

    /// <summary>After each piece that was read: does the program read faster than the buffer lets the peer send? Linux:
    /// tcp_rcv_space_adjust.</summary>
    private void AdjustReceiveSpace()
    {
        if (!Reading.IsDue(_context.NowMicroseconds))
        {
            return;
        }

        int copied = (_readNext - Reading.Seq) - (_receiveNext - _readNext);
        if (copied > Reading.Space)
        {
            GrowReceiveBuffer(copied);
        }

        Reading.Restart(_readNext, _context.NowMicroseconds);
    }

    private void GrowReceiveBuffer(int copied)
    {
        int old = Math.Max(1, Reading.Space);
        Reading.Space = copied;
        if (_context.Sysctls.TcpModerateRcvbuf == 0 || Options.ReceiveBufferLocked)
        {
            return;
        }

        // The measure is always one round trip late, and a sender in slow start doubles its rate.
        long window = 2L * copied;
        window += 2 * (window * (copied - old) / old);
        if (EarlyPackets > 0)
        {
            window += Unread!.HighestEarly.End - _receiveNext;
        }

        long wanted = Math.Min(MemoryFor(window), _context.Sysctls.TcpRmem[2]);
        if (wanted > Options.ReceiveBuffer)
        {
            ChangeOptions().ReceiveBuffer = (int)wanted;
            _windowLimit = WindowFrom(Options.ReceiveBuffer);
        }
    }

    /// <summary>A sample of the round trip as the receiver sees it: the echo of a time stamp. Linux:
    /// tcp_rcv_rtt_measure_ts.</summary>
    private void MeasureReceiverRoundTrip(in TcpSegment segment, in TcpOptions options)
    {
        if (!options.HasTimestamp || !Reading.TakeEcho(options.TsEcr)
            || segment.SegmentLength < Ack.PeerSegment)
        {
            return;
        }

        int ticks = (int)(_context.TimestampClock + _tsOffset - options.TsEcr);
        if (ticks > 0 && ticks < int.MaxValue / 1000)
        {
            Reading.Sample(ticks * 1000L, isWindow: false, hasUnread: _receiveNext != _readNext);
        }
    }
}
