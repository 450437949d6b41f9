using System;
using Earshot.Core.Congestion;
using Xunit;

namespace Earshot.Core.Tests.Congestion;

[Trait("Linux", "bictcp_update")]
public sealed class CubicTests
{
    // Seen on 6.18.44: what is left of a window after a loss.
    [Theory]
    [InlineData(160, 112)]
    [InlineData(20, 14)]
    [InlineData(80, 56)]
    [InlineData(62, 43)]
    [InlineData(2, 2)]
    public void A_loss_leaves_seven_tenths_of_the_window(int window, int threshold)
    {
        var sender = new FakeSender(Cubic.Instance);
        sender.State.Window = window;
        sender.Lose();
        Assert.Equal(threshold, sender.State.Threshold);
    }

    // Seen on 6.18.44 with 54 ms of round trip: 128 after 0.55 s, 137 after 1 s, 152 after 2 s, 158 after 3 s.
    [Theory]
    [InlineData(0.55, 128)]
    [InlineData(1.0, 137)]
    [InlineData(2.0, 152)]
    [InlineData(3.0, 158)]
    public void After_a_loss_the_window_follows_the_cubic_curve(double seconds, int window)
    {
        var sender = new FakeSender(Cubic.Instance);
        sender.State.Window = 160;
        sender.State.Threshold = 100;
        sender.Lose();
        sender.Rounds((int)Math.Round(seconds / 0.054), rtt: 54_000);
        Assert.InRange(sender.State.Window, window - 2, window + 2);
    }

    [Fact]
    public void The_curve_goes_on_above_the_last_maximum_after_its_flat_part()
    {
        // K is cbrt(0.3 * 160 / 0.4) = 4.93 s; 3 s later the curve is 0.4 * 27 = 10.8 packets above 160.
        var sender = new FakeSender(Cubic.Instance);
        sender.State.Window = 160;
        sender.State.Threshold = 100;
        sender.Lose();
        sender.Rounds((int)(7.93 / 0.2), rtt: 200_000);
        Assert.InRange(sender.State.Window, 166, 174);
    }

    [Fact]
    public void Where_Reno_would_be_further_the_window_is_as_large()
    {
        // 54 ms make 147 round trips in 7.93 s, each worth 8 / 15 of a packet: 112 + 78.
        var sender = new FakeSender(Cubic.Instance);
        sender.State.Window = 160;
        sender.State.Threshold = 100;
        sender.Lose();
        sender.Rounds((int)(7.93 / 0.054), rtt: 54_000);
        Assert.InRange(sender.State.Window, 187, 191);
    }

    [Fact]
    public void A_second_loss_below_the_maximum_aims_lower()
    {
        // Fast convergence: the loss at 112 is remembered as 112 * 1741 / 2048 = 95, where the curve is flat.
        var sender = new FakeSender(Cubic.Instance);
        sender.State.Window = 160;
        sender.State.Threshold = 100;
        sender.Lose();
        sender.Lose();
        Assert.Equal(78, sender.State.Window);

        // K is cbrt((95 - 78) / 0.4) = 3.49 s.
        sender.Rounds((int)(3.49 / 0.25), rtt: 250_000);
        Assert.InRange(sender.State.Window, 92, 96);
    }

    [Fact]
    public void Without_a_maximum_the_window_grows_by_one_for_twenty_packets_at_least()
    {
        var sender = new FakeSender(Cubic.Instance);
        sender.State.Window = 100;
        sender.State.Threshold = 100;
        sender.Ack(20, rtt: 54_000);
        Assert.Equal(101, sender.State.Window);
    }

    [Fact]
    public void A_window_that_is_not_used_does_not_grow()
    {
        var sender = new FakeSender(Cubic.Instance) { IsWindowLimited = false };
        sender.Ack(10, rtt: 54_000);
        Assert.Equal(10, sender.State.Window);
    }

