using System;

namespace Earshot.Lab.Claims;

/// <summary>How the fact sheet judges a claim.</summary>
public enum Judgement
{
    /// <summary>It holds, for the kernels named.</summary>
    Holds,

    /// <summary>It holds for some kernels or in part.</summary>
    HoldsInPart,

    /// <summary>It does not hold.</summary>
    Fails,

    /// <summary>No experiment decides it: it speaks of words, of other software or of a single measurement.</summary>
    Prose,
}

/// <summary>A claim of one of the five articles, and the experiment that decides it.</summary>
/// <param name="Number">Its number in the fact sheet, 1 to 49.</param>
/// <param name="Article">The article: its number, 1 to 5, and its title or what it is about.</param>
/// <param name="Text">What the article says.</param>
/// <param name="Kernels">The kernels for which it holds, or why it does not.</param>
/// <param name="Judgement">How the sheet judges it.</param>
/// <param name="Expected">What the experiment shows if the sheet is right; null where it only reports.</param>
/// <param name="Measure">The experiment.</param>
public sealed record Claim(
    int Number,
    string Article,
    string Text,
    string Kernels,
    Judgement Judgement,
    string? Expected,
    Func<string> Measure);

/// <summary>What became of a claim's experiment.</summary>
/// <param name="Claim">The claim.</param>
/// <param name="Measured">What it showed; the reason when it could not run.</param>
/// <param name="Skipped">It could not run here.</param>
public sealed record ClaimResult(Claim Claim, string Measured, bool Skipped)
{
    /// <summary>Whether the experiment showed what the judgement rests on.</summary>
    public bool Confirms => Skipped || Claim.Expected is null || Claim.Expected == Measured;
}
