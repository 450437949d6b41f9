using System;

namespace Earshot.Lab.Experiments;

/// <summary>The columns of <c>netstat -nt</c>, as net-tools 2.10 prints them.</summary>
public static class NetstatTable
{
    /// <summary>The line with the columns' names.</summary>
    public const string Header =
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State      ";

    /// <summary>One row, ending with the blanks that pad the state.</summary>
    /// <param name="row">The socket.</param>
    /// <returns>The line, without a newline.</returns>
    public static string Row(TableRow row) =>
        $"{"tcp",-4}  {row.ReceiveQueue,6} {row.SendQueue,6} {row.Local,-23} {row.Remote,-23} {row.State,-11} ";

    /// <summary>Whether <c>grep PORT</c> would let the row through.</summary>
    /// <param name="row">The socket.</param>
    /// <param name="port">The port to look for.</param>
    /// <returns>True when the number stands anywhere in the line, as grep sees it.</returns>
    public static bool Matches(TableRow row, int port) => Row(row).Contains($"{port}", StringComparison.Ordinal);
}
