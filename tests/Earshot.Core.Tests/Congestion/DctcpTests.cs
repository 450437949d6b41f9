using Earshot.Core.Congestion;
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
}
