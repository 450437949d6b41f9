using Earshot.Core.Profiles;

namespace Earshot.Core.Tcp.Listening;

/// <summary>What a listener does with a SYN.</summary>
internal enum SynAction : byte
{
    /// <summary>Nothing is sent.</summary>
    Drop,

    /// <summary>A request is made and answered with a SYN-ACK.</summary>
    Queue,

    /// <summary>It is answered with a SYN-ACK whose number is a cookie, and forgotten.</summary>
    Cookie,

    /// <summary>As <see cref="Queue"/>, after another request was pushed out.</summary>
    QueueInPlaceOfAnother,
}

/// <summary>What is asked about a SYN: everything that the decision may look at.</summary>
/// <param name="HasForcedIsn">The SYN takes over a TIME_WAIT: the SYN queue's limits do not apply.</param>
/// <param name="SynCount">Requests in the SYN queue.</param>
/// <param name="YoungCount">Those whose SYN-ACK the timer has not sent again.</param>
/// <param name="SynLimit">The SYN queue's limit; what it means is the shape's.</param>
/// <param name="AcceptCount">Connections in the accept queue.</param>
/// <param name="Backlog">The accept queue's limit.</param>
/// <param name="Syncookies">net.ipv4.tcp_syncookies.</param>
/// <param name="MaxSynBacklog">net.ipv4.tcp_max_syn_backlog.</param>
/// <param name="IsProven">Whether a round trip to the peer is remembered; asked only with cookies off.</param>
/// <param name="ForcesCookies">Every SYN gets a cookie: tcp_syncookies is 2 and the release knows that value.</param>
/// <param name="HasRoute">There is a way back to the client.</param>
/// <param name="IsIPv6">The client's address is one of IPv6.</param>
/// <param name="BucketCount">Requests in the SYN's bucket of the host's SYN cache, where there is one.</param>
internal readonly record struct SynQuestion(
    bool HasForcedIsn,
    int SynCount,
    int YoungCount,
    uint SynLimit,
    int AcceptCount,
    uint Backlog,
    int Syncookies,
    int MaxSynBacklog,
    bool IsProven = false,
    bool ForcesCookies = false,
    bool HasRoute = true,
    bool IsIPv6 = false,
    int BucketCount = 0)
{
    /// <summary>What a missing way back counts beside the drop.</summary>
    internal Counter NoRouteCounter => IsIPv6 ? Counter.Ip6OutNoRoutes : Counter.IpOutNoRoutes;
}

/// <summary>The answer: what to do, what to count, and why.</summary>
/// <param name="Action">What to do.</param>
/// <param name="Verdict">Why.</param>
/// <param name="First">A counter to move, or none.</param>
/// <param name="Second">Another.</param>
/// <param name="Third">A third.</param>
/// <param name="SynQueueFull">The SYN queue was full: the kernel's log may get a line.</param>
internal readonly record struct SynDecision(
    SynAction Action,
    Verdict Verdict,
    Counter First = Counter.None,
    Counter Second = Counter.None,
    Counter Third = Counter.None,
    bool SynQueueFull = false);

/// <summary>What a listener does with the third ACK of a handshake.</summary>
internal enum AckAction : byte
{
    /// <summary>The request becomes a connection in the accept queue.</summary>
    Promote,

    /// <summary>The ACK is forgotten; the request stays and is marked as acknowledged.</summary>
    Ignore,

    /// <summary>The request is removed and the peer reset.</summary>
    Abort,

    /// <summary>The request is removed and the peer told nothing.</summary>
    Remove,
}

/// <summary>What is asked about a third ACK.</summary>
/// <param name="AcceptCount">Connections in the accept queue.</param>
/// <param name="Backlog">The accept queue's limit.</param>
/// <param name="AbortOnOverflow">net.ipv4.tcp_abort_on_overflow.</param>
/// <param name="Retransmissions">SYN-ACKs that were sent again so far.</param>
internal readonly record struct AckQuestion(int AcceptCount, uint Backlog, int AbortOnOverflow, int Retransmissions);

/// <summary>The answer: what to do, what to count, and why.</summary>
internal readonly record struct AckDecision(
    AckAction Action,
    Verdict Verdict,
    Counter First = Counter.None,
    Counter Second = Counter.None,
    Counter Third = Counter.None);

