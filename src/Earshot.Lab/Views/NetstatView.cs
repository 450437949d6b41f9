using System;
using System.Collections.Generic;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Core.Wire;
using Earshot.Lab.Experiments;

namespace Earshot.Lab.Views;

/// <summary>Sockets as <c>netstat -nt</c> lists them, character for character.</summary>
/// <remarks>
/// The text is that of net-tools 2.10; where the profile's distribution came with net-tools 1.60, its wider address
/// columns are used. The order is the order of the rows, which <see cref="NetworkStack.CopySockets"/> makes that of
/// <c>/proc/net/tcp</c>.
/// </remarks>
public static class NetstatView
{
    /// <summary>Columns of an address in net-tools 2.10.</summary>
    public const int AddressWidth = 23;

    /// <summary>Columns of an address in the net-tools 1.60 of the profiles that list requests first.</summary>
    public const int OldAddressWidth = 27;

    private static readonly string[] StateNames =
    [
        "UNKNOWN", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT",
        "LAST_ACK", "LISTEN", "CLOSING",
    ];

    /// <summary>The name of a state as netstat prints it, such as <c>SYN_RECV</c>.</summary>
    public static string StateName(TcpState state) => StateNames[(int)state];

    /// <summary>The whole table: title, heading and a line for each row that is selected.</summary>
    /// <param name="rows">The sockets, in the order in which they are to appear.</param>
    /// <param name="profile">The kernel, which decides the columns' widths.</param>
    /// <param name="selection">Which of the rows to show.</param>
    /// <param name="timers">Whether to add the timer's column (<c>-o</c>).</param>
    /// <param name="owners">Whether to add the columns of user and inode (<c>-e</c>).</param>
    public static IEnumerable<string> Table(
        IEnumerable<SocketRow> rows, KernelProfile profile, SocketSelection selection = SocketSelection.Connections,
        bool timers = false, bool owners = false)
    {
        yield return selection switch
        {
            SocketSelection.All => "Active Internet connections (servers and established)",
            SocketSelection.Listeners => "Active Internet connections (only servers)",
            _ => "Active Internet connections (w/o servers)",
        };
        yield return Columns(
            WidthOf(profile), "Proto", "Recv-Q", "Send-Q", "Local Address", "Foreign Address", "State")
            + (owners ? " User       Inode     " : "") + (timers ? " Timer" : "");

        // It reads one file after the other: tcp, tcp6, udp, udp6.
        foreach ((bool datagram, bool ipv6) in ((bool, bool)[])[
            (false, false), (false, true), (true, false), (true, true)])
        {
            foreach (SocketRow row in rows)
            {
                if (row.IsDatagram == datagram && row.IsIpv6 == ipv6 && IsSelected(row, selection))
                {
                    yield return Line(row, profile, timers, owners);
                }
            }
        }
    }

    /// <summary>The line of one socket.</summary>
    /// <param name="row">The socket.</param>
    /// <param name="profile">The kernel, which decides the columns' widths.</param>
    /// <param name="timer">Whether to add its timer (<c>-o</c>).</param>
    /// <param name="owner">Whether to add its user and inode (<c>-e</c>).</param>
    public static string Line(in SocketRow row, KernelProfile profile, bool timer = false, bool owner = false)
    {
        int width = WidthOf(profile);
        return Columns(
            width, ProtocolName(row), row.ReceiveQueue.ToString(), row.SendQueue.ToString(),
            EndpointText(row.Local, width), EndpointText(row.Remote, width),
            row is { IsDatagram: true, State: TcpState.Close } ? "" : StateName(row.State))
            + (owner ? $" {row.User,-10} {row.Detail?.Inode ?? 0,-10}" : "") + (timer ? " " + TimerText(row) : "");
    }

    /// <summary>The line of one socket of a sample.</summary>
    /// <param name="row">The socket.</param>
    /// <param name="target">The target that was sampled: the profile of that name decides the columns' widths.</param>
    public static string Line(TableRow row, string target) => Columns(
        WidthOf(target), "tcp", row.ReceiveQueue.ToString(), row.SendQueue.ToString(), row.Local, row.Remote,
        row.State);

    /// <summary>Whether <c>grep PORT</c> would let a line through.</summary>
    /// <param name="row">The socket.</param>
    /// <param name="port">The port to look for.</param>
    /// <returns>True when the number stands anywhere in the line, as grep sees it.</returns>
    public static bool Matches(TableRow row, int port) =>
        Line(row, "").Contains($"{port}", StringComparison.Ordinal);

    internal static bool IsSelected(in SocketRow row, SocketSelection selection) => selection switch
    {
        SocketSelection.All => true,
        SocketSelection.Listeners => row.State == TcpState.Listen
            || row is { IsDatagram: true, State: TcpState.Close },
        _ => row.State != TcpState.Listen && row is not { IsDatagram: true, State: TcpState.Close },
    };

    /// <summary>tcp, tcp6, udp or udp6.</summary>
    internal static string ProtocolName(in SocketRow row) => row.IsDatagram
        ? row.IsIpv6 ? "udp6" : "udp" : row.IsIpv6 ? "tcp6" : "tcp";

    private static string Columns(
        int width, string protocol, string receive, string send, string local, string remote, string state)
    {
        string head = protocol != "Proto" ? $"{protocol,-4}  {receive,6} {send,6}" : $"{protocol} {receive} {send}";
        return $"{head} {local.PadRight(width)} {remote.PadRight(width)} {state,-11}";
    }

    private static int WidthOf(string target) =>
        KernelProfile.TryFind(target, out KernelProfile profile) ? WidthOf(profile) : AddressWidth;

    // net-tools 1.60 went with the kernels that list requests first.
    private static int WidthOf(KernelProfile profile) =>
        profile.RequestsListedFirst ? OldAddressWidth : AddressWidth;

    // An address that leaves no room for its port is cut; IPv4 on a socket of AF_INET6 is written as IPv4.
    private static string EndpointText(InetEndpoint endpoint, int width)
    {
        string port = endpoint.Port == 0 ? "*" : endpoint.Port.ToString();
        string address = endpoint.Address.ToString();
        int room = width - 1 - port.Length;
        return $"{(address.Length > room ? address[..room] : address)}:{port}";
    }

    // The times are those of /proc/net/tcp.
    private static string TimerText(in SocketRow row)
    {
        string name = row.Timer switch
        {
            SocketTimer.On => "on",
            SocketTimer.Keepalive => "keepalive",
            SocketTimer.TimeWait => "timewait",
            SocketTimer.Probe => "probe",
            _ => "off",
        };
        long hundredths = ProcNet.Hundredths(row);
        return $"{name} ({hundredths / 100}.{hundredths % 100:00}/{row.Retransmits}/{row.Probes})";
    }
}
