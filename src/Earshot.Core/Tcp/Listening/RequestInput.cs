using System;
using Earshot.Core.Ip;
using Earshot.Core.Profiles;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Listening;

/// <summary>Segments for a connection request, above all the third ACK. Linux: tcp_check_req.</summary>
internal sealed partial class RequestInput
{
    private readonly TcpLayer _tcp;
    private readonly StackContext _context;

    internal RequestInput(TcpLayer tcp)
    {
        _tcp = tcp;
        _context = tcp.Context;
    }

    /// <summary>What the segment's numbers say, computed once.</summary>
    private readonly record struct Facts(
        bool OldTimestamp, bool WrongEcho, bool InWindow, uint TsVal, bool HasTimestamp);

    /// <summary>A segment arrived for a request.</summary>
    /// <returns>True when it is to be looked up again, the request being gone with its listener.</returns>
    internal bool OnSegment(int place, in TcpSegment segment, int @interface, uint tag)
    {
        ref ConnectionRequest request = ref _tcp.Table.Requests[place];
        Listener listener = _tcp.ListenerAt(request.Listener)!;
        if (!listener.IsListening && listener.Heir(segment.Tuple) is { } heir)
        {
            // It answers from now on; the request goes over to it with its third ACK, or with its timer.
            listener = heir;
        }
        else if (!listener.IsListening)
        {
            _context.Judge(segment, RuleId.RequestListenerGone, listener: listener.Id);
            _tcp.RemoveRequest(place, ref request);
            return true;
        }

        const TcpFlags Asked = TcpFlags.Syn | TcpFlags.Ack | TcpFlags.Rst;
        TcpFlags flags = segment.Flags & Asked;
        Facts facts = Look(ref request, segment);
        if (flags == TcpFlags.Syn && segment.Seq.Value == request.PeerIsn && !facts.OldTimestamp)
        {
            if (OnDuplicateSyn(ref request, segment, listener.Id, listener.Options)
                && listener.Rules.Profile.DuplicateSynRearms)
            {
                listener.Rules.Timer.Rearm(place, ref request);
            }

            return false;
        }

        if ((flags & (TcpFlags.Ack | TcpFlags.Rst)) == TcpFlags.Ack && segment.Ack != request.SendNext)
        {
            // The request survives; the listener takes the segment as one that nothing waits for.
            _context.Judge(segment, RuleId.RequestWrongAck, listener: listener.Id);
            if (segment.Has(TcpFlags.Syn) || !listener.TryCookie(segment, tag, hasRequest: true))
            {
                _tcp.Output.Reset(segment, listener.Options.KeyOf(segment.Source));
            }

            return false;
        }

        if (facts.OldTimestamp || facts.WrongEcho || !facts.InWindow)
        {
            Refuse(ref request, segment, facts, listener.Id, listener.Options, request.SendNext);
            return false;
        }

        // The SYN bit of the very first SYN lies before the window; only a segment with data can have got here with it.
        if (segment.Seq.Value == request.PeerIsn)
        {
            flags &= ~TcpFlags.Syn;
        }

        if ((flags & (TcpFlags.Rst | TcpFlags.Syn)) != 0)
        {
            OnResetOrSyn(listener, place, ref request, segment, flags);
            return false;
        }

        if ((flags & TcpFlags.Ack) == 0)
        {
            _context.Judge(segment, RuleId.RequestNoAck, listener: listener.Id);
            return false;
        }

        OnThirdAck(listener, place, ref request, segment, facts, tag);
        return false;
    }

    private Facts Look(ref ConnectionRequest request, in TcpSegment segment)
    {
        TcpOptions options = default;
        bool hasTimestamp = false;
        if (request.Has(RequestFlags.Timestamps) && _context.Sysctls.TcpTimestamps != 0
            && segment.HeaderLength > TcpSegment.MinimumHeaderLength)
        {
            TcpOptions.Parse(segment, out options);
            hasTimestamp = options.HasTimestamp;
        }

        bool old = hasTimestamp && request.TsRecent != 0 && (int)(options.TsVal - request.TsRecent) < 0
            && !(segment.Has(TcpFlags.Rst) && IsStale(request));
        bool wrongEcho = false;
        if (hasTimestamp && options.TsEcr != 0 && _context.Profile.ChecksTimestampEcho)
        {
            uint first = FirstTimestamp(request);
            uint last = request.LastSentMilliseconds + request.TsOffset;
            wrongEcho = (int)(options.TsEcr - first) < 0 || (int)(options.TsEcr - last) > 0;
        }

        SeqNumber next = request.ReceiveNext;
        uint window = request.WindowBytes < ushort.MaxValue ? request.WindowBytes : ushort.MaxValue;
        SeqNumber right = next + window;
        SeqNumber end = segment.EndSeq;
        bool inWindow = segment.Seq == next || (end > next && segment.Seq < right)
            || (segment.Seq == right && end == right);
        return new Facts(old, wrongEcho, inWindow, options.TsVal, hasTimestamp);
    }

