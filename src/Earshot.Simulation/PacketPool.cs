using System;
using System.Collections.Generic;

namespace Earshot.Simulation;

/// <summary>
/// Buffers for packets on their way, used again and again; bounded by how many were ever under way at once.
/// </summary>
internal sealed class PacketPool
{
    private static readonly int[] Sizes = [128, 2048, 65664];
    private readonly Stack<byte[]>[] _free = [new(), new(), new()];

    /// <summary>Takes a buffer.</summary>
    /// <param name="length">Bytes that must fit: at most 65664.</param>
    internal byte[] Rent(int length)
    {
        int size = SizeOf(length);
        return _free[size].TryPop(out byte[]? buffer) ? buffer : GC.AllocateUninitializedArray<byte>(Sizes[size]);
    }

    /// <summary>Gives a buffer back.</summary>
    internal void Return(byte[] buffer) => _free[SizeOf(buffer.Length)].Push(buffer);

    private static int SizeOf(int length) => length <= Sizes[0] ? 0 : length <= Sizes[1] ? 1 : 2;
}
