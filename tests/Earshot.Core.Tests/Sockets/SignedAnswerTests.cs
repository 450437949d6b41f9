using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Sockets;

/// <summary>TCP_MD5SIG in what no connection sends: resets, and the ACKs of TIME_WAIT. The packets are those of the
/// host's kernel (docs/linux-facts.md, signatures).</summary>
[Trait("Linux", "tcp_v4_send_reset")]
public sealed class SignedAnswerTests : IDisposable
{
    private const ushort Port = 8080;
    private const string SignedAck =
        "4500003c00014000400626a70a0900020a09000113a60009000000070000004da0100064cacf000001011312"
        + "c8b58b29bdea1466be9fdb7f03c29450";

    private readonly NetworkStack _stack = new(
        new StackOptions
        {
            Interfaces = [new InterfaceOptions { Addresses = [InterfaceAddress.Parse("10.9.0.1/24")] }],
        },
        Instant.FromSeconds(10));

    private readonly PacketBatch _batch = new(1);

    public void Dispose() => _stack.Dispose();

    [Theory]
    [InlineData(
        SignedAck,
        "4500003c00004000400626a80a0900010a090002000913a60000004d00000000a0040000a376000001011312"
        + "9becdce6983df2a1fbb9a05d0064e003")]
    [InlineData(
        "4500003c00014000400626a70a0900020a09000113a600090000000700000000a00200645b89000001011312"
        + "35f79c021091c31279080c6b958b0767",
        "4500003c00004000400626a80a0900010a090002000913a60000000000000008a01400008aeb000001011312"
        + "83d460143add613a92b90ce20a366f20")]
    [InlineData(
        "4500003c00014000400626a70a0900020a09000113a60009000000070000004da010006478f3000001011312"
        + "82134f5ae87fcd7038d45fe6772812fd",
        "")]
    [InlineData(
        "4500002800014000400626bb0a0900020a09000113a60009000000070000004d5010006487590000",
        "4500002800004000400626bc0a0900010a090002000913a60000004d000000005004000087d00000")]
    public void A_reset_that_no_socket_sends_is_signed_as_a_listener_on_the_source_port_signs(
        string segment, string expected)
    {
        Listen(5030);
        Assert.Equal(expected, string.Concat(Send(Convert.FromHexString(segment))));
    }

    [Fact]
    public void A_signed_segment_that_no_listener_has_the_key_of_is_not_answered() =>
        Assert.Empty(Send(Convert.FromHexString(SignedAck)));

    [Fact]
    public void A_listener_signs_its_resets()
    {
        Listen(Port);
        Assert.Equal(
            "4500003c00004000400626a80a0900010a0900021f90138c0000004d00000000a0040000353200000101131"
            + "2b294a8e022ba74e183f7da53056f783e",
            string.Concat(Send(Convert.FromHexString(
                "4500003c00014000400626a70a0900020a090001138c1f90000000070000004da010006"
                + "41fee000001011312fd4064768e8717dadbb66f3bf24c9e7e"))));
    }

    [Fact]
    [Trait("Linux", "tcp_v4_timewait_ack")]
    public void TIME_WAIT_signs_its_ACKs_and_asks_for_no_signature()
    {
        int listener = Listen(Port);
        uint isn = Sequence(Assert.Single(Send(Segment(2, 100, 0, "secret"))));
        Assert.Empty(Send(Segment(0x10, 101, isn + 1, "secret")));
        int fd = _stack.Calls.Accept(listener, out _);
        Assert.Equal(0, _stack.Calls.Close(fd));
        Assert.Equal("11", Flags(Assert.Single(Take())));
        string answer = Assert.Single(Send(Segment(0x11, 101, isn + 2, "secret")));
        Assert.Equal(("10", true), (Flags(answer), IsSigned(answer)));
        foreach (string? key in new[] { "secret", "wrong", null })
        {
            Assert.Equal(answer[40..], Assert.Single(Send(Segment(0x11, 101, isn + 2, key)))[40..]);
        }

        Assert.Equal(0, _stack.Mib[Counter.TcpExtTCPMD5NotFound] + _stack.Mib[Counter.TcpExtTCPMD5Failure]);

        // A reset without a signature ends it: what comes now is the listener's, which signs.
        Assert.Empty(Send(Segment(4, 102, isn + 2, null)));
        string reset = Assert.Single(Send(Segment(0x11, 101, isn + 2, "secret")));
        Assert.Equal(("04", true), (Flags(reset), IsSigned(reset)));
    }

    private static uint Sequence(string packet) => Convert.ToUInt32(packet[48..56], 16);

    private static string Flags(string packet) => packet[66..68];

    private static bool IsSigned(string packet)
    {
        byte[] bytes = Convert.FromHexString(packet);
        byte[] digest = new byte[Md5.DigestLength];
        byte[] segment = bytes[20..];
        SegmentSignature.Compute(
            InetAddress.Read(bytes.AsSpan(12)), InetAddress.Read(bytes.AsSpan(16)), segment, segment[12] >> 4 << 2,
            "secret"u8.ToArray(), digest);
        return segment.AsSpan(24, digest.Length).SequenceEqual(digest);
    }

    private static byte[] Segment(byte flags, uint seq, uint ack, string? key)
    {
        byte[] packet = new byte[key is null ? 40 : 60];
        Convert.FromHexString("450000000001400040060000" + "0a0900020a090001" + "13881f90").CopyTo(packet, 0);
        packet[3] = (byte)packet.Length;
        Span<byte> segment = packet.AsSpan(20);
        BinaryPrimitives.WriteUInt32BigEndian(segment[4..], seq);
        BinaryPrimitives.WriteUInt32BigEndian(segment[8..], ack);
        segment[12] = (byte)((packet.Length - 20) << 2);
        segment[13] = flags;
        BinaryPrimitives.WriteUInt16BigEndian(segment[14..], 60000);
        if (key is not null)
        {
            BinaryPrimitives.WriteUInt32BigEndian(segment[20..], SegmentSignature.Head);
            SegmentSignature.Compute(
                InetAddress.Parse("10.9.0.2"), InetAddress.Parse("10.9.0.1"), segment, segment.Length,
                Encoding.ASCII.GetBytes(key), segment[24..]);
        }

        Packet.Finish(packet);
        return packet;
    }

    private int Listen(ushort port)
    {
        const int Signature = 14;
        byte[] key = new byte[216];
        key[0] = 2;
        InetAddress.Parse("10.9.0.2").Write(key.AsSpan(4));
        key[130] = 6;
        "secret"u8.CopyTo(key.AsSpan(136));
        int fd = _stack.Calls.Socket(2, 1, 0);
        Assert.Equal(0, _stack.Calls.Bind(fd, new InetEndpoint(default, port)));
        Assert.Equal(0, _stack.Calls.SetSocketOption(fd, 6, Signature, key));
        Assert.Equal(0, _stack.Calls.Listen(fd, 8));
        return fd;
    }

    private List<string> Send(byte[] packet)
    {
        _batch.Clear();
        Assert.True(_batch.TryAdd(packet, 2));
        _stack.OnPackets(_batch, Instant.FromSeconds(10));
        return Take();
    }

    private List<string> Take()
    {
        List<string> sent = [];
        while (_stack.TryTransmit(out OutboundPacket answer))
        {
            sent.Add(Convert.ToHexStringLower(answer.Bytes));
        }

        return sent;
    }
}
