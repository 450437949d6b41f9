using System;

namespace Earshot.Core.Tcp.Established.Recovery;

/// <summary>A queue in a ring that is rented while there is anything in it.</summary>
internal struct RentedRing<T>
    where T : unmanaged
{
    private T[]? _ring;
    private int _first;

    /// <summary>How many there are.</summary>
    internal int Count { get; private set; }

    internal readonly ref T this[int index] => ref _ring![(_first + index) & (_ring.Length - 1)];

    /// <summary>Makes room at the end. Its contents are anything: the caller sets every field.</summary>
    internal ref T Add(RingPool<T> pool)
    {
        if (_ring is null || Count == _ring.Length)
        {
            Grow(pool);
        }

        return ref this[Count++];
    }

    /// <summary>Makes room at the start, where <see cref="Add"/> has just made it at the end.</summary>
    internal void Turn() => _first = (_first - 1) & (_ring!.Length - 1);

    /// <summary>Forgets the first; an empty ring is given back.</summary>
    internal void RemoveFirst(RingPool<T> pool)
    {
        _first = (_first + 1) & (_ring!.Length - 1);
        RemoveLast(pool);
    }

    /// <summary>Forgets the last; an empty ring is given back.</summary>
    internal void RemoveLast(RingPool<T> pool)
    {
        if (--Count == 0)
        {
            Clear(pool);
        }
    }

    /// <summary>Forgets all.</summary>
    internal void Clear(RingPool<T> pool)
    {
        if (_ring is not null)
        {
            pool.Return(_ring);
            _ring = null;
        }

        Count = 0;
        _first = 0;
    }

    private void Grow(RingPool<T> pool)
    {
        T[] larger = pool.Rent(_ring is null ? RingPool<T>.SmallestSize : _ring.Length * 2);
        if (_ring is not null)
        {
            int straight = Math.Min(Count, _ring.Length - _first);
            Array.Copy(_ring, _first, larger, 0, straight);
            Array.Copy(_ring, 0, larger, straight, Count - straight);
            pool.Return(_ring);
        }

        _ring = larger;
        _first = 0;
    }
}
