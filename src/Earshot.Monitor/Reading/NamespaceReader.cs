using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Monitor.Native;

namespace Earshot.Monitor.Reading;

/// <summary>Reads one network namespace again and again, and tells what changed.</summary>
/// <remarks>Its sockets and files were opened inside the namespace and show it from any thread; they also keep it
/// alive, so close the reader when the namespace's last process is gone.</remarks>
internal sealed class NamespaceReader : IDisposable
{
    /// <summary>The sysctls that decide over listeners.</summary>
    public static readonly IReadOnlyList<string> SysctlNames =
    [
        Names.Somaxconn, Names.MaxSynBacklog, Names.Syncookies, Names.AbortOnOverflow, Names.SynAckRetries,
        Names.MigrateReq,
    ];

    private const int SysctlsEvery = 5;
    private const int MostExactGets = 64;

    private readonly SockDiag _diag;
    private readonly NamespaceFile[] _sysctls;
    private readonly CounterReader _counters = new();
    private readonly SocketCountReader _sockets = new();
    private readonly LookChoice _choice = new();
    private readonly ListenerTable _tcp = new(), _unix = new();
    private readonly HashSet<uint> _mptcpInodes = [];
    private readonly RowTaker _takeTcp, _takeUnix, _takeMptcp;
    private int _round;
    private bool _askedDrops;
    private NamespaceDelta? _delta;

    /// <summary>Makes a reader whose counters and sysctls are of the calling thread's namespace.</summary>
    internal NamespaceReader(NetNamespace space, SockDiag diag)
    {
        Namespace = space;
        _diag = diag;
        _sysctls = [.. SysctlNames.Select(name => new NamespaceFile("/proc/sys/" + name.Replace('.', '/')))];
        _takeTcp = TakeTcp;
        _takeUnix = TakeUnix;
        _takeMptcp = row => _ = DiagRow.TryParse(row, out DiagRow one) && _mptcpInodes.Add(one.Inode);
    }

    public NetNamespace Namespace { get; }

    /// <summary>For exact queries; used by one thread at a time.</summary>
    public SockDiag Diag => _diag;

    /// <summary>How many sockets there are, for the thread that samples peaks.</summary>
    public SocketCountReader PeakSockets { get; } = new();

    /// <summary>How many listeners are known.</summary>
    public int Count => _tcp.Count + _unix.Count;

    /// <summary>How much the last look asked of the TCP listeners.</summary>
    public LookDepth LastDepth { get; private set; }

    /// <summary>Opens a reader inside a namespace.</summary>
    /// <param name="space">The namespace.</param>
    /// <param name="problem">Why there is none.</param>
    public static NamespaceReader? TryOpen(NetNamespace space, out string problem)
    {
        int netlink = 0;
        NamespaceReader? reader = NamespaceEntry.Run(
            space.Path,
            () => SockDiag.TryOpen(out netlink) is { } diag ? new NamespaceReader(space, diag) : null,
            out int entry);
        problem = entry != 0 ? $"namespace {space.Name} cannot be entered ({Errno.Name(entry)})"
            : netlink != 0 ? $"namespace {space.Name}: sock_diag does not open ({Errno.Name(netlink)})"
            : "";
        return reader;
    }

    /// <summary>Looks at the listeners once.</summary>
    /// <param name="withSynRecv">Whether to dump the half-open connections too, which walks the whole table of
    /// connections.</param>
    /// <param name="whole">Whether to ask for everything though no counter says that anything moved.</param>
    /// <param name="now">The time, by which a look is whole now and then; null for always.</param>
    public NamespaceDelta Read(bool withSynRecv, bool whole = true, DateTimeOffset? now = null)
    {
        var delta = new NamespaceDelta { Namespace = Namespace, NamespaceCookie = _diag.NamespaceCookie };
        _delta = delta;

        // Counters first: what happens between them and the dump moves them again, and is looked for the next time.
        delta.Counters = _counters.Read();
        if (delta.Counters is null)
        {
            delta.Unknown.Add("the counters of /proc/net/netstat cannot be read");
        }

        LookDepth depth = _choice.Choose(
            Signs(delta.Counters), _tcp.AnyQueued || _tcp.AnyMissing, whole || now is null, now ?? default);
        if (depth != LookDepth.Nothing)
        {
            ReadTcp(delta, depth == LookDepth.Everything);
        }

        ReadUnix(delta);
        if (_round++ % SysctlsEvery == 0)
        {
            ReadSysctls(delta);
        }

        if (withSynRecv)
        {
            delta.SynRecv = ReadSynRecv(delta);
        }

        LastDepth = depth;
        _delta = null;
        return delta;
    }

