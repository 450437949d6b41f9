using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>What gives way when the memory of received packets is short. Linux: tcp_try_rmem_schedule, tcp_prune_queue,
/// tcp_collapse.</content>
internal sealed partial class Connection
{
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
            Collapse(ref inbox.Queue, 0, NoPlace, _readNext, _receiveNext);
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
        while (inbox.Beyond.Last is var last and not 0 && seq <= inbox.Beyond.At(last).Seq)
        {
            goal -= inbox.Beyond.At(last).Cost;
            pruned = true;
            Tally.Drops++;
            RemoveEarly(last);
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
        ref PacketTree early = ref inbox.Beyond;
        int tiny = 0;
        for (int first = early.First; first != 0;)
        {
            SeqNumber start = early.At(first).Seq;
            SeqNumber end = early.At(first).End;
            int cost = 0;
            int after = first;
            int count = 0;
            for (; after != 0 && early.At(after).Seq <= end; after = early.Next(after), count++)
            {
                ref ReceivedPacket packet = ref early.At(after);
                end = packet.End > end ? packet.End : end;
                cost += packet.Cost;
            }

            if (count > 1 || end - start >= ReceivedPacket.LongestCopy)
            {
                Collapse(ref early, first, after, start, end);
            }
            else if ((tiny += cost) > Options.ReceiveBuffer >> 3)
            {
                return;
            }

            first = after;
        }
    }

    /// <summary>Copies packets that waste memory into new ones of a page. Linux: tcp_collapse.</summary>
    /// <param name="packets">Where they are.</param>
    /// <param name="at">The first.</param>
    /// <param name="stop">The one after the last; <see cref="NoPlace"/> for all.</param>
    /// <param name="start">The first byte's number.</param>
    /// <param name="end">Where their bytes end.</param>
    private void Collapse<T>(ref T packets, int at, int stop, SeqNumber start, SeqNumber end)
        where T : struct, IPacketOrder
    {
        while (HasBefore(packets, at, stop))
        {
            ref ReceivedPacket packet = ref packets.At(at);
            if (packet.End <= start)
            {
                at = RemoveCollapsed(ref packets, at);
                continue;
            }

            int next = packets.Next(at);
            bool gains = !packet.HasFin && (WindowFrom(packet.Cost) > packet.Length || packet.Seq < start);
            if (gains || (HasBefore(packets, next, stop) && packet.End != packets.At(next).Seq))
            {
                break;
            }

            start = packet.End;
            at = next;
        }

        bool more = HasBefore(packets, at, stop) && !packets.At(at).HasFin;
        while (more && start < end)
        {
            int room = Math.Min(ReceivedPacket.LongestCopy, end - start);
            SeqNumber begin = start;
            int size = room;
            while (room > 0 && more)
            {
                int take = Math.Min(room, packets.At(at).Seq + packets.At(at).Length - start);
                if (take > 0)
                {
                    room -= take;
                    start += take;
                }

                if (start >= packets.At(at).End)
                {
                    at = RemoveCollapsed(ref packets, at);
                    more = HasBefore(packets, at, stop) && !packets.At(at).HasFin;
                }
            }

            ReceivedPacket copy = ReceivedPacket.Copy(begin, size);
            copy.Room += (ushort)room;
            copy.End = start;
            at = packets.Put(at, copy);
            Charge(copy.Cost);
        }

        packets.Settle();
    }

    private const int NoPlace = -1;

    private static bool HasBefore<T>(in T packets, int at, int stop)
        where T : struct, IPacketOrder => at != stop && packets.Has(at);

    private int RemoveCollapsed<T>(ref T packets, int at)
        where T : struct, IPacketOrder
    {
        _context.Mib.Count(Counter.TcpExtTCPRcvCollapsed);
        Charge(-packets.At(at).Cost);
        return packets.Remove(at);
    }
}
