using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Earshot.Core.Ip;
using Earshot.Core.Ip.Neighbors;
using Earshot.Core.Profiles;
using Earshot.Core.Sockets;
using Earshot.Core.Tcp;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Time;
using Earshot.Core.Wire;

// Views and headers are filled before they are read; zeroing them first costs several nanoseconds a packet.
[module: System.Runtime.CompilerServices.SkipLocalsInit]

namespace Earshot.Core;

/// <summary>One host's TCP/IP: packets and the time in, packets and events out. No thread, no clock, no I/O.</summary>
/// <remarks>
/// The order of a turn: <see cref="OnTimer"/>, <see cref="OnPackets"/>, calls on <see cref="Calls"/>, and after each of
/// them <see cref="TryTransmit"/> and <see cref="TryTakeEvent"/> until they say no; then wait until
/// <see cref="NextTimer"/> or the next packet. Linux: struct net.
/// </remarks>
public sealed partial class NetworkStack : IDisposable
{
    private readonly StackContext _context;
    private readonly RouteTable _routes;
    private readonly IpOutput _output;
    private readonly TcpLayer _tcp;
    private readonly IpLayer _ip;
    private readonly EthernetLayer? _ethernet;
    private readonly PacketQueue _deferred = new(int.MaxValue);
    private readonly List<LedgerEntry> _verdicts = [];
    private PacketTap? _tap;
    private bool _transmitting;

