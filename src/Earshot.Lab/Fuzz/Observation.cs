using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Time;

namespace Earshot.Lab.Fuzz;

/// <summary>A packet that a host sent, in numbers that are the same on every host.</summary>
/// <param name="Flow">The peer that it went to.</param>
/// <param name="Time">When, counted from the start of the sequence.</param>
/// <param name="Text">All that is compared of it.</param>
internal readonly record struct Answer(int Flow, Instant Time, string Text);

/// <summary>What could be seen of one step.</summary>
internal sealed record Observation
{
    /// <summary>When the step began, counted from the start of the sequence.</summary>
    public Instant Begun { get; init; }

    /// <summary>When all was seen that is told of it here, counted from the start of the sequence.</summary>
    public Instant Ended { get; init; }

    /// <summary>When it had been written down, which a busy machine takes a while for.</summary>
    public Instant Told { get; init; }

    /// <summary>What the call returned; empty of a step that is none.</summary>
    public string Result { get; init; } = "";

    /// <summary>The packets that came out, those of one peer in their order.</summary>
    public IReadOnlyList<Answer> Answers { get; init; } = [];

    /// <summary>The sockets afterwards, sorted.</summary>
    public IReadOnlyList<string> Sockets { get; init; } = [];

    /// <summary>Counters that have moved since the start, by name.</summary>
    public IReadOnlyDictionary<string, long> Counters { get; init; } = new Dictionary<string, long>();

    /// <summary>What the connection tells of itself: fields of TCP_INFO and SO_MEMINFO, queues and poll(), by name;
    /// empty in sequences about listeners.</summary>
    public IReadOnlyDictionary<string, long> Info { get; init; } = new Dictionary<string, long>();

    /// <summary>Whether another host showed the same, times left aside.</summary>
    public bool IsLike(Observation other) => Result == other.Result
        && Answers.Select(answer => answer.Text).SequenceEqual(other.Answers.Select(answer => answer.Text))
        && Sockets.SequenceEqual(other.Sockets)
        && Info.Count == other.Info.Count
        && Info.All(field => other.Info.TryGetValue(field.Key, out long value)
            && FuzzRules.IsLike(field.Key, field.Value, value))
        && Counters.Count == other.Counters.Count
        && Counters.All(counter => other.Counters.TryGetValue(counter.Key, out long value) && value == counter.Value);
}
