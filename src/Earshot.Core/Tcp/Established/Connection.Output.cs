using System;
using Earshot.Core.Congestion;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>What may leave, and when. Linux: tcp_write_xmit, tcp_retransmit_skb, __tcp_send_ack.</summary>
internal sealed partial class Connection
{
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
    private void SendAck()
    {
        if (Send(_nxt, TcpFlags.Ack, default, default, 0))
        {
            _context.Mib.Count(Counter.TcpOutSegs);
        }
    }

    private bool Send(
        SeqNumber seq, TcpFlags flags, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, int segmentSize)
    {
        Span<byte> blocks = stackalloc byte[SackHistory.Length(SackHistory.Limit)];
        int blocksLength = _inbox is { Sacks.IsEmpty: false } inbox ? inbox.Sacks.Write(blocks, RoomForSacks) : 0;
        var fields = new TcpFields
        {
            SourcePort = _tuple.Local.Port,
            DestinationPort = _tuple.Remote.Port,
            Seq = seq,
            Ack = _receiveNext,
            Flags = _echoesCongestion ? flags | TcpFlags.Ece : flags,
            WindowField = PromiseWindow(),
            FurtherOptions = (byte)blocksLength,
            Key = Key,
            Options = new TcpOptions
            {
                HasTimestamp = _hasTimestamps,
                TsVal = _context.TimestampClock + _tsOffset,
                TsEcr = _tsRecent,
            },
        };
        AfterAckSent();
        return Transmit(fields, first, second, segmentSize, blocks[..blocksLength]);
    }

    private bool Transmit(
        in TcpFields fields,
        ReadOnlySpan<byte> first,
        ReadOnlySpan<byte> second,
        int segmentSize,
        ReadOnlySpan<byte> options = default)
    {
        var ip = new IpFields(
            _tuple.Local.Address, _tuple.Remote.Address, IpPacket.ProtocolTcp, _identification,
            (byte)(Options.TosTo(_tuple.Remote.Address) | (_marksEct ? EcnCapable : 0)),
            _tcp.Output.Ttl(Options.HopsTo(_tuple.Remote.Address), _tuple.Remote.Address),
            Options.DontFragment && !_route.IsMtuLocked,
            _flowLabel)
        {
            Mark = Options.Mark,
        };
        int segments = segmentSize == 0 ? 1 : (first.Length + second.Length + segmentSize - 1) / segmentSize;
        _identification += (ushort)segments;
        int bytes = first.Length + second.Length;
        _sender.PaceNanoseconds = Math.Max(_sender.PaceNanoseconds, _context.Now.Nanoseconds);
        _tally.Out += segments;
        _tally.DataOut += bytes > 0 ? segments : 0;
        _tally.BytesSent += bytes;
        if (_isUrgent && IsUrgent && fields.Seq < _urgentEnd)
        {
            return _tcp.Output.Ip.SendTcp(_route, ip, PointToUrgent(fields), first, second, segmentSize, options);
        }

        return _tcp.Output.Ip.SendTcp(_route, ip, fields, first, second, segmentSize, options);
    }

    // A SYN that is sent again asks for nothing that may be in the way. Linux: tcp_ecn_send_syn, tcp_ecn_send_synack.
    private TcpFlags SynFlags(bool answer, bool again)
    {
        if (answer)
        {
            return TcpFlags.Syn | TcpFlags.Ack | (_hasEcn ? TcpFlags.Ece : TcpFlags.None);
        }

        bool asks = _hasEcn && (!again || _context.Sysctls.TcpEcnFallback == 0);
        return asks ? TcpFlags.Syn | TcpFlags.Ece | TcpFlags.Cwr : TcpFlags.Syn;
    }

    /// <summary>Sends our SYN, or the SYN-ACK of a simultaneous open. Linux: tcp_syn_options.</summary>
    private void SendSyn(bool again = false, ReadOnlySpan<byte> data = default, ReadOnlySpan<byte> options = default)
    {
        // A SYN-ACK for a SYN that crossed ours is our SYN again, with all its options.
        bool answer = State == TcpState.SynRecv;
        var fields = new TcpFields
        {
            SourcePort = _tuple.Local.Port,
            DestinationPort = _tuple.Remote.Port,
            Seq = _iss,
            Ack = answer ? _receiveNext : default,
            Flags = SynFlags(answer, again),
            WindowField = (ushort)Math.Min(_receiveWindow, ushort.MaxValue),
            FurtherOptions = (byte)options.Length,
            Key = Key,
            Options = new TcpOptions
            {
                Mss = (ushort)_advertisedMss,
                HasTimestamp = _context.Sysctls.TcpTimestamps != 0 && Key is null,
                TsVal = _context.TimestampClock + _tsOffset,
                TsEcr = _tsRecent,
                SackPermitted = _context.Sysctls.TcpSack != 0,
                HasWindowScale = _context.Sysctls.TcpWindowScaling != 0,
                WindowScale = _receiveScale,
            },
        };
        Transmit(fields, data, default, 0, options);
    }
}
