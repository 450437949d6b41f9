using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>What every packet of a socket has between the header of IP and the transport's: options of IPv4, or
/// extension headers of IPv6. Linux: struct ip_options_rcu, struct ipv6_txoptions.</summary>
internal sealed class AddedHeaders
{
    // RFC 8200 §4.3, §4.6.
    private const byte HopByHop = 0;
    private const byte DestinationOptions = 60;

    private readonly byte[] _bytes;
    private readonly byte _first;

    private AddedHeaders(byte[] bytes, byte first, int cost, int destination)
    {
        _bytes = bytes;
        _first = first;
        Cost = cost;
        DestinationLength = destination;
    }

    /// <summary>The bytes as they are kept: record route and time stamps are filled in as each packet leaves.</summary>
    internal ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>By how much they make the payload of a segment smaller. Linux: icsk_ext_hdr_len.</summary>
    internal int Cost { get; }

    /// <summary>Bytes of options for the destination, which the limits of a datagram count twice. Linux:
    /// opt_flen.</summary>
    internal int DestinationLength { get; }

    /// <summary>Options of IPv4, a multiple of four bytes.</summary>
    internal static AddedHeaders Of(byte[] options) => new(options, 0, options.Length, 0);

    /// <summary>Extension headers of IPv6, each whole; null: there is none.</summary>
    /// <param name="hops">For each hop.</param>
    /// <param name="beforeRoute">For each place of a routing header, without which it is not sent; it costs its bytes
    /// all the same.</param>
    /// <param name="destination">For the destination.</param>
    /// <param name="protocol">The transport's.</param>
    internal static AddedHeaders? Of(
        byte[]? hops, byte[]? beforeRoute, byte[]? destination, byte protocol = IpPacket.ProtocolTcp)
    {
        if (hops is null && beforeRoute is null && destination is null)
        {
            return null;
        }

        byte[] bytes = [.. hops ?? [], .. destination ?? []];
        if (bytes.Length > 0)
        {
            bytes[0] = hops is not null && destination is not null ? DestinationOptions : protocol;
            bytes[destination is not null ? hops?.Length ?? 0 : 0] = protocol;
        }

        byte first = bytes.Length == 0 ? protocol : hops is not null ? HopByHop : DestinationOptions;
        return new AddedHeaders(bytes, first, bytes.Length + (beforeRoute?.Length ?? 0), destination?.Length ?? 0);
    }

    /// <summary>Bytes of the whole header.</summary>
    internal int HeaderLength(in InetAddress destination) =>
        IpPacket.HeaderLengthFor(destination) + _bytes.Length;

    /// <summary>Writes the header of IPv6 of a piece, and what stands before that which says that it is one: all.
    /// Linux:
    /// ip6_find_1stfragopt.</summary>
    /// <param name="packet">Where.</param>
    /// <param name="ip">The header of the whole.</param>
    /// <param name="payloadLength">Bytes from the fragment header on.</param>
    internal void WritePiece(Span<byte> packet, in IpFields ip, int payloadLength)
    {
        const byte Fragment = 44;
        WriteIPv6(packet, ip, payloadLength);
        int last = DestinationLength > 0 ? _bytes.Length - DestinationLength : 0;
        packet[IpPacket.IPv6HeaderLength + last] = Fragment;
    }

    /// <summary>Writes the header of IPv6 and what follows it.</summary>
    internal void WriteIPv6(Span<byte> packet, in IpFields ip, int payloadLength)
    {
        const int NextHeaderOffset = 6;
        IpPacket.WriteHeader(packet, ip, _bytes.Length + payloadLength);
        packet[NextHeaderOffset] = _first;
        _bytes.CopyTo(packet[IpPacket.IPv6HeaderLength..]);
    }
}
