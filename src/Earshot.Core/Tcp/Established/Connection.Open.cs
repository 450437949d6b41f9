using System;
using Earshot.Core.Congestion;
using Earshot.Core.Ip;
using Earshot.Core.Tcp.Listening;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>How a connection begins: from a request, or by connect().</summary>
internal sealed partial class Connection
{
    // Linux: TCP_MSS_DEFAULT, of either version.
    private const uint LeastMss = 536;

    /// <summary>The MSS of a peer that named none. RFC 9293 §3.7.1.</summary>
    internal static ushort DefaultMss(in InetAddress address) => (ushort)(address.IsIPv4 ? 536 : 1220);

    /// <summary>Takes a request over. Linux: tcp_create_openreq_child, tcp_v4_syn_recv_sock.</summary>
    internal void OpenFromRequest(
        in ConnectionRequest request, Listener listener, in TcpSegment segment, in Route route, uint tag)
    {
        Begin(segment.Tuple, tag, route, listener.ChildOptions());
        if (_context.Sysctls.TcpReflectTos != 0)
        {
            ReflectTos(request.Tos, segment.Source.IsIPv4);
        }

        _holder = listener;
        _listenerId = listener.Id;
        Tally.In = 1;

        // Until something of ours was acknowledged: a FIN that leaves alone tells nothing of the path.
        Sender.AppLimited = uint.MaxValue;
        Tally.IsFastOpen = request.Has(RequestFlags.FastOpen);
        if (_context.Observer is not null && (request.Flags & (RequestFlags.Cookie | RequestFlags.FastOpen)) != 0)
        {
            // Nobody has heard of it: no request was kept.
            _context.Observe(_tuple, TcpState.None, TcpState.SynRecv, _listenerId);
        }

        _isInTable = true;
        _hold = _tcp.Ports.Add(_tuple.Local.Port, PortOwner.Of(_tuple.Local.Address, Options));
        _iss = new SeqNumber(request.Isn);
        _irs = new SeqNumber(request.PeerIsn);
        _una = _nxt = _writeSeq = _smallEnd = _pushed = request.SendNext;
        _receiveNext = _windowUpdated = request.ReceiveNext;
        _wl1 = _irs;
        _hasTimestamps = request.Has(RequestFlags.Timestamps);
        _tsOffset = request.TsOffset;
        SetRecentTimestamp(request.TsRecent);
        _hasSack = request.Has(RequestFlags.Sack);
        _hasEcn = request.Has(RequestFlags.Ecn);
        BeginAccurate(request, segment);
        TakeHeaders(request);
        _isFromCookie = request.Has(RequestFlags.Cookie);
        _hasWindowScale = request.Has(RequestFlags.WindowScale);
        if (_hasWindowScale)
        {
            _sendScale = request.PeerWindowScale;
            _receiveScale = request.OwnWindowScale;
        }

        _sendWindow = (uint)segment.WindowField << _sendScale;
        _maximumWindow = _sendWindow;
        StartReceiving(
            (int)request.WindowBytes,
            Math.Min(ushort.MaxValue << request.OwnWindowScale, listener.ClampOf(request)));
        _peerMss = request.Mss;
        SetMss();
        TotalRetransmissions = request.Retransmissions;
        State = TcpState.SynRecv;
        IsReadShut = Options.ReadShut;
        IsWriteShut = Options.WriteShut;

        // Only a SYN-ACK that was sent once gives a sample: of others it is not known which one was answered.
        if (request.Retransmissions == 0 && (request.Flags & (RequestFlags.Cookie | RequestFlags.FastOpen)) == 0)
        {
            uint elapsed = (uint)_context.NowMicroseconds - request.FirstSentMicroseconds;
            Sample(elapsed);
        }

        bool again = request.Timeouts > 0;
        if (again)
        {
            TakeTimeouts(request);
            again = !IsEchoOfFirst(segment, request);
            Loss.IsSynEchoed = !again;
        }

        StartCongestion(again);
        _readNext = _receiveNext;
        Ack.PeerSegment = AckState.FirstSegment(AdvertisedPayload, _mss, _receiveWindow);
        StartBuffer();
    }

