using System.Runtime.CompilerServices;
using Earshot.Core.Congestion;
using Earshot.Core.Ip;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Tcp.Listening;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>A connection and its state machine: the TCB. Linux: struct tcp_sock.</summary>
/// <remarks>
/// The parts: <c>Connection.Open.cs</c> how it begins, <c>.Input.cs</c> segments, <c>.Ack.cs</c> acknowledgments and
/// recovery, <c>.Congestion.cs</c> what the congestion control is told, <c>.Data.cs</c> received data and ACK policy,
/// <c>.Output.cs</c> sending, <c>.Timers.cs</c>,
/// <c>.Close.cs</c>.
/// </remarks>
internal sealed partial class Connection
{
    private readonly TcpLayer _tcp;
    private readonly StackContext _context;

    // Who and where.
    private FourTuple _tuple;
    private uint _tag;
    private Route _route;
    private bool _isInTable;

    // The listener at which it waits to be accepted, then the socket; null: an orphan's.
    private object? _holder;
    private ushort _listenerId;
    private ushort _identification;
    private uint _flowLabel;
    private int _hold;

    // What was agreed on.
    private bool _hasTimestamps;
    private bool _hasWindowScale;
    private bool _hasSack;
    private bool _hasEcn;
    private bool _hasSeenEcn;
    private bool _isPredicting;
    private bool _echoesCongestion;
    private bool _isFromCookie;
    private byte _sendScale;
    private byte _receiveScale;
    private ushort _peerMss;
    private ushort _mss;
    private ushort _advertisedMss;
    private uint _tsOffset;
    private uint _tsRecent;

    // Sending. Linux: snd_una, snd_nxt, write_seq, snd_wnd, snd_wl1, max_window.
    private SeqNumber _iss;
    private SeqNumber _una;
    private SeqNumber _nxt;
    private SeqNumber _writeSeq;
    private SeqNumber _wl1;
    private SeqNumber _smallEnd;
    private SeqNumber _pushed;
    private uint _sendWindow;
    private uint _maximumWindow;
    private bool _finQueued;

    // Recovery and the congestion window.
    private RecoveryState _recovery;
    private WriteTimer _pending;
    private bool _owesCwr;
    private int _packetsOut;
    private int _sacked;
    private int _lost;
    private int _retransmitted;
    private bool _windowLimited;

    // Receiving. Linux: rcv_nxt, copied_seq, rcv_wup, rcv_wnd, rcv_ssthresh, window_clamp, scaling_ratio.
    private SeqNumber _irs;
    private SeqNumber _receiveNext;
    private SeqNumber _readNext;
    private SeqNumber _windowUpdated;
    private uint _receiveWindow;
    private int _receiveLimit;
    private int _windowLimit;
    private byte _share = FirstShare;
    private bool _finReceived;


    // Timers: nodes of TcpTimers, made when first used.
    private int _writeTimer = -1;
    private int _delayedAckTimer = -1;
    private int _keepaliveTimer = -1;

    private ushort _error;
    private ushort _softError;
    private bool _isBlocked;
    private bool _isFinished;
    private bool _isFinRead;

    // It was closed with the FIN unread, which its row goes on to show.
    private bool _isFinLeft;

    internal Connection(TcpLayer tcp)
    {
        _tcp = tcp;
        _context = tcp.Context;
    }

    /// <summary>Its handle in the socket table.</summary>
    internal int Handle { get; set; } = -1;

    internal ref readonly FourTuple Tuple => ref _tuple;

    internal TcpState State { get; private set; } = TcpState.Close;

    /// <summary>The socket that a program holds; null while it waits to be accepted, and of an orphan.</summary>
    internal ITcpOwner? Owner
    {
        get => _holder is Listener ? null : Unsafe.As<ITcpOwner?>(_holder);
        private set
        {
            // Who has none is no orphan while a listener has it.
            if (value is not null || _holder is not Listener)
            {
                _holder = value;
            }
        }
    }

    // The listener at which it waits to be accepted.
    private Listener? Waited => _holder as Listener;

    private SharedOptions _options = SharedOptions.None;

    /// <summary>The socket's options; those of an accepted connection began as its listener's.</summary>
    internal ref readonly SocketOptions Options => ref _options.Value;

    /// <summary>The options, as it may have them in common with others.</summary>
    internal SharedOptions OptionsHeld => _options;

