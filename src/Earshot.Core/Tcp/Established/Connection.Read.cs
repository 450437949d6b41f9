using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>What a program reads. Linux: tcp_recvmsg_locked, tcp_recv_urg.</content>
internal sealed partial class Connection
{
    /// <summary>Bytes that can be read. Of a FIN that came twice one counts as a byte, as long as both are there.
    /// Linux: tcp_inq.</summary>
    internal int ReadableBytes => _receiveNext - _readNext is > 0 and var all && _finReceived ? all - 1
        : _receiveNext - _readNext;

    /// <summary>What recv() can have before the urgent mark. Linux: tcp_inq.</summary>
    internal int BytesBeforeMark => Urgent is { IsPending: true } urgent && !Options.UrgentInline
        && urgent.Seq >= _readNext && urgent.Seq < _receiveNext
        ? urgent.Seq - _readNext : ReadableBytes;

    /// <summary>Whether the next byte to be read is the urgent one. Linux: SIOCATMARK.</summary>
    internal bool IsAtMark => Urgent is { IsPending: true } urgent && urgent.Seq == _readNext;

    private bool HasUnreadFin => _finReceived && !_isFinRead;

    /// <summary>Bytes of memory that unread and early packets take. Linux: sk_rmem_alloc.</summary>
    private int ReceivedMemory => Unread?.Memory ?? 0;

    private int UnreadPackets => Unread?.Queue.Count ?? 0;

    private int EarlyPackets => Unread?.Beyond.Count ?? 0;

    /// <summary>The place of what is received; made when something comes, given back when all is read.</summary>
    private ReceiveBuffer Inbox => Live.Unread ??= _tcp.Memory.Rent();

    /// <summary>Reads bytes that are there.</summary>
    /// <param name="target">Where they go; with <see cref="MessageFlags.Cut"/> only its length counts.</param>
    /// <param name="flags">What to do: of the flags peek, cut and urgent count.</param>
    /// <param name="offset">Bytes that a peek passes over.</param>
    /// <param name="length">With <see cref="MessageFlags.Cut"/>, how many bytes are thrown away.</param>
    /// <returns>Bytes, 0 at the end of the stream, or a negated errno.</returns>
    internal int Read(
        Span<byte> target, MessageFlags flags = MessageFlags.None, int offset = 0, int length = 0)
    {
        Rouse();
        if ((flags & MessageFlags.Urgent) != 0)
        {
            return ReadUrgent(target, flags);
        }

        int room = (flags & MessageFlags.Cut) != 0 ? length : target.Length;
        int copied = CopyUnread(target, room, flags, offset, out bool ended);
        int result = copied > 0 || ended || (room == 0 && ReadableBytes > 0) ? copied : WhyNothing();
        AfterRead(copied);
        if ((flags & MessageFlags.Peek) == 0)
        {
            GiveBackInbox();
        }

        return result;
    }

    /// <summary>Why there is nothing to read: 0 for an end, or a negated errno.</summary>
    private int WhyNothing()
    {
        if (_finReceived)
        {
            return 0;
        }

        if (Error != 0)
        {
            return -TakeError();
        }

        return IsReadShut ? 0 : State == TcpState.Close ? -Errno.ENOTCONN : -Errno.EAGAIN;
    }

