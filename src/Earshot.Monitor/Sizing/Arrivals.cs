using System;
using System.Collections.Generic;
using System.Linq;

namespace Earshot.Monitor.Sizing;

/// <summary>What happened at a listener within a few milliseconds.</summary>
/// <param name="At">The beginning, from the beginning of the recording.</param>
/// <param name="Entered">Connections that entered the accept queue.</param>
/// <param name="Left">Connections that were accepted.</param>
/// <param name="Refused">SYNs that the full queue refused, repeated ones too.</param>
/// <param name="Queue">The queue at the end.</param>
internal readonly record struct ArrivalTick(TimeSpan At, int Entered, int Left, int Refused, int Queue)
{
    /// <summary>Whether the program had taken everything: how much more it could have taken is not known, so as much as
    /// came.</summary>
    public bool IsDrained => Queue == 0;
}

/// <summary>Arrivals and accepts of a listener, recorded.</summary>
/// <param name="Listener">Its address and port.</param>
/// <param name="Limit">The backlog in force.</param>
/// <param name="Length">How long was recorded.</param>
/// <param name="Ticks">What happened, in order; ticks in which nothing did are left out.</param>
/// <param name="IsExact">Whether arrivals are counted: false when other listeners of the namespace made them a guess
/// from the queue's length.</param>
internal sealed record ArrivalRecord(
    string Listener, int Limit, TimeSpan Length, IReadOnlyList<ArrivalTick> Ticks, bool IsExact)
{
    /// <summary>SYNs refused in all.</summary>
    public int Refused => Ticks.Sum(tick => tick.Refused);

    /// <summary>When clients first came: what a client sends again after a refusal is told apart by its time.</summary>
    public IReadOnlyList<TimeSpan> FirstAttempts()
    {
        var first = new List<TimeSpan>();
        var expected = new List<TimeSpan>();
        foreach (ArrivalTick tick in Ticks)
        {
            expected.RemoveAll(time => time < tick.At - Slack);
            foreach ((int count, bool refused) in (ReadOnlySpan<(int, bool)>)
                [(tick.Entered, false), (tick.Refused, true)])
            {
                for (int i = 0; i < count; i++)
                {
                    int retry = expected.FindIndex(time => time <= tick.At + Slack);
                    if (retry >= 0)
                    {
                        expected.RemoveAt(retry);
                    }
                    else
                    {
                        first.Add(tick.At);
                    }

                    if (refused)
                    {
                        // Linux sends its SYN again after a second, four times in a row.
                        expected.Add(tick.At + Retry);
                    }
                }
            }
        }

        return first;
    }

    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1.02);
    private static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(120);
}
