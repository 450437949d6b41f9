using System.Collections.Generic;
using Earshot.Lab.Matrix.Rows;

namespace Earshot.Lab.Matrix;

/// <summary>Every rule that the matrix asks of every kernel.</summary>
public static class MatrixCatalog
{
    /// <summary>The rules, in the order of the table.</summary>
    public static IReadOnlyList<MatrixRow> Rows { get; } =
        [.. AdmissionRows.All, .. TimerRows.All, .. DefaultRows.All, .. CookieRows.All, .. ClientRows.All,
            .. WireRows.All];
}
