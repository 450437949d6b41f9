using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
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

    private const int MptcpEvery = 5;
    private const int SysctlsEvery = 5;
    private const int MostExactGets = 64;

    private readonly SockDiag _diag;
    private readonly NamespaceFile _netstat = new("/proc/thread-self/net/netstat");
    private readonly NamespaceFile _snmp = new("/proc/thread-self/net/snmp");
    private readonly NamespaceFile[] _sysctls;
    private readonly CounterFile _netstatNames = new(), _snmpNames = new();
    private readonly List<long> _values = [];
    private readonly Dictionary<ulong, Seen> _seen = [];
    private readonly HashSet<uint> _mptcpInodes = [];
    private readonly RowTaker _takeTcp, _takeUnix, _takeMptcp;
    private int _round, _present;
    private NamespaceDelta? _delta;

    private NamespaceReader(NetNamespace space, SockDiag diag)
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

    /// <summary>How many listeners are known.</summary>
    public int Count => _seen.Count;

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

    /// <summary>Looks at every listener once.</summary>
    /// <param name="withSynRecv">Whether to dump the half-open connections too, which walks the whole table of
    /// connections.</param>
    public NamespaceDelta Read(bool withSynRecv)
    {
        var delta = new NamespaceDelta { Namespace = Namespace, NamespaceCookie = _diag.NamespaceCookie };
        _delta = delta;
        if (_round % MptcpEvery == 0)
        {
            ReadMptcp();
        }

        _round++;
        _present = 0;
        uint listening = DiagProtocol.Mask(TcpState.Listen);
        DumpOutcome v4 = DumpTcp(DiagProtocol.Inet, listening), v6 = DumpTcp(DiagProtocol.Inet6, listening);
        DumpOutcome unix = _diag.DumpUnix(_takeUnix);
        Tell(delta, v4, "IPv4 listeners");
        Tell(delta, v6, "IPv6 listeners");
        Tell(delta, unix, "unix listeners");
        FindGone(delta, v4, v6, unix);
        ReadCounters(delta);
        if ((_round - 1) % SysctlsEvery == 0)
        {
            ReadSysctls(delta);
        }

        if (withSynRecv)
        {
            delta.SynRecv = ReadSynRecv(delta);
        }

        _delta = null;
        return delta;
    }

    /// <summary>The connections of a listener's port that nobody has accepted yet, by cookie; null when the kernel did
    /// not tell.</summary>
    public IReadOnlyList<DiagRow>? Unaccepted(byte family, ushort port)
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
            port);
        return outcome.Answered ? rows : null;
    }

    /// <summary>How many handshakes were completed and how often an accept queue refused, in the whole namespace; null
    /// for what the kernel does not tell.</summary>
    public (long? PassiveOpens, long? ListenOverflows) Totals()
    {
        _snmpNames.Parse(_snmp.Read(), _values);
        long? opens = Value(_snmpNames, Names.PassiveOpens);
        _netstatNames.Parse(_netstat.Read(), _values);
        return (opens, Value(_netstatNames, Names.ListenOverflows));
    }

    public void Dispose()
    {
        _diag.Dispose();
        _netstat.Dispose();
        _snmp.Dispose();
        foreach (NamespaceFile file in _sysctls)
        {
            file.Dispose();
        }
    }

    private long? Value(CounterFile file, string name)
    {
        for (int i = 0; i < file.Keys.Count && i < _values.Count; i++)
        {
            if (file.Keys[i] == name)
            {
                return _values[i];
            }
        }

        return null;
    }

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

    private DumpOutcome DumpTcp(byte family, uint states) =>
        _diag.Dump(family, DiagProtocol.Tcp, states, _takeTcp, extensions: DiagProtocol.WithDrops);

    private void ReadMptcp()
    {
        _mptcpInodes.Clear();
        uint listening = DiagProtocol.Mask(TcpState.Listen);

        // A kernel without MPTCP refuses, and then there is none.
        if (_diag.Dump(DiagProtocol.Inet, DiagProtocol.Mptcp, listening, _takeMptcp).Answered)
        {
            _diag.Dump(DiagProtocol.Inet6, DiagProtocol.Mptcp, listening, _takeMptcp);
        }
    }

    private void TakeTcp(ReadOnlySpan<byte> message)
    {
        if (message.Length < DiagRow.Length || (TcpState)message[1] != TcpState.Listen)
        {
            return;
        }

        (ulong cookie, uint queue, uint limit) = DiagRow.Hot(message);
        uint? drops = DiagRow.HotDrops(message);
        ref Seen seen = ref CollectionsMarshal.GetValueRefOrAddDefault(_seen, cookie, out bool known);
        if (!known)
        {
            _ = DiagRow.TryParse(message, out DiagRow row);
            seen.Cold = new Cold
            {
                Kind = ListenerKind.Tcp,
                Family = row.Family,
                Address = row.Source,
                Port = row.Port,
                Interface = row.Interface,
                Total = drops,
            };
            _delta!.Added.Add(ListenerFacts.Of(row, _mptcpInodes.Contains(row.Inode)));
        }
        else if (queue == seen.Queue && limit == seen.Limit && drops == seen.RawDrops)
        {
            Mark(ref seen);
            return;
        }
        else if (drops is { } now && seen.RawDrops is { } before)
        {
            seen.Cold.Total += unchecked(now - before);
        }

        Keep(ref seen, cookie, queue, limit, drops);
    }

    private void TakeUnix(ReadOnlySpan<byte> message)
    {
        if (!UnixRow.TryParse(message, out UnixRow row))
        {
            return;
        }

        ref Seen seen = ref CollectionsMarshal.GetValueRefOrAddDefault(_seen, row.Cookie, out bool known);
        if (!known)
        {
            seen.Cold = new Cold { Kind = ListenerKind.Unix };
            _delta!.Added.Add(ListenerFacts.Of(row));
        }
        else if (row.Queue == seen.Queue && row.Limit == seen.Limit)
        {
            Mark(ref seen);
            return;
        }

        // A unix listener has no counter of drops: unknown, not 0.
        Keep(ref seen, row.Cookie, row.Queue, row.Limit, null);
    }

    private void Keep(ref Seen seen, ulong cookie, uint? queue, uint? limit, uint? drops)
    {
        seen.Queue = queue;
        seen.Limit = limit;
        seen.RawDrops = drops;
        Mark(ref seen);
        _delta!.Changed.Add(
            new ListenerChange(cookie, queue, limit, drops is null ? null : seen.Cold.Total, queue, queue));
    }

    // A dump may give a socket twice.
    private void Mark(ref Seen seen)
    {
        _present += seen.Round == _round ? 0 : 1;
        seen.Round = _round;
    }

    // A dump may miss a socket that is still there: gone is only what two dumps in a row or an exact query do not find.
    private void FindGone(NamespaceDelta delta, DumpOutcome v4, DumpOutcome v6, DumpOutcome unix)
    {
        if (_present == _seen.Count)
        {
            return;
        }

        int asked = 0;
        foreach ((ulong cookie, Seen seen) in _seen)
        {
            Cold cold = seen.Cold;
            DumpOutcome outcome = cold.Kind == ListenerKind.Unix ? unix : cold.Family == DiagProtocol.Inet ? v4 : v6;
            if (seen.Round == _round || !outcome.Answered)
            {
                continue;
            }

            if (_round - seen.Round >= 2)
            {
                delta.Gone.Add(cookie);
            }
            else if (cold.Kind != ListenerKind.Unix && asked++ < MostExactGets && Find(cold) == Presence.NobodyListens)
            {
                delta.Gone.Add(cookie);
            }
        }

        delta.Gone.ForEach(cookie => _seen.Remove(cookie));
    }

    private Presence Find(Cold seen)
    {
        Span<byte> request = stackalloc byte[DiagProtocol.RequestLength];
        DiagProtocol.WriteGet(
            request, seen.Family, seen.Address, seen.Port, 1, seen.Interface, DiagProtocol.NoCookie);
        if (_diag.Gets.Send(request) != 0 || _diag.Gets.ReceiveMany() != 1)
        {
            _diag.Gets.Drain();
            return Presence.Unknown;
        }

        ReadOnlySpan<byte> answer = _diag.Gets.Answer(0);
        return DiagProtocol.TryNext(ref answer, out DiagMessage kind, out _, out int error)
            && kind == DiagMessage.Error && error == Errno.NoEntry
            ? Presence.NobodyListens
            : Presence.Unknown;
    }

    private void ReadCounters(NamespaceDelta delta)
    {
        ReadOnlySpan<byte> netstat = _netstat.Read();
        if (netstat.IsEmpty)
        {
            delta.Unknown.Add("the counters of /proc/net/netstat cannot be read");
            return;
        }

        var counters = new Dictionary<string, long>(512);
        _netstatNames.Parse(netstat, _values);
        Add(counters, _netstatNames.Keys, _values);
        _snmpNames.Parse(_snmp.Read(), _values);
        Add(counters, _snmpNames.Keys, _values);
        delta.Counters = counters;
    }

    private static void Add(Dictionary<string, long> counters, IReadOnlyList<string> keys, List<long> values)
    {
        for (int i = 0; i < keys.Count && i < values.Count; i++)
        {
            counters[keys[i]] = values[i];
        }
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

    private enum Presence
    {
        Unknown,
        NobodyListens,
    }

    // What is compared with each row lies close together; the rest is looked at only when something changed.
    private struct Seen
    {
        public Cold Cold;
        public uint? Queue;
        public uint? Limit;
        public uint? RawDrops;
        public int Round;
    }

    private sealed class Cold
    {
        public required ListenerKind Kind { get; init; }

        public byte Family { get; init; }

        public ushort Port { get; init; }

        public uint Interface { get; init; }

        public UInt128 Address { get; init; }

        public ulong? Total { get; set; }
    }
}
