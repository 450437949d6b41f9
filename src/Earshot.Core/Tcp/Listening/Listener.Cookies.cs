using System.Globalization;
using Earshot.Core.Ip;
using Earshot.Core.Profiles;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Listening;

/// <content>SYN cookies: a SYN answered and forgotten, and the ACK that brings it back.</content>
internal sealed partial class Listener
{
    private readonly OverflowStamp _overflow = new();
    private bool _hasWarned;

    /// <summary>When this listener last sent a cookie; members of a group share one, so that an ACK may come to another
    /// member than its SYN. Linux: tcp_synq_overflow.</summary>
    internal OverflowStamp Overflow =>
        Group is { } group && Options.ReusePort ? group.Overflow : _overflow;

    /// <summary>Answers a SYN with a cookie; nothing stays but a stamp of the time. Linux: tcp_conn_request.</summary>
    private void SendCookie(in TcpSegment syn, int @interface, in Route route)
    {
        SynCookies cookies = Rules.Cookies!;
        ConnectionRequest request = default;
        Fill(ref request, syn, @interface, route, cookies, out _);
        cookies.NoteOverflow(Overflow);
        ref readonly FourTuple tuple = ref syn.Tuple;
        request.Isn = cookies.Encode(tuple, syn.Seq, request.Mss, out uint offset).Value;
        request.TsOffset = request.Has(RequestFlags.Timestamps) && HasTimestampOffset ? offset : 0;
        uint stamp = _context.TimestampClock;
        stamp = request.Has(RequestFlags.Timestamps) ? cookies.Stamp(stamp, request) : stamp;
        _tcp.Output.RememberIpOptions(tuple);
        _tcp.Output.SynAck(ref request, tuple, route, Options, stamp);
        _tcp.Output.ForgetIpOptions(tuple);
    }

    /// <summary>An ACK that belongs to no request may acknowledge a cookie. Linux: cookie_v4_check,
    /// cookie_v6_check.</summary>
    /// <param name="ack">The segment: with ACK, without RST.</param>
    /// <param name="tag">The hash of its tuple.</param>
    /// <param name="hasRequest">Whether a request has this tuple; the ACK does not fit it.</param>
    /// <returns>Whether the segment is done with; otherwise it is to be reset.</returns>
    internal bool TryCookie(in TcpSegment ack, uint tag, bool hasRequest)
    {
        if (_context.Sysctls.TcpSyncookies == 0 || Rules.Cookies is not { } cookies)
        {
            return false;
        }

        bool lately = cookies.HasOverflowed(Overflow);
        ushort mss = 0;
        bool decodes = lately && cookies.TryDecode(ack.Tuple, ack.Seq - 1, ack.Ack - 1, out mss);
        ConnectionRequest request = default;
        bool allowed = decodes && TryRestore(cookies, ack, mss, ref request);
        Route route = default;
        bool hasRoute = allowed && _tcp.Routes.TryRoute(ack.Source, out route);
        CookieDecision decision = ListenShapeRules.Decide(new CookieQuestion(
            lately, cookies.GateSeconds, decodes, mss, allowed, hasRoute, AcceptQueue.Count,
            Rules.Shape.AcceptLimit(Backlog),
            cookies.CountsClosedGate));
        _context.Mib.Count(decision.First);
        _context.Mib.Count(decision.Second);
        _context.Mib.Count(decision.Third);
        if (hasRequest && decision.Action == CookieAction.Promote)
        {
            _context.Mib.Count(Counter.TcpPassiveOpens);
            _context.Judge(ack, RuleId.CookieTwice, listener: Id);
            return true;
        }

        if (!hasRequest || decision.Action != CookieAction.Refuse)
        {
            _context.Judge(ack.Tuple, decision.Verdict, Id);
        }

        if (decision.Action == CookieAction.Promote)
        {
            Promote(ref request, cookies, ack, route, tag);
        }

        return decision.Action != CookieAction.Refuse;
    }

