using System;
using System.Threading;

namespace Earshot.Links.Native;

/// <summary>The ring of received frames: blocks that the kernel fills and hands over one after the other.</summary>
/// <remarks>
/// A block begins with struct tpacket_block_desc, each frame with struct tpacket3_hdr; the offsets below are theirs.
/// What the kernel wrote is checked all the same: an offset that leads out of its block ends the block.
/// </remarks>
internal sealed unsafe class PacketRing(byte* start, nuint bytes, int blockBytes, int blocks) : IDisposable
{
    private const int StatusOffset = 8;
    private const int CountOffset = 12;
    private const int FirstOffset = 16;
    private const int FrameLengthOffset = 12;
    private const int FrameStatusOffset = 20;
    private const int FrameStartOffset = 24;
    private const int FrameHeaderLength = 28;
    private const uint OfUser = 1;
    private const uint ChecksumNotReady = 1 << 3;
    private const uint ChecksumValid = 1 << 7;

    private byte* _start = start;
    private int _block;
    private uint _left;
    private uint _at;
    private bool _held;

    /// <summary>Whether a frame is there.</summary>
    internal bool HasNext => _start is not null
        && (_left > 0 || (Volatile.Read(ref *(uint*)(Block(Current) + StatusOffset)) & OfUser) != 0);

    private int Current => _held ? (_block + 1) % blocks : _block;

    /// <summary>Takes the next frame, valid until the next call.</summary>
    internal bool TryNext(out ReadOnlySpan<byte> frame, out bool isGood)
    {
        frame = default;
        isGood = false;
        while (_start is not null)
        {
            if (_left == 0 && !TryBlock())
            {
                return false;
            }

            byte* header = Block(_block) + _at;
            if (_at + FrameHeaderLength > (uint)blockBytes)
            {
                _left = 0;
                continue;
            }

            uint next = *(uint*)header;
            uint length = *(uint*)(header + FrameLengthOffset);
            uint status = *(uint*)(header + FrameStatusOffset);
            uint at = _at + *(ushort*)(header + FrameStartOffset);
            _left--;
            _at += next;
            if (at + (ulong)length > (ulong)blockBytes)
            {
                _left = 0;
                continue;
            }

            frame = new ReadOnlySpan<byte>(Block(_block) + at, (int)length);
            isGood = (status & (ChecksumNotReady | ChecksumValid)) != 0;
            return true;
        }

        return false;
    }

    public void Dispose()
    {
        byte* mapped = _start;
        _start = null;
        if (mapped is not null)
        {
            _ = LibC.Unmap(mapped, bytes);
        }
    }

    // The block that was read is given back only now: its last frame was valid until this call.
    private bool TryBlock()
    {
        if (_held)
        {
            Volatile.Write(ref *(uint*)(Block(_block) + StatusOffset), 0);
            _block = (_block + 1) % blocks;
            _held = false;
        }

        byte* block = Block(_block);
        if ((Volatile.Read(ref *(uint*)(block + StatusOffset)) & OfUser) == 0)
        {
            return false;
        }

        _held = true;
        _left = *(uint*)(block + CountOffset);
        _at = *(uint*)(block + FirstOffset);
        return true;
    }

    private byte* Block(int number) => _start + ((long)number * blockBytes);
}
