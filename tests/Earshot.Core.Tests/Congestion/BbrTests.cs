using System;
using System.Buffers.Binary;
using Earshot.Core.Congestion;
using Xunit;

namespace Earshot.Core.Tests.Congestion;

[Trait("Linux", "bbr_main")]
public sealed class BbrTests
{
    private const long Rtt = 40_000;

    [Fact]
    public void It_begins_with_2_89_windows_in_a_round_trip()
    {
        // Seen on 6.18.44 at 40.7 ms: 1 016 954 bytes a second.
        var sender = new FakeSender(new Delayed()) { SmoothedRtt8 = 40_700 * 8 };
        Bbr.Instance.Initialize(sender.Context);
        Assert.InRange(sender.State.PacingRate, 1_016_000, 1_018_000);
    }

    [Fact]
    public void Startup_s_gains_are_739()
    {
        var sender = new FakeSender(Bbr.Instance) { MinimumRtt = Rtt, SmoothedRtt8 = Rtt * 8 };
        Sample(sender, 10, Rtt);
        Span<byte> info = stackalloc byte[20];
        Assert.Equal(20, Bbr.Instance.Info(sender.Context, info));
        Assert.Equal(739u, BinaryPrimitives.ReadUInt32LittleEndian(info[12..]));
        Assert.Equal(739u, BinaryPrimitives.ReadUInt32LittleEndian(info[16..]));
        Assert.Equal((uint)Rtt, BinaryPrimitives.ReadUInt32LittleEndian(info[8..]));
    }

    [Fact]
    public void Three_rounds_without_growth_end_startup_and_an_empty_queue_ends_draining()
    {
        var sender = new FakeSender(Bbr.Instance) { MinimumRtt = Rtt, SmoothedRtt8 = Rtt * 8 };
        int rounds = 0;
        while (Gain(sender) == 739 && rounds < 20)
        {
            sender.PacketsInFlight = 200;
            Sample(sender, 100, Rtt);
            rounds++;
        }

        // The first round finds the bandwidth, three show that it does not grow.
        Assert.Equal(4, rounds);
        Assert.Equal(88u, Gain(sender));
        sender.PacketsInFlight = 50;
        Sample(sender, 100, Rtt);
        Assert.NotEqual(88u, Gain(sender));
    }

    [Fact]
    public void The_window_is_twice_the_product_and_what_comes_in_heaps()
    {
        var sender = new FakeSender(Bbr.Instance) { MinimumRtt = Rtt, SmoothedRtt8 = Rtt * 8 };
        for (int i = 0; i < 40; i++)
        {
            sender.PacketsInFlight = 100;
            Sample(sender, 100, Rtt);
        }

        // 100 packets in 40 ms: 3.62 MB/s, which a phase below the rate takes three quarters of. The product is 100
        // packets; a heap of 100 comes with each ACK; three bursts of 2, and 2 more in the phase above the rate.
        double bandwidth = 100 * 1448 / 0.04;
        Assert.InRange(sender.State.PacingRate, bandwidth * 0.75 * 0.98, bandwidth * 1.25);
        Assert.InRange(sender.State.Window, 306, 308);
    }

    [Fact]
    public void Ten_seconds_without_a_smaller_round_trip_bring_a_window_of_four()
    {
        var sender = new FakeSender(Bbr.Instance) { MinimumRtt = Rtt, SmoothedRtt8 = Rtt * 8 };
        for (int i = 0; i < 30; i++)
        {
            sender.PacketsInFlight = 100;
            Sample(sender, 100, Rtt);
        }

        sender.NowMicroseconds += 11_000_000;
        Sample(sender, 100, Rtt + 10_000);
        Assert.Equal(4, sender.State.Window);
        sender.PacketsInFlight = 4;
        for (int i = 0; i < 10 && sender.State.Window == 4; i++)
        {
            Sample(sender, 4, Rtt);
        }

        Assert.True(sender.State.Window > 100, $"the window is {sender.State.Window}");
    }

    [Fact]
    public void Losses_do_not_change_the_window_beyond_the_first_round_of_a_recovery()
    {
        var sender = new FakeSender(Bbr.Instance) { MinimumRtt = Rtt, SmoothedRtt8 = Rtt * 8 };
        for (int i = 0; i < 30; i++)
        {
            sender.PacketsInFlight = 100;
            Sample(sender, 100, Rtt);
        }

        int window = sender.State.Window;
        Assert.Equal(CongestionTraits.ControlsWindow, sender.Algorithm.Traits & CongestionTraits.ControlsWindow);
        Bbr.Instance.Threshold(sender.Context);
        sender.Recovery = RecoveryState.Recovery;
        sender.PacketsInFlight = 90;
        Sample(sender, 1, Rtt, losses: 3);
        Assert.Equal(91, sender.State.Window);
        sender.Recovery = RecoveryState.Open;
        Sample(sender, 100, Rtt);
        Assert.True(sender.State.Window >= window, $"{sender.State.Window} of {window}");
    }

    private static uint Gain(FakeSender sender)
    {
        Span<byte> info = stackalloc byte[20];
        Bbr.Instance.Info(sender.Context, info);
        uint gain = BinaryPrimitives.ReadUInt32LittleEndian(info[12..]);
        return gain == 0 ? 739 : gain;
    }

    // A round trip in which so many packets arrived.
    private static void Sample(FakeSender sender, int packets, long rtt, int losses = 0)
    {
        uint before = sender.Delivered;
        sender.NowMicroseconds += rtt;
        sender.Delivered += (uint)packets;
        sender.Lost += (uint)losses;
        sender.Algorithm.Control(sender.Context, new RateSample
        {
            PriorTime = sender.NowMicroseconds - rtt,
            PriorDelivered = before,
            Delivered = packets,
            IntervalMicroseconds = rtt,
            RttMicroseconds = rtt,
            Acknowledged = packets,
            Losses = losses,
            PriorInFlight = sender.PacketsInFlight + packets,
        });
    }

    // Lets a test start BBR once the sender's round trip is known.
    private sealed class Delayed : ICongestionControl
    {
        public string Name => "delayed";

        public int Threshold(in CongestionContext connection) => 2;

        public void Grow(in CongestionContext connection, int acknowledged)
        {
        }
    }
}
