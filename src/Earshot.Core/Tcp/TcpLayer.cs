using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using Earshot.Core.Ip;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Tcp.Established.Sending;
using Earshot.Core.Tcp.Listening;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp;

/// <summary>Segment to socket, or a RST. Linux: tcp_v4_rcv (net/ipv4/tcp_ipv4.c).</summary>
internal sealed partial class TcpLayer : ITransport, IDisposable
{
    private readonly Stack<Connection> _idle = new();
    private readonly List<Connection> _finished = [];
    private readonly Queue<Connection> _blocked = new();
    private readonly Chance _hashes;
    private readonly bool _restsAtOnce;
    private readonly Dictionary<int, byte[]> _savedSyns = [];
    private FirstWindow _firstWindow;

    internal TcpLayer(StackContext context, RouteTable routes, IpOutput ip)
    {
        Context = context;
        Routes = routes;
        Table = new SocketTable(context);
        Output = new TcpOutput(context, routes, ip, Table);
        InitialSequence = new InitialSequence(context.Stream(ChanceStream.InitialSequence));
        _hashes = context.Stream(ChanceStream.SocketHash);
        Metrics = new TcpMetrics(context);
        FastOpenCache = new FastOpenCache(context);
        ChallengeLimit = new ChallengeLimit(context);
        Memory = new TcpMemory(context);
        RequestInput = new RequestInput(this);
        TimeWait = new TimeWait(this);
        Timers = new TcpTimers(context, this);
        Traffics = new TrafficPool(context.Options.BusyConnections);
        _restsAtOnce = context.Options.BusyConnections == 0;
        RulesOf(context.Profile);
        foreach (InterfaceOptions link in context.Options.Interfaces)
        {
            LinkAccounts.IsUsed |= (link.Offload & InterfaceOffload.Completion) != 0;
        }
    }

    internal StackContext Context { get; }

    internal RouteTable Routes { get; }

    internal TcpOutput Output { get; }

    internal SocketTable Table { get; }

    internal TcpTimers Timers { get; }

    internal RequestInput RequestInput { get; }

    internal TimeWait TimeWait { get; }

    internal InitialSequence InitialSequence { get; }

    internal ChallengeLimit ChallengeLimit { get; }

    internal TcpMetrics Metrics { get; }

    /// <summary>The cookies that servers gave.</summary>
    internal FastOpenCache FastOpenCache { get; }

    /// <summary>Where connections rent what they need while something moves.</summary>
    internal TrafficPool Traffics { get; }

    internal PortHolds Ports { get; } = new();

    /// <summary>Where connections rent room for what they know of pieces in flight.</summary>
    internal RingPool<SentSegment> SentSegments { get; } = new();

    /// <summary>Where they rent room for the order of what they sent again.</summary>
    internal RingPool<Resent> Resents { get; } = new();

    internal RingPool<UnsentPiece> UnsentPieces { get; } = new();

    /// <summary>The connection that a socket call works on: segments for it wait until the call is done.</summary>
    internal Connection? Owned { get; set; }

    /// <summary>What links that tell are not done with.</summary>
    internal LinkAccounts LinkAccounts { get; } = new();

    /// <summary>The memory that received packets take.</summary>
    internal TcpMemory Memory { get; }

    /// <summary>Connections without a program, out of the accept queue.</summary>
    internal int OrphanCount { get; set; }

    internal IReadOnlyList<Listener?> Listeners => _listeners;

    /// <summary>Takes an IP packet in that carries TCP.</summary>
    /// <returns>False when it is for <see cref="Owned"/> and must come again after the call.</returns>
    public bool OnPacket(in IpPacket packet, PacketInfo info, int @interface)
    {
        bool trusted = (info.Flags & (PacketFlags.ChecksumGood | PacketFlags.ChecksumPartial)) != 0;
        TcpParseError error = TcpSegment.Parse(packet, trusted, info.SegmentSize, out TcpSegment segment);
        if (error != TcpParseError.None)
        {
            Refuse(packet, error);
            return true;
        }

        ref readonly FourTuple tuple = ref segment.Tuple;
        uint tag = Table.Tag(tuple);
        int handle = Table.Find(tag, tuple);
        if (Owned is not null && handle == Owned.Handle && handle >= 0)
        {
            return false;
        }

        Context.Mib.Count(Counter.TcpInSegs);
        Dispatch(handle, segment, tuple, @interface, tag);
        FinishDeferred();
        return true;
    }

