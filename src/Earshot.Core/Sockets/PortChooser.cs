using System;
using Earshot.Core.Tcp;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <summary>Which local port connect() chooses. Linux: __inet_hash_connect.</summary>
internal sealed class PortChooser
{
    // Linux has 65536 slots for the whole host; a stack of our own needs fewer.
    private const int PerturbationSlots = 256;
    private const int LargestLeap = 8;

    private readonly StackContext _context;
    private readonly TcpLayer _tcp;
    private readonly PortTable _ports;
    private readonly uint[] _perturbation = new uint[PerturbationSlots];
    private readonly Chance _chance;
    private readonly ulong _k0;
    private readonly ulong _k1;
    private InetAddress _hashedLocal;
    private InetEndpoint _hashedRemote;
    private ulong _hashedTens = ulong.MaxValue;
    private ulong _hashed;

    internal PortChooser(StackContext context, TcpLayer tcp, PortTable ports, Chance chance)
    {
        _context = context;
        _tcp = tcp;
        _ports = ports;
        _chance = chance;
        _k0 = _chance.Next();
        _k1 = _chance.Next();
        for (int i = 0; i < PerturbationSlots; i++)
        {
            _perturbation[i] = _chance.NextUInt32();
        }
    }

    /// <summary>Chooses a local port for connect(): even ones first, one port for many destinations.</summary>
    /// <param name="options">The socket's options.</param>
    /// <param name="local">The local address.</param>
    /// <param name="remote">The destination.</param>
    /// <param name="tuple">The tuple that nothing has.</param>
    /// <param name="reused">What a TIME_WAIT leaves that gave way.</param>
    /// <returns>0 or -EADDRNOTAVAIL.</returns>
    internal int Choose(
        in SocketOptions options, InetAddress local, InetEndpoint remote, out FourTuple tuple,
        out (SeqNumber Isn, uint TsRecent)? reused)
    {
        int step = _ports.Range(options, out int low, out int high) ? 1 : _context.Profile.EphemeralPortStep;
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
                if (!_context.Sysctls.IsReserved(port) && _ports.IsFreeForConnect(port)
                    && IsTupleFree(tuple, portWasBound: false, out reused))
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
        if (tens != _hashedTens || remote != _hashedRemote || local != _hashedLocal)
        {
            // Programs tend to connect to the same service again.
            _hashed = local.IsIPv4 && remote.Address.IsIPv4
                ? ((ulong)local.Bits << 32) | remote.Address.Bits
                : SipHash.Hash(_k0, _k1, SipHash.Hash(_k0, _k1, local.High, local.Low),
                    SipHash.Hash(_k1, _k0, remote.Address.High, remote.Address.Low));
            _hashed = SipHash.Hash(_k0, _k1, _hashed, (tens << 16) | remote.Port);
            _hashedTens = tens;
            _hashedLocal = local;
            _hashedRemote = remote;
        }

        hash = (uint)(_hashed >> 32);
        return ref _perturbation[(int)(_hashed % PerturbationSlots)];
    }
}
