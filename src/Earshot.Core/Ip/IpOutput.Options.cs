using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <content>Answers to packets with options. Linux: ip_options_build, ip_send_unicast_reply.</content>
internal sealed partial class IpOutput
{
    private int _optionsBegun;

    /// <summary>The options of what answers the packet that is being taken in; null: none.</summary>
    internal byte[]? ReplyOptions { get; set; }

    /// <summary>Which addresses are this host's.</summary>
    internal RouteTable Routes { get; set; } = null!;

    /// <summary>Sends a segment without data, with options of IP.</summary>
    /// <returns>False when the queue is full, or nothing can be answered to such options.</returns>
    internal bool SendTcpWithOptions(in Route route, in IpFields ip, in TcpFields tcp, byte[] options)
    {
        if (options.Length == 0)
        {
            return false;
        }

        PacketQueue queue = Queue(route);
        if (queue.IsFull)
        {
            return Drop(ip, tcp.SourcePort, tcp.DestinationPort, queue.Count);
        }

        int header = IpPacket.MinimumHeaderLength + options.Length;
        Span<byte> packet = Reserve(queue, route, header + tcp.HeaderLength);
        WriteHeader(packet, ip, options, tcp.HeaderLength);
        Span<byte> segment = packet[header..];
        tcp.WriteHeader(segment, out _);
        if (tcp.Key is not null)
        {
            Sign(ip, tcp.Key, segment, offload: false);
        }
        else
        {
            TcpFields.SumSegment(segment, ip.Source, ip.Destination);
        }

        Commit(queue, route, ip.Destination, packet.Length, new PacketInfo(PacketFlags.None, mark: ip.Mark));
        return true;
    }

    /// <summary>Sends a segment of a connection that adds headers; the link does nothing for it.</summary>
    /// <returns>False when the queue is full.</returns>
    internal bool SendTcpWithHeaders(
        AddedHeaders headers,
        in Route route,
        in IpFields ip,
        in TcpFields tcp,
        ReadOnlySpan<byte> first,
        ReadOnlySpan<byte> second,
        ReadOnlySpan<byte> options)
    {
        PacketQueue queue = Queue(route);
        if (queue.IsFull)
        {
            return Drop(ip, tcp.SourcePort, tcp.DestinationPort, queue.Count);
        }

        int header = headers.HeaderLength(ip.Destination);
        int tcpHeader = tcp.HeaderLength + options.Length;
        Span<byte> packet = Reserve(queue, route, header + tcpHeader + first.Length + second.Length);
        Span<byte> segment = packet[header..];
        WriteAdded(packet, ip, headers, segment.Length);
        tcp.WriteHeader(segment);
        options.CopyTo(segment[(tcpHeader - options.Length)..]);
        first.CopyTo(segment[tcpHeader..]);
        second.CopyTo(segment[(tcpHeader + first.Length)..]);
        if (tcp.Key is not null)
        {
            Sign(ip, tcp.Key, segment, offload: false);
        }
        else
        {
            TcpFields.SumSegment(segment, ip.Source, ip.Destination);
        }

        Commit(queue, route, ip.Destination, packet.Length, new PacketInfo(PacketFlags.None, mark: ip.Mark));
        return true;
    }

    /// <summary>As <see cref="TryBegin"/>, with headers that a program asks for; <see cref="EndWith"/> lets it
    /// go.</summary>
    internal bool TryBeginWith(
        AddedHeaders headers, scoped in Route route, scoped in IpFields ip, int payloadLength, out Span<byte> payload)
    {
        int header = headers.HeaderLength(ip.Destination);
        PacketQueue queue = Queue(route);
        payload = default;
        if (queue.IsFull)
        {
            return Drop(ip, 0, 0, queue.Count);
        }

        if (MustCut(route, header + payloadLength))
        {
            _uncutHeaders = headers;
            return TryBeginUncut(route, ip, payloadLength, out payload);
        }

        Span<byte> packet = Reserve(queue, route, header + payloadLength);
        WriteAdded(packet, ip, headers, payloadLength);
        payload = packet[header..];
        return true;
    }

    /// <summary>Lets the packet go that <see cref="TryBeginWith"/> began.</summary>
    internal void EndWith(AddedHeaders headers, in Route route, in InetAddress to, int payloadLength)
    {
        if (_isUncut)
        {
            Cut(route, payloadLength);
            return;
        }

        Commit(Queue(route), route, to, headers.HeaderLength(to) + payloadLength, default);
    }

    private void WriteAdded(Span<byte> packet, in IpFields ip, AddedHeaders headers, int payloadLength)
    {
        if (ip.Destination.IsIPv4)
        {
            WriteHeader(packet, ip, headers.Bytes, payloadLength);
        }
        else
        {
            headers.WriteIPv6(packet, ip, payloadLength);
        }
    }

    /// <summary>As <see cref="TryBegin"/>, with <see cref="ReplyOptions"/>; <see cref="EndReply"/> lets it
    /// go.</summary>
    internal bool TryBeginReply(
        scoped in Route route, scoped in IpFields ip, int payloadLength, out Span<byte> payload)
    {
        _optionsBegun = 0;
        int header = IpPacket.MinimumHeaderLength + (ReplyOptions?.Length ?? 0);

        if (ReplyOptions is not { } options)
        {
            return TryBegin(route, ip, payloadLength, out payload);
        }

        payload = default;
        PacketQueue queue = Queue(route);
        if (options.Length == 0)
        {
            return false;
        }

        if (MustCut(route, header + payloadLength))
        {
            return TryBeginWith(AddedHeaders.Of(options), route, ip, payloadLength, out payload);
        }

        if (queue.IsFull)
        {
            return Drop(ip, 0, 0, queue.Count);
        }

        Span<byte> packet = Reserve(queue, route, header + payloadLength);
        WriteHeader(packet, ip, options, payloadLength);
        _optionsBegun = options.Length;
        payload = packet[header..];
        return true;
    }

    /// <summary>Lets the packet go that <see cref="TryBeginReply"/> began.</summary>
    internal void EndReply(in Route route, in InetAddress to, int payloadLength)
    {
        if (_optionsBegun == 0)
        {
            End(route, to, payloadLength);
            return;
        }

        int length = IpPacket.MinimumHeaderLength + _optionsBegun + payloadLength;
        Commit(Queue(route), route, to, length, default);
    }

    private void WriteHeader(Span<byte> packet, scoped in IpFields ip, ReadOnlySpan<byte> options, int payloadLength)
    {
        const int Version4 = 0x40;
        IpPacket.WriteHeader(packet, ip, options.Length + payloadLength);
        Span<byte> header = packet[..(IpPacket.MinimumHeaderLength + options.Length)];
        header[0] = (byte)(Version4 | (header.Length / sizeof(uint)));
        Span<byte> target = header[IpPacket.MinimumHeaderLength..];
        options.CopyTo(target);
        IpOptions.Fill(target, Routes, ip.Source, _context.MillisecondsOfDay, counts: false);
        IpPacket.WriteChecksum(header);
    }
}