    /// <summary>The options, to be changed; what <see cref="Options"/> gave before may be old then.</summary>
    internal ref SocketOptions ChangeOptions() => ref SharedOptions.Own(ref _options);

    /// <summary>The pending error as a positive errno, told once.</summary>
    internal int Error
    {
        get => _error;
        set => _error = (ushort)value;
    }

    /// <summary>An ICMP error that did not end the connection; told by SO_ERROR, or in place of ETIMEDOUT.</summary>
    internal int SoftError
    {
        get => _softError;
        set => _softError = (ushort)value;
    }

    /// <summary>Whether this side receives no more: shutdown(SHUT_RD), or the peer's FIN.</summary>
    internal bool IsReadShut { get; private set; }

    /// <summary>Whether this side sends no more.</summary>
    internal bool IsWriteShut { get; private set; }

    /// <summary>The headers of the SYN that it began with, for TCP_SAVED_SYN; null: not kept, or read.</summary>
    internal byte[]? SavedSyn
    {
        get => _extras?.SavedSyn;
        set
        {
            if (value is not null || _extras is not null)
            {
                Extras.SavedSyn = value;
            }
        }
    }

    /// <summary>Bytes, SYN and FIN that are not acknowledged. Linux: write_seq - snd_una.</summary>
    internal int UnacknowledgedBytes => IsOpening
        ? 0 : (_writeSeq - _una) + (_finQueued ? 1 : 0);

    /// <summary>Bytes and FIN that were not sent yet. Linux: write_seq - snd_nxt.</summary>
    internal int UnsentBytes => IsOpening ? 0 : (_writeSeq - _nxt) + (_finQueued ? 1 : 0);

    /// <summary>The sequence number that bytes are numbered from: of what is written next, or of what is acknowledged
    /// next.</summary>
    internal uint NumberOrigin(bool written) => written ? _writeSeq.Value : _una.Value;

    /// <summary>Whether a write would take bytes, were there room.</summary>
    internal bool IsWritable => !IsOpening && Error == 0 && !IsWriteShut
        && State is TcpState.Established or TcpState.CloseWait or TcpState.SynRecv;

    /// <summary>Whether the peer's FIN has come and nothing before it is left to read.</summary>
    internal bool IsEndRead => _finReceived && ReadableBytes == 0;

    /// <summary>Whether no request stood behind it: its handshake was kept in a cookie.</summary>
    internal bool IsFromCookie => _isFromCookie;

    /// <summary>When it entered its listener's accept queue.</summary>
    internal Time.Instant QueuedAt { get; set; }

    private int PacketsInFlight => _packetsOut - (_sacked + _lost) + _retransmitted;

    private bool IsOrphan => _holder is null;

    /// <summary>Gives the connection to a program: accept(), or connect() at its start.</summary>
    internal void Adopt(ITcpOwner owner)
    {
        Owner = owner;
    }

    /// <summary>Waits for accept() at another listener from now on.</summary>
    internal void Migrate(Listener listener) => _holder = listener;

    /// <summary>Payload bytes of a full segment. Linux: tcp_current_mss.</summary>
    internal int SegmentSize => _mss;

    /// <summary>What the socket is ready for. Linux: tcp_poll.</summary>
    internal PollMask Poll()
    {
        PollMask mask = PollMask.None;
        if ((IsReadShut && IsWriteShut) || State == TcpState.Close)
        {
            mask |= PollMask.Hup;
        }

        if (IsReadShut)
        {
            mask |= PollMask.In | PollMask.ReadNormal | PollMask.ReadHup;
        }

        if (!IsOpening)
        {
            if (IsReadable)
            {
                mask |= PollMask.In | PollMask.ReadNormal;
            }

            if (Urgent is { State: UrgentState.Valid })
            {
                mask |= PollMask.Pri;
            }

            if (IsWriteShut || HasWriteSpace)
            {
                mask |= PollMask.Out | PollMask.WriteNormal;
            }
            else
            {
                // Whoever asks wants to be told when there is some. Linux: SOCK_NOSPACE.
                _lacksSpace = true;
            }
        }

        if (IsDeferred)
        {
            mask |= PollMask.Out | PollMask.WriteNormal;
        }

        return Error != 0 ? mask | PollMask.Err : mask;
    }

