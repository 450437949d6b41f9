using System;
using Earshot.Core.Congestion;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Tcp.Established.Sending;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>Sending again. Linux: tcp_retransmit_skb, tcp_xmit_retransmit_queue.</content>
internal sealed partial class Connection
{
    /// <summary>After an ACK: what is lost, or new data in its place. Linux: tcp_xmit_recovery.</summary>
    private void SendAgain(Resend resend)
    {
        if (resend == Resend.None)
        {
            return;
        }

        LossState loss = Loss;
        if (resend == Resend.New)
        {
            PushPending(CurrentMss, Nagle.Off);
            if (_nxt > loss.HighSeq)
            {
                return;
            }

            loss.IsFrto = false;
        }

        RetransmitLost();
    }

    /// <summary>Sends what is lost as far as the window allows. Linux: tcp_xmit_retransmit_queue.</summary>
    private void RetransmitLost()
    {
        if (_packetsOut == 0)
        {
            return;
        }

        LossState loss = Loss;
        Refresh(ref loss.RetransmitHint);
        bool rearm = false;
        bool hasHole = false;
        int most = SuperSegments(CurrentMss);
        for (int i = Sent.IndexAfter(loss.RetransmitHint); i < Sent.Count; i++)
        {
            if (!hasHole)
            {
                loss.RetransmitHint = Sent[i].Seq;
            }

            int room = Control.Window - PacketsInFlight;
            if (room <= 0 || _retransmitted >= _lost || IsPaceClosed())
            {
                break;
            }

            SentFlags flags = Sent[i].Flags;
            if ((flags & SentFlags.Lost) == 0)
            {
                hasHole |= (flags & (SentFlags.Retransmitted | SentFlags.Sacked)) == 0;
                continue;
            }

            if ((flags & (SentFlags.Retransmitted | SentFlags.Sacked)) != 0)
            {
                continue;
            }

            if ((IsLinkCounted && IsLinkFull(Sent[i].PayloadLength, 1)) || !Retransmit(i, Math.Min(room, most)))
            {
                break;
            }

            int packets = Sent[i].Packets;
            _context.Mib.Count(
                _recovery == RecoveryState.Loss
                    ? Counter.TcpExtTCPSlowStartRetrans : Counter.TcpExtTCPFastRetrans,
                packets);
            if (_recovery is RecoveryState.Cwr or RecoveryState.Recovery)
            {
                loss.Sent += packets;
            }

            rearm |= i == 0 && _pending != WriteTimer.Reordering;
        }

        if (rearm)
        {
            ArmWriteTimer(Rtt.Rto);
        }
    }

    /// <summary>Sends a piece again and counts it as under way. Linux: tcp_retransmit_skb.</summary>
    private bool Retransmit(int index, int segments)
    {
        bool sent = SendCopy(index, segments);
        if (sent)
        {
            ref SentSegment piece = ref Sent[index];
            if (piece.Has(SentFlags.Retransmitted))
            {
                // Its loss was taken back while a copy was under way: this one counts beside that.
                Loss.CountedTwice += piece.Packets;
            }

            piece.Flags |= SentFlags.Retransmitted;
            _retransmitted += piece.Packets;
        }

        if (FirstRetransmission == 0)
        {
            FirstRetransmission = Live.SendsAt != 0 ? Live.SendsAt : _context.Now.Nanoseconds;
        }

        LossState loss = Loss;
        loss.UndoRetransmissions = Math.Max(0, loss.UndoRetransmissions) + Sent[index].Packets;
        return sent;
    }

    /// <summary>Sends a piece again, cut to the present MSS. Linux: __tcp_retransmit_skb.</summary>
    private bool SendCopy(int index, int segments)
    {
        ForgetMtuProbe();
        if (IsInLink(Sent[index]))
        {
            return false;
        }

        Sent[index].Acknowledged = 0;
        int mss = CurrentMss;
        int room = (int)(_una.Value + _sendWindow - Sent[index].Seq.Value);
        if (room <= 0)
        {
            if (Sent[index].Seq != _una)
            {
                return false;
            }

            // The peer has closed its window: one segment asks if it is still closed.
            room = mss;
        }

        int length = mss * segments;
        if (length > room)
        {
            length = room < mss ? room : room / mss * mss;
        }

        if (Sent[index].PayloadLength > length)
        {
            Cut(index, length, mss);
        }
        else
        {
            Resize(ref Sent[index], mss);
            Collapse(index, Math.Min(room, mss));
        }

        return SendCopy(ref Sent[index]);
    }

