using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Ip;

/// <summary>Record route and time stamps in what answers a packet; the bytes are those that the host's kernel answered
/// with (docs/linux-facts.md, record route). A t stands for a digit of the present.</summary>
public sealed class IpOptionTests : IDisposable
{
    private const string Host = "0a090001";
    private const string Now = "tttttttt";
    private const string Zero = "00000000";
    private const string Route = "070f04" + Zero + Zero + Zero;
    private const string Times = "44140500" + Zero + Zero + Zero + Zero;
    private const string RouteBack = "070f0c" + Host + Host + Zero + "00";

    private readonly NetworkStack _stack;
    private readonly PacketBatch _batch = new(1);
    private Instant _now = Instant.FromSeconds(10);
    private ushort _port = 1000;

    public IpOptionTests() => _stack = new NetworkStack(
        new StackOptions
        {
            TimeOfDay = new TimeSpan(11, 51, 0),
            Interfaces = [new InterfaceOptions { Addresses = [InterfaceAddress.Parse("10.9.0.1/24")] }],
        },
        _now);

    public void Dispose() => _stack.Dispose();

    [Theory]
    [InlineData(Route, RouteBack)]
    [InlineData("01" + Route, RouteBack)]
    [InlineData("070f0801020304" + Zero + Zero, "070f1001020304" + Host + Host + "00")]
    [InlineData("07070801020304", "0707080102030400")]
    [InlineData("070304", "07030400")]
    [InlineData(Times, "44140d00" + Now + Now + Zero + Zero)]
    [InlineData("4408050000000000", "44080900" + Now)]
    [InlineData("44140501" + Zero + Zero + Zero + Zero, "44141501" + Host + Now + Host + Now)]
    [InlineData("440c0501" + Zero + Zero, "440c0d01" + Host + Now)]
    [InlineData("44140503" + Host + Zero + "09090909" + Zero, "44140d03" + Host + Now + "09090909" + Zero)]
    [InlineData("44140503" + Host + Zero + Host + Zero, "44141503" + Host + Now + Host + Now)]
    [InlineData("44140503" + "09090909" + Zero + Host + Zero, "44140503" + "09090909" + Zero + Host + Zero)]
    [InlineData("44100503" + Host + Zero + Host, "44100d03" + Host + Now + Host)]
    [InlineData("44080900" + Zero, "44080910" + Zero)]
    [InlineData("440c0502" + Zero + Zero, "440c0502" + Zero + Zero)]
    [InlineData(Route + "01" + Times, "070f0c" + Host + Host + Zero + "44140d00" + Now + Now + Zero + Zero + "00")]
    [InlineData("94040000", "")]
    [InlineData("99040102", "")]
    [InlineData("01010101", "")]
    public void A_reset_brings_the_options_back_that_the_host_has_filled_in_twice(string asked, string expected)
    {
        byte[] reset = Assert.Single(Send(asked, Segment(9)));
        Assert.Equal(Present(expected), Options(reset));
        byte[] segment = reset[Header(reset)..];
        Assert.Equal("5014", Convert.ToHexStringLower(segment.AsSpan(12, 2)));
        Assert.True(Checksum.IsValid(Checksum.Add(
            segment, Checksum.PseudoHeader(
                InetAddress.Parse("10.9.0.1"), InetAddress.Parse("10.9.0.2"), 6, segment.Length))));
    }

    [Theory]
    [InlineData("44100501" + Zero + Zero + Zero)]
    [InlineData("440a0500" + Zero + "0000")]
    [InlineData("070904" + Zero + "0000")]
    public void Room_for_less_than_the_next_host_needs_leaves_a_packet_without_an_answer(string asked)
    {
        Assert.Empty(Send(asked, Segment(9)));
        Assert.Equal(1, _stack.Mib[Counter.TcpOutRsts]);
        Assert.Empty(Send(asked, Echo(), protocol: 1));
    }

