using System;
using Earshot.Core.Congestion;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>What the peer's SACK blocks tell (RFC 2018, 2883). Linux: tcp_sacktag_write_queue.</content>
internal sealed partial class Connection
{
    /// <summary>Where the highest piece ends that was told of; SND.UNA without any. Linux:
    /// tcp_highest_sack_seq.</summary>
    private SeqNumber HighestSacked => _hasSack && _sacked > 0 ? KnownLoss!.HighestSacked : _una;

    /// <summary>What is remembered of losses, made now if there were none.</summary>
    private LossState Loss => Live.Loss ??= new LossState(_context.Sysctls.TcpReordering)
    {
        RetransmitHint = _una,
        RackHint = _una,
    };

    private SackBlocks ReadBlocks(in TcpSegment segment) =>
        _hasSack && segment.HeaderLength >= TcpSegment.MinimumHeaderLength + 10
            ? SackBlocks.Read(segment) : default;

    /// <summary>Marks what the blocks tell of.</summary>
    private void TakeSacks(ref SackBlocks blocks, SeqNumber ack, ref AckSample sample)
    {
        LossState loss = Loss;
        sample.Reordered = _nxt;
        if (_sacked == 0)
        {
            loss.HighestSacked = _una;
        }

        bool isDuplicate = TakeDuplicate(ref blocks, ack, ref sample);
        if (ack < sample.PriorUna - _maximumWindow || _packetsOut == 0)
        {
            return;
        }

        SackBlocks useful = default;
        int duplicate = Select(ref blocks, isDuplicate, ack, sample.PriorUna, ref useful);
        duplicate = useful.Sort(duplicate);
        int place = 0;
        for (int i = 0; i < useful.Count; i++)
        {
            SackBlock inside = i + 1 == duplicate ? useful[i + 1] : default;
            place = Mark(useful[i], i == duplicate, inside, place, ref sample);
        }

        if (_recovery != RecoveryState.Loss || loss.HasUndoMarker)
        {
            NoteReordering(sample.Reordered, byTimestamp: false);
        }
    }

    /// <summary>What the SACK blocks of a third ACK tell: they may tell that a SYN-ACK came twice.</summary>
    private void TakeSacksOfThirdAck(in TcpSegment segment, in TcpOptions options)
    {
        SackBlocks blocks = ReadBlocks(segment);
        if (blocks.Count > 0)
        {
            AckSample sample = default;
            Begin(ref sample, options);
            uint delivered = Tally.Delivered;
            bool suspected = KnownLoss is { HasUndoMarker: true, IsSynEchoed: false };
            TakeSacks(ref blocks, segment.Ack, ref sample);
            CountDelivered(sample.SackDelivered, ece: false);
            AfterAckOfNothing(changed: false, ref sample, delivered);
            if (suspected && KnownLoss is { HasUndoMarker: false })
            {
                // No SYN-ACK was lost after all.
                StartCongestion(timedOut: false);
            }
        }

        if (KnownLoss is { IsSynEchoed: true } loss)
        {
            loss.HasUndoMarker = false;
        }
    }

    /// <summary>Judges the first block, which may tell of a duplicate. Linux: tcp_check_dsack.</summary>
    private bool TakeDuplicate(ref SackBlocks blocks, SeqNumber ack, ref AckSample sample)
    {
        SackBlock block = blocks[0];
        if (block.Start < ack)
        {
            _context.Mib.Count(Counter.TcpExtTCPDSACKRecv);
        }
        else if (blocks.Count > 1 && block.End <= blocks[1].End && block.Start >= blocks[1].Start)
        {
            _context.Mib.Count(Counter.TcpExtTCPDSACKOfoRecv);
        }
        else
        {
            return false;
        }

        int segments = CountDuplicate(block, ref sample);
        if (segments == 0)
        {
            _context.Mib.Count(Counter.TcpExtTCPDSACKIgnoredDubious);
            return false;
        }

        _context.Mib.Count(Counter.TcpExtTCPDSACKRecvSegs, segments);
        LossState loss = Loss;
        if (loss.HasUndoMarker && loss.UndoRetransmissions > 0 && block.End <= sample.PriorUna
            && block.End > loss.UndoMarker)
        {
            // What it is about is forgotten already.
            loss.UndoRetransmissions = Math.Max(0, loss.UndoRetransmissions - segments);
        }

        return true;
    }

