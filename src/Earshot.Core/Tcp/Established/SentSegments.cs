using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>What is known about a piece of the stream in flight.</summary>
[Flags]
internal enum SentFlags : byte
{
    None = 0,

    /// <summary>Believed lost.</summary>
    Lost = 1,

    /// <summary>A copy is in flight.</summary>
    Retransmitted = 2,

    /// <summary>It was sent more than once: it gives no round-trip sample.</summary>
    EverRetransmitted = 4,

    /// <summary>It ends with the FIN.</summary>
    Fin = 8,

    /// <summary>It was sent with PSH, and is again.</summary>
    Push = 16,
}

/// <summary>A piece of the stream in flight. Linux: sk_buff, in the retransmit queue.</summary>
internal struct SentSegment
{
    internal long SentNanoseconds;
    internal SeqNumber Seq;
    internal SeqNumber End;
    internal ushort Packets;
    internal SentFlags Flags;

    internal readonly bool Has(SentFlags flag) => (Flags & flag) != 0;
}

/// <summary>The pieces in flight, oldest first: a ring that grows with the window.</summary>
internal struct SentSegments
{
    private const int FirstSize = 16;
    private SentSegment[]? _ring;
    private int _first;

    internal int Count { get; private set; }

    internal readonly ref SentSegment this[int index] => ref _ring![(_first + index) & (_ring.Length - 1)];

    internal ref SentSegment Add()
    {
        if (_ring is null || Count == _ring.Length)
        {
            Grow();
        }

        Count++;
        ref SentSegment added = ref this[Count - 1];
        added = default;
        return ref added;
    }

    internal void RemoveFirst()
    {
        _first = (_first + 1) & (_ring!.Length - 1);
        Count--;
    }

    /// <summary>Makes room for a piece behind another: what a retransmission cuts off.</summary>
    internal void InsertAfter(int index, in SentSegment segment)
    {
        Add();
        for (int i = Count - 1; i > index + 1; i--)
        {
            this[i] = this[i - 1];
        }

        this[index + 1] = segment;
    }

    internal void Clear()
    {
        Count = 0;
        _first = 0;
    }

    private void Grow()
    {
        var larger = new SentSegment[_ring is null ? FirstSize : _ring.Length * 2];
        for (int i = 0; i < Count; i++)
        {
            larger[i] = this[i];
        }

        _ring = larger;
        _first = 0;
    }
}
