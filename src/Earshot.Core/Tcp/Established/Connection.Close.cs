using System;
using Earshot.Core.Ip;
using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>How a connection ends. Linux: tcp_close, tcp_shutdown, tcp_disconnect, tcp_reset, tcp_time_wait.</summary>
internal sealed partial class Connection
{
    /// <summary>shutdown(). Linux: inet_shutdown, tcp_shutdown.</summary>
    /// <returns>0, or -ENOTCONN.</returns>
    internal int Shutdown(bool read, bool write)
    {
        Rouse();
        if (State == TcpState.SynSent)
        {
            End(Errno.ECONNRESET, failed: false);
            return 0;
        }

        if (State == TcpState.Close)
        {
            IsReadShut |= read;
            IsWriteShut |= write;
            Notify(PollMask.Hup | PollMask.In | PollMask.Out);
            return -Errno.ENOTCONN;
        }

        IsReadShut |= read;
        if (write && !IsWriteShut)
        {
            IsWriteShut = true;
            if (State is TcpState.Established or TcpState.CloseWait)
            {
                QueueFin();
            }
        }

        Notify(PollMask.In | PollMask.Out | PollMask.ReadHup);
        return 0;
    }

    /// <summary>close() by the program. Linux: tcp_close.</summary>
    internal void Close()
    {
        Rouse();
        bool unread = ReadableBytes > 0;
        IsReadShut = IsWriteShut = true;
        if (State is TcpState.Close)
        {
            Owner = null;
            Leave();
            return;
        }

        if (State == TcpState.SynSent)
        {
            Owner = null;
            SetState(TcpState.Close);
            Leave();
            return;
        }

        ForgetUnread();
        if (unread)
        {
            _context.Mib.Count(Counter.TcpExtTCPAbortOnClose);
            Owner = null;
            SendReset();
            End(0);
            return;
        }

        if (Options.Linger == 0)
        {
            _context.Mib.Count(Counter.TcpExtTCPAbortOnData);
            Owner = null;
            if (NeedsReset)
            {
                SendReset();
            }

            End(0);
            return;
        }

        // A child in SYN_RECV has no timer and would stay for ever; the FIN of a crossed SYN follows its handshake.
        if (State is TcpState.Established or TcpState.CloseWait
            || (State == TcpState.SynRecv && (_una == _nxt || _fastOpen >= 0)))
        {
            QueueFin();
        }

        BecomeOrphan();
    }

    /// <summary>Whether the peer must be told when this ends at once: it may wait for something, be it our FIN alone.
    /// Linux: tcp_disconnect.</summary>
    internal bool NeedsReset => State switch
    {
        TcpState.Established or TcpState.CloseWait or TcpState.FinWait1 or TcpState.FinWait2
            or TcpState.SynRecv => true,
        TcpState.LastAck or TcpState.Closing => _traffic is not null && Unsent.Count > 0,
        _ => false,
    };

    /// <summary>connect(AF_UNSPEC): the peer is reset, the socket can be used again. Linux: tcp_disconnect.</summary>
    internal void Disconnect()
    {
        Rouse();
        if (NeedsReset)
        {
            SendReset();
        }

        IsReadShut = IsWriteShut = true;
        Owner = null;
        if (State == TcpState.Close)
        {
            Leave();
            return;
        }

        SetState(TcpState.Close);
        Leave();
    }

    /// <summary>The listener closed before anyone accepted: the peer is reset. Linux: inet_child_forget.</summary>
    internal void AbortUnaccepted()
    {
        Rouse();
        _holder = null;
        if (State != TcpState.Close)
        {
            SendReset();
            SetState(TcpState.Close);
        }

        Leave();
        _tcp.FinishDeferred();
    }

    /// <summary>An ICMP error that quotes a segment of ours. Linux: tcp_v4_err.</summary>
    internal void OnIcmpError(in DatagramError quoted)
    {
        Rouse();
        IcmpError error = quoted.Message;
        if (error.Ttl < (error.IsIPv6 ? Options.MinimumHopLimit : Options.MinimumTtl))
        {
            _context.Mib.Count(Counter.TcpExtTCPMinTTLDrop);
            Judge(RuleId.SegmentTtl, error.Ttl, error.IsIPv6 ? Options.MinimumHopLimit : Options.MinimumTtl);
            return;
        }

        if (error.Seq < _una || error.Seq > _nxt)
        {
            _context.Mib.Count(Counter.TcpExtOutOfWindowIcmps);
            Judge(RuleId.IcmpOutOfWindow);
            return;
        }

        if (error.IsPathMtu)
        {
            ReducePathMtu(error.Mtu);
            return;
        }

        int errno = error.ErrorNumber;
        if (errno == 0)
        {
            return;
        }

        if (State is TcpState.SynSent or TcpState.SynRecv)
        {
            if (_fastOpen >= 0 && Owner is null)
            {
                // Not accepted yet: its third ACK may still come.
                Judge(RuleId.IcmpSoftError, error.Type, error.Code);
                return;
            }

            Judge(RuleId.ConnectUnreachable, error.Type, error.Code);
            if (!error.IsIPv6 || Options.AsksForErrors)
            {
                // Over IPv4 it is queued whether anybody asks for it or not. Linux: ip_icmp_error, ipv6_icmp_error.
                Owner?.OnQuotedError(quoted);
            }

            End(errno);
            return;
        }

        Judge(RuleId.IcmpSoftError, error.Type, error.Code);
        if (Options.AsksForErrors)
        {
            Error = errno;
            Notify(PollMask.Err);
        }
        else
        {
            SoftError = errno;
        }

        if (error.RevertsBackoff)
        {
            RevertBackoff(error.Seq);
        }
    }

