using System;
using System.Text;

namespace Earshot.Lab.Packetdrill;

/// <summary>What a script's run on a target came to.</summary>
public sealed record ScriptVerdict
{
    /// <summary>The script's file.</summary>
    public required string File { get; init; }

    /// <summary>The target's name.</summary>
    public required string Target { get; init; }

    /// <summary>The IP version that it ran over.</summary>
    public required IpVersion IpVersion { get; init; }

    /// <summary>Whether everything was as the script expects.</summary>
    public bool Passed => Reason is null;

    /// <summary>The line of the first difference; 0 when there is none.</summary>
    public int Line { get; init; }

    /// <summary>What differs; null when nothing does.</summary>
    public string? Reason { get; init; }

    /// <summary>The packet or result that was expected; null when the reason says all.</summary>
    public string? Expected { get; init; }

    /// <summary>The packet or result that was seen; null when there was none.</summary>
    public string? Seen { get; init; }

    /// <summary>Whether all that is wrong is that a packet came later than it should, or the run itself was late: on
    /// the host a busy machine may be to blame.</summary>
    public bool IsLate { get; init; }

    /// <summary>How long the run took on the clock of the target.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>The verdict's lines.</summary>
    public override string ToString()
    {
        string about = $"[{Target}, {IpVersion.Name()}]";
        if (Passed)
        {
            return $"ok    {File} {about}";
        }

        var text = new StringBuilder($"FAIL  {File}:{Line}: {Reason} {about}");
        if (Expected is not null)
        {
            text.Append($"\n      expected: {Expected}");
        }

        if (Seen is not null)
        {
            text.Append($"\n      seen:     {Seen}");
        }

        return text.ToString();
    }
}

/// <summary>Ends a run: something is not as the script expects.</summary>
internal sealed class ScriptFailure(
    int line, string reason, string? expected = null, string? seen = null, bool isLate = false)
    : Exception(reason)
{
    public bool IsLate => isLate;

    public int Line => line;

    public string? Expected => expected;

    public string? Seen => seen;
}
