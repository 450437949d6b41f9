using System;
using Earshot.Core.Memory;

namespace Earshot.Core.Tcp.Established;

/// <summary>Bytes received and not yet read, and those that came out of order, each at its place in one ring.</summary>
/// <remarks>Offsets count from the next byte to be read. The pieces beyond a gap are kept as a sorted list of
/// ranges.</remarks>
internal struct ReceiveBuffer
{
    /// <summary>Pieces beyond gaps that are kept; more are not taken in.</summary>
    internal const int RangeLimit = 1024;

    private byte[]? _ring;
    private int _head;
    private Range[]? _ranges;

    /// <summary>Bytes that can be read.</summary>
    internal int Length { get; private set; }

    /// <summary>Pieces beyond gaps.</summary>
    internal int RangeCount { get; private set; }

    /// <summary>Bytes beyond gaps.</summary>
    internal readonly int OutOfOrderLength
    {
        get
        {
            int length = 0;
            for (int i = 0; i < RangeCount; i++)
            {
                length += _ranges![i].End - _ranges[i].Start;
            }

            return length;
        }
    }

    /// <summary>Adds bytes that follow the last ones.</summary>
    internal void Append(ReadOnlySpan<byte> bytes, BufferPool pool)
    {
        Write(Length, bytes, pool);
        Length += bytes.Length;
    }

    /// <summary>Adds bytes beyond a gap.</summary>
    /// <param name="offset">Where, counted from the next byte to be read; more than <see cref="Length"/>.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="pool">Where memory comes from.</param>
    /// <param name="known">Whether all of them were there before.</param>
    /// <returns>False when there are too many pieces.</returns>
    internal bool TryInsert(int offset, ReadOnlySpan<byte> bytes, BufferPool pool, out bool known)
    {
        int end = offset + bytes.Length;
        int first = 0;
        _ranges ??= new Range[8];
        while (first < RangeCount && _ranges[first].End < offset)
        {
            first++;
        }

        known = first < RangeCount && _ranges[first].Start <= offset && _ranges[first].End >= end;
        if (known)
        {
            return true;
        }

        // All ranges that touch the new one melt into it.
        int last = first;
        int start = offset;
        while (last < RangeCount && _ranges[last].Start <= end)
        {
            start = Math.Min(start, _ranges[last].Start);
            end = Math.Max(end, _ranges[last].End);
            last++;
        }

        if (last == first && RangeCount == RangeLimit)
        {
            return false;
        }

        Write(offset, bytes, pool);
        ReplaceRanges(first, last, new Range(start, end));
        return true;
    }

    /// <summary>Makes the pieces readable that the last append has reached.</summary>
    /// <returns>How many bytes became readable.</returns>
    internal int Join()
    {
        int joined = 0;
        int used = 0;
        while (used < RangeCount && _ranges![used].Start <= Length)
        {
            int more = _ranges[used].End - Length;
            if (more > 0)
            {
                Length += more;
                joined += more;
            }

            used++;
        }

        RemoveRanges(used);
        return joined;
    }

    /// <summary>Reads and forgets the oldest bytes.</summary>
    internal int Read(Span<byte> target, BufferPool pool)
    {
        int count = Math.Min(target.Length, Length);
        if (count == 0)
        {
            return 0;
        }

        Peek(0, target);
        Skip(count, pool);
        return count;
    }

    /// <summary>Looks at bytes that stay.</summary>
    internal readonly int Peek(int skip, Span<byte> target)
    {
        int count = Math.Min(target.Length, Length - skip);
        int start = (_head + skip) & (_ring!.Length - 1);
        int first = Math.Min(count, _ring.Length - start);
        _ring.AsSpan(start, first).CopyTo(target);
        _ring.AsSpan(0, count - first).CopyTo(target[first..]);
        return count;
    }

    /// <summary>Forgets the oldest bytes.</summary>
    internal void Skip(int count, BufferPool pool)
    {
        _head = (_head + count) & (_ring!.Length - 1);
        Length -= count;
        for (int i = 0; i < RangeCount; i++)
        {
            _ranges![i] = new Range(_ranges[i].Start - count, _ranges[i].End - count);
        }

        if (Length == 0 && RangeCount == 0)
        {
            Clear(pool);
        }
    }

    /// <summary>Finds the piece beyond a gap that a byte is in.</summary>
    /// <param name="offset">The byte's place, counted from the next byte to be read.</param>
    /// <param name="start">Where the piece begins.</param>
    /// <param name="end">Where it ends.</param>
    internal readonly bool TryFindRange(int offset, out int start, out int end)
    {
        for (int i = 0; i < RangeCount; i++)
        {
            if (_ranges![i].Start <= offset && offset < _ranges[i].End)
            {
                (start, end) = _ranges[i];
                return true;
            }
        }

        start = end = 0;
        return false;
    }

    /// <summary>Forgets what lies beyond gaps.</summary>
    internal void ForgetRanges() => RangeCount = 0;

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
        RangeCount = 0;
    }

    private void Write(int offset, ReadOnlySpan<byte> bytes, BufferPool pool)
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

    private void Grow(int length, BufferPool pool)
    {
        byte[] larger = pool.Rent(length);
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

    private void ReplaceRanges(int first, int last, Range range)
    {
        int removed = last - first;
        if (removed == 0)
        {
            if (RangeCount == _ranges!.Length)
            {
                Array.Resize(ref _ranges, _ranges.Length * 2);
            }

            Array.Copy(_ranges, first, _ranges, first + 1, RangeCount - first);
            RangeCount++;
        }
        else if (removed > 1)
        {
            Array.Copy(_ranges!, last, _ranges!, first + 1, RangeCount - last);
            RangeCount -= removed - 1;
        }

        _ranges![first] = range;
    }

    private void RemoveRanges(int count)
    {
        if (count > 0)
        {
            Array.Copy(_ranges!, count, _ranges!, 0, RangeCount - count);
            RangeCount -= count;
        }
    }

    private readonly record struct Range(int Start, int End);
}
