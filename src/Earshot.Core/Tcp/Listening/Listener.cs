using System;
using Earshot.Core.Ip;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Listening;

/// <summary>A socket in LISTEN: carries out what the admissions decide.</summary>
internal sealed partial class Listener
{
    private readonly TcpLayer _tcp;
    private readonly StackContext _context;

    private SharedOptions _options;

    internal Listener(
        TcpLayer tcp, int place, ushort id, InetEndpoint local, ITcpOwner owner, SharedOptions options,
        ListenRules rules)
    {
        _tcp = tcp;
        _context = tcp.Context;
        Place = place;
        Id = id;
        Local = local;
        Owner = owner;
        _options = options;
        FastOpenQueue = new FastOpenQueue(_context);
        Rules = rules;
    }

    /// <summary>Its number in the TCP layer's table, by which requests know it.</summary>
    internal int Place { get; set; }

    /// <summary>The id by which the ledger knows it.</summary>
    internal ushort Id { get; }

    /// <summary>How many listeners the stack had before this one, so that they can be put in order of age.</summary>
    internal long Sequence { get; init; }

    internal InetEndpoint Local { get; private set; }

    internal ITcpOwner Owner { get; }

    /// <summary>The options of its socket, as long as that listens.</summary>
    internal ref readonly SocketOptions Options => ref _options.Value;

    // What the ledger has said last of a SYN that was queued; null: nothing yet.
    private RuleTally? _queued;

    // What connections begin with; null: not made yet, or made before something changed.
    private SharedOptions? _childOptions;

    /// <summary>The questions and the timer it goes by: the stack's profile's, or another's.</summary>
    internal ListenRules Rules { get; }

    internal bool IsListening { get; private set; } = true;

    /// <summary>The accept queue's limit. Linux: sk_max_ack_backlog.</summary>
    internal uint Backlog => AcceptQueue.Limit;

    internal AcceptQueue AcceptQueue;

    internal SynQueue SynQueue;

    /// <summary>The number that tells it from every other socket, 0 until somebody asked; see
    /// <see cref="StackContext.NextSocketNumber"/>.</summary>
    internal long Number { get; set; }

    /// <summary>The timer node of the sweep, -1 when there is none.</summary>
    internal int SweepNode = -1;

    /// <summary>The options, to be changed.</summary>
    internal ref SocketOptions ChangeOptions()
    {
        _childOptions = null;
        return ref SharedOptions.Own(ref _options);
    }

    /// <summary>What an accepted connection begins with. Linux: tcp_create_openreq_child.</summary>
    internal SharedOptions ChildOptions()
    {
        byte congestion = _context.CongestionControls.Default;
        if (_childOptions is { } known && IsListening
            && (known.Value.CongestionChosen || known.Value.Congestion == congestion))
        {
            return known;
        }

        SocketOptions child = Owner.Options.ForChild();
        child.Congestion = child.CongestionChosen ? child.Congestion : congestion;
        return _childOptions = new SharedOptions(child, isShared: true);
    }

    /// <summary>What bounds the windows of the connection that a request becomes.</summary>
    internal int ClampOf(in ConnectionRequest request)
    {
        bool keepsIt = SynQueue.Buckets is null
            && (request.Flags & (RequestFlags.Cookie | RequestFlags.FastOpen)) == 0;
        return keepsIt ? request.WindowClamp : ReceiveWindow.ClampOf(_context, Options);
    }

    /// <summary>Sets the backlog: at the first listen() and at every later one.</summary>
    internal void SetBacklog(int asked)
    {
        uint somaxconn = (uint)_context.Sysctls.Somaxconn;
        AcceptQueue.SetLimit(Rules.Backlog(asked, somaxconn), _context.Now);
        uint limit = Rules.Shape.SynLimit(Backlog, _context.Sysctls.TcpMaxSynBacklog, SynQueue.Limit);
        if (SynQueue.Buckets is null)
        {
            if (Rules.SynCache is { } cache)
            {
                SynQueue.Share(cache);
            }
            else if (Rules.OwnBuckets(limit) is > 0 and var buckets)
            {
                SynQueue.MakeBuckets(buckets, _tcp.NextListenerHash());
            }
        }

        SynQueue.Limit = limit;
        _context.Judge(
            new FourTuple(Local, default), new Verdict(RuleId.ListenStarted, (uint)asked, somaxconn, Backlog), Id);
    }

