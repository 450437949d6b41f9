using System.Collections.Generic;

namespace Earshot.Monitor.Verdicts;

/// <summary>How bad a finding is.</summary>
internal enum Severity
{
    /// <summary>Worth knowing; nobody suffers.</summary>
    Note,

    /// <summary>Clients notice, or will.</summary>
    Warning,

    /// <summary>Clients are being refused now.</summary>
    Critical,
}

/// <summary>How sure a finding is.</summary>
internal enum Confidence
{
    /// <summary>Fits what was seen; other causes fit too.</summary>
    Low,

    /// <summary>The likeliest of few causes.</summary>
    Medium,

    /// <summary>Nothing else explains the numbers.</summary>
    High,
}

/// <summary>A number a finding rests on.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Value">The measure.</param>
/// <param name="Source">Where it comes from: a counter, a sysctl, a file, a command that prints it.</param>
internal sealed record Evidence(string Name, string Value, string Source);

/// <summary>What a rule found.</summary>
internal sealed record Finding
{
    /// <summary>The rule's name, as <c>earshot explain</c> takes it.</summary>
    public required string Rule { get; init; }

    public required Severity Severity { get; init; }

    public required Confidence Confidence { get; init; }

    /// <summary>The network namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>The listener, as ss writes it; null when it is the namespace's.</summary>
    public string? Listener { get; init; }

    /// <summary>The listener's number; null when it is the namespace's.</summary>
    public ulong? Cookie { get; init; }

    /// <summary>Who holds the listener, as <c>nginx (12)</c>; null when that is not known.</summary>
    public string? Process { get; init; }

    /// <summary>The queue concerned: accept queue, SYN queue, unix listen queue, none.</summary>
    public required string Queue { get; init; }

    /// <summary>What is wrong and why, in a sentence.</summary>
    public required string Summary { get; init; }

    /// <summary>What clients notice.</summary>
    public required string Effect { get; init; }

    /// <summary>What to do next: a command or a setting.</summary>
    public required string NextStep { get; init; }

    /// <summary>Whether a bigger backlog would cure it; null when that cannot be said.</summary>
    public bool? BacklogHelps { get; init; }

    public required IReadOnlyList<Evidence> Evidence { get; init; }
}
