using System;

namespace Earshot.Lab.Packetdrill;

/// <summary>A script cannot be read or asks for something that does not exist; the message begins with file and
/// line.</summary>
public sealed class ScriptException : Exception
{
    /// <summary>Makes the error of one line of a script.</summary>
    /// <param name="file">The file as the user named it.</param>
    /// <param name="line">The line, counted from 1; 0 for the file as a whole.</param>
    /// <param name="problem">What was expected, and what stood there.</param>
    public ScriptException(string file, int line, string problem)
        : base(line > 0 ? $"{file}:{line}: {problem}" : $"{file}: {problem}")
    {
        File = file;
        Line = line;
        Problem = problem;
    }

    /// <summary>The file as the user named it.</summary>
    public string File { get; }

    /// <summary>The line, counted from 1; 0 when the file as a whole is wrong.</summary>
    public int Line { get; }

    /// <summary>What was expected, and what stood there.</summary>
    public string Problem { get; }
}