    /// <summary>A segment that belongs to no connection and no request. Linux: tcp_rcv_state_process, LISTEN.</summary>
    internal void OnSegment(in TcpSegment segment, int @interface, uint tag)
    {
        if ((segment.Flags & (TcpFlags.Ack | TcpFlags.Rst | TcpFlags.Syn)) == TcpFlags.Ack
            && _context.Sysctls.TcpSyncookies != 0 && Rules.Cookies is not null)
        {
            if (!TryCookie(segment, tag, hasRequest: false))
            {
                _tcp.Output.Reset(segment, Options.KeyOf(segment.Source));
            }
        }
        else if (segment.Has(TcpFlags.Ack))
        {
            _context.Judge(segment, RuleId.ListenAck, listener: Id);
            _tcp.Output.Reset(segment, Options.KeyOf(segment.Source));
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

        bool hasRoute = _tcp.Routes.TryRoute(syn.Source, out Route route);
        int syncookies = Rules.Cookies is null ? 0 : sysctls.TcpSyncookies;
        var question = new SynQuestion(
            forcedIsn is not null, SynQueue.Count, SynQueue.YoungCount, SynQueue.Limit,
            AcceptQueue.Count, Backlog, syncookies, sysctls.TcpMaxSynBacklog,
            syncookies == 0 && _context.Profile.RemembersPeers
                && _tcp.Metrics.IsProven(syn.Destination, syn.Source),
            syncookies == 2 && Rules.Profile.CookiesMayBeForced, hasRoute, syn.Source.IsIPv6,
            Rules.SynCache is { } cache ? cache.CountOf(BucketOf(cache, syn)) : 0);
        SynDecision decision = Rules.Shape.Decide(question);
        mib.Count(decision.First);
        mib.Count(decision.Second);
        mib.Count(decision.Third);
        if (decision.SynQueueFull)
        {
            WarnOfFlood(syn);
        }

        switch (decision.Action)
        {
            case SynAction.QueueInPlaceOfAnother:
                PushOut(syn);
                Remember(syn, @interface, tag, forcedIsn, route, decision.Verdict);
                break;
            case SynAction.Queue:
                Remember(syn, @interface, tag, forcedIsn, route, decision.Verdict);
                break;
            case SynAction.Cookie:
                _context.Judge(syn.Tuple, decision.Verdict, Id);
                SendCookie(syn, @interface, route);
                break;
            default:
                _context.Judge(syn.Tuple, decision.Verdict, Id);
                break;
        }
    }

    /// <summary>Makes a request of a SYN and answers it. Linux: inet_csk_reqsk_queue_hash_add.</summary>
    private void Remember(
        in TcpSegment syn, int @interface, uint tag, SeqNumber? forcedIsn, in Route route, in Verdict verdict)
    {
        int place = _tcp.Table.Requests.Allocate();
        if (place < 0)
        {
            Drop(syn, new Verdict(RuleId.SynNoRoom, (uint)_tcp.Table.Requests.Limit));
            return;
        }

        ref ConnectionRequest request = ref _tcp.Table.Requests[place];
        _tcp.Table.Name(ref request, syn.Tuple);
        SeqNumber isn = Fill(ref request, syn, @interface, route, null, out TcpOptions asked);
        request.Isn = (forcedIsn ?? isn).Value;
        if (Rules is { SynCache: not null, Cookies: { } cookies } && forcedIsn is null
            && _context.Sysctls.TcpSyncookies != 0)
        {
            // Whoever is pushed out of the cache can still finish: the number is a cookie as well.
            request.Isn = cookies.Encode(syn.Tuple, syn.Seq, request.Mss, out _).Value;
        }

        FastOpenOffer offer = default;
        if (asked.FastOpen != FastOpenOption.None || syn.PayloadLength > 0)
        {
            FastOpenDecision fast = AskFastOpen(syn, asked);
            offer = Offer(syn, asked, fast);
            if (fast.MakesChild)
            {
                OpenFast(place, ref request, syn, route, tag, offer);
                return;
            }
        }

        if (Options.SaveSyn != 0)
        {
            // From the link's header on or from IP's: the devices here have none of the former.
            _tcp.SaveSyn(place, syn.Headers);
        }

        _tcp.Output.RememberIpOptions(syn.Tuple);
        if (SynQueue.Buckets is null)
        {
            request.WindowClamp = ReceiveWindow.ClampOf(_context, Options);
        }

        _tcp.Table.Add(tag, Handle.Of(HandleKind.Request, place));
        SynQueue.Add(place, ref request);
        Rules.Timer.Start(this, place, ref request);
        _context.Ledger.Add(_context.Now, syn.Tuple, Id, verdict, ref _queued);
        if (_context.Observer is not null)
        {
            _context.Observe(syn.Tuple, TcpState.None, TcpState.SynRecv, Id);
        }

        _tcp.Output.SynAck(ref request, syn.Tuple, route, Options, _context.TimestampClock, offer);
    }

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
    /// segment finds them; a listener's own table is emptied at once.
    /// </remarks>
    internal void Stop()
    {
        IsListening = false;
        _overflow.Jiffies = 0;
        _tcp.Table.Listeners.Remove(this);
        Group?.Stop(this, _context.Sysctls.TcpMigrateReq != 0);
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
            if (!TryMigrate(connection))
            {
                _context.Judge(connection.Tuple, new Verdict(RuleId.ChildReset), Id);
                connection.AbortUnaccepted();
            }
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

    /// <summary>Makes room for a SYN: in the SYN cache the oldest of its bucket goes, elsewhere one chosen by
    /// chance.</summary>
    private void PushOut(in TcpSegment syn)
    {
        RequestBuckets buckets = SynQueue.Buckets!;
        int place;
        if (Rules.SynCache is not null)
        {
            place = buckets.Oldest(BucketOf(buckets, syn), _tcp.Table.Requests);
            Rules.Cookies?.NoteOverflow(Overflow);
        }
        else
        {
            place = buckets.First(0);
            for (uint steps = (uint)(_tcp.NextListenerHash() % (ulong)SynQueue.Count); steps > 0; steps--)
            {
                place = _tcp.Table.Requests[place].NextInBucket - 1;
            }
        }

        ref ConnectionRequest request = ref _tcp.Table.Requests[place];
        _context.Judge(_tcp.Table.Tuple(request), new Verdict(RuleId.RequestPushedOut, (uint)SynQueue.Count), Id);
        _tcp.RemoveRequest(place, ref request);
    }

    private int BucketOf(RequestBuckets buckets, in TcpSegment syn) =>
        buckets.BucketOf(_tcp.Table.BucketKey(syn.Source), syn.SourcePort);

    private void Drop(in TcpSegment syn, Verdict verdict)
    {
        switch (Rules.Profile.DroppedSyns)
        {
            case Profiles.DroppedSynCounting.AttemptFails:
                _context.Mib.Count(Counter.TcpAttemptFails);
                break;
            case Profiles.DroppedSynCounting.ListenCounters:
                _context.Mib.Count(Counter.TcpExtListenDrops);
                break;
        }

        _context.Judge(syn.Tuple, verdict, Id);
    }

    private bool HasTimestampOffset => _context.Profile.TimestampOffsets && _context.Sysctls.TcpTimestamps == 1;

    /// <summary>Writes into a request what a SYN asks for and is granted.</summary>
    /// <param name="request">An empty request that has its addresses.</param>
    /// <param name="syn">The SYN.</param>
    /// <param name="interface">The interface that it came by.</param>
    /// <param name="route">The way back.</param>
    /// <param name="cookies">For a cookie: it remembers less.</param>
    /// <param name="asked">The SYN's options.</param>
    /// <returns>The initial sequence number of one that is remembered.</returns>
    private SeqNumber Fill(
        ref ConnectionRequest request, in TcpSegment syn, int @interface, in Route route, SynCookies? cookies,
        out TcpOptions asked)
    {
        ref readonly SocketOptions options = ref Options;
        TcpOptions.Parse(syn, out asked);
        if (asked.IllegalWindowScale != 0)
        {
            WarnOfScale(asked.IllegalWindowScale);
        }

        request.Timer = Time.TimerLink.Unarmed;
        request.Listener = Place;
        request.PeerIsn = syn.Seq.Value;
        request.LocalPort = syn.DestinationPort;
        request.RemotePort = syn.SourcePort;
        request.Tos = syn.Tos;
        request.Interface = (byte)@interface;

        // TCP_MAXSEG bounds what the peer tells, and not what is thought of one that tells nothing.
        request.Mss = asked.Mss == 0 ? Connection.DefaultMss(syn.Source)
            : options.MaximumSegment != 0 ? Math.Min(asked.Mss, options.MaximumSegment) : asked.Mss;
        request.Flags |= Granted(syn, asked, cookies);
        if (_context.Sysctls.TcpEcn >= GrantsAccurateEcn)
        {
            GrantAccurateEcn(ref request, syn, cookies);
        }

        if (request.Has(RequestFlags.Sack) && options.KeyOf(syn.Source) is not null)
        {
            // A signature, time stamps and SACK blocks do not fit together. Linux: tcp_synack_options.
            request.Flags &= ~RequestFlags.Timestamps;
        }

        bool timestamps = request.Has(RequestFlags.Timestamps);
        SeqNumber isn = default;
        request.TsRecent = timestamps ? asked.TsVal : 0;
        if (cookies is null)
        {
            isn = _tcp.InitialSequence.Next(syn.Tuple, _context.Now, out uint timestampOffset);
            request.TsOffset = timestamps && HasTimestampOffset ? timestampOffset : 0;
        }

        int advertised = _tcp.AdvertisedMss(route, options);
        ReceiveWindow window = _tcp.FirstWindow(
            options, advertised - (timestamps ? TcpOptions.TimestampLength : 0));
        request.WindowBytes = (uint)window.Bytes;
        if (request.Has(RequestFlags.WindowScale))
        {
            request.WindowScales = (byte)((window.Scale << 4) | asked.WindowScale);
        }

        request.FirstSentMicroseconds = (uint)_context.NowMicroseconds;
        return isn;
    }

    private const int GrantsAccurateEcn = 3;

    private RequestFlags Granted(in TcpSegment syn, in TcpOptions asked, SynCookies? cookies)
    {
        Sysctls sysctls = _context.Sysctls;
        RequestFlags granted = RequestFlags.None;
        bool timestamps = asked.HasTimestamp && sysctls.TcpTimestamps != 0;
        if (cookies is not null && !(timestamps && cookies.RemembersOptions))
        {
            // Without a timestamp a cookie has no place for anything but the MSS.
            return granted;
        }

        granted |= timestamps ? RequestFlags.Timestamps : 0;
        granted |= asked.HasWindowScale && sysctls.TcpWindowScaling != 0 ? RequestFlags.WindowScale : 0;
        granted |= asked.SackPermitted && sysctls.TcpSack != 0 ? RequestFlags.Sack : 0;
        return granted | (AsksForEcn(syn) && sysctls.TcpEcn != 0 ? RequestFlags.Ecn : 0);
    }

    /// <summary>Whether a SYN sets ECN up; one that is marked as capable already does not, unless it speaks AccECN.
    /// Linux: tcp_ecn_create_request.</summary>
    private static bool AsksForEcn(in TcpSegment syn) =>
        (syn.Flags & (TcpFlags.Ece | TcpFlags.Cwr)) == (TcpFlags.Ece | TcpFlags.Cwr)
        && ((syn.Tos & 3) == 0 || syn.ReservedBits != 0);

    // Bits that no version knows ask for the newest one that is known. RFC 9768 §3.1.1, §3.1.3. A cookie has no place
    // for it.
    private static void GrantAccurateEcn(ref ConnectionRequest request, in TcpSegment syn, SynCookies? cookies)
    {
        const int None = 0;
        const int Classic = 3;
        if (cookies is null && syn.Code is not (None or Classic))
        {
            request.HasAccurateEcn = true;
            request.Flags |= RequestFlags.Ecn;
        }
    }

    private void WarnOfScale(byte scale)
    {
        if (_context.Log.TryTake(_context.Now))
        {
            _context.Log.Add(
                _context.Now, $"TCP: tcp_parse_options: Illegal window scaling value {scale} > 14 received");
        }
    }
}
