using System;
using System.Runtime.InteropServices;

namespace Earshot.Core.Memory;

/// <summary>Short pieces of bytes of many lengths, outside the garbage collector's heap, each named by a
/// number.</summary>
/// <remarks>A piece lies in a cell of whole units; a cell that is freed is used again for a piece of as many
/// units.</remarks>
internal sealed unsafe class CellStore : IDisposable
{
    /// <summary>The longest piece, in bytes.</summary>
    internal const int LongestPiece = (MostUnits * UnitLength) - LengthSize;

    private const int LengthSize = sizeof(ushort);
    private const int UnitShift = 3;
    private const int UnitLength = 1 << UnitShift;
    private const int MostUnits = 128;
    private const int BlockShift = 13;
    private const int UnitsPerBlock = 1 << BlockShift;
    private const int None = -1;

    private readonly int[] _free = new int[MostUnits + 1];
    private byte*[] _blocks = new byte*[4];
    private int _blockCount;
    private int _used = UnitsPerBlock;

    internal CellStore() => _free.AsSpan().Fill(None);

    ~CellStore() => Release();

    /// <summary>Pieces that are kept.</summary>
    internal int Count { get; private set; }

    /// <summary>Bytes of memory that the blocks take.</summary>
    internal long Bytes => (long)_blockCount * UnitsPerBlock * UnitLength;

    /// <summary>A piece.</summary>
    internal ReadOnlySpan<byte> this[int piece]
    {
        get
        {
            byte* cell = Cell(piece);
            return new ReadOnlySpan<byte>(cell + LengthSize, *(ushort*)cell);
        }
    }

    /// <summary>Keeps a copy of a piece.</summary>
    /// <returns>Its number.</returns>
    internal int Add(ReadOnlySpan<byte> bytes)
    {
        Invariant.Check(bytes.Length <= LongestPiece, "a piece fits into the largest cell");
        int units = Units(bytes.Length);
        int piece = _free[units];
        if (piece == None)
        {
            piece = Carve(units);
        }
        else
        {
            _free[units] = *(int*)Cell(piece);
        }

        byte* cell = Cell(piece);
        *(ushort*)cell = (ushort)bytes.Length;
        bytes.CopyTo(new Span<byte>(cell + LengthSize, bytes.Length));
        Count++;
        return piece;
    }

    /// <summary>Forgets a piece.</summary>
    internal void Remove(int piece)
    {
        byte* cell = Cell(piece);
        ref int free = ref _free[Units(*(ushort*)cell)];
        *(int*)cell = free;
        free = piece;
        Count--;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    private static int Units(int length) => (length + LengthSize + UnitLength - 1) >> UnitShift;

    private byte* Cell(int piece) =>
        _blocks[piece >> BlockShift] + ((piece & (UnitsPerBlock - 1)) << UnitShift);

    private int Carve(int units)
    {
        if (_used + units > UnitsPerBlock)
        {
            if (_blockCount == _blocks.Length)
            {
                var larger = new byte*[_blocks.Length * 2];
                Array.Copy(_blocks, larger, _blocks.Length);
                _blocks = larger;
            }

            _blocks[_blockCount++] = (byte*)NativeMemory.Alloc(UnitsPerBlock * UnitLength);
            _used = 0;
        }

        int piece = ((_blockCount - 1) << BlockShift) + _used;
        _used += units;
        return piece;
    }

    private void Release()
    {
        for (int i = 0; i < _blockCount; i++)
        {
            NativeMemory.Free(_blocks[i]);
        }

        _blockCount = 0;
        _used = UnitsPerBlock;
    }
}
