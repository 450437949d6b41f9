using System;
using Earshot.Core.Congestion;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Tcp.Established.Sending;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>Segments with data on their way to IP, and what is measured of them. Linux: __tcp_transmit_skb,
/// tcp_rate.c, tcp_chrono_start.</content>
internal sealed partial class Connection
{
    // ECT(0). RFC 3168 §5.
    private const byte EcnCapable = 2;

    private bool _marksEct;

    /// <summary>New data has left: for loss recovery, which counts it and may arm a tail loss probe. Linux:
    /// tcp_schedule_loss_probe, prr_out.</summary>
    partial void AfterNewData(int packets, SendMode mode);

    /// <summary>Whether the queue towards the link has room for so many segments.</summary>
    private bool HasRoomFor(int segments)
    {
        int room = _tcp.Output.Ip.RoomOf(_route);
        return room >= segments || (room > 0 && (_route.Offload & InterfaceOffload.Segmentation) != 0)
            || (room > 0 && _tcp.Output.Ip.IsEmpty(_route));
    }

    /// <summary>Sends data, as a super-packet or cut into segments as the link would cut one: PSH and FIN on the last,
    /// CWR on the first. Linux: tcp_gso_segment.</summary>
    private void SendData(SeqNumber seq, int length, TcpFlags flags, int mss, bool isNew)
    {
        const TcpFlags Last = TcpFlags.Psh | TcpFlags.Fin;
        long before = Sender.PaceNanoseconds;
        long begin = IsLinkCounted ? _tcp.Output.Ip.Outbox.End : 0;

        // New data alone may be marked, unless the algorithm wants all of it. Linux: tcp_ecn_send.
        _marksEct = _hasEcn && ((isNew && length > 0) || (Algorithm.Traits & CongestionTraits.NeedsEcn) != 0);
        if (length <= mss || ((_route.Offload & InterfaceOffload.Segmentation) != 0 && !CutsAlone))
        {
            SendBuffer.Peek(seq - _una, length, out ReadOnlySpan<byte> first, out ReadOnlySpan<byte> second);
            Send(seq, flags, first, second, length > mss ? mss : 0);
        }
        else
        {
            Span<byte> blocks = stackalloc byte[SackHistory.Length(SackHistory.Limit)];
            Prepare(seq, flags, blocks, out TcpFields fields);
            if (_isUrgent && IsUrgent && seq < UrgentEnd)
            {
                // The pointer is cut along with the header: it is the same in all segments.
                fields = PointToUrgent(fields);
            }

            TcpFlags whole = fields.Flags;
            for (int sent = 0; sent < length; sent += mss)
            {
                int part = Math.Min(mss, length - sent);
                fields.Seq = seq + sent;
                fields.Flags = sent + part < length ? whole & ~Last : whole;
                SendBuffer.Peek(
                    fields.Seq - _una, part, out ReadOnlySpan<byte> first, out ReadOnlySpan<byte> second);
                Transmit(fields, first, second, 0, blocks[..fields.FurtherOptions]);
                whole &= Accurate is null ? ~TcpFlags.Cwr : whole;
            }
        }

        _marksEct = false;
        if (IsLinkCounted)
        {
            ChargeLink(begin, seq, length);
        }

        AdvancePace(length, before);
    }

    /// <summary>Points a segment to the end of urgent data. Linux: tcp_urg_mode.</summary>
    private TcpFields PointToUrgent(in TcpFields fields)
    {
        TcpFields marked = fields;
        uint distance = UrgentEnd.Value - fields.Seq.Value;
        if (distance <= ushort.MaxValue)
        {
            marked.UrgentPointer = (ushort)distance;
            marked.Flags |= TcpFlags.Urg;
        }
        else if (fields.Seq + ushort.MaxValue > _nxt)
        {
            marked.UrgentPointer = ushort.MaxValue;
            marked.Flags |= TcpFlags.Urg;
        }

        return marked;
    }

