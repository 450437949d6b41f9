using System;
using System.Numerics;
using Earshot.Core.Memory;
using Earshot.Core.Tcp.Established.Sending;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <summary>What a datagram socket is beyond its options: a peer, a queue, a datagram being put together. Linux: struct
/// udp_sock.</summary>
internal sealed class UdpRole
{
    // A packet's descriptor, what the kernel keeps before and behind its data, and the smallest piece of memory.
    private const int Descriptor = 256;
    private const int Around = 64 + 28 + 320;
    private const int Smallest = 576;
    private const int LargestPiece = 16384;

    /// <summary>Bytes of the header.</summary>
    internal const int HeaderLength = 8;

    /// <summary>Bytes of the longest packet of IPv4, and of the longest that one of IPv6 carries.</summary>
    internal const int Longest = 65535;

    private DatagramQueue _queue;

    /// <summary>The peer of connect().</summary>
    internal InetEndpoint Remote { get; set; }

    internal bool IsConnected { get; set; }

    /// <summary>The last IP identification of a connected socket. Linux: inet_id.</summary>
    internal ushort Identification { get; set; }

    /// <summary>Datagrams lost because the receive buffer was full.</summary>
    internal uint Drops { get; set; }

    /// <summary>Bytes of the receive buffer that are taken. Linux: sk_rmem_alloc.</summary>
    internal int Charged { get; private set; }

    /// <summary>What links have of it that tell when they are done; null: it has sent nothing by such a link.</summary>
    internal LinkAccount? Account { get; set; }

    /// <summary>Bytes of the send buffer that are taken. Linux: sk_wmem_alloc.</summary>
    internal int Unsent => (int)(Account?.Bytes ?? 0);

    internal ref DatagramQueue Queue => ref _queue;

    /// <summary>A datagram that is being put together with UDP_CORK or MSG_MORE; null: none.</summary>
    internal CorkedDatagram? Cork { get; set; }

    /// <summary>What a datagram of so many bytes costs. Linux: SKB_TRUESIZE.</summary>
    internal static int CostOf(int length)
    {
        int head = Around + length;
        return head <= Smallest ? Descriptor + Smallest
            : head <= LargestPiece ? Descriptor + (int)BitOperations.RoundUpToPowerOf2((uint)head)
            : Descriptor + Smallest + length;
    }

    /// <summary>What a packet costs that is sent, of so many bytes with its header of IP. Linux:
    /// sock_alloc_send_pskb.</summary>
    internal static int CostToSend(int length, bool isIPv4)
    {
        const int Around4 = 31 + 320;
        const int Around6 = 24 + 320;
        int head = length + (isIPv4 ? Around4 : Around6);
        return Descriptor + (head <= Smallest ? Smallest : (int)BitOperations.RoundUpToPowerOf2((uint)head));
    }

    /// <summary>Queues a datagram if the receive buffer has room for it: one always fits into an empty queue. Linux:
    /// __udp_enqueue_schedule_skb.</summary>
    internal bool TryAdd(in WaitingDatagram datagram, ReadOnlySpan<byte> bytes, int limit, BufferPool pool)
    {
        int cost = CostOf(bytes.Length);
        if (Charged > 0 && Charged + cost > limit)
        {
            Drops++;
            return false;
        }

        WaitingDatagram added = datagram;
        added.Cost = cost;
        added.Drops = Drops;
        _queue.Add(added, bytes, pool);
        Charged += cost;
        return true;
    }

    internal void RemoveFirst(BufferPool pool)
    {
        Charged -= _queue[0].Cost;
        _queue.RemoveFirst(pool);
    }

    /// <summary>The socket is closed.</summary>
    internal void Clear(BufferPool pool)
    {
        if (Account is { } account)
        {
            account.Sender = null;
        }

        _queue.Clear(pool);
        Charged = 0;
        Cork = null;
    }
}

/// <summary>A datagram that is being put together, and what its first part said. Linux: inet_cork.</summary>
internal sealed class CorkedDatagram
{
    internal byte[] Bytes { get; set; } = new byte[2048];

    internal int Length { get; set; }

    internal DatagramRoute Route { get; init; }

    internal void Append(ReadOnlySpan<byte> more)
    {
        if (Bytes.Length < Length + more.Length)
        {
            byte[] larger = new byte[(int)BitOperations.RoundUpToPowerOf2((uint)(Length + more.Length))];
            Bytes.AsSpan(0, Length).CopyTo(larger);
            Bytes = larger;
        }

        more.CopyTo(Bytes.AsSpan(Length));
        Length += more.Length;
    }
}

/// <summary>Where and how a datagram is sent.</summary>
/// <param name="Route">The way.</param>
/// <param name="From">The source.</param>
/// <param name="To">The destination.</param>
/// <param name="Tos">Type of service or traffic class.</param>
/// <param name="Ttl">Hops; -1: the default.</param>
/// <param name="SegmentSize">UDP_SEGMENT; 0: one datagram.</param>
/// <param name="MustFit">IPV6_DONTFRAG of its own.</param>
/// <param name="Headers">What stands between the header of IP and UDP's; null: nothing.</param>
internal readonly record struct DatagramRoute(
    Ip.Route Route, InetEndpoint From, InetEndpoint To, byte Tos, short Ttl, ushort SegmentSize, bool MustFit,
    Ip.AddedHeaders? Headers)
{
    /// <summary>Bytes before the data.</summary>
    internal int HeaderLength => UdpRole.HeaderLength
        + (Headers?.HeaderLength(To.Address) ?? IpPacket.HeaderLengthFor(To.Address));

    /// <summary>Data that the longest datagram has. Linux: ip_append_data, ip6_append_data.</summary>
    internal int LongestPayload =>
        UdpRole.Longest + (To.Address.IsIPv4 ? 0 : IpPacket.IPv6HeaderLength) - CountedLength;

    /// <summary>Bytes before the data as limits count them. Linux: __ip6_append_data.</summary>
    internal int CountedLength => HeaderLength + (Headers?.DestinationLength ?? 0);
}
