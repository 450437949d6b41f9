using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Ip;

/// <summary>Options of IPv4 and extension headers of IPv6 on a connection's own packets; the bytes are those that the
/// host's kernel sent (docs/linux-facts.md, options on a connection).</summary>
public sealed class AddedHeaderTests : IDisposable
{
    private const int IpOptions = 4;
    private const int Hops = 54;
    private const int Destination = 59;
    private const string Route = "070f04000000000000000000000000";
    private const string RouteAnswered = "070f080a090001000000000000000000";
    private const string RouteSent = "070f0c0a0900010a0900010000000000";
    private const string RouteOwn = "070f080a090001000000000000000000";
    private readonly PacketBatch _batch = new(1);
    private readonly NetworkStack _stack = new(
        new StackOptions
        {
            Interfaces =
            [
                new InterfaceOptions
                {
                    Addresses = [InterfaceAddress.Parse("10.9.0.1/24"), InterfaceAddress.Parse("fd00::1/64")],
                },
            ],
        },
        Instant.FromSeconds(10));

    public void Dispose() => _stack.Dispose();

    [Fact]
    public void A_connection_goes_on_with_what_answers_its_SYN()
    {
        (int fd, uint next) = Accept(Route, "");
        Assert.Equal(RouteAnswered, Get(fd));
        byte[][] sent = Write(fd, 1100);
        Assert.Equal([520, 520, 60], sent.Select(Payload));
        Assert.All(sent, packet => Assert.Equal(RouteSent, Options(packet)));
        Acknowledge(next + 1100);

        Assert.Equal(0, _stack.Calls.SetSocketOption(fd, 0, IpOptions, []));
        Assert.Equal("", Get(fd));
        sent = Write(fd, 540);
        Assert.Equal([536, 4], sent.Select(Payload));
        Assert.All(sent, packet => Assert.Equal("", Options(packet)));
    }

    [Fact]
    public void One_of_a_cookie_goes_on_with_what_answers_its_ACK()
    {
        Assert.Equal(0, _stack.Sysctls.Set("net.ipv4.tcp_syncookies", "2"));
        (int fd, _) = Accept("", Route);
        Assert.All(Write(fd, 600), packet => Assert.Equal(RouteSent, Options(packet)));
    }

    [Fact]
    public void Options_of_a_program_s_own_are_filled_in_once_on_each_packet()
    {
        (int fd, _) = Accept("", "");
        Set(fd, Route);
        Assert.Equal("070f0400000000000000000000000000", Get(fd));
        byte[][] sent = Write(fd, 600);
        Assert.Equal([520, 80], sent.Select(Payload));
        Assert.All(sent, packet => Assert.Equal(RouteOwn, Options(packet)));

        // The reset at the end too.
        Assert.Equal(0, _stack.Calls.SetSocketOption(fd, 1, 13, [1, 0, 0, 0, 0, 0, 0, 0]));
        _stack.Calls.Close(fd);
        Assert.Equal(RouteOwn, Options(Assert.Single(Take())));
    }

    [Theory]
    [InlineData("07070300000000")]
    [InlineData("07070600000000")]
    [InlineData("4408050300000000")]
    [InlineData("0707")]
    public void Unsound_options_are_refused(string options)
    {
        int fd = _stack.Calls.Socket(2, 1, 0);
        Assert.Equal(-Errno.EINVAL, _stack.Calls.SetSocketOption(fd, 0, IpOptions, Convert.FromHexString(options)));
    }

    [Fact]
    public void Extension_headers_stand_in_the_order_of_the_RFC()
    {
        int fd = _stack.Calls.Socket(10, 1, 0);
        Assert.Equal(0, _stack.Calls.SetSocketOption(
            fd, 41, Destination, Convert.FromHexString("0001010c000000000000000000000000")));
        Assert.Equal(0, _stack.Calls.SetSocketOption(fd, 41, Hops, Convert.FromHexString("0000010400000000")));
        _stack.Calls.Connect(fd, InetEndpoint.Parse("[fd00::2]:80"));
        byte[] syn = Assert.Single(Take());
        Assert.Equal(0, syn[6]);
        Assert.Equal(syn.Length - 40, BinaryPrimitives.ReadUInt16BigEndian(syn.AsSpan(4)));
        Assert.Equal(
            "3c00010400000000" + "0601010c000000000000000000000000",
            Convert.ToHexStringLower(syn.AsSpan(40, 24)));
        Assert.True(Checksum.IsValid(Checksum.Add(syn.AsSpan(64), Checksum.PseudoHeader(
            InetAddress.Parse("fd00::1"), InetAddress.Parse("fd00::2"), 6, syn.Length - 64))));
    }

