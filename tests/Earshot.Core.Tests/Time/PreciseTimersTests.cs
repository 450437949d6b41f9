using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Time;
using Xunit;

namespace Earshot.Core.Tests.Time;

public sealed class PreciseTimersTests
{
    [Fact]
    public void Timers_fire_in_the_order_of_their_moments()
    {
        var timers = new PreciseTimers();
        var chance = new Random(1);
        var moments = new List<long>();
        for (int i = 0; i < 1000; i++)
        {
            long moment = chance.Next(1, 500);
            moments.Add(moment);
            timers.Arm(new Instant(moment), i, PreciseTimerKind.Pacing);
        }

        var taken = new List<long>();
        while (timers.Count > 0)
        {
            taken.Add(timers.Next.Nanoseconds);
            int owner = timers.Take().Owner;
            Assert.Equal(taken[^1], moments[owner]);
        }

        Assert.Equal(moments.Order(), taken);
    }

    [Fact]
    public void Of_one_moment_the_one_that_was_armed_first_is_first()
    {
        var timers = new PreciseTimers();
        for (int i = 0; i < 100; i++)
        {
            timers.Arm(new Instant(7), i, PreciseTimerKind.Pacing);
        }

        Assert.Equal(Enumerable.Range(0, 100), Enumerable.Range(0, 100).Select(_ => timers.Take().Owner));
    }
}