    [Fact]
    public void A_SYN_with_such_options_is_answered_without_any()
    {
        Listen();
        Assert.Equal("", Options(Assert.Single(Send("070904" + Zero + "0000", Segment(8080)))));
    }

    [Theory]
    [InlineData("07020400", 0x15)]
    [InlineData("07070600000000", 0x16)]
    [InlineData("07070300000000", 0x16)]
    [InlineData("440305", 0x15)]
    [InlineData("4408040000000000", 0x16)]
    [InlineData("4408060000000000", 0x16)]
    [InlineData("4408050100000000", 0x16)]
    [InlineData("4408050300000000", 0x16)]
    [InlineData("440809f000000000", 0x17)]
    public void An_unsound_option_is_pointed_at(string asked, int pointer)
    {
        byte[] error = Assert.Single(Send(asked, Segment(9)));
        Assert.Equal((20, 1, 12, pointer), (Header(error), error[9], error[20], error[24]));
    }

    [Fact]
    public void An_option_that_comes_twice_is_pointed_at_and_the_first_is_answered()
    {
        byte[] error = Assert.Single(Send("070704" + Zero + "070704" + Zero, Segment(9)));
        Assert.Equal("0707080a09000100", Options(error));
        Assert.Equal((1, 12, 0x1b), (error[9], error[28], error[32]));
        Assert.Equal(
            "4900003800014000400610990a0900020a090001" + "0707080a090001070704" + Zero + "0000",
            Convert.ToHexStringLower(error.AsSpan(36, 36)));
    }

    [Fact]
    public void A_source_route_is_dropped_in_silence()
    {
        Assert.Empty(Send("89070801020304", Segment(9)));
        Assert.Empty(Send("83070401020304", Segment(9)));
    }

    [Fact]
    public void Every_SYN_ACK_has_the_options_of_its_SYN_the_second_with_a_stamp_of_its_own()
    {
        Listen();
        string first = Present(Now);
        byte[] synAck = Assert.Single(Send(Times, Segment(8080)));
        Assert.Equal("44140d00" + first + first + Zero + Zero, Options(synAck));
        Advance(2);
        byte[] again = Assert.Single(Take());
        Assert.StartsWith("44140d00" + first, Options(again));
        Assert.EndsWith(Zero + Zero, Options(again));
        uint passed = BinaryPrimitives.ReadUInt32BigEndian(again.AsSpan(28)) - Convert.ToUInt32(first, 16);
        Assert.InRange(passed, 1000u, 1100u);
        Assert.Equal(synAck[Header(synAck)..], again[Header(again)..]);
    }

    [Fact]
    public void A_cookie_has_them_too()
    {
        Listen();
        Assert.Equal(0, _stack.Sysctls.Set("net.ipv4.tcp_syncookies", "2"));
        Assert.Equal(RouteBack, Options(Assert.Single(Send(Route, Segment(8080)))));
        Assert.Equal("", Options(Assert.Single(Send("", Segment(8080)))));
    }

    [Fact]
    public void An_ACK_for_a_request_has_those_of_what_it_answers()
    {
        Listen();
        byte[] synAck = Assert.Single(Send("", Segment(8080)));
        uint isn = BinaryPrimitives.ReadUInt32BigEndian(synAck.AsSpan(24));
        byte[] ack = Segment(8080, flags: 0x10, seq: 5_000_000, ack: isn + 1, port: _port);
        Assert.Equal(RouteBack, Options(Assert.Single(Send(Route, ack))));
    }

    [Fact]
    public void So_has_an_ACK_of_TIME_WAIT()
    {
        int listener = Listen();
        byte[] synAck = Assert.Single(Send("", Segment(8080)));
        uint next = BinaryPrimitives.ReadUInt32BigEndian(synAck.AsSpan(24)) + 1;
        Assert.Empty(Send("", Segment(8080, flags: 0x10, seq: 101, ack: next, port: _port)));
        int fd = _stack.Calls.Accept(listener, out _);
        Assert.Equal(0, _stack.Calls.Close(fd));
        Assert.Single(Take());
        byte[] fin = Segment(8080, flags: 0x11, seq: 101, ack: next + 1, port: _port);
        Assert.Equal("", Options(Assert.Single(Send("", fin))));
        Assert.Equal(RouteBack, Options(Assert.Single(Send(Route, fin))));
    }

