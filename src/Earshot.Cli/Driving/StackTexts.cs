using System.Collections.Generic;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Tcp;
using Earshot.Core.Wire;
using Earshot.Lab.Views;

namespace Earshot.Cli.Driving;

/// <summary>The texts of the driver's answers: the one place where it meets the views.</summary>
/// <remarks>All of it runs on the stack's own thread.</remarks>
internal static class StackTexts
{
    /// <summary>Every socket, in the order of netstat.</summary>
    internal static List<SocketRow> Rows(NetworkStack stack)
    {
        var rows = new List<SocketRow>();
        stack.CopySockets(rows);
        return rows;
    }

    /// <summary>Both ends and the state of a socket in netstat's words.</summary>
    internal static (string Local, string Remote, string State) Ends(in SocketRow row) =>
        (EndText(row, row.Local), EndText(row, row.Remote), NetstatView.StateName(row.State));

    /// <summary>netstat -nato and ss -nta, of the sockets that have the port on either end.</summary>
    internal static string Tables(NetworkStack stack, ushort port)
    {
        List<SocketRow> rows = [.. Rows(stack).Where(row => row.Local.Port == port || row.Remote.Port == port)];
        return Join(
        [
            .. NetstatView.Table(rows, stack.Profile, SocketSelection.All, timers: true),
            "",
            .. SsView.Table(rows, SocketSelection.All),
        ]);
    }

    /// <summary>What ss -ti says of a connection; null when there is none.</summary>
    internal static string? Info(NetworkStack stack, ushort local, ushort remote)
    {
        List<SocketRow> rows =
            [.. Rows(stack).Where(row => row.Local.Port == local && row.Remote.Port == remote)];
        return rows.Count == 0 ? null
            : Join(SsView.Table(rows, SocketSelection.All, SsOptions.Info | SsOptions.NoHeading));
    }

    /// <summary>What ip tcp_metrics says.</summary>
    internal static string Metrics(NetworkStack stack)
    {
        var rows = new List<TcpMetricsRow>();
        stack.CopyMetrics(rows);
        return Join(TcpMetricsView.Lines(rows, stack.Now));
    }

    /// <summary>The kernel's log so far.</summary>
    internal static IReadOnlyList<string> Log(NetworkStack stack) => [.. stack.Log.Lines.Select(line => line.Text)];

    /// <summary>Why the sockets of a port are as they are.</summary>
    internal static IReadOnlyList<string> Why(NetworkStack stack, ushort port) => WhyView.Lines(stack, port);

    /// <summary>Lines as a text, each with its newline.</summary>
    internal static string Join(IEnumerable<string> lines) => string.Concat(lines.Select(line => line + '\n'));

    // netstat puts no brackets around an IPv6 address. It cuts a long one; this does not.
    private static string EndText(in SocketRow row, InetEndpoint end)
    {
        string address = row.IsIpv6 && end.Address.IsAny ? "::" : end.Address.ToString();
        return end.Port == 0 ? $"{address}:*" : $"{address}:{end.Port}";
    }
}
