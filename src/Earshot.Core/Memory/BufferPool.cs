using System;
using System.Collections.Generic;
using System.Numerics;

namespace Earshot.Core.Memory;

/// <summary>Byte arrays that connections rent for their data and give back when it is gone.</summary>
/// <remarks>Sizes are powers of two; at most <see cref="KeptPerSize"/> of each size are kept for the next
/// renter.</remarks>
internal sealed class BufferPool
{
    internal const int SmallestSize = 4096;
    internal const int LargestSize = 1 << 27;
    internal const int KeptPerSize = 256;
    private const int KeptBytesPerSize = 64 << 20;

    private readonly Stack<byte[]>[] _free = new Stack<byte[]>[BitOperations.Log2(LargestSize) + 1];

    /// <summary>Bytes that are rented out.</summary>
    internal long RentedBytes { get; private set; }

    /// <summary>Rents an array of at least so many bytes; its contents are anything.</summary>
    internal byte[] Rent(int length)
    {
        int size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(length, SmallestSize));
        Invariant.Check(size is > 0 and <= LargestSize, "a buffer is at most 128 MiB");
        RentedBytes += size;
        Stack<byte[]>? free = _free[BitOperations.Log2((uint)size)];
        return free is { Count: > 0 } ? free.Pop() : GC.AllocateUninitializedArray<byte>(size);
    }

    /// <summary>Gives an array back.</summary>
    internal void Return(byte[] buffer)
    {
        RentedBytes -= buffer.Length;
        ref Stack<byte[]>? free = ref _free[BitOperations.Log2((uint)buffer.Length)]!;
        free ??= new Stack<byte[]>();
        if (free.Count < KeptPerSize && (long)free.Count * buffer.Length < KeptBytesPerSize)
        {
            free.Push(buffer);
        }
    }
}
