using System;
using System.Collections.Generic;
using System.Globalization;
using Earshot.Core.Sockets;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Established;

/// <summary>What received packets cost, and that the stream is the same however its pieces come.</summary>
public sealed class ReceiveTests : HostTest
{
    private readonly Chance _chance = new(Chance.Spread(12), ChanceStream.Program);

    // Seen on 6.18.44 behind a TUN device (linux-receiving.md, section 10.1): the length of the IP packet and its cost.
    [Theory]
    [Trait("Linux", "truesize")]
    [InlineData(41, 832)]
    [InlineData(192, 832)]
    [InlineData(193, 1280)]
    [InlineData(640, 1280)]
    [InlineData(641, 2304)]
    [InlineData(1664, 2304)]
    [InlineData(1665, 4352)]
    [InlineData(3712, 4352)]
    [InlineData(4040, 8448)]
    [InlineData(8040, 12544)]
    [InlineData(16040, 20736)]
    [InlineData(32040, 33024)]
    [InlineData(60040, 61696)]
    public void A_packet_of_a_device_costs_its_head_and_its_pages(int length, int cost)
    {
        Assert.Equal(cost, Cost(length - 40, isLocal: false));
    }

    [Theory]
    [Trait("Linux", "truesize")]
    [InlineData(1, 833)]
    [InlineData(1448, 2280)]
    [InlineData(16384, 17216)]
    public void A_packet_of_the_same_host_costs_its_bytes_and_832(int payload, int cost)
    {
        Assert.Equal(cost, Cost(payload, isLocal: true));
    }

    [Fact]
    [Trait("Linux", "tcp_try_coalesce")]
    public void A_following_packet_fits_into_the_room_behind_the_last_one_and_no_more()
    {
        // Two of 200 bytes cost 1280 together, two of 400 bytes 2560: seen on 6.18.44.
        ReceivedPacket first = PacketOf(0, 200);
        Assert.True(first.TryAppend(PacketOf(200, 200), default, out int cost));
        Assert.Equal((0, 1280), (cost, first.Cost));
        ReceivedPacket large = PacketOf(0, 400);
        Assert.False(large.TryAppend(PacketOf(400, 400), default, out _));
        Assert.False(first.TryAppend(PacketOf(500, 10), default, out _));
    }

    [Fact]
    public void Packets_in_a_ring_stand_in_order_wherever_they_are_put_and_taken()
    {
        var ring = default(PacketRing);
        var model = new List<uint>();
        for (int step = 0; step < 5000; step++)
        {
            int place = (int)_chance.Below((uint)model.Count + 1);
            if (_chance.Happens(0.55))
            {
                ring.Insert(place, new ReceivedPacket { Seq = new SeqNumber((uint)step) });
                model.Insert(place, (uint)step);
            }
            else if (model.Count > place)
            {
                int count = Math.Min(1 + (int)_chance.Below(3), model.Count - place);
                ring.Remove(place, count);
                model.RemoveRange(place, count);
            }

            Assert.Equal(model.Count, ring.Count);
        }

        for (int i = 0; i < model.Count; i++)
        {
            Assert.Equal(model[i], ring[i].Seq.Value);
        }
    }

    [Theory]
    [Trait("Linux", "tcp_data_queue_ofo")]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_stream_is_the_same_however_its_pieces_come(int round)
    {
        int listener = Host.Listen();
        Peer peer = new Peer(Host).Establish(listener);
        uint begin = peer.Next;
        byte[] stream = Peer.Bytes(60_000, round);
        var read = new List<byte>();
        byte[] part = new byte[8000];
        for (int step = 0; step < 20_000 && read.Count < stream.Length; step++)
        {
            // Pieces overlap, repeat and leave gaps, as retransmissions do; some lie outside of the window.
            int near = read.Count + (int)_chance.Below(_chance.Happens(0.5) ? 1500u : 30_000u);
            int from = Math.Clamp(near - 700, 0, stream.Length - 1);
            int count = Math.Min(stream.Length - from, 1 + (int)_chance.Below(1460));
            Host.Send(peer.Segment(TcpFlags.Ack, stream[from..(from + count)]) with { Seq = begin + (uint)from });
            if (_chance.Happens(0.4))
            {
                int got = Host.Calls.Receive(peer.Fd, part.AsSpan(0, 1 + (int)_chance.Below(7999)));
                Assert.True(got is > 0 or -Errno.EAGAIN);
                read.AddRange(part[..Math.Max(got, 0)]);
            }

            Host.Stack.CheckInvariants();
        }

        Assert.Equal(stream, read);
    }