    /// <summary>Makes a stack.</summary>
    /// <param name="options">What it is made from.</param>
    /// <param name="now">The moment at which its clock starts.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public NetworkStack(StackOptions options, Instant now)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.TransmitQueueLimit, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(options.FirstDescriptor);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.DescriptorLimit, options.FirstDescriptor);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.RequestLimit, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.PieceTime, TimeSpan.Zero);
        Options = options;
        _context = new StackContext(options, now);
        _routes = new RouteTable(_context);
        _output = new IpOutput(_context);
        _tcp = new TcpLayer(_context, _routes, _output);
        Calls = new SocketCalls(this, _context, _tcp, _routes, _output);
        _ip = new IpLayer(_context, _routes, _output, _tcp, _tcp.Timers, Calls.UdpPorts);
        if (EthernetLayer.IsNeeded(options))
        {
            _ethernet = new EthernetLayer(_context, _routes, _output, _tcp.Timers, _ip);
            _ip.LinkTimers = _ethernet;
            _ip.Icmp6.Discovery = _ethernet;
        }
    }

    /// <summary>What the stack was made from.</summary>
    public StackOptions Options { get; }

    /// <summary>The kernel that it behaves like.</summary>
    public KernelProfile Profile => _context.Profile;

    /// <summary>The moment of the last call that told the time.</summary>
    public Instant Now => _context.Now;

    /// <summary>The ways to its peers.</summary>
    internal RouteTable Routes => _routes;

    /// <summary>Its tunables.</summary>
    public Sysctls Sysctls => _context.Sysctls;

    /// <summary>Its counters.</summary>
    public Mib Mib => _context.Mib;

    /// <summary>Why everything happened.</summary>
    public Ledger Ledger => _context.Ledger;

    /// <summary>What the kernel would have written to its log.</summary>
    public KernelLog Log => _context.Log;

    /// <summary>The socket calls.</summary>
    public SocketCalls Calls { get; }

    /// <summary>Packets that wait for <see cref="TryTransmit"/>.</summary>
    public int TransmitQueueLength => _output.Outbox.Count - (_transmitting ? 1 : 0);

    /// <summary>Packets dropped on their way out because a queue held its limit.</summary>
    public long TransmitDropped => _output.Dropped;

    /// <summary>Bytes that requests, TIME_WAIT entries and their index take.</summary>
    public long TableBytes => _tcp.Table.Bytes;

    /// <summary>Bytes outside of the garbage collector's heap that belong to connections: what is written down of quiet
    /// ones, and timers.</summary>
    internal long ConnectionBytes => _tcp.Traffics.BytesWrittenDown + _tcp.Timers.Bytes;

    /// <summary>Connections of which everything is at hand, and those of which it is written down.</summary>
    internal (int AtHand, int WrittenDown) Traffics => (_tcp.Traffics.Rented, _tcp.Traffics.WrittenDown);

    /// <summary>Sockets that programs hold, whatever their state.</summary>
    public int DescriptorCount => Calls.Descriptors.SocketCount;

    /// <summary>Datagram sockets that programs hold, bound or not.</summary>
    public int DatagramSocketCount => Calls.Descriptors.DatagramCount;

    /// <summary>What waits for fragments that are missing.</summary>
    public FragmentUsage WaitingFragments(bool isIPv6) => _ip.FragmentsOf(isIPv6);

    /// <summary>Connections that no program holds any more and that are not over yet.</summary>
    public int OrphanCount => _tcp.OrphanCount;

    /// <summary>What it holds now.</summary>
    public StackUsage Usage
    {
        get
        {
            int connections = 0;
            for (int slot = 0; slot < _tcp.Table.IndexSize; slot++)
            {
                int handle = _tcp.Table.HandleAt(slot);
                connections += handle >= 0 && Handle.Kind(handle) == HandleKind.Connection ? 1 : 0;
            }

            return new StackUsage(
                connections, _tcp.Table.Requests.Count, _tcp.Table.TimeWaits.Count, _tcp.Timers.Wheel.Count,
                _context.Buffers.RentedBytes, _ip.FragmentMemory);
        }
    }

    /// <summary>Sees every packet; null (the default) costs nothing.</summary>
    public PacketTap? Tap
    {
        get => _tap;
        set
        {
            _tap = value;
            _output.IsTapped = value is not null;
        }
    }

    /// <summary>Is told each change of a socket's state; null (the default) costs a comparison.</summary>
    public StateObserver? Observer
    {
        get => _context.Observer;
        set => _context.Observer = value;
    }

    /// <summary>Whether duplicate address detection (RFC 4862 §5.4) is not over for an own address, which takes up to
    /// two seconds from the start or the address on: bind() refuses the address until then, and connect() over IPv6,
    /// if there is no other, both with EADDRNOTAVAIL.</summary>
    public bool IsCheckingAddresses
    {
        get
        {
            foreach (ref readonly OwnAddress own in _routes.Addresses.All)
            {
                if ((own.Flags & AddressFlags.Tentative) != 0)
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>When <see cref="OnTimer"/> next has something to do; null: never, unless a packet or a call
    /// comes.</summary>
    public Instant? NextTimer
    {
        get
        {
            PreciseTimers precise = _tcp.Timers.Precise;
            Instant? next = _tcp.Timers.Wheel.TryNext(out long jiffy) ? Later(_context.Clock.Start(jiffy)) : null;
            return precise.Count > 0 && (next is null || precise.Next < next) ? Later(precise.Next) : next;
        }
    }

    private const int PrefetchedPackets = 16;

    /// <summary>Takes packets in, all at one moment, after the timers that were due by then.</summary>
    /// <param name="batch">The packets; the stack only reads them.</param>
    /// <param name="now">The moment; one before <see cref="Now"/> counts as <see cref="Now"/>.</param>
    public void OnPackets(PacketBatch batch, Instant now)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (now > _context.Now)
        {
            // What was due before the packets came is done before they are looked at.
            OnTimer(now);
        }

        for (int i = 0; i < batch.Count; i++)
        {
            // What lookups will touch is fetched for some packets before the first of them is judged: for more, the
            // cache's first level would have no room.
            if (i % PrefetchedPackets == 0 && batch.Count > 1 && _ethernet is null)
            {
                Prefetch(batch, i, Math.Min(i + PrefetchedPackets, batch.Count));
            }

            TakeIn(batch.Bytes(i), batch.Interface(i), batch.Info(i));
            if (_output.Loopback.Count > 0)
            {
                Drain(null);
            }
        }
    }

    /// <summary>Takes one packet in, at the present; the stack only reads it.</summary>
    /// <param name="packet">The whole IP packet.</param>
    /// <param name="interface">The interface that it came by: 2 is the first after loopback.</param>
    /// <param name="info">What the link knows about it.</param>
    internal void OnPacket(ReadOnlySpan<byte> packet, int @interface, PacketInfo info)
    {
        TakeIn(packet, @interface, info);
        if (_output.Loopback.Count > 0)
        {
            Drain(null);
        }
    }

    /// <summary>Runs every timer that is due, each at its own time, and moves the clock.</summary>
    /// <param name="now">The moment; one before <see cref="Now"/> counts as <see cref="Now"/>.</param>
    public void OnTimer(Instant now)
    {
        TimerWheel wheel = _tcp.Timers.Wheel;
        now = Later(now);
        long present = _context.Clock.At(now);
        PreciseTimers precise = _tcp.Timers.Precise;
        while (true)
        {
            long jiffy = 0;
            bool due = wheel.MayBeDue(present) && wheel.TryNext(out jiffy) && jiffy <= present;
            if (precise.Count > 0 && precise.Next <= now && (!due || precise.Next < _context.Clock.Start(jiffy)))
            {
                _context.Now = Later(precise.Next);
                _tcp.Timers.OnPreciseTimer();
                Drain(null);
                continue;
            }

            if (!due)
            {
                break;
            }

            _context.Now = Later(_context.Clock.Start(jiffy));
            wheel.Run(jiffy);
            Drain(null);
        }

        wheel.Skip(present);
        _context.Now = now;
    }

    /// <summary>Takes the next event.</summary>
    /// <returns>False when there is none.</returns>
    public bool TryTakeEvent(out StackEvent stackEvent) => Calls.Events.TryDequeue(out stackEvent);

    /// <summary>Adds every TCP socket, request and TIME_WAIT entry, in the order in which netstat lists them.</summary>
    /// <param name="rows">Where they go.</param>
    public void CopySockets(ICollection<SocketRow> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        SocketLister.CopySockets(rows, _context, _tcp, Calls.Descriptors);
    }

    /// <summary>Adds every bound datagram socket, in the order of their ports.</summary>
    /// <param name="rows">Where they go.</param>
    public void CopyDatagramSockets(ICollection<DatagramRow> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        SocketLister.CopyDatagrams(rows, Calls.Descriptors);
    }

    /// <summary>Adds what is remembered of the ways to other hosts, the one left longest ago first.</summary>
    /// <param name="rows">Where it goes.</param>
    public void CopyMetrics(ICollection<TcpMetricsRow> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        foreach (TcpMetricsRow row in _tcp.Metrics.Rows)
        {
            rows.Add(row);
        }
    }

    /// <summary>Adds every neighbour of the Ethernet interfaces, as <c>ip neighbour</c> lists them.</summary>
    /// <param name="rows">Where they go.</param>
    public void CopyNeighbors(ICollection<NeighborRow> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        _ethernet?.Neighbors.CopyTo(rows);
    }

    /// <summary>Adds every listener, the oldest first.</summary>
    /// <param name="rows">Where they go.</param>
    public void CopyListeners(ICollection<ListenerRow> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        SocketLister.CopyListeners(rows, _context, _tcp);
    }

    /// <summary>Adds the connections that wait to be accepted, the oldest first.</summary>
    /// <param name="listener">The listener, by its <see cref="ListenerRow.Id"/>; nothing is added when there is
    /// none.</param>
    /// <param name="rows">Where they go.</param>
    public void CopyAcceptQueue(ushort listener, ICollection<QueuedConnection> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        SocketLister.CopyQueue(rows, _tcp, listener);
    }

    /// <summary>Checks what must always hold: counts in queues, sequence spaces, timers, slabs.</summary>
    /// <exception cref="InvariantException">Something does not hold.</exception>
    public void CheckInvariants()
    {
        int requests = 0;
        int unfinished = 0;
        foreach (Tcp.Listening.Listener? listener in _tcp.Listeners)
        {
            requests += listener?.SynQueue.Count ?? 0;
            unfinished += listener?.FastOpenQueue.Unfinished ?? 0;
        }

        int inTable = 0;
        for (int slot = 0; slot < _tcp.Table.IndexSize; slot++)
        {
            int handle = _tcp.Table.HandleAt(slot);
            if (handle >= 0 && Handle.Kind(handle) == HandleKind.Request)
            {
                inTable++;
            }
            else if (handle >= 0 && Handle.Kind(handle) == HandleKind.Connection)
            {
                _tcp.Table.Connection(handle).CheckInvariants();
            }
        }

        Invariant.Check(
            requests == inTable && requests + unfinished == _tcp.Table.Requests.Count,
            "every request is in one queue");
        Invariant.Check(_output.Loopback.Count == 0, "loopback is drained before a call returns");
    }

    /// <summary>Frees everything; sends nothing.</summary>
    public void Dispose()
    {
        _ip.Dispose();
        _ethernet?.Dispose();
        _tcp.Dispose();
    }

    /// <summary>Delivers what was sent to our own addresses, until nothing is left.</summary>
    /// <param name="owned">The connection that a call works on: what is for it waits until the others are done.</param>
    /// <remarks>
    /// As the kernel's softirq does when a call leaves its critical section, and then the socket backlog.
    /// </remarks>
    internal void Drain(Connection? owned)
    {
        _tcp.Owned = owned;
        PacketQueue loopback = _output.Loopback;
        while (true)
        {
            while (loopback.Count > 0)
            {
                ReadOnlySpan<byte> bytes = loopback.Peek(out int @interface, out PacketInfo info, out Instant time);
                if (!TakeIn(bytes, @interface, info))
                {
                    bytes.CopyTo(_deferred.Reserve(bytes.Length));
                    _deferred.Commit(bytes.Length, @interface, info, time);
                }

                loopback.Drop();
            }

            _tcp.Owned = null;
            if (_deferred.Count == 0)
            {
                break;
            }

            ReadOnlySpan<byte> own = _deferred.Peek(out int from, out PacketInfo what, out _);
            TakeIn(own, from, what);
            _deferred.Drop();
        }

        _tcp.FinishDeferred();
        if (owned is null)
        {
            _tcp.Unblock();
        }
    }

    private void Prefetch(PacketBatch batch, int from, int to)
    {
        for (int i = from; i < to && _tcp.Table.IsLarge; i++)
        {
            _tcp.Table.Prefetch(batch.Bytes(i));
        }

        _tcp.Table.Listeners.Prefetch(batch, from, to);
    }

    private Instant Later(Instant moment) => moment > _context.Now ? moment : _context.Now;

    private bool Input(ReadOnlySpan<byte> bytes, int @interface, PacketInfo info) =>
        _ethernet?.Port(@interface) is { } port && !info.IsLoopedBack
            ? _ethernet.OnFrame(bytes, port, info) : _ip.OnPacket(bytes, @interface, info);

    // A capture shows IP packets, of whichever link.
    private bool TryStrip(ref ReadOnlySpan<byte> bytes, int @interface, PacketInfo info)
    {
        if (_ethernet?.Port(@interface) is null || info.IsLoopedBack)
        {
            return true;
        }

        bool isIp = EthernetFrame.TryParse(bytes, out EthernetFrame frame)
            && frame.Type is EthernetFrame.TypeIPv4 or EthernetFrame.TypeIPv6;
        bytes = isIp ? frame.Payload : bytes;
        return isIp;
    }

    private bool TakeIn(ReadOnlySpan<byte> bytes, int @interface, PacketInfo info)
    {
        if (_tap is null)
        {
            return Input(bytes, @interface, info);
        }

        long before = Ledger.Count;
        bool taken = Input(bytes, @interface, info);
        if (taken && TryStrip(ref bytes, @interface, info))
        {
            _verdicts.Clear();
            Ledger.CopySince(before, _verdicts);
            _tap(new TappedPacket(
                bytes, Now, @interface, outbound: false, info, CollectionsMarshal.AsSpan(_verdicts)));
        }

        return taken;
    }
}