    /// <summary>An ICMP error that quotes one of our segments. Linux: tcp_v4_err.</summary>
    public void OnIcmpError(in DatagramError quoted)
    {
        IcmpError error = quoted.Message;
        int handle = Table.Find(Table.Tag(error.Tuple), error.Tuple);
        if (handle < 0 || Handle.Kind(handle) == HandleKind.TimeWait)
        {
            if (handle < 0)
            {
                Context.Mib.Count(error.IsIPv6 ? Counter.Icmp6InErrors : Counter.IcmpInErrors);
            }

            Context.Judge(error.Tuple, new Verdict(RuleId.IcmpNoSocket));
            return;
        }

        if (Handle.Kind(handle) == HandleKind.Request)
        {
            OnRequestIcmp(Handle.Place(handle), error);
            return;
        }

        Table.Connection(handle).OnIcmpError(quoted);
        FinishDeferred();
    }

    /// <summary>There is no way to a peer. Linux: ip_route_output_flow, ip6_dst_lookup_flow.</summary>
    internal void CountNoRoute(in InetAddress remote) =>
        Context.Mib.Count(remote.IsIPv4 ? Counter.IpOutNoRoutes : Counter.Ip6OutNoRoutes);

    /// <summary>A connection to be filled: a used one if there is one.</summary>
    internal Connection NewConnection()
    {
        if (!_idle.TryPop(out Connection? connection))
        {
            connection = new Connection(this);
            connection.Handle = Table.Place(connection);
        }

        return connection;
    }

    /// <summary>A connection has ended and nobody holds it: it is cleaned once the present event is over.</summary>
    internal void Finish(Connection connection) => _finished.Add(connection);

    /// <summary>Cleans what <see cref="Finish"/> was told of.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void FinishDeferred()
    {
        if (_finished.Count > 0 || _restsAtOnce)
        {
            CleanFinished();
        }
    }

    private void CleanFinished()
    {
        const int KeptConnections = 4096;
        for (int i = 0; i < _finished.Count; i++)
        {
            Connection connection = _finished[i];
            LinkAccounts.Forget(connection);
            connection.JudgeFastOpen();
            connection.Clean();
            if (_idle.Count < KeptConnections)
            {
                // It keeps its place and its timer nodes: the next connection finds them ready.
                _idle.Push(connection);
            }
            else
            {
                connection.FreeTimers();
                Table.FreePlace(connection.Handle);
            }
        }

        _finished.Clear();
        if (_restsAtOnce)
        {
            Traffics.WriteAllDown();
        }
    }

    /// <summary>A connection could not send because a queue was full: it goes on when there is room.</summary>
    internal void Block(Connection connection) => _blocked.Enqueue(connection);

    /// <summary>Lets blocked connections go on; called when a queue has emptied.</summary>
    internal void Unblock()
    {
        for (int i = _blocked.Count; i > 0; i--)
        {
            _blocked.Dequeue().OnUnblocked();
        }
    }

    /// <summary>The keys of Fast Open cookies: a socket's own, or the stack's.</summary>
    internal ReadOnlySpan<byte> FastOpenKeys(in SocketOptions options)
    {
        if (options.FastOpenKeys is { } own)
        {
            return own;
        }

        EnsureFastOpenKey();
        return Context.Sysctls.TcpFastopenKey;
    }

    /// <summary>Draws the stack's Fast Open key if it has none yet. Linux: tcp_fastopen_init_key_once.</summary>
    internal void EnsureFastOpenKey()
    {
        if (Context.Sysctls.TcpFastopenKey is null)
        {
            Chance chance = Context.Stream(ChanceStream.FastOpen);
            byte[] key = new byte[FastOpenKey.Length];
            BinaryPrimitives.WriteUInt64LittleEndian(key, chance.Next());
            BinaryPrimitives.WriteUInt64LittleEndian(key.AsSpan(8), chance.Next());
            Context.Sysctls.TcpFastopenKey = key;
        }
    }

    /// <summary>Keeps the headers of a SYN for TCP_SAVED_SYN.</summary>
    internal void SaveSyn(int place, ReadOnlySpan<byte> headers) => _savedSyns[place] = headers.ToArray();

