using System;
using Earshot.Core.Ip;
using Earshot.Core.Profiles;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Listening;

/// <summary>When to send a SYN-ACK again, when to give a request up: a timer per request, one sweep per listener, or
/// one timer for all.</summary>
/// <remarks>
/// Linux: reqsk_timer_handler (per request, 4.1 and later), inet_csk_reqsk_queue_prune (the sweep before it). What 2.2
/// and the BSDs do is in <c>SynAckTimer.Ticks.cs</c>.
/// A sweep's clock hand is why, under the older kernels, a request is served up to one lap late, and why in the first
/// article's experiment the ninth client gets in at its first or at its second retry.
/// </remarks>
internal sealed partial class SynAckTimer
{
    // Below two retries no pressure goes, in either handler.
    private const int LeastRetries = 2;
    private const int PressureFloor = 8;
    private const int MaximumTimeouts = 127;

    private readonly TcpLayer _tcp;
    private readonly StackContext _context;
    private readonly ListenRules _rules;
    private readonly KernelProfile _profile;
    private readonly SynAckTimerKind _kind;
    private readonly long _initialRto;
    private readonly long _maximumRto;
    private readonly long _lifetime;

    internal SynAckTimer(TcpLayer tcp, ListenRules rules)
    {
        _tcp = tcp;
        _context = tcp.Context;
        _rules = rules;
        _profile = rules.Profile;
        _kind = _profile.SynAckTimer;
        _initialRto = _profile.InitialRto.Ticks / TimeSpan.TicksPerMicrosecond;
        _maximumRto = _profile.MaximumRto.Ticks / TimeSpan.TicksPerMicrosecond;
        _lifetime = _profile.RequestLifetime.GetValueOrDefault().Ticks / TimeSpan.TicksPerMicrosecond;
    }

    private bool HasTimerPerRequest => _kind is SynAckTimerKind.PerRequest or SynAckTimerKind.SlowTicks;

    private TimeSpan Tick => _profile.SynAckTick.GetValueOrDefault();

    /// <summary>Starts the timer of a request whose first SYN-ACK is about to leave.</summary>
    internal void Start(Listener listener, int place, ref ConnectionRequest request)
    {
        if (HasTimerPerRequest)
        {
            Arm(place, request, timeouts: 0);
            return;
        }

        long jiffies = Delay(0);
        request.Timer.Expires = (uint)(_context.Jiffies + jiffies);
        if (_kind == SynAckTimerKind.GlobalTick)
        {
            StartTicking();
        }
        else if (listener.SynQueue.Count == 1)
        {
            if (listener.SweepNode < 0)
            {
                listener.SweepNode = _tcp.Timers.NewNode(TimerKind.Sweep, listener.Place);
            }

            _tcp.Timers.Arm(listener.SweepNode, jiffies);
        }
    }

    /// <summary>A request has left its listener's queue.</summary>
    internal void Stop(Listener listener, int place)
    {
        if (HasTimerPerRequest)
        {
            _tcp.Timers.Wheel.Cancel(Handle.Of(HandleKind.Request, place));
        }
        else if (_kind == SynAckTimerKind.GlobalTick)
        {
            LeaveTicking();
        }
        else if (listener.SynQueue.Count == 0 && listener.SweepNode >= 0)
        {
            _tcp.Timers.Wheel.Cancel(listener.SweepNode);
        }
    }

    /// <summary>A duplicate SYN was answered: the timer starts anew with the same backoff.</summary>
    internal void Rearm(int place, ref ConnectionRequest request)
    {
        if (HasTimerPerRequest)
        {
            _tcp.Timers.Wheel.Cancel(Handle.Of(HandleKind.Request, place));
            Arm(place, request, request.Timeouts);
        }
        else
        {
            request.Timer.Expires = (uint)(_context.Jiffies + Delay(request.Timeouts));
        }
    }

