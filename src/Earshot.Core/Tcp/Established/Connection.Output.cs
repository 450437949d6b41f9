using System;
using System.Runtime.CompilerServices;
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
        Rouse();
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
        if (Send(AcceptableSeq, TcpFlags.Ack, default, default, 0))
        {
            _context.Mib.Count(Counter.TcpOutSegs);
        }
    }

    /// <summary>The number of a segment that carries nothing: inside the window that the peer has told, even if that
    /// shrank; a rest that is smaller than the unit of windows does not count. Linux: tcp_acceptable_seq.</summary>
    private SeqNumber AcceptableSeq
    {
        get
        {
            SeqNumber edge = _una + _sendWindow;
            return edge >= _nxt || (_hasWindowScale && _nxt - edge < 1 << _receiveScale) ? _nxt : edge;
        }
    }

    private bool Send(
        SeqNumber seq, TcpFlags flags, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, int segmentSize)
    {
        Span<byte> blocks = stackalloc byte[SackHistory.Length(SackHistory.Limit)];
        Prepare(seq, flags, blocks, out TcpFields fields);
        if (_echoesCongestion && first.Length == 0)
        {
            AddCounters(ref fields, blocks);
        }

        return Transmit(fields, first, second, segmentSize, blocks[..fields.FurtherOptions]);
    }

    /// <summary>Writes the header of a segment, or of all segments of a super-packet: the window is promised once, and
    /// told in each.</summary>
    /// <param name="seq">The first number.</param>
    /// <param name="flags">The flags.</param>
    /// <param name="blocks">Room for the SACK option, which takes as many bytes of it as the fields say.</param>
    /// <param name="fields">Is written in place: an initializer would build the options elsewhere and copy
    /// them.</param>
    private void Prepare(SeqNumber seq, TcpFlags flags, Span<byte> blocks, out TcpFields fields)
    {
        fields = default;
        fields.SourcePort = _tuple.Local.Port;
        fields.DestinationPort = _tuple.Remote.Port;
        fields.Seq = seq;
        fields.Ack = _receiveNext;
        fields.Flags = flags;
        if (_echoesCongestion)
        {
            Echo(ref fields);
        }

        fields.WindowField = PromiseWindow();
        fields.FurtherOptions = Unread is { Sacks.IsEmpty: false } inbox
            ? (byte)inbox.Sacks.Write(blocks, RoomForSacks) : (byte)0;
        fields.Key = Key;
        fields.Options.HasTimestamp = _hasTimestamps;
        fields.Options.TsVal = _context.TimestampClock + _tsOffset;
        fields.Options.TsEcr = _tsRecent;
        AfterAckSent();
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
            _flowLabel, Options.Mark);
        int segments = segmentSize == 0 ? 1 : (first.Length + second.Length + segmentSize - 1) / segmentSize;
        _identification += (ushort)segments;
        int bytes = first.Length + second.Length;
        Sender.PaceNanoseconds = Math.Max(Sender.PaceNanoseconds, _context.Now.Nanoseconds);
        Tally.Out += (uint)segments;
        Tally.DataOut += bytes > 0 ? (uint)segments : 0u;
        Tally.BytesSent += bytes;
        return _isUrgent && IsUrgent && fields.Seq < UrgentEnd && (fields.Flags & TcpFlags.Urg) == 0
            ? Put(ip, PointToUrgent(fields), first, second, segmentSize, options)
            : Put(ip, fields, first, second, segmentSize, options);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Put(
        in IpFields ip,
        in TcpFields fields,
        ReadOnlySpan<byte> first,
        ReadOnlySpan<byte> second,
        int segmentSize,
        ReadOnlySpan<byte> options)
    {
        return AddedHeaders is { } headers
            ? _tcp.Output.Ip.SendTcpWithHeaders(headers, _route, ip, fields, first, second, options)
            : _tcp.Output.Ip.SendTcp(_route, ip, fields, first, second, segmentSize, options);
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
        TcpFields fields = default;
        fields.SourcePort = _tuple.Local.Port;
        fields.DestinationPort = _tuple.Remote.Port;
        fields.Seq = _iss;
        fields.Ack = answer ? _receiveNext : default;
        fields.Flags = SynFlags(answer, again);
        fields.ReservedBits = (byte)(Accurate is not null && (fields.Flags & TcpFlags.Cwr) != 0 ? 1 : 0);
        fields.WindowField = (ushort)Math.Min(_receiveWindow, ushort.MaxValue);
        fields.FurtherOptions = (byte)options.Length;
        fields.Key = Key;
        fields.Options.Mss = (ushort)_advertisedMss;
        fields.Options.HasTimestamp = _context.Sysctls.TcpTimestamps != 0 && Key is null;
        fields.Options.TsVal = _context.TimestampClock + _tsOffset;
        fields.Options.TsEcr = _tsRecent;
        fields.Options.SackPermitted = _context.Sysctls.TcpSack != 0;
        fields.Options.HasWindowScale = _context.Sysctls.TcpWindowScaling != 0;
        fields.Options.WindowScale = _receiveScale;
        Transmit(fields, data, default, 0, options);
    }
}
