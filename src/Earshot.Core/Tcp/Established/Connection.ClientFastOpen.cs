using System;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Tcp.Established.Sending;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>The client's side of Fast Open (RFC 7413). Linux: tcp_send_syn_data, tcp_rcv_fastopen_synack.</content>
internal sealed partial class Connection
{
    private const byte KindFastOpen = 34;
    private const byte KindExperimental = 254;
    private const byte Nop = 1;
    private const ushort FastOpenNumber = 0xf989;
    private const int LongestFastOpenOption = 20;
    private const int ClientBit = 1;
    private const int NoCookieBit = 4;

    /// <summary>Whether connect() succeeded and the SYN waits for data.</summary>
    internal bool IsDeferred => _extras?.ClientOpen is { IsDeferred: true };

    /// <summary>Whether data may go into a SYN to a server. Linux: tcp_fastopen_cookie_check.</summary>
    private bool MayCarryData(out FastOpenEntry known)
    {
        known = _tcp.FastOpenCache.Get(_tuple.Local.Address, _tuple.Remote.Address);
        return !_tcp.FastOpenCache.IsSuspended && (HasNoCookieMode || known.CookieLength > 0);
    }

    private bool HasNoCookieMode =>
        (_context.Sysctls.TcpFastopen & NoCookieBit) != 0 || Options.FastOpenNoCookie;

    /// <summary>The SYN is put off if data may go with it. Linux: tcp_fastopen_defer_connect.</summary>
    private bool TryDefer()
    {
        if (!Options.FastOpenConnect || !MayCarryData(out _))
        {
            return false;
        }

        Extras.ClientOpen = new ClientFastOpen { IsDeferred = true };
        return true;
    }

    /// <summary>Sends the SYN of Fast Open, with data if that may be. Linux: tcp_send_syn_data.</summary>
    /// <returns>The bytes that went with it.</returns>
    private int SendFastOpenSyn(ReadOnlySpan<byte> data)
    {
        ClientFastOpen open = Extras.ClientOpen ??= new ClientFastOpen();
        open.IsDeferred = false;
        Span<byte> option = stackalloc byte[LongestFastOpenOption];
        bool suspended = _tcp.FastOpenCache.IsSuspended;
        open.IsTrial = !suspended && _tcp.FastOpenCache.IsOnTrial;
        if (!MayCarryData(out FastOpenEntry known))
        {
            open.Failure = 1;
            open.HasOption = !suspended;
            open.IsExperimental = known.Experiment == 1 || known.IsExperimental;
            known.CookieLength = 0;
            SendSyn(options: suspended ? default : WriteFastOpen(option, open.IsExperimental, known));
            return 0;
        }

        open.HasOption = known.CookieLength > 0;
        open.IsExperimental = known.IsExperimental;
        int mss = known.Mss != 0 ? Math.Min(known.Mss, _advertisedMss) : DefaultMss(_tuple.Remote.Address);
        int length = Math.Min(data.Length, mss - TcpSegment.MaximumOptionsLength);
        if (length > 0)
        {
            QueueSynData(data[..length]);
        }

        open.DataLength = Math.Max(0, length);
        SendSyn(
            data: data[..open.DataLength],
            options: HasNoCookieMode ? default : WriteFastOpen(option, open.IsExperimental, known));
        return open.DataLength;
    }

    // The SYN and its data are two entries of the queue; the SYN alone is sent again.
    private void QueueSynData(ReadOnlySpan<byte> data)
    {
        SendBuffer.Append(data, _context.Buffers);
        ref SentSegment piece = ref Sent.Add(_tcp.SentSegments);
        piece = default;
        piece.Seq = _nxt;
        piece.End = _nxt + data.Length;
        piece.SegmentSize = (ushort)data.Length;
        piece.Packets = 1;
        piece.Flags = SentFlags.Push;
        StampSent(ref piece);
        _packetsOut = 1;
        _writeSeq = _nxt = _pushed = _smallEnd = piece.End;
        _context.Mib.Count(Counter.TcpExtTCPOrigDataSent);
    }

    private static Span<byte> WriteFastOpen(Span<byte> target, bool experimental, in FastOpenEntry known)
    {
        int at = 0;
        target[at++] = experimental ? KindExperimental : KindFastOpen;
        target[at++] = (byte)((experimental ? 4 : 2) + known.CookieLength);
        if (experimental)
        {
            target[at++] = FastOpenNumber >> 8;
            target[at++] = FastOpenNumber & byte.MaxValue;
        }

        UInt128 cookie = known.Cookie;
        for (int i = 0; i < known.CookieLength; i++, cookie >>= 8)
        {
            target[at++] = (byte)cookie;
        }

        while (at % 4 != 0)
        {
            target[at++] = Nop;
        }

        return target[..at];
    }

