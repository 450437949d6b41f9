using Earshot.Core.Congestion;
using Xunit;

namespace Earshot.Core.Tests.Congestion;

public sealed class RenoTests
{
    [Theory]
    [InlineData(10, 5)]
    [InlineData(11, 5)]
    [InlineData(3, 2)]
    [Trait("Linux", "tcp_reno_ssthresh")]
    public void A_loss_leaves_half_of_the_window_and_two_packets_at_least(int window, int threshold)
    {
        var sender = new FakeSender(Reno.Instance);
        sender.State.Window = window;
        sender.Lose();
        Assert.Equal(threshold, sender.State.Window);
    }

    [Fact]
    [Trait("Linux", "tcp_slow_start")]
    public void Slow_start_stops_at_the_threshold_and_the_rest_of_the_ACK_counts_for_avoidance()
    {
        var sender = new FakeSender(Reno.Instance);
        sender.State.Threshold = 14;
        sender.Ack(10, 1000);
        Assert.Equal((14, 6), (sender.State.Window, sender.State.Credit));
        sender.Ack(8, 1000);
        Assert.Equal((15, 0), (sender.State.Window, sender.State.Credit));
    }

    [Fact]
    [Trait("Linux", "tcp_cong_avoid_ai")]
    public void A_step_that_became_smaller_is_worth_one_packet()
    {
        var sender = new FakeSender(Reno.Instance);
        sender.State.Window = sender.State.Threshold = 10;
        sender.State.Credit = 25;
        sender.Context.Additive(10, 1);
        Assert.Equal((11, 1), (sender.State.Window, sender.State.Credit));
        sender.Context.Additive(10, 29);
        Assert.Equal((14, 0), (sender.State.Window, sender.State.Credit));
    }

    [Fact]
    public void A_reduction_for_nothing_is_taken_back()
    {
        var sender = new FakeSender(Reno.Instance);
        sender.State.Window = 40;
        sender.Lose();
        Assert.Equal(40, sender.Algorithm.Undo(sender.Context));
    }
}
