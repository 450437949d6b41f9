using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Earshot.Core.Wire;

/// <summary>An IPv4 or IPv6 address, in 128 bits.</summary>
/// <remarks>
/// An IPv4 address and its IPv4-mapped form (::ffff:10.0.0.1) are one value, as they are one address to Linux's
/// tables; it is stored so that <c>default</c> is 0.0.0.0 and an IPv4 address is a number below 2^32. It is written as
/// one vector: a processor that finds two halves on their way to memory makes whoever copies the whole wait.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
public readonly struct InetAddress : IEquatable<InetAddress>
{
    /// <summary>Bytes of an IPv4 address on the wire.</summary>
    public const int Length = 4;

    /// <summary>Bytes of an IPv6 address on the wire.</summary>
    public const int IPv6Length = 16;

    // What the low half of an IPv4-mapped address has above its 32 bits.
    private const ulong Mapped = 0x0000ffff_00000000;

    private static readonly SearchValues<char> AllowedInIPv6 = SearchValues.Create("0123456789abcdefABCDEF:.");

    private readonly Vector128<ulong> _halves;

    /// <summary>Makes an IPv4 address.</summary>
    /// <param name="bits">The address as a number, most significant byte first: 127.0.0.1 is 0x7f000001.</param>
    public InetAddress(uint bits) => _halves = Vector128.CreateScalar((ulong)bits);

    /// <summary>Makes an IPv6 address.</summary>
    /// <param name="high">The first eight bytes as a number, most significant byte first.</param>
    /// <param name="low">The last eight bytes.</param>
    public InetAddress(ulong high, ulong low) => _halves = Vector128.Create(low ^ Mapped, high);

    /// <summary>0.0.0.0: no address, or every IPv4 address.</summary>
    public static InetAddress Any => default;

    /// <summary>The IPv6 address ::, no address or every one.</summary>
    public static InetAddress IPv6Any => new(0, 0);

    /// <summary>127.0.0.1.</summary>
    public static InetAddress Loopback => new(0x7f000001);

    /// <summary>The IPv6 address ::1.</summary>
    public static InetAddress IPv6Loopback => new(0, 1);

    /// <summary>Whether this is an IPv4 address, in whichever form it was given.</summary>
    public bool IsIPv4
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (_halves & Vector128.Create(0xffffffff_00000000, ulong.MaxValue)) == Vector128<ulong>.Zero;
    }

    /// <summary>Whether this is an IPv6 address that is not IPv4-mapped.</summary>
    public bool IsIPv6 => !IsIPv4;

    /// <summary>The IPv4 address as a number, most significant byte first; of an IPv6 address the last four
    /// bytes.</summary>
    public uint Bits => (uint)StoredLow;

    /// <summary>The first eight bytes of the IPv6 form, most significant byte first.</summary>
    public ulong High => StoredHigh;

    /// <summary>The last eight bytes of the IPv6 form.</summary>
    public ulong Low => StoredLow ^ Mapped;

    /// <summary>Whether this is 0.0.0.0 or ::.</summary>
    public bool IsAny => StoredHigh == 0 && (StoredLow == 0 || StoredLow == Mapped);

    /// <summary>Whether the address is in 127.0.0.0/8 or is ::1.</summary>
    public bool IsLoopback => StoredHigh == 0 && (StoredLow >> 24 == 127 || StoredLow == (Mapped ^ 1));

    /// <summary>Whether the address is in 224.0.0.0/4 or in ff00::/8.</summary>
    public bool IsMulticast => IsIPv4 ? StoredLow >> 28 == 0xe : StoredHigh >> 56 == 0xff;

    /// <summary>Whether the address is in fe80::/10.</summary>
    public bool IsLinkLocal => StoredHigh >> 54 == 0x3fa;

    /// <summary>Whether the address is 255.255.255.255.</summary>
    public bool IsLimitedBroadcast => StoredHigh == 0 && StoredLow == uint.MaxValue;

    private ulong StoredLow => _halves.ToScalar();

    private ulong StoredHigh => _halves.GetElement(1);

    /// <summary>Whether both are the same address.</summary>
    public static bool operator ==(in InetAddress left, in InetAddress right) =>
        left._halves == right._halves;

    /// <summary>Whether they are different addresses.</summary>
    public static bool operator !=(in InetAddress left, in InetAddress right) => !(left == right);

    /// <summary>Reads an IPv4 address of four bytes in network order.</summary>
    /// <param name="bytes">At least four bytes.</param>
    public static InetAddress Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt32BigEndian(bytes));

    /// <summary>Reads an IPv6 address of sixteen bytes in network order.</summary>
    /// <param name="bytes">At least sixteen bytes.</param>
    public static InetAddress ReadIPv6(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));

    /// <summary>Reads text as <c>inet_pton</c> does: four parts from 0 to 255 with dots, or IPv6.</summary>
    /// <param name="text">The text, without blanks, brackets or a zone.</param>
    /// <param name="address">The address, or 0.0.0.0 when the text is not one.</param>
    /// <returns>Whether the text is an address.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out InetAddress address)
    {
        if (text.Contains(':'))
        {
            return TryParseIPv6(text, out address);
        }

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

        address = parts == 4 ? new InetAddress(bits) : default;
        return parts == 4;
    }

    /// <summary>Reads dotted-decimal or IPv6 text.</summary>
    /// <exception cref="FormatException">The text is not an address.</exception>
    public static InetAddress Parse(ReadOnlySpan<char> text) =>
        TryParse(text, out InetAddress address) ? address : throw new FormatException(
            $"'{text}' is not an IPv4 address (four numbers 0..255 with dots) nor an IPv6 address");

    /// <summary>Writes the address in network order: four bytes of an IPv4 address, else sixteen.</summary>
    /// <param name="bytes">At least so many bytes.</param>
    public void Write(Span<byte> bytes)
    {
        if (IsIPv4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes, Bits);
        }
        else
        {
            WriteIPv6(bytes);
        }
    }

    /// <summary>Writes the sixteen bytes of the IPv6 form, an IPv4 address IPv4-mapped.</summary>
    /// <param name="bytes">At least sixteen bytes.</param>
    public void WriteIPv6(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64BigEndian(bytes, High);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], Low);
    }

    /// <summary>The first bits of the address and zeros, as the address of a network.</summary>
    /// <param name="prefixLength">Bits that stay: 0 to 32 of an IPv4 address, 0 to 128 of an IPv6 address.</param>
    public InetAddress Network(int prefixLength) => IsIPv4
        ? new InetAddress(prefixLength == 0 ? 0 : Bits & (uint.MaxValue << (32 - prefixLength)))
        : new InetAddress(Kept(High, prefixLength), Kept(Low, prefixLength - 64));

    /// <summary>The same address as .NET's own type.</summary>
    public IPAddress ToIPAddress()
    {
        if (IsIPv4)
        {
            return new IPAddress(BinaryPrimitives.ReverseEndianness(Bits));
        }

        Span<byte> bytes = stackalloc byte[IPv6Length];
        WriteIPv6(bytes);
        return new IPAddress(bytes);
    }

    /// <inheritdoc/>
    public bool Equals(InetAddress other) => this == other;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is InetAddress other && this == other;

    /// <inheritdoc/>
    public override int GetHashCode() => IsIPv4
        ? (int)(Bits * 0x9e3779b1u)
        : (int)(((StoredHigh ^ (StoredLow * 0x9e3779b97f4a7c15)) * 0xbf58476d1ce4e5b9) >> 32);

    /// <summary>The address in dotted decimal, or as RFC 5952 writes an IPv6 address.</summary>
    public override string ToString() => IsIPv4
        ? $"{Bits >> 24}.{(Bits >> 16) & 255}.{(Bits >> 8) & 255}.{Bits & 255}"
        : ToIPAddress().ToString();

    private static ulong Kept(ulong half, int bits) =>
        bits <= 0 ? 0 : bits >= 64 ? half : half & (ulong.MaxValue << (64 - bits));

    private static bool TryParseIPv6(ReadOnlySpan<char> text, out InetAddress address)
    {
        // .NET's parser would take zones, brackets and ports too.
        address = default;
        if (text.ContainsAnyExcept(AllowedInIPv6) || !IPAddress.TryParse(text, out IPAddress? parsed))
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[IPv6Length];
        if (!parsed.TryWriteBytes(bytes, out int written) || written != IPv6Length)
        {
            return false;
        }

        address = ReadIPv6(bytes);
        return true;
    }
}