    /// <summary>The segments that a duplicate stands for; 0: it cannot be. Linux: tcp_dsack_seen.</summary>
    private int CountDuplicate(in SackBlock block, ref AckSample sample)
    {
        int length = block.End - block.Start;
        if (length <= 0 || (uint)length > _maximumWindow)
        {
            return 0;
        }

        LossState loss = Loss;
        int segments = 1;
        if (length > _mss)
        {
            segments = (length + _mss - 1) / _mss;
        }
        else if (loss.HasProbe && loss.ProbeEnd == block.End)
        {
            sample.Flags |= AckFlags.DsackOfProbe;
        }

        loss.Duplicates += segments;
        if (loss.Duplicates > TotalRetransmissions)
        {
            // More than was ever sent twice: the network, or the peer, made them.
            return 0;
        }

        if (loss.ReorderingSeen > 0 && !sample.Has(AckFlags.DsackOfProbe))
        {
            loss.DuplicateSeen = true;
        }

        sample.Flags |= AckFlags.Dsack;
        sample.SackDelivered += segments;
        return segments;
    }

    /// <summary>Picks the blocks that may tell something.</summary>
    /// <returns>The place of the one that tells of a duplicate, or -1.</returns>
    private int Select(
        ref SackBlocks blocks, bool isDuplicate, SeqNumber ack, SeqNumber priorUna, ref SackBlocks useful)
    {
        int duplicate = -1;
        for (int i = 0; i < blocks.Count; i++)
        {
            bool marked = isDuplicate && i == 0;
            SackBlock block = blocks[i];
            if (!IsValid(block, marked))
            {
                CountInvalid(block, marked, ack);
                continue;
            }

            if (block.End <= priorUna)
            {
                continue;
            }

            duplicate = marked ? useful.Count : duplicate;
            useful.Add(block);
        }

        return duplicate;
    }

    private void CountInvalid(in SackBlock block, bool isDuplicate, SeqNumber ack)
    {
        if (isDuplicate)
        {
            _context.Mib.Count(KnownLoss is { HasUndoMarker: true }
                ? Counter.TcpExtTCPDSACKIgnoredOld : Counter.TcpExtTCPDSACKIgnoredNoUndo);
        }
        else if (ack == _una || block.End > _una)
        {
            // An ACK that was overtaken may tell of what is acknowledged by now.
            _context.Mib.Count(Counter.TcpExtTCPSACKDiscard);
        }
    }

    /// <summary>Linux: tcp_is_sackblock_valid.</summary>
    private bool IsValid(in SackBlock block, bool isDuplicate)
    {
        if (block.End > _nxt || block.Start >= block.End || block.Start >= _nxt)
        {
            return false;
        }

        if (block.Start > _una)
        {
            return true;
        }

        if (!isDuplicate || KnownLoss is not { HasUndoMarker: true } loss || block.End > _una)
        {
            return false;
        }

        return block.Start >= loss.UndoMarker
            || (block.End > loss.UndoMarker && block.Start >= block.End - _maximumWindow);
    }