/// <summary>What a listener does with an ACK that belongs to no request.</summary>
internal enum CookieAction : byte
{
    /// <summary>It acknowledges no cookie: it is reset as any other ACK.</summary>
    Refuse,

    /// <summary>It acknowledges a cookie, and is forgotten.</summary>
    Drop,

    /// <summary>It becomes a connection in the accept queue.</summary>
    Promote,
}

/// <summary>What is asked about an ACK that may acknowledge a cookie; what need not be known is false.</summary>
/// <param name="SentLately">A cookie was sent lately enough.</param>
/// <param name="GateSeconds">How long that is.</param>
/// <param name="Decodes">The number is that of a cookie of this minute or the one before.</param>
/// <param name="Mss">The MSS that it remembers.</param>
/// <param name="OptionsAllowed">Its timestamp asks for nothing that a sysctl has switched off.</param>
/// <param name="HasRoute">There is a way back to the client.</param>
/// <param name="AcceptCount">Connections in the accept queue.</param>
/// <param name="Backlog">The accept queue's limit.</param>
/// <param name="CountsClosedGate">An ACK that comes too late for any cookie counts as a failed one.</param>
internal readonly record struct CookieQuestion(
    bool SentLately,
    uint GateSeconds,
    bool Decodes,
    ushort Mss,
    bool OptionsAllowed,
    bool HasRoute,
    int AcceptCount,
    uint Backlog,
    bool CountsClosedGate);

/// <summary>The answer: what to do, what to count, and why.</summary>
internal readonly record struct CookieDecision(
    CookieAction Action,
    Verdict Verdict,
    Counter First = Counter.None,
    Counter Second = Counter.None,
    Counter Third = Counter.None);

/// <summary>The ordered questions of an era, pure, so that a table test covers all of it.</summary>
internal abstract class ListenShapeRules
{
    // A table of more entries than this no kernel makes.
    private protected const int LargestTable = 1 << 30;

    /// <summary>Whether a listener keeps its requests in a list of its own, besides the socket table.</summary>
    internal virtual bool NeedsList => false;

    /// <summary>How many connections may wait before one that a cookie brings back is one too many.</summary>
    internal virtual uint AcceptLimit(uint backlog) => backlog;

    /// <summary>The SYN queue's limit for a listen() call.</summary>
    /// <param name="backlog">The backlog after somaxconn.</param>
    /// <param name="maxSynBacklog">net.ipv4.tcp_max_syn_backlog at this moment.</param>
    /// <param name="previous">The limit that the listener has already, or 0 at the first listen().</param>
    internal abstract uint SynLimit(uint backlog, int maxSynBacklog, uint previous);

    /// <summary>Whether the SYN queue is full. Linux: inet_csk_reqsk_queue_is_full.</summary>
    internal abstract bool IsSynQueueFull(int count, uint limit);

    /// <summary>Judges a SYN. Linux: tcp_conn_request.</summary>
    internal abstract SynDecision Decide(in SynQuestion question);

    /// <summary>Judges a third ACK. Linux: tcp_check_req, tcp_v4_syn_recv_sock.</summary>
    internal virtual AckDecision Decide(in AckQuestion question)
    {
        if (!AcceptQueue.Overflows(question.AcceptCount, question.Backlog))
        {
            return Promote(question);
        }

        bool abort = question.AbortOnOverflow != 0;
        var verdict = new Verdict(
            abort ? RuleId.RequestOverflowAbort : RuleId.RequestOverflow,
            (uint)question.AcceptCount,
            question.Backlog,
            (uint)question.Retransmissions);
        return new AckDecision(
            abort ? AckAction.Abort : AckAction.Ignore,
            verdict,
            Counter.TcpExtListenOverflows,
            Counter.TcpExtListenDrops,
            abort ? Counter.TcpExtEmbryonicRsts : Counter.None);
    }

