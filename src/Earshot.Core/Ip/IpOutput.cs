using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>Builds packets where they will wait: in the outbox, or in the loopback queue.</summary>
/// <remarks>Linux: ip_queue_xmit, ip_local_out. A packet is written once, into the ring that it leaves from.</remarks>
internal sealed partial class IpOutput
{
    /// <summary>Packets that may wait on loopback. sysctl net.core.netdev_max_backlog.</summary>
    internal const int LoopbackLimit = 1000;

    private readonly StackContext _context;
    private readonly Chance _fragmentIdentifications;

    internal IpOutput(StackContext context)
    {
        _fragmentIdentifications = context.Stream(ChanceStream.Fragments);
        _context = context;
        Outbox = new PacketQueue(context.Options.TransmitQueueLimit);
    }

    /// <summary>Packets that wait for the caller.</summary>
    internal PacketQueue Outbox { get; }

    /// <summary>Packets to our own addresses.</summary>
    internal PacketQueue Loopback { get; } = new(LoopbackLimit);

    /// <summary>Where packets go that leave by Ethernet.</summary>
    internal ILinkOutput? Link { get; set; }

    /// <summary>Whether a capture looks on, so that checksums on loopback should be real.</summary>
    internal bool IsTapped { get; set; }

    /// <summary>Packets dropped because a queue held its limit.</summary>
    internal long Dropped { get; private set; }

    /// <summary>Packets that the queue of a route has room for.</summary>
    internal int RoomOf(in Route route) => Queue(route).Room;

    /// <summary>Whether nothing waits in the queue of a route.</summary>
    internal bool IsEmpty(in Route route) => Queue(route).Count == 0;

    /// <summary>Sends a TCP segment whose payload comes in up to two pieces.</summary>
    /// <param name="route">Where it goes.</param>
    /// <param name="ip">The IP header.</param>
    /// <param name="tcp">The TCP header.</param>
    /// <param name="first">The payload's first piece.</param>
    /// <param name="second">The payload's second piece; the first is of even length if this is not empty.</param>
    /// <param name="segmentSize">Payload bytes per segment when the link is to cut it; 0: it is one segment.</param>
    /// <param name="options">Further options, as many bytes as the header says.</param>
    /// <returns>False when the queue is full and the segment was dropped.</returns>
    internal bool SendTcp(
        in Route route,
        in IpFields ip,
        in TcpFields tcp,
        ReadOnlySpan<byte> first,
        ReadOnlySpan<byte> second,
        int segmentSize,
        ReadOnlySpan<byte> options = default)
    {
        if (options.Length == 0 && second.Length == 0 && TrySendUsual(route, ip, tcp, first))
        {
            return true;
        }

        int headerLength = tcp.HeaderLength + options.Length;
        int tcpLength = headerLength + first.Length + second.Length;
        PacketQueue queue = Queue(route);
        if (queue.IsFull)
        {
            return Drop(ip, tcp.SourcePort, tcp.DestinationPort, queue.Count);
        }

        int ipLength = IpPacket.HeaderLengthFor(ip.Destination);
        Span<byte> packet = Reserve(queue, route, ipLength + tcpLength);
        IpPacket.WriteHeader(packet, ip, tcpLength);
        Span<byte> segment = packet[ipLength..];
        tcp.WriteHeader(segment, out ulong headerSum);
        if (options.Length > 0)
        {
            options.CopyTo(segment[(headerLength - options.Length)..]);
            for (int i = 0; i < options.Length; i += sizeof(uint))
            {
                headerSum += BinaryPrimitives.ReadUInt32BigEndian(options[i..]);
            }
        }

        bool offload = (route.Offload & InterfaceOffload.Checksum) != 0 || (route.IsLocal && !IsTapped);
        var info = new PacketInfo(PacketFlags.None, mark: ip.Mark);
        if (offload)
        {
            first.CopyTo(segment[headerLength..]);
            second.CopyTo(segment[(headerLength + first.Length)..]);
            ulong pseudo = Checksum.PseudoHeader(ip.Source, ip.Destination, IpPacket.ProtocolTcp, tcpLength);
            TcpFields.WriteChecksum(segment, Checksum.Fold16(pseudo));
            info = new PacketInfo(
                PacketFlags.ChecksumPartial, (ushort)segmentSize, (ushort)ipLength,
                TcpSegment.ChecksumOffset, ip.Mark);
        }
        else
        {
            ulong sum = Checksum.FromBigEndian(
                headerSum + Checksum.AddressSum(ip.Source) + Checksum.AddressSum(ip.Destination)
                + IpPacket.ProtocolTcp + (uint)tcpLength);
            if (first.Length > 0)
            {
                sum = Checksum.CopyAndAdd(first, segment[headerLength..], sum);
                if (second.Length > 0)
                {
                    sum = AddSecond(first, second, segment[(headerLength + first.Length)..], sum);
                }

                sum = Checksum.Fold16(sum);
            }

            TcpFields.WriteChecksum(segment, (ushort)~sum);
        }

        if (tcp.Key is not null)
        {
            Sign(ip, tcp.Key, segment[..tcpLength], offload);
        }

        Commit(queue, route, ip.Destination, packet.Length, info);
        return true;
    }

