using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Time;
using Xunit;

namespace Earshot.Core.Tests.Time;

[Trait("Linux", "expire_timers")]
public sealed class TimerWheelTests
{
    [Theory]
    [InlineData(true, 1)]
    [InlineData(true, 2)]
    [InlineData(false, 1)]
    [InlineData(false, 2)]
    public void Against_a_model_no_timer_is_early_lost_or_later_than_its_slot(bool exact, ulong seed)
    {
        var host = new Host(exact, 200);
        var chance = new Chance(Chance.Spread(seed), ChanceStream.Program);
        uint[] reaches = [1, 2, 63, 64, 255, 256, 257, 504, 4032, 16383, 16384, 16385, 300_000, 40_000_000];
        host.Fired = handle =>
        {
            // Callbacks arm and cancel others, themselves included.
            if (chance.Happens(0.5))
            {
                host.Arm(handle, host.Now + 1 + chance.Below(700));
            }

            if (chance.Happens(0.3))
            {
                host.Cancel((int)chance.Below(200));
            }
        };
        for (int step = 0; step < 4000; step++)
        {
            int handle = (int)chance.Below(200);
            host.Cancel(handle);
            if (chance.Happens(0.8))
            {
                host.Arm(handle, host.Now + chance.Below(reaches[chance.Below((uint)reaches.Length)] + 1));
            }

            if (chance.Happens(0.3))
            {
                host.RunTo(host.Now + chance.Below(reaches[chance.Below(10)]));
            }

            Assert.Equal(host.Model.Count, host.Wheel.Count);
        }

        host.Fired = _ => { };
        host.RunTo(host.Now + 100_000_000);
        Assert.Empty(host.Model);
        Assert.False(host.Wheel.TryNext(out _));
    }

    [Theory]
    [InlineData(62, false, 164)]
    [InlineData(63, false, 168)]
    [InlineData(62, true, 164)]
    [InlineData(63, true, 165)]
    [InlineData(64, true, 168)]
    public void What_is_far_off_is_rounded_from_the_present_jiffy_or_behind_one_that_has_run(
        int after, bool hasRun, long fires)
    {
        // A model of an idle wheel (clock 101) and of one that has just run jiffy 101 (clock 102); level 1 begins 63
        // jiffies from the clock and has slots of 8.
        const long Present = 101;
        var host = new Host(exact: false, 2, start: Present - 1);
        if (hasRun)
        {
            host.Wheel.Run(Present);
        }

        host.Wheel.Skip(Present);
        host.Wheel.Arm(0, Present + after);
        Assert.True(host.Wheel.TryNext(out long jiffy));
        Assert.Equal(fires, jiffy);
    }

    [Theory]
    [InlineData(true, new[] { 3, 1, 2 })]
    [InlineData(false, new[] { 2, 1, 3 })]
    public void Timers_of_a_slot_run_the_oldest_first_in_an_exact_wheel_and_the_newest_first_in_levels(
        bool exact, int[] expected)
    {
        var host = new Host(exact, 10);
        var order = new List<int>();
        host.Fired = order.Add;
        foreach (int handle in new[] { 3, 1, 2 })
        {
            host.Arm(handle, host.Now + 250);
        }

        host.RunTo(host.Now + 300);
        Assert.Equal(expected, order);
    }

    [Theory]
    [InlineData(62, 1)]
    [InlineData(250, 8)]
    [InlineData(503, 8)]
    [InlineData(504, 64)]
    [InlineData(506, 64)]
    [InlineData(15_000, 512)]
    public void A_timer_of_a_levelled_wheel_is_late_by_its_level_s_granule_at_most(int delay, int granule)
    {
        for (int phase = 0; phase < 600; phase += 7)
        {
            var host = new Host(exact: false, 1, start: 1_000_000 + phase);
            long fired = 0;
            host.Fired = _ => fired = host.Now;
            long asked = host.Now + delay;
            host.Arm(0, asked);
            host.RunTo(asked + 1000);
            Assert.InRange(fired - asked, 1, granule);
            Assert.Equal(0, fired % granule);
        }
    }

