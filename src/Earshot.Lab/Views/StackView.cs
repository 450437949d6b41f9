using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core;

namespace Earshot.Lab.Views;

/// <summary>Every view of a stack, by the command that shows it: for the command line, the lab and drive.</summary>
public static class StackView
{
    /// <summary>The lines of a view.</summary>
    /// <param name="request">Which view.</param>
    /// <param name="snapshot">The stack.</param>
    /// <exception cref="ArgumentException">There is no such view.</exception>
    public static IEnumerable<string> Lines(ViewRequest request, StackSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(snapshot);
        if (request.Problem() is { } problem)
        {
            throw new ArgumentException(problem, nameof(request));
        }

        if (request.IsJson)
        {
            return ViewJson.Lines(request, snapshot);
        }

        return request.Tool switch
        {
            ViewTool.Netstat when request.Has('s') => NetstatStatistics.Lines(snapshot.Counters, snapshot.Profile),
            ViewTool.Netstat => NetstatView.Table(
                Rows(request, snapshot), snapshot.Profile, request.Selection, request.Has('o'), request.Has('e')),
            ViewTool.Ss => SsView.Table(Rows(request, snapshot), request.Selection, Options(request)),
            ViewTool.Nstat => NstatView.Lines(snapshot, request.Has('z')),
            ViewTool.Proc => ProcNet.Lines(request.Name, snapshot),
            _ => ListenersView.Lines(snapshot),
        };
    }

    /// <summary>The text of several views at one moment.</summary>
    /// <param name="commands">The views, as <see cref="ViewRequest.Parse"/> reads them.</param>
    /// <param name="stack">The stack, on its own thread.</param>
    /// <returns>The text of each, with a line's end after each line.</returns>
    public static IReadOnlyDictionary<string, string> Texts(IReadOnlyList<string> commands, NetworkStack stack)
    {
        ArgumentNullException.ThrowIfNull(commands);
        if (commands.Count == 0)
        {
            return new Dictionary<string, string>();
        }

        StackSnapshot snapshot = StackSnapshot.Of(stack);
        return commands.ToDictionary(
            command => command,
            command => string.Concat(Lines(ViewRequest.Parse(command), snapshot).Select(line => line + "\n")));
    }

    /// <summary>The sockets of the wanted families.</summary>
    internal static IEnumerable<SocketRow> Rows(ViewRequest request, StackSnapshot snapshot) =>
        Kinds(request, snapshot).Where(row => row.IsIpv6
            ? request.Has('6') || !request.Has('4') : request.Has('4') || !request.Has('6'));

    // -t and -u choose; netstat shows both without either, ss here TCP.
    private static IEnumerable<SocketRow> Kinds(ViewRequest request, StackSnapshot snapshot)
    {
        bool datagrams = request.Has('u') || (!request.Has('t') && request.Tool == ViewTool.Netstat);
        bool streams = request.Has('t') || !request.Has('u');
        return (streams ? snapshot.Sockets : []).Concat(
            datagrams ? snapshot.Datagrams.Select(static datagram => datagram.Socket) : []);
    }

    private static SsOptions Options(ViewRequest request) =>
        (request.Has('o') ? SsOptions.Timers : SsOptions.None)
        | (request.Has('e') ? SsOptions.Extended : SsOptions.None)
        | (request.Has('m') ? SsOptions.Memory : SsOptions.None)
        | (request.Has('i') ? SsOptions.Info : SsOptions.None)
        | (request.Has('O') ? SsOptions.OneLine : SsOptions.None)
        | (request.Has('H') ? SsOptions.NoHeading : SsOptions.None)
        | (request.Has('t') && request.Has('u') ? SsOptions.Netid : SsOptions.None)
        | (request.Has('u') && !request.Has('t') ? SsOptions.NoStreams : SsOptions.None);
}