    /// <summary>Marks the pieces that a block covers. Linux: tcp_sacktag_walk.</summary>
    /// <param name="block">The block.</param>
    /// <param name="isDuplicate">Whether it tells of a duplicate.</param>
    /// <param name="inside">A block inside it that does, or nothing.</param>
    /// <param name="place">Where the last block ended.</param>
    /// <param name="sample">What the ACK tells.</param>
    /// <returns>Where this one ended.</returns>
    private int Mark(in SackBlock block, bool isDuplicate, in SackBlock inside, int place, ref AckSample sample)
    {
        // A block that ended behind the last piece leaves no place to go on from: what is inside it is found once more.
        int i = Sent.IndexAfter(block.Start);
        i = place < Sent.Count ? Math.Max(place, i) : i;
        for (; i < Sent.Count && Sent[i].Seq < block.End; i++)
        {
            bool duplicate = isDuplicate;
            int covered = 0;
            if (inside.Start != inside.End && Sent[i].Seq < inside.End)
            {
                covered = Cover(i, inside);
                duplicate |= covered > 0;
            }

            if (covered == 0 && Sent[i].Has(SentFlags.Sacked) && !duplicate)
            {
                continue;
            }

            covered = covered > 0 ? covered : Cover(i, block);
            if (covered < 0)
            {
                break;
            }

            if (covered > 0)
            {
                MarkPiece(ref Sent[i], duplicate, ref sample);
                i = Merge(i);
            }
        }

        return i;
    }

    /// <summary>Whether a block covers a piece; a piece of several segments is cut where the block begins or ends.
    /// Linux: tcp_match_skb_to_sack.</summary>
    /// <returns>1: it does, 0: not yet, -1: it ends inside the piece's first segment.</returns>
    private int Cover(int index, in SackBlock block)
    {
        ref SentSegment piece = ref Sent[index];
        bool begins = block.Start <= piece.Seq;
        if (begins && block.End >= piece.End)
        {
            return 1;
        }

        if (piece.Packets == 1 || piece.End <= block.Start)
        {
            return 0;
        }

        int size = piece.SegmentSize;
        int length = begins ? block.End - piece.Seq : block.Start - piece.Seq;
        if (length < size)
        {
            if (begins)
            {
                return -1;
            }

            length = size;
        }

        if (length > size)
        {
            // A segment counts when all of it is there.
            int rounded = length / size * size;
            length = !begins && rounded < length ? rounded + size : rounded;
        }

        if (length >= piece.PayloadLength)
        {
            // Only the FIN is left, or the block begins in the last segment.
            return 0;
        }

        Cut(index, length, size);
        return begins ? 1 : 0;
    }

    /// <summary>Linux: tcp_sacktag_one.</summary>
    private void MarkPiece(ref SentSegment piece, bool isDuplicate, ref AckSample sample)
    {
        LossState loss = Loss;
        int packets = piece.Packets;
        bool wasRetransmitted = (piece.Flags & (SentFlags.Retransmitted | SentFlags.EverRetransmitted)) != 0;
        if (isDuplicate && wasRetransmitted)
        {
            if (loss.HasUndoMarker && loss.UndoRetransmissions > 0 && piece.End > loss.UndoMarker)
            {
                loss.UndoRetransmissions = Math.Max(0, loss.UndoRetransmissions - packets);
            }

            if (piece.Has(SentFlags.Sacked) && piece.Seq < sample.Reordered)
            {
                sample.Reordered = piece.Seq;
            }
        }

        if (piece.End <= _una)
        {
            // It is acknowledged, and leaves as such.
            SampleRate(ref piece, ref sample.Rate);
            return;
        }

        if (!piece.Has(SentFlags.Sacked))
        {
            MarkNew(ref piece, wasRetransmitted, ref sample);
        }

        if (isDuplicate && piece.Has(SentFlags.Retransmitted))
        {
            piece.Flags &= ~SentFlags.Retransmitted;
            _retransmitted -= packets;
        }

        SampleRate(ref piece, ref sample.Rate);
    }

