using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>Data beyond gaps, and what is told of it. Linux: tcp_data_queue_ofo, tcp_ofo_queue.</content>
internal sealed partial class Connection
{
    // A third block tells the peer more than a gathered ACK saves. Linux: TCP_SACK_BLOCKS_EXPECTED.
    private const int BlocksExpected = 2;

    /// <summary>Takes a segment that begins beyond a gap.</summary>
    private void TakeEarly(in TcpSegment segment)
    {
        CheckCongestionMark(segment);
        ReceivedPacket packet = ReceivedPacket.Of(segment, _route.IsLocal);
        if (!TryMakeRoom(segment.Seq, packet.Cost))
        {
            _context.Mib.Count(Counter.TcpExtTCPOFODrop);
            Tally.Drops++;
            Judge(segment, RuleId.SegmentNoMemory);
            Notify(PollMask.In | PollMask.ReadNormal);
            return;
        }

        MeasurePeerSegment(segment, packet.Cost);
        _isPredicting = false;
        Ack.Scheduled = true;
        _context.Mib.Count(Counter.TcpExtTCPOFOQueue);
        Tally.OutOfOrder += segment.SegmentSize == 0
            ? 1 : (uint)((segment.PayloadLength + segment.SegmentSize - 1) / segment.SegmentSize);
        EarlyOutcome outcome = Place(segment, packet);
        if (_hasSack)
        {
            TellEarly(packet.Seq, packet.End);
            if (outcome != EarlyOutcome.Known)
            {
                // A packet of its own is not yet charged then.
                bool appended = outcome == EarlyOutcome.Appended;
                GrowReceiveWindow(packet, segment.PayloadLength, appended, appended ? 0 : packet.Cost);
            }
        }

        if (Owner is not null)
        {
            // What waits beyond a gap shall not cost the rest of the window its memory. Linux: tcp_rcvbuf_grow.
            GrowReceiveBuffer(Reading.Space);
        }
    }

    private enum EarlyOutcome
    {
        Inserted,
        Appended,
        Known,
        Replaced,
    }

    /// <summary>Finds the place of a packet: what is told of it and counted hangs on which others lie on the way from
    /// the root.</summary>
    private EarlyOutcome Place(in TcpSegment segment, in ReceivedPacket packet)
    {
        ref PacketTree early = ref Inbox.Beyond;
        int parent = early.Last;
        bool right = true;
        if (parent != 0 && packet.Seq < early.At(parent).End)
        {
            (parent, right) = (0, false);
            int at = early.Root;
            while (at != 0)
            {
                parent = at;
                right = packet.Seq >= early.At(at).Seq;
                if (right && Meet(segment, packet, at) is var outcome and not EarlyOutcome.Inserted)
                {
                    return outcome;
                }

                at = early.Below(at, right);
            }
        }
        else if (parent != 0 && TryJoin(segment, packet, parent))
        {
            return EarlyOutcome.Appended;
        }

        int place = early.Add(parent, right, packet);
        Charge(packet.Cost);
        StoreAt(segment, place);
        RemoveCovered(place, packet.End);
        return EarlyOutcome.Inserted;
    }

    /// <summary>A packet on the way begins where the new one does, or before.</summary>
    /// <returns>What became of the new one; <see cref="EarlyOutcome.Inserted"/> when its way goes on.</returns>
    private EarlyOutcome Meet(in TcpSegment segment, in ReceivedPacket packet, int at)
    {
        ref PacketTree early = ref Unread!.Beyond;
        ReceivedPacket met = early.At(at);
        if (met.End <= packet.Seq)
        {
            return TryJoin(segment, packet, at) ? EarlyOutcome.Appended : EarlyOutcome.Inserted;
        }

        if (packet.End <= met.End)
        {
            _context.Mib.Count(Counter.TcpExtTCPOFOMerge);
            Tally.Drops++;
            TellDuplicate(packet.Seq, packet.End);
            return EarlyOutcome.Known;
        }

        if (packet.Seq > met.Seq)
        {
            TellDuplicate(packet.Seq, met.End);
            return EarlyOutcome.Inserted;
        }

        // The same beginning, and longer: the old one goes.
        ExtendDuplicate(met.Seq, met.End);
        _context.Mib.Count(Counter.TcpExtTCPOFOMerge);
        Tally.Drops++;
        early.Replace(at, packet);
        Charge(packet.Cost - met.Cost);
        StoreAt(segment, at);
        RemoveCovered(at, packet.End);
        return EarlyOutcome.Replaced;
    }

