using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Earshot.Core.Wire;

/// <summary>The control bits of a TCP header (RFC 9293 §3.1).</summary>
[Flags]
public enum TcpFlags : byte
{
    /// <summary>No bit.</summary>
    None = 0,

    /// <summary>No more data from the sender.</summary>
    Fin = 0x01,

    /// <summary>Synchronize sequence numbers.</summary>
    Syn = 0x02,

    /// <summary>Reset the connection.</summary>
    Rst = 0x04,

    /// <summary>Push.</summary>
    Psh = 0x08,

    /// <summary>The acknowledgment field counts.</summary>
    Ack = 0x10,

    /// <summary>The urgent pointer counts.</summary>
    Urg = 0x20,

    /// <summary>Congestion experienced, echoed (RFC 3168).</summary>
    Ece = 0x40,

    /// <summary>Congestion window reduced (RFC 3168).</summary>
    Cwr = 0x80,
}

/// <summary>Why bytes are not a TCP segment.</summary>
public enum TcpParseError : byte
{
    /// <summary>The segment is sound.</summary>
    None,

    /// <summary>Shorter than its header, or a data offset below 5.</summary>
    Header,

    /// <summary>The checksum is wrong.</summary>
    Checksum,
}

/// <summary>A received TCP segment, seen in place; only <see cref="Parse"/> makes one, so no accessor can
/// fail.</summary>
/// <remarks>
/// <code>
///  0               1               2               3
/// |          Source Port          |       Destination Port        |
/// |                        Sequence Number                        |
/// |                    Acknowledgment Number                      |
/// | Offset|  Res. | C E U A P R S F |           Window            |
/// |           Checksum            |        Urgent Pointer         |
/// |                        Options, if Offset > 5                  |
/// </code>
/// </remarks>
public ref struct TcpSegment
{
    /// <summary>Bytes of a header without options.</summary>
    public const int MinimumHeaderLength = 20;

    /// <summary>Bytes of the longest options.</summary>
    internal const int MaximumOptionsLength = 40;

    internal const int SourcePortOffset = 0;
    internal const int DestinationPortOffset = 2;
    internal const int SequenceOffset = 4;
    internal const int AcknowledgmentOffset = 8;
    internal const int DataOffsetOffset = 12;
    internal const int FlagsOffset = 13;
    internal const int WindowOffset = 14;
    internal const int ChecksumOffset = 16;
    internal const int UrgentOffset = 18;

    private ReadOnlySpan<byte> _bytes;
    private ReadOnlySpan<byte> _packet;
    private FourTuple _tuple;
    private int _headerLength;
    private ushort _segmentSize;
    private byte _tos;
    private byte _ttl;
    private TcpFlags _flags;

    /// <summary>Source address of the packet.</summary>
    public readonly InetAddress Source => _tuple.Remote.Address;

    /// <summary>Destination address of the packet.</summary>
    public readonly InetAddress Destination => _tuple.Local.Address;

    /// <summary>Type of service of the packet.</summary>
    public readonly byte Tos => _tos;

    /// <summary>Time to live of the packet.</summary>
    public readonly byte Ttl => _ttl;

    /// <summary>Payload bytes of each segment that the link merged into this one; 0 when it is a single
    /// segment.</summary>
    public readonly ushort SegmentSize => _segmentSize;

    /// <summary>The control bits.</summary>
    public readonly TcpFlags Flags => _flags;

    /// <summary>Source port.</summary>
    public readonly ushort SourcePort => _tuple.Remote.Port;

    /// <summary>Destination port.</summary>
    public readonly ushort DestinationPort => _tuple.Local.Port;

    /// <summary>SEG.SEQ: the number of the first byte, or of the SYN.</summary>
    public readonly SeqNumber Seq => new(Read32(SequenceOffset));

    /// <summary>SEG.ACK: the next number the sender expects, if the ACK bit is set.</summary>
    public readonly SeqNumber Ack => new(Read32(AcknowledgmentOffset));

    /// <summary>The four bits between the data offset and the control bits; the last of them is AccECN's AE.</summary>
    public readonly byte ReservedBits => (byte)(Unsafe.Add(ref First, DataOffsetOffset) & 0xf);

    /// <summary>AE, CWR and ECE as a number, AE the highest bit: the field ACE of RFC 9768.</summary>
    internal readonly int Code => ((ReservedBits & 1) << 2) | ((int)_flags >> 6);

    /// <summary>The window field as on the wire, unscaled.</summary>
    public readonly ushort WindowField => Read16(WindowOffset);

    /// <summary>The urgent pointer as on the wire; it counts when URG is set.</summary>
    public readonly ushort UrgentPointer => Read16(UrgentOffset);

    /// <summary>Bytes of the header, options included: 20 to 60.</summary>
    public readonly int HeaderLength => _headerLength;

    /// <summary>The headers of the packet, from IP's to the end of TCP's options.</summary>
    public readonly ReadOnlySpan<byte> Headers => _packet[..(_packet.Length - PayloadLength)];

    /// <summary>The options, 0 to 40 bytes.</summary>
    public readonly ReadOnlySpan<byte> Options => _bytes[MinimumHeaderLength.._headerLength];

    /// <summary>The data.</summary>
    public readonly ReadOnlySpan<byte> Payload => _bytes[_headerLength..];

    /// <summary>Header and data.</summary>
    internal readonly ReadOnlySpan<byte> Whole => _bytes;

    /// <summary>Bytes of data.</summary>
    public readonly int PayloadLength => _bytes.Length - _headerLength;

    /// <summary>SEG.LEN: data, and one each for SYN and FIN.</summary>
    public readonly int SegmentLength => PayloadLength + (Has(TcpFlags.Syn) ? 1 : 0) + (Has(TcpFlags.Fin) ? 1 : 0);

    /// <summary>The number after the segment's last.</summary>
    public readonly SeqNumber EndSeq => Seq + SegmentLength;

    /// <summary>The connection that the segment belongs to, seen from the receiver.</summary>
    [UnscopedRef]
    public readonly ref readonly FourTuple Tuple => ref _tuple;

    // Parse has seen that there are 20 bytes at least, so nothing within them is checked again.
    private readonly ref byte First
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref MemoryMarshal.GetReference(_bytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly ushort Read16(int offset) => BigEndian.Read16(ref First, offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly uint Read32(int offset) => BigEndian.Read32(ref First, offset);

    /// <summary>Whether any of the bits is set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool Has(TcpFlags flags) => (Flags & flags) != 0;

    /// <summary>Checks a packet's payload as Linux's <c>tcp_v4_rcv</c> does and gives a view of the segment.</summary>
    /// <param name="ip">The packet.</param>
    /// <param name="checksumGood">Whether the link has verified the checksum.</param>
    /// <param name="segmentSize">Payload bytes per merged segment, 0 for a single one.</param>
    /// <param name="segment">The view; empty when the bytes are refused.</param>
    /// <returns>What is wrong; <see cref="TcpParseError.None"/> when nothing is.</returns>
    public static TcpParseError Parse(
        in IpPacket ip, bool checksumGood, ushort segmentSize, out TcpSegment segment)
    {
        segment = default;
        ReadOnlySpan<byte> bytes = ip.Payload;
        if (bytes.Length < MinimumHeaderLength)
        {
            return TcpParseError.Header;
        }

        ref byte first = ref MemoryMarshal.GetReference(bytes);
        int headerLength = (Unsafe.Add(ref first, DataOffsetOffset) >> 4) * 4;
        if (headerLength < MinimumHeaderLength || headerLength > bytes.Length)
        {
            return TcpParseError.Header;
        }

        if (!checksumGood)
        {
            if (!Checksum.IsValid(Checksum.Add(bytes, ip.PseudoHeaderSum(IpPacket.ProtocolTcp))))
            {
                return TcpParseError.Checksum;
            }
        }

        // Field by field where it will stay: a copy of what was just written would have to wait for it.
        segment._packet = ip.Bytes;
        segment._bytes = bytes;
        segment._headerLength = headerLength;
        segment._tuple = new FourTuple(
            new InetEndpoint(ip.Destination, BigEndian.Read16(ref first, DestinationPortOffset)),
            new InetEndpoint(ip.Source, BigEndian.Read16(ref first, SourcePortOffset)));
        segment._tos = ip.Tos;
        segment._ttl = ip.Ttl;
        segment._segmentSize = segmentSize;
        segment._flags = (TcpFlags)Unsafe.Add(ref first, FlagsOffset);
        return TcpParseError.None;
    }
}
