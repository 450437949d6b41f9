using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Earshot.Core;

/// <summary>SipHash-2-4 of messages of 16 bytes, four at a time: what a SYN cookie needs at once.</summary>
/// <remarks>The rounds of one hash wait for one another; those of four need no more time than those of one.</remarks>
internal static class SipHashLanes
{
    /// <summary>Four keys, mixed into what the rounds start from.</summary>
    internal readonly struct Keys
    {
        private readonly Vector256<ulong> _v0;
        private readonly Vector256<ulong> _v1;
        private readonly Vector256<ulong> _v2;
        private readonly Vector256<ulong> _v3;

        /// <summary>Mixes keys.</summary>
        /// <param name="k0">First halves of the keys.</param>
        /// <param name="k1">Second halves.</param>
        internal Keys(Vector256<ulong> k0, Vector256<ulong> k1)
        {
            _v0 = k0 ^ Vector256.Create(0x736f6d6570736575ul);
            _v1 = k1 ^ Vector256.Create(0x646f72616e646f6dul);
            _v2 = k0 ^ Vector256.Create(0x6c7967656e657261ul);
            _v3 = k1 ^ Vector256.Create(0x7465646279746573ul);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal void Start(
            out Vector256<ulong> v0, out Vector256<ulong> v1, out Vector256<ulong> v2, out Vector256<ulong> v3)
        {
            v0 = _v0;
            v1 = _v1;
            v2 = _v2;
            v3 = _v3;
        }
    }

    /// <summary>Hashes four messages, each under its own key.</summary>
    /// <param name="keys">The keys.</param>
    /// <param name="m0">First eight bytes of the messages, little-endian.</param>
    /// <param name="m1">Last eight bytes.</param>
    /// <remarks>A method of its own: in a large one the compiler may stop inlining between two rounds, and then all of
    /// them work in memory.</remarks>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static Vector256<ulong> Hash(in Keys keys, Vector256<ulong> m0, Vector256<ulong> m1)
    {
        keys.Start(
            out Vector256<ulong> v0, out Vector256<ulong> v1, out Vector256<ulong> v2, out Vector256<ulong> v3);
        v3 ^= m0;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        v0 ^= m0;
        v3 ^= m1;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        v0 ^= m1;
        Vector256<ulong> length = Vector256.Create(16ul << 56);
        v3 ^= length;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        v0 ^= length;
        v2 ^= Vector256.Create(0xfful);
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        return v0 ^ v1 ^ v2 ^ v3;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(
        ref Vector256<ulong> v0, ref Vector256<ulong> v1, ref Vector256<ulong> v2, ref Vector256<ulong> v3)
    {
        v0 += v1;
        v1 = Rotate(v1, 13) ^ v0;
        v0 = Rotate(v0, 32);
        v2 += v3;
        v3 = Rotate(v3, 16) ^ v2;
        v0 += v3;
        v3 = Rotate(v3, 21) ^ v0;
        v2 += v1;
        v1 = Rotate(v1, 17) ^ v2;
        v2 = Rotate(v2, 32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Rotate(Vector256<ulong> value, [ConstantExpected] byte count) =>
        Avx512F.VL.IsSupported ? Avx512F.VL.RotateLeft(value, count) : (value << count) | (value >> (64 - count));
}