    private bool SendCopy(ref SentSegment piece)
    {
        int length = piece.PayloadLength;
        TotalRetransmissions += piece.Packets;
        _context.Mib.Count(Counter.TcpRetransSegs, piece.Packets);
        piece.Flags |= SentFlags.EverRetransmitted;
        TcpFlags flags = TcpFlags.Ack | (piece.Has(SentFlags.Push) || piece.Packets > 1 ? TcpFlags.Psh : TcpFlags.None)
            | (piece.Has(SentFlags.Fin) ? TcpFlags.Fin : TcpFlags.None);
        Tally.BytesAgain += length;
        if (!HasRoomFor(piece.Packets))
        {
            _context.Mib.Count(Counter.TcpExtTCPRetransFail, piece.Packets);
            BlockUntilRoom();
            return false;
        }

        piece.Flags &= ~SentFlags.AppLimited;
        bool wasIdle = PacketsInFlight == 0;
        SendData(piece.Seq, length, flags, piece.SegmentSize, isNew: false);
        if (length > 0)
        {
            NoteDataSent(wasIdle);
        }

        StampSent(ref piece);
        LossState loss = Loss;
        while (loss.Resent.Count > 0 && loss.Resent[0].End <= _una)
        {
            loss.Resent.RemoveFirst(_tcp.Resents);
        }

        loss.Resent.Add(
            new Resent { SentNanoseconds = piece.SentNanoseconds, Seq = piece.Seq, End = piece.End }, _tcp.Resents);
        return true;
    }

    /// <summary>Small pieces behind a small one leave with it. Linux: tcp_retrans_try_collapse.</summary>
    private void Collapse(int index, int space)
    {
        if (_context.Sysctls.TcpRetransCollapse == 0 || Sent[index].PayloadLength >= space)
        {
            return;
        }

        while (index + 1 < Sent.Count)
        {
            ref SentSegment piece = ref Sent[index];
            SentSegment next = Sent[index + 1];
            if (next.Packets > 1 || next.Has(SentFlags.Sacked) || piece.Has(SentFlags.EndOfRecord)
                || piece.PayloadLength + next.PayloadLength > space
                || (int)(_una.Value + _sendWindow - next.End.Value) < 0)
            {
                return;
            }

            const SentFlags Kept = SentFlags.Fin | SentFlags.Push | SentFlags.EverRetransmitted
                | SentFlags.EndOfRecord;
            Uncount(next);
            piece.End = next.End;
            piece.Flags |= next.Flags & Kept;
            Sent.RemoveAt(index + 1, _tcp.SentSegments);
            if (!_hasSack && _sacked > 0)
            {
                _sacked--;
            }
        }
    }

    /// <summary>Parts a piece after so many bytes. Linux: tcp_fragment.</summary>
    private void Cut(int index, int bytes, int size)
    {
        SentSegment rest = Sent[index];
        Uncount(rest);
        int before = rest.Packets;
        ref SentSegment head = ref Sent[index];
        rest.Seq += bytes;
        rest.SegmentSize = head.SegmentSize = (ushort)size;
        rest.Packets = rest.PacketsOf(rest.PayloadLength);
        head.End = rest.Seq;
        head.Flags &= ~(SentFlags.Fin | SentFlags.Push | SentFlags.EndOfRecord);
        head.Packets = head.PacketsOf(bytes);
        CountIn(head);
        CountIn(rest);
        Sent.InsertAfter(index, rest, _tcp.SentSegments);
        AdjustDuplicateAcks(before - Sent[index].Packets - rest.Packets);
    }

    /// <summary>The MSS is another one than when the piece left, or the piece was several. Linux:
    /// tcp_set_skb_tso_segs.</summary>
    private void Resize(ref SentSegment piece, int size)
    {
        if (piece.SegmentSize != size || piece.Packets != piece.PacketsOf(piece.PayloadLength))
        {
            Uncount(piece);
            int before = piece.Packets;
            piece.SegmentSize = (ushort)size;
            piece.Packets = piece.PacketsOf(piece.PayloadLength);
            CountIn(piece);
            AdjustDuplicateAcks(before - piece.Packets);
        }
    }

    // Linux: tcp_adjust_pcount. Without SACK no piece knows of the duplicate ACKs that speak of it.
    private void AdjustDuplicateAcks(int fewer)
    {
        if (!_hasSack && fewer > 0)
        {
            _sacked -= Math.Min(_sacked, fewer);
        }
    }

    private void Uncount(in SentSegment piece) => Count(piece, -piece.Packets);

    private void CountIn(in SentSegment piece) => Count(piece, piece.Packets);

    private void Count(in SentSegment piece, int packets)
    {
        _packetsOut += packets;
        _sacked += piece.Has(SentFlags.Sacked) ? packets : 0;
        _lost += piece.Has(SentFlags.Lost) ? packets : 0;
        _retransmitted += piece.Has(SentFlags.Retransmitted) ? packets : 0;
    }

    private void ForgetCountedTwice()
    {
        if (KnownLoss is { CountedTwice: > 0 } loss)
        {
            _retransmitted -= loss.CountedTwice;
            loss.CountedTwice = 0;
        }
    }

    /// <summary>Nothing is in flight any more, and nobody waits for it.</summary>
    private void ForgetSent()
    {
        Sent.Clear(_tcp.SentSegments);
        KnownLoss?.Resent.Clear(_tcp.Resents);
        ForgetCountedTwice();
        _packetsOut = _lost = _sacked = _retransmitted = 0;
    }
}
