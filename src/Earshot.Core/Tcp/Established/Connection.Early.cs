using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>Data beyond gaps, what is told of it, and what gives way when memory is short. Linux: tcp_data_queue_ofo,
/// tcp_ofo_queue, tcp_prune_queue, tcp_collapse.</content>
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
    }

    private EarlyOutcome Place(in TcpSegment segment, in ReceivedPacket packet)
    {
        ReceiveBuffer inbox = Inbox;
        int place = inbox.Beyond.CountUpTo(packet.Seq);
        SeqNumber from = packet.Seq;
        if (place > 0)
        {
            // The one before: since none lies inside of another, no other can reach as far.
            ref ReceivedPacket before = ref inbox.Beyond[place - 1];
            if (before.End > packet.Seq)
            {
                if (packet.End <= before.End)
                {
                    _context.Mib.Count(Counter.TcpExtTCPOFOMerge);
                    Tally.Drops++;
                    TellDuplicate(packet.Seq, packet.End);
                    return EarlyOutcome.Known;
                }

                if (packet.Seq > before.Seq)
                {
                    TellDuplicate(packet.Seq, before.End);
                    from = before.End;
                }
                else
                {
                    // The same beginning, and longer: the old one goes.
                    ExtendDuplicate(before.Seq, before.End);
                    _context.Mib.Count(Counter.TcpExtTCPOFOMerge);
                    Tally.Drops++;
                    place--;
                    RemoveEarly(place, 1);
                }
            }
            else if (before.TryAppend(packet, _windowUpdated, out int more))
            {
                _context.Mib.Count(Counter.TcpExtTCPRcvCoalesce);
                Charge(more);
                Store(segment, from);
                return EarlyOutcome.Appended;
            }
        }

        Store(segment, from);
        inbox.Beyond.Insert(place, packet);
        Charge(packet.Cost);
        RemoveCovered(place + 1, packet.End);
        return EarlyOutcome.Inserted;
    }

    private void Store(in TcpSegment segment, SeqNumber from)
    {
        int skip = from - segment.Seq;
        if (skip < segment.PayloadLength)
        {
            Unread!.Write(from - _readNext, segment.Payload[skip..], _context.Buffers);
        }
    }

    /// <summary>Removes those that a new packet covers, and tells of what it has in common with the next.</summary>
    private void RemoveCovered(int place, SeqNumber end)
    {
        ReceiveBuffer inbox = Unread!;
        int covered = 0;
        while (place + covered < inbox.Beyond.Count)
        {
            ref ReceivedPacket next = ref inbox.Beyond[place + covered];
            if (end <= next.Seq)
            {
                break;
            }

            if (end < next.End)
            {
                ExtendDuplicate(next.Seq, end);
                break;
            }

            ExtendDuplicate(next.Seq, next.End);
            _context.Mib.Count(Counter.TcpExtTCPOFOMerge);
            Tally.Drops++;
            covered++;
        }

        RemoveEarly(place, covered);
    }

    private void RemoveEarly(int place, int count)
    {
        for (int i = 0; i < count; i++)
        {
            Charge(-Unread!.Beyond[place + i].Cost);
        }

        if (count > 0)
        {
            Unread!.Beyond.Remove(place, count);
        }
    }

    private void DropEarly(int count)
    {
        Tally.Drops += count;
        RemoveEarly(0, count);
    }

    /// <summary>Makes the packets readable that follow without a gap now. Linux: tcp_ofo_queue.</summary>
    private void JoinEarly()
    {
        ReceiveBuffer inbox = Unread!;
        SeqNumber high = _receiveNext;
        while (inbox.Beyond.Count > 0 && inbox.Beyond[0].Seq <= _receiveNext)
        {
            ReceivedPacket packet = inbox.Beyond[0];
            if (packet.Seq < high)
            {
                SeqNumber known = packet.End < high ? packet.End : high;
                ExtendDuplicate(packet.Seq, known);
            }

            RemoveEarly(0, 1);
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

    /// <summary>Makes room for a packet. Linux: tcp_try_rmem_schedule.</summary>
    private bool TryMakeRoom(SeqNumber seq, int cost)
    {
        if (!(IsWithinBuffer && _tcp.Memory.MayTake(ReceivedMemory, cost)) && !TryPrune(seq))
        {
            return false;
        }

        if (cost > ReservedMemory)
        {
            Inbox.Given = ToNextPage(ReceivedMemory + QueuedMemory + cost);
        }

        return true;
    }

    private bool IsWithinBuffer => ReceivedMemory <= Options.ReceiveBuffer;

    /// <summary>Lets unneeded memory go. Linux: tcp_prune_queue.</summary>
    private bool TryPrune(SeqNumber seq)
    {
        if (ReceivedMemory == 0)
        {
            return false;
        }

        _context.Mib.Count(Counter.TcpExtPruneCalled);
        if (ReceivedMemory > Options.ReceiveBuffer)
        {
            ClampWindow();
        }
        else
        {
            LimitUnderPressure();
        }

        if (IsWithinBuffer)
        {
            return true;
        }

        ReceiveBuffer inbox = Unread!;
        CollapseEarly(inbox);
        if (inbox.Queue.Count > 0)
        {
            Collapse(ref inbox.Queue, 0, inbox.Queue.Count, _readNext, _receiveNext);
        }

        if (!IsWithinBuffer)
        {
            PruneEarly(inbox, seq);
        }

        if (IsWithinBuffer)
        {
            return true;
        }

        _context.Mib.Count(Counter.TcpExtRcvPruned);
        _isPredicting = false;
        return false;
    }

    /// <summary>A buffer that nobody set grows with what is in it. Linux: tcp_clamp_window.</summary>
    private void ClampWindow()
    {
        int most = _context.Sysctls.TcpRmem[2];
        Ack.Quick = 0;
        if (Options.ReceiveBuffer < most && !Options.ReceiveBufferLocked && !_tcp.Memory.IsUnderPressure
            && _tcp.Memory.IsPlenty)
        {
            ChangeOptions().ReceiveBuffer = Math.Min(ReceivedMemory, most);
        }

        if (!IsWithinBuffer)
        {
            _receiveLimit = Math.Min(_windowLimit, 2 * AdvertisedPayload);
        }
    }

    /// <summary>Drops what lies highest, an eighth of the buffer at a time. Linux: tcp_prune_ofo_queue.</summary>
    private void PruneEarly(ReceiveBuffer inbox, SeqNumber seq)
    {
        int goal = Options.ReceiveBuffer >> 3;
        bool pruned = false;
        while (inbox.Beyond.Count > 0 && seq <= inbox.Beyond.Last.Seq)
        {
            goal -= inbox.Beyond.Last.Cost;
            pruned = true;
            Tally.Drops++;
            RemoveEarly(inbox.Beyond.Count - 1, 1);
            if (inbox.Beyond.Count == 0 || goal <= 0)
            {
                if (IsWithinBuffer && !_tcp.Memory.IsUnderPressure)
                {
                    break;
                }

                goal = Options.ReceiveBuffer >> 3;
            }
        }

        if (pruned)
        {
            _context.Mib.Count(Counter.TcpExtOfoPruned);
            inbox.Sacks.Clear();
        }
    }

    private void CollapseEarly(ReceiveBuffer inbox)
    {
        int tiny = 0;
        for (int first = 0; first < inbox.Beyond.Count;)
        {
            int count = 0;
            SeqNumber start = inbox.Beyond[first].Seq;
            SeqNumber end = inbox.Beyond[first].End;
            int cost = 0;
            while (first + count < inbox.Beyond.Count && inbox.Beyond[first + count].Seq <= end)
            {
                ref ReceivedPacket packet = ref inbox.Beyond[first + count];
                end = packet.End > end ? packet.End : end;
                cost += packet.Cost;
                count++;
            }

            if (count > 1 || end - start >= ReceivedPacket.LongestCopy)
            {
                count = Collapse(ref inbox.Beyond, first, count, start, end);
            }
            else if ((tiny += cost) > Options.ReceiveBuffer >> 3)
            {
                return;
            }

            first += count;
        }
    }

    /// <summary>Copies packets that waste memory into new ones of a page. Linux: tcp_collapse.</summary>
    /// <returns>How many packets they are now.</returns>
    private int Collapse(ref PacketRing packets, int first, int count, SeqNumber start, SeqNumber end)
    {
        int at = first;
        int last = first + count;
        while (at < last)
        {
            ref ReceivedPacket packet = ref packets[at];
            if (packet.End <= start)
            {
                RemoveCollapsed(ref packets, at);
                last--;
                continue;
            }

            bool gains = !packet.HasFin && (WindowFrom(packet.Cost) > packet.Length || packet.Seq < start);
            if (gains || (at + 1 < last && packet.End != packets[at + 1].Seq))
            {
                break;
            }

            start = packet.End;
            at++;
        }

        if (at == last || packets[at].HasFin)
        {
            return last - first;
        }

        while (start < end && at < last)
        {
            int room = Math.Min(ReceivedPacket.LongestCopy, end - start);
            SeqNumber begin = start;
            bool more = true;
            int size = room;
            while (room > 0 && more)
            {
                int take = Math.Min(room, packets[at].Seq + packets[at].Length - start);
                if (take > 0)
                {
                    room -= take;
                    start += take;
                }

                if (start >= packets[at].End)
                {
                    RemoveCollapsed(ref packets, at);
                    last--;
                    more = at < last && !packets[at].HasFin;
                }
            }

            ReceivedPacket copy = ReceivedPacket.Copy(begin, size);
            copy.Room += (ushort)room;
            copy.End = start;
            packets.Insert(at, copy);
            Charge(copy.Cost);
            at++;
            last++;
            if (!more)
            {
                break;
            }
        }

        return last - first;
    }

    private void RemoveCollapsed(ref PacketRing packets, int at)
    {
        _context.Mib.Count(Counter.TcpExtTCPRcvCollapsed);
        Charge(-packets[at].Cost);
        packets.Remove(at, 1);
    }
}