    /// <summary>The connections of some ports that nobody has accepted yet, by cookie; null when the kernel did not
    /// tell.</summary>
    /// <param name="family">The listeners' family.</param>
    /// <param name="ports">Their ports, at most <see cref="DiagProtocol.MostPorts"/>.</param>
    public IReadOnlyList<DiagRow>? Unaccepted(byte family, ReadOnlySpan<ushort> ports)
    {
        var rows = new List<DiagRow>();
        DumpOutcome outcome = _diag.Dump(
            family, DiagProtocol.Tcp, DiagProtocol.Mask(TcpState.Established, TcpState.CloseWait),
            bytes =>
            {
                if (DiagRow.TryParse(bytes, out DiagRow row) && row.Inode == 0)
                {
                    rows.Add(row);
                }
            },
            ports);
        return outcome.Answered ? rows : null;
    }

    /// <summary>How many handshakes were completed and how often an accept queue refused, in the whole namespace; null
    /// for what the kernel does not tell.</summary>
    public (long? PassiveOpens, long? ListenOverflows) Totals()
    {
        IReadOnlyDictionary<string, long>? counters = _counters.Read();
        return (Value(counters, Names.PassiveOpens), Value(counters, Names.ListenOverflows));
    }

    public void Dispose()
    {
        _diag.Dispose();
        _counters.Dispose();
        _sockets.Dispose();
        PeakSockets.Dispose();
        foreach (NamespaceFile file in _sysctls)
        {
            file.Dispose();
        }
    }

    private static long? Value(IReadOnlyDictionary<string, long>? counters, string name) =>
        counters is not null && counters.TryGetValue(name, out long value) ? value : null;

    private LookSigns Signs(IReadOnlyDictionary<string, long>? counters) => new(
        Value(counters, Names.PassiveOpens), Value(counters, Names.ListenDrops),
        Value(counters, Names.MigrateSuccess), _sockets.Read().InUse);

    private static void Tell(NamespaceDelta delta, DumpOutcome outcome, string what)
    {
        if (!outcome.Answered)
        {
            delta.Unknown.Add($"{what}: the kernel refused the dump ({Errno.Name(outcome.Error)})");
        }
        else if (!outcome.IsComplete)
        {
            delta.Unknown.Add($"{what}: the table changed during every try; some may be missing");
        }
    }

    private void ReadTcp(NamespaceDelta delta, bool withDrops)
    {
        _tcp.Begin();
        _askedDrops = withDrops;
        DumpOutcome v4 = DumpTcp(DiagProtocol.Inet), v6 = DumpTcp(DiagProtocol.Inet6);
        if (_tcp.SawUnknown)
        {
            // Of a new one everything is asked at once, so that nothing of it is unknown.
            _askedDrops = true;
            (v4, v6) = (DumpTcp(DiagProtocol.Inet), DumpTcp(DiagProtocol.Inet6));
        }

        Tell(delta, v4, "IPv4 listeners");
        Tell(delta, v6, "IPv6 listeners");
        int asked = 0;
        _tcp.FindGone(
            family => (family == DiagProtocol.Inet ? v4 : v6).Answered,
            cold => asked++ < MostExactGets && NobodyListens(cold), delta.Gone);
        MarkMptcp(delta);
    }

    private DumpOutcome DumpTcp(byte family) => _diag.Dump(
        family, DiagProtocol.Tcp, DiagProtocol.Mask(TcpState.Listen), _takeTcp,
        extensions: _askedDrops ? DiagProtocol.WithDrops : (byte)0);

