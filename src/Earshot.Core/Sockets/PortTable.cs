using System.Collections.Generic;
using Earshot.Core.Tcp;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <summary>Which local ports bind() and listen() may have. Linux: inet_csk_get_port.</summary>
internal sealed class PortTable
{
    private readonly StackContext _context;
    private readonly PortHolds _holds;
    private readonly Chance _chance;
    private readonly Dictionary<ushort, Bucket> _buckets = [];

    internal PortTable(StackContext context, TcpLayer tcp, Chance chance)
    {
        _context = context;
        _holds = tcp.Ports;
        _chance = chance;
    }

    /// <summary>Binds a socket to an address and port; port 0 picks one.</summary>
    /// <returns>0 or -EADDRINUSE.</returns>
    internal int Bind(Socket socket, InetAddress address, ushort port)
    {
        PortOwner owner = PortOwner.Of(address, socket.Options);
        if (port == 0)
        {
            if (!TryPick(socket, owner, out port))
            {
                return -Errno.EADDRINUSE;
            }
        }
        else if (!MatchesFast(socket, owner, port) && Conflicts(socket, owner, port, relax: true, reusePort: true))
        {
            return -Errno.EADDRINUSE;
        }

        Bucket bucket = BucketOf(port);
        Remember(socket, owner, bucket);
        bucket.Sockets.Add(socket);
        socket.Port = port;
        return 0;
    }

    /// <summary>The check that bind() made is made again, now that a listener is concerned.</summary>
    /// <returns>0 or -EADDRINUSE.</returns>
    internal int ListenOnBound(Socket socket)
    {
        PortOwner owner = PortOwner.Of(socket.Local.Address, socket.Options);
        ushort port = socket.Port;
        if (!MatchesFast(socket, owner, port) && Conflicts(socket, owner, port, relax: true, reusePort: true))
        {
            return -Errno.EADDRINUSE;
        }

        Remember(socket, owner, BucketOf(port));
        return 0;
    }

    /// <summary>Gives a bound port back.</summary>
    internal void Release(Socket socket)
    {
        // An accepted socket has its listener's port and no place here.
        if (socket.Port == 0)
        {
            return;
        }

        if (_buckets.TryGetValue(socket.Port, out Bucket? bucket))
        {
            bucket.Sockets.Remove(socket);
            Forget(socket.Port, bucket);
        }

        socket.Port = 0;
    }

    /// <summary>Whether connect() may choose a port: nobody owns it, or only others whose port was chosen.</summary>
    internal bool IsFreeForConnect(ushort port)
    {
        for (int hold = _holds.First(port); hold != 0; hold = _holds.Next(hold))
        {
            if (!_holds.Owner(hold).IsChosen)
            {
                return false;
            }
        }

        return _buckets.Count == 0 || !_buckets.TryGetValue(port, out Bucket? bucket) || bucket.Sockets.Count == 0;
    }

    /// <summary>The range that automatic ports come from: the sysctl, narrowed by IP_LOCAL_PORT_RANGE. Linux:
    /// inet_sk_get_local_port_range.</summary>
    /// <returns>Whether the socket has a range of its own.</returns>
    internal bool Range(in SocketOptions options, out int low, out int high)
    {
        low = _context.Sysctls.IpLocalPortRange[0];
        high = _context.Sysctls.IpLocalPortRange[1];
        uint own = (uint)OptionValues.Get(options.Others, OptionKey.LocalPortRange);
        if (own == 0)
        {
            return false;
        }

        int least = (int)(own & ushort.MaxValue);
        int most = (int)(own >> 16);
        (low, high) = (least != 0 && least >= low && least <= high ? least : low,
            most != 0 && most >= low && most <= high ? most : high);
        return true;
    }

    /// <summary>Whether an own socket's port may be shared with the last one that set SO_REUSEPORT, without looking at
    /// all others. Linux: sk_reuseport_match.</summary>
    /// <remarks>It can be seen: it remembers what the other was when it was bound.</remarks>
    private bool MatchesFast(Socket socket, in PortOwner owner, ushort port)
    {
        if (!owner.ReusePort || socket.Group is not null || !_buckets.TryGetValue(port, out Bucket? bucket)
            || bucket.Shared is not { } shared || shared.Uid != owner.Uid || IsEmpty(port, bucket))
        {
            return false;
        }

        return shared.Overlaps(owner, otherWildcard: false);
    }

    /// <summary>Linux: inet_csk_update_fastreuse.</summary>
    private void Remember(Socket socket, in PortOwner owner, Bucket bucket)
    {
        if (!owner.ReusePort)
        {
            bucket.Shared = null;
        }
        else if (socket.Group is null)
        {
            bucket.Shared = owner;
        }
    }

