using System.Linq;
using Earshot.Core.Congestion;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Congestion;

[Trait("RFC", "8257 3.3")]
public sealed class DctcpTests
{
    [Fact]
    public void At_first_a_mark_costs_half_of_the_window()
    {
        var sender = new FakeSender(Dctcp.Instance);
        sender.State.Window = 100;
        Assert.Equal(50, sender.Algorithm.Threshold(sender.Context));
    }

    // RFC 8257 §3.3 (6): alpha = alpha * (1 - g) + g * M with g = 1/16; the window becomes cwnd * (1 - alpha / 2).
    [Theory]
    [InlineData(0, 20, 86)]
    [InlineData(50, 40, 73)]
    [InlineData(100, 40, 50)]
    public void The_window_shrinks_by_half_of_the_share_of_marked_packets(int marked, int rounds, int threshold)
    {
        var sender = new FakeSender(Dctcp.Instance);
        sender.State.Window = 100;
        for (int i = 0; i < rounds; i++)
        {
            sender.Next = sender.Unacknowledged + (100 * sender.SegmentSize);
            sender.Algorithm.OnAck(sender.Context, AckEvent.None);
            sender.Delivered += 100;
            sender.DeliveredWithCe += (uint)marked;
            sender.Unacknowledged = sender.Next;
        }

        Assert.InRange(sender.Algorithm.Threshold(sender.Context), threshold - 3, threshold + 3);
    }

    [Fact]
    [Trait("RFC", "8257 3.5")]
    public void A_lost_packet_counts_as_for_Reno()
    {
        var sender = new FakeSender(Dctcp.Instance);
        sender.State.Window = 100;
        sender.Algorithm.OnState(sender.Context, RecoveryState.Recovery);
        Assert.Equal(50, sender.State.Threshold);
    }

    [Fact]
    [Trait("RFC", "8257 3.2")]
    public void Its_receiver_tells_of_each_packet_whether_it_was_marked()
    {
        const int TcpLevel = 6;
        const int Congestion = 13;
        using var host = new TestHost();
        int listener = host.Listen();
        Assert.Equal(0, host.Calls.SetSocketOption(listener, TcpLevel, Congestion, "dctcp"u8));
        var peer = new Peer(host);
        Packet answer = Assert.Single(
            host.Send(peer.SynPacket() with { Flags = TcpFlags.Syn | TcpFlags.Ece | TcpFlags.Cwr }));
        Assert.Equal(TcpFlags.Syn | TcpFlags.Ack | TcpFlags.Ece, answer.Flags);
        peer.Next++;
        peer.Expected = answer.Seq + 1;
        peer.Ack();
        Assert.True(host.Calls.Accept(listener, out _) > 0);

        // Beyond the quick ACKs of the beginning.
        for (int i = 0; i < 40; i++)
        {
            Data(Unmarked);
            host.Run(0.05);
        }

        uint first = peer.Next;
        Assert.Empty(Data(Unmarked));

        // Marks begin: the one before is acknowledged without ECE, the marked one with it.
        Packet[] begins = Data(Marked);
        Assert.Equal([(first + 1000, false), (first + 2000, true)], Told(begins));
        Assert.All(Told([.. Data(Marked), .. Data(Marked), .. host.Run(0.1)]), ack => Assert.True(ack.Echo));

        // They end, and CWR has no say in it.
        uint last = peer.Next;
        Assert.Equal([(last + 1000, true)], Told([.. Data(Marked, TcpFlags.Cwr), .. host.Run(0.1)]).TakeLast(1));
        Assert.Empty(Data(Marked));
        Assert.Equal([(last + 2000, true), (last + 3000, false)], Told(Data(Unmarked)));

        Packet[] Data(byte tos, TcpFlags more = TcpFlags.None)
        {
            Packet[] replies = host.Send(
                peer.Segment(TcpFlags.Ack | more, Peer.Bytes(1000)) with { Tos = tos });
            peer.Next += 1000;
            return replies;
        }

        static (uint Ack, bool Echo)[] Told(Packet[] packets) =>
            [.. packets.Select(packet => (packet.Ack, packet.Flags.HasFlag(TcpFlags.Ece)))];
    }

    private const byte Unmarked = 2;
    private const byte Marked = 3;
}
