using Earshot.Core.Profiles;
using Earshot.Core.Tcp.Listening;
using Earshot.Core.Tcp.Listening.Shapes;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Listening.Shapes;

[Trait("Linux", "tcp_conn_request")]
public sealed class CookieRuleTests
{
    private const DroppedSynCounting Counted = DroppedSynCounting.ListenCounters;

    private static readonly ListenShapeRules Global = new GlobalTableShape(true, Counted);
    private static readonly ListenShapeRules Table = new ListenerTableShape(8, true, 1, Counted);
    private static readonly ListenShapeRules Uncounted = new ListenerTableShape(8, true, 1, DroppedSynCounting.Nothing);

    /// <summary>A full SYN queue, and nothing else in the way.</summary>
    private static readonly SynQuestion Full = new(false, 17, 17, 16, 0, 5, 1, 2048);

    /// <summary>An ACK that everything speaks for.</summary>
    private static readonly CookieQuestion Good = new(true, 120, true, 1460, true, true, 5, 5, false);

    [Fact]
    public void A_full_SYN_queue_answers_with_a_cookie()
    {
        foreach (ListenShapeRules shape in new[] { Global, Table, Uncounted })
        {
            SynDecision decision = shape.Decide(Full);
            Assert.Equal(SynAction.Cookie, decision.Action);
            Assert.Equal(new Verdict(RuleId.SynCookie, 17, 16), decision.Verdict);
            Assert.Equal(
                (Counter.TcpExtTCPReqQFullDoCookies, Counter.TcpExtSyncookiesSent, Counter.None), Counters(decision));
            Assert.True(decision.SynQueueFull);
        }
    }

    [Fact]
    public void Forced_cookies_answer_every_SYN_and_do_not_speak_of_a_full_queue()
    {
        foreach (ListenShapeRules shape in new[] { Global, Table })
        {
            SynDecision decision = shape.Decide(Full with { SynCount = 3, Syncookies = 2, ForcesCookies = true });
            Assert.Equal((SynAction.Cookie, false), (decision.Action, decision.SynQueueFull));
            Assert.Equal(new Verdict(RuleId.SynCookieForced, 3), decision.Verdict);
            Assert.Equal(
                (Counter.TcpExtTCPReqQFullDoCookies, Counter.TcpExtSyncookiesSent, Counter.None), Counters(decision));
        }
    }

    [Fact]
    public void A_full_accept_queue_is_asked_about_after_the_cookie_and_costs_three_counters()
    {
        SynDecision decision = Global.Decide(Full with { AcceptCount = 6 });
        Assert.Equal(SynAction.Drop, decision.Action);
        Assert.Equal(new Verdict(RuleId.SynAcceptQueueFull, 6, 5), decision.Verdict);
        Assert.Equal(
            (Counter.TcpExtListenOverflows, Counter.TcpExtListenDrops, Counter.TcpExtTCPReqQFullDoCookies),
            Counters(decision));
        Assert.True(decision.SynQueueFull);

        SynDecision table = Table.Decide(Full with { AcceptCount = 6, YoungCount = 2 });
        Assert.Equal((SynAction.Drop, RuleId.SynAcceptQueueFullYoung), (table.Action, table.Verdict.Rule));
        Assert.Equal(
            (Counter.TcpExtListenOverflows, Counter.TcpExtListenDrops, Counter.TcpExtTCPReqQFullDoCookies),
            Counters(table));
        Assert.Equal(SynAction.Cookie, Table.Decide(Full with { AcceptCount = 6, YoungCount = 1 }).Action);
    }

    [Fact]
    public void Without_cookies_a_full_SYN_queue_drops_and_may_be_told_to_the_log()
    {
        SynDecision decision = Global.Decide(Full with { Syncookies = 0 });
        Assert.Equal((SynAction.Drop, true), (decision.Action, decision.SynQueueFull));
        Assert.Equal((Counter.TcpExtTCPReqQFullDrop, Counter.TcpExtListenDrops, Counter.None), Counters(decision));
        SynDecision table = Table.Decide(Full with { Syncookies = 0 });
        Assert.Equal((SynAction.Drop, true), (table.Action, table.SynQueueFull));
        Assert.Equal((Counter.TcpExtTCPReqQFullDrop, Counter.TcpExtListenDrops, Counter.None), Counters(table));
    }

    [Fact]
    public void A_SYN_that_takes_over_a_TIME_WAIT_gets_no_cookie()
    {
        SynQuestion forced = Full with { HasForcedIsn = true, ForcesCookies = true, Syncookies = 2 };
        Assert.Equal(SynAction.Queue, Global.Decide(forced).Action);
        Assert.Equal(SynAction.Queue, Table.Decide(forced).Action);
    }

