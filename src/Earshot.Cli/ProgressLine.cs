using System;
using System.Diagnostics;
using Earshot.Lab.Targets;

namespace Earshot.Cli;

/// <summary>One line of talk that changes while something long runs; only on a terminal.</summary>
internal sealed class ProgressLine(Terminal terminal) : IProgress<LabProgress>, IDisposable
{
    // A run that ends sooner needs no line, and a line that changes oftener nobody reads.
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(200);

    private readonly long _start = Stopwatch.GetTimestamp();
    private TimeSpan _told;
    private int _length;

    /// <inheritdoc/>
    public void Report(LabProgress value) =>
        Report($"{value.Plan} on {value.Target}: {value.At.TotalSeconds:0.0} of {value.Until.TotalSeconds:0} s");

    /// <summary>Shows a text in place of the one before.</summary>
    internal void Report(string text)
    {
        TimeSpan now = Stopwatch.GetElapsedTime(_start);
        if (terminal.ShowsProgress && now - _told >= Turn)
        {
            _told = now;
            terminal.Error.Write('\r' + text.PadRight(_length));
            _length = text.Length;
        }
    }

    /// <summary>Takes the line away.</summary>
    public void Dispose()
    {
        if (_length > 0)
        {
            terminal.Error.Write('\r' + new string(' ', _length) + '\r');
        }
    }
}
