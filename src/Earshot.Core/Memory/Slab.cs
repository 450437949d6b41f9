using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Earshot.Core.Memory;

/// <summary>Entries of one kind by the million, outside the garbage collector's heap, named by a number.</summary>
/// <typeparam name="T">The entry; at least four bytes, without references.</typeparam>
/// <remarks>Entries live in blocks that never move, so a <c>ref</c> stays good until its entry is freed.</remarks>
internal sealed unsafe class Slab<T> : IDisposable
    where T : unmanaged
{
    // 16 384 entries a block: a small stack stays small, a large one has a short table of blocks.
    private const int BlockShift = 14;
    private const int BlockSize = 1 << BlockShift;
    private const int BlockMask = BlockSize - 1;
    private const int NoFree = -1;

    private T*[] _blocks = new T*[4];
    private int _blockCount;
    private int _used;
    private int _firstFree = NoFree;

    internal Slab(int limit) => Limit = limit;

    ~Slab() => Release();

    /// <summary>Entries that may exist at a time.</summary>
    internal int Limit { get; }

    /// <summary>Entries that exist.</summary>
    internal int Count { get; private set; }

    /// <summary>Bytes of memory that the blocks take.</summary>
    internal long Bytes => (long)_blockCount * BlockSize * sizeof(T);

    /// <summary>An entry in place. The number is not checked: it must be of a live entry.</summary>
    internal ref T this[int index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref _blocks[index >> BlockShift][index & BlockMask];
    }

    /// <summary>Takes a free entry, zeroed.</summary>
    /// <returns>Its number, or -1 when <see cref="Limit"/> is reached.</returns>
    internal int Allocate()
    {
        int index = _firstFree;
        if (index != NoFree)
        {
            ref T entry = ref this[index];
            _firstFree = Unsafe.As<T, int>(ref entry);
            entry = default;
        }
        else
        {
            if (_used == Limit)
            {
                return -1;
            }

            if (_used == _blockCount << BlockShift)
            {
                AddBlock();
            }

            // A new block comes zeroed.
            index = _used++;
        }

        Count++;
        return index;
    }

    /// <summary>Gives an entry back.</summary>
    internal void Free(int index)
    {
        Unsafe.As<T, int>(ref this[index]) = _firstFree;
        _firstFree = index;
        Count--;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    private void AddBlock()
    {
        if (_blockCount == _blocks.Length)
        {
            var larger = new T*[_blocks.Length * 2];
            Array.Copy(_blocks, larger, _blocks.Length);
            _blocks = larger;
        }

        _blocks[_blockCount++] = (T*)NativeMemory.AllocZeroed(BlockSize, (nuint)sizeof(T));
    }

    private void Release()
    {
        for (int i = 0; i < _blockCount; i++)
        {
            NativeMemory.Free(_blocks[i]);
        }

        _blockCount = 0;
    }
}