    /// <summary>The timer of one request fired. Linux: reqsk_timer_handler.</summary>
    internal void OnTimer(int place)
    {
        ref ConnectionRequest request = ref _tcp.Table.Requests[place];
        Listener listener = _tcp.ListenerAt(request.Listener)!;
        bool migrates = false;
        if (!listener.IsListening && listener.Heir(_tcp.Table.Tuple(request)) is { } heir)
        {
            migrates = true;
            Migrate(listener, heir, place, ref request);
            listener = heir;
        }
        else if (!listener.IsListening)
        {
            _context.Judge(_tcp.Table.Tuple(request), new Verdict(RuleId.RequestListenerGone), listener.Id);
            _tcp.RemoveRequest(place, ref request);
            return;
        }

        bool pressure = 2 * listener.SynQueue.Count > Math.Max(PressureFloor, (long)listener.Backlog);
        int retries = Retries(listener, pressure);
        if (_profile.CountsRequestTimeouts)
        {
            _context.Mib.Count(Counter.TcpExtTCPTimeouts);
        }

        int limit = listener.Options.DeferAccept;
        (bool expires, bool resends) = DeferRules.OnTimer(
            request.Timeouts, retries, limit, request.Has(RequestFlags.Acked), _profile.DefersForEver);
        expires |= IsTooOld(request);
        bool goesOn = !expires
            && (!resends || Resend(listener, ref request) || request.Has(RequestFlags.Acked));
        if (migrates)
        {
            _context.Mib.Count(
                goesOn ? Counter.TcpExtTCPMigrateReqSuccess : Counter.TcpExtTCPMigrateReqFailure);
        }

        if (expires)
        {
            Expire(listener, place, ref request);
            return;
        }

        if (!goesOn)
        {
            GiveUp(listener, place, ref request);
            return;
        }

        // Linux: TCP_DEFER_ACCEPT: of a silent turn only the timeouts are counted.
        var verdict = resends ? new Verdict(RuleId.RequestTimer, request.Retransmissions, (uint)retries)
            : new Verdict(RuleId.RequestDeferredTimer, request.Timeouts + 1u, (uint)limit);
        _context.Judge(_tcp.Table.Tuple(request), verdict, listener.Id);
        Age(listener, ref request);
        Arm(place, request, request.Timeouts);
    }

    /// <summary>A request goes over to another listener of its group. Linux: reqsk_queue_migrated.</summary>
    private void Migrate(Listener from, Listener to, int place, ref ConnectionRequest request)
    {
        from.SynQueue.Remove(place, ref request, _tcp.Table.Requests);
        to.SynQueue.Add(place, ref request);
        if (request.Timeouts > 0)
        {
            to.SynQueue.Age();
        }

        request.Listener = to.Place;
        _context.Judge(_tcp.Table.Tuple(request), new Verdict(RuleId.RequestMigrated), to.Id);
        _tcp.ForgetIfUnused(from);
    }

    /// <summary>The sweep's turn: it serves a share of the buckets. Linux: inet_csk_reqsk_queue_prune.</summary>
    internal void OnSweep(Listener listener)
    {
        ref SynQueue queue = ref listener.SynQueue;
        if (queue.Count == 0 || !listener.IsListening)
        {
            return;
        }

        // Linux compares with half of the limit's power of two.
        int retries = Retries(listener, (uint)queue.Count >= queue.Limit >> 1);
        int turns = (int)(_profile.InitialRto / Tick);
        int budget = 2 * (queue.BucketCount / turns);
        int bucket = queue.ClockHand;
        for (; budget > 0; budget--)
        {
            int place = queue.FirstInBucket(bucket);
            while (place >= 0)
            {
                ref ConnectionRequest request = ref _tcp.Table.Requests[place];
                int next = request.NextInBucket - 1;
                if ((int)(request.Timer.Expires - (uint)_context.Jiffies) <= 0)
                {
                    Serve(listener, place, ref request, retries, bucket);
                }

                place = next;
            }

            bucket = (bucket + 1) & (queue.BucketCount - 1);
        }

        queue.ClockHand = bucket;
        if (queue.Count > 0)
        {
            _tcp.Timers.Arm(listener.SweepNode, _context.Clock.From(Tick));
        }
    }