    /// <summary>Makes a used connection new. Only what holds memory or is looked at before it is set needs
    /// care.</summary>
    internal void Clean()
    {
        ForgetReceived();
        ForgetSending();
        ForgetSent();
        StopTimers();
        ForgetTraffic();
        _tcp.Timers.Forget(_writeTimer);
        _tcp.Timers.Forget(_delayedAckTimer);
        _holder = null;
        _extras = null;
        _isFinished = false;
        Error = SoftError = 0;
        IsReadShut = IsWriteShut = false;
        _isPredicting = _finQueued = _finReceived = _hasSeenEcn = _echoesCongestion = false;
        _share = FirstShare;
        _recovery = RecoveryState.Open;
        _pending = WriteTimer.None;
        _owesCwr = false;
        _listenerId = 0;
        _isFinRead = _isFinLeft = false;
        _maximumWindow = _sendWindow = _receiveWindow = 0;
        _tsRecent = _tsOffset = 0;
        _windowLimited = false;
        _hasTimestamps = _hasWindowScale = _hasSack = _hasEcn = _isFromCookie = false;
        _sendScale = _receiveScale = 0;
        State = TcpState.Close;
    }

    /// <summary>Checks what must always hold. Costs a walk over the pieces in flight: for simulations.</summary>
    internal void CheckInvariants()
    {
        Rouse();
        int packets = 0;
        int sacked = 0;
        int lost = 0;
        int retransmitted = 0;
        SeqNumber next = State == TcpState.SynSent ? _una + 1 : _una;
        for (int i = 0; i < Sent.Count; i++)
        {
            ref SentSegment piece = ref Sent[i];
            Invariant.Check(piece.Seq == next && piece.End > piece.Seq, "pieces in flight follow one another");
            // Pieces that the peer told of and that became one count as they did before.
            Invariant.Check(piece.Packets >= piece.PacketsOf(piece.PayloadLength), "a piece knows its packets");
            next = piece.End;
            packets += piece.Packets;
            sacked += piece.Has(SentFlags.Sacked) ? piece.Packets : 0;
            lost += piece.Has(SentFlags.Lost) ? piece.Packets : 0;
            retransmitted += piece.Has(SentFlags.Retransmitted) ? piece.Packets : 0;
        }

        Invariant.Check(packets == _packetsOut, "packets out are those in flight");
        retransmitted += KnownLoss?.CountedTwice ?? 0;
        Invariant.Check(lost == _lost && retransmitted == _retransmitted, "marks and their counts agree");
        Invariant.Check(!_hasSack || sacked == _sacked, "what was told of and its count agree");
        Invariant.Check(_sacked + _lost <= _packetsOut, "no more is lost or delivered than was sent");
        Invariant.Check(_packetsOut == 0 || next == _nxt, "the newest piece ends at SND.NXT");
        if (State is TcpState.Established or TcpState.CloseWait)
        {
            Invariant.Check(_una <= _nxt && _nxt <= _writeSeq + 1, "SND.UNA, SND.NXT and the end of data are in order");
            Invariant.Check(_writeSeq - _una == SendBuffer.Length, "what is not acknowledged is still held");
            Invariant.Check(
                _packetsOut == 0 || _tcp.Timers.IsArmed(_writeTimer) || _isBlocked, "data in flight has a timer");
        }
    }

    private void SetState(TcpState state)
    {
        if (_context.Observer is not null && state != State)
        {
            _context.Observe(_tuple, State, state, _listenerId);
        }

        MoveTo(state);
    }

    private void MoveTo(TcpState state)
    {
        bool was = State is TcpState.Established or TcpState.CloseWait;
        bool now = state is TcpState.Established or TcpState.CloseWait;
        if (was != now)
        {
            _context.Mib.Count(Counter.TcpCurrEstab, now ? 1 : -1);
            if (was && state == TcpState.Close)
            {
                _context.Mib.Count(Counter.TcpEstabResets);
            }
        }

        State = state;
    }

    private void Judge(in TcpSegment segment, RuleId rule, uint a = 0) => _context.Judge(segment, rule, a);

    private void Judge(RuleId rule, uint a = 0, uint b = 0) => _context.Judge(_tuple, new Verdict(rule, a, b));

    private void Notify(PollMask changed)
    {
        Owner?.OnReadiness(changed);
    }
}
