using System;
using System.Buffers.Binary;

namespace Earshot.Core.Wire;

/// <summary>A received Ethernet frame, seen in place; only <see cref="TryParse"/> makes one.</summary>
/// <remarks>
/// <code>
/// | Destination (6 bytes) | Source (6 bytes) | Type (2 bytes) | Payload, perhaps padded to 46 bytes |
/// </code>
/// </remarks>
public readonly ref struct EthernetFrame
{
    /// <summary>Bytes of the header.</summary>
    public const int HeaderLength = 14;

    /// <summary>The type of IPv4.</summary>
    public const ushort TypeIPv4 = 0x0800;

    /// <summary>The type of ARP.</summary>
    public const ushort TypeArp = 0x0806;

    /// <summary>The type of IPv6.</summary>
    public const ushort TypeIPv6 = 0x86dd;

    private const int SourceOffset = 6;
    private const int TypeOffset = 12;
    private readonly ReadOnlySpan<byte> _bytes;

    private EthernetFrame(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>To whom.</summary>
    public MacAddress Destination => MacAddress.Read(_bytes);

    /// <summary>From whom.</summary>
    public MacAddress Source => MacAddress.Read(_bytes[SourceOffset..]);

    /// <summary>What the payload is.</summary>
    public ushort Type => BinaryPrimitives.ReadUInt16BigEndian(_bytes[TypeOffset..]);

    /// <summary>The payload, padding included.</summary>
    public ReadOnlySpan<byte> Payload => _bytes[HeaderLength..];

    /// <summary>Gives a view of a frame.</summary>
    /// <param name="bytes">The bytes without preamble and check sequence.</param>
    /// <param name="frame">The view.</param>
    /// <returns>Whether there is a whole header.</returns>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out EthernetFrame frame)
    {
        frame = bytes.Length >= HeaderLength ? new EthernetFrame(bytes) : default;
        return bytes.Length >= HeaderLength;
    }

    /// <summary>Writes a header.</summary>
    /// <param name="target">At least 14 bytes.</param>
    /// <param name="destination">To whom.</param>
    /// <param name="source">From whom.</param>
    /// <param name="type">What follows.</param>
    public static void WriteHeader(Span<byte> target, MacAddress destination, MacAddress source, ushort type)
    {
        destination.Write(target);
        source.Write(target[SourceOffset..]);
        BinaryPrimitives.WriteUInt16BigEndian(target[TypeOffset..], type);
    }
}
