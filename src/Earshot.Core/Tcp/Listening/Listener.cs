using System;
using Earshot.Core.Ip;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Listening;

/// <summary>A socket in LISTEN: carries out what the admissions decide.</summary>
internal sealed class Listener
{
    private readonly TcpLayer _tcp;
    private readonly StackContext _context;

    internal Listener(TcpLayer tcp, int place, ushort id, InetEndpoint local, ITcpOwner owner)
    {
        _tcp = tcp;
        _context = tcp.Context;
        Place = place;
        Id = id;
        Local = local;
        Owner = owner;
    }

    /// <summary>Its number in the TCP layer's table, by which requests know it.</summary>
    internal int Place { get; }

    /// <summary>The id by which the ledger knows it.</summary>
    internal ushort Id { get; }

    internal InetEndpoint Local { get; }

    internal ITcpOwner Owner { get; }

    internal bool IsListening { get; private set; } = true;

    /// <summary>The accept queue's limit. Linux: sk_max_ack_backlog.</summary>
    internal uint Backlog => AcceptQueue.Limit;

    internal AcceptQueue AcceptQueue { get; } = new();

    internal SynQueue SynQueue { get; } = new();

    /// <summary>The number that tells it from every other socket, 0 until somebody asked; see
    /// <see cref="StackContext.NextSocketNumber"/>.</summary>
    internal long Number { get; set; }

    /// <summary>The timer node of the sweep, -1 when there is none.</summary>
    internal int SweepNode = -1;

    /// <summary>Sets the backlog: at the first listen() and at every later one.</summary>
    internal void SetBacklog(int asked)
    {
        // Compared as unsigned: -1 means somaxconn. Linux: __sys_listen_socket.
        uint somaxconn = (uint)_context.Sysctls.Somaxconn;
        AcceptQueue.SetLimit(Math.Min((uint)asked, somaxconn), _context.Now);
        uint limit = _tcp.Shape.SynLimit(Backlog, _context.Sysctls.TcpMaxSynBacklog, SynQueue.Limit);
        if (SynQueue.Limit == 0 && _context.Profile.SynAckTimer == Profiles.SynAckTimerKind.Sweep)
        {
            SynQueue.MakeBuckets(limit, _tcp.NextListenerHash());
        }

        SynQueue.Limit = limit;
        _context.Judge(
            new FourTuple(Local, default), new Verdict(RuleId.ListenStarted, (uint)asked, somaxconn, Backlog), Id);
    }

    /// <summary>A segment that belongs to no connection and no request. Linux: tcp_rcv_state_process, LISTEN.</summary>
    internal void OnSegment(in TcpSegment segment, int @interface, uint tag)
    {
        if (segment.Has(TcpFlags.Ack))
        {
            _context.Judge(segment, RuleId.ListenAck, listener: Id);
            _tcp.Output.Reset(segment);
        }
        else if (segment.Has(TcpFlags.Rst))
        {
            _context.Judge(segment, RuleId.ListenRst, listener: Id);
        }
        else if (!segment.Has(TcpFlags.Syn))
        {
            _context.Judge(segment, RuleId.ListenNothing, listener: Id);
        }
        else if (segment.Has(TcpFlags.Fin))
        {
            _context.Judge(segment, RuleId.ListenSynFin, listener: Id);
        }
        else
        {
            OnSyn(segment, @interface, tag, null);
        }
    }

    /// <summary>Judges a SYN and carries the decision out. Linux: tcp_conn_request.</summary>
    /// <param name="syn">The SYN.</param>
    /// <param name="interface">The interface that it came by.</param>
    /// <param name="tag">The hash of its tuple, under which nothing is in the table.</param>
    /// <param name="forcedIsn">The initial sequence number that a TIME_WAIT imposes, or null.</param>
    internal void OnSyn(in TcpSegment syn, int @interface, uint tag, SeqNumber? forcedIsn)
    {
        Mib mib = _context.Mib;
        Sysctls sysctls = _context.Sysctls;
        if (_tcp.Routes.Classify(syn.Destination) != AddressKind.Local)
        {
            Drop(syn, new Verdict(RuleId.SynNotUnicast));
            return;
        }

        var question = new SynQuestion(
            forcedIsn is not null, SynQueue.Count, SynQueue.YoungCount, SynQueue.Limit,
            AcceptQueue.Count, Backlog, sysctls.TcpSyncookies, sysctls.TcpMaxSynBacklog,
            sysctls.TcpSyncookies == 0 && _context.Profile.RemembersPeers
                && _tcp.Metrics.IsProven(syn.Destination, syn.Source));
        SynDecision decision = _tcp.Shape.Decide(question);
        if (decision.Action == SynAction.Drop)
        {
            mib.Count(decision.First);
            mib.Count(decision.Second);
            mib.Count(decision.Third);
            _context.Judge(syn.Tuple, decision.Verdict, Id);
            return;
        }

        int place = _tcp.Table.Requests.Allocate();
        if (place < 0)
        {
            Drop(syn, new Verdict(RuleId.SynNoRoom, (uint)_tcp.Table.Requests.Limit));
            return;
        }

        if (!_tcp.Routes.TryRoute(syn.Source, out Route route))
        {
            _tcp.Table.Requests.Free(place);
            mib.Count(syn.Source.IsIPv4 ? Counter.IpOutNoRoutes : Counter.None);
            Drop(syn, new Verdict(RuleId.SynNoRoute));
            return;
        }

        ref ConnectionRequest request = ref _tcp.Table.Requests[place];
        if (!_tcp.Table.Name(ref request, syn.Tuple))
        {
            _tcp.Table.Requests.Free(place);
            Drop(syn, new Verdict(RuleId.SynNoRoom, (uint)_tcp.Table.Requests.Limit));
            return;
        }

        Fill(ref request, syn, @interface, route, forcedIsn);
        _tcp.Table.Add(tag, Handle.Of(HandleKind.Request, place));
        SynQueue.Add(place, ref request);
        _tcp.SynAckTimer.Start(this, place, ref request);
        _context.Judge(syn.Tuple, decision.Verdict, Id);
        if (_context.Observer is not null)
        {
            _context.Observe(syn.Tuple, TcpState.None, TcpState.SynRecv, Id);
        }

        _tcp.Output.SynAck(ref request, route, Owner.Options);
    }

