using System;

namespace Earshot.Core;

/// <summary>Packets for <see cref="NetworkStack.OnPackets"/>, in one block of memory that is used again.</summary>
/// <remarks>Fill it with <see cref="Reserve"/> and <see cref="Commit"/>; the stack only reads it.</remarks>
public sealed class PacketBatch
{
    /// <summary>Bytes that one packet can have: what an IPv4 total length can say.</summary>
    public const int MaximumPacketLength = 65535;

    private readonly Slot[] _slots;
    private readonly byte[] _bytes;
    private int _used;

    /// <summary>Makes an empty batch.</summary>
    /// <param name="packets">How many packets it can hold, at least 1.</param>
    /// <param name="bytes">How many bytes in all; at least one largest packet.</param>
    /// <exception cref="ArgumentOutOfRangeException">Below the least value.</exception>
    public PacketBatch(int packets = 64, int bytes = 4 * (MaximumPacketLength + 1))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(packets, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, MaximumPacketLength);
        _slots = new Slot[packets];
        _bytes = GC.AllocateUninitializedArray<byte>(bytes, pinned: true);
    }

    /// <summary>Packets in the batch.</summary>
    public int Count { get; private set; }

    /// <summary>Whether one more packet of any length fits.</summary>
    public bool HasRoom => Count < _slots.Length && _bytes.Length - _used >= MaximumPacketLength;

    /// <summary>The room for the next packet: at least 65535 bytes while <see cref="HasRoom"/> holds.</summary>
    public Span<byte> Reserve() => _bytes.AsSpan(_used);

    /// <summary>Adds the packet that was written into <see cref="Reserve"/>.</summary>
    /// <param name="length">Its bytes.</param>
    /// <param name="interface">The interface that it came by: 2 is the first after loopback.</param>
    /// <param name="info">What the link knows about it.</param>
    /// <exception cref="ArgumentOutOfRangeException">More bytes than there is room for.</exception>
    public void Commit(int length, int @interface = 2, PacketInfo info = default)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)(_bytes.Length - _used), nameof(length));
        ArgumentOutOfRangeException.ThrowIfEqual(Count, _slots.Length, nameof(Count));
        _slots[Count++] = new Slot(_used, length, @interface, info);
        _used = Math.Min(_bytes.Length, (_used + length + 63) & ~63);
    }

    /// <summary>Adds a copy of a packet.</summary>
    /// <returns>False when there is no room for it; the batch is unchanged.</returns>
    public bool TryAdd(ReadOnlySpan<byte> packet, int @interface = 2, PacketInfo info = default)
    {
        if (Count == _slots.Length || !packet.TryCopyTo(Reserve()))
        {
            return false;
        }

        Commit(packet.Length, @interface, info);
        return true;
    }

    /// <summary>Empties the batch.</summary>
    public void Clear()
    {
        Count = 0;
        _used = 0;
    }

    /// <summary>The bytes of a packet.</summary>
    public ReadOnlySpan<byte> Bytes(int index) => _bytes.AsSpan(_slots[index].Offset, _slots[index].Length);

    internal int Interface(int index) => _slots[index].Interface;

    internal PacketInfo Info(int index) => _slots[index].Info;

    private readonly record struct Slot(int Offset, int Length, int Interface, PacketInfo Info);
}
