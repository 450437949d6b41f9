using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Earshot.Core.Wire;

/// <summary>Reads and writes numbers of a header whose length is known, so without a check of each.</summary>
internal static class BigEndian
{
    /// <summary>Reads two bytes, the most significant first.</summary>
    /// <param name="start">Where the header begins.</param>
    /// <param name="offset">Where in it, in bytes; the caller has seen that both bytes are there.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ushort Read16(ref byte start, int offset)
    {
        ushort value = Unsafe.ReadUnaligned<ushort>(ref Unsafe.Add(ref start, offset));
        return BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;
    }

    /// <summary>Reads four bytes, the most significant first.</summary>
    /// <param name="start">Where the header begins.</param>
    /// <param name="offset">Where in it, in bytes; the caller has seen that all four are there.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Read32(ref byte start, int offset)
    {
        uint value = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref start, offset));
        return BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;
    }

    /// <summary>Writes two numbers of four bytes each, the most significant byte first.</summary>
    /// <param name="start">Where the header begins.</param>
    /// <param name="offset">Where in it, in bytes; the caller has seen that there is room for all eight.</param>
    /// <param name="first">The first number.</param>
    /// <param name="second">The second.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Write(ref byte start, int offset, uint first, uint second)
    {
        ulong both = ((ulong)first << 32) | second;
        Unsafe.WriteUnaligned(
            ref Unsafe.Add(ref start, offset),
            BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(both) : both);
    }

    /// <summary>Writes a number of four bytes, the most significant byte first.</summary>
    /// <param name="start">Where the header begins.</param>
    /// <param name="offset">Where in it, in bytes; the caller has seen that there is room for all four.</param>
    /// <param name="value">The number.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Write(ref byte start, int offset, uint value) => Unsafe.WriteUnaligned(
        ref Unsafe.Add(ref start, offset),
        BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value);
}