    // The SYN-ACK's timeouts are the connection's. Linux: tcp_create_openreq_child.
    private void TakeTimeouts(in ConnectionRequest request)
    {
        long now = _context.NowMicroseconds;
        uint elapsed = (uint)now - request.FirstSentMicroseconds;
        Loss.TotalTimeouts = request.Timeouts;
        Loss.TimeoutRecoveries = 1;
        Loss.UndoMarker = _iss;
        Loss.HasUndoMarker = true;
        Loss.TimeoutMilliseconds = (uint)((now / 1000) - ((now - elapsed) / 1000));
    }

    // The first SYN-ACK was not lost, and the path is in no trouble. Linux: tcp_try_undo_spurious_syn.
    private bool IsEchoOfFirst(in TcpSegment segment, in ConnectionRequest request)
    {
        if (!_hasTimestamps)
        {
            return false;
        }

        long elapsed = (uint)_context.NowMicroseconds - request.FirstSentMicroseconds;
        TcpOptions.Parse(segment, out TcpOptions options);
        return options.HasTimestamp && options.TsEcr == TimestampAt(_context.Now.Nanoseconds - (elapsed * 1000));
    }

    // The type of service of the SYN, and over IPv6 its traffic class; the listener's ECN bits stay.
    private void ReflectTos(byte syn, bool isIPv4)
    {
        byte tos = isIPv4 ? _tcp.Output.ReflectedTos(syn, Options.Tos) : Options.Tos;
        byte trafficClass = _tcp.Output.ReflectedTos(syn, Options.TrafficClass);
        if (tos != Options.Tos || trafficClass != Options.TrafficClass)
        {
            ref SocketOptions options = ref ChangeOptions();
            options.Tos = tos;
            options.TrafficClass = trafficClass;
        }
    }

    /// <summary>Starts a handshake. Linux: tcp_v4_connect, tcp_connect.</summary>
    /// <param name="tuple">Both ends; nothing has this tuple.</param>
    /// <param name="route">The way.</param>
    /// <param name="options">The socket's options.</param>
    /// <param name="owner">The socket.</param>
    /// <param name="isChosen">Whether connect() chose the port.</param>
    /// <param name="reused">What a TIME_WAIT leaves, or null.</param>
    /// <param name="fastOpen">Whether the SYN is one of Fast Open: MSG_FASTOPEN.</param>
    /// <param name="data">What it may carry then.</param>
    /// <returns>The bytes that the SYN took.</returns>
    internal int Connect(
        in FourTuple tuple, in Route route, SharedOptions options, ITcpOwner owner,
        bool isChosen, (SeqNumber Isn, uint TsRecent)? reused, bool fastOpen = false,
        ReadOnlySpan<byte> data = default)
    {
        Begin(tuple, _tcp.Table.Tag(tuple), route, options);
        Owner = owner;
        _hold = _tcp.Ports.Add(
            tuple.Local.Port, PortOwner.Of(tuple.Local.Address, Options) with { IsChosen = isChosen });
        SeqNumber isn = _tcp.InitialSequence.Next(tuple, _context.Now, out uint offset);
        Sysctls sysctls = _context.Sysctls;
        _tsOffset = _context.Profile.TimestampOffsets && sysctls.TcpTimestamps == 1 ? offset : 0;
        _iss = reused?.Isn ?? isn;
        _tsRecent = reused?.TsRecent ?? 0;
        _una = _iss;
        _writeSeq = _nxt = _smallEnd = _pushed = _iss + 1;

        // Only where a TIME_WAIT left its time stamp, room for the option is taken off. Linux: tcp_connect_init.
        bool stamped = reused is not null && sysctls.TcpTimestamps != 0;
        int segment = _advertisedMss - (stamped ? TcpOptions.TimestampLength : 0);
        ReceiveWindow window = ReceiveWindow.Initial(_context, Options, segment);
        _receiveScale = (byte)window.Scale;
        StartReceiving(window.Bytes, window.Limit);
        Rtt.Rto = InitialRto;
        StartMtuProbing(sysctls.TcpTimestamps != 0);
        AskForEcn(sysctls.TcpEcn);
        SetHeaders(owner.Headers);
        _tcp.Table.Add(_tag, Handle);
        _isInTable = true;
        SetState(TcpState.SynSent);
        return !fastOpen && TryDefer() ? 0 : BeginHandshake(fastOpen, data);
    }

