using System;
using System.Collections.Generic;
using Earshot.Core.Tcp;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <summary>Which local ports are free. Linux: inet_csk_get_port, __inet_hash_connect.</summary>
internal sealed class PortTable
{
    // Linux has 65536 slots for the whole host; a stack of our own needs fewer.
    private const int PerturbationSlots = 256;
    private const int LargestLeap = 8;

    private readonly StackContext _context;
    private readonly TcpLayer _tcp;
    private readonly Dictionary<ushort, List<Socket>> _bound = [];
    private readonly uint[] _perturbation = new uint[PerturbationSlots];
    private readonly Chance _chance;
    private readonly ulong _k0;
    private readonly ulong _k1;
    private ulong _hashedAddresses;
    private ulong _hashedService;
    private ulong _hashed;

    internal PortTable(StackContext context, TcpLayer tcp)
    {
        _context = context;
        _tcp = tcp;
        _chance = context.Stream(ChanceStream.Ports);
        _k0 = _chance.Next();
        _k1 = _chance.Next();
        for (int i = 0; i < PerturbationSlots; i++)
        {
            _perturbation[i] = _chance.NextUInt32();
        }
    }

    /// <summary>Binds a socket to an address and port; port 0 picks one.</summary>
    /// <returns>0 or -EADDRINUSE.</returns>
    internal int Bind(Socket socket, InetEndpoint local)
    {
        ushort port = local.Port;
        if (port == 0)
        {
            if (!TryPick(socket, local.Address, out port))
            {
                return -Errno.EADDRINUSE;
            }
        }
        else if (Conflicts(socket, local, relax: true))
        {
            return -Errno.EADDRINUSE;
        }

        if (!_bound.TryGetValue(port, out List<Socket>? owners))
        {
            owners = [];
            _bound.Add(port, owners);
        }

        owners.Add(socket);
        socket.HoldsPort = true;
        socket.Local = local with { Port = port };
        return 0;
    }

    /// <summary>Whether listen() must fail: the check that bind() made is made again, now that a listener is
    /// concerned.</summary>
    internal bool ConflictsAtListen(Socket socket) => Conflicts(socket, socket.Local, relax: true);

    /// <summary>Gives a bound port back.</summary>
    internal void Release(Socket socket)
    {
        // An accepted socket has its listener's port and no place here.
        if (!socket.HoldsPort)
        {
            return;
        }

        socket.HoldsPort = false;
        if (_bound.TryGetValue(socket.Local.Port, out List<Socket>? owners) && owners.Remove(socket)
            && owners.Count == 0)
        {
            _bound.Remove(socket.Local.Port);
        }
    }

    /// <summary>Chooses a local port for connect(): even ones first, one port for many destinations.</summary>
    /// <param name="local">The local address.</param>
    /// <param name="remote">The destination.</param>
    /// <param name="tuple">The tuple that nothing has.</param>
    /// <param name="reused">What a TIME_WAIT leaves that gave way.</param>
    /// <returns>0 or -EADDRNOTAVAIL.</returns>
    internal int Choose(
        InetAddress local, InetEndpoint remote, out FourTuple tuple, out (SeqNumber Isn, uint TsRecent)? reused)
    {
        int low = _context.Sysctls.IpLocalPortRange[0];
        int high = _context.Sysctls.IpLocalPortRange[1];
        int step = _context.Profile.EphemeralPortStep;
        int count = high - low + 1;
        count = step == 2 && count > 1 ? count & ~1 : count;
        ref uint perturbation = ref Perturbation(local, remote, out uint hash);
        uint offset = (uint)((perturbation + (ulong)hash) % (uint)count);
        offset = step == 2 ? offset & ~1u : offset;
        for (int pass = 0; pass < step; pass++)
        {
            for (int i = 0; i < count; i += step)
            {
                ushort port = (ushort)(low + ((offset + (uint)(i + pass)) % (uint)count));
                tuple = new FourTuple(new InetEndpoint(local, port), remote);
                if (IsFreeForConnect(port, tuple, out reused))
                {
                    int leap = _context.Profile.EphemeralPortLeaps
                        ? Math.Max(i, (int)_chance.Below(LargestLeap) * step) : i;
                    perturbation += (uint)(leap + step);
                    return 0;
                }
            }
        }

        tuple = default;
        reused = null;
        return -Errno.EADDRNOTAVAIL;
    }

