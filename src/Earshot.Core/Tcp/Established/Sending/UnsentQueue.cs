using System;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established.Sending;

/// <summary>What is known of a piece that waits to be sent.</summary>
[Flags]
internal enum UnsentFlags : byte
{
    None = 0,

    /// <summary>Its last segment carries PSH. Linux: TCPHDR_PSH, by tcp_mark_push.</summary>
    Push = 1,

    /// <summary>It ends with the FIN.</summary>
    Fin = 2,

    /// <summary>A record ends with it: nothing is added to it. Linux: eor.</summary>
    EndOfRecord = 4,
}

/// <summary>A piece of the stream that waits to be sent; it begins where the one before it ends. Linux: sk_buff, in the
/// write queue.</summary>
internal struct UnsentPiece
{
    /// <summary>The number after its last byte; a FIN is not counted.</summary>
    internal SeqNumber End;

    /// <summary>What is known of it.</summary>
    internal UnsentFlags Flags;

    internal readonly bool Has(UnsentFlags flag) => (Flags & flag) != 0;
}

/// <summary>The pieces that wait to be sent, oldest first. Linux: sk_write_queue.</summary>
/// <remarks>Where writes end decides where segments end, so it is kept; the bytes lie in the send buffer. Most
/// connections never have more than one piece, which lies here; a ring is rented for the others.</remarks>
internal struct UnsentQueue
{
    private UnsentPiece _head;
    private UnsentPiece[]? _rest;
    private int _first;

    /// <summary>Where the newest piece begins; only true while there are two or more.</summary>
    internal SeqNumber TailStart { get; private set; }

    /// <summary>How many pieces wait.</summary>
    internal int Count { get; private set; }

    /// <summary>The oldest piece; there must be one. Linux: tcp_send_head.</summary>
    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    internal ref UnsentPiece Head => ref _head;

    /// <summary>The newest piece; there must be one. Linux: tcp_write_queue_tail.</summary>
    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    internal ref UnsentPiece Tail
    {
        get
        {
            if (Count == 1)
            {
                return ref _head;
            }

            return ref _rest![(_first + Count - 2) & (_rest.Length - 1)];
        }
    }

    /// <summary>The piece after the oldest; there must be one.</summary>
    internal readonly ref UnsentPiece Second => ref _rest![_first];

    /// <summary>Adds a piece of no bytes at the end. Linux: tcp_skb_entail.</summary>
    internal void Add(SeqNumber at, RingPool<UnsentPiece> pool)
    {
        var added = new UnsentPiece { End = at };
        TailStart = at;
        if (Count++ == 0)
        {
            _head = added;
            return;
        }

        if (_rest is null || Count - 2 == _rest.Length)
        {
            Grow(pool);
        }

        _rest![(_first + Count - 2) & (_rest.Length - 1)] = added;
    }

    /// <summary>Removes the oldest piece.</summary>
    internal void RemoveHead(RingPool<UnsentPiece> pool)
    {
        if (--Count == 0)
        {
            _head = default;
            return;
        }

        _head = _rest![_first];
        _first = (_first + 1) & (_rest.Length - 1);
        if (Count == 1)
        {
            pool.Return(_rest);
            _rest = null;
            _first = 0;
        }
    }

    /// <summary>Removes the piece after the oldest.</summary>
    internal void RemoveSecond(RingPool<UnsentPiece> pool)
    {
        UnsentPiece head = _head;
        RemoveHead(pool);
        _head = head;
    }

    /// <summary>The newest piece has given bytes to the one before it.</summary>
    internal void MoveTail(SeqNumber start) => TailStart = start;

    /// <summary>Parts the oldest piece; what marks its end stays with the second part. Linux: tcp_fragment.</summary>
    internal void Split(SeqNumber at, RingPool<UnsentPiece> pool)
    {
        UnsentPiece rest = _head;
        _head = new UnsentPiece { End = at };
        SeqNumber tail = TailStart;
        if (Count == 1)
        {
            Add(at, pool);
            Tail = rest;
            return;
        }

        // The ring's last place is made, and the others move up.
        Add(at, pool);
        TailStart = tail;
        for (int i = Count - 2; i > 0; i--)
        {
            _rest![(_first + i) & (_rest.Length - 1)] = _rest[(_first + i - 1) & (_rest.Length - 1)];
        }

        _rest![_first] = rest;
    }

    /// <summary>Removes all.</summary>
    internal void Clear(RingPool<UnsentPiece> pool)
    {
        if (_rest is not null)
        {
            pool.Return(_rest);
        }

        this = default;
    }

    private void Grow(RingPool<UnsentPiece> pool)
    {
        int held = Count - 2;
        UnsentPiece[] larger = pool.Rent(
            _rest is null ? RingPool<UnsentPiece>.SmallestSize : _rest.Length * 2);
        for (int i = 0; i < held; i++)
        {
            larger[i] = _rest![(_first + i) & (_rest.Length - 1)];
        }

        if (_rest is not null)
        {
            pool.Return(_rest);
        }

        _rest = larger;
        _first = 0;
    }
}