    /// <summary>Notes on a piece what was delivered when it left. Linux: tcp_rate_skb_sent.</summary>
    private void StampSent(ref SentSegment piece)
    {
        long now = LeavingTime(piece.Has(SentFlags.EverRetransmitted));
        if (_packetsOut == 0)
        {
            Sender.FirstSentNanoseconds = now;
            Sender.DeliveredNanoseconds = now;
        }

        piece.SentNanoseconds = now;
        piece.FirstSentNanoseconds = Sender.FirstSentNanoseconds;
        piece.DeliveredNanoseconds = Sender.DeliveredNanoseconds;
        piece.Delivered = Tally.Delivered;
        piece.Flags &= ~SentFlags.Unwatched;
        piece.Flags |= Sender.AppLimited != 0 ? SentFlags.AppLimited : SentFlags.None;
    }

    /// <summary>When a piece leaves, told apart from what left before it.</summary>
    /// <remarks>A kernel takes in each packet at a microsecond of its own; here a batch shares a moment. New data that
    /// one ACK let out must not look younger than what a later ACK of the same moment brings again: RACK would take
    /// that for lost as soon as the new data arrive.</remarks>
    private long LeavingTime(bool isCopy)
    {
        const int Microsecond = 1000;
        long now = _context.Now.Nanoseconds;
        if (isCopy && Live.SendsAt != 0)
        {
            // In that microsecond, and behind all that left in it.
            return (Live.SendsAt / Microsecond * Microsecond) + Microsecond - 1;
        }

        if (KnownLoss is { Resent.Count: > 0 } loss)
        {
            now = Math.Max(now, loss.Resent[loss.Resent.Count - 1].SentNanoseconds);
        }

        ref SentSegment last = ref Sent.Last;
        return isCopy && !last.Has(SentFlags.EverRetransmitted) && last.SentNanoseconds >= now
            ? last.SentNanoseconds + Microsecond : now;
    }

    /// <summary>A piece was delivered: the sample may start from it. Linux: tcp_rate_skb_delivered.</summary>
    private void SampleRate(ref SentSegment piece, ref RateSample rate)
    {
        if (piece.DeliveredNanoseconds == 0)
        {
            return;
        }

        bool newer = piece.SentNanoseconds > Sender.FirstSentNanoseconds
            || (piece.SentNanoseconds == Sender.FirstSentNanoseconds && (int)(piece.End.Value - rate.LastEnd) > 0);
        if (rate.PriorDelivered == 0 || newer)
        {
            rate.PriorDelivered = piece.Delivered;
            rate.PriorTime = piece.DeliveredNanoseconds / 1000;
            rate.IsAppLimited = piece.Has(SentFlags.AppLimited);
            rate.IsRetransmitted = piece.Has(SentFlags.EverRetransmitted);
            rate.LastEnd = piece.End.Value;
            Sender.FirstSentNanoseconds = piece.SentNanoseconds;
            rate.SendMicroseconds =
                (int)Math.Min(int.MaxValue, (piece.SentNanoseconds - piece.FirstSentNanoseconds) / 1000);
        }

        if (piece.Has(SentFlags.Sacked))
        {
            // It is not counted a second time when it is acknowledged.
            piece.DeliveredNanoseconds = 0;
        }
    }

