using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Profiles;
using Earshot.Lab.Matrix;
using Earshot.Tests;
using Xunit;

namespace Earshot.Lab.Tests.Matrix;

public sealed class MatrixTests
{
    [SlowFact]
    public void Every_cell_agrees_with_the_sheets_or_has_its_reason_in_linux_facts()
    {
        MatrixCell[] cells = [.. MatrixRun.Measure(MatrixCatalog.Rows, KernelProfile.All)];
        Assert.Equal(MatrixCatalog.Rows.Count * KernelProfile.All.Count, cells.Length);
        Assert.Empty(cells.Where(cell => cell.Verdict == MatrixVerdict.Differs)
            .Select(cell => $"{cell.Row.Id} {cell.Profile}: {cell.Measured} instead of {cell.Sheet!.Reading}"));
        Assert.True(cells.Count(cell => cell.Verdict == MatrixVerdict.Agrees) >= 280);
    }

    [Fact]
    public void The_sheet_speaks_only_of_rules_and_kernels_that_there_are()
    {
        HashSet<string> rows = [.. MatrixCatalog.Rows.Select(row => row.Id)];
        HashSet<string> profiles = [.. KernelProfile.All.Select(profile => profile.Name)];
        Assert.Equal(rows.Count, MatrixCatalog.Rows.Count);
        Assert.All(MatrixSheet.Keys, key => Assert.True(rows.Contains(key.Row) && profiles.Contains(key.Profile)));
    }

    // Section C of the sheet has these rows, and a column for these kernels.
    [Fact]
    public void Every_cell_of_the_sheet_s_table_is_there()
    {
        string[] rows =
        [
            "clamp", "accept-full", "syn-full", "syn-when-full", "last-quarter", "third-ack", "counted",
            "syn-ack-timer", "life", "connect", "cookies", "mode-2", "max-syn-backlog", "experiments",
        ];
        foreach (KernelProfile profile in KernelProfile.All.Where(p => p.Name is not ("freebsd" or "xnu")))
        {
            Assert.All(rows, row => Assert.NotNull(MatrixSheet.Find(row, profile.Name)));
        }
    }

    [Fact]
    public void Every_exception_has_its_entry_in_linux_facts() => Assert.All(
        MatrixSheet.Keys.Select(key => MatrixSheet.Find(key.Row, key.Profile)!).Where(cell => cell.Reason is not null),
        cell => Assert.Contains(cell.Reason!, MatrixSheet.Facts));

    [Fact]
    public void A_cell_that_shows_something_else_differs()
    {
        MatrixRow row = MatrixCatalog.Rows.Single(row => row.Id == "clamp");
        var cell = new MatrixCell(row, "linux-6.18", "5", new SheetCell("words", "6"));
        Assert.Equal(MatrixVerdict.Differs, cell.Verdict);
        Assert.Equal(MatrixVerdict.Agrees, (cell with { Measured = "6" }).Verdict);
        Assert.Equal(MatrixVerdict.Silent, (cell with { Sheet = null }).Verdict);
        var excepted = new SheetCell("words", "6", "5", MatrixSheet.Facts.First());
        Assert.Equal(MatrixVerdict.Explained, (cell with { Sheet = excepted }).Verdict);
        Assert.Equal(
            MatrixVerdict.Differs, (cell with { Sheet = excepted with { Reason = "no such entry" } }).Verdict);
        Assert.Equal(MatrixVerdict.Differs, (cell with { Measured = "6", Sheet = excepted }).Verdict);
    }
}