    /// <summary>Linux: tcp_v4_mtu_reduced. What is in flight and too large is sent again at once.</summary>
    private void ReducePathMtu(int mtu)
    {
        const int Headers = 60;
        if (!_tuple.Remote.Address.IsIPv4
            && Math.Min(mtu - Headers, LargestSegment) - (_hasTimestamps ? TcpOptions.TimestampLength : 0) >= _mss)
        {
            // Over IPv6 a message that makes no segment smaller is not believed. Linux: tcp_v6_err.
            return;
        }

        int reduced = _tcp.Routes.LearnMtu(_tuple.Remote.Address, mtu);
        Judge(RuleId.IcmpPathMtu, (uint)reduced);
        if (reduced == 0 || !_tcp.Routes.TryRoute(_tuple.Remote.Address, out Route route))
        {
            return;
        }

        if (reduced >= _route.Mtu)
        {
            // The same path may have become one that packets are cut on: below the least MTU they go without DF.
            _route = route.IsMtuLocked && route.Mtu == _route.Mtu ? route : _route;
            return;
        }

        _route = route;
        if (State == TcpState.SynSent)
        {
            // The SYN goes on; when it is sent again it announces what is left, and data will heed it.
            _advertisedMss = (ushort)Math.Min(_advertisedMss, _tcp.AdvertisedMss(route, Options));
            return;
        }

        // A socket that does not discover path MTUs heeds them in what it sends anew. Linux: ip_sk_accept_pmtu.
        const int Dont = 0, Interface = 4, Omit = 5;
        bool resends = !_tuple.Remote.Address.IsIPv4 || Options.PathMtuDiscovery is not (Dont or Interface or Omit);
        SetMss();
        if (resends)
        {
            // A message does not refresh the connection's clock.
            Traffic traffic = Live;
            traffic.SendsAt = LastEvent;
            _context.ShowTimestampOf(new Instant(traffic.SendsAt));
            ResendTooLarge();
            traffic.SendsAt = 0;
            _context.ShowTimestampOf(_context.Now);
        }
    }

    /// <summary>When a segment or a timer last had to do with the connection, or the program wanted to send, in
    /// nanoseconds. Linux: tcp_mstamp.</summary>
    private long LastEvent => Math.Min(
        _context.Now.Nanoseconds,
        Math.Max(Math.Max(LastReceived, LastArrival), Math.Max(Sender.PaceNanoseconds, Live.LastLook)));

    /// <summary>The connection is over: a RST, a timeout, a refusal. Linux: tcp_done_with_error.</summary>
    private void End(int error, bool failed = true)
    {
        if (State is TcpState.SynSent or TcpState.SynRecv && failed)
        {
            _context.Mib.Count(Counter.TcpAttemptFails);
        }

        Error = error;
        IsReadShut = IsWriteShut = true;
        SetState(TcpState.Close);
        Leave();
        Notify(PollMask.Err | PollMask.Hup | PollMask.In | PollMask.Out | PollMask.ReadHup);
    }

    /// <summary>Leaves the table and stops the timers; once nobody holds it, it is used again.</summary>
    private void Leave()
    {
        if (_fastOpen >= 0)
        {
            ForgetFastOpen(reset: false);
        }

        SendBuffer.Clear(_context.Buffers);
        Unsent.Clear(_tcp.UnsentPieces);
        ForgetSent();
        _una = _nxt = _writeSeq;
        _finQueued = false;
        StopTimers();
        if (_isInTable)
        {
            _isInTable = false;
            _tcp.Table.Remove(_tag, Handle);
        }

        _tcp.Ports.Remove(_hold);
        _hold = 0;
        FinishIfUnheld();
    }

    /// <summary>An option has changed that bind() asks about.</summary>
    internal void Rehold()
    {
        if (_hold != 0)
        {
            bool isChosen = _tcp.Ports.Owner(_hold).IsChosen;
            _tcp.Ports.Remove(_hold);
            _hold = _tcp.Ports.Add(
                _tuple.Local.Port, PortOwner.Of(_tuple.Local.Address, Options) with { IsChosen = isChosen });
        }
    }