    private static int Header(byte[] packet) => (packet[0] & 0xf) * 4;

    private static int Payload(byte[] packet) => packet.Length - Header(packet) - 20;

    private static string Options(byte[] packet)
    {
        int header = Header(packet);
        Assert.True(Checksum.IsValid(Checksum.Add(packet.AsSpan(0, header))));
        Assert.Equal(packet.Length, BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(2)));
        Assert.True(Checksum.IsValid(Checksum.Add(packet.AsSpan(header), Checksum.PseudoHeader(
            InetAddress.Parse("10.9.0.1"), InetAddress.Parse("10.9.0.2"), 6, packet.Length - header))));
        return Convert.ToHexStringLower(packet.AsSpan(20, header - 20));
    }

    private (int Descriptor, uint Next) Accept(string synOptions, string ackOptions)
    {
        int listener = _stack.Calls.Socket(2, 1, 0);
        Assert.Equal(0, _stack.Calls.Bind(listener, new InetEndpoint(default, 8080)));
        Assert.Equal(0, _stack.Calls.Listen(listener, 8));
        Send(synOptions, 100, 0, 2);
        byte[] synAck = Assert.Single(Take());
        uint next = BinaryPrimitives.ReadUInt32BigEndian(synAck.AsSpan(Header(synAck) + 4)) + 1;
        Send(ackOptions, 101, next, 0x10);
        int fd = _stack.Calls.Accept(listener, out _);
        Assert.True(fd > 0);
        return (fd, next);
    }

    private void Acknowledge(uint next) => Send("", 101, next, 0x10);

    private byte[][] Write(int fd, int bytes)
    {
        Assert.Equal(bytes, _stack.Calls.Send(fd, new byte[bytes]));
        return Take();
    }

    private void Set(int fd, string options) =>
        Assert.Equal(0, _stack.Calls.SetSocketOption(fd, 0, IpOptions, Convert.FromHexString(options)));

    private string Get(int fd)
    {
        byte[] value = new byte[64];
        int length = value.Length;
        Assert.Equal(0, _stack.Calls.GetSocketOption(fd, 0, IpOptions, value, ref length));
        return Convert.ToHexStringLower(value.AsSpan(0, length));
    }

    private void Send(string options, uint seq, uint ack, byte flags)
    {
        byte[] asked = Convert.FromHexString(options);
        int header = 20 + ((asked.Length + 3) & ~3);
        byte[] packet = new byte[header + 20];
        Convert.FromHexString("4500000000014000400600000a0900020a090001").CopyTo(packet, 0);
        packet[0] = (byte)(0x40 | (header / 4));
        packet[3] = (byte)packet.Length;
        asked.CopyTo(packet, 20);
        Span<byte> segment = packet.AsSpan(header);
        BinaryPrimitives.WriteUInt16BigEndian(segment, 40001);
        BinaryPrimitives.WriteUInt16BigEndian(segment[2..], 8080);
        BinaryPrimitives.WriteUInt32BigEndian(segment[4..], seq);
        BinaryPrimitives.WriteUInt32BigEndian(segment[8..], ack);
        (segment[12], segment[13], segment[14]) = (0x50, flags, 0xff);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), (ushort)~Packet.Sum(packet.AsSpan(0, header), 0));
        _batch.Clear();
        Assert.True(_batch.TryAdd(packet, 2, new PacketInfo(PacketFlags.ChecksumGood)));
        _stack.OnPackets(_batch, _stack.Now);
    }

    private byte[][] Take()
    {
        List<byte[]> sent = [];
        while (_stack.TryTransmit(out OutboundPacket packet))
        {
            sent.Add(packet.Bytes.ToArray());
        }

        return [.. sent];
    }
}
