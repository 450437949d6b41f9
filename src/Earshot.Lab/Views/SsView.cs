using System;
using System.Collections.Generic;
using Earshot.Core;
using Earshot.Core.Wire;

namespace Earshot.Lab.Views;

/// <summary>Sockets as <c>ss -nt</c> of iproute2 6.1 lists them when it does not write to a terminal.</summary>
public static class SsView
{
    private static readonly string[] StateNames =
    [
        "UNKNOWN", "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "UNCONN", "CLOSE-WAIT",
        "LAST-ACK", "LISTEN", "CLOSING",
    ];

    private static readonly Cells Heading =
        new("Netid", "State", "Recv-Q", "Send-Q", "Local Address", "Port", "Peer Address", "Port", "Process");

    /// <summary>The name of a state as ss prints it, such as <c>SYN-RECV</c>.</summary>
    public static string StateName(TcpState state) => StateNames[(int)state];

    /// <summary>The whole table: the heading and a line for each row that is selected, datagram sockets first, then
    /// listeners.</summary>
    /// <param name="rows">The sockets.</param>
    /// <param name="selection">
    /// Which of the rows to show; without listeners ss also leaves out requests and TIME_WAIT.
    /// </param>
    /// <param name="options">What to show beside the addresses.</param>
    public static IEnumerable<string> Table(
        IEnumerable<SocketRow> rows, SocketSelection selection = SocketSelection.Connections,
        SsOptions options = SsOptions.None)
    {
        List<Cells> lines = options.HasFlag(SsOptions.NoHeading) ? [] : [Heading];
        List<Cells> listeners = [], others = [];

        // Where there can be one state only, its column is left out.
        bool hasKinds = options.HasFlag(SsOptions.Netid);
        bool hasStates = selection != SocketSelection.Connections || !options.HasFlag(SsOptions.NoStreams);
        foreach (SocketRow row in rows)
        {
            if (IsSelected(row, selection))
            {
                (row.IsDatagram ? lines : row.State == TcpState.Listen ? listeners : others)
                    .Add(CellsOf(row, options));
            }
        }

        lines.AddRange(listeners);
        lines.AddRange(others);
        return Align(lines, hasKinds, hasStates);
    }

    /// <summary>Whether <c>ss</c> shows a row.</summary>
    internal static bool IsSelected(in SocketRow row, SocketSelection selection) =>
        NetstatView.IsSelected(row, selection) && (selection == SocketSelection.All || IsOpen(row));

    /// <summary>Recv-Q and Send-Q: of a listener ss shows the backlog as its Send-Q; a request has neither
    /// queue.</summary>
    internal static (long Receive, long Send) Queues(in SocketRow row) => row switch
    {
        { State: TcpState.Listen } => (row.ReceiveQueue, row.Backlog),
        { State: TcpState.SynRecv, Detail: null } => (0, 0),
        _ => (row.ReceiveQueue, row.SendQueue),
    };

    private static bool IsOpen(in SocketRow row) =>
        row.State is not (TcpState.SynRecv or TcpState.TimeWait or TcpState.Close)
            || row is { IsDatagram: true, State: TcpState.Close };

    private static Cells CellsOf(in SocketRow row, SsOptions options)
    {
        (long receive, long send) = Queues(row);
        return new Cells(
            row.IsDatagram ? "udp" : "tcp", StateName(row.State), receive.ToString(), send.ToString(),
            Address(row, row.Local.Address), Port(row.Local), Address(row, row.Remote.Address), Port(row.Remote),
            SsProcess.Cell(row, options));
    }

    // A wildcard that takes IPv4 too is written *.
    private static string Address(in SocketRow row, InetAddress address)
    {
        if (!row.IsIpv6)
        {
            return address.ToString();
        }

        return address == InetAddress.IPv6Any ? (row.IsIpv6Only ? "[::]" : "*")
            : address.IsIPv4 ? $"[::ffff:{address}]" : $"[{address}]";
    }

    private static string Port(InetEndpoint endpoint) => endpoint.Port == 0 ? "*" : endpoint.Port.ToString();

    private static IEnumerable<string> Align(List<Cells> lines, bool hasKinds, bool hasStates)
    {
        const int Queue = 6;
        int kind = 0, state = 0, receive = Queue, send = Queue;
        int local = 0, localPort = 0, peer = 0, peerPort = 0, process = 0;
        foreach (Cells cells in lines)
        {
            kind = Math.Max(kind, cells.Kind.Length);
            state = Math.Max(state, cells.State.Length);
            receive = Math.Max(receive, cells.Receive.Length);
            send = Math.Max(send, cells.Send.Length);
            local = Math.Max(local, cells.Local.Length);
            localPort = Math.Max(localPort, cells.LocalPort.Length);
            peer = Math.Max(peer, cells.Peer.Length);
            peerPort = Math.Max(peerPort, cells.PeerPort.Length);

            // ss forgets the very last cell when it measures.
            process = Math.Max(process, ReferenceEquals(cells, lines[^1]) ? 0 : cells.Process.Length);
        }

        foreach (Cells cells in lines)
        {
            string line = (hasKinds ? cells.Kind.PadRight(kind) + ' ' : "")
                + (hasStates ? cells.State.PadRight(state) + ' ' : "")
                + cells.Receive.PadRight(receive) + ' ' + cells.Send.PadRight(send) + ' '
                + cells.Local.PadLeft(local) + ':'
                + cells.LocalPort.PadRight(localPort) + ' ' + cells.Peer.PadLeft(peer) + ':'
                + cells.PeerPort.PadRight(peerPort) + cells.Process.PadRight(process);

            // With -m and -i the last cell holds a line's end.
            foreach (string part in line.Split('\n'))
            {
                yield return part;
            }
        }
    }

    private sealed record Cells(
        string Kind, string State, string Receive, string Send, string Local, string LocalPort, string Peer,
        string PeerPort, string Process);
}
