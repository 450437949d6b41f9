using System;
using Earshot.Core.Tcp;
using Earshot.Core.Tcp.Listening;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp;

/// <summary>The answer that is written at once is the one that <see cref="TcpFields"/> would write.</summary>
[Trait("Linux", "tcp_make_synack")]
public sealed class UsualSynAckTests
{
    private const int SegmentLength = UsualSynAck.Length - IpPacket.MinimumHeaderLength;

    [Fact]
    public void It_is_what_is_written_field_by_field()
    {
        var random = new Random(618);
        for (int i = 0; i < 2000; i++)
        {
            ConnectionRequest request = Request(random);
            var tuple = new FourTuple(
                new InetEndpoint(new InetAddress((uint)random.NextInt64()), request.LocalPort),
                new InetEndpoint(new InetAddress((uint)random.NextInt64()), request.RemotePort));
            byte tos = (byte)random.Next(256), ttl = (byte)random.Next(1, 256);
            ushort mss = (ushort)random.Next(1, 65536);
            uint stamp = (uint)random.NextInt64();

            byte[] written = new byte[UsualSynAck.Length];
            UsualSynAck.Write(written, request, tuple, tos, ttl, mss, stamp);

            Assert.Equal(ByFields(request, tuple, tos, ttl, mss, stamp), written);
        }
    }

    private static ConnectionRequest Request(Random random) => new()
    {
        LocalPort = (ushort)random.Next(65536),
        RemotePort = (ushort)random.Next(65536),
        PeerIsn = (uint)random.NextInt64(),
        Isn = (uint)random.NextInt64(),
        TsRecent = (uint)random.NextInt64(),
        WindowBytes = (uint)random.Next(1 << 17),
        WindowScales = (byte)random.Next(256),
        Flags = RequestFlags.Timestamps | RequestFlags.WindowScale
            | (random.Next(2) == 0 ? RequestFlags.Sack : 0) | (random.Next(2) == 0 ? RequestFlags.Ecn : 0),
    };

    private static byte[] ByFields(
        in ConnectionRequest request, in FourTuple tuple, byte tos, byte ttl, ushort mss, uint stamp)
    {
        byte[] packet = new byte[UsualSynAck.Length];
        InetAddress from = tuple.Local.Address, to = tuple.Remote.Address;
        IpPacket.WriteHeader(
            packet, new IpFields(from, to, IpPacket.ProtocolTcp, 0, tos, ttl, DontFragment: true), SegmentLength);
        var fields = new TcpFields
        {
            SourcePort = request.LocalPort,
            DestinationPort = request.RemotePort,
            Seq = new SeqNumber(request.Isn),
            Ack = new SeqNumber(request.PeerIsn) + 1,
            Flags = TcpFlags.Syn | TcpFlags.Ack | (request.Has(RequestFlags.Ecn) ? TcpFlags.Ece : 0),
            WindowField = (ushort)Math.Min(request.WindowBytes, ushort.MaxValue),
            Options = new TcpOptions
            {
                Mss = mss,
                HasTimestamp = true,
                TsVal = stamp,
                TsEcr = request.TsRecent,
                SackPermitted = request.Has(RequestFlags.Sack),
                HasWindowScale = true,
                WindowScale = request.OwnWindowScale,
            },
        };
        Span<byte> segment = packet.AsSpan(IpPacket.MinimumHeaderLength);
        Assert.Equal(SegmentLength, fields.WriteHeader(segment));
        TcpFields.SumSegment(segment, from, to);
        return packet;
    }
}
