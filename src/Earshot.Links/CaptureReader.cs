using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;

namespace Earshot.Links;

/// <summary>A packet of a capture; valid until the next one is read.</summary>
/// <param name="Bytes">What was captured of it.</param>
/// <param name="OriginalLength">Bytes that it had on the wire; more than <paramref name="Bytes"/> when it was
/// cut.</param>
/// <param name="TimeNanoseconds">When, in nanoseconds since the Unix epoch or whatever zero the writer took.</param>
/// <param name="LinkType">How it begins: 1 Ethernet, 101 raw IP, and others of the tcpdump list.</param>
/// <param name="Interface">The interface's number in the capture, 0 of a pcap.</param>
public readonly record struct CapturedPacket(
    ReadOnlyMemory<byte> Bytes, int OriginalLength, long TimeNanoseconds, int LinkType, int Interface)
{
    /// <summary>The link type of Ethernet frames.</summary>
    public const int Ethernet = 1;

    /// <summary>The link type of raw IP packets.</summary>
    public const int RawIp = 101;

    // Raw IP as BSD numbers it, and as DLT_RAW.
    private const int RawOld = 12;
    private const int RawBsd = 14;
    private const int IPv4Only = 228;
    private const int IPv6Only = 229;
    private const int LinuxCooked = 113;

    /// <summary>The IP packet in it.</summary>
    /// <param name="packet">The packet.</param>
    /// <returns>False when it was cut, or there is none: ARP, a link type that is not known.</returns>
    public bool TryGetIpPacket(out ReadOnlyMemory<byte> packet)
    {
        packet = default;
        if (Bytes.Length < OriginalLength)
        {
            return false;
        }

        int header = LinkType switch
        {
            RawIp or RawOld or RawBsd or IPv4Only or IPv6Only => 0,
            Ethernet => 14,
            LinuxCooked => 16,
            _ => -1,
        };
        if (header < 0 || Bytes.Length <= header)
        {
            return false;
        }

        bool isIp = header == 0
            || BinaryPrimitives.ReadUInt16BigEndian(Bytes.Span[(header - 2)..]) is 0x0800 or 0x86dd;
        packet = isIp ? Bytes[header..] : default;
        return isIp;
    }
}

/// <summary>Reads captures: pcap (microseconds and nanoseconds) and pcapng, of either byte order.</summary>
/// <remarks>
/// What a file says is not believed beyond named limits: a wrong length ends the reading with
/// <see cref="InvalidDataException"/>, never with much memory taken.
/// </remarks>
public sealed class CaptureReader : IDisposable
{
    /// <summary>The longest block or packet that is read, in bytes.</summary>
    public const int MaxBlockLength = 1 << 20;

    /// <summary>The most interfaces of a section.</summary>
    public const int MaxInterfaces = 4096;

    private const uint PcapMicroseconds = 0xa1b2c3d4;
    private const uint PcapNanoseconds = 0xa1b23c4d;
    private const uint SectionHeader = 0x0a0d0d0a;
    private const uint ByteOrderMagic = 0x1a2b3c4d;
    private const uint InterfaceBlock = 1;
    private const uint OldPacketBlock = 2;
    private const uint SimplePacketBlock = 3;
    private const uint EnhancedPacketBlock = 6;
    private const int PcapHeaderLength = 24;
    private const int PacketHeaderLength = 16;

    private readonly Stream _stream;
    private readonly bool _leaveOpen;
    private readonly List<Described> _interfaces = [];
    private byte[] _buffer = new byte[4096];
    private bool _swapped;
    private bool _isNg;
    private long _unit;

    private CaptureReader(Stream stream, bool leaveOpen)
    {
        _stream = stream;
        _leaveOpen = leaveOpen;
    }

    /// <summary>Packets read so far.</summary>
    public long PacketCount { get; private set; }

    /// <summary>Opens a file.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is no capture.</exception>
    public static CaptureReader Open(string path) => Open(File.OpenRead(path));

