using System;
using System.Collections.Generic;
using System.Threading;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Claims;

/// <summary>The 49 claims of the articles that the fact sheet judges.</summary>
public static class ClaimCatalog
{
    /// <summary>The claims, in the sheet's order.</summary>
    public static IReadOnlyList<Claim> All { get; } =
    [
        .. FirstArticle.Claims, .. SecondArticle.Claims, .. ThirdArticle.Claims, .. FourthArticle.Claims,
        .. FifthArticle.Claims,
    ];

    /// <summary>Runs claims one after another.</summary>
    /// <param name="claims">Which.</param>
    /// <param name="cancellation">Ends the run between two of them.</param>
    public static IEnumerable<ClaimResult> Run(IEnumerable<Claim> claims, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(claims);
        foreach (Claim claim in claims)
        {
            cancellation.ThrowIfCancellationRequested();
            yield return Run(claim);
        }
    }

    private static ClaimResult Run(Claim claim)
    {
        try
        {
            return new ClaimResult(claim, claim.Measure(), Skipped: false);
        }
        catch (CannotRunHereException e)
        {
            return new ClaimResult(claim, $"cannot run here: {e.Message}", Skipped: true);
        }
    }
}
