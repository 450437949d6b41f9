using System;
using System.Collections.Generic;
using System.Numerics;

namespace Earshot.Core.Tcp.Established.Recovery;

/// <summary>Rings that connections rent while they have something in flight.</summary>
/// <typeparam name="T">What the rings hold.</typeparam>
/// <remarks>The last one given back is the next one rented, so that a quiet exchange stays in the same few cache lines.
/// At most <see cref="KeptPerSize"/> items' worth of each size is kept.</remarks>
internal sealed class RingPool<T>
    where T : unmanaged
{
    internal const int SmallestSize = 16;
    private const int LargestSize = 1 << 24;
    private const int KeptPerSize = 1 << 16;

    private readonly Stack<T[]>[] _free = new Stack<T[]>[BitOperations.Log2(LargestSize) + 1];

    /// <summary>Rings that are rented out.</summary>
    internal int RentedCount { get; private set; }

    /// <summary>Rents a ring; its contents are anything.</summary>
    /// <param name="size">Its size, a power of two.</param>
    internal T[] Rent(int size)
    {
        Invariant.Check(size <= LargestSize, "no connection has more pieces in flight than its buffer has bytes");
        RentedCount++;
        Stack<T[]>? free = _free[BitOperations.Log2((uint)size)];
        return free is { Count: > 0 } ? free.Pop() : GC.AllocateUninitializedArray<T>(size);
    }

    /// <summary>Gives a ring back.</summary>
    internal void Return(T[] ring)
    {
        RentedCount--;
        ref Stack<T[]>? free = ref _free[BitOperations.Log2((uint)ring.Length)]!;
        free ??= new Stack<T[]>();
        if ((long)free.Count * ring.Length < KeptPerSize)
        {
            free.Push(ring);
        }
    }
}
