using System;
using System.Buffers.Binary;
using System.IO;
using System.Text;
using System.Text.Unicode;
using System.Threading;

namespace Earshot.Links;

/// <summary>Which way a captured packet went, as the interface saw it.</summary>
public enum PacketDirection
{
    /// <summary>Not recorded.</summary>
    Unknown = 0,

    /// <summary>The packet came in.</summary>
    Inbound = 1,

    /// <summary>The packet went out.</summary>
    Outbound = 2,
}

/// <summary>
/// Writes packets with nanosecond times and comments as a pcapng capture (draft-ietf-opsawg-pcapng) of raw IP.
/// </summary>
/// <remarks>
/// One section; each packet is one block and one write to the stream, which buffers as it likes. Any thread may write:
/// blocks of several never mix.
/// </remarks>
public sealed class PcapngWriter : IDisposable
{
    /// <summary>The longest comment, in UTF-8 bytes; a longer one is cut between characters.</summary>
    public const int MaxCommentLength = 65535;

    private const uint SectionHeaderBlock = 0x0A0D0D0A;
    private const uint ByteOrderMagic = 0x1A2B3C4D;
    private const uint InterfaceBlock = 1;
    private const uint EnhancedPacketBlock = 6;
    private const ushort LinkTypeRaw = 101;
    private const int EnhancedPacketHeaderLength = 28;

    private const ushort OptionEnd = 0;
    private const ushort OptionComment = 1;
    private const ushort OptionApplication = 4;
    private const ushort OptionInterfaceName = 2;
    private const ushort OptionTimeResolution = 9;
    private const ushort OptionPacketFlags = 2;
    private const byte Nanoseconds = 9;

    private readonly Stream _stream;
    private readonly bool _leaveOpen;
    private readonly Lock _lock = new();
    private byte[] _block = new byte[4096];
    private int _length;
    private int _interfaceCount;
    private bool _disposed;

    /// <summary>Starts a capture by writing its section header.</summary>
    /// <param name="stream">Where the capture goes; it need not be able to seek.</param>
    /// <param name="leaveOpen">Whether <see cref="Dispose"/> only flushes the stream instead of closing it.</param>
    /// <exception cref="ArgumentException">The stream cannot be written.</exception>
    public PcapngWriter(Stream stream, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (!stream.CanWrite)
        {
            throw new ArgumentException("A capture needs a stream that can be written.", nameof(stream));
        }

        _stream = stream;
        _leaveOpen = leaveOpen;
        Begin(SectionHeaderBlock);
        Append32(ByteOrderMagic);
        Append16(1); // Version 1.0.
        Append16(0);
        Append64(-1); // The section's length is not known before it ends.
        AppendOption(OptionApplication, "Earshot");
        AppendOptionEnd();
        End();
    }

    /// <summary>The packets written so far.</summary>
    public long PacketCount { get; private set; }

    /// <summary>Describes one more interface of raw IP packets.</summary>
    /// <param name="name">Its name, as readers show it.</param>
    /// <returns>Its id: 0 for the first, then 1, 2 …</returns>
    public int AddInterface(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            Begin(InterfaceBlock);
            Append16(LinkTypeRaw);
            Append16(0); // Reserved.
            Append32(0); // Packets are never cut.
            AppendOption(OptionInterfaceName, name);
            AppendOption(OptionTimeResolution, [Nanoseconds]);
            AppendOptionEnd();
            End();
            return _interfaceCount++;
        }
    }

    /// <summary>Writes one packet.</summary>
    /// <param name="interfaceId">What <see cref="AddInterface"/> returned.</param>
    /// <param name="timeNanoseconds">
    /// When, in nanoseconds since the Unix epoch or any other zero; not negative.
    /// </param>
    /// <param name="packet">The whole IP packet.</param>
    /// <param name="comment">What to say about it; null or empty for nothing.</param>
    /// <param name="direction">Which way it went.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such interface, or the time is negative.</exception>
    /// <exception cref="IOException">The stream failed.</exception>
    public void Write(
        int interfaceId,
        long timeNanoseconds,
        ReadOnlySpan<byte> packet,
        string? comment = null,
        PacketDirection direction = PacketDirection.Unknown)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(timeNanoseconds);
        ArgumentOutOfRangeException.ThrowIfNegative(interfaceId);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(interfaceId, _interfaceCount);
            Begin(EnhancedPacketBlock);
            Append32((uint)interfaceId);
            Append32((uint)(timeNanoseconds >> 32));
            Append32((uint)timeNanoseconds);
            Append32((uint)packet.Length);
            Append32((uint)packet.Length);
            AppendPadded(packet);
            if (!string.IsNullOrEmpty(comment))
            {
                AppendOption(OptionComment, comment);
            }

            if (direction != PacketDirection.Unknown)
            {
                Span<byte> flags = stackalloc byte[sizeof(uint)];
                BinaryPrimitives.WriteUInt32LittleEndian(flags, (uint)direction);
                AppendOption(OptionPacketFlags, flags);
            }

            if (_length > EnhancedPacketHeaderLength + Padded(packet.Length))
            {
                AppendOptionEnd();
            }

            End();
            PacketCount++;
        }
    }

    /// <summary>Flushes the stream, so that a reader sees every packet written.</summary>
    public void Flush()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _stream.Flush();
        }
    }

    /// <summary>Ends the capture and closes the stream, or flushes it when it is to stay open.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            if (_leaveOpen)
            {
                _stream.Flush();
            }
            else
            {
                _stream.Dispose();
            }
        }
    }

    private static int Padded(int length) => (length + 3) & ~3;

    // A block: type, total length, body, total length again.
    private void Begin(uint type)
    {
        _length = 0;
        Append32(type);
        Append32(0);
    }

    private void End()
    {
        int total = _length + sizeof(uint);
        Append32((uint)total);
        BinaryPrimitives.WriteUInt32LittleEndian(_block.AsSpan(sizeof(uint)), (uint)total);
        _stream.Write(_block, 0, total);
    }

    private void AppendOption(ushort code, ReadOnlySpan<byte> value)
    {
        Append16(code);
        Append16((ushort)value.Length);
        AppendPadded(value);
    }

    private void AppendOption(ushort code, string text)
    {
        Append16(code);
        int lengthAt = _length;
        Append16(0);
        Span<byte> room = Reserve(Padded(Math.Min(Encoding.UTF8.GetMaxByteCount(text.Length), MaxCommentLength)));
        Utf8.FromUtf16(text, room[..Math.Min(room.Length, MaxCommentLength)], out _, out int length);
        room[length..Padded(length)].Clear();
        _length += Padded(length);
        BinaryPrimitives.WriteUInt16LittleEndian(_block.AsSpan(lengthAt), (ushort)length);
    }

    private void AppendOptionEnd()
    {
        Append16(OptionEnd);
        Append16(0);
    }

    private void AppendPadded(ReadOnlySpan<byte> bytes)
    {
        Span<byte> room = Reserve(Padded(bytes.Length));
        bytes.CopyTo(room);
        room[bytes.Length..].Clear();
        _length += room.Length;
    }

    private void Append16(ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(Reserve(sizeof(ushort)), value);
        _length += sizeof(ushort);
    }

    private void Append32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(Reserve(sizeof(uint)), value);
        _length += sizeof(uint);
    }

    private void Append64(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(Reserve(sizeof(long)), value);
        _length += sizeof(long);
    }

    private Span<byte> Reserve(int count)
    {
        if (_block.Length - _length < count)
        {
            Array.Resize(ref _block, Math.Max(_block.Length * 2, _length + count));
        }

        return _block.AsSpan(_length, count);
    }
}
