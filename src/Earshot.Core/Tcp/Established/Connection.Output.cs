using System;
using Earshot.Core.Congestion;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>What may leave, and when. Linux: tcp_write_xmit, tcp_retransmit_skb, __tcp_send_ack.</summary>
internal sealed partial class Connection
{
    // The payload of the largest super-packet: 64 KB less room for headers. Linux: gso_max_size.
    private const int MaximumSuperSegment = 65535 - 20 - 60;

    // What a packet costs beside its payload when the buffer is sized. Linux: tcp_sndbuf_expand.
    private const int PacketOverhead = 2304;

    /// <summary>Bytes that may be written before a writer must wait. Linux: sk_sndbuf, grown with the window.</summary>
    private int SendLimit
    {
        get
        {
            if (Options.SendBufferLocked)
            {
                return Options.SendBuffer;
            }

            const int LeastPackets = 10;
            long grown = 2L * Math.Max(_congestion.Window, LeastPackets) * (_mss + PacketOverhead);
            int most = Math.Max(Options.SendBuffer, _context.Sysctls.TcpWmem[2]);
            return (int)Math.Clamp(grown, Options.SendBuffer, most);
        }
    }

    private bool HasWriteSpace => _sendBuffer.Length * 3L <= SendLimit * 2L;

    /// <summary>Queues bytes and sends what may leave. Linux: tcp_sendmsg.</summary>
    /// <returns>The bytes taken, or a negated errno.</returns>
    internal int Write(ReadOnlySpan<byte> bytes, MessageFlags flags = MessageFlags.None)
    {
        _ = flags;
        if (IsOpening)
        {
            return -Errno.EAGAIN;
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

        int room = SendLimit - _sendBuffer.Length;
        if (room <= 0)
        {
            return -Errno.EAGAIN;
        }

        int count = Math.Min(room, bytes.Length);
        if (_packetsOut == 0 && _sendBuffer.Length == 0)
        {
            RestartIfIdle();
        }

        _sendBuffer.Append(bytes[..count], _context.Buffers);
        _writeSeq += count;
        Push(force: false);
        return count;
    }

    /// <summary>After a pause the old window may be wrong. Linux: tcp_cwnd_restart.</summary>
    private void RestartIfIdle()
    {
        long rto = _rtt.Rto * 1000;
        long idle = _context.Now.Nanoseconds - _lastSent - rto;
        if (_lastSent == 0 || idle <= 0 || _context.Sysctls.TcpSlowStartAfterIdle == 0)
        {
            return;
        }

        int least = Math.Min(_context.Profile.InitialWindow, _congestion.Window);
        _congestion.Threshold = Math.Max(_congestion.Threshold, (_congestion.Window * 3L / 4) is var t
            && t < int.MaxValue ? (int)t : int.MaxValue);
        while (idle > 0 && _congestion.Window > least)
        {
            _congestion.Window >>= 1;
            idle -= rto;
        }

        _congestion.Window = Math.Max(_congestion.Window, least);
    }

    /// <summary>Sends new data as far as windows and Nagle allow.</summary>
    /// <param name="force">Whether Nagle is overridden: the last byte shall leave.</param>
    private void Push(bool force)
    {
        if (IsOpening || State == TcpState.Close || _isFinished)
        {
            return;
        }

        int unsent;
        bool limitedByWindow = false;
        while ((unsent = _writeSeq - _nxt) > 0 || (_finQueued && _nxt == _writeSeq))
        {
            int packets = _congestion.Window - PacketsInFlight;
            if (packets <= 0)
            {
                limitedByWindow = true;
                break;
            }

            int length = Fit(Math.Max(unsent, 0), packets, force);
            if (length < 0)
            {
                break;
            }

            bool fin = _finQueued && length == Math.Max(unsent, 0);
            if (!SendNew(length, fin))
            {
                return;
            }
        }

        AfterPush(limitedByWindow);
    }

    private void AfterPush(bool limitedByWindow)
    {
        _windowLimited = limitedByWindow || PacketsInFlight >= _congestion.Window;
        if (_una > _mostPacketsOutEnd || _packetsOut > _mostPacketsOut)
        {
            // One window's memory of how much of it was used.
            _mostPacketsOut = _packetsOut;
            _mostPacketsOutEnd = _nxt;
        }

        if (_packetsOut == 0 && _sendBuffer.Length > 0 && !_tcp.Timers.IsArmed(_writeTimer))
        {
            ArmWriteTimer(Math.Max(_rtt.Rto, RttEstimator.MinimumMicroseconds));
        }
    }

    /// <summary>How many bytes the next segment carries: -1 when none may leave. Linux: tcp_snd_wnd_test,
    /// tcp_nagle_test.</summary>
    private int Fit(int unsent, int packets, bool force)
    {
        int window = (int)(_una.Value + _sendWindow - _nxt.Value);
        if (unsent == 0)
        {
            // The FIN alone takes one number of the window.
            return window >= 1 || _packetsOut == 0 ? 0 : -1;
        }

        if (Math.Min(unsent, _mss) > window)
        {
            return -1;
        }

        int length = Math.Min(unsent, _mss);
        if ((_route.Offload & InterfaceOffload.Segmentation) != 0 && unsent > _mss)
        {
            int burst = Math.Min(packets, Math.Max(_congestion.Window / 2, 1));
            length = Math.Min(Math.Min(unsent, window), Math.Min(burst * _mss, MaximumSuperSegment / _mss * _mss));
            if (length < unsent || length % _mss != 0)
            {
                // Only the stream's end may be less than a full segment, and Nagle has a say in that.
                int whole = length / _mss * _mss;
                length = length < unsent || !MayLeave(force) ? whole : length;
            }
        }

        return length % _mss == 0 || length < unsent || MayLeave(force) ? length : -1;
    }

    /// <summary>Nagle and Minshall: whether a segment that is not full may leave.</summary>
    private bool MayLeave(bool force) =>
        force || _finQueued || Options.NoDelay || _packetsOut == 0 || _una >= _smallEnd;

    private bool SendNew(int length, bool fin)
    {
        SeqNumber seq = _nxt;
        bool last = seq + length == _writeSeq;
        TcpFlags flags = TcpFlags.Ack | (fin ? TcpFlags.Fin : TcpFlags.None);
        if (length > 0 && (last || length > _mss || (uint)(seq + length - _pushed) > _maximumWindow >> 1))
        {
            flags |= TcpFlags.Psh;
            _pushed = seq + length;
        }

        if (!SendData(seq, length, flags))
        {
            BlockUntilRoom();
            return false;
        }

        ref SentSegment piece = ref _sent.Add(_tcp.SentSegments);
        piece = default;
        piece.Seq = seq;
        piece.End = seq + length + (fin ? 1 : 0);
        piece.SentNanoseconds = _context.Now.Nanoseconds;
        piece.SegmentSize = (ushort)_mss;
        piece.Packets = piece.PacketsOf(length);
        piece.Flags = (fin ? SentFlags.Fin : SentFlags.None)
            | ((flags & TcpFlags.Psh) != 0 ? SentFlags.Push : SentFlags.None);
        bool first = _packetsOut == 0;
        _packetsOut += piece.Packets;
        _nxt = piece.End;
        if (length % _mss != 0)
        {
            _smallEnd = piece.End;
        }

        _context.Mib.Count(Counter.TcpOutSegs, piece.Packets);
        _context.Mib.Count(Counter.TcpExtTCPOrigDataSent, piece.Packets);
        EnterPingPong();
        if (first)
        {
            ArmWriteTimer(_rtt.Rto);
        }

        return true;
    }

    private void EnterPingPong()
    {
        long sinceData = (_context.Now.Nanoseconds - _lastDataReceived) / 1_000_000;
        if (_lastDataReceived != 0 && sinceData < _ack.Interval)
        {
            _ack.PingPong = true;
        }
    }

    private void BlockUntilRoom()
    {
        if (!_isBlocked)
        {
            _isBlocked = true;
            _tcp.Block(this);
        }
    }

    /// <summary>The queue that was full has room.</summary>
    internal void OnUnblocked()
    {
        _isBlocked = false;
        if (!_isFinished && State != TcpState.Close)
        {
            if (_recovery is RecoveryState.Recovery or RecoveryState.Loss)
            {
                RetransmitLost();
            }

            Push(force: false);
        }
    }

    /// <summary>Sends what is lost as far as the window allows, then new data.</summary>
    private void RetransmitLost()
    {
        for (int i = 0; i < _sent.Count && PacketsInFlight < _congestion.Window; i++)
        {
            if (_sent[i].Has(SentFlags.Lost) && !_sent[i].Has(SentFlags.Retransmitted) && !Retransmit(i))
            {
                return;
            }
        }

        if (_lost == 0 || PacketsInFlight < _congestion.Window)
        {
            Push(force: false);
        }
    }

    private void RetransmitFirst()
    {
        if (_sent.Count > 0)
        {
            Retransmit(0);
        }
    }

    /// <summary>Sends a piece again, cut to the present MSS. Linux: __tcp_retransmit_skb.</summary>
    private bool Retransmit(int index)
    {
        int length = _sent[index].PayloadLength;
        if (length > _mss)
        {
            Cut(index, _mss);
            length = _mss;
        }

        ref SentSegment piece = ref _sent[index];
        TcpFlags flags = TcpFlags.Ack | (piece.Has(SentFlags.Push) ? TcpFlags.Psh : TcpFlags.None)
            | (piece.Has(SentFlags.Fin) ? TcpFlags.Fin : TcpFlags.None);
        if (!SendData(piece.Seq, length, flags))
        {
            BlockUntilRoom();
            return false;
        }

        if (_firstRetransmission == 0)
        {
            _firstRetransmission = _context.Now.Nanoseconds;
        }

        if (!piece.Has(SentFlags.Retransmitted))
        {
            piece.Flags |= SentFlags.Retransmitted;
            _retransmitted += piece.Packets;
        }

        _tally.BytesAgain += length;
        piece.Flags |= SentFlags.EverRetransmitted;
        piece.SentNanoseconds = _context.Now.Nanoseconds;
        _totalRetransmissions++;
        _context.Mib.Count(Counter.TcpRetransSegs);
        _context.Mib.Count(
            _recovery == RecoveryState.Loss ? Counter.TcpExtTCPSlowStartRetrans : Counter.TcpExtTCPFastRetrans);
        return true;
    }

    /// <summary>Parts a piece after so many bytes. Linux: tcp_fragment.</summary>
    private void Cut(int index, int bytes)
    {
        SentSegment rest = _sent[index];
        Forget(ref _sent[index]);
        rest.Seq += bytes;
        rest.SegmentSize = (ushort)_mss;
        rest.Packets = rest.PacketsOf(rest.PayloadLength);
        ref SentSegment head = ref _sent[index];
        head.End = rest.Seq;
        head.SegmentSize = (ushort)_mss;
        head.Packets = head.PacketsOf(bytes);
        head.Flags &= ~(SentFlags.Fin | SentFlags.Push);
        int packets = head.Packets + rest.Packets;
        _packetsOut += packets;
        _lost += head.Has(SentFlags.Lost) ? packets : 0;
        _retransmitted += head.Has(SentFlags.Retransmitted) ? packets : 0;
        _sent.InsertAfter(index, rest, _tcp.SentSegments);
    }

    private bool SendData(SeqNumber seq, int length, TcpFlags flags)
    {
        _sendBuffer.Peek(seq - _una, length, out ReadOnlySpan<byte> first, out ReadOnlySpan<byte> second);
        if (!Send(seq, flags, first, second, length > _mss ? _mss : 0))
        {
            return false;
        }

        _lastSent = _context.Now.Nanoseconds;
        return true;
    }

    /// <summary>Sends an ACK that carries nothing.</summary>
    /// <remarks>Differs from Linux: only these tell SACK blocks, segments with data do not (docs/deviations.md,
    /// D2).</remarks>
    private void SendAck()
    {
        Span<byte> blocks = stackalloc byte[SackHistory.Length(SackHistory.Limit)];
        int length = 0;
        if (_receiveBuffer.RangeCount > 0 && _hasSack)
        {
            int most = _hasTimestamps ? SackHistory.Limit - 1 : SackHistory.Limit;
            length = _sacks.Write(blocks, most, _receiveBuffer, ReadNext, _outOfOrderFin);
        }

        if (Send(_nxt, TcpFlags.Ack, blocks[..length], default, 0, (byte)length))
        {
            _context.Mib.Count(Counter.TcpOutSegs);
        }
    }

    private bool Send(
        SeqNumber seq,
        TcpFlags flags,
        ReadOnlySpan<byte> first,
        ReadOnlySpan<byte> second,
        int segmentSize,
        byte optionsInPayload = 0)
    {
        var fields = new TcpFields
        {
            SourcePort = _tuple.Local.Port,
            DestinationPort = _tuple.Remote.Port,
            Seq = seq,
            Ack = _receiveNext,
            Flags = flags,
            WindowField = PromiseWindow(),
            OptionsInPayload = optionsInPayload,
            Options = new TcpOptions
            {
                HasTimestamp = _hasTimestamps,
                TsVal = _context.TimestampClock + _tsOffset,
                TsEcr = _tsRecent,
            },
        };
        AfterAckSent();
        return Transmit(fields, first, second, segmentSize);
    }

    private bool Transmit(
        in TcpFields fields, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, int segmentSize)
    {
        var ip = new IpFields(
            _tuple.Local.Address, _tuple.Remote.Address, IpPacket.ProtocolTcp, _identification,
            Options.TosTo(_tuple.Remote.Address),
            _tcp.Output.Ttl(Options.HopsTo(_tuple.Remote.Address), _tuple.Remote.Address),
            Options.DontFragment && !_route.IsMtuLocked,
            _flowLabel);
        int segments = segmentSize == 0 ? 1 : (first.Length + second.Length + segmentSize - 1) / segmentSize;
        _identification += (ushort)segments;
        int bytes = first.Length + second.Length;
        _tally.Out += segments;
        _tally.DataOut += bytes > 0 ? segments : 0;
        _tally.BytesSent += bytes;
        return _tcp.Output.Ip.SendTcp(_route, ip, fields, first, second, segmentSize);
    }

    /// <summary>Every segment carries the ACK that was owed. Linux: tcp_event_ack_sent.</summary>
    private void AfterAckSent()
    {
        if (_ack.Scheduled)
        {
            if (_ack.Quick > 0 && --_ack.Quick == 0)
            {
                _ack.Interval = AckState.MinimumMilliseconds;
            }

            _ack.Scheduled = _ack.Now = _ack.Pushed = _ack.PushedTwice = false;
            if (_delayedAckTimer >= 0)
            {
                _tcp.Timers.Wheel.Cancel(_delayedAckTimer);
            }
        }
    }

    /// <summary>Sends our SYN, or the SYN-ACK of a simultaneous open. Linux: tcp_syn_options.</summary>
    private void SendSyn()
    {
        // A SYN-ACK for a SYN that crossed ours is our SYN again, with all its options.
        bool answer = State == TcpState.SynRecv;
        var fields = new TcpFields
        {
            SourcePort = _tuple.Local.Port,
            DestinationPort = _tuple.Remote.Port,
            Seq = _iss,
            Ack = answer ? _receiveNext : default,
            Flags = answer ? TcpFlags.Syn | TcpFlags.Ack : TcpFlags.Syn,
            WindowField = (ushort)Math.Min(_receiveWindow, ushort.MaxValue),
            Options = new TcpOptions
            {
                Mss = (ushort)_advertisedMss,
                HasTimestamp = _context.Sysctls.TcpTimestamps != 0,
                TsVal = _context.TimestampClock + _tsOffset,
                TsEcr = _tsRecent,
                SackPermitted = _context.Sysctls.TcpSack != 0,
                HasWindowScale = _context.Sysctls.TcpWindowScaling != 0,
                WindowScale = _receiveScale,
            },
        };
        Transmit(fields, default, default, 0);
    }
}
