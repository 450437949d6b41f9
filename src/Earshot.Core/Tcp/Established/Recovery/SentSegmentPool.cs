using System;
using System.Collections.Generic;
using System.Numerics;

namespace Earshot.Core.Tcp.Established.Recovery;

/// <summary>Rings of pieces in flight, which connections rent while they have some.</summary>
/// <remarks>The last one given back is the next one rented, so that a quiet exchange stays in the same few cache lines.
/// At most <see cref="KeptPiecesPerSize"/> pieces' worth of each size is kept.</remarks>
internal sealed class SentSegmentPool
{
    internal const int SmallestSize = 16;
    private const int LargestSize = 1 << 24;
    private const int KeptPiecesPerSize = 1 << 16;

    private readonly Stack<SentSegment[]>[] _free =
        new Stack<SentSegment[]>[BitOperations.Log2(LargestSize) + 1];

    /// <summary>Rings that are rented out.</summary>
    internal int RentedCount { get; private set; }

    /// <summary>Rents a ring; its contents are anything.</summary>
    /// <param name="size">Its size, a power of two.</param>
    internal SentSegment[] Rent(int size)
    {
        Invariant.Check(size <= LargestSize, "no connection has more pieces in flight than its buffer has bytes");
        RentedCount++;
        Stack<SentSegment[]>? free = _free[BitOperations.Log2((uint)size)];
        return free is { Count: > 0 } ? free.Pop() : GC.AllocateUninitializedArray<SentSegment>(size);
    }

    /// <summary>Gives a ring back.</summary>
    internal void Return(SentSegment[] ring)
    {
        RentedCount--;
        ref Stack<SentSegment[]>? free = ref _free[BitOperations.Log2((uint)ring.Length)]!;
        free ??= new Stack<SentSegment[]>();
        if ((long)free.Count * ring.Length < KeptPiecesPerSize)
        {
            free.Push(ring);
        }
    }
}
