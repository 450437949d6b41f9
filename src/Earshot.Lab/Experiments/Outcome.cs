using System;
using System.Collections.Generic;
using System.Linq;

namespace Earshot.Lab.Experiments;

/// <summary>A sample in one short word, as the fact sheets write it: <c>6+2 S</c>.</summary>
/// <remarks>The server's ESTABLISHED, plus, its SYN_RECV; then <c>S</c> for each client that waits in SYN_SENT (with a
/// number when more than one) and <c>F</c> with the number of failed connect()s.</remarks>
public static class Outcome
{
    /// <summary>The outcome of a run at one of its looks.</summary>
    /// <param name="result">The run.</param>
    /// <param name="sample">One of its samples.</param>
    /// <returns>The short word.</returns>
    public static string Of(RunResult result, Sample sample)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(sample);
        int waiting = Count(sample.Client, "SYN_SENT");
        int failed = result.Connects.Count(c => c.Errno is not null && c.Returned <= sample.At);
        string text = $"{Count(sample.Server, "ESTABLISHED")}+{Count(sample.Server, "SYN_RECV")}";
        text += waiting switch
        {
            0 => "",
            1 => " S",
            _ => $" S{waiting}",
        };
        return failed == 0 ? text : $"{text} F{failed}";
    }

    private static int Count(IReadOnlyDictionary<string, int> states, string state) =>
        states.TryGetValue(state, out int count) ? count : 0;
}
