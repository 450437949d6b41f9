using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Ip;

/// <summary>Fragments in and out, within Linux's limits. Each case of the tables was seen on the host's kernel with the
/// same bytes (docs/linux-facts.md, fragments).</summary>
public sealed class FragmentTests : IDisposable
{
    private static readonly InetAddress Peer = InetAddress.Parse("10.0.0.2");
    private static readonly InetAddress Own = InetAddress.Parse("10.0.0.1");
    private static readonly InetAddress Peer6 = InetAddress.Parse("2001:db8::2");
    private static readonly InetAddress Own6 = InetAddress.Parse("2001:db8::1");
    private readonly NetworkStack _stack;
    private readonly PacketBatch _batch = new(1);
    private Instant _now = Instant.FromSeconds(10);
    private ushort _identification = 100;

    public FragmentTests() => _stack = new NetworkStack(
        new StackOptions
        {
            Interfaces =
            [
                new InterfaceOptions
                {
                    Addresses = [InterfaceAddress.Parse("10.0.0.1/24"), InterfaceAddress.Parse("2001:db8::1/64")],
                },
            ],
        },
        _now);

    public void Dispose() => _stack.Dispose();

    /// <summary>Pieces are START-END of an echo of 1008 bytes; a + says that more follow.</summary>
    [Theory]
    [Trait("Linux", "ip_frag_queue")]
    [InlineData("0-400+ 400-800+ 800-1008", true, 0, 0)]
    [InlineData("800-1008 400-800+ 0-400+", true, 0, 0)]
    [InlineData("200-400+ 400-600+ 200-600+ 0-200+ 600-800+ 800-1008", true, 0, 0)]
    [InlineData("800-1008 400-600+ 200-400+ 200-600+ 0-200+ 600-800+", false, 1, 1)]
    [InlineData("0-400+ 392-1008", false, 1, 1)]
    [InlineData("0-404+ 400-1008", true, 0, 0)]
    [InlineData("0-400+ 400-400+ 400-1008", false, 1, 0)]
    [InlineData("800-1008 800-1000 0-800+", false, 1, 0)]
    [InlineData("800-1008 800-1008 0-800+", true, 0, 0)]
    public void Pieces_are_put_together_or_given_up(string pieces, bool whole, int fails, int overlaps)
    {
        byte[] echo = Echo(1000);
        int sent = 0;
        List<byte[]> replies = [];
        foreach (string piece in pieces.Split(' '))
        {
            int dash = piece.IndexOf('-');
            int start = int.Parse(piece[..dash]);
            int end = int.Parse(piece[(dash + 1)..].TrimEnd('+'));
            replies.AddRange(Send(Piece(echo, start, end, piece.EndsWith('+'), _identification)));
            sent++;
        }

        Assert.Equal(whole ? 1 : 0, replies.Count);
        Assert.Equal(
            (sent, whole ? 1 : 0, fails, overlaps),
            (_stack.Mib[Counter.IpReasmReqds], _stack.Mib[Counter.IpReasmOKs], _stack.Mib[Counter.IpReasmFails],
                _stack.Mib[Counter.IpExtReasmOverlaps]));
        if (whole)
        {
            Assert.Equal(echo[8..], replies[0][28..]);
        }
    }

    [Theory]
    [Trait("Linux", "ip_frag_ecn_table")]
    [InlineData(0x00, 0x00, 0x00, 0x00)]
    [InlineData(0x00, 0x01, 0x00, -1)]
    [InlineData(0x01, 0x02, 0x01, 0x01)]
    [InlineData(0x02, 0x00, 0x02, -1)]
    [InlineData(0x03, 0x00, 0x03, -1)]
    [InlineData(0x03, 0x01, 0x01, 0x03)]
    [InlineData(0x01, 0x02, 0x03, 0x03)]
    [InlineData(0xb9, 0xb9, 0xbb, 0xbb)]
    [InlineData(0x10, 0x20, 0x30, 0x10)]
    public void A_mark_on_a_piece_marks_the_whole_and_mixed_transports_are_given_up(int a, int b, int c, int whole)
    {
        byte[] echo = Echo(1000);
        Assert.Empty(Send(Piece(echo, 0, 400, true, 7, (byte)a)));
        Assert.Empty(Send(Piece(echo, 400, 800, true, 7, (byte)b)));
        List<byte[]> replies = Send(Piece(echo, 800, 1008, false, 7, (byte)c));
        Assert.Equal(whole, replies.Count == 0 ? -1 : replies[0][1]);
        Assert.Equal(whole < 0 ? 1 : 0, _stack.Mib[Counter.IpReasmFails]);
    }

