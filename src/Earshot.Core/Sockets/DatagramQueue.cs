using System;
using Earshot.Core.Memory;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <summary>A datagram that waits to be read, and what came with it.</summary>
internal struct WaitingDatagram
{
    internal int Offset;
    internal int Length;

    /// <summary>What it costs of the receive buffer. Linux: truesize.</summary>
    internal int Cost;

    internal InetEndpoint From;
    internal InetEndpoint To;
    internal int Interface;
    internal byte Tos;
    internal byte Ttl;
    internal uint FlowLabel;

    /// <summary>Bytes of each datagram that was merged into this one; 0: none was.</summary>
    internal ushort SegmentSize;

    /// <summary>When it came, in nanoseconds.</summary>
    internal long Time;

    /// <summary>Datagrams lost before it.</summary>
    internal uint Drops;
}

/// <summary>Datagrams in the order in which they came, their bytes in one ring that is rented while there are
/// any.</summary>
internal struct DatagramQueue
{
    private const int FirstSlots = 8;
    private byte[]? _bytes;
    private WaitingDatagram[]? _slots;
    private int _first;
    private int _tail;

    internal int Count { get; private set; }

    /// <summary>A datagram by its place.</summary>
    internal readonly ref WaitingDatagram this[int index] => ref _slots![(_first + index) & (_slots.Length - 1)];

    /// <summary>A datagram's bytes.</summary>
    internal readonly ReadOnlySpan<byte> Bytes(int index) => _bytes.AsSpan(this[index].Offset, this[index].Length);

    internal void Add(in WaitingDatagram datagram, ReadOnlySpan<byte> bytes, BufferPool pool)
    {
        int offset = Place(bytes.Length, pool);
        bytes.CopyTo(_bytes.AsSpan(offset));
        if (_slots is null || Count == _slots.Length)
        {
            GrowSlots();
        }

        Count++;
        ref WaitingDatagram added = ref this[Count - 1];
        added = datagram;
        added.Offset = offset;
        added.Length = bytes.Length;
        _tail = offset + bytes.Length;
    }

    internal void RemoveFirst(BufferPool pool)
    {
        _first = (_first + 1) & (_slots!.Length - 1);
        Count--;
        if (Count == 0)
        {
            Clear(pool);
        }
    }

    internal void Clear(BufferPool pool)
    {
        if (_bytes is not null)
        {
            pool.Return(_bytes);
        }

        _bytes = null;
        Count = _first = _tail = 0;
    }

    // Room behind the newest, or before the oldest once the end is reached; else a larger ring.
    private int Place(int length, BufferPool pool)
    {
        int head = Count == 0 ? 0 : this[0].Offset;
        bool wrapped = Count > 0 && _tail < head;
        if (_bytes is not null && length <= (wrapped ? head : _bytes.Length) - _tail - (wrapped ? 1 : 0))
        {
            return _tail;
        }

        if (_bytes is not null && !wrapped && length < head)
        {
            return 0;
        }

        Grow(length, pool);
        return _tail;
    }

    private void Grow(int length, BufferPool pool)
    {
        byte[] larger = pool.Rent(checked(2 * ((_bytes?.Length ?? 0) + length)));
        int at = 0;
        for (int i = 0; i < Count; i++)
        {
            Bytes(i).CopyTo(larger.AsSpan(at));
            this[i].Offset = at;
            at += this[i].Length;
        }

        if (_bytes is not null)
        {
            pool.Return(_bytes);
        }

        _bytes = larger;
        _tail = at;
    }

    private void GrowSlots()
    {
        var larger = new WaitingDatagram[_slots is null ? FirstSlots : 2 * _slots.Length];
        for (int i = 0; i < Count; i++)
        {
            larger[i] = this[i];
        }

        _slots = larger;
        _first = 0;
    }
}