    // Where bytes differ, data is read from the packet that begins first, though another came before it. Each
    // line was seen on 6.18.44: what comes beyond a gap of 1000 bytes that is then filled, and what is read behind it.
    [Theory]
    [Trait("Linux", "tcp_data_queue_ofo")]
    [InlineData("A1000:1200 B1250:1260 P1200:1300", "A1000:1200 P1200:1300", 0)]
    [InlineData("B1250:1260 A1000:1200 P1200:1300 R1260:1290", "A1000:1200 P1200:1300", 0)]
    [InlineData("B1250:1260 A1000:1200 P1200:1300 R1260:1390", "A1000:1200 P1200:1300 R1300:1390", 0)]
    [InlineData("A1000:1400 B1200:1800 C1300:1900", "A1000:1400 B1400:1800 C1800:1900", 3)]
    [InlineData("A1000:1400 B1200:1800 C900:1300", "C1000:1300 A1300:1400 B1400:1800", 2)]
    [InlineData("A1000:1200 B1100:1800 P1200:1300", "A1000:1200 P1200:1300 B1300:1800", 1)]
    public void Of_bytes_that_came_twice_those_of_the_packet_that_begins_first_are_read(
        string early, string read, long duplicates)
    {
        int listener = Host.Listen();
        var peer = new Peer(Host);
        Packet syn = peer.SynPacket() with { Options = [2, 4, 5, 0xb4, 1, 1, 4, 2] };
        peer.Expected = Assert.Single(Host.Send(syn)).Seq + 1;
        peer.Next = Peer.Isn + 1;
        peer.Ack();
        int fd = Host.Calls.Accept(listener, out _);
        uint begin = peer.Next;
        foreach (string part in early.Split(' '))
        {
            (byte letter, int from, int end) = PartOf(part);
            byte[] bytes = new byte[end - from];
            Array.Fill(bytes, letter);
            Host.Send(peer.Segment(TcpFlags.Ack, bytes) with { Seq = begin + (uint)from });
        }

        Host.Send(peer.Segment(TcpFlags.Ack, new byte[1000]) with { Seq = begin });
        byte[] all = new byte[3000];
        int count = Host.Calls.Receive(fd, all);
        int at = 1000;
        foreach (string part in read.Split(' '))
        {
            (byte letter, int from, int end) = PartOf(part);
            Assert.Equal(at, from);
            Assert.Equal(-1, all.AsSpan(from..end).IndexOfAnyExcept(letter));
            at = end;
        }

        Assert.Equal(at, count);
        Assert.Equal(duplicates, Host.Stack.Mib[Counter.TcpExtTCPDSACKOfoSent]);
    }

    private static (byte Letter, int From, int End) PartOf(string part)
    {
        string[] ends = part[1..].Split(':');
        return ((byte)part[0], int.Parse(ends[0], CultureInfo.InvariantCulture),
            int.Parse(ends[1], CultureInfo.InvariantCulture));
    }

    [Fact]
    [Trait("Linux", "tcp_prune_queue")]
    public void A_locked_buffer_bounds_what_islands_of_one_byte_may_take()
    {
        int listener = Host.Listen();
        Assert.Equal(0, Host.Calls.SetOption(listener, SocketOption.ReceiveBuffer, 16_384));
        Peer peer = new Peer(Host).Establish(listener);
        for (uint i = 1; i <= 200; i++)
        {
            Host.Send(peer.Segment(TcpFlags.Ack, [1]) with { Seq = peer.Next + (i * 10) });
        }

        Assert.True(Host.Stack.Mib[Counter.TcpExtTCPOFODrop] > 100);
        Assert.True(Host.Stack.Mib[Counter.TcpExtRcvPruned] > 0);

        // The island that begins where the data ends comes with it.
        Assert.NotEmpty(peer.Data(100));
        Assert.Equal(101, Host.Calls.Receive(peer.Fd, new byte[500]));
    }

    private static int Cost(int payload, bool isLocal) => PacketOf(0, payload, isLocal).Cost;

    private static ReceivedPacket PacketOf(uint seq, int payload, bool isLocal = false)
    {
        byte[] bytes = new Packet { Seq = seq, Flags = TcpFlags.Ack, Payload = new byte[payload] }.ToBytes();
        Assert.Equal(IpParseError.None, IpPacket.Parse(bytes, out IpPacket ip));
        Assert.Equal(TcpParseError.None, TcpSegment.Parse(ip, checksumGood: true, 0, out TcpSegment segment));
        return ReceivedPacket.Of(segment, isLocal);
    }
}
