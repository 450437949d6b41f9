using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Earshot.Core.Wire;

/// <summary>What a TCP segment to be sent says; <see cref="WriteHeader(Span{byte})"/> puts it into a span.</summary>
public struct TcpFields
{
    /// <summary>Source port.</summary>
    public ushort SourcePort;

    /// <summary>Destination port.</summary>
    public ushort DestinationPort;

    /// <summary>SEG.SEQ.</summary>
    public SeqNumber Seq;

    /// <summary>SEG.ACK; 0 on the wire when the ACK bit is not set.</summary>
    public SeqNumber Ack;

    /// <summary>The control bits.</summary>
    public TcpFlags Flags;

    /// <summary>The four bits between the data offset and the control bits; the last of them is AccECN's AE.</summary>
    public byte ReservedBits;

    /// <summary>The window field as on the wire, already shifted.</summary>
    public ushort WindowField;

    /// <summary>The urgent pointer; 0 when the URG bit is not set.</summary>
    public ushort UrgentPointer;

    /// <summary>The options.</summary>
    public TcpOptions Options;

    /// <summary>Bytes of further options that are written after these, a multiple of 4: SACK blocks, which are rare and
    /// large.</summary>
    public byte FurtherOptions;

    /// <summary>The key that the segment is signed with; null: it is not.</summary>
    internal byte[]? Key;

    /// <summary>Bytes of the header with these options, without further ones: 20 to 60.</summary>
    public readonly int HeaderLength =>
        TcpSegment.MinimumHeaderLength + SignatureLength + Options.WireLength;

    private readonly int SignatureLength => Key is null ? 0 : SegmentSignature.Length;

    /// <summary>Writes the header; the checksum field is left 0.</summary>
    /// <param name="target">At least <see cref="HeaderLength"/> bytes.</param>
    /// <returns>The bytes written.</returns>
    public readonly int WriteHeader(Span<byte> target) => WriteHeader(target, out _);

    /// <summary>Writes the header, the checksum field 0, and sums what it writes while it is in registers.</summary>
    /// <param name="target">At least <see cref="HeaderLength"/> bytes.</param>
    /// <param name="sum">The sum of the header as big-endian numbers, not folded.</param>
    /// <returns>The bytes written.</returns>
    internal readonly int WriteHeader(Span<byte> target, out ulong sum)
    {
        int signature = SignatureLength;
        int length = TcpSegment.MinimumHeaderLength + signature
            + Options.Write(target[(TcpSegment.MinimumHeaderLength + signature)..], out ulong options);
        if (signature != 0)
        {
            // The digest follows when the data is there.
            Span<byte> option = target.Slice(TcpSegment.MinimumHeaderLength, signature);
            option.Clear();
            BinaryPrimitives.WriteUInt32BigEndian(option, SegmentSignature.Head);
            options += SegmentSignature.Head;
        }

        uint ports = ((uint)SourcePort << 16) | DestinationPort;
        uint control = ((uint)(length + FurtherOptions) << 26) | ((uint)ReservedBits << 24) | ((uint)Flags << 16)
            | WindowField;
        sum = options + ports + Seq.Value + Ack.Value + control + UrgentPointer;
        target = target[..TcpSegment.MinimumHeaderLength];
        BinaryPrimitives.WriteUInt64BigEndian(target, ((ulong)ports << 32) | Seq.Value);
        BinaryPrimitives.WriteUInt64BigEndian(
            target[TcpSegment.AcknowledgmentOffset..], ((ulong)Ack.Value << 32) | control);
        BinaryPrimitives.WriteUInt32BigEndian(target[TcpSegment.ChecksumOffset..], UrgentPointer);
        return length;
    }

    /// <summary>Stores a checksum in a header, as <see cref="Checksum.Finish"/> gave it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WriteChecksum(Span<byte> header, ushort checksum) =>
        Unsafe.WriteUnaligned(ref header[TcpSegment.ChecksumOffset], checksum);

    /// <summary>Sums a packet whose checksum was left to the link, as for a capture.</summary>
    /// <param name="packet">A whole IP packet; one that does not carry TCP is left as it is.</param>
    public static void CompleteChecksum(Span<byte> packet)
    {
        if (IpPacket.Parse(packet, out IpPacket ip) != IpParseError.None || ip.Protocol != IpPacket.ProtocolTcp
            || ip.Payload.Length < TcpSegment.MinimumHeaderLength)
        {
            return;
        }

        SumSegment(packet.Slice(ip.HeaderLength, ip.Payload.Length), ip.Source, ip.Destination);
    }

    /// <summary>Stores the checksum of a whole segment.</summary>
    internal static void SumSegment(Span<byte> segment, in InetAddress source, in InetAddress destination)
    {
        WriteChecksum(segment, 0);
        ulong pseudo = Checksum.PseudoHeader(source, destination, IpPacket.ProtocolTcp, segment.Length);
        WriteChecksum(segment, Checksum.Finish(Checksum.Add(segment, pseudo)));
    }
}
