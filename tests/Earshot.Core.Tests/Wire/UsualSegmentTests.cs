using System;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Wire;

/// <summary>The headers that are written at once are those that <see cref="TcpFields"/> would write.</summary>
[Trait("Linux", "tcp_options_write")]
public sealed class UsualSegmentTests
{
    [Fact]
    public void They_are_what_is_written_field_by_field()
    {
        var random = new Random(618);
        for (int i = 0; i < 2000; i++)
        {
            byte[] data = new byte[random.Next(0, 100)];
            random.NextBytes(data);
            var ip = new IpFields(
                new InetAddress((uint)random.NextInt64()), new InetAddress((uint)random.NextInt64()),
                IpPacket.ProtocolTcp, (ushort)random.Next(65536), (byte)random.Next(256), (byte)random.Next(256),
                random.Next(2) == 0);
            TcpFields tcp = Fields(random);
            Assert.True(tcp.Options.AreTimestampsAlone);

            byte[] written = new byte[UsualSegment.HeaderLength + data.Length];
            ulong sum = UsualSegment.Write(written, ip, tcp, data.Length);
            sum = Checksum.CopyAndAdd(data, written.AsSpan(UsualSegment.HeaderLength), sum);
            TcpFields.WriteChecksum(written.AsSpan(IpPacket.MinimumHeaderLength), Checksum.Finish(sum));

            byte[] expected = new byte[written.Length];
            Span<byte> segment = expected.AsSpan(IpPacket.MinimumHeaderLength);
            IpPacket.WriteHeader(expected, ip, segment.Length);
            data.CopyTo(segment[tcp.WriteHeader(segment)..]);
            TcpFields.SumSegment(segment, ip.Source, ip.Destination);
            Assert.Equal(expected, written);
        }
    }

    [Fact]
    public void Another_option_is_not_usual()
    {
        var stamps = new TcpOptions { HasTimestamp = true };
        Assert.True(stamps.AreTimestampsAlone);
        Assert.False(default(TcpOptions).AreTimestampsAlone);
        Assert.False((stamps with { Mss = 536 }).AreTimestampsAlone);
        Assert.False((stamps with { SackPermitted = true }).AreTimestampsAlone);
        Assert.False((stamps with { HasWindowScale = true }).AreTimestampsAlone);
        Assert.False((stamps with { FastOpen = FastOpenOption.Experimental }).AreTimestampsAlone);
    }

    private static TcpFields Fields(Random random) => new()
    {
        SourcePort = (ushort)random.Next(65536),
        DestinationPort = (ushort)random.Next(65536),
        Seq = new SeqNumber((uint)random.NextInt64()),
        Ack = new SeqNumber((uint)random.NextInt64()),
        Flags = (TcpFlags)random.Next(256),
        ReservedBits = (byte)random.Next(16),
        WindowField = (ushort)random.Next(65536),
        UrgentPointer = (ushort)random.Next(65536),
        Options = new TcpOptions
        {
            HasTimestamp = true,
            TsVal = (uint)random.NextInt64(),
            TsEcr = (uint)random.NextInt64(),
        },
    };
}
