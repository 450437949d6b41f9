using System;
using Earshot.Core.Congestion;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>Received data and the peer's FIN. Linux: tcp_data_queue, tcp_fin.</summary>
internal sealed partial class Connection
{
    private void TakeData(in TcpSegment segment)
    {
        if (segment.SegmentLength == 0)
        {
            // Nothing to take in; an ACK that is owed stays owed.
            return;
        }

        Unread?.Sacks.ForgetDuplicate();
        if (segment.Seq <= _receiveNext && segment.EndSeq > _receiveNext)
        {
            TakeNext(segment);
            return;
        }

        if (segment.EndSeq <= _receiveNext)
        {
            // Wholly old: the peer has missed our ACK.
            _context.Mib.Count(Counter.TcpExtDelayedACKLost);
            TellDuplicate(segment.Seq, segment.EndSeq);
            RefuseData();
            return;
        }

        if (segment.Seq >= _receiveNext + RemainingWindow)
        {
            RefuseData();
            return;
        }

        TakeEarly(segment);
    }

    private void RefuseData()
    {
        Tally.Drops++;
        EnterQuickAck();
        Ack.Scheduled = true;
    }

    /// <summary>Takes a segment that what is expected next begins or lies in.</summary>
    private void TakeNext(in TcpSegment segment)
    {
        if (segment.Seq < _receiveNext)
        {
            TellDuplicate(segment.Seq, _receiveNext);
        }

        if (RemainingWindow == 0 && (segment.PayloadLength > 0 || segment.Seq < _receiveNext))
        {
            _context.Mib.Count(Counter.TcpExtTCPZeroWindowDrop);
            RefuseData();
            return;
        }

        ReceivedPacket packet = ReceivedPacket.Of(segment, _route.IsLocal);
        if (!TryMakeRoom(segment.Seq, packet.Cost))
        {
            Ack.NoMemory = Ack.Now = Ack.Scheduled = true;
            Notify(PollMask.In | PollMask.ReadNormal);
            if (UnreadPackets > 0 && segment.PayloadLength > 0)
            {
                _context.Mib.Count(Counter.TcpExtTCPRcvQDrop);
                Tally.Drops++;
                Judge(segment, RuleId.SegmentNoMemory);
                return;
            }
        }

        TakeInOrder(segment, packet);
        Predict();
    }

    /// <summary>Takes bytes that are next, and those beyond gaps that they reach. Linux: tcp_queue_rcv,
    /// tcp_ofo_queue.</summary>
    private void TakeInOrder(in TcpSegment segment, ReceivedPacket packet)
    {
        int skip = _receiveNext - segment.Seq;
        int length = segment.PayloadLength - skip;
        ReceiveBuffer inbox = Inbox;
        if (length > 0)
        {
            inbox.Write(_receiveNext - _readNext, segment.Payload[skip..], _context.Buffers);
        }

        AddUnread(packet);
        if (segment.PayloadLength > 0)
        {
            OnDataEvent(segment, packet);
        }

        if (packet.HasFin)
        {
            OnFin();
        }

        if (inbox.Beyond.Count > 0)
        {
            JoinEarly();
            Ack.Now |= inbox.Beyond.Count == 0;
        }

        if (inbox.Sacks.Count > 0)
        {
            if (inbox.Beyond.Count == 0)
            {
                inbox.Sacks.ForgetBlocks();
            }
            else
            {
                inbox.Sacks.RemoveBefore(_receiveNext);
            }
        }

        NotifyReadable();
    }

    /// <summary>Puts a packet at the end of what can be read. Linux: tcp_queue_rcv.</summary>
    private void AddUnread(in ReceivedPacket packet)
    {
        ReceiveBuffer inbox = Unread!;
        int cost = packet.Cost;
        if (inbox.Queue.Count > 0 && inbox.Queue.Last.TryAppend(packet, _windowUpdated, out int more))
        {
            _context.Mib.Count(Counter.TcpExtTCPRcvCoalesce);
            cost = more;
        }
        else
        {
            inbox.Queue.Add(packet);
        }

        Charge(cost);
        Tally.BytesReceived += packet.End - _receiveNext;
        _receiveNext = packet.End;
    }

    private void NotifyReadable()
    {
        if (IsReadable || IsReadShut)
        {
            Notify(PollMask.In | PollMask.ReadNormal);
        }
    }

