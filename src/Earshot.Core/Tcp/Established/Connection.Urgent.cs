using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>How far an urgent byte has come. Linux: urg_data.</summary>
internal enum UrgentState : byte
{
    /// <summary>There is none.</summary>
    None,

    /// <summary>It was told of. Linux: TCP_URG_NOTYET.</summary>
    Announced,

    /// <summary>It is there. Linux: TCP_URG_VALID.</summary>
    Valid,

    /// <summary>It was read by MSG_OOB. Linux: TCP_URG_READ.</summary>
    Read,
}

/// <summary>A connection's urgent byte: made when the first one is told of.</summary>
internal sealed class UrgentByte
{
    /// <summary>Its sequence number. Linux: urg_seq.</summary>
    internal SeqNumber Seq;

    /// <summary>How far it has come.</summary>
    internal UrgentState State;

    /// <summary>The byte.</summary>
    internal byte Value;

    /// <summary>Whether there is a mark in the stream.</summary>
    internal bool IsPending => State != UrgentState.None;
}

/// <content>Urgent data (RFC 9293 §3.8.5, RFC 6093). Linux: tcp_urg, tcp_check_urg, tcp_recv_urg.</content>
internal sealed partial class Connection
{
    private void TakeUrgent(in TcpSegment segment)
    {
        if (segment.Has(TcpFlags.Urg))
        {
            CheckUrgentPointer(segment);
        }

        if (Urgent is not { State: UrgentState.Announced } urgent)
        {
            return;
        }

        // Linux looks for it from the segment's first byte on, which is its header's: the byte before the data counts
        // as found.
        int at = urgent.Seq - segment.Seq + segment.HeaderLength;
        if (at >= 0 && at < segment.Whole.Length)
        {
            urgent.Value = segment.Whole[at];
            urgent.State = UrgentState.Valid;
            Notify(PollMask.Pri);
        }
    }

    private void CheckUrgentPointer(in TcpSegment segment)
    {
        // The pointer names the byte after the urgent one, unless it is to be as RFC 1122 has it.
        int pointer = segment.UrgentPointer;
        if (pointer != 0 && _context.Sysctls.TcpStdurg == 0)
        {
            pointer--;
        }

        SeqNumber seq = segment.Seq + pointer;
        if (_readNext > seq || seq < _receiveNext)
        {
            return;
        }

        UrgentByte urgent = Live.Urgent ??= new UrgentByte();
        if (urgent.IsPending && seq <= urgent.Seq)
        {
            return;
        }

        if (urgent.IsPending && urgent.Seq == _readNext && !Options.UrgentInline && _readNext != _receiveNext)
        {
            // The mark was just here: its byte goes, since the next one takes its place.
            PassOverOldMark();
        }

        urgent.State = UrgentState.Announced;
        urgent.Seq = seq;
        _isPredicting = false;
    }

    private void PassOverOldMark()
    {
        if (UnreadPackets == 0)
        {
            return;
        }

        ref ReceivedPacket packet = ref Unread!.Queue[0];
        SeqNumber next = _readNext + 1;
        bool empty = next == packet.End;
        Unread.Skip(1);
        _readNext = next;
        if (empty)
        {
            EatPacket(fin: false);
        }
    }

    private int ReadUrgent(Span<byte> target, MessageFlags flags)
    {
        if (Options.UrgentInline || Urgent is not { } urgent
            || urgent.State is UrgentState.None or UrgentState.Read)
        {
            return -Errno.EINVAL;
        }

        if (State == TcpState.Close && !_finReceived)
        {
            return -Errno.ENOTCONN;
        }

        if (urgent.State == UrgentState.Valid)
        {
            if ((flags & MessageFlags.Peek) == 0)
            {
                urgent.State = UrgentState.Read;
            }

            if (target.Length == 0)
            {
                return 0;
            }

            if ((flags & MessageFlags.Cut) == 0)
            {
                target[0] = urgent.Value;
            }

            return 1;
        }

        return State == TcpState.Close || IsReadShut ? 0 : -Errno.EAGAIN;
    }
}