    private int CopyUnread(Span<byte> target, int room, MessageFlags flags, int offset, out bool ended)
    {
        int copied = 0;
        bool peek = (flags & MessageFlags.Peek) != 0;
        SeqNumber seq = _readNext + (peek ? offset : 0);
        ended = false;
        for (int i = 0; i < UnreadPackets && (copied < room || copied == 0); i += peek ? 1 : 0)
        {
            if (copied > 0 && Urgent is { IsPending: true } mark && mark.Seq == seq)
            {
                break;
            }

            ref ReceivedPacket packet = ref Unread!.Queue[i];
            SeqNumber dataEnd = packet.Seq + packet.Length;
            if (seq > dataEnd || (seq == dataEnd && !packet.HasFin))
            {
                continue;
            }

            int used = Math.Min(dataEnd - seq, room - copied);
            int hole = Urgent is { IsPending: true } ? StopAtMark(seq, ref used) : 0;
            if ((flags & MessageFlags.Cut) == 0 && used > 0)
            {
                Unread.Peek(seq + hole - _readNext, target.Slice(copied, used));
            }

            copied += used;
            seq += hole + used;
            if (!peek)
            {
                Consume(seq, used > 0);
            }

            if (seq < dataEnd)
            {
                if (room == copied)
                {
                    break;
                }

                i -= peek ? 1 : 0;
                continue;
            }

            bool fin = packet.HasFin;
            if (!peek)
            {
                EatPacket(fin);
            }

            if (fin)
            {
                ended = true;
                break;
            }
        }

        return copied;
    }

    /// <summary>A read ends before the urgent byte, or passes over it when it begins there.</summary>
    /// <returns>The bytes passed over.</returns>
    private int StopAtMark(SeqNumber seq, ref int used)
    {
        uint distance = (uint)(Urgent!.Seq - seq);
        if (distance >= (uint)used)
        {
            return 0;
        }

        if (distance > 0)
        {
            used = (int)distance;
            return 0;
        }

        if (Options.UrgentInline)
        {
            return 0;
        }

        used--;
        return 1;
    }

    private void Consume(SeqNumber next, bool copied)
    {
        Unread!.Skip(next - _readNext);
        _readNext = next;
        if (copied)
        {
            AdjustReceiveSpace();
        }

        if (Urgent is { IsPending: true } urgent && _readNext > urgent.Seq)
        {
            urgent.State = UrgentState.None;
            Predict();
        }
    }

    /// <summary>A packet of which everything is read gives its memory back. Linux: tcp_eat_recv_skb.</summary>
    private void EatPacket(bool fin)
    {
        ReceiveBuffer inbox = Unread!;
        Charge(-inbox.Queue[0].Cost);
        inbox.Queue.RemoveFirst();
        if (fin)
        {
            _isFinRead = true;
            _readNext += 1;
        }

        if (inbox.Queue.Count == 0 && inbox.Beyond.Count == 0)
        {
            inbox.Release(_context.Buffers);
        }
    }

    /// <summary>Takes or gives back memory for received packets.</summary>
    private void Charge(int bytes)
    {
        ReceiveBuffer inbox = Unread!;
        inbox.Memory += bytes;
        _tcp.Memory.Received += bytes;
        if (bytes < 0)
        {
            Reclaim();
        }
    }

    /// <summary>An idle connection has no place for what it receives.</summary>
    private void GiveBackInbox()
    {
        if (Unread is { IsIdle: true } inbox)
        {
            Live.Unread = null;
            _tcp.Memory.Return(inbox);
        }
    }

    /// <summary>Everything that can be read goes; what lies beyond gaps stays.</summary>
    private void ForgetUnread()
    {
        if (Unread is { } inbox && (inbox.Beyond.Count > 0 || !inbox.Sacks.IsEmpty))
        {
            inbox.Skip(ReadableBytes);
            for (int i = 0; i < inbox.Queue.Count; i++)
            {
                Charge(-inbox.Queue[i].Cost);
            }

            inbox.Queue.Clear();
            _readNext = _receiveNext;
            return;
        }

        ForgetReceived();
    }

    /// <summary>Everything received and not read goes; what was promised stays promised.</summary>
    private void ForgetReceived()
    {
        if (Unread is { } inbox)
        {
            Live.Unread = null;
            _tcp.Memory.Return(inbox);
        }

        // A FIN that came after one that was read is a byte that nobody reads.
        _isFinLeft = HasUnreadFin || (_finReceived && _receiveNext > _readNext);
        _readNext = _receiveNext;
        _isFinRead = _finReceived;
    }

    /// <summary>The pending error, told once.</summary>
    internal int TakeError()
    {
        int error = Error;
        Error = 0;
        return error;
    }
}
