using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Earshot.Core.Wire;

/// <summary>The ICMP message types that the stack knows (RFC 792).</summary>
public static class IcmpType
{
    /// <summary>Echo reply.</summary>
    public const byte EchoReply = 0;

    /// <summary>Destination unreachable.</summary>
    public const byte DestinationUnreachable = 3;

    /// <summary>Source quench.</summary>
    public const byte SourceQuench = 4;

    /// <summary>Redirect.</summary>
    public const byte Redirect = 5;

    /// <summary>Echo request.</summary>
    public const byte Echo = 8;

    /// <summary>Time exceeded.</summary>
    public const byte TimeExceeded = 11;

    /// <summary>Parameter problem.</summary>
    public const byte ParameterProblem = 12;

    /// <summary>Timestamp request.</summary>
    public const byte Timestamp = 13;

    /// <summary>Timestamp reply.</summary>
    public const byte TimestampReply = 14;

    /// <summary>The highest type that Linux knows; more is an error (NR_ICMP_TYPES).</summary>
    public const byte Maximum = 18;
}

/// <summary>The ICMPv6 message types that the stack knows (RFC 4443); those below 128 are errors.</summary>
public static class Icmp6Type
{
    /// <summary>Destination unreachable.</summary>
    public const byte DestinationUnreachable = 1;

    /// <summary>Packet too big.</summary>
    public const byte PacketTooBig = 2;

    /// <summary>Time exceeded.</summary>
    public const byte TimeExceeded = 3;

    /// <summary>Parameter problem.</summary>
    public const byte ParameterProblem = 4;

    /// <summary>Echo request.</summary>
    public const byte Echo = 128;

    /// <summary>Echo reply.</summary>
    public const byte EchoReply = 129;
}

/// <summary>A received ICMP message, seen in place; only <see cref="TryParse"/> makes one.</summary>
/// <remarks>
/// <code>
/// |     Type      |     Code      |           Checksum            |
/// |        Four bytes that the type gives a meaning               |
/// |        Data: what an echo carries, or the quoted packet       |
/// </code>
/// </remarks>
public readonly ref struct IcmpPacket
{
    /// <summary>Bytes of the header.</summary>
    public const int HeaderLength = 8;

    internal const int ChecksumOffset = 2;
    internal const int RestOffset = 4;

    private readonly ReadOnlySpan<byte> _bytes;

    private IcmpPacket(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>The message.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>Type.</summary>
    public byte Type => _bytes[0];

    /// <summary>Code.</summary>
    public byte Code => _bytes[1];

    /// <summary>The four bytes after the checksum.</summary>
    public uint Rest => BinaryPrimitives.ReadUInt32BigEndian(_bytes[RestOffset..]);

    /// <summary>What follows the header: an echo's data or the packet that an error quotes.</summary>
    public ReadOnlySpan<byte> Data => _bytes[HeaderLength..];

    /// <summary>Whether the checksum over the message is right.</summary>
    /// <param name="bytes">The payload of the IP packet.</param>
    public static bool IsChecksumValid(ReadOnlySpan<byte> bytes) => Checksum.IsValid(Checksum.Add(bytes));

    /// <summary>Gives a view of a message.</summary>
    /// <param name="bytes">The payload of the IP packet.</param>
    /// <param name="packet">The view.</param>
    /// <returns>Whether there are at least eight bytes.</returns>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out IcmpPacket packet)
    {
        packet = bytes.Length >= HeaderLength ? new IcmpPacket(bytes) : default;
        return bytes.Length >= HeaderLength;
    }

    /// <summary>Writes a message whose data is already behind the header, checksum included.</summary>
    /// <param name="message">The whole message: eight bytes of header and the data.</param>
    /// <param name="type">Type.</param>
    /// <param name="code">Code.</param>
    /// <param name="rest">The four bytes after the checksum.</param>
    public static void WriteHeader(Span<byte> message, byte type, byte code, uint rest)
    {
        message[0] = type;
        message[1] = code;
        message[2] = 0;
        message[3] = 0;
        BinaryPrimitives.WriteUInt32BigEndian(message[RestOffset..], rest);
        Unsafe.WriteUnaligned(ref message[ChecksumOffset], Checksum.Finish(Checksum.Add(message)));
    }
}
