using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp;

/// <content>Segments that cannot be read, or were damaged on their way.</content>
internal sealed partial class TcpLayer
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Refuse(in IpPacket packet, TcpParseError error)
    {
        // A segment that is cut short is no error to Linux, only one whose header says that it is too short.
        const int DataOffset = 12;
        bool cut = error == TcpParseError.Header && (packet.Payload.Length < TcpSegment.MinimumHeaderLength
            || packet.Payload[DataOffset] >> 4 >= TcpSegment.MinimumHeaderLength / 4);
        Mib mib = Context.Mib;
        mib.Count(Counter.TcpInSegs);
        mib.Count(cut ? Counter.None : Counter.TcpInErrs);
        if (error == TcpParseError.Checksum)
        {
            mib.Count(Counter.TcpInCsumErrors);
            CountDamaged(packet);
        }

        Context.Judge(
            new FourTuple(new InetEndpoint(packet.Destination, 0), new InetEndpoint(packet.Source, 0)),
            new Verdict(error == TcpParseError.Checksum ? RuleId.SegmentChecksum : RuleId.SegmentHeader));
    }

    // The checksum of all but the shortest segments is looked at when their socket has counted them. Linux:
    // CHECKSUM_BREAK.
    private void CountDamaged(in IpPacket packet)
    {
        const int Short = 76;
        ReadOnlySpan<byte> segment = packet.Payload;
        if (segment.Length <= Short)
        {
            return;
        }

        var tuple = new FourTuple(
            new InetEndpoint(packet.Destination, BinaryPrimitives.ReadUInt16BigEndian(segment[2..])),
            new InetEndpoint(packet.Source, BinaryPrimitives.ReadUInt16BigEndian(segment)));
        int handle = Table.Find(Table.Tag(tuple), tuple);
        if (handle >= 0 && Handle.Kind(handle) == HandleKind.Connection)
        {
            const int DataOffset = 12;
            Table.Connection(handle).CountDamaged(segment.Length - (segment[DataOffset] >> 4 << 2));
        }
    }
}