    /// <summary>Sends the first SYN. Linux: tcp_connect.</summary>
    private int BeginHandshake(bool fastOpen, ReadOnlySpan<byte> data)
    {
        _context.Mib.Count(Counter.TcpActiveOpens);
        _context.Mib.Count(Counter.TcpOutSegs);
        Judge(RuleId.ConnectSent);
        LastSent = _context.Now.Nanoseconds;
        FirstRetransmission = _context.Now.Nanoseconds;
        int taken = 0;
        if (fastOpen || Options.FastOpenConnect)
        {
            taken = SendFastOpenSyn(data);
        }
        else
        {
            SendSyn();
        }

        ArmWriteTimer(Rtt.Rto);
        return taken;
    }

    private long InitialRto => _context.Profile.InitialRto.Ticks / TimeSpan.TicksPerMicrosecond;

    private long MaximumRto => Options.MaximumRto > 0
        ? Options.MaximumRto * 1000L : _context.Profile.MaximumRto.Ticks / TimeSpan.TicksPerMicrosecond;

    private uint Flow => ((uint)_tuple.Local.Port << 16) | _tuple.Remote.Port;

    /// <summary>A timeout: another flow label may lead round what is broken. Linux: tcp_rehash.</summary>
    private void Rehash()
    {
        const uint Step = 0x9e3779b9;
        if (_context.Sysctls.Txrehash != 0)
        {
            _context.Mib.Count(Counter.TcpExtTcpTimeoutRehash);
            _flowLabel = _context.FlowLabel(
                _tuple.Local.Address, _tuple.Remote.Address, Flow + (Step * (uint)(Timeouts + 1)));
        }
    }

    private void Begin(in FourTuple tuple, uint tag, in Route route, SharedOptions options)
    {
        Rouse();
        _tuple = tuple;
        _tag = tag;
        _route = route;
        _options = options;
        _identification = (ushort)_context.Identifications.NextUInt32();
        _flowLabel = _context.FlowLabel(tuple.Local.Address, tuple.Remote.Address, Flow);
        _advertisedMss = (ushort)_tcp.AdvertisedMss(route, options.Value);
        LastReceived = _context.Now.Nanoseconds;
        Tally.Begun = _context.Now.Nanoseconds;
        Ack = default;
        LastDataJiffies = (uint)_context.Jiffies;
    }

    private void StartReceiving(int window, int limit)
    {
        _windowLimit = limit;
        _receiveWindow = (uint)window;
        _receiveLimit = window;
    }

    /// <summary>The payload that a full segment of the peer's has; Fast Open leaves the timestamps out of the account
    /// until the third ACK. Linux: advmss.</summary>
    private int AdvertisedPayload => _advertisedMss
        - (_hasTimestamps && !(Tally.IsFastOpen && State is TcpState.Close or TcpState.SynRecv)
            ? TcpOptions.TimestampLength : 0);