    /// <summary>Takes a connection whose handshake is finished.</summary>
    internal void Queue(Connection connection) => AcceptQueue.Add(connection, _context.Now);

    /// <summary>The oldest finished connection. Linux: inet_csk_accept.</summary>
    internal bool TryAccept(out Connection connection)
    {
        if (!AcceptQueue.TryTake(out connection, _context.Now))
        {
            return false;
        }

        AcceptQueue.CountWait(_context.Now - connection.QueuedAt);
        _context.Judge(
            connection.Tuple, new Verdict(RuleId.Accepted, (uint)AcceptQueue.Count, Backlog), Id);
        return true;
    }

    /// <summary>Stops listening: close(), shutdown(SHUT_RD) or connect(AF_UNSPEC). Linux:
    /// inet_csk_listen_stop.</summary>
    /// <remarks>
    /// Connections that wait are reset, in their order. Requests in the global table stay until their timer or a
    /// segment
    /// finds them; a listener's own table is emptied at once.
    /// </remarks>
    internal void Stop()
    {
        IsListening = false;
        _tcp.Table.RemoveListener(this);
        _context.Judge(
            new FourTuple(Local, default),
            new Verdict(RuleId.ListenStopped, (uint)AcceptQueue.Count, (uint)SynQueue.Count),
            Id);
        if (_context.Observer is not null)
        {
            _context.Observe(new FourTuple(Local, default), TcpState.Listen, TcpState.Close, Id);
        }

        while (AcceptQueue.TryTake(out Connection connection, _context.Now))
        {
            _context.Judge(connection.Tuple, new Verdict(RuleId.ChildReset), Id);
            connection.AbortUnaccepted();
        }

        for (int bucket = 0; bucket < SynQueue.BucketCount; bucket++)
        {
            int place;
            while ((place = SynQueue.FirstInBucket(bucket)) >= 0)
            {
                _tcp.RemoveRequest(place, ref _tcp.Table.Requests[place]);
            }
        }

        _tcp.ForgetIfUnused(this);
    }

    private void Drop(in TcpSegment syn, Verdict verdict)
    {
        if (_context.Profile.CountsDroppedSyns)
        {
            _context.Mib.Count(Counter.TcpExtListenDrops);
        }

        _context.Judge(syn.Tuple, verdict, Id);
    }

    private void Fill(
        ref ConnectionRequest request, in TcpSegment syn, int @interface, in Route route, SeqNumber? forcedIsn)
    {
        Sysctls sysctls = _context.Sysctls;
        SocketOptions options = Owner.Options;
        TcpOptions asked = TcpOptions.Parse(syn);
        request.Timer = Time.TimerLink.Unarmed;
        request.Listener = Place;
        request.PeerIsn = syn.Seq.Value;
        request.Tos = syn.Tos;
        request.Interface = (byte)@interface;
        ushort mss = asked.Mss == 0 ? Connection.DefaultMss(syn.Source) : asked.Mss;
        request.Mss = options.MaximumSegment != 0 ? Math.Min(mss, options.MaximumSegment) : mss;
        SeqNumber isn = _tcp.InitialSequence.Next(syn.Tuple, _context.Now, out uint timestampOffset);
        request.Isn = (forcedIsn ?? isn).Value;
        if (asked.HasTimestamp && sysctls.TcpTimestamps != 0)
        {
            request.Flags |= RequestFlags.Timestamps;
            request.TsRecent = asked.TsVal;
            bool offset = _context.Profile.TimestampOffsets && sysctls.TcpTimestamps == 1;
            request.TsOffset = offset ? timestampOffset : 0;
        }

        int advertised = _tcp.AdvertisedMss(route, options);
        bool timestamps = request.Has(RequestFlags.Timestamps);
        ReceiveWindow window = ReceiveWindow.Initial(
            _context, options, advertised - (timestamps ? TcpOptions.TimestampLength : 0));
        request.WindowBytes = (uint)window.Bytes;
        if (asked.HasWindowScale && sysctls.TcpWindowScaling != 0)
        {
            request.Flags |= RequestFlags.WindowScale;
            request.WindowScales = (byte)((window.Scale << 4) | asked.WindowScale);
        }

        request.FirstSentMicroseconds = (uint)_context.NowMicroseconds;
        request.LastSentMilliseconds = _context.TimestampClock;
    }
}
