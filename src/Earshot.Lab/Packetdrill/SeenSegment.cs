using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Net;
using Earshot.Core.Time;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Packetdrill;

/// <summary>A packet that a target sent, read field by field.</summary>
internal sealed class SeenSegment
{
    private const ushort FastOpenMagic = 0xf989;

    private SeenSegment(Instant time, Envelope envelope, bool six)
    {
        Time = time;
        Envelope = envelope;
        IsSix = six;
    }

    public Instant Time { get; }

    public Envelope Envelope { get; }

    public bool IsSix { get; }

    public int Protocol { get; private init; }

    /// <summary>What is wrong with lengths or checksums; null when nothing is.</summary>
    public string? Fault { get; private set; }

    public ushort SourcePort { get; private set; }

    public ushort DestinationPort { get; private set; }

    public uint Sequence { get; private set; }

    public uint Acknowledgment { get; private set; }

    public int Flags { get; set; }

    public ushort Window { get; private set; }

    public ushort Urgent { get; private set; }

    public IReadOnlyList<OptionPattern> Options { get; private set; } = [];

    public byte[] Payload { get; set; } = [];

    public int IcmpType { get; private set; }

    public int IcmpCode { get; private set; }

    public int IcmpMtu { get; private set; }

    public bool IsTcp => Protocol == SegmentBytes.Tcp;

    public bool IsIcmp => Protocol == (IsSix ? SegmentBytes.Icmp6 : SegmentBytes.Icmp);

    public bool Has(int flag) => (Flags & flag) != 0;

    /// <summary>Reads a packet; null when it is no IP packet.</summary>
    public static SeenSegment? Read(in SeenPacket packet)
    {
        ReadOnlySpan<byte> bytes = packet.Bytes;
        int version = bytes.Length > 0 ? bytes[0] >> 4 : 0;
        int header = version == 6 ? SegmentBytes.Ip6Header : bytes.Length > 0 ? (bytes[0] & 15) * 4 : 0;
        if (version is not (4 or 6) || header < SegmentBytes.Ip4Header || bytes.Length < header)
        {
            return null;
        }

        bool six = version == 6;
        uint first = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        var envelope = six
            ? new Envelope(
                new IPAddress(bytes[8..24]),
                new IPAddress(bytes[24..40]),
                (int)(first >> 20) & 255,
                bytes[7],
                (int)first & 0xfffff)
            : new Envelope(new IPAddress(bytes[12..16]), new IPAddress(bytes[16..20]), bytes[1], bytes[8], 0);
        int protocol = six ? SkipExtensions(bytes, ref header) : bytes[9];
        var seen = new SeenSegment(packet.Time, envelope, six) { Protocol = protocol };
        int total = six
            ? SegmentBytes.Ip6Header + BinaryPrimitives.ReadUInt16BigEndian(bytes[4..])
            : BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        if (total != bytes.Length)
        {
            seen.Fault = $"the IP header says {total} bytes, the packet has {bytes.Length}";
        }
        else if (!six && SegmentBytes.Finish(SegmentBytes.Sum(bytes[..header], 0)) != 0)
        {
            seen.Fault = "the checksum of the IP header is wrong";
        }

        ReadOnlySpan<byte> rest = bytes[header..];
        if (seen.IsTcp)
        {
            seen.ReadTcp(rest);
        }
        else if (seen.IsIcmp && rest.Length >= 8)
        {
            seen.IcmpType = rest[0];
            seen.IcmpCode = rest[1];
            seen.IcmpMtu = six
                ? (int)BinaryPrimitives.ReadUInt32BigEndian(rest[4..])
                : BinaryPrimitives.ReadUInt16BigEndian(rest[6..]);
            seen.Payload = rest[8..].ToArray();
        }

        return seen;
    }

