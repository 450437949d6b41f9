using System;
using System.Numerics;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>A received packet that waits to be read or lies beyond a gap, as Linux's memory holds it. Linux: struct
/// sk_buff.</summary>
/// <remarks>Its bytes are elsewhere (<see cref="ReceiveBuffer"/>); this is what it costs, which the window depends
/// on.</remarks>
internal struct ReceivedPacket
{
    // Linux: SKB_DATA_ALIGN(sizeof(struct sk_buff)), sizeof(struct skb_shared_info), NET_SKB_PAD, the small-head cache.
    private const int Descriptor = 256;
    private const int Behind = 320;
    private const int Headroom = 64;
    private const int SmallestHead = 576;
    private const int PageLength = 4096;

    // A device's packet up to this lies in one piece; of a longer one the first page does.
    private const int LongestPiece = (2 * PageLength) - Headroom - Behind;
    private const int FirstPiece = PageLength - Headroom - Behind;
    private const int MostFragments = 17;

    // A sender's data on the same host lies in pieces of 32 KB.
    private const int SenderPiece = 32768;

    /// <summary>What a packet of which nothing but headers lies in its head costs.</summary>
    internal const int EmptyCost = Descriptor + SmallestHead;

    /// <summary>The first byte's sequence number.</summary>
    internal SeqNumber Seq;

    /// <summary>The end, after a FIN if there is one.</summary>
    internal SeqNumber End;

    /// <summary>What it costs in bytes of memory. Linux: truesize.</summary>
    internal int Cost;

    /// <summary>Bytes that can be appended at no cost. Linux: skb_tailroom.</summary>
    internal ushort Room;

    /// <summary>Pages outside of the head. Linux: nr_frags.</summary>
    internal byte Fragments;

    /// <summary>What else there is to know.</summary>
    internal ReceivedMarks Marks;

    /// <summary>Whether the peer's FIN is its end.</summary>
    internal readonly bool HasFin => (Marks & ReceivedMarks.Fin) != 0;

    /// <summary>Payload bytes.</summary>
    internal readonly int Length => (End - Seq) - (HasFin ? 1 : 0);

    /// <summary>What a received segment is to the memory.</summary>
    /// <param name="segment">The segment.</param>
    /// <param name="isLocal">Whether it comes from this host: then the sender holds the same memory.</param>
    internal static ReceivedPacket Of(in TcpSegment segment, bool isLocal)
    {
        int length = segment.PayloadLength;
        var packet = new ReceivedPacket
        {
            Seq = segment.Seq,
            End = segment.EndSeq,
            Marks = segment.Has(TcpFlags.Fin) ? ReceivedMarks.Fin : ReceivedMarks.None,
        };
        if (isLocal)
        {
            packet.Cost = EmptyCost + length;
            packet.Fragments = (byte)((length + SenderPiece - 1) / SenderPiece);
            packet.Marks |= ReceivedMarks.Shared;
            return packet;
        }

        if (segment.SegmentSize > 0)
        {
            // Merged from several by the device: headers in the head, everything else in pages.
            packet.Fragments = (byte)((length + PageLength - 1) / PageLength);
            packet.Cost = EmptyCost + (packet.Fragments * PageLength);
            return packet;
        }

        int headers = (segment.Source.IsIPv4 ? 20 : 40) + segment.HeaderLength;
        packet.Marks |= ReceivedMarks.InHead;
        if (headers + length > LongestPiece)
        {
            packet.Fragments = (byte)((headers + length - FirstPiece + PageLength - 1) / PageLength);
            packet.Cost = Descriptor + ((1 + packet.Fragments) * PageLength);
            return packet;
        }

        int head = HeadFor(Headroom + headers + length + Behind);
        packet.Cost = Descriptor + head;
        packet.Room = (ushort)(head - Headroom - headers - length - Behind);
        return packet;
    }

    /// <summary>A new packet that others' bytes are copied into, a page at most. Linux: tcp_collapse.</summary>
    /// <param name="seq">The first byte's number.</param>
    /// <param name="length">Bytes, at most <see cref="LongestCopy"/>.</param>
    internal static ReceivedPacket Copy(SeqNumber seq, int length)
    {
        int head = HeadFor(length + Behind);
        return new ReceivedPacket
        {
            Seq = seq,
            End = seq + length,
            Cost = Descriptor + head,
            Room = (ushort)(head - Behind - length),
            Marks = ReceivedMarks.InHead,
        };
    }

    /// <summary>The bytes that one page holds. Linux: SKB_MAX_ORDER.</summary>
    internal const int LongestCopy = PageLength - Behind;

    /// <summary>Appends a packet to this one if the memory allows it. Linux: tcp_try_coalesce,
    /// skb_try_coalesce.</summary>
    /// <param name="next">The packet that may be one with this.</param>
    /// <param name="acknowledged">What was acknowledged: up to there no sender on this host holds memory.</param>
    /// <param name="cost">What this packet costs more from now on.</param>
    internal bool TryAppend(in ReceivedPacket next, SeqNumber acknowledged, out int cost)
    {
        cost = 0;
        if (next.Seq != End || ((Marks & ReceivedMarks.Shared) != 0 && End > acknowledged))
        {
            return false;
        }

        int length = next.Length;
        if (length <= (Fragments == 0 ? Room : 0))
        {
            Room -= (ushort)length;
        }
        else if ((next.Marks & ReceivedMarks.InHead) == 0 && Fragments + next.Fragments <= MostFragments)
        {
            cost = next.Cost - EmptyCost;
            Fragments += next.Fragments;
        }
        else
        {
            return false;
        }

        Cost += cost;
        End = next.End;
        Marks |= next.Marks & ReceivedMarks.Fin;
        return true;
    }

    private static int HeadFor(int bytes) =>
        bytes <= SmallestHead ? SmallestHead : (int)BitOperations.RoundUpToPowerOf2((uint)bytes);
}

/// <summary>What else there is to know of a <see cref="ReceivedPacket"/>.</summary>
[Flags]
internal enum ReceivedMarks : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The peer's FIN is its end.</summary>
    Fin = 1,

    /// <summary>Data lies in its head, so that its pages cannot be handed to another packet.</summary>
    InHead = 2,

    /// <summary>A sender on this host holds the same memory until the data is acknowledged.</summary>
    Shared = 4,
}
