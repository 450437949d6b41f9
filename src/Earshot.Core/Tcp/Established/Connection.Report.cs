using System;
using Earshot.Core.Congestion;
using Earshot.Core.Tcp.Established.Sending;

namespace Earshot.Core.Tcp.Established;

/// <summary>What a connection tells of itself. Linux: get_tcp4_sock, tcp_get_info, sock_diag_put_meminfo.</summary>
internal sealed partial class Connection
{
    // A small packet: its descriptor of 256 bytes and the least room for its head. Linux: SKB_TRUESIZE.
    private const int PacketCost = 832;
    private const int PageLength = 4096;

    // Room before a packet's data and what the kernel keeps behind it. Linux: MAX_TCP_HEADER, skb_shared_info.
    private const int HeadersLength = 576;
    private const int LeastReceiveMss = 88;

    /// <summary>Its line in netstat, and the rest.</summary>
    /// <param name="descriptor">The descriptor that holds it, -1 for none.</param>
    /// <param name="inode">The socket's inode, 0 for none.</param>
    internal SocketRow Row(int descriptor, long inode)
    {
        Rouse();
        bool armed = _tcp.Timers.IsArmed(_writeTimer);
        bool keepalive = !armed && _tcp.Timers.IsArmed(_keepaliveTimer);
        int node = armed ? _writeTimer : _keepaliveTimer;
        if (RowNumber == 0)
        {
            RowNumber = _context.NextSocketNumber();
        }

        return new SocketRow
        {
            State = State,
            Local = _tuple.Local,
            Remote = _tuple.Remote,
            ReceiveQueue = _receiveNext - _readNext + (_isFinLeft ? 1 : 0),
            SendQueue = State is TcpState.SynSent or TcpState.SynRecv && _una == _iss ? 1 : UnacknowledgedBytes,
            Timer = armed ? (IsProbing ? SocketTimer.Probe : SocketTimer.On)
                : keepalive ? SocketTimer.Keepalive : SocketTimer.Off,
            TimerRemaining = armed || keepalive ? Jiffies(_tcp.Timers.Remaining(node)) : TimeSpan.Zero,
            Retransmits = Timeouts,
            Probes = Probes,
            SynCookie = Cookie,
            Descriptor = descriptor,
            IsIpv6 = Options.IsIPv6,
            IsIpv6Only = Options.IPv6Only,
            User = (int)Options.Uid,
            Number = RowNumber,
            Detail = Detail(inode),
        };
    }

    /// <summary>Its entry in the list of an accept queue.</summary>
    internal QueuedConnection Waiting() => new()
    {
        Remote = _tuple.Remote,
        State = State,
        Age = _context.Now - QueuedAt,
        BytesWaiting = ReadableBytes,
        Cookie = Cookie,
    };

    private CookieRemains? Cookie => _isFromCookie
        ? new CookieRemains(_peerMss, _hasTimestamps, _hasWindowScale, _hasSack, _hasEcn) : null;

    private bool IsProbing => _packetsOut == 0 && State is not (TcpState.SynSent or TcpState.SynRecv);

    private SocketDetail Detail(long inode) => new()
    {
        Inode = inode,
        References = 1 + (_tcp.Timers.IsPending(_writeTimer) ? 1 : 0) + (_tcp.Timers.IsArmed(_keepaliveTimer) ? 1 : 0)
            + (_tcp.Timers.IsPending(_delayedAckTimer) ? 1 : 0),
        IsReadShut = IsReadShut,
        IsWriteShut = IsWriteShut,
        QuickAcks = (Ack.Quick << 1) | (IsPingPong ? 1 : 0),
        Memory = Memory(),
        Info = Info(),
    };

    /// <summary>What the data that was written and is not acknowledged costs. Linux: sk_wmem_queued.</summary>
    private long QueuedMemory =>
        WriteMemory + (State is TcpState.SynSent ? PacketCost : 0);

    /// <summary>What its buffers hold. Linux: sk_get_meminfo.</summary>
    internal SocketMemory Memory()
    {
        Rouse();
        long queued = QueuedMemory;
        long received = ReceivedMemory;
        return new SocketMemory
        {
            Received = received,
            ReceiveBuffer = Options.ReceiveBuffer,
            SendBuffer = Options.SendBuffer,
            Reserved = ReservedMemory,
            Queued = queued,
            Drops = Tally.Drops,
        };
    }