    // Nearly every segment of a connection over IPv4, on a link that takes it complete.
    private bool TrySendUsual(in Route route, in IpFields ip, in TcpFields tcp, ReadOnlySpan<byte> data)
    {
        int length = UsualSegment.HeaderLength + data.Length;
        if (!tcp.Options.AreTimestampsAlone || tcp.Key is not null || !ip.Destination.IsIPv4
            || !TryBeginPlain(route, length, out Span<byte> packet))
        {
            return false;
        }

        ulong sum = UsualSegment.Write(packet, ip, tcp, data.Length);
        sum = Checksum.CopyAndAdd(data, packet[UsualSegment.HeaderLength..], sum);
        TcpFields.WriteChecksum(packet[IpPacket.MinimumHeaderLength..], Checksum.Finish(sum));
        EndPlain(route, length, ip.Mark);
        return true;
    }

    /// <summary>Fills in the digest, and the checksum anew unless the link does. Linux: tcp_v4_md5_hash_skb.</summary>
    private static void Sign(in IpFields ip, byte[] key, Span<byte> segment, bool offload)
    {
        const int DigestOffset = TcpSegment.MinimumHeaderLength + 4;
        int headerLength = segment[TcpSegment.DataOffsetOffset] >> 4 << 2;
        SegmentSignature.Compute(
            ip.Source, ip.Destination, segment, headerLength, key, segment.Slice(DigestOffset, Md5.DigestLength));
        if (!offload)
        {
            TcpFields.SumSegment(segment, ip.Source, ip.Destination);
        }
    }

    /// <summary>Sends a packet whose payload is written by the caller.</summary>
    /// <param name="route">Where it goes.</param>
    /// <param name="ip">The IP header.</param>
    /// <param name="payloadLength">Bytes of the payload.</param>
    /// <param name="payload">The place to write it.</param>
    /// <returns>False when the queue is full; nothing is to be written then.</returns>
    internal bool TryBegin(scoped in Route route, scoped in IpFields ip, int payloadLength, out Span<byte> payload)
    {
        PacketQueue queue = Queue(route);
        payload = default;
        if (queue.IsFull)
        {
            return Drop(ip, 0, 0, queue.Count);
        }

        int ipLength = IpPacket.HeaderLengthFor(ip.Destination);
        if (MustCut(route, ipLength + payloadLength))
        {
            return TryBeginUncut(route, ip, payloadLength, out payload);
        }

        Span<byte> packet = Reserve(queue, route, ipLength + payloadLength);
        IpPacket.WriteHeader(packet, ip, payloadLength);
        payload = packet[ipLength..];
        return true;
    }