    /// <summary>The headers of the SYN of a request, or null.</summary>
    internal byte[]? SavedSyn(int place) => _savedSyns.Count == 0 ? null : _savedSyns.GetValueOrDefault(place);

    /// <summary>The window and scale of a SYN-ACK.</summary>
    internal ReceiveWindow FirstWindow(in SocketOptions options, int mss) => _firstWindow.Of(Context, options, mss);

    internal int AdvertisedMss(in Route route, in SocketOptions options) => Output.AdvertisedMss(route, options);

    internal ulong NextListenerHash() => _hashes.Next();

    /// <inheritdoc/>
    public void Dispose()
    {
        Table.Dispose();
        Timers.Dispose();
        Traffics.Dispose();
    }

    private void Dispatch(
        int handle, in TcpSegment segment, in FourTuple tuple, int @interface, uint tag)
    {
        SeqNumber? forcedIsn = null;
        if (handle >= 0)
        {
            switch (Handle.Kind(handle))
            {
                case HandleKind.Connection:
                    Connection connection = Table.Connection(handle);
                    if (!IsTooFar(connection.Options, segment, 0) && !IsForged(connection.Options, segment, 0))
                    {
                        connection.OnSegment(segment);
                        connection.TellMarks();
                    }

                    return;
                case HandleKind.Request:
                    Listener asked = _listeners[Table.Requests[Handle.Place(handle)].Listener]!;
                    if (IsForged(asked.Options, segment, asked.Id)
                        || !RequestInput.OnSegment(Handle.Place(handle), segment, @interface, tag))
                    {
                        return;
                    }

                    break;
                default:
                    if (!TimeWait.OnSegment(Handle.Place(handle), segment, @interface, out forcedIsn))
                    {
                        return;
                    }

                    break;
            }
        }

        Listener? listener = Table.Listeners.Find(tuple, @interface, tag);
        if (listener is not null)
        {
            if (IsTooFar(listener.Options, segment, listener.Id) || IsForged(listener.Options, segment, listener.Id))
            {
                return;
            }

            if (forcedIsn is not null)
            {
                listener.OnSyn(segment, @interface, tag, forcedIsn);
            }
            else
            {
                listener.OnSegment(segment, @interface, tag);
            }

            return;
        }

        bool silent = !TryFindResetKey(segment, @interface, out byte[]? key) || segment.Has(TcpFlags.Rst)
            || Routes.Classify(segment.Destination) != AddressKind.Local;
        Context.Judge(segment, silent ? RuleId.NoSocketSilent : RuleId.NoSocket);
        if (!silent)
        {
            Output.Reset(segment, key);
        }
    }

    /// <summary>Whether a segment has made more hops than IP_MINTTL or IPV6_MINHOPCOUNT allows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsTooFar(in SocketOptions options, in TcpSegment segment, ushort listener) =>
        (options.MinimumTtl | options.MinimumHopLimit) != 0 && DropTooFar(options, segment, listener);

    private bool DropTooFar(in SocketOptions options, in TcpSegment segment, ushort listener)
    {
        byte least = segment.Source.IsIPv4 ? options.MinimumTtl : options.MinimumHopLimit;
        if (segment.Ttl >= least)
        {
            return false;
        }

        Context.Mib.Count(Counter.TcpExtTCPMinTTLDrop);
        Context.Judge(segment, RuleId.SegmentTtl, segment.Ttl, least, listener: listener);
        return true;
    }

    private void OnRequestIcmp(int place, in IcmpError error)
    {
        // Linux: tcp_req_err. Only what says that the host cannot be reached ends a request.
        ref ConnectionRequest request = ref Table.Requests[place];
        Listener listener = _listeners[request.Listener]!;
        if (error.Seq.Value != request.Isn)
        {
            Context.Mib.Count(Counter.TcpExtOutOfWindowIcmps);
            Context.Judge(error.Tuple, new Verdict(RuleId.RequestIcmpOutOfWindow), listener.Id);
        }
        else if (error.Aborts)
        {
            Context.Mib.Count(Counter.TcpExtListenDrops);
            Context.Judge(error.Tuple, new Verdict(RuleId.RequestIcmp), listener.Id);
            RemoveRequest(place, ref request);
        }
    }
}