    [Fact]
    [Trait("Linux", "ip_expire")]
    public void After_thirty_seconds_the_sender_of_the_first_piece_is_told()
    {
        byte[] echo = Echo(1000);
        Send(Piece(echo, 400, 800, true, 8));
        Send(Piece(echo, 0, 400, true, 9));
        Pass(29.9);
        Assert.Equal(0, _stack.Mib[Counter.IpReasmTimeout]);
        byte[] error = Assert.Single(Pass(3));
        Assert.Equal("0b01", Convert.ToHexStringLower(error.AsSpan(20, 2)));
        Assert.Equal(20 + 8 + 20 + 400, error.Length);
        Assert.Equal(
            (2, 2, 1),
            (_stack.Mib[Counter.IpReasmTimeout], _stack.Mib[Counter.IpReasmFails],
                _stack.Mib[Counter.IcmpOutTimeExcds]));
    }

    [Fact]
    [Trait("Linux", "ip_frag_too_far")]
    public void Too_many_other_pieces_in_between_begin_a_datagram_anew()
    {
        byte[] echo = Echo(1000);
        Send(Piece(echo, 0, 400, true, 7));
        for (ushort i = 0; i < 64; i++)
        {
            Send(Piece(echo, 0, 400, true, (ushort)(1000 + i)));
        }

        Assert.Equal(0, _stack.Mib[Counter.IpReasmFails]);
        Send(Piece(echo, 400, 800, true, 7));
        Assert.Equal(1, _stack.Mib[Counter.IpReasmFails]);
        Assert.Empty(Send(Piece(echo, 800, 1008, false, 7)));
        Assert.Single(Send(Piece(echo, 0, 400, true, 7)));
    }

    [Fact]
    [Trait("Linux", "inet_frag_find")]
    public void Above_the_high_threshold_pieces_are_refused_and_time_gives_the_memory_back()
    {
        Assert.Equal(0, _stack.Sysctls.Set("net.ipv4.ipfrag_high_thresh", "20000"));
        Assert.Equal(0, _stack.Sysctls.Set("net.ipv4.ipfrag_max_dist", "0"));
        byte[] echo = Echo(1000);
        for (ushort i = 0; i < 100; i++)
        {
            Send(Piece(echo, 0, 400, true, i));
        }

        long refused = _stack.Mib[Counter.IpReasmFails];
        Assert.InRange(100 - refused, 5, 30);
        Pass(40);
        Assert.Equal(100, _stack.Mib[Counter.IpReasmFails]);
        Send(Piece(echo, 0, 800, true, 900));
        Assert.Single(Send(Piece(echo, 800, 1008, false, 900)));
        _stack.CheckInvariants();
    }

    [Fact]
    [Trait("Linux", "ip_fragment")]
    public void A_long_answer_is_cut_at_multiples_of_eight_under_one_identification()
    {
        byte[] echo = Echo(4000);
        List<byte[]> replies = [];
        for (int at = 0; at < echo.Length; at += 1480)
        {
            int end = Math.Min(at + 1480, echo.Length);
            replies = Send(Piece(echo, at, end, end < echo.Length, 7));
        }

        Assert.Equal([1500, 1500, 1068], replies.Select(packet => packet.Length));
        Assert.Equal([0x2000, 0x20b9, 0x0172], replies.Select(packet => (int)Word(packet, 6)));
        Assert.Single(replies.Select(packet => Word(packet, 4)).Distinct());
        Assert.All(replies, packet => Assert.Equal(0xffff, Packet.Sum(packet.AsSpan(0, 20), 0)));
        byte[] whole = [.. replies.SelectMany(packet => packet[20..])];
        Assert.Equal(echo[8..], whole[8..]);
        Assert.Equal(0xffff, Packet.Sum(whole, 0));
        Assert.Equal(
            (1, 1, 3, 3, 4068),
            (_stack.Mib[Counter.IpOutRequests], _stack.Mib[Counter.IpFragOKs], _stack.Mib[Counter.IpFragCreates],
                _stack.Mib[Counter.IpOutTransmits], _stack.Mib[Counter.IpExtOutOctets]));
    }

    [Fact]
    [Trait("Linux", "ip6_fragment")]
    public void Over_IPv6_pieces_are_put_together_and_an_answer_is_cut_with_a_header_of_its_own()
    {
        byte[] echo = Packet.Datagram6(Peer6, Own6, 58, [128, 0, 0, 0, 0, 7, 0, 1, .. new byte[4000]])[40..];
        List<byte[]> replies = [];
        for (int at = 0; at < echo.Length; at += 1448)
        {
            int end = Math.Min(at + 1448, echo.Length);
            replies = Send(Piece6(echo, at, end, end < echo.Length));
        }

        Assert.Equal([1496, 1496, 1160], replies.Select(packet => packet.Length));
        Assert.Equal([0x0001, 0x05a9, 0x0b50], replies.Select(packet => (int)Word(packet, 42)));
        Assert.Single(replies.Select(packet => Convert.ToHexString(packet.AsSpan(44, 4))).Distinct());
        Assert.Equal(echo[4..], replies.SelectMany(packet => packet[48..]).Skip(4));
        Assert.Equal(
            (3, 1, 1, 3, 4152),
            (_stack.Mib[Counter.Ip6ReasmReqds], _stack.Mib[Counter.Ip6ReasmOKs], _stack.Mib[Counter.Ip6FragOKs],
                _stack.Mib[Counter.Ip6FragCreates], _stack.Mib[Counter.Ip6OutOctets]));
    }