    /// <summary>Lets the packet go that <see cref="TryBegin"/> began.</summary>
    /// <param name="route">Where it goes.</param>
    /// <param name="to">The destination.</param>
    /// <param name="payloadLength">Bytes of the payload.</param>
    internal void End(in Route route, in InetAddress to, int payloadLength)
    {
        if (_isUncut)
        {
            Cut(route, payloadLength);
            return;
        }

        Commit(Queue(route), route, to, IpPacket.HeaderLengthFor(to) + payloadLength, default);
    }

    /// <summary>Makes room for a whole packet of IPv4 on a link that takes packets complete and as they are, the
    /// shortest way.</summary>
    /// <param name="route">Where it goes.</param>
    /// <param name="length">Bytes of the packet.</param>
    /// <param name="packet">The place to write it, its checksums too.</param>
    /// <returns>False when it must go another way: the link is of another kind, or its queue is full.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryBeginPlain(scoped in Route route, int length, out Span<byte> packet)
    {
        bool isPlain = !route.IsLocal && !route.IsEthernet && (route.Offload & InterfaceOffload.Checksum) == 0
            && !Outbox.IsFull;
        packet = isPlain ? Outbox.Reserve(length) : default;
        return isPlain;
    }

    /// <summary>Lets the packet go that <see cref="TryBeginPlain"/> began.</summary>
    /// <param name="route">Where it goes.</param>
    /// <param name="length">Bytes of the packet.</param>
    /// <param name="mark">The packet's mark.</param>
    internal void EndPlain(in Route route, int length, uint mark = 0)
    {
        Mib mib = _context.Mib;
        mib.Count(Counter.IpOutRequests);
        mib.Count(Counter.IpOutTransmits);
        mib.Count(Counter.IpExtOutOctets, length);
        Outbox.Commit(length, route.Interface, new PacketInfo(PacketFlags.None, mark: mark), _context.Now);
    }

    // A first piece of odd length swaps the bytes of the second piece's sum.
    private static ulong AddSecond(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> target, ulong sum)
    {
        if ((first.Length & 1) == 0)
        {
            return Checksum.CopyAndAdd(second, target, sum);
        }

        ushort part = Checksum.Fold16(Checksum.CopyAndAdd(second, target, 0));
        return sum + System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(part);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private PacketQueue Queue(in Route route) => route.IsLocal ? Loopback : Outbox;

    private bool Drop(in IpFields ip, ushort from, ushort to, int waiting)
    {
        Dropped++;
        _context.Judge(
            new FourTuple(new InetEndpoint(ip.Source, from), new InetEndpoint(ip.Destination, to)),
            new Verdict(RuleId.PacketQueueFull, (uint)waiting));
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Commit(PacketQueue queue, in Route route, in InetAddress to, int length, PacketInfo info)
    {
        _context.Mib.Count(to.IsIPv4 ? Counter.IpOutRequests : Counter.Ip6OutRequests);
        Hand(queue, route, to, length, info);
    }

    /// <summary>The place for a packet of so many bytes, of whichever link.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Span<byte> Reserve(PacketQueue queue, scoped in Route route, int length) => route.IsEthernet
        ? queue.Reserve(EthernetFrame.HeaderLength + length)[EthernetFrame.HeaderLength..] : queue.Reserve(length);

    /// <summary>Hands the packet that was written into <see cref="Reserve"/> to its link.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Hand(PacketQueue queue, in Route route, in InetAddress to, int length, PacketInfo info)
    {
        if (route.IsEthernet)
        {
            Link!.Output(queue, route, to, length, info);
        }
        else
        {
            queue.Commit(length, route.Interface, info, _context.Now);
        }

        Mib mib = _context.Mib;
        bool isIPv4 = to.IsIPv4;
        mib.Count(isIPv4 ? Counter.IpOutTransmits : Counter.Ip6OutTransmits);
        mib.Count(isIPv4 ? Counter.IpExtOutOctets : Counter.Ip6OutOctets, length);
    }
}