    [Fact]
    public void An_echo_and_an_error_have_them()
    {
        Assert.Equal(RouteBack, Options(Assert.Single(Send(Route, Echo(), protocol: 1))));
        byte[] error = Assert.Single(Send(Route, Convert.FromHexString("00370063000c000061626364"), protocol: 17));
        Assert.Equal(RouteBack, Options(error));

        // It quotes the packet as filled in on the way in, with the checksum that it came with.
        Assert.Equal(
            "0303298600000000" + "4900003000014000401117990a0900020a090001" + "070f08" + Host + Zero + Zero + "00"
            + "00370063000c000061626364",
            Convert.ToHexStringLower(error.AsSpan(36)));
    }

    private static int Header(byte[] packet) => (packet[0] & 0xf) * 4;

    private static string Options(byte[] packet)
    {
        int header = Header(packet);
        Assert.True(Checksum.IsValid(Checksum.Add(packet.AsSpan(0, header))));
        Assert.Equal(packet.Length, BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(2)));
        return Convert.ToHexStringLower(packet.AsSpan(20, header - 20));
    }

    private static byte[] Echo() => Convert.FromHexString("080033330005000161626364");

    private int Listen()
    {
        int fd = _stack.Calls.Socket(2, 1, 0);
        Assert.Equal(0, _stack.Calls.Bind(fd, new InetEndpoint(default, 8080)));
        Assert.Equal(0, _stack.Calls.Listen(fd, 8));
        return fd;
    }

    private string Present(string expected)
    {
        long now = (long)new TimeSpan(11, 51, 0).TotalMilliseconds + _now.Milliseconds;
        return expected.Replace(Now, now.ToString("x8"));
    }

    private byte[] Segment(ushort to, byte flags = 2, uint seq = 100, uint ack = 0, ushort port = 0)
    {
        byte[] bytes = new byte[20];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, port != 0 ? port : ++_port);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), to);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4), seq);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(8), ack);
        bytes[12] = 0x50;
        bytes[13] = flags;
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(14), 1000);
        return bytes;
    }

    private List<byte[]> Send(string options, byte[] payload, byte protocol = 6)
    {
        byte[] asked = Convert.FromHexString(options);
        int header = 20 + ((asked.Length + 3) & ~3);
        byte[] packet = new byte[header + payload.Length];
        Convert.FromHexString("4500000000014000400600000a0900020a090001").CopyTo(packet, 0);
        packet[0] = (byte)(0x40 | (header / 4));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
        packet[9] = protocol;
        asked.CopyTo(packet, 20);
        payload.CopyTo(packet, header);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), (ushort)~Packet.Sum(packet.AsSpan(0, header), 0));
        if (protocol == 6)
        {
            uint pseudo = 0x0a09 + 2 + 0x0a09 + 1 + 6 + (uint)payload.Length;
            BinaryPrimitives.WriteUInt16BigEndian(
                packet.AsSpan(header + 16), (ushort)~Packet.Sum(packet.AsSpan(header), pseudo));
        }

        _batch.Clear();
        Assert.True(_batch.TryAdd(packet, 2));
        _stack.OnPackets(_batch, _now);
        return Take();
    }

    private void Advance(int seconds)
    {
        _now = new Instant(_now.Nanoseconds + (seconds * 1_000_000_000L));
        _stack.OnTimer(_now);
    }

    private List<byte[]> Take()
    {
        List<byte[]> sent = [];
        while (_stack.TryTransmit(out OutboundPacket answer))
        {
            sent.Add(answer.Bytes.ToArray());
        }

        return sent;
    }
}