    /// <summary>Appends a packet to one that ends where it begins, if the memory allows it. What lies further on and
    /// holds the same bytes stays.</summary>
    private bool TryJoin(in TcpSegment segment, in ReceivedPacket packet, int at)
    {
        ref PacketTree early = ref Unread!.Beyond;
        SeqNumber reach = early.Reach(at);
        if (!early.At(at).TryAppend(packet, _windowUpdated, out int more))
        {
            return false;
        }

        _context.Mib.Count(Counter.TcpExtTCPRcvCoalesce);
        Charge(more);
        Store(segment, reach);
        early.Extend(at);
        return true;
    }

    // The bytes of what begins before are read, and those of what begins behind are not.
    private void StoreAt(in TcpSegment segment, int place)
    {
        ref PacketTree early = ref Unread!.Beyond;
        int before = early.Previous(place);
        Store(segment, before == 0 ? segment.Seq : early.Reach(before));
    }

    private void Store(in TcpSegment segment, SeqNumber from)
    {
        int skip = Math.Max(0, from - segment.Seq);
        if (skip < segment.PayloadLength)
        {
            Unread!.Write(segment.Seq + skip - _readNext, segment.Payload[skip..], _context.Buffers);
        }
    }

    /// <summary>Removes those that a new packet covers, and tells of what it has in common with the next.</summary>
    private void RemoveCovered(int place, SeqNumber end)
    {
        ref PacketTree early = ref Unread!.Beyond;
        for (int next = early.Next(place); next != 0 && early.At(next).Seq < end;)
        {
            ref ReceivedPacket packet = ref early.At(next);
            if (end < packet.End)
            {
                ExtendDuplicate(packet.Seq, end);
                break;
            }

            ExtendDuplicate(packet.Seq, packet.End);
            _context.Mib.Count(Counter.TcpExtTCPOFOMerge);
            Tally.Drops++;
            next = RemoveEarly(next);
        }
    }

    private int RemoveEarly(int place)
    {
        ref PacketTree early = ref Unread!.Beyond;
        Charge(-early.At(place).Cost);
        return early.Remove(place);
    }

    private void DropEarly()
    {
        if (Unread is { Beyond.Count: > 0 } inbox)
        {
            ref PacketTree early = ref inbox.Beyond;
            Tally.Drops += early.Count;
            for (int at = early.First; at != 0; at = early.Next(at))
            {
                Charge(-early.At(at).Cost);
            }

            early.Clear();
        }
    }

    /// <summary>Makes the packets readable that follow without a gap now. Linux: tcp_ofo_queue.</summary>
    private void JoinEarly()
    {
        ReceiveBuffer inbox = Unread!;
        SeqNumber high = _receiveNext;
        while (inbox.Beyond.First is var first and not 0 && inbox.Beyond.At(first).Seq <= _receiveNext)
        {
            ReceivedPacket packet = inbox.Beyond.At(first);
            if (packet.Seq < high)
            {
                SeqNumber known = packet.End < high ? packet.End : high;
                ExtendDuplicate(packet.Seq, known);
            }

            RemoveEarly(first);
            if (packet.End <= _receiveNext)
            {
                Tally.Drops++;
                continue;
            }

            AddUnread(packet);
            if (packet.HasFin)
            {
                OnFin();
                return;
            }
        }
    }

    /// <summary>Notes a duplicate for a D-SACK block (RFC 2883). Linux: tcp_dsack_set.</summary>
    private void TellDuplicate(SeqNumber start, SeqNumber end)
    {
        if (_hasSack && _context.Sysctls.TcpDsack != 0)
        {
            _context.Mib.Count(
                start < _receiveNext ? Counter.TcpExtTCPDSACKOldSent : Counter.TcpExtTCPDSACKOfoSent);
            Inbox.Sacks.SetDuplicate(start, end);
        }
    }

    // Linux: tcp_dsack_extend.
    private void ExtendDuplicate(SeqNumber start, SeqNumber end)
    {
        if (Unread is { Sacks.HasDuplicate: true } inbox)
        {
            inbox.Sacks.ExtendDuplicate(start, end);
        }
        else
        {
            TellDuplicate(start, end);
        }
    }

    /// <summary>Notes a range beyond a gap for SACK blocks.</summary>
    private void TellEarly(SeqNumber start, SeqNumber end)
    {
        ReceiveBuffer inbox = Inbox;
        int place = inbox.Sacks.Find(start, end);
        if (place >= BlocksExpected)
        {
            SendCompressedAck();
        }

        inbox.Sacks.Add(place, start, end);
    }
}
