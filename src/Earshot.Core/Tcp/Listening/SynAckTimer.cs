using System;
using Earshot.Core.Ip;
using Earshot.Core.Profiles;

namespace Earshot.Core.Tcp.Listening;

/// <summary>When to send a SYN-ACK again, when to give a request up: a timer per request, or one sweep per
/// listener.</summary>
/// <remarks>
/// Linux: reqsk_timer_handler (per request, 4.1 and later), inet_csk_reqsk_queue_prune (the sweep before it).
/// A sweep's clock hand is why, under the older kernels, a request is served up to one lap late, and why in the first
/// article's experiment the ninth client gets in at its first or at its second retry.
/// </remarks>
internal sealed class SynAckTimer
{
    // Below two retries no pressure goes, in either handler.
    private const int LeastRetries = 2;
    private const int PressureFloor = 8;
    private const int MaximumTimeouts = 127;

    private readonly TcpLayer _tcp;
    private readonly StackContext _context;
    private readonly bool _sweeps;

    internal SynAckTimer(TcpLayer tcp)
    {
        _tcp = tcp;
        _context = tcp.Context;
        _sweeps = _context.Profile.SynAckTimer == SynAckTimerKind.Sweep;
    }

    /// <summary>Starts the timer of a request whose first SYN-ACK is about to leave.</summary>
    internal void Start(Listener listener, int place, ref ConnectionRequest request)
    {
        long jiffies = _context.Clock.From(_context.Profile.InitialRto);
        if (!_sweeps)
        {
            _tcp.Timers.Wheel.Arm(Handle.Of(HandleKind.Request, place), _context.Jiffies + jiffies);
            return;
        }

        request.Timer.Expires = (uint)(_context.Jiffies + jiffies);
        if (listener.SynQueue.Count == 1)
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
        if (!_sweeps)
        {
            _tcp.Timers.Wheel.Cancel(Handle.Of(HandleKind.Request, place));
        }
        else if (listener.SynQueue.Count == 0 && listener.SweepNode >= 0)
        {
            _tcp.Timers.Wheel.Cancel(listener.SweepNode);
        }
    }

    /// <summary>A duplicate SYN was answered: the timer starts anew with the same backoff.</summary>
    internal void Rearm(int place, ref ConnectionRequest request)
    {
        if (!_sweeps)
        {
            _tcp.Timers.Arm(Handle.Of(HandleKind.Request, place), Delay(request.Timeouts));
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

        int retries = Retries(listener, 2 * listener.SynQueue.Count > Math.Max(PressureFloor, (long)listener.Backlog));
        if (_context.Profile.CountsRequestTimeouts)
        {
            _context.Mib.Count(Counter.TcpExtTCPTimeouts);
        }

        int limit = listener.Owner.Options.DeferAccept;
        (bool expires, bool resends) = DeferRules.OnTimer(
            request.Timeouts, retries, limit, request.Has(RequestFlags.Acked), _context.Profile.DefersForEver);
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
        _tcp.Timers.Arm(Handle.Of(HandleKind.Request, place), Delay(request.Timeouts));
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
        SynQueue queue = listener.SynQueue;
        if (queue.Count == 0 || !listener.IsListening)
        {
            return;
        }

        // Linux compares with half of the table's power of two.
        int retries = Retries(listener, queue.Count >= queue.BucketCount >> 1);
        TimeSpan rto = _context.Profile.InitialRto;
        int turns = (int)(rto / _context.Profile.SweepInterval);
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
            _tcp.Timers.Arm(listener.SweepNode, _context.Clock.From(_context.Profile.SweepInterval));
        }
    }

    private void Serve(Listener listener, int place, ref ConnectionRequest request, int retries, int bucket)
    {
        (bool expires, bool resends) = DeferRules.OnTimer(
            request.Timeouts, retries, listener.Owner.Options.DeferAccept, request.Has(RequestFlags.Acked),
            _context.Profile.DefersForEver);
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
        var verdict = new Verdict(RuleId.RequestSweep, request.Retransmissions, (uint)retries, (uint)bucket);
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

    private bool Resend(Listener listener, ref ConnectionRequest request) =>
        _tcp.Routes.TryRoute(_tcp.Table.RemoteAddress(request), out Route route)
        && _tcp.Output.SynAckAgain(ref request, route, listener.Owner.Options);

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
        int retries = listener.Owner.Options.SynCount != 0
            ? listener.Owner.Options.SynCount : _context.Sysctls.TcpSynackRetries;
        if (!pressure)
        {
            return retries;
        }

        long young = 2L * listener.SynQueue.YoungCount;
        while (retries > LeastRetries && listener.SynQueue.Count >= young)
        {
            retries--;
            young *= 2;
            if (young == 0)
            {
                // No young request at all: the comparison holds down to the floor.
                retries = LeastRetries;
            }
        }

        return retries;
    }

    private long Delay(int timeouts)
    {
        TimeSpan rto = _context.Profile.InitialRto;
        long microseconds = (long)rto.TotalMicroseconds << Math.Min(timeouts, 20);
        return _context.Clock.FromMicroseconds(
            Math.Min(microseconds, (long)_context.Profile.MaximumRto.TotalMicroseconds));
    }
}