    private void Serve(Listener listener, int place, ref ConnectionRequest request, int retries, int bucket)
    {
        bool spared = _profile.SparesAcknowledgedRequests == true && request.Has(RequestFlags.Acked);
        (bool expires, bool resends) = DeferRules.OnTimer(
            request.Timeouts, spared ? Retries(listener, pressure: false) : retries,
            listener.Options.DeferAccept, request.Has(RequestFlags.Acked), _profile.DefersForEver);
        if (expires)
        {
            Expire(listener, place, ref request);
            return;
        }

        if (resends && !Resend(listener, ref request) && !request.Has(RequestFlags.Acked))
        {
            GiveUp(listener, place, ref request);
            return;
        }

        Age(listener, ref request);
        request.Timer.Expires = (uint)(_context.Jiffies + Delay(request.Timeouts));
        Verdict verdict = _kind == SynAckTimerKind.Sweep
            ? new Verdict(RuleId.RequestSweep, request.Retransmissions, (uint)retries, (uint)bucket)
            : new Verdict(RuleId.RequestTimer, request.Retransmissions, (uint)retries);
        _context.Judge(_tcp.Table.Tuple(request), verdict, listener.Id);
    }

    private void Expire(Listener listener, int place, ref ConnectionRequest request)
    {
        _context.Judge(
            _tcp.Table.Tuple(request), new Verdict(RuleId.RequestExpired, request.Retransmissions), listener.Id);
        _tcp.RemoveRequest(place, ref request);
    }

    private void GiveUp(Listener listener, int place, ref ConnectionRequest request)
    {
        _context.Judge(_tcp.Table.Tuple(request), new Verdict(RuleId.RequestNotSent), listener.Id);
        _tcp.RemoveRequest(place, ref request);
    }

    private bool Resend(Listener listener, ref ConnectionRequest request)
    {
        InetAddress remote = _tcp.Table.RemoteAddress(request);
        if (_tcp.Routes.TryRoute(remote, out Route route))
        {
            return _tcp.Output.SynAckAgain(ref request, route, listener.Options);
        }

        _tcp.CountNoRoute(remote);
        return false;
    }

    private static void Age(Listener listener, ref ConnectionRequest request)
    {
        if (request.Timeouts == 0)
        {
            listener.SynQueue.Age();
        }

        request.Timeouts = (byte)Math.Min(request.Timeouts + 1, MaximumTimeouts);
    }

    /// <summary>How often a SYN-ACK may be sent again; less when most requests are old.</summary>
    private int Retries(Listener listener, bool pressure)
    {
        int retries = listener.Options.SynCount != 0
            ? listener.Options.SynCount : _context.Sysctls.TcpSynackRetries;
        if (!pressure || _profile.PrunesUnderPressure != true)
        {
            return retries;
        }

        long young = 2L * listener.SynQueue.YoungCount;
        while (retries > LeastRetries && listener.SynQueue.Count >= young)
        {
            retries--;
            young *= 2;
        }

        return retries;
    }

    private void Arm(int place, in ConnectionRequest request, int timeouts)
    {
        long jiffies = _lifetime == 0 ? Delay(timeouts) : Math.Min(Delay(timeouts), Rest(request));
        long expires = _kind == SynAckTimerKind.SlowTicks ? OnTick(jiffies) : _context.Jiffies + jiffies;
        _tcp.Timers.Wheel.Arm(Handle.Of(HandleKind.Request, place), expires);
    }

    private long Delay(int timeouts) =>
        _context.Clock.FromMicroseconds(Math.Min(_initialRto << Math.Min(timeouts, 20), _maximumRto));
}
