using System;
using Earshot.Core.Congestion;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>What may leave, and when. Linux: tcp_write_xmit, tcp_retransmit_skb, __tcp_send_ack.</summary>
internal sealed partial class Connection
{
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
        if (!HasRoomFor(1))
        {
            return false;
        }

        SendData(seq, length, flags, _mss, isNew: false);
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