    private void TakeTcp(ReadOnlySpan<byte> message)
    {
        if (message.Length < DiagRow.Length || (TcpState)message[1] != TcpState.Listen)
        {
            return;
        }

        (ulong cookie, uint queue, uint limit) = DiagRow.Hot(message);
        uint? drops = _askedDrops ? DiagRow.HotDrops(message) : null;
        if (_tcp.Take(cookie, queue, limit, drops, _askedDrops, out ListenerChange? change))
        {
            _ = DiagRow.TryParse(message, out DiagRow row);
            _tcp.Place(cookie, row);
            _delta!.Added.Add(ListenerFacts.Of(row, isMptcp: false));
        }

        if (change is { } now)
        {
            _delta!.Changed.Add(now);
        }
    }

    // An MPTCP listener is a TCP row too, of the same inode and another cookie; only the TCP row has its drops.
    private void MarkMptcp(NamespaceDelta delta)
    {
        if (delta.Added.Count == 0)
        {
            return;
        }

        _mptcpInodes.Clear();
        uint listening = DiagProtocol.Mask(TcpState.Listen);

        // A kernel without MPTCP refuses, and then there is none.
        if (_diag.Dump(DiagProtocol.Inet, DiagProtocol.Mptcp, listening, _takeMptcp).Answered)
        {
            _diag.Dump(DiagProtocol.Inet6, DiagProtocol.Mptcp, listening, _takeMptcp);
        }

        for (int i = 0; i < delta.Added.Count && _mptcpInodes.Count > 0; i++)
        {
            if (_mptcpInodes.Contains(delta.Added[i].Inode))
            {
                delta.Added[i] = delta.Added[i] with { Kind = ListenerKind.Mptcp };
            }
        }
    }

    private void ReadUnix(NamespaceDelta delta)
    {
        _unix.Begin();
        DumpOutcome outcome = _diag.DumpUnix(_takeUnix);
        Tell(delta, outcome, "unix listeners");
        _unix.FindGone(_ => outcome.Answered, _ => false, delta.Gone);
    }

    private void TakeUnix(ReadOnlySpan<byte> message)
    {
        if (!UnixRow.TryParse(message, out UnixRow row))
        {
            return;
        }

        // A unix listener has no counter of drops: unknown, not 0.
        if (_unix.Take(row.Cookie, row.Queue, row.Limit, null, true, out ListenerChange? change))
        {
            _delta!.Added.Add(ListenerFacts.Of(row));
        }

        if (change is { } now)
        {
            _delta!.Changed.Add(now);
        }
    }

    private bool NobodyListens(ListenerTable.Cold seen)
    {
        Span<byte> request = stackalloc byte[DiagProtocol.RequestLength];
        DiagProtocol.WriteGet(
            request, seen.Family, seen.Address, seen.Port, 1, seen.Interface, DiagProtocol.NoCookie);
        if (_diag.Gets.Send(request) != 0
            || _diag.Gets.ReceiveDump(static _ => true, out ReadOnlySpan<byte> answer) != 0)
        {
            _diag.Gets.Drain();
            return false;
        }

        return DiagProtocol.TryNext(ref answer, out DiagMessage kind, out _, out int error)
            && kind == DiagMessage.Error && error == Errno.NoEntry;
    }

    private void ReadSysctls(NamespaceDelta delta)
    {
        var sysctls = new Dictionary<string, long>();
        for (int i = 0; i < _sysctls.Length; i++)
        {
            if (_sysctls[i].ReadNumber() is { } value)
            {
                sysctls[SysctlNames[i]] = value;
            }
        }

        delta.Sysctls = sysctls;
    }

    private List<SynRecvGroup>? ReadSynRecv(NamespaceDelta delta)
    {
        var groups = new SynRecvTally();
        foreach (byte family in (byte[])[DiagProtocol.Inet, DiagProtocol.Inet6])
        {
            DumpOutcome outcome = _diag.Dump(
                family, DiagProtocol.Tcp, DiagProtocol.Mask(TcpState.SynRecv), groups.Take);
            Tell(delta, outcome, "half-open connections");
            if (!outcome.Answered)
            {
                return null;
            }
        }

        return groups.Groups();
    }
}
