using System;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Earshot.Core.Memory;

/// <summary>Finds entries by a 32-bit hash: eight bytes a slot, open addressing, no tombstones.</summary>
/// <remarks>
/// A slot is the hash (the tag) and the entry's handle plus one; 0 is empty. The tag's low bits are its home slot, so
/// the table can grow without looking at the entries. At most two thirds of the slots are used.
/// </remarks>
internal sealed unsafe class TagIndex : IDisposable
{
    private const int SmallestSize = 64;

    private ulong* _slots;
    private uint _mask;
    private int _limit;

    internal TagIndex() => Allocate(SmallestSize);

    ~TagIndex() => Release();

    /// <summary>Entries in the index.</summary>
    internal int Count { get; private set; }

    /// <summary>Slots of the table.</summary>
    internal int Size => (int)_mask + 1;

    /// <summary>Bytes of memory that the table takes.</summary>
    internal long Bytes => (long)Size * sizeof(ulong);

    /// <summary>Starts to fetch a tag's home slot into the cache.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Prefetch(uint tag)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(_slots + (tag & _mask));
        }
    }

    /// <summary>Goes on to the next entry with a tag; start with <paramref name="position"/> equal to the
    /// tag.</summary>
    /// <returns>A handle whose entry must still be compared, or -1 when there are no more.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal int Next(uint tag, ref uint position)
    {
        while (true)
        {
            ulong slot = _slots[position & _mask];
            if (slot == 0)
            {
                return -1;
            }

            position++;
            if ((uint)slot == tag)
            {
                return (int)(slot >> 32) - 1;
            }
        }
    }

    /// <summary>Adds an entry; it must not be there.</summary>
    internal void Add(uint tag, int handle)
    {
        if (Count >= _limit)
        {
            Grow();
        }

        Put(((ulong)((uint)handle + 1) << 32) | tag);
        Count++;
    }

    /// <summary>Gives an entry's slot another handle.</summary>
    internal void Replace(uint tag, int oldHandle, int newHandle) =>
        _slots[Find(tag, oldHandle)] = ((ulong)((uint)newHandle + 1) << 32) | tag;

    /// <summary>Removes an entry; those behind it move up so that no gap parts them from their home.</summary>
    internal void Remove(uint tag, int handle)
    {
        uint hole = Find(tag, handle);
        uint next = hole;
        while (true)
        {
            next = (next + 1) & _mask;
            ulong slot = _slots[next];
            if (slot == 0)
            {
                break;
            }

            // It may move into the hole unless its home lies behind the hole.
            uint home = (uint)slot & _mask;
            if (((next - home) & _mask) >= ((next - hole) & _mask))
            {
                _slots[hole] = slot;
                hole = next;
            }
        }

        _slots[hole] = 0;
        Count--;
    }

    /// <summary>The handle in a slot, or -1: for walking the whole table in its order.</summary>
    internal int HandleAt(int slot) => (int)(_slots[slot] >> 32) - 1;

    /// <inheritdoc/>
    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    private uint Find(uint tag, int handle)
    {
        ulong wanted = ((ulong)((uint)handle + 1) << 32) | tag;
        uint position = tag & _mask;
        while (_slots[position] != wanted)
        {
            Invariant.Check(_slots[position] != 0, "an entry to be removed is in the index");
            position = (position + 1) & _mask;
        }

        return position;
    }

    private void Put(ulong slot)
    {
        uint position = (uint)slot & _mask;
        while (_slots[position] != 0)
        {
            position = (position + 1) & _mask;
        }

        _slots[position] = slot;
    }

    private void Grow()
    {
        ulong* old = _slots;
        int size = Size;
        Allocate(size * 2);
        for (int i = 0; i < size; i++)
        {
            if (old[i] != 0)
            {
                Put(old[i]);
            }
        }

        NativeMemory.Free(old);
    }

    private void Allocate(int size)
    {
        Invariant.Check(BitOperations.IsPow2(size), "an index has a power of two of slots");
        _slots = (ulong*)NativeMemory.AllocZeroed((nuint)size, sizeof(ulong));
        _mask = (uint)size - 1;
        _limit = size / 3 * 2;
    }

    private void Release()
    {
        NativeMemory.Free(_slots);
        _slots = null;
    }
}
