using System;
using Earshot.Core.Congestion;
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
        _sender.PaceNanoseconds = Math.Max(_sender.PaceNanoseconds, _context.Now.Nanoseconds);
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
