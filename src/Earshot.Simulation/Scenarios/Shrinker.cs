using System;
using System.Collections.Generic;

namespace Earshot.Simulation.Scenarios;

/// <summary>Makes a failing scenario smaller while it still fails in the same way.</summary>
public static class Shrinker
{
    /// <summary>The runs that one shrinking may take unless told otherwise.</summary>
    public const int RunLimit = 400;

    /// <summary>Shrinks a scenario.</summary>
    /// <param name="scenario">A scenario that fails.</param>
    /// <param name="failure">How it fails.</param>
    /// <param name="runLimit">Runs after which the smallest found so far is given back.</param>
    /// <returns>The smallest scenario found that fails in the same way, perhaps the given one.</returns>
    public static Scenario Shrink(Scenario scenario, string failure, int runLimit = RunLimit)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        string kind = Kind(failure);
        Scenario smallest = scenario;
        bool smaller = true;
        while (smaller && runLimit > 0)
        {
            smaller = false;
            foreach (Scenario candidate in Candidates(smallest))
            {
                if (runLimit-- <= 0)
                {
                    break;
                }

                if (ScenarioRun.Run(candidate).Failure is { } same && Kind(same) == kind)
                {
                    smallest = candidate;
                    smaller = true;
                    break;
                }
            }
        }

        return smallest;
    }

    /// <summary>What tells one kind of failure from another: its words without its numbers.</summary>
    public static string Kind(string failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        Span<char> kept = new char[failure.Length];
        int length = 0;
        foreach (char c in failure)
        {
            if (!char.IsAsciiDigit(c) && length < 80)
            {
                kept[length++] = c;
            }
        }

        return new string(kept[..length]);
    }

    // The large cuts first: a whole part, then a property of one, then half of a number.
    private static IEnumerable<Scenario> Candidates(Scenario whole)
    {
        for (int i = 0; i < whole.Talks.Count && whole.Talks.Count > 1; i++)
        {
            yield return whole with { Talks = Without(whole.Talks, i) };
        }

        for (int i = 0; i < whole.Events.Count; i++)
        {
            yield return whole with { Events = Without(whole.Events, i) };
        }

        for (int i = 0; i < whole.Settings.Count; i++)
        {
            yield return whole with { Settings = Without(whole.Settings, i) };
        }

        if (whole.IsEthernet)
        {
            yield return whole with { IsEthernet = false };
        }

        for (int i = 0; i < whole.Ways.Count; i++)
        {
            foreach (ScenarioWay way in Simpler(whole.Ways[i]))
            {
                yield return whole with { Ways = With(whole.Ways, i, way) };
            }
        }

        for (int i = 0; i < whole.Talks.Count; i++)
        {
            foreach (ScenarioTalk talk in Simpler(whole.Talks[i]))
            {
                yield return whole with { Talks = With(whole.Talks, i, talk) };
            }
        }
    }

    private static IEnumerable<ScenarioWay> Simpler(ScenarioWay way)
    {
        ScenarioWay[] candidates =
        [
            way with { Loss = 0 }, way with { BurstStart = 0 }, way with { Duplicate = 0 }, way with { Reorder = 0 },
            way with { Corrupt = 0 }, way with { Rate = 0 }, way with { Jitter = 0 },
            way with { Narrow = 0, IsSilent = false }, way with { IsOneWay = false }, way with { Offload = 0 },
            way with { Mtu = 1500 }, way with { Latency = 1000 },
        ];
        foreach (ScenarioWay candidate in candidates)
        {
            if (candidate != way)
            {
                yield return candidate;
            }
        }
    }

    private static IEnumerable<ScenarioTalk> Simpler(ScenarioTalk talk)
    {
        ScenarioTalk[] candidates =
        [
            talk with { ToServer = 0 }, talk with { ToClient = 0 }, talk with { Pause = 0 },
            talk with { SendBuffer = 0 }, talk with { ReceiveBuffer = 0 }, talk with { NoDelay = false },
            talk with { IsIPv6 = false }, talk with { End = TalkEnd.ClientFirst }, talk with { Call = 16384 },
            talk with { Start = 0 }, talk with { ToServer = talk.ToServer / 2 },
            talk with { ToClient = talk.ToClient / 2 },
        ];
        foreach (ScenarioTalk candidate in (IEnumerable<ScenarioTalk>)[.. WithFewerHabits(talk), .. candidates])
        {
            if (candidate != talk)
            {
                yield return candidate;
            }
        }
    }

    private static IEnumerable<ScenarioTalk> WithFewerHabits(ScenarioTalk talk)
    {
        foreach (TalkHabits habit in Enum.GetValues<TalkHabits>())
        {
            if ((talk.Habits & habit) != 0)
            {
                yield return talk with { Habits = talk.Habits & ~habit };
            }
        }
    }

    private static List<T> Without<T>(IReadOnlyList<T> items, int index)
    {
        List<T> left = [.. items];
        left.RemoveAt(index);
        return left;
    }

    private static List<T> With<T>(IReadOnlyList<T> items, int index, T item)
    {
        List<T> changed = [.. items];
        changed[index] = item;
        return changed;
    }
}