    private bool TryRestore(SynCookies cookies, in TcpSegment ack, ushort mss, ref ConnectionRequest request)
    {
        request.Listener = Place;
        request.LocalPort = ack.DestinationPort;
        request.RemotePort = ack.SourcePort;
        request.PeerIsn = (ack.Seq - 1).Value;
        request.Isn = (ack.Ack - 1).Value;
        request.Mss = mss;
        request.Tos = ack.Tos;
        request.Flags = RequestFlags.Cookie;
        if (_context.Sysctls.TcpTimestamps == 0 || !cookies.RemembersOptions)
        {
            return true;
        }

        TcpOptions options = TcpOptions.Parse(ack);
        if (!options.HasTimestamp)
        {
            // What the SYN-ACK offered is lost with the stamp that remembered it.
            return true;
        }

        _tcp.InitialSequence.Next(ack.Tuple, _context.Now, out uint offset);
        request.Flags |= RequestFlags.Timestamps;
        request.TsRecent = options.TsVal;
        request.TsOffset = HasTimestampOffset ? offset : 0;
        uint echo = options.TsEcr == 0 ? 0 : options.TsEcr - request.TsOffset;
        return cookies.TryTakeOptions(echo, ref request);
    }

    /// <summary>Makes a connection of an ACK. Linux: tcp_get_cookie_sock.</summary>
    private void Promote(
        ref ConnectionRequest request, SynCookies cookies, in TcpSegment ack, in Route route, uint tag)
    {
        // From the cookie's MSS, not from what the SYN-ACK announced: the window may differ from the one it offered.
        ReceiveWindow window = ReceiveWindow.Initial(_context, Options, request.Mss);
        request.WindowBytes = (uint)window.Bytes;
        request.WindowScales |= (byte)(request.Has(RequestFlags.WindowScale) ? window.Scale << 4 : 0);
        _context.Mib.Count(Counter.TcpPassiveOpens);
        Connection child = _tcp.NewConnection();
        child.OpenFromRequest(request, this, ack, route, tag);
        _tcp.Table.Add(tag, child.Handle);
        TakeIn(child, ack);
    }

    /// <summary>A connection enters the accept queue and is fed the segment that made it; then accepters
    /// wake.</summary>
    internal void TakeIn(Connection child, in TcpSegment segment)
    {
        AcceptQueue.Add(child, _context.Now);
        child.OnSegment(segment);

        // The queue was filled before, and the child is ESTABLISHED by now: an accepter that wakes finds both.
        Owner.OnReadiness(PollMask.In | PollMask.ReadNormal);
    }

    /// <summary>Tells the kernel's log that the SYN queue is full. Linux: tcp_syn_flood_action.</summary>
    private void WarnOfFlood(in TcpSegment syn)
    {
        SynFloodLog log = Rules.Profile.FloodLog;
        int syncookies = _context.Sysctls.TcpSyncookies;
        if ((syncookies == 0 && !log.TellsDrops) || (log.IsSilentWhenAlways && syncookies == 2)
            || (log.Limit == FloodLogLimit.OncePerListener && _hasWarned))
        {
            return;
        }

        _hasWarned = true;
        if (log.Limit == FloodLogLimit.OncePerMinute
            ? _context.Log.TryTakeMinute(_context.Now) : _context.Log.TryTake(_context.Now))
        {
            _context.Log.Add(_context.Now, FloodText(log, syn, syncookies));
        }
    }

    private string FloodText(SynFloodLog log, in TcpSegment syn, int syncookies)
    {
        bool ipv4 = syn.Source.IsIPv4;
        return log.Text
            .Replace("{slab}", ipv4 ? "request_sock_TCP" : "request_sock_TCPv6")
            .Replace("{protocol}", ipv4 ? "TCP" : "TCPv6")
            .Replace("{endpoint}", Local.ToString())
            .Replace("{port}", Local.Port.ToString(CultureInfo.InvariantCulture))
            .Replace("{peer}", syn.Source.ToString())
            .Replace("{local}", syn.Destination.ToString())
            .Replace("{action}", syncookies != 0 ? "Sending cookies" : "Dropping request");
    }
}
