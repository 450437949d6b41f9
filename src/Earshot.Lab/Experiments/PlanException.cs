using System;

namespace Earshot.Lab.Experiments;

/// <summary>A plan cannot be read; the message names the file, the line and what was expected there.</summary>
public sealed class PlanException : Exception
{
    /// <summary>Makes the error of one line of a plan file.</summary>
    /// <param name="file">The file as the user named it.</param>
    /// <param name="line">The line, counted from 1; 0 for the file as a whole.</param>
    /// <param name="problem">What was expected, and what stood there.</param>
    public PlanException(string file, int line, string problem)
        : base(line > 0 ? $"{file}:{line}: {problem}" : $"{file}: {problem}")
    {
        File = file;
        Line = line;
    }

    /// <summary>The file as the user named it.</summary>
    public string File { get; }

    /// <summary>The line, counted from 1; 0 when the file as a whole is wrong.</summary>
    public int Line { get; }
}
