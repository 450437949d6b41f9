using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Established;

/// <summary>What our ACKs tell of data beyond gaps. RFC 2018 §4.</summary>
[Trait("Linux", "tcp_sack_new_ofo_skb")]
public sealed class SackTests : HostTest
{
    private int _fd;

    [Fact]
    public void The_newest_piece_is_told_first_and_three_fit_beside_timestamps()
    {
        Peer peer = Establish(timestamps: true);
        Assert.Equal("100-110", Blocks(Beyond(peer, 100)));
        Assert.Equal("200-210 100-110", Blocks(Beyond(peer, 200)));
        Assert.Equal("300-310 200-210 100-110", Blocks(Beyond(peer, 300)));
        Assert.Equal("400-410 300-310 200-210", Blocks(Beyond(peer, 400)));
        Assert.Equal("200-220 400-410 300-310", Blocks(Beyond(peer, 210)));
    }

    [Fact]
    public void Four_pieces_fit_without_timestamps()
    {
        Peer peer = Establish(timestamps: false);
        foreach (uint at in (uint[])[100, 200, 300, 400])
        {
            Beyond(peer, at);
        }

        Packet ack = Beyond(peer, 500);
        Assert.Equal("500-510 400-410 300-310 200-210", Blocks(ack));
        Assert.Equal(36, ack.Options.Length);
    }

    [Fact]
    public void Pieces_that_melt_are_one_block()
    {
        Peer peer = Establish(timestamps: true);
        Beyond(peer, 100);
        Beyond(peer, 120);
        Assert.Equal("100-130", Blocks(Beyond(peer, 110)));
    }

    [Fact]
    public void A_filled_gap_ends_the_blocks_below_it()
    {
        Peer peer = Establish(timestamps: true);
        Beyond(peer, 10);
        Beyond(peer, 100);
        Packet ack = Assert.Single(peer.Data(10));
        Assert.Equal((peer.Next + 10, "100-110"), (ack.Ack, Blocks(ack, peer.Next - 10)));
        Assert.Equal(20, Host.Calls.Receive(_fd, new byte[50]));
        peer.Next += 10;
        ack = Assert.Single(Host.Send(peer.Segment(TcpFlags.Ack, Peer.Bytes(80))));
        Assert.Equal((peer.Next + 90, 12), (ack.Ack, ack.Options.Length));
    }

    [Fact]
    public void A_FIN_beyond_a_gap_belongs_to_its_piece()
    {
        Peer peer = Establish(timestamps: true);
        Packet fin = peer.Segment(TcpFlags.Ack | TcpFlags.Fin, Peer.Bytes(10)) with { Seq = peer.Next + 100 };
        Assert.Equal("100-111", Blocks(Assert.Single(Host.Send(fin))));
    }

    [Fact]
    public void Who_did_not_offer_SACK_gets_none()
    {
        _fd = Host.Listen();
        Peer peer = new Peer(Host, timestamps: true).Establish(_fd);
        Assert.Equal(12, Beyond(peer, 100).Options.Length);
    }

    [Theory]
    [InlineData(1, "020405b40402080a")]
    [InlineData(0, "020405b40101080a")]
    public void SACK_is_offered_and_granted_while_tcp_sack_is_on(int on, string begin)
    {
        Host.Set("net.ipv4.tcp_sack", on);
        Host.Listen();
        Packet synAck = Assert.Single(Host.Send(Syn(new Peer(Host, timestamps: true), timestamps: true)));
        Assert.StartsWith(begin, synAck.OptionText);
        int client = Host.Calls.Socket(2, 1, 0);
        Host.Calls.Connect(client, new InetEndpoint(TestHost.PeerAddress, 99));
        Assert.StartsWith(begin, Host.Take()[^1].OptionText);
    }

    private Peer Establish(bool timestamps)
    {
        // Each duplicate ACK shall leave at once.
        Host.Set("net.ipv4.tcp_comp_sack_nr", 0);
        int listener = Host.Listen();
        var peer = new Peer(Host, timestamps: timestamps);
        Packet synAck = Assert.Single(Host.Send(Syn(peer, timestamps)));
        peer.Expected = synAck.Seq + 1;
        peer.Echo = timestamps ? synAck.TsVal : 0;
        peer.Next = Peer.Isn + 1;
        peer.Ack();
        _fd = Host.Calls.Accept(listener, out _);
        Assert.True(_fd > 0);
        return peer;
    }

    private static Packet Syn(Peer peer, bool timestamps) => peer.SynPacket() with
    {
        Options = timestamps
            ? [2, 4, 5, 0xb4, 4, 2, .. Packet.Timestamps(peer.Clock, 0)[2..], 1, 3, 3, 7]
            : [2, 4, 5, 0xb4, 1, 1, 4, 2],
    };

    /// <summary>Ten bytes beyond what is next, and the ACK for them.</summary>
    private Packet Beyond(Peer peer, uint offset)
    {
        Packet ack = Assert.Single(
            Host.Send(peer.Segment(TcpFlags.Ack, Peer.Bytes(10)) with { Seq = peer.Next + offset }));
        Assert.Equal(("A", peer.Next), (ack.Text, ack.Ack));
        return ack;
    }

    /// <summary>The blocks, counted from the ACK or another number.</summary>
    private static string Blocks(Packet ack, uint? from = null)
    {
        byte[] options = ack.Options;
        int at = options.Length > 2 && options[2] == 8 ? 12 : 0;
        Assert.Equal([1, 1, 5], options[at..(at + 3)]);
        Assert.Equal(options.Length - at - 2, options[at + 3]);
        uint zero = from ?? ack.Ack;
        IEnumerable<string> blocks = Enumerable.Range(0, (options.Length - at - 4) / 8).Select(i =>
        {
            ReadOnlySpan<byte> block = options.AsSpan(at + 4 + (8 * i));
            return $"{BinaryPrimitives.ReadUInt32BigEndian(block) - zero}-"
                + $"{BinaryPrimitives.ReadUInt32BigEndian(block[4..]) - zero}";
        });
        return string.Join(' ', blocks);
    }
}
