using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Text;
using Earshot.Core;
using Earshot.Lab.Views;

namespace Earshot.Cli.Serving;

/// <summary>A stack at one moment, as a web page: its listeners, sockets, counters and last verdicts.</summary>
internal sealed record StatusPage
{
    private const int MaxSockets = 200;
    private const int MaxVerdicts = 40;

    private const string Style =
        "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:72em;padding:0 1em}"
        + "h1{font-size:1.5em}h2{font-size:1.1em;margin:1.6em 0 .4em}pre{overflow-x:auto}"
        + "table{border-collapse:collapse}td,th{text-align:left;padding:.1em 1.2em .1em 0}td.n{text-align:right}";

    public required string Profile { get; init; }

    public required IReadOnlyList<ListenerRow> Listeners { get; init; }

    public required IReadOnlyList<string> Sockets { get; init; }

    public required int SocketCount { get; init; }

    public required IReadOnlyList<KeyValuePair<string, long>> Counters { get; init; }

    public required IReadOnlyList<string> Verdicts { get; init; }

    /// <summary>Takes everything from a stack, on its own thread.</summary>
    internal static StatusPage Of(NetworkStack stack)
    {
        var listeners = new List<ListenerRow>();
        var rows = new List<SocketRow>();
        stack.CopyListeners(listeners);
        stack.CopySockets(rows);
        return new StatusPage
        {
            Profile = stack.Profile.Name,
            Listeners = listeners,
            Sockets = [.. NetstatView.Table(rows.Take(MaxSockets), stack.Profile, SocketSelection.All, timers: true)],
            SocketCount = rows.Count,
            Counters = [.. stack.Mib.All.Where(counter => counter.Value != 0)],
            Verdicts = [.. stack.Ledger.Latest.TakeLast(MaxVerdicts).Reverse().Select(entry =>
                $"{(stack.Now - entry.Time).TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture)} s ago  "
                + $"{entry.Rule}: {stack.Ledger.Explain(entry)}")],
        };
    }

    /// <summary>The page.</summary>
    internal string Html()
    {
        var html = new StringBuilder();
        html.Append("<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Earshot</title><style>")
            .Append(Style).Append("</style></head><body><h1>Earshot</h1><p>A TCP/IP stack that behaves like ")
            .Append(Text(Profile)).Append(". This page came over it.</p>");
        AppendListeners(html);
        html.Append("<h2>Sockets</h2><pre>").Append(Text(string.Join('\n', Sockets))).Append("</pre>");
        if (SocketCount > MaxSockets)
        {
            html.Append("<p>and ").Append(SocketCount - MaxSockets).Append(" more</p>");
        }

        html.Append("<h2>Counters that moved</h2><table>");
        foreach ((string name, long value) in Counters)
        {
            html.Append("<tr><td>").Append(Text(name)).Append("</td><td class=\"n\">").Append(value)
                .Append("</td></tr>");
        }

        html.Append("</table><h2>The last verdicts, newest first</h2><pre>")
            .Append(Text(string.Join('\n', Verdicts))).Append("</pre></body></html>\n");
        return html.ToString();
    }

    private void AppendListeners(StringBuilder html)
    {
        html.Append("<h2>Listeners</h2><table><tr><th>address</th><th>accept queue</th><th>backlog</th>"
            + "<th>SYN queue</th><th>young</th><th>limit</th></tr>");
        foreach (ListenerRow row in Listeners)
        {
            html.Append("<tr><td>").Append(Text(row.Local.ToString())).Append("</td>");
            foreach (long number in (ReadOnlySpan<long>)
                [row.AcceptCount, row.Backlog, row.SynCount, row.YoungCount, row.SynLimit])
            {
                html.Append("<td class=\"n\">").Append(number).Append("</td>");
            }

            html.Append("</tr>");
        }

        html.Append("</table>");
    }

    private static string Text(string text) => WebUtility.HtmlEncode(text);
}
