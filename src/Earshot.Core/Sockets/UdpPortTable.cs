using System.Collections.Generic;
using Earshot.Core.Ip;
using Earshot.Core.Tcp;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <summary>Which UDP ports are open, and whose. Linux: udp_lib_get_port.</summary>
internal sealed partial class UdpPortTable : IUdpPorts
{
    private readonly StackContext _context;
    private readonly RouteTable _routes;
    private readonly PortTable _ports;
    private readonly Chance _chance;
    private readonly Dictionary<ushort, List<Socket>> _bound = [];
    private readonly ulong _key0;
    private readonly ulong _key1;

    internal UdpPortTable(StackContext context, RouteTable routes, PortTable ports, Chance chance)
    {
        _routes = routes;
        _context = context;
        _ports = ports;
        _chance = chance;
        Chance keys = context.Stream(ChanceStream.SocketHash);
        _key0 = keys.Next();
        _key1 = keys.Next();
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
