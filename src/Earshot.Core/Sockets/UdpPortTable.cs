using System.Collections.Generic;
using Earshot.Core.Ip;
using Earshot.Core.Tcp;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <summary>Which UDP ports are open: a datagram to one is taken and lost, to any other it is answered with port
/// unreachable. Linux: udp_lib_get_port.</summary>
internal sealed class UdpPortTable : IUdpPorts
{
    private readonly StackContext _context;
    private readonly PortTable _ports;
    private readonly Chance _chance;
    private readonly Dictionary<ushort, List<Socket>> _bound = [];

    internal UdpPortTable(StackContext context, PortTable ports, Chance chance)
    {
        _context = context;
        _ports = ports;
        _chance = chance;
    }

    /// <summary>Binds a socket; port 0 picks one.</summary>
    /// <returns>0 or -EADDRINUSE.</returns>
    internal int Bind(Socket socket, InetEndpoint local)
    {
        PortOwner owner = PortOwner.Of(local.Address, socket.Options);
        ushort port = local.Port;
        if (port == 0 ? !TryPick(socket, owner, out port) : Conflicts(owner, port))
        {
            return -Errno.EADDRINUSE;
        }

        if (!_bound.TryGetValue(port, out List<Socket>? sockets))
        {
            _bound.Add(port, sockets = []);
        }

        sockets.Add(socket);
        socket.Port = port;
        return 0;
    }

    /// <summary>Gives a port back.</summary>
    internal void Release(Socket socket)
    {
        if (socket.Port != 0 && _bound.TryGetValue(socket.Port, out List<Socket>? sockets)
            && sockets.Remove(socket) && sockets.Count == 0)
        {
            _bound.Remove(socket.Port);
        }

        socket.Port = 0;
    }

    /// <inheritdoc/>
    public bool IsOpen(in InetAddress address, ushort port, int @interface)
    {
        if (_bound.Count == 0 || !_bound.TryGetValue(port, out List<Socket>? sockets))
        {
            return false;
        }

        var wanted = new PortOwner(address, !address.IsIPv4, false, false, false, 0, 0, false, false);
        foreach (Socket socket in sockets)
        {
            int device = socket.Options.Device;
            if ((device == 0 || device == @interface)
                && wanted.Overlaps(PortOwner.Of(socket.Local.Address, socket.Options))
                && (address.IsIPv4 || socket.Options.IsIPv6))
            {
                return true;
            }
        }

        return false;
    }

    /// <inheritdoc/>
    public DatagramErrorUse OnIcmpError(in DatagramError error)
    {
        InetEndpoint local = error.Message.Tuple.Local;
        return IsOpen(local.Address, local.Port, error.Interface)
            ? DatagramErrorUse.TakenWithMtu : DatagramErrorUse.NoSocket;
    }

    private bool TryPick(Socket socket, in PortOwner owner, out ushort port)
    {
        // A random start, then the whole range.
        _ports.Range(socket.Options, out int low, out int high);
        int count = high - low + 1;
        int first = (int)_chance.Below((uint)count);
        for (int i = 0; i < count; i++)
        {
            port = (ushort)(low + ((first + i) % count));
            if (!_context.Sysctls.IsReserved(port) && !Conflicts(owner, port))
            {
                return true;
            }
        }

        port = 0;
        return false;
    }

    private bool Conflicts(in PortOwner owner, ushort port)
    {
        if (!_bound.TryGetValue(port, out List<Socket>? sockets))
        {
            return false;
        }

        foreach (Socket socket in sockets)
        {
            PortOwner other = PortOwner.Of(socket.Local.Address, socket.Options);
            bool devices = owner.Device == 0 || other.Device == 0 || owner.Device == other.Device;
            bool shared = (owner.ReuseAddress && other.ReuseAddress)
                || (owner.ReusePort && other.ReusePort && owner.Uid == other.Uid);
            if (devices && !shared && owner.Overlaps(other))
            {
                return true;
            }
        }

        return false;
    }
}
