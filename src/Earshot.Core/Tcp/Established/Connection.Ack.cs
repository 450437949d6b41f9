using System;
using Earshot.Core.Congestion;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>Acknowledgments and the send window. Linux: tcp_ack, tcp_clean_rtx_queue.</content>
internal sealed partial class Connection
{
    private const AckFlags NotDuplicate = AckFlags.Data | AckFlags.WindowUpdate | AckFlags.DataAcked;
    private const AckFlags Alarming = AckFlags.DataSacked | AckFlags.Ece | AckFlags.Dsack;

    /// <summary>Takes the ACK field in.</summary>
    /// <returns>False when the segment must be dropped.</returns>
    /// <param name="segment">The segment.</param>
    /// <param name="options">Its options.</param>
    /// <param name="predicted">Whether it came by the fast path, which counts what it takes itself.</param>
    private bool OnAck(in TcpSegment segment, in TcpOptions options, bool predicted = false)
    {
        SeqNumber ack = segment.Ack;
        if (ack < _una)
        {
            return OnOldAck(segment, options);
        }

        if (ack > _nxt)
        {
            if (_context.Profile.ChallengesOddSegments)
            {
                SendChallenge(segment);
            }
            else
            {
                Judge(segment, RuleId.SegmentBadAck);
            }

            return false;
        }

        AckSample sample = default;
        Begin(ref sample, options);
        uint lost = LostEver;
        uint delivered = Tally.Delivered;
        int packets = _packetsOut;
        SeqNumber highestSacked = HighestSacked;
        bool changed = false;
        if (ack > _una)
        {
            sample.Flags = AckFlags.UnaAdvanced;
            Timeouts = 0;
        }

        if (predicted && ack > _una)
        {
            sample.Flags |= AckFlags.WindowUpdate;
            _wl1 = segment.Seq;
            AdvanceUna(ack);
            Algorithm.OnAck(Congestion, AckEvent.WindowUpdate);
        }
        else
        {
            UpdateRecentTimestamp(segment, options);
            changed = TakeSlowAck(segment, ref sample);
        }

        SoftError = 0;
        Probes = 0;
        LastReceived = _context.Now.Nanoseconds;
        if (packets == 0)
        {
            AfterAckOfNothing(changed, ref sample, delivered);
            return true;
        }

        CleanSent(ref sample, highestSacked);
        TakeFeedback(segment, ref sample, delivered);
        if (KnownLoss is not null)
        {
            WidenReorderWindow(sample.Rate.PriorDelivered);
            JudgeProbe(ref sample);
        }

        Resend resend = Resend.None;
        if ((sample.Flags & NotDuplicate) == 0 || (sample.Flags & Alarming) != 0 || _recovery != RecoveryState.Open)
        {
            resend = JudgeLosses(ref sample, Duplicates(segment, sample.Flags));
        }

        if (sample.Has(AckFlags.SetTimer))
        {
            SetWriteTimer();
        }

        AfterAck(ref sample, (int)(Tally.Delivered - delivered), (int)(LostEver - lost));
        SendAgain(resend);
        return true;
    }

    /// <summary>An ACK of what is acknowledged already: its SACK blocks may tell something new.</summary>
    private bool OnOldAck(in TcpSegment segment, in TcpOptions options)
    {
        uint tolerated = (uint)Math.Min(_maximumWindow, BytesAcked);
        if (segment.Ack < _una - tolerated && _context.Profile.ChallengesOddSegments)
        {
            SendChallenge(segment);
            return false;
        }

        SackBlocks blocks = ReadBlocks(segment);
        if (blocks.Count > 0)
        {
            AckSample sample = default;
            Begin(ref sample, options);
            uint delivered = Tally.Delivered;
            TakeSacks(ref blocks, segment.Ack, ref sample);
            Resend resend = JudgeLosses(ref sample, Duplicates(segment, sample.Flags));
            CountNewlyDelivered((int)(Tally.Delivered - delivered), sample);
            SendAgain(resend);
        }

        return true;
    }

    private void Begin(ref AckSample sample, in TcpOptions options)
    {
        sample.PriorUna = _una;
        sample.Echo = options.HasTimestamp ? options.TsEcr : 0;
        sample.FirstSacked = sample.LastSacked = -1;
        sample.Rate.PriorInFlight = PacketsInFlight;
        sample.Rate.RttMicroseconds = -1;
    }