    /// <summary>The ACK is taken in: the sample is finished. Linux: tcp_rate_gen.</summary>
    /// <param name="rate">The sample, with what the ACK delivered.</param>
    private void FinishRateSample(ref RateSample rate)
    {
        uint delivered = Tally.Delivered;
        if (Sender.AppLimited != 0 && (int)(delivered - Sender.AppLimited) > 0)
        {
            Sender.AppLimited = 0;
        }

        if (rate.Acknowledged > 0)
        {
            Sender.DeliveredNanoseconds = _context.Now.Nanoseconds;
        }

        if (rate.PriorTime == 0)
        {
            rate.Delivered = -1;
            rate.IntervalMicroseconds = -1;
            return;
        }

        rate.Delivered = (int)(delivered - rate.PriorDelivered);
        rate.ReceiveMicroseconds = (int)Math.Min(int.MaxValue, _context.NowMicroseconds - rate.PriorTime);
        rate.IntervalMicroseconds = Math.Max(rate.SendMicroseconds, rate.ReceiveMicroseconds);
        if (rate.IntervalMicroseconds < ((ISender)this).MinimumRtt)
        {
            rate.IntervalMicroseconds = -1;
            return;
        }

        if (!rate.IsAppLimited || rate.Delivered * (long)Sender.RateInterval
            >= Sender.RateDelivered * rate.IntervalMicroseconds)
        {
            Sender.RateDelivered = rate.Delivered;
            Sender.RateInterval = (uint)rate.IntervalMicroseconds;
            Sender.RateAppLimited = rate.IsAppLimited;
        }
    }

    /// <summary>A program writes into an empty pipe: samples say nothing of the path until it is delivered. Linux:
    /// tcp_rate_check_app_limited.</summary>
    private void NoteAppLimited()
    {
        if (_writeSeq - _nxt < _mss && PacketsInFlight < Control.Window && _lost <= _retransmitted)
        {
            Sender.AppLimited = Math.Max(1, Tally.Delivered + (uint)PacketsInFlight);
        }
    }

    /// <summary>The rate that is told: bytes a second; 0: none is known. Linux: tcp_compute_delivery_rate.</summary>
    private long DeliveryRate => Sender.RateDelivered == 0 || Sender.RateInterval == 0 ? 0
        : Sender.RateDelivered * (long)_mss * 1_000_000 / Sender.RateInterval;

    /// <summary>Data is queued: the sender is busy.</summary>
    private void StartBusy() => StartChrono(Chrono.Busy);

    /// <summary>The program is told of space.</summary>
    private void EndSpaceLimit() => StopChrono(Chrono.BufferLimited);

    private void SetWindowLimited(bool limited)
    {
        if (limited)
        {
            StartChrono(Chrono.WindowLimited);
        }
        else if (Sender.Chrono == Chrono.WindowLimited)
        {
            StopChrono(Chrono.WindowLimited);
        }
    }

    /// <summary>Linux: tcp_chrono_start. The later of the enum wins.</summary>
    private void StartChrono(Chrono reason)
    {
        if (reason > Sender.Chrono)
        {
            SetChrono(reason);
        }
    }

    /// <summary>Linux: tcp_chrono_stop.</summary>
    private void StopChrono(Chrono reason)
    {
        if (Unsent.Count == 0 && Sent.Count == 0)
        {
            SetChrono(Chrono.None);
        }
        else if (reason == Sender.Chrono)
        {
            SetChrono(Chrono.Busy);
        }
    }

    /// <summary>Jiffies in a state so far; all of them count as busy. Linux: tcp_get_info_chrono_stats.</summary>
    private uint LimitedJiffies(Chrono reason)
    {
        uint sum = 0;
        for (Chrono counted = reason; counted <= (reason == Chrono.Busy ? Chrono.BufferLimited : reason); counted++)
        {
            sum += counted switch
            {
                Chrono.Busy => Sender.Busy,
                Chrono.WindowLimited => Sender.WindowLimited,
                _ => Sender.BufferLimited,
            };
            sum += counted == Sender.Chrono ? (uint)_context.Jiffies - Sender.ChronoStart : 0;
        }

        return sum;
    }

    private void SetChrono(Chrono next)
    {
        uint now = (uint)_context.Jiffies;
        uint passed = now - Sender.ChronoStart;
        switch (Sender.Chrono)
        {
            case Chrono.Busy:
                Sender.Busy += passed;
                break;
            case Chrono.WindowLimited:
                Sender.WindowLimited += passed;
                break;
            case Chrono.BufferLimited:
                Sender.BufferLimited += passed;
                break;
        }

        Sender.ChronoStart = now;
        Sender.Chrono = next;
    }
}