    /// <summary>The state in which data begins to be sent.</summary>
    /// <param name="timedOut">Whether a part of the handshake was sent again because of a timer, and not only
    /// because the peer asked again.</param>
    private void StartCongestion(bool timedOut)
    {
        Control = default;
        Control.Threshold = CongestionState.InfiniteThreshold;

        // A handshake that had to be repeated speaks of a path in trouble. Linux: tcp_init_transfer.
        Control.Window = TotalRetransmissions > 1 && timedOut ? 1 : _context.Profile.InitialWindow;
        MostPacketsOutEnd = _nxt;
        StartMtuProbing(_hasTimestamps);
        StartRto();
        StartFromKnown();
        StartAlgorithm();
        ExpandSendBuffer();
        if ((Algorithm.Traits & CongestionTraits.ControlsWindow) == 0)
        {
            UpdatePacing();
        }

        Sender.WindowStamp = (uint)_context.Jiffies;
    }

    private void SetRecentTimestamp(uint value)
    {
        _tsRecent = value;
        TsRecentSeconds = (uint)(_context.Now.Nanoseconds / Time.Instant.NanosecondsPerSecond);
    }

    /// <summary>The payload of a full segment. Linux: tcp_sync_mss.</summary>
    private void SetMss()
    {
        int mss = Math.Min(_route.AdvertisedMss, LargestSegment);
        mss = Math.Max(mss - AddedLength, _context.Sysctls.TcpMinSndMss)
            - (_hasTimestamps ? TcpOptions.TimestampLength : 0) - SignatureLength;
        _mss = (ushort)BoundByProbing(BoundToHalfWindow(mss));
    }

    /// <summary>A segment in SYN_SENT. Linux: tcp_rcv_synsent_state_process.</summary>
    private void OnSynSent(in TcpSegment segment)
    {
        TcpOptions.Parse(segment, out TcpOptions options);
        if (segment.Has(TcpFlags.Ack))
        {
            OnSynSentAck(segment, options);
        }
        else if (segment.Has(TcpFlags.Rst) || !segment.Has(TcpFlags.Syn))
        {
            Tally.Drops++;
            Judge(segment, RuleId.ConnectIgnored);
        }
        else
        {
            OnCrossedSyn(segment, options);
        }
    }

    private void OnSynSentAck(in TcpSegment segment, in TcpOptions options)
    {
        if (segment.Ack <= _una || segment.Ack > _nxt)
        {
            if (Timeouts == 0)
            {
                // The peer has an old connection in mind; once it is reset our SYN will do. Linux: TCP_TIMEOUT_MIN.
                _tcp.Timers.Arm(Node(ref _writeTimer, TimerKind.Write), 2);
            }

            Judge(segment, RuleId.ConnectWrongAck);
            _tcp.Output.Reset(segment, Key);
            return;
        }

        if (options.HasTimestamp && options.TsEcr != 0 && IsUnsentEcho(options.TsEcr))
        {
            _context.Mib.Count(Counter.TcpExtPAWSActive);
            Judge(segment, RuleId.ConnectOldEcho);
            _tcp.Output.Reset(segment, Key);
            return;
        }

        if (segment.Has(TcpFlags.Rst))
        {
            Judge(segment, RuleId.ConnectRefused);
            End(Errno.ECONNREFUSED);
            return;
        }

        if (!segment.Has(TcpFlags.Syn))
        {
            Tally.Drops++;
            Judge(segment, RuleId.ConnectIgnored);
            return;
        }

        Establish(segment, options);
    }

    private bool IsUnsentEcho(uint echo)
    {
        uint now = _context.TimestampClock + _tsOffset;
        uint first = TimestampAt(FirstRetransmission);
        return (int)(echo - first) < 0 || (int)(echo - now) > 0;
    }

    private uint TimestampAt(long nanoseconds) =>
        _context.TimestampAt(new Time.Instant(nanoseconds)) + _tsOffset;

