using System;

namespace Earshot.Simulation;

/// <summary>
/// A simulated world did what it must not: a program got a wrong answer, or the world never came to rest.
/// </summary>
public sealed class SimulationException : Exception
{
    /// <summary>Makes the exception without a message.</summary>
    public SimulationException()
    {
    }

    /// <summary>Makes the exception.</summary>
    /// <param name="message">What went wrong, as a sentence.</param>
    public SimulationException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception.</summary>
    /// <param name="message">What went wrong, as a sentence.</param>
    /// <param name="innerException">What led to it.</param>
    public SimulationException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