    /// <summary>Judges an ACK that may acknowledge a cookie. Linux: cookie_v4_check.</summary>
    internal static CookieDecision Decide(in CookieQuestion question)
    {
        if (!question.SentLately)
        {
            Counter counter = question.CountsClosedGate ? Counter.TcpExtSyncookiesFailed : Counter.None;
            return new CookieDecision(
                CookieAction.Refuse, new Verdict(RuleId.CookieNotExpected, question.GateSeconds), counter);
        }

        if (!question.Decodes)
        {
            return new CookieDecision(
                CookieAction.Refuse, new Verdict(RuleId.CookieBad), Counter.TcpExtSyncookiesFailed);
        }

        // Counted before the rest is asked, so also for connections that then come to nothing.
        const Counter Received = Counter.TcpExtSyncookiesRecv;
        if (!question.OptionsAllowed)
        {
            return new CookieDecision(CookieAction.Refuse, new Verdict(RuleId.CookieOptions), Received);
        }

        if (!question.HasRoute)
        {
            return new CookieDecision(CookieAction.Drop, new Verdict(RuleId.CookieNoRoute), Received);
        }

        if (AcceptQueue.Overflows(question.AcceptCount, question.Backlog))
        {
            return new CookieDecision(
                CookieAction.Drop,
                new Verdict(RuleId.CookieOverflow, (uint)question.AcceptCount, question.Backlog),
                Received,
                Counter.TcpExtListenOverflows,
                Counter.TcpExtListenDrops);
        }

        return new CookieDecision(
            CookieAction.Promote,
            new Verdict(RuleId.CookiePromoted, (uint)question.AcceptCount + 1, question.Backlog, question.Mss),
            Received);
    }

    /// <summary>Whether the last quarter of tcp_max_syn_backlog is closed to a peer that nothing is known of.</summary>
    /// <remarks>Linux: tcp_conn_request. Signed arithmetic, so a queue that has outgrown the sysctl is
    /// refused.</remarks>
    private protected static bool IsLastQuarter(in SynQuestion q) =>
        q.Syncookies == 0 && q.MaxSynBacklog - q.SynCount < q.MaxSynBacklog >> 2 && !q.IsProven;

    /// <summary>Whether the accept queue is full beside more young requests than are tolerated.</summary>
    private protected static bool IsFullBesideYoung(in SynQuestion q, uint tolerated) =>
        AcceptQueue.Overflows(q.AcceptCount, q.Backlog) && (uint)q.YoungCount > tolerated;

    /// <summary>A refusal, counted as the release counts it.</summary>
    /// <param name="counting">What a dropped SYN is counted as.</param>
    /// <param name="verdict">Why it was dropped.</param>
    /// <param name="reason">The counter of the reason, where listeners have counters.</param>
    /// <param name="wanted">The counter of a cookie that was wanted, or none.</param>
    /// <param name="full">The SYN queue was full.</param>
    private protected static SynDecision Refuse(
        DroppedSynCounting counting, Verdict verdict, Counter reason = Counter.None, Counter wanted = Counter.None,
        bool full = false)
    {
        (Counter first, Counter second) = counting switch
        {
            DroppedSynCounting.Nothing => (Counter.None, Counter.None),
            DroppedSynCounting.AttemptFails => (Counter.TcpAttemptFails, Counter.None),
            _ when reason == Counter.None => (Counter.TcpExtListenDrops, Counter.None),
            _ => (reason, Counter.TcpExtListenDrops),
        };
        return new SynDecision(SynAction.Drop, verdict, first, second, wanted, full);
    }

    /// <summary>A refusal for want of a way back, which IP counts whatever the listener counts.</summary>
    private protected static SynDecision RefuseRoute(
        DroppedSynCounting counting, in SynQuestion q, Counter wanted, bool full)
    {
        SynDecision refused = Refuse(counting, new Verdict(RuleId.SynNoRoute), Counter.None, wanted, full);
        return refused with { First = q.NoRouteCounter, Second = refused.First };
    }

    private protected static AckDecision Promote(in AckQuestion question) => new(
        AckAction.Promote,
        new Verdict(RuleId.RequestPromoted, (uint)question.AcceptCount + 1, question.Backlog));

    private protected static SynDecision Queue(in SynQuestion q) => new(
        SynAction.Queue,
        new Verdict(RuleId.SynQueued, (uint)q.SynCount + 1, (uint)q.YoungCount + 1, q.SynLimit));

    private protected static SynDecision Cookie(in SynQuestion q, bool full) => new(
        SynAction.Cookie,
        full ? new Verdict(RuleId.SynCookie, (uint)q.SynCount, q.SynLimit)
            : new Verdict(RuleId.SynCookieForced, (uint)q.SynCount),
        Counter.TcpExtTCPReqQFullDoCookies,
        Counter.TcpExtSyncookiesSent,
        SynQueueFull: full);
}
