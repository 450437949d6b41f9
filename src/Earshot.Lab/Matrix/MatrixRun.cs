using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Earshot.Core.Profiles;

namespace Earshot.Lab.Matrix;

/// <summary>How a measured cell stands to the fact sheet's.</summary>
public enum MatrixVerdict
{
    /// <summary>They say the same.</summary>
    Agrees,

    /// <summary>They do not, and docs/linux-facts.md says why.</summary>
    Explained,

    /// <summary>The sheets say nothing of it.</summary>
    Silent,

    /// <summary>They do not, and nothing says why.</summary>
    Differs,
}

/// <summary>A cell: what a kernel's profile did, beside what the sheets say.</summary>
/// <param name="Row">The rule.</param>
/// <param name="Profile">The kernel's name.</param>
/// <param name="Measured">What the experiment showed.</param>
/// <param name="Sheet">The sheets' cell; null where they are silent.</param>
public sealed record MatrixCell(MatrixRow Row, string Profile, string Measured, SheetCell? Sheet)
{
    /// <summary>How the two stand to each other.</summary>
    public MatrixVerdict Verdict => Sheet switch
    {
        null => MatrixVerdict.Silent,
        { Reading: var reading, Instead: null } when reading == Measured => MatrixVerdict.Agrees,
        { Instead: { } instead, Reason: { } reason } when instead == Measured && MatrixSheet.Facts.Contains(reason) =>
            MatrixVerdict.Explained,
        _ => MatrixVerdict.Differs,
    };
}

/// <summary>Asks every kernel every question.</summary>
public static class MatrixRun
{
    /// <summary>Measures cells, row by row.</summary>
    /// <param name="rows">The rules.</param>
    /// <param name="profiles">The kernels.</param>
    /// <param name="cancellation">Ends the run between two cells.</param>
    /// <returns>The cells, in the order of rows and in each of profiles.</returns>
    public static IEnumerable<MatrixCell> Measure(
        IEnumerable<MatrixRow> rows, IReadOnlyList<KernelProfile> profiles, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(profiles);
        foreach (MatrixRow row in rows)
        {
            foreach (KernelProfile profile in profiles)
            {
                cancellation.ThrowIfCancellationRequested();
                yield return new MatrixCell(
                    row, profile.Name, row.Measure(profile), MatrixSheet.Find(row.Id, profile.Name));
            }
        }
    }

    /// <summary>Puts kernels of one answer together, so that a table says each thing once.</summary>
    public static IEnumerable<(IReadOnlyList<string> Profiles, MatrixCell Cell)> Group(IEnumerable<MatrixCell> cells)
    {
        ArgumentNullException.ThrowIfNull(cells);
        return cells.GroupBy(cell => (cell.Measured, cell.Sheet))
            .Select(group => ((IReadOnlyList<string>)[.. group.Select(cell => cell.Profile)], group.First()));
    }
}