    [Theory]
    [Trait("Linux", "ip6_frag_queue")]
    [InlineData(0, 404, true, 4, 0, 4)]
    [InlineData(65528, 65536, false, 4, 0, 42)]
    [InlineData(0, 0, true, 4, 3, 0)]
    public void An_impossible_piece_over_IPv6_is_a_problem(
        int start, int end, bool more, byte type, byte code, uint pointer)
    {
        byte[] data = new byte[end - start];
        byte[] header = [58, 0, 0, 0, 0, 0, 0, 9];
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), (ushort)(start | (more ? 1 : 0)));
        byte[] error = Assert.Single(Send(Packet.Datagram6(Peer6, Own6, 44, [.. header, .. data])));
        Assert.Equal((type, code), (error[40], error[41]));
        Assert.Equal(pointer, BinaryPrimitives.ReadUInt32BigEndian(error.AsSpan(44)));
        Assert.Equal(1, _stack.Mib[Counter.Ip6InHdrErrors]);
    }

    [Fact]
    [Trait("Linux", "ip6_expire_frag_queue")]
    public void Over_IPv6_a_datagram_has_sixty_seconds()
    {
        Send(Piece6(new byte[800], 0, 400, true));
        Pass(59);
        Assert.Equal(0, _stack.Mib[Counter.Ip6ReasmTimeout]);
        byte[] error = Assert.Single(Pass(6));
        Assert.Equal((3, 1), (error[40], error[41]));
        Assert.Equal(1, _stack.Mib[Counter.Ip6ReasmTimeout]);
    }

    [Fact]
    public void A_storm_of_pieces_keeps_memory_within_the_threshold()
    {
        var chance = new Chance(Chance.Spread(5), ChanceStream.Program);
        byte[] echo = Echo(8000);
        for (int i = 0; i < 20_000; i++)
        {
            int start = (int)chance.Below(1000) * 8;
            int end = start + (int)chance.Below((uint)(echo.Length - start + 1));
            Send(Piece(echo, start, end, chance.Below(4) != 0, (ushort)chance.Below(500)));
            if (i % 1000 == 0)
            {
                _stack.CheckInvariants();
                Pass(1);
            }
        }

        Pass(100);
        _stack.CheckInvariants();
        Assert.InRange(_stack.Mib[Counter.IpReasmReqds], 19_900, 20_000);
    }

    private static ushort Word(byte[] bytes, int at) => BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(at));

    private static byte[] Echo(int data)
    {
        byte[] message = new byte[8 + data];
        message[0] = 8;
        for (int i = 0; i < data; i++)
        {
            message[8 + i] = (byte)(i * 7);
        }

        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), (ushort)~Packet.Sum(message, 0));
        return message;
    }

    private static byte[] Piece(byte[] whole, int start, int end, bool more, ushort identification, byte tos = 0)
    {
        byte[] packet = new byte[20 + end - start];
        packet[0] = 0x45;
        packet[1] = tos;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), identification);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), (ushort)((start / 8) | (more ? 0x2000 : 0)));
        packet[8] = 64;
        packet[9] = 1;
        Peer.Write(packet.AsSpan(12));
        Own.Write(packet.AsSpan(16));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), (ushort)~Packet.Sum(packet.AsSpan(0, 20), 0));
        whole.AsSpan(start, end - start).CopyTo(packet.AsSpan(20));
        return packet;
    }

    private static byte[] Piece6(byte[] whole, int start, int end, bool more)
    {
        byte[] header = [58, 0, 0, 0, 0, 0, 0, 9];
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), (ushort)(start | (more ? 1 : 0)));
        return Packet.Datagram6(Peer6, Own6, 44, [.. header, .. whole.AsSpan(start, end - start)]);
    }

    private List<byte[]> Send(byte[] packet)
    {
        _batch.Clear();
        Assert.True(_batch.TryAdd(packet, 2));
        _stack.OnPackets(_batch, _now);
        return Sent();
    }

    private List<byte[]> Pass(double seconds)
    {
        _now += TimeSpan.FromSeconds(seconds);
        _stack.OnTimer(_now);
        return Sent();
    }

    private List<byte[]> Sent()
    {
        List<byte[]> sent = [];
        while (_stack.TryTransmit(out OutboundPacket answer))
        {
            sent.Add(answer.Bytes.ToArray());
        }

        return sent;
    }
}