    /// <summary>Whether the SYN's timestamp is so old that a RST need not be newer. Linux: tcp_paws_reject.</summary>
    /// <remarks>It is not kept when the SYN came: its age is taken to be that of the timer that now runs.</remarks>
    private bool IsStale(in ConnectionRequest request)
    {
        const int SegmentLifetimeSeconds = 60;
        double seconds = _context.Profile.InitialRto.TotalSeconds * (1L << request.Timeouts);
        return Math.Min(seconds, _context.Profile.MaximumRto.TotalSeconds) >= SegmentLifetimeSeconds;
    }

    private uint FirstTimestamp(in ConnectionRequest request)
    {
        // The first SYN-ACK's time is kept in microseconds modulo 2^32; the present completes it.
        long age = (uint)((uint)_context.NowMicroseconds - request.FirstSentMicroseconds);
        long milliseconds = (_context.NowMicroseconds - age) / 1000;
        return (uint)milliseconds + request.TsOffset;
    }

    /// <summary>The SYN came again: so does the SYN-ACK.</summary>
    /// <returns>Whether it was sent.</returns>
    private bool OnDuplicateSyn(
        ref ConnectionRequest request, in TcpSegment segment, ushort listener, in SocketOptions options)
    {
        if (IsLimited(ref request, segment))
        {
            _context.Mib.Count(Counter.TcpExtTCPACKSkippedSynRecv);
            _context.Judge(
                segment, RuleId.RequestSynAgainLimited, (uint)_context.Sysctls.TcpInvalidRatelimit,
                listener: listener);
            return false;
        }

        if (!_tcp.Routes.TryRoute(segment.Source, out Route route))
        {
            _tcp.CountNoRoute(segment.Source);
            return false;
        }

        if (!_tcp.Output.SynAckAgain(ref request, route, options))
        {
            return false;
        }

        _context.Judge(segment, RuleId.RequestSynAgain, request.Retransmissions, listener: listener);
        return true;
    }

    /// <summary>Whether an answer is withheld by tcp_invalid_ratelimit. Linux: tcp_oow_rate_limited.</summary>
    private bool IsLimited(ref ConnectionRequest request, in TcpSegment segment)
    {
        int limit = _context.Sysctls.TcpInvalidRatelimit;
        return (segment.SegmentLength == 0 || segment.Has(TcpFlags.Syn)) && IsLimited(ref request, limit);
    }

    private bool IsLimited(ref ConnectionRequest request, int milliseconds)
    {
        // In jiffies modulo 2^32; 0 means never, also when a jiffy has that number.
        uint now = (uint)_context.Jiffies;
        if (request.LastOutOfWindow != 0
            && now - request.LastOutOfWindow < _context.Clock.FromMilliseconds(milliseconds))
        {
            return true;
        }

        request.LastOutOfWindow = now;
        return false;
    }

    private void Refuse(
        ref ConnectionRequest request, in TcpSegment segment, in Facts facts, ushort listener,
        in SocketOptions options, SeqNumber next)
    {
        if (!segment.Has(TcpFlags.Rst))
        {
            if (IsLimited(ref request, segment))
            {
                _context.Mib.Count(Counter.TcpExtTCPACKSkippedSynRecv);
            }
            else
            {
                Answer(request, segment, options, next);
            }
        }

        RuleId rule = RuleId.RequestOutOfWindow;
        if (facts.OldTimestamp)
        {
            rule = RuleId.RequestOldTimestamp;
            _context.Mib.Count(Counter.TcpExtPAWSEstab);
        }
        else if (facts.WrongEcho)
        {
            rule = RuleId.RequestWrongEcho;
            _context.Mib.Count(Counter.TcpExtTSEcrRejected);
        }

        _context.Judge(segment, rule, request.WindowBytes, listener: listener);
    }

    private void OnResetOrSyn(
        Listener listener, int place, ref ConnectionRequest request, in TcpSegment segment, TcpFlags flags)
    {
        bool reset = (flags & TcpFlags.Rst) != 0;
        if (reset && segment.Seq != request.ReceiveNext && _context.Profile.ChallengesInexactResets)
        {
            Challenge(ref request, segment, listener.Id, listener.Options, request.SendNext);
            return;
        }

        _context.Mib.Count(Counter.TcpAttemptFails);
        _context.Mib.Count(Counter.TcpExtEmbryonicRsts);
        _context.Judge(segment, reset ? RuleId.RequestReset : RuleId.RequestSynInWindow, listener: listener.Id);
        if (!reset)
        {
            _tcp.Output.Reset(segment, listener.Options.KeyOf(segment.Source));
        }

        _tcp.RemoveRequest(place, ref request);
    }