    private TcpInfo Info()
    {
        bool opening = State == TcpState.SynSent;
        int mss = opening ? OpeningMss - TimestampCost : _mss;
        int window = opening ? OpeningWindow : Control.Window;
        long pacing = opening || State == TcpState.SynRecv ? 0 : Control.PacingRate;
        return new TcpInfo
        {
            CongestionControl = Algorithm.Name,
            RecoveryState = (int)(opening && Timeouts > 0 ? RecoveryState.Loss : _recovery),
            Timeouts = Timeouts,
            Probes = Probes,
            Backoff = Backoff,
            Options = opening
                ? _hasEcn ? TcpInfoOptions.Ecn : TcpInfoOptions.None : Negotiated(),
            SendScale = opening ? 0 : _sendScale,
            ReceiveScale = opening ? 0 : _receiveScale,
            IsAppLimited = Sender.RateAppLimited || Sender.RateInterval == 0,
            Rto = Jiffies(_context.Clock.FromMicroseconds(Rtt.Rto)),
            Ato = Jiffies(Ack.Interval),
            SendMss = mss,
            ReceiveMss = opening ? LeastReceiveMss : Ack.PeerSegment,
            AdvertisedMss = opening ? _advertisedMss : AdvertisedPayload,
            PathMtu = _route.Mtu,
            Unacknowledged = opening ? 1 + _packetsOut : _packetsOut,
            FastOpenFailure = _extras?.ClientOpen?.Failure ?? 0,
            Sacked = _sacked,
            Lost = opening ? Math.Min(Timeouts, 1) : _lost,
            Retransmitting = opening ? Math.Min(Timeouts, 1) : _retransmitted,
            TotalRetransmissions = TotalRetransmissions,
            Reordering = Reordering,
            CongestionWindow = window,
            SlowStartThreshold = opening ? OpeningThreshold : Control.Threshold,
            Rtt = Microseconds(Rtt.Smoothed),
            RttVariation = Microseconds((Rtt.HasSample ? Rtt.Deviation : FirstDeviation) >> 2),
            MinimumRtt = Microseconds(Tally.MinimumRtt),
            ReceiveThreshold = _receiveLimit,
            ReceiveSpace = opening ? 0
                : Reading.Space,
            ReceiveRtt = Microseconds(opening ? 0 : Reading.RoundTrip),
            SinceDataSent = opening ? Jiffies((uint)_context.Jiffies) : Since(Math.Max(LastSent, Tally.Begun)),
            SinceDataReceived = opening
                ? Jiffies((uint)_context.Jiffies) : Jiffies((uint)_context.Jiffies - LastDataJiffies),
            SinceAckReceived = opening ? Jiffies((uint)_context.Jiffies) : Since(Math.Max(LastReceived, Tally.Begun)),
            PacingRate = pacing,
            MaximumPacingRate = Options.Others is null ? long.MaxValue : LimitOfPace,
            DeliveryRate = DeliveryRate,
            BusyTime = Jiffies(LimitedJiffies(Chrono.Busy)),
            WindowLimitedTime = Jiffies(LimitedJiffies(Chrono.WindowLimited)),
            BufferLimitedTime = Jiffies(LimitedJiffies(Chrono.BufferLimited)),
            BytesSent = Tally.BytesSent,
            BytesRetransmitted = Tally.BytesAgain,
            BytesAcked = (long)BytesAcked,
            BytesReceived = Tally.BytesReceived,
            NotSentBytes = Math.Max(0, _writeSeq + (_finQueued ? 1 : 0) - _nxt),
            SegmentsOut = Tally.Out,
            SegmentsIn = Tally.In,
            DataSegmentsOut = Tally.DataOut,
            DataSegmentsIn = Tally.DataIn,
            Delivered = Tally.Delivered,
            DeliveredWithCe = Tally.DeliveredCe,
            Duplicates = KnownLoss?.Duplicates ?? 0,
            ReorderingSeen = KnownLoss?.ReorderingSeen ?? 0,
            TotalTimeouts = KnownLoss?.TotalTimeouts ?? 0,
            TimeoutRecoveries = KnownLoss?.TimeoutRecoveries ?? 0,
            TimeoutTime = TimeSpan.FromMilliseconds(TimeoutMilliseconds),
            OutOfOrderPackets = Tally.OutOfOrder,
            SendWindow = opening ? 0 : _sendWindow,
            ReceiveWindow = _receiveWindow,
            Accurate = opening ? null : Accurate,
        };
    }

    // An episode that goes on counts up to now. Linux: tcp_get_info, tcpi_total_rto_time.
    private uint TimeoutMilliseconds => KnownLoss is not { } loss ? 0
        : loss.TimeoutMilliseconds + (loss.TimeoutsBegan != 0 ? _context.NowMilliseconds - loss.TimeoutsBegan : 0);

    // Before the peer has told its own: TCP_MAXSEG, else the least that every host takes. Linux: tcp_connect_init.
    private int OpeningMss => Options.MaximumSegment != 0
        ? Options.MaximumSegment : DefaultMss(_tuple.Remote.Address);

    private int TimestampCost => _context.Sysctls.TcpTimestamps != 0 ? Wire.TcpOptions.TimestampLength : 0;

    // A SYN that had to be sent again has cost the window what any loss costs it. Linux: tcp_enter_loss.
    private int OpeningWindow => Timeouts > 0 ? 1 : _context.Profile.InitialWindow;

    private int OpeningThreshold => Timeouts == 0
        ? CongestionState.InfiniteThreshold
        : Reno.HalfOf(_context.Profile.InitialWindow);

    // What the deviation is thought to be before anything was measured, and when the handshake measured nothing. Linux:
    // tcp_init_sock, tcp_init_metrics.
    private long FirstDeviation => State is TcpState.SynSent or TcpState.SynRecv
        ? InitialRto : (long)_context.Profile.FallbackRto.TotalMicroseconds;

    private TcpInfoOptions Negotiated() =>
        (_hasTimestamps ? TcpInfoOptions.Timestamps : TcpInfoOptions.None)
        | (_hasSack ? TcpInfoOptions.Sack : TcpInfoOptions.None)
        | (_hasWindowScale ? TcpInfoOptions.WindowScale : TcpInfoOptions.None)
        | (_hasEcn ? TcpInfoOptions.Ecn : TcpInfoOptions.None)
        | (_hasSeenEcn ? TcpInfoOptions.EcnSeen : TcpInfoOptions.None)
        | (Tally.TookSynData || _extras?.ClientOpen is { IsDataAcknowledged: true }
            ? TcpInfoOptions.SynData : TcpInfoOptions.None);

    private TimeSpan Since(long nanoseconds) =>
        TimeSpan.FromMilliseconds(Math.Max(0, (_context.Now.Nanoseconds - nanoseconds) / 1_000_000));

    private TimeSpan Jiffies(long jiffies) =>
        TimeSpan.FromMicroseconds(jiffies * (double)_context.Clock.TickMicroseconds);

    private static TimeSpan Microseconds(long microseconds) => TimeSpan.FromTicks(microseconds * 10);
}
