using System;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using Earshot.Core.Wire;

namespace Earshot.Core;

/// <summary>SipHash-2-4: the keyed hash of sequence numbers, cookies and tables.</summary>
public static class SipHash
{
    /// <summary>Hashes two words.</summary>
    /// <param name="k0">First half of the key.</param>
    /// <param name="k1">Second half of the key.</param>
    /// <param name="m0">First eight bytes of the message, little-endian.</param>
    /// <param name="m1">Last eight bytes.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Hash(ulong k0, ulong k1, ulong m0, ulong m1)
    {
        var state = new State(k0, k1);
        state.Add(m0);
        state.Add(m1);
        return state.End(16ul << 56);
    }

    /// <summary>Hashes bytes.</summary>
    /// <param name="k0">First half of the key.</param>
    /// <param name="k1">Second half of the key.</param>
    /// <param name="message">The message.</param>
    public static ulong Hash(ulong k0, ulong k1, ReadOnlySpan<byte> message)
    {
        var state = new State(k0, k1);
        ulong last = (ulong)message.Length << 56;
        while (message.Length >= 8)
        {
            state.Add(BinaryPrimitives.ReadUInt64LittleEndian(message));
            message = message[8..];
        }

        for (int i = 0; i < message.Length; i++)
        {
            last |= (ulong)message[i] << (8 * i);
        }

        return state.End(last);
    }

    /// <summary>Hashes both ends of a connection as IPv6 addresses and ports, 36 bytes in network order.</summary>
    /// <param name="k0">First half of the key.</param>
    /// <param name="k1">Second half of the key.</param>
    /// <param name="tuple">The connection.</param>
    internal static ulong Hash(ulong k0, ulong k1, in FourTuple tuple)
    {
        Span<byte> record = stackalloc byte[36];
        tuple.Local.Address.WriteIPv6(record);
        tuple.Remote.Address.WriteIPv6(record[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(record[32..], tuple.Local.Port);
        BinaryPrimitives.WriteUInt16BigEndian(record[34..], tuple.Remote.Port);
        return Hash(k0, k1, record);
    }

    private ref struct State
    {
        private ulong _v0;
        private ulong _v1;
        private ulong _v2;
        private ulong _v3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal State(ulong k0, ulong k1)
        {
            _v0 = k0 ^ 0x736f6d6570736575;
            _v1 = k1 ^ 0x646f72616e646f6d;
            _v2 = k0 ^ 0x6c7967656e657261;
            _v3 = k1 ^ 0x7465646279746573;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal void Add(ulong word)
        {
            _v3 ^= word;
            Round();
            Round();
            _v0 ^= word;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal ulong End(ulong last)
        {
            Add(last);
            _v2 ^= 0xff;
            Round();
            Round();
            Round();
            Round();
            return _v0 ^ _v1 ^ _v2 ^ _v3;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Round()
        {
            _v0 += _v1;
            _v1 = BitOperations.RotateLeft(_v1, 13) ^ _v0;
            _v0 = BitOperations.RotateLeft(_v0, 32);
            _v2 += _v3;
            _v3 = BitOperations.RotateLeft(_v3, 16) ^ _v2;
            _v0 += _v3;
            _v3 = BitOperations.RotateLeft(_v3, 21) ^ _v0;
            _v2 += _v1;
            _v1 = BitOperations.RotateLeft(_v1, 17) ^ _v2;
            _v2 = BitOperations.RotateLeft(_v2, 32);
        }
    }
}
