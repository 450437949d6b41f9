using System;
using System.Collections.Generic;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Threading;

namespace Earshot.Links;

/// <summary>One direction of a <see cref="MemoryLink"/>: a bounded queue from one thread to another.</summary>
/// <remarks>
/// The reader leaves a packet's block in its slot; the writer takes it back when it sees the reader's index move on,
/// and uses the block that came back last first, so that a short queue stays in the cache. At most as many blocks of
/// either size exist as packets were ever queued at once.
/// </remarks>
internal sealed class MemoryPipe
{
    private const int LargeBlockLength = LinkPacketInfo.MaxPacketLength;

    private readonly Slot[] _slots;
    private readonly int _mask;
    private readonly int _capacity;
    private readonly int _smallBlockLength;
    private readonly Stack<byte[]> _smallBlocks = new();
    private readonly Stack<byte[]> _largeBlocks = new();
    private int _reclaimed;
    private Indices _indices;

    internal MemoryPipe(int mtu, int capacity)
    {
        _slots = new Slot[BitOperations.RoundUpToPowerOf2((uint)capacity)];
        _mask = _slots.Length - 1;
        _capacity = capacity;
        _smallBlockLength = Math.Min(mtu, LargeBlockLength);
    }

    /// <summary>Whether the reader has something to read.</summary>
    internal bool HasPacket => Volatile.Read(ref _indices.Tail) != Volatile.Read(ref _indices.Head);

    /// <summary>
    /// Whether at least half the queue is free: a writer that found it full is woken then, not for each packet.
    /// </summary>
    internal bool IsHalfFree => Volatile.Read(ref _indices.Tail) - Volatile.Read(ref _indices.Head) <= _capacity / 2;

    /// <summary>Packets that the reader took, as a number that wraps.</summary>
    internal int Taken => Volatile.Read(ref _indices.Head);

    /// <summary>Copies a packet in; false when the queue is full. A full fence once it is in.</summary>
    internal bool TryWrite(ReadOnlySpan<byte> packet, in LinkPacketInfo info)
    {
        int tail = _indices.Tail;
        int head = Volatile.Read(ref _indices.Head);
        Reclaim(head);
        if (tail - head >= _capacity)
        {
            return false;
        }

        ref Slot slot = ref _slots[tail & _mask];
        byte[] block = TakeBlock(packet.Length);
        packet.CopyTo(block);
        slot.Block = block;
        slot.Length = packet.Length;
        slot.Info = info;
        Interlocked.Exchange(ref _indices.Tail, tail + 1);
        return true;
    }

    /// <summary>Copies the next packet out; a full fence once its place is free.</summary>
    /// <returns>Its length; 0 when there is none; ~length when it was too long and was dropped.</returns>
    internal int Read(Span<byte> buffer, out LinkPacketInfo info)
    {
        int head = _indices.Head;
        if (head == Volatile.Read(ref _indices.Tail))
        {
            info = default;
            return 0;
        }

        ref Slot slot = ref _slots[head & _mask];
        int length = slot.Length;
        info = slot.Info;
        bool fits = length <= buffer.Length;
        if (fits)
        {
            slot.Block.AsSpan(0, length).CopyTo(buffer);
        }

        Interlocked.Exchange(ref _indices.Head, head + 1);
        return fits ? length : ~length;
    }

    private void Reclaim(int head)
    {
        for (; _reclaimed != head; _reclaimed++)
        {
            ref Slot slot = ref _slots[_reclaimed & _mask];
            byte[] block = slot.Block!; // A slot behind the reader was filled by TryWrite.
            slot.Block = null;
            (block.Length == _smallBlockLength ? _smallBlocks : _largeBlocks).Push(block);
        }
    }

    private byte[] TakeBlock(int length)
    {
        bool small = length <= _smallBlockLength;
        return (small ? _smallBlocks : _largeBlocks).TryPop(out byte[]? block)
            ? block
            : GC.AllocateUninitializedArray<byte>(small ? _smallBlockLength : LargeBlockLength, pinned: true);
    }

    private struct Slot
    {
        internal byte[]? Block;
        internal int Length;
        internal LinkPacketInfo Info;
    }

    /// <summary>Reader's and writer's index, each alone in its cache lines. They wrap; differences count.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 384)]
    private struct Indices
    {
        [FieldOffset(128)]
        internal int Head;

        [FieldOffset(256)]
        internal int Tail;
    }
}
