using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Earshot.Core.Wire;

/// <summary>Why bytes are not an IP packet that can be taken in, in the order in which Linux looks.</summary>
public enum IpParseError : byte
{
    /// <summary>The packet is sound.</summary>
    None,

    /// <summary>Shorter than the shortest header, a version other than 4 or 6, or a header length below 20
    /// bytes.</summary>
    Header,

    /// <summary>Fewer bytes than the header length says.</summary>
    HeaderTruncated,

    /// <summary>The header checksum is wrong.</summary>
    Checksum,

    /// <summary>The total or payload length is more than the bytes that are there.</summary>
    Truncated,

    /// <summary>The total length is less than the header length.</summary>
    TotalLength,
}

/// <summary>A received IPv4 or IPv6 packet, seen in place; only <see cref="Parse"/> makes one, so no accessor can
/// fail.</summary>
/// <remarks>
/// <code>
///  0               1               2               3
/// |Version|  IHL  |      TOS      |         Total Length          |
/// |        Identification         |Flags|     Fragment Offset     |
/// |      TTL      |   Protocol    |        Header Checksum        |
/// |                        Source Address                         |
/// |                      Destination Address                      |
/// |                        Options, if IHL > 5                     |
///
/// |Version| Traffic Class |           Flow Label                  |
/// |        Payload Length         |  Next Header  |   Hop Limit   |
/// |                 Source Address (16 bytes)                     |
/// |               Destination Address (16 bytes)                  |
/// </code>
/// </remarks>
public readonly ref struct IpPacket
{
    /// <summary>Bytes of a header without options.</summary>
    public const int MinimumHeaderLength = 20;

    /// <summary>Bytes of an IPv6 header without extension headers.</summary>
    public const int IPv6HeaderLength = 40;

    /// <summary>The protocol number of TCP.</summary>
    public const byte ProtocolTcp = 6;

    /// <summary>The protocol number of ICMP.</summary>
    public const byte ProtocolIcmp = 1;

    /// <summary>The protocol number of UDP.</summary>
    public const byte ProtocolUdp = 17;

    /// <summary>The protocol number of ICMPv6.</summary>
    public const byte ProtocolIcmpV6 = 58;

    internal const int TosOffset = 1;
    internal const int TotalLengthOffset = 2;
    internal const int IdentificationOffset = 4;
    internal const int FragmentOffset = 6;
    internal const int TtlOffset = 8;
    internal const int ProtocolOffset = 9;
    internal const int ChecksumOffset = 10;
    internal const int SourceOffset = 12;
    internal const int DestinationOffset = 16;
    internal const int PayloadLengthOffset = 4;
    internal const int NextHeaderOffset = 6;
    internal const int HopLimitOffset = 7;
    internal const int IPv6SourceOffset = 8;
    internal const int IPv6DestinationOffset = 24;
    internal const ushort DontFragmentBit = 0x4000;
    private const ushort FragmentMask = 0x3fff;

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly int _headerLength;
    private readonly byte _protocol;

    private IpPacket(ReadOnlySpan<byte> bytes, int headerLength, byte protocol)
    {
        _bytes = bytes;
        _headerLength = headerLength;
        _protocol = protocol;
    }

    /// <summary>Whether it is an IPv6 packet.</summary>
    public bool IsIPv6
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => At(0) >> 4 == 6;
    }

    /// <summary>The packet, cut to its total length.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Bytes of the header: 20 to 60 with options; of IPv6 40 and the extension headers walked so
    /// far.</summary>
    public int HeaderLength => _headerLength;

    /// <summary>What the packet carries.</summary>
    public ReadOnlySpan<byte> Payload => _bytes[_headerLength..];

    /// <summary>The IPv4 header's options, 0 to 40 bytes.</summary>
    public ReadOnlySpan<byte> Options => IsIPv6 ? default : _bytes[MinimumHeaderLength.._headerLength];

    /// <summary>Type of service, or traffic class: six bits of DSCP, two of ECN.</summary>
    public byte Tos => IsIPv6 ? (byte)(Read16(0) >> 4) : At(TosOffset);

    /// <summary>IPv6's flow label, 20 bits; 0 of an IPv4 packet.</summary>
    public uint FlowLabel => IsIPv6 ? Read32(0) & 0xfffff : 0;

    /// <summary>Identification of an IPv4 packet.</summary>
    public ushort Identification => Read16(IdentificationOffset);

    /// <summary>Whether an IPv4 packet is a piece of a larger one: more fragments follow, or its offset is not
    /// 0.</summary>
    public bool IsFragment =>
        !IsIPv6 && (Read16(FragmentOffset) & FragmentMask) != 0;

    /// <summary>Whether this is an IPv4 fragment other than the first.</summary>
    public bool IsLaterFragment =>
        !IsIPv6 && (Read16(FragmentOffset) & 0x1fff) != 0;

    /// <summary>Whether an IPv4 packet must not be fragmented.</summary>
    public bool DontFragment => (Read16(FragmentOffset) & DontFragmentBit) != 0;

    /// <summary>Time to live, or hop limit, in hops.</summary>
    public byte Ttl => At(IsIPv6 ? HopLimitOffset : TtlOffset);

    /// <summary>The protocol of the payload; of IPv6 the next header after those walked so far.</summary>
    public byte Protocol => _protocol;

    /// <summary>Source address.</summary>
    public InetAddress Source => IsIPv6
        ? InetAddress.ReadIPv6(_bytes[IPv6SourceOffset..]) : new InetAddress(Read32(SourceOffset));

    /// <summary>Destination address.</summary>
    public InetAddress Destination => IsIPv6
        ? InetAddress.ReadIPv6(_bytes[IPv6DestinationOffset..]) : new InetAddress(Read32(DestinationOffset));

    /// <summary>The partial sum of the payload's pseudo-header (RFC 9293 §3.1, RFC 8200 §8.1), added up from the
    /// addresses where they are.</summary>
    /// <param name="protocol">What the payload is.</param>
    internal ulong PseudoHeaderSum(byte protocol)
    {
        int length = _bytes.Length - _headerLength;
        if (IsIPv6)
        {
            return Checksum.PseudoHeader(Source, Destination, protocol, length);
        }

        ulong addresses = Unsafe.ReadUnaligned<ulong>(
            ref Unsafe.Add(ref MemoryMarshal.GetReference(_bytes), SourceOffset));
        uint rest = (uint)length + protocol;
        return (uint)addresses + (addresses >> 32)
            + (BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(rest) : rest);
    }

    /// <summary>The source address of an IPv4 packet as a number, most significant byte first.</summary>
    internal uint SourceBits => Read32(SourceOffset);

    /// <summary>The destination address of an IPv4 packet as a number.</summary>
    internal uint DestinationBits => Read32(DestinationOffset);

    /// <summary>The bytes of a header without options or extension headers, for an address's version.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int HeaderLengthFor(in InetAddress address) =>
        address.IsIPv4 ? MinimumHeaderLength : IPv6HeaderLength;

    /// <summary>Checks bytes as Linux's <c>ip_rcv</c> and <c>ipv6_rcv</c> do and gives a view of the packet.</summary>
    /// <param name="bytes">The bytes from the link; more than the total length is cut off.</param>
    /// <param name="packet">The view, empty when the bytes are refused.</param>
    /// <returns>What is wrong, in the order in which Linux looks; <see cref="IpParseError.None"/> when nothing
    /// is.</returns>
    public static IpParseError Parse(ReadOnlySpan<byte> bytes, out IpPacket packet)
    {
        packet = default;
        if (bytes.Length > 0 && bytes[0] >> 4 == 6)
        {
            return ParseIPv6(bytes, out packet);
        }

        if (bytes.Length < MinimumHeaderLength)
        {
            return IpParseError.Header;
        }

        int headerLength = (bytes[0] & 0xf) * 4;
        if (bytes[0] >> 4 != 4 || headerLength < MinimumHeaderLength)
        {
            return IpParseError.Header;
        }

        if (bytes.Length < headerLength)
        {
            return IpParseError.HeaderTruncated;
        }

        if (!Checksum.IsValid(HeaderSum(bytes, headerLength)))
        {
            return IpParseError.Checksum;
        }

        int totalLength = BigEndian.Read16(ref MemoryMarshal.GetReference(bytes), TotalLengthOffset);
        if (totalLength > bytes.Length)
        {
            return IpParseError.Truncated;
        }

        if (totalLength < headerLength)
        {
            return IpParseError.TotalLength;
        }

        packet = new IpPacket(bytes[..totalLength], headerLength, bytes[ProtocolOffset]);
        return IpParseError.None;
    }

    /// <summary>The packet with an extension header walked over.</summary>
    /// <param name="headerLength">Bytes up to the payload, at most all of them.</param>
    /// <param name="protocol">What the payload is.</param>
    internal IpPacket Beyond(int headerLength, byte protocol) => new(_bytes, headerLength, protocol);

    /// <summary>The same packet over a copy of its bytes, whose options may say more.</summary>
    internal IpPacket Over(ReadOnlySpan<byte> copy) => new(copy, _headerLength, _protocol);

    // Parse has seen that there are 20 bytes at least, so nothing within them is checked again.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte At(int offset) => Unsafe.Add(ref MemoryMarshal.GetReference(_bytes), offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ushort Read16(int offset) => BigEndian.Read16(ref MemoryMarshal.GetReference(_bytes), offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint Read32(int offset) => BigEndian.Read32(ref MemoryMarshal.GetReference(_bytes), offset);

    private static IpParseError ParseIPv6(ReadOnlySpan<byte> bytes, out IpPacket packet)
    {
        packet = default;
        if (bytes.Length < IPv6HeaderLength)
        {
            return IpParseError.Header;
        }

        // A payload length of 0 is that of a jumbogram, which is not taken: the bytes are cut to the header.
        int length = IPv6HeaderLength + BinaryPrimitives.ReadUInt16BigEndian(bytes[PayloadLengthOffset..]);
        if (length > bytes.Length)
        {
            return IpParseError.Truncated;
        }

        packet = new IpPacket(bytes[..length], IPv6HeaderLength, bytes[NextHeaderOffset]);
        return IpParseError.None;
    }

    /// <summary>Writes the checksum of an IPv4 header that has changed.</summary>
    internal static void WriteChecksum(Span<byte> header)
    {
        header[ChecksumOffset] = header[ChecksumOffset + 1] = 0;
        Unsafe.WriteUnaligned(ref header[ChecksumOffset], Checksum.Finish(Checksum.Add(header)));
    }

    /// <summary>Writes a header without options, an IPv4 one with its checksum.</summary>
    /// <param name="target">At least 20 bytes, for IPv6 addresses 40.</param>
    /// <param name="fields">What the header says.</param>
    /// <param name="payloadLength">Bytes that follow the header.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WriteHeader(Span<byte> target, in IpFields fields, int payloadLength)
    {
        if (!fields.Destination.IsIPv4)
        {
            WriteIPv6Header(target, fields, payloadLength);
            return;
        }

        WriteIPv4(
            ref MemoryMarshal.GetReference(target[..MinimumHeaderLength]), MinimumHeaderLength + payloadLength,
            fields.Tos, fields.Identification, fields.DontFragment, fields.Ttl, fields.Protocol, fields.Source.Bits,
            fields.Destination.Bits);
    }

    /// <summary>Writes an IPv4 header without options, with its checksum. It is put together and summed in registers:
    /// reading back what was just written in small pieces would stall the processor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void WriteIPv4(
        ref byte start, int length, byte tos, ushort identification, bool dontFragment, byte ttl, byte protocol,
        uint source, uint destination)
    {
        uint first = 0x45000000u | ((uint)tos << 16) | (ushort)length;
        uint second = ((uint)identification << 16) | (dontFragment ? DontFragmentBit : 0u);
        uint third = ((uint)ttl << 24) | ((uint)protocol << 16);
        third |= Checksum.Finish((ulong)first + second + third + source + destination);
        BigEndian.Write(ref start, 0, first, second);
        BigEndian.Write(ref start, TtlOffset, third, source);
        BigEndian.Write(ref start, DestinationOffset, destination);
    }

    private static void WriteIPv6Header(Span<byte> target, in IpFields fields, int payloadLength)
    {
        uint first = 0x60000000u | ((uint)fields.Tos << 20) | (fields.FlowLabel & 0xfffff);
        BinaryPrimitives.WriteUInt32BigEndian(target, first);
        BinaryPrimitives.WriteUInt16BigEndian(target[PayloadLengthOffset..], (ushort)payloadLength);
        target[NextHeaderOffset] = fields.Protocol;
        target[HopLimitOffset] = fields.Ttl;
        fields.Source.WriteIPv6(target[IPv6SourceOffset..]);
        fields.Destination.WriteIPv6(target[IPv6DestinationOffset..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong HeaderSum(ReadOnlySpan<byte> bytes, int headerLength)
    {
        if (headerLength != MinimumHeaderLength)
        {
            return Checksum.Add(bytes[..headerLength]);
        }

        ref byte p = ref Unsafe.AsRef(in bytes[0]);
        ulong a = Unsafe.ReadUnaligned<ulong>(ref p);
        ulong b = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref p, 8));
        return (a & 0xffffffff) + (a >> 32) + (b & 0xffffffff) + (b >> 32)
            + Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref p, 16));
    }
}

/// <summary>What an IP header to be sent says; the addresses say of which version it is.</summary>
/// <param name="Source">Source address.</param>
/// <param name="Destination">Destination address.</param>
/// <param name="Protocol">Protocol of the payload.</param>
/// <param name="Identification">Identification, of an IPv4 packet.</param>
/// <param name="Tos">Type of service, or traffic class.</param>
/// <param name="Ttl">Time to live, in hops.</param>
/// <param name="DontFragment">Whether DF is set, on an IPv4 packet.</param>
/// <param name="FlowLabel">20 bits, of an IPv6 packet.</param>
/// <param name="Mark">The mark that goes beside the packet, not in it: SO_MARK of its socket.</param>
public readonly record struct IpFields(
    InetAddress Source,
    InetAddress Destination,
    byte Protocol,
    ushort Identification,
    byte Tos,
    byte Ttl,
    bool DontFragment,
    uint FlowLabel = 0,
    uint Mark = 0);