    /// <summary>bind(0): a port without conflict, those of the parity that connect() takes last first. Linux:
    /// inet_csk_find_open_port.</summary>
    private bool TryPick(Socket socket, in PortOwner owner, out ushort port)
    {
        if (TryPick(socket, owner, relax: false, out port))
        {
            return true;
        }

        return _context.Sysctls.IpAutobindReuse != 0 && TryPick(socket, owner, relax: true, out port);
    }

    private bool TryPick(Socket socket, in PortOwner owner, bool relax, out ushort port)
    {
        const int LeastForHalves = 4;
        Range(socket.Options, out int low, out int high);
        high++;
        int middle = low + ((high - low) >> 2 << 1);
        if (!owner.ReuseAddress || high - low < LeastForHalves)
        {
            return TryPick(socket, owner, low, high, relax, out port);
        }

        // The lower half is for those who can share a port, should it come to that.
        return TryPick(socket, owner, low, middle, relax, out port)
            || TryPick(socket, owner, middle, high, relax, out port);
    }

    private bool TryPick(Socket socket, in PortOwner owner, int low, int high, bool relax, out ushort port)
    {
        int count = high - low;
        count = count > 1 ? count & ~1 : count;
        int first = (int)_chance.Below((uint)count) | 1;
        for (int offset = first; offset >= first - 1; offset--)
        {
            int candidate = low + offset;
            for (int i = 0; i < count; i += 2, candidate += 2)
            {
                candidate -= candidate >= high ? count : 0;
                port = (ushort)candidate;
                if (!_context.Sysctls.IsReserved(port) && !Conflicts(socket, owner, port, relax, reusePort: false))
                {
                    return true;
                }
            }
        }

        port = 0;
        return false;
    }

    /// <summary>The conflict predicate against every owner of a port. Linux: inet_csk_bind_conflict.</summary>
    private bool Conflicts(Socket socket, in PortOwner owner, ushort port, bool relax, bool reusePort)
    {
        // A socket whose group was formed joins no other, unless the group has closed members.
        bool mayJoin = socket.Group is not { ClosedCount: 0 };
        for (int hold = _holds.First(port); hold != 0; hold = _holds.Next(hold))
        {
            if (owner.Overlaps(_holds.Owner(hold))
                && Conflict(owner, _holds.Owner(hold), isListening: false, relax, reusePort, mayJoin))
            {
                return true;
            }
        }

        if (!_buckets.TryGetValue(port, out Bucket? bucket))
        {
            return false;
        }

        foreach (Socket other in bucket.Sockets)
        {
            if (other == socket)
            {
                continue;
            }

            PortOwner held = PortOwner.Of(other.BoundAddress, other.Options);
            if (owner.Overlaps(held) && Conflict(owner, held, other.Listener is not null, relax, reusePort, mayJoin))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether two overlapping owners exclude each other. Linux: inet_bind_conflict.</summary>
    private static bool Conflict(
        in PortOwner owner, in PortOwner other, bool isListening, bool relax, bool reusePort, bool mayJoin)
    {
        if (owner.Device != 0 && other.Device != 0 && owner.Device != other.Device)
        {
            return false;
        }

        bool share = owner.ReusePort && other.ReusePort && mayJoin && (other.IsTimeWait || owner.Uid == other.Uid);
        return owner.ReuseAddress && other.ReuseAddress && !isListening
            ? !relax || (!reusePort && share) : !reusePort || !share;
    }

    private Bucket BucketOf(ushort port)
    {
        if (!_buckets.TryGetValue(port, out Bucket? bucket))
        {
            bucket = new Bucket();
            _buckets.Add(port, bucket);
        }
        else if (IsEmpty(port, bucket))
        {
            bucket.Shared = null;
        }

        return bucket;
    }

    private bool IsEmpty(ushort port, Bucket bucket) => bucket.Sockets.Count == 0 && _holds.First(port) == 0;

    private void Forget(ushort port, Bucket bucket)
    {
        if (IsEmpty(port, bucket))
        {
            _buckets.Remove(port);
        }
    }

    /// <summary>A port's bound sockets. Linux: inet_bind_bucket.</summary>
    private sealed class Bucket
    {
        internal List<Socket> Sockets { get; } = [];

        /// <summary>The socket with SO_REUSEPORT that was bound last, as it was then. Linux: fastreuseport.</summary>
        internal PortOwner? Shared { get; set; }
    }
}