    /// <summary>Whether a bound socket may connect: only the tuple must be free.</summary>
    internal bool IsTupleFree(in FourTuple tuple, bool portWasBound, out (SeqNumber Isn, uint TsRecent)? reused)
    {
        reused = null;
        int handle = _tcp.Table.Find(_tcp.Table.Tag(tuple), tuple);
        if (handle < 0)
        {
            return true;
        }

        if (Handle.Kind(handle) == HandleKind.TimeWait
            && _tcp.TimeWait.TryReuse(Handle.Place(handle), portWasBound, out SeqNumber isn, out uint tsRecent))
        {
            reused = (isn, tsRecent);
            return true;
        }

        return false;
    }

    private ref uint Perturbation(InetAddress local, InetEndpoint remote, out uint hash)
    {
        // The hash changes every ten seconds, so that an observer of one port cannot tell the next.
        ulong tens = _context.Profile.EphemeralPortLeaps ? (ulong)(_context.Now.Nanoseconds / 10_000_000_000) : 0;
        ulong addresses = local.IsIPv4 ? ((ulong)local.Bits << 32) | remote.Address.Bits
            : SipHash.Hash(_k0, _k1, local.High ^ remote.Address.Low, local.Low ^ remote.Address.High);
        ulong service = (tens << 16) | remote.Port;
        if (addresses != _hashedAddresses || service != _hashedService)
        {
            // Programs tend to connect to the same service again.
            _hashed = SipHash.Hash(_k0, _k1, addresses, service);
            _hashedAddresses = addresses;
            _hashedService = service;
        }

        hash = (uint)(_hashed >> 32);
        return ref _perturbation[(int)(_hashed % PerturbationSlots)];
    }

    private bool IsFreeForConnect(
        ushort port, in FourTuple tuple, out (SeqNumber Isn, uint TsRecent)? reused)
    {
        reused = null;
        PortHolds holds = _tcp.Ports;
        bool held = holds.HasChildren
            && (holds.Count(port, PortHold.Child) | holds.Count(port, PortHold.ReusableChild)) != 0;
        return !held && (_bound.Count == 0 || !_bound.ContainsKey(port))
            && IsTupleFree(tuple, portWasBound: false, out reused);
    }

    /// <summary>bind(0): a port that nobody holds, of the parity that connect() takes last.</summary>
    private bool TryPick(Socket socket, InetAddress address, out ushort port)
    {
        int low = _context.Sysctls.IpLocalPortRange[0];
        int high = _context.Sysctls.IpLocalPortRange[1];
        int count = high - low + 1;
        int offset = (int)_chance.Below((uint)count) | 1;
        for (int parity = 0; parity < 2; parity++)
        {
            for (int i = 0; i < count; i += 2)
            {
                port = (ushort)(low + ((offset + i + parity) % count));
                if (!Conflicts(socket, new InetEndpoint(address, port), relax: false)
                    && _tcp.Ports.Count(port, PortHold.Chosen) == 0)
                {
                    return true;
                }
            }
        }

        port = 0;
        return false;
    }

    /// <summary>The conflict predicate. Linux: inet_csk_bind_conflict.</summary>
    private bool Conflicts(Socket socket, InetEndpoint local, bool relax)
    {
        bool reuse = socket.Options.ReuseAddress;
        PortHolds holds = _tcp.Ports;
        if (holds.Count(local.Port, PortHold.Child) > 0 || holds.Count(local.Port, PortHold.Chosen) > 0
            || (holds.Count(local.Port, PortHold.ReusableChild) > 0 && !(reuse && relax)))
        {
            return true;
        }

        if (!_bound.TryGetValue(local.Port, out List<Socket>? owners))
        {
            return false;
        }

        foreach (Socket other in owners)
        {
            bool overlap = local.Address.IsAny || other.Local.Address.IsAny || local.Address == other.Local.Address;
            bool relaxed = relax && reuse && other.Options.ReuseAddress && other.Listener is null;
            if (other != socket && overlap && !relaxed)
            {
                return true;
            }
        }

        return false;
    }
}
