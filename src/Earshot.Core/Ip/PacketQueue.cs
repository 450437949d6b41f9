using System;
using Earshot.Core.Time;

namespace Earshot.Core.Ip;

/// <summary>Packets in the order in which they came, in one ring of bytes that grows to a limit.</summary>
internal sealed class PacketQueue
{
    private const int FirstBytes = 1 << 18;
    private const int FirstSlots = 256;
    private readonly int _limit;
    private byte[] _bytes = GC.AllocateUninitializedArray<byte>(FirstBytes);
    private Slot[] _slots = new Slot[FirstSlots];
    private int _head;
    private int _tail;
    private int _first;

    internal PacketQueue(int limit) => _limit = limit;

    /// <summary>Packets that wait.</summary>
    internal int Count { get; private set; }

    /// <summary>The ordinal of the oldest packet: so many were removed before it.</summary>
    internal long Begin { get; private set; }

    /// <summary>The ordinal of the packet that comes next.</summary>
    internal long End => Begin + Count;

    /// <summary>Packets that the limit leaves room for.</summary>
    internal int Room => _limit - Count;

    /// <summary>Whether the limit is reached.</summary>
    internal bool IsFull => Count >= _limit;

    /// <summary>The place for a packet of so many bytes; it counts only after <see cref="Commit"/>.</summary>
    internal Span<byte> Reserve(int length)
    {
        if (Count == 0)
        {
            _head = _tail = 0;
        }

        if (!Fits(length))
        {
            Grow(length);
        }

        return _bytes.AsSpan(_tail, length);
    }

    /// <summary>Adds the packet that was written into <see cref="Reserve"/>, or its first <paramref name="length"/>
    /// bytes.</summary>
    internal void Commit(int length, int @interface, PacketInfo info, Instant time)
    {
        if (Count == _slots.Length)
        {
            GrowSlots();
        }

        ref Slot slot = ref _slots[(_first + Count) & (_slots.Length - 1)];
        slot.Offset = _tail;
        slot.Length = length;
        slot.Interface = @interface;
        slot.Info = info;
        slot.Time = time;
        _tail += length;
        Count++;
    }

    /// <summary>The oldest packet, which stays.</summary>
    internal ReadOnlySpan<byte> Peek(out int @interface, out PacketInfo info, out Instant time)
    {
        ref Slot slot = ref _slots[_first];
        @interface = slot.Interface;
        info = slot.Info;
        time = slot.Time;
        return _bytes.AsSpan(slot.Offset, slot.Length);
    }

    /// <summary>Removes the oldest packet.</summary>
    internal void Drop()
    {
        _first = (_first + 1) & (_slots.Length - 1);
        Count--;
        Begin++;
        _head = Count == 0 ? _tail : _slots[_first].Offset;
    }

    private bool Fits(int length)
    {
        if (_tail >= _head)
        {
            if (_bytes.Length - _tail >= length)
            {
                return true;
            }

            // Go on at the front; the gap at the end is forgotten with the packets before it.
            if (_head > length)
            {
                _tail = 0;
                return true;
            }

            return false;
        }

        return _head - _tail > length;
    }

    private void Grow(int length)
    {
        // Copying in order makes the ring straight again.
        byte[] larger = GC.AllocateUninitializedArray<byte>(checked((_bytes.Length * 2) + length));
        int at = 0;
        for (int i = 0; i < Count; i++)
        {
            ref Slot slot = ref _slots[(_first + i) & (_slots.Length - 1)];
            _bytes.AsSpan(slot.Offset, slot.Length).CopyTo(larger.AsSpan(at));
            slot.Offset = at;
            at += slot.Length;
        }

        _bytes = larger;
        _head = 0;
        _tail = at;
    }

    private void GrowSlots()
    {
        var larger = new Slot[_slots.Length * 2];
        for (int i = 0; i < Count; i++)
        {
            larger[i] = _slots[(_first + i) & (_slots.Length - 1)];
        }

        _slots = larger;
        _first = 0;
    }

    private struct Slot
    {
        internal int Offset;
        internal int Length;
        internal int Interface;
        internal PacketInfo Info;
        internal Instant Time;
    }
}