    private void MarkNew(ref SentSegment piece, bool wasRetransmitted, ref AckSample sample)
    {
        LossState loss = Loss;
        int packets = piece.Packets;
        Rack.Advance(piece, _context.NowMicroseconds, Tally.MinimumRtt);
        if (piece.Has(SentFlags.Retransmitted))
        {
            // A copy of what was not taken for lost is believed to be still under way.
            if (piece.Has(SentFlags.Lost))
            {
                piece.Flags &= ~(SentFlags.Lost | SentFlags.Retransmitted);
                _lost -= packets;
                _retransmitted -= packets;
            }
        }
        else
        {
            if (!wasRetransmitted)
            {
                // It was sent once and comes after what was sent later: reordering.
                if (piece.Seq < HighestSacked && piece.Seq < sample.Reordered)
                {
                    sample.Reordered = piece.Seq;
                }

                if (piece.End <= loss.HighSeq)
                {
                    sample.Flags |= AckFlags.OriginalArrived;
                }

                sample.LastSacked = piece.SentNanoseconds / 1000;
                sample.FirstSacked = sample.FirstSacked < 0 ? sample.LastSacked : sample.FirstSacked;
            }

            if (piece.Has(SentFlags.Lost))
            {
                piece.Flags &= ~SentFlags.Lost;
                _lost -= packets;
            }
        }

        piece.Flags |= SentFlags.Sacked;
        sample.Flags |= AckFlags.DataSacked;
        _sacked += packets;
        sample.SackDelivered += packets;
        if (piece.End > loss.HighestSacked)
        {
            loss.HighestSacked = piece.End;
        }
    }

    /// <summary>Makes one piece of neighbours that have arrived, so that a hole costs one step and not as many as there
    /// are packets behind it. Linux: tcp_shift_skb_data.</summary>
    /// <returns>Where the piece is now.</returns>
    private int Merge(int index)
    {
        // What is acknowledged goes as it is.
        if (index == 0 || Sent[index].End <= _una || !MayMerge(Sent[index - 1], Sent[index]))
        {
            return index;
        }

        MergeNext(--index);
        if (index + 1 < Sent.Count && MayMerge(Sent[index], Sent[index + 1]))
        {
            MergeNext(index);
        }

        return index;
    }

    private static bool MayMerge(in SentSegment left, in SentSegment right)
    {
        const SentFlags Marks = SentFlags.Sacked | SentFlags.Lost | SentFlags.Retransmitted;
        return (left.Flags & Marks) == SentFlags.Sacked && (right.Flags & Marks) == SentFlags.Sacked
            && left.LongestSegment == right.LongestSegment && right.PayloadLength > 0
            && (left.Flags & (SentFlags.Fin | SentFlags.EndOfRecord)) == 0
            && left.Packets + right.Packets <= ushort.MaxValue;
    }

    private void MergeNext(int index)
    {
        ref SentSegment left = ref Sent[index];
        ref SentSegment right = ref Sent[index + 1];
        left.SegmentSize = (ushort)left.LongestSegment;
        left.End = right.End;
        left.Packets += right.Packets;
        left.Flags |= right.Flags;
        left.SentNanoseconds = Math.Max(left.SentNanoseconds, right.SentNanoseconds);
        _context.Mib.Count(Counter.TcpExtTCPSackMerged);
        Sent.RemoveAt(index + 1, _tcp.SentSegments);
    }

    /// <summary>Something arrived behind what was sent later. Linux: tcp_check_sack_reordering.</summary>
    private void NoteReordering(SeqNumber low, bool byTimestamp)
    {
        SeqNumber high = HighestSacked;
        if (low >= high)
        {
            return;
        }

        LossState loss = Loss;
        int distance = high - low;
        if (distance > (long)loss.Reordering * _mss)
        {
            loss.Reordering = Math.Min((distance + _mss - 1) / _mss, _context.Sysctls.TcpMaxReordering);
        }

        loss.ReorderingSeen++;
        _context.Mib.Count(byTimestamp ? Counter.TcpExtTCPTSReorder : Counter.TcpExtTCPSACKReorder);
    }
}