    private void Challenge(
        ref ConnectionRequest request, in TcpSegment segment, ushort listener, in SocketOptions options,
        SeqNumber next)
    {
        if (IsLimited(ref request, _context.Sysctls.TcpInvalidRatelimit))
        {
            _context.Mib.Count(Counter.TcpExtTCPACKSkippedChallenge);
            _context.Judge(segment, RuleId.RequestChallengeLimited, listener: listener);
            return;
        }

        if (!_tcp.ChallengeLimit.TryTake())
        {
            _context.Judge(segment, RuleId.RequestChallengeLimited, listener: listener);
            return;
        }

        _context.Mib.Count(Counter.TcpExtTCPChallengeACK);
        _context.Judge(segment, RuleId.RequestChallenge, listener: listener);
        Answer(request, segment, options, next);
    }

    /// <summary>An ACK on behalf of the request, if there is a way back.</summary>
    private void Answer(
        in ConnectionRequest request, in TcpSegment segment, in SocketOptions options, SeqNumber next)
    {
        if (_tcp.Routes.TryRoute(segment.Source, out Route route))
        {
            _tcp.Output.RequestAck(request, next, route, (byte)(segment.Tos & ~3), options);
        }
        else if (segment.Source.IsIPv4)
        {
            // Over IPv4 TCP does not learn of it. Linux: ip_send_unicast_reply.
            _context.Mib.Count(Counter.TcpOutSegs);
        }
        else
        {
            _tcp.CountNoRoute(segment.Source);
        }
    }

    private void OnThirdAck(
        Listener listener, int place, ref ConnectionRequest request, in TcpSegment segment, in Facts facts, uint tag)
    {
        int limit = listener.Options.DeferAccept;
        bool isBare = segment.EndSeq.Value == request.PeerIsn + 1;
        if (DeferRules.HoldsBack(isBare, request.Timeouts, limit, listener.Rules.Profile.DefersForEver))
        {
            request.Flags |= RequestFlags.Acked;
            _context.Mib.Count(Counter.TcpExtTCPDeferAcceptDrop);
            _context.Judge(
                segment, RuleId.RequestDeferred, request.Timeouts, (uint)limit, listener: listener.Id);
            return;
        }

        var question = new AckQuestion(
            listener.AcceptQueue.Count, listener.Backlog, _context.Sysctls.TcpAbortOnOverflow, request.Retransmissions);
        AckDecision decision = listener.Rules.Shape.Decide(question);
        _context.Mib.Count(decision.First);
        _context.Mib.Count(decision.Second);
        _context.Mib.Count(decision.Third);
        _context.Judge(segment.Tuple, decision.Verdict, listener.Id);
        switch (decision.Action)
        {
            case AckAction.Ignore:
                request.Flags |= RequestFlags.Acked;
                listener.Rules.Timer.OnIgnoredAck();
                break;
            case AckAction.Remove:
                _tcp.RemoveRequest(place, ref request);
                break;
            case AckAction.Abort:
                _tcp.Output.Reset(segment, listener.Options.KeyOf(segment.Source));
                _tcp.RemoveRequest(place, ref request);
                break;
            default:
                Promote(listener, place, ref request, segment, facts, tag);
                break;
        }
    }

    /// <summary>There is no way back for the third ACK: the request stays, as one that is acknowledged.</summary>
    private void LoseWay(Listener listener, ref ConnectionRequest request, in TcpSegment segment)
    {
        if (segment.Source.IsIPv4 && _context.Profile.Shape == ListenShape.GlobalTable)
        {
            // Over IPv4 the way is looked for when the connection is there already.
            _context.Mib.Count(Counter.TcpPassiveOpens);
            _context.Mib.Count(Counter.TcpAttemptFails);
        }

        _context.Mib.Count(Counter.TcpExtListenDrops);
        _tcp.CountNoRoute(segment.Source);
        _context.Judge(segment, RuleId.RequestNoRoute, listener: listener.Id);
        request.Flags |= RequestFlags.Acked;
    }

    /// <summary>Makes the request a connection. Linux: tcp_v4_syn_recv_sock, inet_csk_complete_hashdance.</summary>
    private void Promote(
        Listener listener, int place, ref ConnectionRequest request, in TcpSegment segment, in Facts facts, uint tag)
    {
        if (!_tcp.Routes.TryRoute(segment.Source, out Route route))
        {
            LoseWay(listener, ref request, segment);
            return;
        }

        _context.Mib.Count(Counter.TcpPassiveOpens);
        if (facts.HasTimestamp && segment.Seq <= request.ReceiveNext)
        {
            request.TsRecent = facts.TsVal;
        }

        Connection child = _tcp.NewConnection();
        child.OpenFromRequest(request, listener, segment, route, tag);
        child.SavedSyn = _tcp.SavedSyn(place);
        _tcp.Table.Replace(tag, Handle.Of(HandleKind.Request, place), child.Handle);
        Listener first = _tcp.ListenerAt(request.Listener)!;
        _tcp.ForgetRequest(first, place, ref request);
        if (first != listener)
        {
            _context.Mib.Count(Counter.TcpExtTCPMigrateReqSuccess);
            _context.Judge(segment, RuleId.RequestMigrated, listener: listener.Id);
        }

        listener.TakeIn(child, segment);
    }
}