    /// <summary>A SYN-ACK for a SYN of Fast Open. Linux: tcp_rcv_fastopen_synack.</summary>
    /// <returns>Whether data of the SYN was lost and left again, in place of an ACK.</returns>
    private bool OnFastOpenAnswer(in TcpSegment segment, in TcpOptions options, bool retransmitted)
    {
        ClientFastOpen open = _extras!.ClientOpen!;
        FastOpenEntry? cookie = open.HasOption ? CookieOf(segment, options) : null;
        byte experiment = !retransmitted && open is { HasOption: true, DataLength: 0 } && cookie is null
            ? open.IsExperimental ? (byte)2 : (byte)1 : (byte)0;
        if (open.HasOption || open.DataLength > 0)
        {
            _tcp.FastOpenCache.Set(
                _tuple.Local.Address, _tuple.Remote.Address, LargestSegment, cookie, experiment);
        }

        if (open.DataLength == 0)
        {
            return false;
        }

        TakeSynDataAck(segment.Ack);
        if (Sent.Count > 0)
        {
            open.Failure = retransmitted ? (byte)3 : (byte)2;
            _context.Mib.Count(Counter.TcpExtTCPFastOpenActiveFail);
            MarkLost(ref Sent.First);
            ResendMarked();
            return true;
        }

        open.IsDataAcknowledged = true;
        _context.Mib.Count(Counter.TcpExtTCPFastOpenActive);
        return false;
    }

    // The option's first byte becomes the lowest of the cookie.
    private static FastOpenEntry? CookieOf(in TcpSegment segment, in TcpOptions options)
    {
        if (options.FastOpen == FastOpenOption.None || options.FastOpenLength == 0)
        {
            return null;
        }

        ReadOnlySpan<byte> bytes = segment.Options.Slice(options.FastOpenOffset, options.FastOpenLength);
        UInt128 cookie = 0;
        for (int i = bytes.Length - 1; i >= 0; i--)
        {
            cookie = (cookie << 8) | bytes[i];
        }

        return new FastOpenEntry
        {
            Cookie = cookie,
            CookieLength = options.FastOpenLength,
            IsExperimental = options.FastOpen == FastOpenOption.Experimental,
        };
    }

    /// <summary>Takes off what the SYN-ACK acknowledged of the SYN's data.</summary>
    private void TakeSynDataAck(SeqNumber ack)
    {
        int bytes = ack - (_iss + 1);
        if (bytes <= 0)
        {
            return;
        }

        SendBuffer.Advance(bytes, _context.Buffers);
        BytesAcked += (ulong)bytes;
        if (ack >= Sent.First.End)
        {
            Sent.RemoveFirst(_tcp.SentSegments);
            _packetsOut = 0;
        }
        else
        {
            Sent.First.Seq = ack;
        }
    }

    /// <summary>Timeouts in a row: a firewall may drop what Fast Open adds. Linux:
    /// tcp_fastopen_active_detect_blackhole.</summary>
    private void DetectFastOpenBlackHole(bool expired)
    {
        const int Enough = 2;
        if (_extras?.ClientOpen is { } open && (open.HasOption || open.DataLength > 0)
            && (Timeouts == Enough || (Timeouts < Enough && expired)))
        {
            _tcp.FastOpenCache.Suspend();
            _context.Mib.Count(Counter.TcpExtTCPFastOpenActiveFail);
        }
    }

    /// <summary>A RST that is not obeyed, before anything was received: it may be the firewall's. Linux:
    /// tcp_validate_incoming.</summary>
    private void NoteOddReset()
    {
        if (_extras?.ClientOpen is { HasOption: true } && Tally.DataIn == 0 && State == TcpState.Established)
        {
            _tcp.FastOpenCache.Suspend();
        }
    }

    /// <summary>The connection is over: a FIN beyond a gap, and nothing else received, speaks for a firewall; data
    /// speaks against it. Linux: tcp_fastopen_active_disable_ofo_check.</summary>
    internal void JudgeFastOpen()
    {
        if (_extras?.ClientOpen is not { HasOption: true } open)
        {
            return;
        }

        Rouse();

        if (Tally.DataIn == 0)
        {
            if (Unread is { Beyond.Count: 1 } early && early.HighestEarly.HasFin)
            {
                _tcp.FastOpenCache.Suspend();
            }
        }
        else if (open.IsTrial && !_route.IsLocal)
        {
            _tcp.FastOpenCache.Resume();
        }
    }
}
