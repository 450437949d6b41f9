using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Earshot.Core.Wire;

/// <summary>The Internet checksum (RFC 1071): the one's-complement sum of 16-bit words.</summary>
/// <remarks>
/// Sums are kept in the machine's byte order and never swapped: the one's-complement sum of swapped words is the
/// swapped sum, so the folded result is stored as it is. A partial sum is 64 bits wide and folded once, at the end.
/// </remarks>
public static class Checksum
{
    /// <summary>Adds a span of bytes to a partial sum; an odd last byte counts as if a zero followed.</summary>
    /// <param name="data">The bytes; they must start at an even offset of the whole.</param>
    /// <param name="sum">The partial sum so far.</param>
    /// <returns>The new partial sum.</returns>
    public static ulong Add(ReadOnlySpan<byte> data, ulong sum = 0)
    {
        ref byte p = ref MemoryMarshal.GetReference(data);
        nuint length = (nuint)data.Length;
        nuint i = 0;
        if (Vector512.IsHardwareAccelerated && length >= 256)
        {
            sum = AddVector512(ref p, length, out i, sum);
        }
        else if (Vector256.IsHardwareAccelerated && length >= 64)
        {
            sum = AddVector256(ref p, length, out i, sum);
        }

        // Two 32-bit halves of each 64-bit word: no carry can be lost in a 64-bit accumulator.
        for (; i + 8 <= length; i += 8)
        {
            ulong word = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref p, i));
            sum += (uint)word;
            sum += word >> 32;
        }

        if (i + 4 <= length)
        {
            sum += Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref p, i));
            i += 4;
        }

        if (i + 2 <= length)
        {
            sum += Unsafe.ReadUnaligned<ushort>(ref Unsafe.Add(ref p, i));
            i += 2;
        }

        if (i < length)
        {
            byte last = Unsafe.Add(ref p, i);
            sum += BitConverter.IsLittleEndian ? last : (ulong)(last << 8);
        }

        return sum;
    }

    /// <summary>Copies bytes and adds them to a partial sum in one pass over the cache.</summary>
    /// <param name="source">The bytes; they must start at an even offset of the whole.</param>
    /// <param name="target">Where they go; at least as long.</param>
    /// <param name="sum">The partial sum so far.</param>
    /// <returns>The new partial sum.</returns>
    public static ulong CopyAndAdd(ReadOnlySpan<byte> source, Span<byte> target, ulong sum)
    {
        // Blocks that stay in the first-level cache: the copy brings them in, the sum finds them there.
        const int Block = 8192;
        while (source.Length > Block)
        {
            source[..Block].CopyTo(target);
            sum = Add(target[..Block], sum);
            source = source[Block..];
            target = target[Block..];
        }

        source.CopyTo(target);
        return Add(target[..source.Length], sum);
    }

    /// <summary>The partial sum of a pseudo-header (RFC 9293 §3.1, RFC 8200 §8.1).</summary>
    /// <param name="source">Source address.</param>
    /// <param name="destination">Destination address.</param>
    /// <param name="protocol">Protocol number, 6 for TCP.</param>
    /// <param name="length">Bytes of the segment, header included.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong PseudoHeader(InetAddress source, InetAddress destination, byte protocol, int length)
    {
        return FromBigEndian(AddressSum(source) + AddressSum(destination) + protocol + (uint)length);
    }

    /// <summary>The sum of an address's big-endian words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong AddressSum(in InetAddress address) => address.IsIPv4
        ? address.Bits
        : (address.High >> 32) + (uint)address.High + (address.Low >> 32) + (uint)address.Low;

    /// <summary>A sum of big-endian numbers as a partial sum: folded, in the machine's order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong FromBigEndian(ulong sum)
    {
        ushort folded = Fold16(sum);
        return BitConverter.IsLittleEndian ? System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(folded) : folded;
    }

    /// <summary>Folds a partial sum and complements it: the value to store in a header, in the machine's
    /// order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Finish(ulong sum) => (ushort)~Fold16(sum);

    /// <summary>Whether a sum over data that contains its own checksum is right.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsValid(ulong sum) => Fold16(sum) == 0xffff;

    /// <summary>Folds a partial sum to 16 bits without complementing it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Fold16(ulong sum)
    {
        sum = (sum & 0xffffffff) + (sum >> 32);
        sum = (sum & 0xffffffff) + (sum >> 32);
        uint low = (uint)sum;
        low = (low & 0xffff) + (low >> 16);
        low = (low & 0xffff) + (low >> 16);
        return (ushort)low;
    }

    private static ulong AddVector256(ref byte p, nuint length, out nuint done, ulong sum)
    {
        Vector256<ulong> even = Vector256<ulong>.Zero;
        Vector256<ulong> odd = Vector256<ulong>.Zero;
        Vector256<ulong> mask = Vector256.Create(0xfffffffful);
        nuint i = 0;
        for (; i + 32 <= length; i += 32)
        {
            Vector256<ulong> words = Vector256.LoadUnsafe(ref p, i).AsUInt64();
            even += words & mask;
            odd += words >>> 32;
        }

        done = i;
        return sum + Vector256.Sum(even) + Vector256.Sum(odd);
    }

    private static ulong AddVector512(ref byte p, nuint length, out nuint done, ulong sum)
    {
        Vector512<ulong> a = Vector512<ulong>.Zero;
        Vector512<ulong> b = Vector512<ulong>.Zero;
        Vector512<ulong> c = Vector512<ulong>.Zero;
        Vector512<ulong> d = Vector512<ulong>.Zero;
        Vector512<ulong> mask = Vector512.Create(0xfffffffful);
        nuint i = 0;
        for (; i + 128 <= length; i += 128)
        {
            Vector512<ulong> first = Vector512.LoadUnsafe(ref p, i).AsUInt64();
            Vector512<ulong> second = Vector512.LoadUnsafe(ref p, i + 64).AsUInt64();
            a += first & mask;
            b += first >>> 32;
            c += second & mask;
            d += second >>> 32;
        }

        done = i;
        return sum + Vector512.Sum(a + c) + Vector512.Sum(b + d);
    }
}