    /// <summary>What header prediction does not take: window, blocks, ECE.</summary>
    /// <returns>Whether the window is another one now.</returns>
    private bool TakeSlowAck(in TcpSegment segment, ref AckSample sample)
    {
        if (segment.SegmentLength > 0)
        {
            sample.Flags |= AckFlags.Data;
        }
        else
        {
            _context.Mib.Count(Counter.TcpExtTCPPureAcks);
        }

        bool changed = TakeWindow(segment, ref sample);
        AdvanceUna(segment.Ack);
        SackBlocks blocks = ReadBlocks(segment);
        if (blocks.Count > 0)
        {
            TakeSacks(ref blocks, segment.Ack, ref sample);
        }

        AckEvent kind = AckEvent.SlowPath;
        if (_hasEcn && segment.Has(TcpFlags.Ece) && !segment.Has(TcpFlags.Syn) && Accurate is null)
        {
            sample.Flags |= AckFlags.Ece;
            kind |= AckEvent.Ece;
        }

        CountDelivered(sample.SackDelivered, sample.Has(AckFlags.Ece));
        Algorithm.OnAck(Congestion, sample.Has(AckFlags.WindowUpdate) ? kind | AckEvent.WindowUpdate : kind);
        return changed;
    }

    private static int Duplicates(in TcpSegment segment, AckFlags flags) =>
        (flags & (AckFlags.UnaAdvanced | NotDuplicate | AckFlags.Dsack)) != 0 || segment.SegmentLength > 0 ? 0 : 1;

    /// <summary>Nothing was in flight. Linux: tcp_ack, no_queue.</summary>
    private void AfterAckOfNothing(bool changed, ref AckSample sample, uint delivered)
    {
        if (sample.Has(AckFlags.Dsack))
        {
            JudgeLosses(ref sample, 0);
            CountNewlyDelivered((int)(Tally.Delivered - delivered), sample);
        }

        AfterProbe();
        if (KnownLoss is not null)
        {
            JudgeProbe(ref sample);
        }
    }

    private void CountDelivered(int packets, bool ece)
    {
        Tally.Delivered += (uint)packets;
        if (ece)
        {
            Tally.DeliveredCe += (uint)packets;
        }
    }

    /// <summary>Linux: tcp_newly_delivered.</summary>
    private void CountNewlyDelivered(int packets, in AckSample sample)
    {
        _context.Mib.Count(Counter.TcpExtTCPDelivered, packets);
        if (sample.Has(AckFlags.Ece))
        {
            _context.Mib.Count(Counter.TcpExtTCPDeliveredCE, Accurate?.NewMarks ?? packets);
        }
    }

    /// <summary>The rate sample is complete, and the window may change. Linux: tcp_cong_control.</summary>
    private void AfterAck(ref AckSample sample, int delivered, int lost)
    {
        CountNewlyDelivered(delivered, sample);
        sample.Rate.IsAckDelayed = sample.Has(AckFlags.MaybeDelayed);
        sample.Rate.Acknowledged = delivered;
        sample.Rate.Losses = lost;
        if (KnownLoss is { IsReneging: true })
        {
            // What was delivered is not known until the recovery ends.
            sample.Rate.PriorTime = 0;
        }

        FinishRateSample(ref sample.Rate);
        if ((Algorithm.Traits & CongestionTraits.ControlsWindow) != 0)
        {
            Algorithm.Control(Congestion, sample.Rate);
            return;
        }

        if (_recovery is RecoveryState.Cwr or RecoveryState.Recovery)
        {
            ReduceWindow(delivered, lost, sample.Has(AckFlags.UnaAdvanced));
        }
        else if (MayGrow(sample.Flags))
        {
            GrowWindow(delivered);
        }

        UpdatePacing();
    }

    // Linux: tcp_may_raise_cwnd. With much reordering news by SACK are as good as an ACK.
    private bool MayGrow(AckFlags flags) => (flags & AckFlags.DataAcked) != 0
        || ((flags & AckFlags.DataSacked) != 0 && Reordering > _context.Sysctls.TcpReordering);

    /// <summary>Whether a segment's window counts. Linux: tcp_may_update_window.</summary>
    private bool UpdatesWindow(in TcpSegment segment)
    {
        uint window = (uint)segment.WindowField << _sendScale;
        return segment.Ack > _una || segment.Seq > _wl1
            || (segment.Seq == _wl1 && (window > _sendWindow || window == 0));
    }

    private bool TakeWindow(in TcpSegment segment, ref AckSample sample)
    {
        if (!UpdatesWindow(segment))
        {
            return false;
        }

        sample.Flags |= AckFlags.WindowUpdate;
        uint window = segment.Has(TcpFlags.Syn) ? segment.WindowField : (uint)segment.WindowField << _sendScale;
        bool changed = window != _sendWindow;
        _wl1 = segment.Seq;
        _sendWindow = window;
        if (changed)
        {
            _isPredicting = false;
            Predict();
            if (Unsent.Count > 0)
            {
                RestartIfIdle();
            }
        }

        if (window > _maximumWindow)
        {
            _maximumWindow = window;
            SetMss();
        }

        return changed;
    }