    // Options for each hop and for the destination: a script does not tell them.
    private static int SkipExtensions(ReadOnlySpan<byte> packet, ref int header)
    {
        const int HopByHop = 0, Destination = 60, Unit = 8;
        int next = packet[6];
        while (next is HopByHop or Destination && packet.Length >= header + Unit
            && packet.Length >= header + ((packet[header + 1] + 1) * Unit))
        {
            next = packet[header];
            header += (packet[header + 1] + 1) * Unit;
        }

        return next;
    }

    private void ReadTcp(ReadOnlySpan<byte> segment)
    {
        int offset = segment.Length > 12 ? (segment[12] >> 4) * 4 : 0;
        if (segment.Length < SegmentBytes.TcpHeader || offset < SegmentBytes.TcpHeader || offset > segment.Length)
        {
            Fault ??= "the TCP header is cut";
            return;
        }

        if (SegmentBytes.TransportSum(Envelope, SegmentBytes.Tcp, segment) != 0)
        {
            Fault ??= "the TCP checksum is wrong";
        }

        SourcePort = BinaryPrimitives.ReadUInt16BigEndian(segment);
        DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(segment[2..]);
        Sequence = BinaryPrimitives.ReadUInt32BigEndian(segment[4..]);
        Acknowledgment = BinaryPrimitives.ReadUInt32BigEndian(segment[8..]);
        Flags = BinaryPrimitives.ReadUInt16BigEndian(segment[12..]) & 0x1ff;
        Window = BinaryPrimitives.ReadUInt16BigEndian(segment[14..]);
        Urgent = BinaryPrimitives.ReadUInt16BigEndian(segment[18..]);
        Options = ReadOptions(segment[SegmentBytes.TcpHeader..offset]);
        Payload = segment[offset..].ToArray();
    }

    private List<OptionPattern> ReadOptions(ReadOnlySpan<byte> bytes)
    {
        var options = new List<OptionPattern>();
        while (bytes.Length > 0)
        {
            var kind = (OptionKind)bytes[0];
            if (kind is OptionKind.End or OptionKind.Nop)
            {
                options.Add(new OptionPattern(kind));
                bytes = bytes[1..];
                continue;
            }

            if (bytes.Length < 2 || bytes[1] < 2 || bytes[1] > bytes.Length)
            {
                Fault ??= "an option's length is wrong";
                return options;
            }

            options.Add(ReadOption(kind, bytes[2..bytes[1]]));
            bytes = bytes[bytes[1]..];
        }

        // The padding at the end is what a script writes as nothing.
        while (options.Count > 0 && options[^1].Kind == OptionKind.End)
        {
            options.RemoveAt(options.Count - 1);
        }

        return options;
    }

    private static OptionPattern ReadOption(OptionKind kind, ReadOnlySpan<byte> value)
    {
        switch (kind)
        {
            case OptionKind.Mss when value.Length == 2:
                return new OptionPattern(kind) { Number = BinaryPrimitives.ReadUInt16BigEndian(value) };
            case OptionKind.WindowScale when value.Length == 1:
                return new OptionPattern(kind) { Number = value[0] };
            case OptionKind.Timestamp when value.Length == 8:
                return new OptionPattern(kind)
                {
                    Number = BinaryPrimitives.ReadUInt32BigEndian(value),
                    Echo = BinaryPrimitives.ReadUInt32BigEndian(value[4..]),
                };
            case OptionKind.Sack when value.Length % 8 == 0:
                var ranges = new List<(uint, uint)>();
                for (int i = 0; i < value.Length; i += 8)
                {
                    ranges.Add((
                        BinaryPrimitives.ReadUInt32BigEndian(value[i..]),
                        BinaryPrimitives.ReadUInt32BigEndian(value[(i + 4)..])));
                }

                return new OptionPattern(kind) { Ranges = ranges };
            case OptionKind.FastOpenExperimental
                when value.Length >= 2 && BinaryPrimitives.ReadUInt16BigEndian(value) == FastOpenMagic:
                return new OptionPattern(kind) { Bytes = value[2..].ToArray() };
            default:
                return new OptionPattern(kind) { Bytes = value.ToArray() };
        }
    }
}