    /// <summary>Gives the timer nodes back: the connection will not be used again.</summary>
    internal void FreeTimers()
    {
        _tcp.Timers.FreeNode(ref _writeTimer);
        _tcp.Timers.FreeNode(ref _delayedAckTimer);
        _tcp.Timers.FreeNode(ref _keepaliveTimer);
    }

    private void StopTimers()
    {
        StopTimer(_writeTimer);
        StopTimer(_delayedAckTimer);
        StopTimer(_keepaliveTimer);
    }

    private void StopTimer(int node)
    {
        if (node >= 0)
        {
            _tcp.Timers.Wheel.Cancel(node);
        }
    }

    private void FinishIfUnheld()
    {
        // A connection in the accept queue is held by the listener, also when it has been reset.
        if (IsOrphan && !_isFinished)
        {
            _isFinished = true;
            if (_isOrphan)
            {
                _isOrphan = false;
                _tcp.OrphanCount--;
            }

            _tcp.Finish(this);
        }
    }

    private void QueueFin()
    {
        if (_finQueued)
        {
            return;
        }

        _finQueued = true;
        AddFin();
        SetState(State == TcpState.CloseWait ? TcpState.LastAck : TcpState.FinWait1);
        Push(force: true);
    }

    /// <summary>Our FIN is acknowledged.</summary>
    /// <returns>False when the segment is done with.</returns>
    private bool EnterFinWait2(in TcpSegment segment)
    {
        SetState(TcpState.FinWait2);
        if (!IsOrphan)
        {
            return true;
        }

        if (Options.Linger2 < 0 || ReachesBeyond(segment))
        {
            _context.Mib.Count(Counter.TcpExtTCPAbortOnData);
            Judge(segment, RuleId.SegmentAfterClose);
            _tcp.Output.Reset(segment, Key);
            End(0);
            return false;
        }

        if (segment.Has(TcpFlags.Fin))
        {
            // The peer's FIN is in this segment: it is taken next.
            return true;
        }

        WaitForFin();
        return false;
    }

    /// <summary>An orphan in FIN_WAIT2 waits for a while only.</summary>
    private void WaitForFin()
    {
        if (Options.Linger2 < 0)
        {
            _context.Mib.Count(Counter.TcpExtTCPAbortOnLinger);
            SendReset();
            End(0);
            return;
        }

        TimeSpan time = FinTime;
        if (time > TimeWait.Length)
        {
            _tcp.Timers.Arm(
                Node(ref _keepaliveTimer, TimerKind.Keepalive), _context.Clock.From(time - TimeWait.Length));
            return;
        }

        EnterTimeWait(isFinWait2: true, time);
    }

    /// <summary>How long an orphan waits for the peer's FIN. Linux: tcp_fin_time.</summary>
    private TimeSpan FinTime
    {
        get
        {
            TimeSpan time = TimeSpan.FromSeconds(
                Options.Linger2 > 0 ? Options.Linger2 : _context.Sysctls.TcpFinTimeout);
            TimeSpan least = TimeSpan.FromMicroseconds(Rtt.Rto * 3.5);
            return time < least ? least : time;
        }
    }

    /// <summary>Only the four-tuple stays. Linux: tcp_time_wait.</summary>
    private void EnterTimeWait(bool isFinWait2, TimeSpan lifetime)
    {
        LeaveMetrics();
        var entry = new TimeWaitEntry
        {
            Tuple = _tuple,
            ReceiveNext = _receiveNext,
            SendNext = _nxt,
            WindowBytes = RemainingWindow,
            TsRecent = _tsRecent,
            TsOffset = _tsOffset,
            WindowScale = _receiveScale,
            Tos = Options.TosTo(_tuple.Remote.Address),
            IsFinWait2 = isFinWait2,
            IsIPv6 = Options.IsIPv6,
            HasTimestamps = _hasTimestamps,
            Code = (byte)(Accurate?.Tell() ?? 0),
        };
        PortOwner owner = _tcp.Ports.Owner(_hold);
        if (_tcp.TimeWait.TryEnter(this, _tag, entry, lifetime, owner))
        {
            // The entry has its place in the table from now on.
            _isInTable = false;
        }

        IsReadShut = IsWriteShut = true;
        if (_isInTable)
        {
            SetState(TcpState.Close);
        }
        else
        {
            // The entry goes on in the state that was told when it was made.
            MoveTo(TcpState.Close);
        }

        Leave();
        Notify(PollMask.Hup | PollMask.In | PollMask.Out | PollMask.ReadHup);
    }

    /// <summary>Linux: tcp_send_active_reset.</summary>
    private void SendReset()
    {
        if (Send(AcceptableSeq, TcpFlags.Rst | TcpFlags.Ack, default, default, 0))
        {
            _context.Mib.Count(Counter.TcpOutSegs);
            _context.Mib.Count(Counter.TcpOutRsts);
        }
    }
}
