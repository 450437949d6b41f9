using System;

namespace Earshot.Core.Tcp.Listening;

/// <summary>The bits of net.ipv4.tcp_fastopen.</summary>
[Flags]
internal enum FastOpenBits
{
    /// <summary>A server may take data from a SYN.</summary>
    Server = 0x2,

    /// <summary>Without a cookie too.</summary>
    ServerWithoutCookie = 0x200,

    /// <summary>Every listener, up to its backlog.</summary>
    EveryListener = 0x400,
}

/// <summary>What the cookie of a SYN is.</summary>
internal enum FastOpenMatch : byte
{
    /// <summary>Not one of ours, or none.</summary>
    None,

    /// <summary>One made with the key.</summary>
    Primary,

    /// <summary>One made with the backup key.</summary>
    Backup,
}

/// <summary>What is asked about a SYN that may open fast.</summary>
/// <param name="Bits">net.ipv4.tcp_fastopen.</param>
/// <param name="HasData">The SYN carries data or a FIN.</param>
/// <param name="CookieLength">Bytes of its cookie: 0 asks for one, -1 when there is no such option.</param>
/// <param name="QueueCount">Fast Open connections that are not finished. Linux: fastopenq.qlen.</param>
/// <param name="QueueLimit">How many there may be. Linux: fastopenq.max_qlen.</param>
/// <param name="OldestResetIsOver">One of them was reset sixty seconds ago and can be forgotten.</param>
/// <param name="NeedsNoCookie">The socket takes data without one: TCP_FASTOPEN_NO_COOKIE.</param>
/// <param name="Match">What the cookie is.</param>
internal readonly record struct FastOpenQuestion(
    int Bits,
    bool HasData,
    int CookieLength,
    int QueueCount,
    uint QueueLimit,
    bool OldestResetIsOver,
    bool NeedsNoCookie,
    FastOpenMatch Match);

/// <summary>What becomes of a SYN that might open fast.</summary>
/// <param name="MakesChild">A connection is made at once.</param>
/// <param name="OffersCookie">The SYN-ACK carries a cookie.</param>
/// <param name="ForgetsReset">The oldest reset connection is forgotten to make room.</param>
/// <param name="Rule">Why; none when the SYN has nothing to do with it.</param>
/// <param name="First">A counter to move.</param>
/// <param name="Second">Another.</param>
internal readonly record struct FastOpenDecision(
    bool MakesChild,
    bool OffersCookie,
    bool ForgetsReset,
    RuleId Rule,
    Counter First = Counter.None,
    Counter Second = Counter.None);

/// <summary>TCP Fast Open, the server's side (RFC 7413): the questions in Linux's order.</summary>
internal static class FastOpenRules
{
    /// <summary>Judges a SYN that gets no SYN cookie. Linux: tcp_try_fastopen.</summary>
    internal static FastOpenDecision Decide(in FastOpenQuestion q)
    {
        // Counted also where Fast Open is switched off.
        Counter asked = q.CookieLength == 0 ? Counter.TcpExtTCPFastOpenCookieReqd : Counter.None;
        if ((q.Bits & (int)FastOpenBits.Server) == 0 || (!q.HasData && q.CookieLength < 0) || q.QueueLimit == 0)
        {
            return new FastOpenDecision(false, false, false, RuleId.None, asked);
        }

        bool forgets = (uint)q.QueueCount >= q.QueueLimit;
        if (forgets && !q.OldestResetIsOver)
        {
            return new FastOpenDecision(
                false, false, false, RuleId.FastOpenQueueFull, asked, Counter.TcpExtTCPFastOpenListenOverflow);
        }

        if ((q.Bits & (int)FastOpenBits.ServerWithoutCookie) != 0 || q.NeedsNoCookie)
        {
            return new FastOpenDecision(
                true, false, forgets, RuleId.FastOpenChild, asked, Counter.TcpExtTCPFastOpenPassive);
        }

        if (q.CookieLength == 0)
        {
            return new FastOpenDecision(false, true, forgets, RuleId.FastOpenCookie, asked);
        }

        if (q.CookieLength < 0)
        {
            return new FastOpenDecision(false, false, forgets, RuleId.None);
        }

        return q.Match switch
        {
            FastOpenMatch.Primary => new FastOpenDecision(
                true, false, forgets, RuleId.FastOpenChild, Counter.TcpExtTCPFastOpenPassive),
            FastOpenMatch.Backup => new FastOpenDecision(
                true, true, forgets, RuleId.FastOpenChild, Counter.TcpExtTCPFastOpenPassive,
                Counter.TcpExtTCPFastOpenPassiveAltKey),
            _ => new FastOpenDecision(
                false, true, forgets, RuleId.FastOpenBadCookie, Counter.TcpExtTCPFastOpenPassiveFail),
        };
    }
}
