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
        new("State", "Recv-Q", "Send-Q", "Local Address", "Port", "Peer Address", "Port");

    /// <summary>The whole table: the heading and a line for each row that is selected, listeners first.</summary>
    /// <param name="rows">The sockets.</param>
    /// <param name="selection">
    /// Which of the rows to show; without listeners ss also leaves out requests and TIME_WAIT.
    /// </param>
    public static IEnumerable<string> Table(
        IEnumerable<SocketRow> rows, SocketSelection selection = SocketSelection.Connections)
    {
        List<Cells> lines = [Heading];
        List<Cells> others = [];
        foreach (SocketRow row in rows)
        {
            if (NetstatView.IsSelected(row, selection) && (selection == SocketSelection.All || IsOpen(row.State)))
            {
                (row.State == TcpState.Listen ? lines : others).Add(CellsOf(row));
            }
        }

        lines.AddRange(others);
        return Align(lines);
    }

    private static bool IsOpen(TcpState state) =>
        state is not (TcpState.SynRecv or TcpState.TimeWait or TcpState.Close);

    private static Cells CellsOf(in SocketRow row)
    {
        // Of a listener ss shows the backlog as its Send-Q; a request has neither queue.
        bool request = row.State == TcpState.SynRecv;
        long send = row.State == TcpState.Listen ? row.Backlog : request ? 0 : row.SendQueue;
        long receive = request ? 0 : row.ReceiveQueue;
        return new Cells(
            StateNames[(int)row.State], receive.ToString(), send.ToString(), row.Local.Address.ToString(),
            Port(row.Local), row.Remote.Address.ToString(), Port(row.Remote));
    }

    private static string Port(InetEndpoint endpoint) => endpoint.Port == 0 ? "*" : endpoint.Port.ToString();

    private static IEnumerable<string> Align(List<Cells> lines)
    {
        const string process = "Process";
        int state = 0, receive = 0, send = 0, local = 0, localPort = 0, peer = 0, peerPort = 0;
        foreach (Cells cells in lines)
        {
            state = Math.Max(state, cells.State.Length);
            receive = Math.Max(receive, cells.Receive.Length);
            send = Math.Max(send, cells.Send.Length);
            local = Math.Max(local, cells.Local.Length);
            localPort = Math.Max(localPort, cells.LocalPort.Length);
            peer = Math.Max(peer, cells.Peer.Length);
            peerPort = Math.Max(peerPort, cells.PeerPort.Length);
        }

        foreach (Cells cells in lines)
        {
            string last = ReferenceEquals(cells, Heading) ? process : "";
            yield return cells.State.PadRight(state) + ' ' + cells.Receive.PadRight(receive) + ' '
                + cells.Send.PadRight(send) + ' ' + cells.Local.PadLeft(local) + ':'
                + cells.LocalPort.PadRight(localPort) + ' ' + cells.Peer.PadLeft(peer) + ':'
                + cells.PeerPort.PadRight(peerPort) + last.PadRight(process.Length);
        }
    }

    private sealed record Cells(
        string State, string Receive, string Send, string Local, string LocalPort, string Peer, string PeerPort);
}