    /// <summary>Linux: tcp_snd_una_update.</summary>
    private void AdvanceUna(SeqNumber ack)
    {
        int bytes = Math.Min(ack - _una, SendBuffer.Length);
        BytesAcked += (ulong)(ack - _una);
        _una = ack;
        if (_route.IsEthernet)
        {
            // What is acknowledged arrived: so does the neighbour. Linux: sk_dst_confirm.
            _tcp.Output.Ip.Link?.Confirm(_route.Interface, _tuple.Remote.Address);
        }

        if (bytes > 0)
        {
            SendBuffer.Advance(bytes, _context.Buffers);
        }
    }

    /// <summary>Removes what is acknowledged and takes a round-trip sample. Linux: tcp_clean_rtx_queue.</summary>
    private void CleanSent(ref AckSample sample, SeqNumber highestSacked)
    {
        long now = _context.NowMicroseconds;
        long first = -1;
        long last = -1;
        int acked = 0;
        bool whole = true;
        int hadSacked = _sacked;
        SeqNumber reordered = _nxt;
        while (Sent.Count > 0)
        {
            ref SentSegment piece = ref Sent.First;
            SeqNumber start = piece.Seq - piece.Acknowledged;
            int packets = piece.Packets;
            whole = piece.End <= _una;
            if (!whole && (packets = TrimFirst(ref piece)) == 0)
            {
                break;
            }

            if (piece.Has(SentFlags.EverRetransmitted))
            {
                _retransmitted -= piece.Has(SentFlags.Retransmitted) ? packets : 0;
                sample.Flags |= AckFlags.RetransmissionAcked;
            }
            else if (!piece.Has(SentFlags.Sacked))
            {
                last = piece.SentNanoseconds / 1000;
                first = first < 0 ? last : first;
                reordered = start < reordered ? start : reordered;
                if (_recovery == RecoveryState.Loss && piece.End <= KnownLoss!.HighSeq)
                {
                    sample.Flags |= AckFlags.OriginalArrived;
                }
            }

            if (piece.Has(SentFlags.Sacked))
            {
                _sacked -= packets;
            }
            else if (_hasSack)
            {
                CountDelivered(packets, sample.Has(AckFlags.Ece));
                if (!IsSpurious(piece, sample.Echo))
                {
                    Rack.Advance(piece, now, Tally.MinimumRtt);
                }
            }

            _lost -= piece.Has(SentFlags.Lost) ? packets : 0;
            _packetsOut -= packets;
            acked += packets;
            sample.Flags |= AckFlags.DataAcked;
            SampleRate(ref piece, ref sample.Rate);
            if (!whole)
            {
                break;
            }

            Sent.RemoveFirst(_tcp.SentSegments);
        }

        if (Sent.Count > 0 && Sent.First.Has(SentFlags.Sacked))
        {
            sample.Flags |= AckFlags.Reneging;
        }

        bool sampled = TakeRoundTrip(ref sample, first, last, acked == 1 && whole && hadSacked == 0);
        AfterClean(ref sample, acked, reordered, highestSacked, sampled);
    }

    /// <summary>An ACK inside the oldest piece: whole segments of it are gone. Linux: tcp_tso_acked.</summary>
    /// <returns>How many; what is left of the last one does not count.</returns>
    private int TrimFirst(ref SentSegment piece)
    {
        if (piece.Seq >= _una)
        {
            return 0;
        }

        int before = piece.Packets;
        int bytes = _una - piece.Seq;
        piece.Seq = _una;
        if (before > 1)
        {
            piece.Packets = piece.PacketsOf(piece.PayloadLength);
        }
        else
        {
            piece.Acknowledged += (ushort)bytes;
        }

        return before - piece.Packets;
    }

    private void AfterClean(
        ref AckSample sample, int acked, SeqNumber reordered, SeqNumber highestSacked, bool sampled)
    {
        if (acked > 0)
        {
            Reclaim();
            CheckMtuProbe();
            sample.Flags |= AckFlags.SetTimer;
            if (!_hasSack)
            {
                RemoveDuplicateAcks(acked, ref sample);
            }
            else if (reordered < highestSacked)
            {
                NoteReordering(reordered, byTimestamp: false);
            }
        }
        else if (sampled && sample.FirstSacked >= 0
            && sample.FirstSacked < Sent.First.SentNanoseconds / 1000)
        {
            // Only of what was sent before the head's last copy: else a timeout would be put off for ever.
            sample.Flags |= AckFlags.SetTimer;
        }

        Algorithm.OnAcknowledged(
            Congestion, new AckedPackets(acked, sample.Rate.RttMicroseconds, sample.Rate.PriorInFlight));
    }
}
