using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using Earshot.Core.Memory;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp;

/// <summary>Finds things by address and port: one array, open addressing, at most half of it used.</summary>
/// <remarks>The keys are a program's own, so that no stranger can make them collide.</remarks>
internal sealed class EndpointMap<T>
    where T : class
{
    private const int SmallestSize = 16;
    private Slot[] _slots = new Slot[SmallestSize];

    /// <summary>Keys in the map.</summary>
    internal int Count { get; private set; }

    internal bool TryGetValue(in InetEndpoint key, [NotNullWhen(true)] out T? value)
    {
        value = _slots[Find(key)].Value;
        return value is not null;
    }

    /// <summary>Adds a key, or gives it another value.</summary>
    internal void Set(in InetEndpoint key, T value)
    {
        int place = Find(key);
        if (_slots[place].Value is null && 2 * ++Count > _slots.Length)
        {
            Slot[] old = _slots;
            _slots = new Slot[2 * old.Length];
            foreach (Slot slot in old)
            {
                if (slot.Value is not null)
                {
                    _slots[Find(slot.Key)] = slot;
                }
            }

            place = Find(key);
        }

        _slots[place] = new Slot(key, value);
    }

    internal void Remove(in InetEndpoint key)
    {
        int hole = Find(key);
        Invariant.Check(_slots[hole].Value is not null, "what is removed is there");
        Count--;
        _slots[hole] = default;

        // What follows without a gap may have been pushed past the hole: it finds its place anew.
        int mask = _slots.Length - 1;
        for (int place = (hole + 1) & mask; _slots[place].Value is not null; place = (place + 1) & mask)
        {
            Slot slot = _slots[place];
            _slots[place] = default;
            _slots[Find(slot.Key)] = slot;
        }
    }

    /// <summary>Starts to fetch a key's slot.</summary>
    internal void Prefetch(in InetEndpoint key) => CacheLines.Prefetch(_slots, Home(key));

    private int Home(in InetEndpoint key)
    {
        const ulong Mix = 0x9e3779b97f4a7c15;
        const int Eight = 3;
        ulong hash = (key.Address.High ^ (key.Address.Low * Mix) ^ (uint)(key.Port >> Eight)) * Mix;

        // Eight ports in a row lie together; the product's highest bits spread such rows evenly.
        int row = (int)(hash >> (64 + Eight - BitOperations.Log2((uint)_slots.Length)));
        return (row << Eight) | (key.Port & ((1 << Eight) - 1));
    }

    private int Find(in InetEndpoint key)
    {
        int place = Home(key);
        while (_slots[place].Value is not null && _slots[place].Key != key)
        {
            place = (place + 1) & (_slots.Length - 1);
        }

        return place;
    }

    private readonly record struct Slot(InetEndpoint Key, T? Value);
}
