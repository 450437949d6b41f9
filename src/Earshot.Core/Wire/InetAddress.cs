using System;
using System.Buffers.Binary;
using System.Globalization;
using System.Net;

namespace Earshot.Core.Wire;

/// <summary>An IPv4 address, in 32 bits. (IPv6 gets its place here when it comes.)</summary>
/// <param name="Bits">The address as a number, most significant byte first: 127.0.0.1 is 0x7f000001.</param>
public readonly record struct InetAddress(uint Bits)
{
    /// <summary>Bytes of an address on the wire.</summary>
    public const int Length = 4;

    /// <summary>0.0.0.0: no address, or every address.</summary>
    public static InetAddress Any => default;

    /// <summary>127.0.0.1.</summary>
    public static InetAddress Loopback => new(0x7f000001);

    /// <summary>Whether this is 0.0.0.0.</summary>
    public bool IsAny => Bits == 0;

    /// <summary>Whether the address is in 127.0.0.0/8.</summary>
    public bool IsLoopback => Bits >> 24 == 127;

    /// <summary>Whether the address is in 224.0.0.0/4.</summary>
    public bool IsMulticast => Bits >> 28 == 0xe;

    /// <summary>Whether the address is 255.255.255.255.</summary>
    public bool IsLimitedBroadcast => Bits == uint.MaxValue;

    /// <summary>Reads an address of four bytes in network order.</summary>
    /// <param name="bytes">At least four bytes.</param>
    public static InetAddress Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt32BigEndian(bytes));

    /// <summary>Reads dotted-decimal text, four parts from 0 to 255, as <c>inet_pton</c> does.</summary>
    /// <param name="text">The text, without blanks.</param>
    /// <param name="address">The address, or 0.0.0.0 when the text is not one.</param>
    /// <returns>Whether the text is an address.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out InetAddress address)
    {
        address = default;
        uint bits = 0;
        int parts = 0;
        while (true)
        {
            int dot = text.IndexOf('.');
            ReadOnlySpan<char> part = dot < 0 ? text : text[..dot];
            if (part.Length is 0 or > 3 || !byte.TryParse(part, NumberStyles.None, null, out byte b))
            {
                return false;
            }

            bits = (bits << 8) | b;
            parts++;
            if (dot < 0)
            {
                break;
            }

            text = text[(dot + 1)..];
        }

        address = new InetAddress(bits);
        return parts == 4 || Fail(out address);

        static bool Fail(out InetAddress none)
        {
            none = default;
            return false;
        }
    }

    /// <summary>Reads dotted-decimal text.</summary>
    /// <exception cref="FormatException">The text is not an IPv4 address.</exception>
    public static InetAddress Parse(ReadOnlySpan<char> text) =>
        TryParse(text, out InetAddress address) ? address
            : throw new FormatException($"'{text}' is not an IPv4 address (four numbers 0..255 with dots)");

    /// <summary>Writes the address in network order.</summary>
    /// <param name="bytes">At least four bytes.</param>
    public void Write(Span<byte> bytes) => BinaryPrimitives.WriteUInt32BigEndian(bytes, Bits);

    /// <summary>The same address as .NET's own type.</summary>
    public IPAddress ToIPAddress() => new(BinaryPrimitives.ReverseEndianness(Bits));

    /// <summary>The address in dotted decimal.</summary>
    public override string ToString() => $"{Bits >> 24}.{(Bits >> 16) & 255}.{(Bits >> 8) & 255}.{Bits & 255}";
}