    /// <summary>Begins to read a stream.</summary>
    /// <param name="stream">The capture from its first byte.</param>
    /// <param name="leaveOpen">Whether <see cref="Dispose"/> leaves the stream open.</param>
    /// <exception cref="InvalidDataException">It is no capture.</exception>
    public static CaptureReader Open(Stream stream, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var reader = new CaptureReader(stream, leaveOpen);
        try
        {
            reader.ReadStart();
            return reader;
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <summary>Reads the next packet.</summary>
    /// <param name="packet">The packet.</param>
    /// <returns>False at the end of the capture.</returns>
    /// <exception cref="InvalidDataException">The capture is broken; the message says how.</exception>
    public bool TryRead(out CapturedPacket packet)
    {
        bool read = _isNg ? TryReadBlock(out packet) : TryReadRecord(out packet);
        PacketCount += read ? 1 : 0;
        return read;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_leaveOpen)
        {
            _stream.Dispose();
        }
    }

    private static InvalidDataException Broken(string what) => new($"This capture cannot be read: {what}.");

    private void ReadStart()
    {
        if (!TryFill(0, sizeof(uint)))
        {
            throw Broken("it is shorter than a header");
        }

        uint magic = BinaryPrimitives.ReadUInt32LittleEndian(_buffer);
        if (magic == SectionHeader)
        {
            _isNg = true;
            ReadSection();
            return;
        }

        _swapped = magic is not (PcapMicroseconds or PcapNanoseconds);
        uint own = _swapped ? BinaryPrimitives.ReverseEndianness(magic) : magic;
        if (own is not (PcapMicroseconds or PcapNanoseconds) || !TryFill(sizeof(uint), PcapHeaderLength - sizeof(uint)))
        {
            throw Broken("it is neither pcap nor pcapng");
        }

        _unit = own == PcapMicroseconds ? 1000 : 1;
        const int LinkTypeOffset = 20;
        const uint LinkTypeMask = 0x0fffffff;
        _interfaces.Add(new Described((int)(U32(LinkTypeOffset) & LinkTypeMask), 0, 0, int.MaxValue));
    }

    private bool TryReadRecord(out CapturedPacket packet)
    {
        packet = default;
        if (!TryFill(0, PacketHeaderLength))
        {
            return false;
        }

        long time = (U32(0) * 1_000_000_000L) + (U32(4) * _unit);
        uint length = U32(8);
        int original = Length(U32(12));
        Need(0, Length(length));
        packet = new CapturedPacket(_buffer.AsMemory(0, (int)length), original, time, _interfaces[0].LinkType, 0);
        return true;
    }

    private bool TryReadBlock(out CapturedPacket packet)
    {
        packet = default;
        while (TryFill(0, 2 * sizeof(uint)))
        {
            uint type = U32(0);
            if (type == SectionHeader)
            {
                ReadSection(sizeof(uint));
                continue;
            }

            int length = BlockLength(U32(4));
            Need(2 * sizeof(uint), length - (2 * sizeof(uint)));
            switch (type)
            {
                case InterfaceBlock:
                    ReadInterface(length);
                    break;
                case EnhancedPacketBlock:
                    packet = Enhanced(length, (int)Math.Min(U32(8), int.MaxValue));
                    return true;
                case OldPacketBlock:
                    packet = Enhanced(length, U16(8));
                    return true;
                case SimplePacketBlock:
                    packet = Simple(length);
                    return true;
            }
        }

        return false;
    }

    // The header of a section says in which byte order it goes on, and forgets the interfaces.
    private void ReadSection(int have = 0)
    {
        const int Shortest = 28;
        Need(sizeof(uint), 2 * sizeof(uint));
        uint magic = BinaryPrimitives.ReadUInt32LittleEndian(_buffer.AsSpan(8));
        _swapped = magic != ByteOrderMagic;
        if (_swapped && BinaryPrimitives.ReverseEndianness(magic) != ByteOrderMagic)
        {
            throw Broken("a section has no byte order");
        }

        _ = have;
        int length = BlockLength(U32(4));
        if (length < Shortest)
        {
            throw Broken("a section header is too short");
        }

        Need(12, length - 12);
        _interfaces.Clear();
    }

    private void ReadInterface(int length)
    {
        const int Options = 16;
        const ushort Resolution = 9;
        const ushort Offset = 14;
        if (length < Options + sizeof(uint) || _interfaces.Count >= MaxInterfaces)
        {
            throw Broken("an interface is described too briefly, or there are too many");
        }

        long perSecond = 1_000_000;
        long offset = 0;
        for (int at = Options; at + 4 <= length - sizeof(uint);)
        {
            int code = U16(at);
            int size = U16(at + 2);
            if (code == 0 || at + 4 + size > length - sizeof(uint))
            {
                break;
            }

            if (code == Resolution && size == 1)
            {
                int exponent = _buffer[at + 4] & 0x7f;
                bool binary = (_buffer[at + 4] & 0x80) != 0;
                perSecond = binary ? 1L << Math.Min(exponent, 62) : (long)Math.Pow(10, Math.Min(exponent, 18));
            }
            else if (code == Offset && size == 8)
            {
                offset = (long)(((ulong)U32(_swapped ? at + 4 : at + 8) << 32) | U32(_swapped ? at + 8 : at + 4));
            }

            at += 4 + ((size + 3) & ~3);
        }

        uint cut = U32(12);
        _interfaces.Add(new Described(
            U16(8), perSecond, offset, cut == 0 ? int.MaxValue : (int)Math.Min(cut, int.MaxValue)));
    }

    private CapturedPacket Enhanced(int length, int number)
    {
        const int Data = 28;
        if (length < Data + sizeof(uint))
        {
            throw Broken("a packet's block is too short");
        }

        Described described = Interface(number);
        int captured = Length(U32(20));
        if (captured > length - Data - sizeof(uint))
        {
            throw Broken("a packet is longer than its block");
        }

        UInt128 ticks = ((ulong)U32(12) << 32) | U32(16);
        UInt128 scaled = ticks * 1_000_000_000 / (UInt128)(ulong)described.PerSecond;
        long time = (long)(scaled & long.MaxValue) + (described.Offset * 1_000_000_000);
        return new CapturedPacket(
            _buffer.AsMemory(Data, captured), Length(U32(24)), time, described.LinkType, number);
    }

    private CapturedPacket Simple(int length)
    {
        const int Data = 12;
        Described described = Interface(0);
        int original = Length(U32(8));
        int captured = Math.Min(Math.Min(original, described.Cut), length - Data - sizeof(uint));
        return captured < 0
            ? throw Broken("a packet's block is too short")
            : new CapturedPacket(_buffer.AsMemory(Data, captured), original, 0, described.LinkType, 0);
    }

    private Described Interface(int number) => (uint)number < (uint)_interfaces.Count
        ? _interfaces[number] : throw Broken($"a packet is of interface {number}, which is not described");

    private int Length(uint length) => length <= MaxBlockLength
        ? (int)length : throw Broken($"a packet of {length} bytes is more than {MaxBlockLength}");

    private int BlockLength(uint length) => length is >= 12 and <= MaxBlockLength && length % 4 == 0
        ? (int)length : throw Broken($"a block of {length} bytes is not from 12 to {MaxBlockLength} in fours");

    private ushort U16(int at) => _swapped
        ? BinaryPrimitives.ReadUInt16BigEndian(_buffer.AsSpan(at))
        : BinaryPrimitives.ReadUInt16LittleEndian(_buffer.AsSpan(at));

    private uint U32(int at) => _swapped
        ? BinaryPrimitives.ReadUInt32BigEndian(_buffer.AsSpan(at))
        : BinaryPrimitives.ReadUInt32LittleEndian(_buffer.AsSpan(at));

    private void Need(int at, int count)
    {
        if (!TryFill(at, count) && count > 0)
        {
            throw Broken("it ends in the middle of a packet");
        }
    }

    // Reads so many bytes to a place; false when the stream ends before the first of them.
    private bool TryFill(int at, int count)
    {
        if (_buffer.Length < at + count)
        {
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, at + count));
        }

        int read = _stream.ReadAtLeast(_buffer.AsSpan(at, count), count, throwOnEndOfStream: false);
        return read == count ? count > 0 : read == 0 ? false : throw Broken("it ends in the middle of a packet");
    }

    private readonly record struct Described(int LinkType, long PerSecond, long Offset, int Cut);
}