    [Fact]
    public void Idle_time_does_not_count_for_the_curve()
    {
        var sender = new FakeSender(Cubic.Instance);
        sender.State.Window = 160;
        sender.State.Threshold = 100;
        sender.Lose();
        sender.Rounds(10, rtt: 54_000);
        sender.LastSentJiffies = sender.Jiffies;
        sender.NowMicroseconds += 10_000_000;
        sender.Algorithm.OnEvent(sender.Context, CongestionEvent.TransmitStart);
        sender.Rounds(9, rtt: 54_000);
        Assert.InRange(sender.State.Window, 135, 139);
    }

    [Theory]
    [InlineData(28_100)]
    [InlineData(100_000)]
    [Trait("Linux", "hystart_update")]
    public void A_round_trip_that_grew_by_more_than_an_eighth_ends_slow_start(long rtt)
    {
        // The least delay is 20 ms; an eighth of it is 2.5 ms, and 4 ms is the least that counts.
        var sender = InSlowStart(20_000);
        int window = sender.State.Window;
        sender.Next += window * sender.SegmentSize;
        for (int i = 0; i < 9; i++)
        {
            sender.NowMicroseconds += 5_000;
            sender.Ack(1, rtt);
        }

        Assert.Equal(window + 8, sender.State.Threshold);
        Assert.Equal(1, sender.Counted[Counter.TcpExtTCPHystartDelayDetect]);
        Assert.Equal(window + 8, sender.Counted[Counter.TcpExtTCPHystartDelayCwnd]);
    }

    [Fact]
    public void A_round_trip_that_grew_by_less_than_four_milliseconds_does_not()
    {
        var sender = InSlowStart(20_000);
        sender.Next += sender.State.Window * sender.SegmentSize;
        for (int i = 0; i < 15; i++)
        {
            sender.NowMicroseconds += 5_000;
            sender.Ack(1, 23_900);
        }

        Assert.Equal(CongestionState.InfiniteThreshold, sender.State.Threshold);
    }

    [Theory]
    [InlineData(false, 11)]
    [InlineData(true, 21)]
    [Trait("Linux", "hystart_update")]
    public void ACKs_in_a_train_as_long_as_half_a_round_trip_end_slow_start(bool paced, int milliseconds)
    {
        // With pacing a whole one.
        var sender = InSlowStart(20_000);
        sender.IsPaced = paced;
        sender.State.PacingRate = long.MaxValue;
        sender.Next += 100 * sender.SegmentSize;
        int acks = 0;
        while (sender.State.Threshold == CongestionState.InfiniteThreshold && acks < 100)
        {
            sender.NowMicroseconds += 1000;
            sender.Ack(1, 20_000);
            acks++;
        }

        // The first ACK of a round starts its clock.
        Assert.Equal(milliseconds + 1, acks);
        Assert.Equal(1, sender.Counted[Counter.TcpExtTCPHystartTrainDetect]);
    }

    [Fact]
    public void A_timeout_forgets_the_curve()
    {
        var sender = new FakeSender(Cubic.Instance);
        sender.State.Window = 160;
        sender.Lose();
        sender.Algorithm.OnState(sender.Context, RecoveryState.Loss);
        sender.State.Window = 100;
        sender.State.Threshold = 100;
        sender.Ack(20, rtt: 54_000);
        Assert.Equal(101, sender.State.Window);
    }

    [Fact]
    public void The_cube_root_is_right_to_half_a_percent()
    {
        for (double value = 1; value < 1e18; value *= 1.37)
        {
            double root = Math.Cbrt(Math.Floor(value));
            Assert.InRange(Cubic.CubeRoot((ulong)value), (root * 0.995) - 1, (root * 1.005) + 1);
        }
    }

    // A sender with a window of 20 whose least delay is known, at the beginning of a round.
    private static FakeSender InSlowStart(long rtt)
    {
        var sender = new FakeSender(Cubic.Instance);
        sender.Next += 10 * sender.SegmentSize;
        for (int i = 0; i < 10; i++)
        {
            sender.NowMicroseconds += 5_000;
            sender.Ack(1, rtt);
        }

        sender.Next += 1;
        sender.NowMicroseconds += 5_000;
        sender.Unacknowledged += 1;
        return sender;
    }
}
