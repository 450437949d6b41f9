using System;
using Earshot.Core.Memory;

namespace Earshot.Core.Tcp.Established;

/// <summary>What a connection has received and a program has not read: bytes, those beyond gaps too, each at its place
/// in one ring, the packets that Linux would hold them in, and the blocks to be told of them.</summary>
/// <remarks>Rented when something is received and given back when everything is read. Offsets count from the next byte
/// to be read.</remarks>
internal sealed class ReceiveBuffer
{
    // To what size a ring may grow before there is need for it.
    private const int MostAhead = 1 << 20;

    private byte[]? _ring;
    private int _head;

    /// <summary>Packets in order. Linux: sk_receive_queue.</summary>
    internal PacketRing Queue;

    /// <summary>Packets beyond gaps; they may overlap. Linux: out_of_order_queue.</summary>
    internal PacketTree Beyond;

    /// <summary>The blocks to be told.</summary>
    internal SackHistory Sacks;

    /// <summary>What all packets cost. Linux: sk_rmem_alloc.</summary>
    internal int Memory { get; set; }

    /// <summary>The memory, in whole pages, that the connection was given for packets which then took less than they
    /// cost alone; 0 when nothing is left of it.</summary>
    internal long Given { get; set; }

    /// <summary>The packet beyond gaps that begins last; there is one. Linux: ooo_last_skb.</summary>
    internal ref ReceivedPacket HighestEarly => ref Beyond.At(Beyond.Last);

    /// <summary>Whether there is nothing in it and nothing to be told.</summary>
    internal bool IsIdle => Queue.Count == 0 && Beyond.Count == 0 && Sacks.IsEmpty;

    /// <summary>Puts bytes at their place.</summary>
    internal void Write(int offset, ReadOnlySpan<byte> bytes, BufferPool pool)
    {
        int needed = offset + bytes.Length;
        if (_ring is null || _ring.Length < needed)
        {
            Grow(needed, pool);
        }

        int start = (_head + offset) & (_ring!.Length - 1);
        int first = Math.Min(bytes.Length, _ring.Length - start);
        bytes[..first].CopyTo(_ring.AsSpan(start));
        bytes[first..].CopyTo(_ring);
    }

    /// <summary>Copies bytes and leaves them where they are.</summary>
    internal void Peek(int offset, Span<byte> target)
    {
        int start = (_head + offset) & (_ring!.Length - 1);
        int first = Math.Min(target.Length, _ring.Length - start);
        _ring.AsSpan(start, first).CopyTo(target);
        _ring.AsSpan(0, target.Length - first).CopyTo(target[first..]);
    }

    /// <summary>Forgets bytes that were read.</summary>
    internal void Skip(int count)
    {
        if (_ring is not null)
        {
            _head = (_head + count) & (_ring.Length - 1);
        }
    }

    /// <summary>Lets the ring go: no packet has bytes any more.</summary>
    internal void Release(BufferPool pool)
    {
        if (_ring is not null)
        {
            pool.Return(_ring);
            _ring = null;
        }

        _head = 0;
    }

    /// <summary>Forgets everything.</summary>
    internal void Clear(BufferPool pool)
    {
        Release(pool);
        Queue.Clear();
        Beyond.Clear();
        Sacks = default;
        Memory = 0;
        Given = 0;
    }

    private void Grow(int length, BufferPool pool)
    {
        // A ring that had to grow will have to again: fewer and larger steps copy less.
        const int Growth = 4;
        int ahead = _ring is null ? 0 : Math.Min(Growth * _ring.Length, MostAhead);
        byte[] larger = pool.Rent(Math.Max(length, ahead));
        if (_ring is not null)
        {
            int first = _ring.Length - _head;
            _ring.AsSpan(_head).CopyTo(larger);
            _ring.AsSpan(0, _head).CopyTo(larger.AsSpan(first));
            pool.Return(_ring);
        }

        _ring = larger;
        _head = 0;
    }
}