    /// <summary>Whether so much can be read that a program is woken. Linux: tcp_epollin_ready,
    /// tcp_stream_is_readable.</summary>
    private bool IsReadable
    {
        get
        {
            int available = _receiveNext - _readNext;
            if (available <= 0 || IsOpening)
            {
                return false;
            }

            int wanted = Math.Max(1, Options.ReceiveLowWater);
            if (Urgent is { IsPending: true } urgent && urgent.Seq == _readNext && !Options.UrgentInline)
            {
                wanted++;
            }

            return available >= wanted || IsMemoryShort || RemainingWindow <= (uint)Ack.PeerSegment;
        }
    }

    // Linux: tcp_rmem_pressure.
    private bool IsMemoryShort
    {
        get
        {
            int limit = Options.ReceiveBuffer;
            return _tcp.Memory.IsUnderPressure || ReceivedMemory > limit - (limit >> 3);
        }
    }

    /// <summary>The peer's FIN is next: it was taken in order. Linux: tcp_fin.</summary>
    private void OnFin()
    {
        Ack.Scheduled = true;
        _finReceived = true;
        IsReadShut = true;
        switch (State)
        {
            case TcpState.Established or TcpState.SynRecv:
                SetState(TcpState.CloseWait);
                EnterPingPongMode();
                break;
            case TcpState.FinWait1:
                SendAck();
                SetState(TcpState.Closing);
                break;
            case TcpState.FinWait2:
                SendAck();
                DropEarly();
                EnterTimeWait(isFinWait2: false, TimeWait.Length);
                return;
        }

        // Only now: an ACK that was just sent still tells of what lies beyond the FIN.
        DropEarly();
        Unread?.Sacks.Clear();

        Notify(PollMask.In | PollMask.ReadNormal | PollMask.ReadHup);
    }

    private const int MarkBits = 3;
    private const int CongestionExperienced = 3;

    /// <summary>Without ECN a mark changes nothing but what TCP_INFO tells. Linux:
    /// tcp_ecn_received_counters.</summary>
    private void NoteMark(in TcpSegment segment) => _hasSeenEcn |= !_hasEcn && (segment.Tos & MarkBits) != 0;

    /// <summary>An ECN mark on data that is taken in (RFC 3168 §6.1.3). Linux: __tcp_data_ecn_check.</summary>
    private void CheckCongestionMark(in TcpSegment segment)
    {
        if (!_hasEcn || Accurate is not null)
        {
            return;
        }

        if (EchoesEachMark)
        {
            EchoMark(segment);
        }

        switch (segment.Tos & MarkBits)
        {
            case 0:
                if (_hasSeenEcn)
                {
                    // A packet without a mark among others with one was sent again: it is answered at once.
                    EnterQuickAck(AckState.QuickAfterMark);
                }

                break;
            case CongestionExperienced:
                if (!_echoesCongestion && !EchoesEachMark)
                {
                    // The sender shall learn of it soon.
                    EnterQuickAck(AckState.QuickAfterMark);
                    _echoesCongestion = true;
                }

                _hasSeenEcn = true;
                break;
            default:
                _hasSeenEcn = true;
                break;
        }
    }

    // Whether ACKs tell which packets were marked, and not until CWR that one was. RFC 8257 §3.2.
    private bool EchoesEachMark => (Algorithm.Traits & CongestionTraits.NeedsEcn) != 0;

    /// <summary>Marks begin or end: what was there before is acknowledged at once, for itself. RFC 8257 §3.2.</summary>
    private void EchoMark(in TcpSegment segment)
    {
        bool isMarked = (segment.Tos & MarkBits) == CongestionExperienced;
        if (isMarked == _echoesCongestion)
        {
            return;
        }

        if (_tcp.Timers.IsPending(_delayedAckTimer))
        {
            SeqNumber next = _receiveNext;
            _receiveNext = segment.Seq > _windowUpdated ? segment.Seq : _windowUpdated;
            _receiveNext = _receiveNext < next ? _receiveNext : next;
            SendAck();
            _receiveNext = next;
        }

        _echoesCongestion = isMarked;
        Ack.Scheduled = true;
        EnterQuickAck(1);
    }

    /// <summary>The peer has reduced its window: what was told need not be told on. Linux:
    /// tcp_ecn_accept_cwr.</summary>
    private void TakeWindowReduced(in TcpSegment segment)
    {
        if (_hasEcn && segment.Has(TcpFlags.Cwr) && Accurate is null)
        {
            _echoesCongestion &= EchoesEachMark;
            if (segment.PayloadLength > 0)
            {
                Ack.Now = true;
            }
        }
    }
}
