using System;
using System.Buffers.Binary;
using System.Globalization;

namespace Earshot.Core.Wire;

/// <summary>An Ethernet address of 48 bits.</summary>
/// <param name="Bits">The address as a number, first byte highest.</param>
public readonly record struct MacAddress(ulong Bits)
{
    /// <summary>Bytes of an address.</summary>
    public const int Length = 6;

    /// <summary>ff:ff:ff:ff:ff:ff, every station of the link.</summary>
    public static MacAddress Broadcast => new(0xffff_ffff_ffff);

    /// <summary>Whether it names several stations.</summary>
    public bool IsMulticast => ((Bits >> 40) & 1) != 0;

    /// <summary>Whether it is all zeros, which is nobody's.</summary>
    public bool IsZero => Bits == 0;

    /// <summary>The interface identifier that follows from it (modified EUI-64, RFC 4291 appendix A).</summary>
    public ulong InterfaceIdentifier => ((((Bits >> 24) ^ 0x020000) << 40) | (0xfffeUL << 24) | (Bits & 0xffffff));

    /// <summary>The address that frames to a multicast or broadcast address carry. RFC 1112 §6.4, RFC 2464
    /// §7.</summary>
    public static MacAddress ForGroup(in InetAddress group) => group.IsIPv4
        ? group.IsMulticast ? new MacAddress(0x0100_5e00_0000UL | (group.Bits & 0x7fffff)) : Broadcast
        : new MacAddress(0x3333_0000_0000UL | (group.Low & 0xffffffff));

    /// <summary>Reads six bytes.</summary>
    public static MacAddress Read(ReadOnlySpan<byte> bytes) => new(
        ((ulong)BinaryPrimitives.ReadUInt16BigEndian(bytes) << 32) | BinaryPrimitives.ReadUInt32BigEndian(bytes[2..]));

    /// <summary>Reads <c>02:00:00:00:00:01</c>.</summary>
    /// <returns>Whether the text is an address.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out MacAddress address)
    {
        address = default;
        const int TextLength = 17;
        if (text.Length != TextLength)
        {
            return false;
        }

        ulong bits = 0;
        for (int i = 0; i < Length; i++)
        {
            bool separated = i == 0 || text[(i * 3) - 1] is ':' or '-';
            if (!separated || !byte.TryParse(
                text.Slice(i * 3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte b))
            {
                return false;
            }

            bits = (bits << 8) | b;
        }

        address = new MacAddress(bits);
        return true;
    }

    /// <summary>Reads <c>02:00:00:00:00:01</c>.</summary>
    /// <exception cref="FormatException">The text is not an address.</exception>
    public static MacAddress Parse(ReadOnlySpan<char> text) => TryParse(text, out MacAddress address)
        ? address : throw new FormatException($"'{text}' is not an Ethernet address, such as 02:00:00:00:00:01");

    /// <summary>Writes six bytes.</summary>
    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)(Bits >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(bytes[2..], (uint)Bits);
    }

    /// <summary>The address as <c>02:00:00:00:00:01</c>.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{(Bits >> 40) & 255:x2}:{(Bits >> 32) & 255:x2}:{(Bits >> 24) & 255:x2}:" +
        $"{(Bits >> 16) & 255:x2}:{(Bits >> 8) & 255:x2}:{Bits & 255:x2}");
}
