using System;
using System.Collections.Generic;
using Earshot.Monitor.Sizing;

namespace Earshot.Lab.Sizing;

/// <summary>What backlog recorded arrivals need, and what that costs.</summary>
/// <param name="Record">The recording.</param>
/// <param name="Target">The part of clients that may be refused.</param>
/// <param name="Outcomes">What the backlogs tried would have done, the smallest first.</param>
/// <param name="Smallest">The smallest backlog that meets the target; null when none does.</param>
/// <param name="Cure">Whether a backlog is the cure; if not, <paramref name="Why"/> says why.</param>
/// <param name="Why">The reason, in a sentence.</param>
internal sealed record SizeAdvice(
    ArrivalRecord Record, double Target, IReadOnlyList<QueueOutcome> Outcomes, int? Smallest, bool Cure, string Why)
{
    private const int Largest = 65535;

    // A client that waits longer in a queue than it takes to send a SYN again has won nothing.
    private static readonly TimeSpan LongestUsefulWait = TimeSpan.FromSeconds(1);

    /// <summary>Tries backlogs until the smallest is found that meets the target.</summary>
    /// <param name="record">The recording.</param>
    /// <param name="target">The part of clients that may be refused.</param>
    public static SizeAdvice For(ArrivalRecord record, double target)
    {
        var outcomes = new SortedDictionary<int, QueueOutcome>();
        QueueOutcome Try(int backlog) => outcomes.TryGetValue(backlog, out QueueOutcome? known)
            ? known
            : outcomes[backlog] = QueueReplay.Run(record, backlog);
        bool Meets(QueueOutcome outcome) =>
            outcome.Refused == 0 || outcome.ClientsRefused <= target * outcome.Arrivals;
        Try(record.Limit);
        QueueOutcome best = Try(Largest);
        if (!Meets(best))
        {
            return new SizeAdvice(
                record, target, [.. outcomes.Values], null, false, "even the largest backlog overflows");
        }

        (int low, int high) = (0, Math.Max(1, best.Peak));
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = Meets(Try(middle)) ? (low, middle) : (middle + 1, high);
        }

        QueueOutcome smallest = Try(low);
        bool grows = best.Left > 0 && best.Left * 2 >= best.Peak && best.Arrivals > 0;
        bool slow = smallest.LongWait > LongestUsefulWait;
        return new SizeAdvice(
            record, target, [.. outcomes.Values], low, !grows && !slow,
            grows ? "connections come faster than they are accepted: the queue grows as long as that lasts, whatever "
                + "its limit. More acceptors are the cure"
            : slow ? $"with that backlog the slowest hundredth waits {smallest.LongWait.TotalSeconds:0.#} s for "
                + "accept(): the pauses between accepts are the fault"
            : low <= record.Limit ? "the backlog in force is enough"
            : "the queue has to hold what comes while the program does not accept");
    }
}