    [Fact]
    public void The_way_back_is_asked_for_after_the_queues_and_before_the_last_quarter()
    {
        SynQuestion lost = Full with { SynCount = 13, HasRoute = false, Syncookies = 0, MaxSynBacklog = 16 };
        SynDecision decision = Global.Decide(lost);
        Assert.Equal((SynAction.Drop, RuleId.SynNoRoute), (decision.Action, decision.Verdict.Rule));
        Assert.Equal((Counter.IpOutNoRoutes, Counter.TcpExtListenDrops, Counter.None), Counters(decision));
        Assert.Equal(RuleId.SynAcceptQueueFull, Global.Decide(lost with { AcceptCount = 6 }).Verdict.Rule);

        decision = Global.Decide(Full with { HasRoute = false });
        Assert.Equal(
            (Counter.IpOutNoRoutes, Counter.TcpExtListenDrops, Counter.TcpExtTCPReqQFullDoCookies),
            Counters(decision));
        Assert.True(decision.SynQueueFull);
        Assert.Equal(RuleId.SynLastQuarter, Table.Decide(lost).Verdict.Rule);
        decision = Uncounted.Decide(Full with { HasRoute = false });
        Assert.Equal(
            (Counter.IpOutNoRoutes, Counter.None, Counter.TcpExtTCPReqQFullDoCookies), Counters(decision));
    }

    [Fact]
    public void With_a_cookie_there_is_no_last_quarter() =>
        Assert.Equal(SynAction.Cookie, Global.Decide(Full with { MaxSynBacklog = 1 }).Action);

    [Fact]
    [Trait("Linux", "cookie_v4_check")]
    public void An_ACK_of_a_cookie_makes_a_connection_in_the_accept_queue()
    {
        CookieDecision decision = ListenShapeRules.Decide(Good);
        Assert.Equal(CookieAction.Promote, decision.Action);
        Assert.Equal(new Verdict(RuleId.CookiePromoted, 6, 5, 1460), decision.Verdict);
        Assert.Equal((Counter.TcpExtSyncookiesRecv, Counter.None, Counter.None), Counters(decision));
    }

    [Fact]
    [Trait("Linux", "cookie_v4_check")]
    public void The_questions_about_an_ACK_come_in_Linuxs_order()
    {
        CookieQuestion worst = Good with
        {
            SentLately = false,
            Decodes = false,
            OptionsAllowed = false,
            HasRoute = false,
            AcceptCount = 6,
        };
        CookieDecision late = ListenShapeRules.Decide(worst);
        Assert.Equal((CookieAction.Refuse, new Verdict(RuleId.CookieNotExpected, 120)), (late.Action, late.Verdict));
        Assert.Equal((Counter.None, Counter.None, Counter.None), Counters(late));
        Assert.Equal(
            Counter.TcpExtSyncookiesFailed, ListenShapeRules.Decide(worst with { CountsClosedGate = true }).First);

        CookieDecision bad = ListenShapeRules.Decide(worst with { SentLately = true });
        Assert.Equal((CookieAction.Refuse, RuleId.CookieBad), (bad.Action, bad.Verdict.Rule));
        Assert.Equal((Counter.TcpExtSyncookiesFailed, Counter.None, Counter.None), Counters(bad));

        CookieDecision options = ListenShapeRules.Decide(worst with { SentLately = true, Decodes = true });
        Assert.Equal((CookieAction.Refuse, RuleId.CookieOptions), (options.Action, options.Verdict.Rule));
        Assert.Equal((Counter.TcpExtSyncookiesRecv, Counter.None, Counter.None), Counters(options));

        CookieDecision route = ListenShapeRules.Decide(Good with { HasRoute = false, AcceptCount = 6 });
        Assert.Equal((CookieAction.Drop, RuleId.CookieNoRoute), (route.Action, route.Verdict.Rule));
        Assert.Equal((Counter.TcpExtSyncookiesRecv, Counter.None, Counter.None), Counters(route));

        CookieDecision full = ListenShapeRules.Decide(Good with { AcceptCount = 6 });
        Assert.Equal((CookieAction.Drop, new Verdict(RuleId.CookieOverflow, 6, 5)), (full.Action, full.Verdict));
        Assert.Equal(
            (Counter.TcpExtSyncookiesRecv, Counter.TcpExtListenOverflows, Counter.TcpExtListenDrops), Counters(full));
    }

    private static (Counter First, Counter Second, Counter Third) Counters(SynDecision decision) =>
        (decision.First, decision.Second, decision.Third);

    private static (Counter First, Counter Second, Counter Third) Counters(CookieDecision decision) =>
        (decision.First, decision.Second, decision.Third);
}
