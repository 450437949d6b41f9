using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Earshot.Core.Wire;

/// <summary>Why bytes are not an IPv4 packet that can be taken in, in the order in which Linux looks.</summary>
public enum IpParseError : byte
{
    /// <summary>The packet is sound.</summary>
    None,

    /// <summary>Shorter than 20 bytes, a version other than 4, or a header length below 20 bytes.</summary>
    Header,

    /// <summary>Fewer bytes than the header length says.</summary>
    HeaderTruncated,

    /// <summary>The header checksum is wrong.</summary>
    Checksum,

    /// <summary>The total length is more than the bytes that are there.</summary>
    Truncated,

    /// <summary>The total length is less than the header length.</summary>
    TotalLength,
}

/// <summary>A received IPv4 packet, seen in place; only <see cref="Parse"/> makes one, so no accessor can
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
/// </code>
/// </remarks>
public readonly ref struct IpPacket
{
    /// <summary>Bytes of a header without options.</summary>
    public const int MinimumHeaderLength = 20;

    /// <summary>The protocol number of TCP.</summary>
    public const byte ProtocolTcp = 6;

    /// <summary>The protocol number of ICMP.</summary>
    public const byte ProtocolIcmp = 1;

    internal const int TosOffset = 1;
    internal const int TotalLengthOffset = 2;
    internal const int IdentificationOffset = 4;
    internal const int FragmentOffset = 6;
    internal const int TtlOffset = 8;
    internal const int ProtocolOffset = 9;
    internal const int ChecksumOffset = 10;
    internal const int SourceOffset = 12;
    internal const int DestinationOffset = 16;
    internal const ushort DontFragmentBit = 0x4000;
    private const ushort FragmentMask = 0x3fff;

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly int _headerLength;

    private IpPacket(ReadOnlySpan<byte> bytes, int headerLength)
    {
        _bytes = bytes;
        _headerLength = headerLength;
    }

    /// <summary>The packet, cut to its total length.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Bytes of the header, options included: 20 to 60.</summary>
    public int HeaderLength => _headerLength;

    /// <summary>What the packet carries.</summary>
    public ReadOnlySpan<byte> Payload => _bytes[_headerLength..];

    /// <summary>The header's options, 0 to 40 bytes.</summary>
    public ReadOnlySpan<byte> Options => _bytes[MinimumHeaderLength.._headerLength];

    /// <summary>Type of service: six bits of DSCP, two of ECN.</summary>
    public byte Tos => _bytes[TosOffset];

    /// <summary>Identification.</summary>
    public ushort Identification => BinaryPrimitives.ReadUInt16BigEndian(_bytes[IdentificationOffset..]);

    /// <summary>Whether the packet is a piece of a larger one: more fragments follow, or its offset is not 0.</summary>
    public bool IsFragment => (BinaryPrimitives.ReadUInt16BigEndian(_bytes[FragmentOffset..]) & FragmentMask) != 0;

    /// <summary>Whether this is a fragment other than the first.</summary>
    public bool IsLaterFragment => (BinaryPrimitives.ReadUInt16BigEndian(_bytes[FragmentOffset..]) & 0x1fff) != 0;

    /// <summary>Whether the packet must not be fragmented.</summary>
    public bool DontFragment => (BinaryPrimitives.ReadUInt16BigEndian(_bytes[FragmentOffset..]) & DontFragmentBit) != 0;

    /// <summary>Time to live, in hops.</summary>
    public byte Ttl => _bytes[TtlOffset];

    /// <summary>The protocol of the payload.</summary>
    public byte Protocol => _bytes[ProtocolOffset];

    /// <summary>Source address.</summary>
    public InetAddress Source => InetAddress.Read(_bytes[SourceOffset..]);

    /// <summary>Destination address.</summary>
    public InetAddress Destination => InetAddress.Read(_bytes[DestinationOffset..]);

    /// <summary>Checks bytes as Linux's <c>ip_rcv</c> does and gives a view of the packet.</summary>
    /// <param name="bytes">The bytes from the link; more than the total length is cut off.</param>
    /// <param name="packet">The view, empty when the bytes are refused.</param>
    /// <returns>What is wrong, in the order in which Linux looks; <see cref="IpParseError.None"/> when nothing
    /// is.</returns>
    public static IpParseError Parse(ReadOnlySpan<byte> bytes, out IpPacket packet)
    {
        packet = default;
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

        int totalLength = BinaryPrimitives.ReadUInt16BigEndian(bytes[TotalLengthOffset..]);
        if (totalLength > bytes.Length)
        {
            return IpParseError.Truncated;
        }

        if (totalLength < headerLength)
        {
            return IpParseError.TotalLength;
        }

        packet = new IpPacket(bytes[..totalLength], headerLength);
        return IpParseError.None;
    }

    /// <summary>Writes a header without options, checksum included.</summary>
    /// <param name="target">At least 20 bytes.</param>
    /// <param name="fields">What the header says.</param>
    /// <param name="payloadLength">Bytes that follow the header.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WriteHeader(Span<byte> target, in IpFields fields, int payloadLength)
    {
        // The header is put together and summed in registers: reading back what was just written in small pieces
        // would stall the processor.
        uint first = 0x45000000u | ((uint)fields.Tos << 16) | (ushort)(MinimumHeaderLength + payloadLength);
        uint second = ((uint)fields.Identification << 16) | (fields.DontFragment ? DontFragmentBit : 0u);
        uint third = ((uint)fields.Ttl << 24) | ((uint)fields.Protocol << 16);
        uint source = fields.Source.Bits;
        uint destination = fields.Destination.Bits;
        third |= Checksum.Finish((ulong)first + second + third + source + destination);
        target = target[..MinimumHeaderLength];
        BinaryPrimitives.WriteUInt64BigEndian(target, ((ulong)first << 32) | second);
        BinaryPrimitives.WriteUInt64BigEndian(target[TtlOffset..], ((ulong)third << 32) | source);
        BinaryPrimitives.WriteUInt32BigEndian(target[DestinationOffset..], destination);
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

/// <summary>What an IPv4 header to be sent says.</summary>
/// <param name="Source">Source address.</param>
/// <param name="Destination">Destination address.</param>
/// <param name="Protocol">Protocol of the payload.</param>
/// <param name="Identification">Identification.</param>
/// <param name="Tos">Type of service.</param>
/// <param name="Ttl">Time to live, in hops.</param>
/// <param name="DontFragment">Whether DF is set.</param>
public readonly record struct IpFields(
    InetAddress Source,
    InetAddress Destination,
    byte Protocol,
    ushort Identification,
    byte Tos,
    byte Ttl,
    bool DontFragment);
