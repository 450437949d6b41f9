using System;
using Earshot.Core.Memory;

namespace Earshot.Core.Tcp.Established;

/// <summary>Bytes written and not yet acknowledged: a ring that is rented while there are any.</summary>
internal struct SendBuffer
{
    private byte[]? _ring;
    private int _head;

    /// <summary>Bytes in the buffer.</summary>
    internal int Length { get; private set; }

    /// <summary>Adds bytes at the end; the caller has checked the limit.</summary>
    internal void Append(ReadOnlySpan<byte> bytes, BufferPool pool)
    {
        if (_ring is null || _ring.Length - Length < bytes.Length)
        {
            Grow(Length + bytes.Length, pool);
        }

        int mask = _ring!.Length - 1;
        int tail = (_head + Length) & mask;
        int first = Math.Min(bytes.Length, _ring.Length - tail);
        bytes[..first].CopyTo(_ring.AsSpan(tail));
        bytes[first..].CopyTo(_ring);
        Length += bytes.Length;
    }

    /// <summary>Looks at bytes in place, in up to two pieces.</summary>
    internal readonly void Peek(int offset, int length, out ReadOnlySpan<byte> first, out ReadOnlySpan<byte> second)
    {
        if (length == 0)
        {
            first = second = default;
            return;
        }

        Invariant.Check(offset >= 0 && offset + length <= Length, "what is sent lies in the send buffer");
        int start = (_head + offset) & (_ring!.Length - 1);
        int firstLength = Math.Min(length, _ring.Length - start);
        first = _ring.AsSpan(start, firstLength);
        second = _ring.AsSpan(0, length - firstLength);
    }

    /// <summary>Forgets the oldest bytes; an empty ring is given back.</summary>
    internal void Advance(int count, BufferPool pool)
    {
        Invariant.Check(count <= Length, "no more is acknowledged than was written");
        Length -= count;
        if (Length == 0)
        {
            Clear(pool);
        }
        else
        {
            _head = (_head + count) & (_ring!.Length - 1);
        }
    }

    /// <summary>Forgets everything.</summary>
    internal void Clear(BufferPool pool)
    {
        if (_ring is not null)
        {
            pool.Return(_ring);
        }

        _ring = null;
        _head = 0;
        Length = 0;
    }

    private void Grow(int length, BufferPool pool)
    {
        byte[] larger = pool.Rent(length);
        if (_ring is not null)
        {
            Peek(0, Length, out ReadOnlySpan<byte> first, out ReadOnlySpan<byte> second);
            first.CopyTo(larger);
            second.CopyTo(larger.AsSpan(first.Length));
            pool.Return(_ring);
        }

        _ring = larger;
        _head = 0;
    }
}
