using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Time;

namespace Earshot.Lab.Fuzz;

/// <summary>The moments of a run, moved a little: what then shows otherwise hangs on them.</summary>
internal static class Moments
{
    // By how much steps are moved, in nanoseconds: what a measured time may differ by, a tick, and several; and for how
    // many seconds the wheel of the timers has run: it rounds long times from its own beginning. Parts of a millisecond
    // move the ticks of time stamps too. Several small moves: one alone may lie on the same side of a limit, as of
    // HyStart's two milliseconds between ACKs.
    private static readonly (long Most, double Lead)[] Moves =
        [
            (0, 0.06125), (40_000, 0), (150_000, 0), (300_000, 0.5175), (300_000, 0), (1_000_000, 0),
            (4_000_000, 1.93075), (12_000_000, 3.33325), (4_000_000, 7.1005), (0, 20.30075),
        ];

    /// <summary>Runs with the same steps at moments a little later.</summary>
    internal static IEnumerable<(List<Observation> Run, TimeSpan Lead)> Variants(IReadOnlyList<Observation> run)
    {
        // A timer that sends nothing may end between a look at the clock and one at the counters.
        yield return ([.. run.Select(static step => step with { Ended = step.Told })], TimeSpan.Zero);
        for (int i = 0; i < Moves.Length; i++)
        {
            (long most, double lead) = Moves[i];
            var chance = new Chance(Chance.Spread((ulong)i), ChanceStream.Time);
            var moved = new List<Observation>();
            long last = 0;
            foreach (Observation step in run)
            {
                long begun = Math.Max(last, step.Begun.Nanoseconds + chance.Below((uint)most + 1));
                long ended = last = Math.Max(begun, step.Ended.Nanoseconds + chance.Below((uint)most + 1));
                moved.Add(step with { Begun = new Instant(begun), Ended = new Instant(ended) });
            }

            yield return (moved, TimeSpan.FromSeconds(lead));
        }
    }

    /// <summary>How many steps at the beginning show the same.</summary>
    /// <param name="first">A run.</param>
    /// <param name="second">Another.</param>
    /// <param name="most">The most that is asked for.</param>
    internal static int Alike(IReadOnlyList<Observation> first, IReadOnlyList<Observation> second, int most) =>
        Enumerable.Range(0, most).TakeWhile(i => first[i].IsLike(second[i])).Count();
}