    [Fact]
    public void A_timer_armed_a_turn_on_by_one_of_a_coarser_slot_does_not_fire_in_the_same_jiffy()
    {
        var host = new Host(exact: false, 2, start: 1_000_000);
        host.Fired = handle =>
        {
            if (handle == 0)
            {
                host.Arm(1, host.Now + 63);
            }
        };
        host.Arm(0, host.Now + 100);
        host.RunTo(host.Now + 120);
        Assert.Single(host.Model);
        host.RunTo(host.Now + 100);
        Assert.Empty(host.Model);
    }

    [Fact]
    public void A_timer_armed_for_the_past_fires_at_the_next_jiffy()
    {
        foreach (bool exact in new[] { true, false })
        {
            var host = new Host(exact, 1);
            long fired = 0;
            host.Fired = _ => fired = host.Now;
            long now = host.Now;
            host.Arm(0, now - 5);
            host.RunTo(now + 10);
            Assert.Equal(now + 1, fired);
        }
    }

    [Fact]
    public void Jiffies_start_five_minutes_before_their_wrap_and_times_are_rounded_up()
    {
        var clock = new JiffyClock(250, Instant.FromSeconds(5), new Chance(Chance.Spread(1), ChanceStream.Time));
        long first = clock.At(Instant.FromSeconds(5));
        Assert.Equal((1L << 32) - 75000, first);
        Assert.Equal(250, clock.From(TimeSpan.FromSeconds(1)));
        Assert.Equal(1, clock.FromMicroseconds(0));
        Assert.Equal(11, clock.FromMicroseconds(40_001));
        Assert.Equal(first + 7, clock.At(clock.Start(first + 7)));
        Assert.Equal(first + 6, clock.At(new Instant(clock.Start(first + 7).Nanoseconds - 1)));
    }

    private sealed class Host : ITimerHost
    {
        private readonly TimerLink[] _links;
        private readonly bool _exact;

        internal Host(bool exact, int timers, long start = (1L << 32) - 75000)
        {
            _exact = exact;
            _links = Enumerable.Repeat(TimerLink.Unarmed, timers).ToArray();
            Now = start;
            Wheel = new TimerWheel(exact, start, this);
        }

        internal TimerWheel Wheel { get; }

        internal long Now { get; private set; }

        /// <summary>Armed timers: the jiffy asked for, and the one in which they were armed.</summary>
        internal Dictionary<int, (long Asked, long At)> Model { get; } = [];

        internal Action<int> Fired { get; set; } = _ => { };

        public ref TimerLink Link(int handle) => ref _links[handle];

        public void OnTimer(int handle)
        {
            (long asked, long at) = Model[handle];
            Model.Remove(handle);
            Assert.False(_links[handle].IsArmed);
            long due = Math.Max(asked, at + 1);
            Assert.True(Now >= due, $"{Now} is before {due}");
            long granule = 1;
            for (long reach = 63; !_exact && asked - at >= reach; reach *= 8)
            {
                granule *= 8;
            }

            long late = Now - due;
            Assert.True(late <= (_exact ? 0 : granule), $"late by {late} of {granule}: asked {asked}, armed at {at}");
            Fired(handle);
        }

        internal void Arm(int handle, long jiffy)
        {
            if (Model.TryAdd(handle, (jiffy, Now)))
            {
                Wheel.Arm(handle, jiffy);
                Assert.Equal((uint)jiffy, (uint)Wheel.Expires(_links[handle]));
            }
        }

        internal void Cancel(int handle)
        {
            Wheel.Cancel(handle);
            Model.Remove(handle);
        }

        internal void RunTo(long jiffy)
        {
            while (Wheel.TryNext(out long next) && next <= jiffy)
            {
                Assert.True(next > Now, "the wheel goes forward");
                Now = next;
                Wheel.Run(next);
            }

            Now = Math.Max(Now, jiffy);
            Wheel.Skip(Now);
        }
    }
}
