using System.Collections.Generic;
using Earshot.Core;

namespace Earshot.Sockets.Tests;

internal static class Rows
{
    /// <summary>What netstat would list; to be run on the stack's own thread.</summary>
    public static List<SocketRow> Of(NetworkStack stack)
    {
        var rows = new List<SocketRow>();
        stack.CopySockets(rows);
        return rows;
    }
}