    /// <summary>The SYN-ACK that was waited for. Linux: tcp_finish_connect.</summary>
    private void Establish(in TcpSegment segment, in TcpOptions options)
    {
        bool retransmitted = TotalRetransmissions > 0;
        TakePeerOptions(segment, options);
        _una = segment.Ack;
        BytesAcked = 1;
        Tally.Delivered = 1;
        _tcp.Timers.Stop(_writeTimer);
        if (Timeouts == 0)
        {
            Sample((_context.Now.Nanoseconds - LastSent) / 1000);
        }
        else if (_hasTimestamps && options.TsEcr != 0)
        {
            SampleTimestamp(options.TsEcr);
        }

        bool again = !_hasTimestamps || options.TsEcr != TimestampAt(FirstRetransmission);
        if (KnownLoss is { } loss)
        {
            EndTimeoutEpisode(loss);
            loss.ForgetHints(_una);
        }

        Timeouts = Backoff = 0;
        FirstRetransmission = 0;
        _windowUpdated = _receiveNext;
        LastDataJiffies = (uint)_context.Jiffies;
        StartCongestion(again);
        StartBuffer();
        _isPredicting = _sendScale == 0 && Accurate is null;
        _context.Mib.Count(Counter.TcpExtTCPDelivered);
        Judge(segment, RuleId.ConnectDone);
        SetState(TcpState.Established);
        if (_extras?.ClientOpen is null || !OnFastOpenAnswer(segment, options, retransmitted))
        {
            AcknowledgeHandshake();
        }

        if (Options.KeepAlive)
        {
            SetKeepalive();
        }

        Notify(PollMask.Out | PollMask.WriteNormal);
    }

    /// <summary>The third ACK waits for data of ours if it is likely to come.</summary>
    private void AcknowledgeHandshake()
    {
        if (SendAccurateAck())
        {
            return;
        }

        if (Options.DeferAccept == 0 && !IsPingPong)
        {
            SendAck();
            return;
        }

        EnterQuickAck();
        Ack.Scheduled = true;
        _tcp.Timers.Arm(Node(ref _delayedAckTimer, TimerKind.DelayedAck), MostDelay);
    }

    private void TakePeerOptions(in TcpSegment segment, in TcpOptions options)
    {
        _irs = segment.Seq;
        _receiveNext = _readNext = segment.Seq + 1;
        _wl1 = segment.Seq;
        AgreeOnEcn(segment);
        _hasTimestamps = options.HasTimestamp && _context.Sysctls.TcpTimestamps != 0;
        if (_hasTimestamps)
        {
            SetRecentTimestamp(options.TsVal);
        }

        _hasSack = options.SackPermitted && _context.Sysctls.TcpSack != 0;
        if (options.HasWindowScale && _context.Sysctls.TcpWindowScaling != 0)
        {
            _sendScale = options.WindowScale;
            _hasWindowScale = true;
        }
        else if (segment.Has(TcpFlags.Ack))
        {
            _sendScale = _receiveScale = 0;
            _receiveLimit = Math.Min(_receiveLimit, ushort.MaxValue);
            _windowLimit = Math.Min(_windowLimit, ushort.MaxValue);
        }

        else
        {
            // Linux goes on scaling its own window when SYNs have crossed (docs/linux-facts.md).
            _sendScale = 0;
        }

        // The window of a segment with SYN is never scaled. RFC 7323 §2.2.
        _sendWindow = segment.WindowField;
        _maximumWindow = _sendWindow;
        _peerMss = (ushort)(options.Mss == 0 ? OpeningMss
            : Options.MaximumSegment != 0 ? Math.Min(options.Mss, Options.MaximumSegment) : options.Mss);

        SetMss();
        Ack.PeerSegment = AckState.FirstSegment(AdvertisedPayload, _mss, _receiveWindow);
    }

    /// <summary>Simultaneous open. RFC 9293 §3.5, figure 8.</summary>
    private void OnCrossedSyn(in TcpSegment segment, in TcpOptions options)
    {
        TakePeerOptions(segment, options);
        _windowUpdated = _receiveNext;
        Judge(segment, RuleId.SimultaneousOpen);
        SetState(TcpState.SynRecv);

        // Its number is the SYN's, so the kernel does not count it as a segment sent.
        SendSyn();
    }
}
