using System;
using System.Diagnostics.CodeAnalysis;

namespace Earshot.Core;

/// <summary>Checks of what must always hold; they stay on in release builds.</summary>
public static class Invariant
{
    /// <summary>Stops the stack when something that must hold does not.</summary>
    /// <param name="holds">What must hold.</param>
    /// <param name="what">The rule that is broken, as a sentence.</param>
    /// <exception cref="InvariantException">It does not hold.</exception>
    public static void Check([DoesNotReturnIf(false)] bool holds, string what)
    {
        if (!holds)
        {
            Throw(what);
        }
    }

    [DoesNotReturn]
    private static void Throw(string what) => throw new InvariantException(what);
}

/// <summary>A rule of the stack's own is broken: a defect of Earshot, not of the wire or the caller.</summary>
public sealed class InvariantException : Exception
{
    /// <summary>Makes the exception without a message.</summary>
    public InvariantException()
    {
    }

    /// <summary>Makes the exception.</summary>
    /// <param name="message">The rule that is broken.</param>
    public InvariantException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception.</summary>
    /// <param name="message">The rule that is broken.</param>
    /// <param name="innerException">What led to it.</param>
    public InvariantException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
