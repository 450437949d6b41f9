using Earshot.Core.Profiles;
using Earshot.Core.Tcp.Listening;
using Earshot.Core.Tcp.Listening.Shapes;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Listening.Shapes;

/// <summary>The shapes of other eras and systems, question by question.</summary>
public sealed class OldShapeTests
{
    private const DroppedSynCounting Attempts = DroppedSynCounting.AttemptFails;
    private const DroppedSynCounting Listens = DroppedSynCounting.ListenCounters;

    private static readonly SynQuestion Easy = new(false, 0, 0, 16, 0, 5, 0, 2048);

    private static readonly ListenShapeRules Counter20 = new OneCounterShape(Attempts);
    private static readonly ListenShapeRules Plain22 = new PlainQueueShape(Attempts);
    private static readonly ListenShapeRules Table24 = new ListenerTableShape(64, false, 1, Attempts);
    private static readonly ListenShapeRules Backlog44 = new BacklogQueueShape(false, 1, Listens);
    private static readonly ListenShapeRules Bsd = new FullSocketShape(3, true, false, DroppedSynCounting.Nothing);
    private static readonly ListenShapeRules Xnu = new FullSocketShape(2, false, true, Listens);
    private static readonly ListenShapeRules FreeBsd = new SynCacheShape(3, true, 30);

    [Theory]
    [InlineData(0, 4, SynAction.Queue)]
    [InlineData(0, 5, SynAction.Drop)]
    [InlineData(2, 2, SynAction.Queue)]
    [InlineData(2, 3, SynAction.Drop)]
    [InlineData(5, 0, SynAction.Drop)]
    [InlineData(5, 1, SynAction.Drop)]
    public void Before_2_2_requests_and_connections_together_may_be_as_many_as_the_backlog(
        int requests, int connections, object action)
    {
        SynDecision decision = Counter20.Decide(Easy with { SynCount = requests, AcceptCount = connections });
        Assert.Equal(action, decision.Action);
        Assert.Equal(
            decision.Action == SynAction.Drop
                ? new SynDecision(
                    SynAction.Drop,
                    new Verdict(RuleId.SynCounterFull, (uint)(requests + connections), 5, (uint)requests),
                    Counter.TcpAttemptFails,
                    SynQueueFull: true)
                : new SynDecision(SynAction.Queue, new Verdict(RuleId.SynQueued, (uint)requests + 1, 1, 16)),
            decision);
    }

    [Theory]
    [InlineData(9)]
    [InlineData(0)]
    public void Before_2_2_and_under_the_BSDs_the_third_ACK_is_asked_nothing(int accepted)
    {
        foreach (ListenShapeRules shape in new[] { Counter20, Bsd, Xnu })
        {
            AckDecision decision = shape.Decide(new AckQuestion(accepted, 5, 1, 0));
            Assert.Equal(
                new AckDecision(AckAction.Promote, new Verdict(RuleId.RequestPromoted, (uint)accepted + 1, 5)),
                decision);
        }
    }

    [Theory]
    [InlineData(128, 128, SynAction.Queue)]
    [InlineData(129, 128, SynAction.Drop)]
    [InlineData(0, 0, SynAction.Queue)]
    [InlineData(1, 0, SynAction.Drop)]
    [InlineData(0, -1, SynAction.Drop)]
    public void Under_2_2_one_request_more_than_tcp_max_syn_backlog_fits(int requests, int most, object action)
    {
        SynDecision decision = Plain22.Decide(Easy with { SynCount = requests, MaxSynBacklog = most, Backlog = 0 });
        Assert.Equal(action, decision.Action);
        if (decision.Action == SynAction.Drop)
        {
            Assert.Equal(
                new SynDecision(
                    SynAction.Drop,
                    new Verdict(RuleId.SynQueueFull, (uint)requests, (uint)most),
                    Counter.TcpAttemptFails,
                    SynQueueFull: true),
                decision);
        }
    }

    [Fact]
    public void Under_2_2_neither_a_full_accept_queue_nor_young_requests_nor_a_last_quarter_matter()
    {
        SynQuestion crowded = Easy with
        {
            AcceptCount = 99,
            YoungCount = 16,
            SynCount = 16,
            MaxSynBacklog = 16,
            Syncookies = 0,
        };
        Assert.Equal(SynAction.Queue, Plain22.Decide(crowded).Action);
        Assert.Equal(SynAction.Queue, Plain22.Decide(crowded with { HasForcedIsn = true, SynCount = 99 }).Action);
        Assert.Equal(SynAction.Drop, Plain22.Decide(crowded with { SynCount = 99 }).Action);
        Assert.Equal(700u, Plain22.SynLimit(5, 700, 0));
        Assert.Equal(700u, Plain22.SynLimit(5, 700, 3));
    }

    [Fact]
    public void Under_2_2_the_third_ACK_meets_the_accept_queue_at_backlog_plus_one()
    {
        Assert.Equal(AckAction.Promote, Plain22.Decide(new AckQuestion(5, 5, 0, 0)).Action);
        Assert.Equal(AckAction.Ignore, Plain22.Decide(new AckQuestion(6, 5, 0, 0)).Action);
    }

    [Theory]
    [Trait("Linux", "tcp_v4_conn_request")]
    [InlineData(0, 64u)]
    [InlineData(-5, 64u)]
    [InlineData(64, 64u)]
    [InlineData(65, 128u)]
    [InlineData(128, 128u)]
    [InlineData(1000, 1024u)]
    [InlineData(1024, 1024u)]
    [InlineData(1025, 2048u)]
    [InlineData(int.MaxValue, 1u << 30)]
    public void From_2_4_to_2_6_18_the_table_is_made_for_tcp_max_syn_backlog_alone(int most, uint size)
    {
        Assert.Equal(size, Table24.SynLimit(1, most, 0));
        Assert.Equal(size, Table24.SynLimit(4096, most, 0));
        Assert.Equal(32u, Table24.SynLimit(4096, most, 32));
    }

    [Theory]
    [InlineData(5u, 2, 16u)]
    [InlineData(5u, -1, 16u)]
    [InlineData(100u, 7, 16u)]
    [InlineData(100u, 15, 16u)]
    [InlineData(100u, 16, 32u)]
    [InlineData(100u, 1024, 128u)]
    [InlineData(127u, 1024, 128u)]
    [InlineData(128u, 1024, 256u)]
    [InlineData(4294967295u, int.MaxValue, 1u << 30)]
    public void From_2_6_20_on_backlog_and_sysctl_both_limit_the_table(uint backlog, int most, uint size) =>
        Assert.Equal(size, new ListenerTableShape(8, true, 1, Listens).SynLimit(backlog, most, 0));

    [Fact]
    public void Under_2_4_a_dropped_SYN_is_a_failed_attempt_whatever_dropped_it()
    {
        foreach (SynQuestion question in new[]
        {
            Easy with { SynCount = 64, SynLimit = 64 },
            Easy with { AcceptCount = 6, YoungCount = 2, SynCount = 2 },
            Easy with { SynCount = 3, MaxSynBacklog = 2, Syncookies = 0 },
        })
        {
            SynDecision decision = Table24.Decide(question);
            Assert.Equal(SynAction.Drop, decision.Action);
            Assert.Equal(
                (Counter.TcpAttemptFails, Counter.None, Counter.None),
                (decision.First, decision.Second, decision.Third));
        }
    }

    [Theory]
    [InlineData(4, SynAction.Queue)]
    [InlineData(5, SynAction.Drop)]
    public void Under_4_4_the_SYN_queue_is_full_at_the_backlog(int requests, object action)
    {
        SynQuestion question = Easy with { SynCount = requests, SynLimit = 5 };
        Assert.Equal(action, Backlog44.Decide(question).Action);
        Assert.Equal(5u, Backlog44.SynLimit(5, 1, 77));
        Assert.Equal(SynAction.Queue, Backlog44.Decide(question with { HasForcedIsn = true }).Action);
        Assert.Equal(SynAction.Queue, new BacklogQueueShape(true, 1, Listens).Decide(question).Action);
    }

    [Fact]
    public void Under_4_4_the_questions_come_in_their_order_and_count_as_later()
    {
        SynQuestion worst = Easy with
        {
            SynCount = 16,
            YoungCount = 16,
            AcceptCount = 6,
            MaxSynBacklog = 16,
            Syncookies = 0,
        };
        Assert.Equal(
            new SynDecision(
                SynAction.Drop, new Verdict(RuleId.SynQueueFull, 16, 16), Counter.TcpExtTCPReqQFullDrop,
                Counter.TcpExtListenDrops, SynQueueFull: true),
            Backlog44.Decide(worst));
        Assert.Equal(
            new SynDecision(
                SynAction.Drop, new Verdict(RuleId.SynAcceptQueueFullYoung, 6, 5, 2), Counter.TcpExtListenOverflows,
                Counter.TcpExtListenDrops),
            Backlog44.Decide(worst with { SynCount = 15, YoungCount = 2 }));
        Assert.Equal(
            new SynDecision(
                SynAction.Drop, new Verdict(RuleId.SynLastQuarter, 15, 16), Counter.TcpExtListenDrops),
            Backlog44.Decide(worst with { SynCount = 15, YoungCount = 1 }));
        Assert.Equal(SynAction.Queue, Backlog44.Decide(worst with { SynCount = 12, YoungCount = 1 }).Action);
        Assert.Equal(
            SynAction.Queue, Backlog44.Decide(worst with { HasForcedIsn = true, YoungCount = 1 }).Action);
    }

    [Theory]
    [InlineData(0u, 0u)]
    [InlineData(1u, 1u)]
    [InlineData(2u, 3u)]
    [InlineData(5u, 7u)]
    [InlineData(4294967295u, 2147483646u)]
    public void Under_4_4BSD_the_limit_is_half_as_much_again(uint backlog, uint limit)
    {
        Assert.Equal(limit, Bsd.SynLimit(backlog, 2048, 0));
        Assert.Equal(backlog, Xnu.SynLimit(backlog, 2048, 0));
    }

    [Theory]
    [InlineData(0u, 1)]
    [InlineData(1u, 2)]
    [InlineData(5u, 8)]
    public void Under_4_4BSD_backlogs_of_0_1_and_5_admit_1_2_and_8(uint backlog, int admitted)
    {
        SynQuestion question = Easy with { Backlog = backlog, SynLimit = Bsd.SynLimit(backlog, 0, 0) };
        Assert.Equal(
            SynAction.Queue, Bsd.Decide(question with { AcceptCount = admitted - 1 }).Action);
        Assert.Equal(
            new SynDecision(
                SynAction.Drop,
                new Verdict(RuleId.SynCounterFull, (uint)admitted, question.SynLimit, (uint)admitted - 1)),
            Bsd.Decide(question with { AcceptCount = 1, SynCount = admitted - 1 }));
    }

    [Fact]
    public void Under_XNU_a_SYN_that_finds_the_queues_full_pushes_an_unfinished_connection_out()
    {
        SynQuestion full = Easy with { SynLimit = 5, AcceptCount = 3, SynCount = 2 };
        Assert.Equal(
            new SynDecision(
                SynAction.QueueInPlaceOfAnother, new Verdict(RuleId.SynQueuedForAnother, 5, 5, 2)),
            Xnu.Decide(full));
        Assert.Equal(SynAction.Queue, Xnu.Decide(full with { AcceptCount = 2 }).Action);
        Assert.Equal(
            new SynDecision(
                SynAction.Drop, new Verdict(RuleId.SynCounterFull, 5, 5), Counter.TcpExtListenDrops),
            Xnu.Decide(full with { AcceptCount = 5, SynCount = 0 }));
        Assert.True(Xnu.NeedsList);
        Assert.False(FreeBsd.NeedsList);
    }

    [Theory]
    [InlineData(29, SynAction.Queue)]
    [InlineData(30, SynAction.QueueInPlaceOfAnother)]
    [InlineData(31, SynAction.QueueInPlaceOfAnother)]
    public void Under_FreeBSD_a_full_bucket_loses_its_oldest_and_no_SYN_is_refused(int inBucket, object action)
    {
        SynQuestion question = Easy with
        {
            SynLimit = FreeBsd.SynLimit(1, 1, 0),
            Backlog = 0,
            AcceptCount = 99,
            SynCount = 999,
            Syncookies = 0,
            MaxSynBacklog = 0,
            BucketCount = inBucket,
        };
        Assert.Equal(action, FreeBsd.Decide(question).Action);
        Assert.Equal(30u, question.SynLimit);
    }

    [Theory]
    [InlineData(7, 1, AckAction.Promote)]
    [InlineData(8, 1, AckAction.Abort)]
    [InlineData(7, 0, AckAction.Promote)]
    [InlineData(8, 0, AckAction.Remove)]
    public void Under_FreeBSD_the_third_ACK_is_asked_whether_one_and_a_half_backlogs_wait(
        int accepted, int reset, object action)
    {
        AckDecision decision = FreeBsd.Decide(new AckQuestion(accepted, 5, reset, 0));
        Assert.Equal(action, decision.Action);
        if (decision.Action != AckAction.Promote)
        {
            RuleId rule = reset == 1 ? RuleId.RequestNoSocketReset : RuleId.RequestNoSocket;
            Assert.Equal(new Verdict(rule, 8, 7, 5), decision.Verdict);
            Assert.Equal(
                (Counter.TcpExtListenDrops, Counter.None, Counter.None),
                (decision.First, decision.Second, decision.Third));
        }
    }

    [Theory]
    [InlineData(6, AckAction.Promote)]
    [InlineData(7, AckAction.Abort)]
    public void A_SYN_cache_that_admits_no_more_than_its_limit_is_full_at_it(int accepted, object action) =>
        Assert.Equal(
            action, new SynCacheShape(3, false, 30).Decide(new AckQuestion(accepted, 5, 1, 0)).Action);

    [Fact]
    public void With_cookies_on_a_full_SYN_queue_answers_with_one()
    {
        SynQuestion counter = Easy with { Syncookies = 1, SynCount = 2, AcceptCount = 3 };
        Assert.Equal(
            new SynDecision(
                SynAction.Cookie, new Verdict(RuleId.SynCookie, 2, 16), Counter.TcpExtTCPReqQFullDoCookies,
                Counter.TcpExtSyncookiesSent, SynQueueFull: true),
            Counter20.Decide(counter));
        Assert.Equal(SynAction.Queue, Counter20.Decide(counter with { AcceptCount = 2 }).Action);
        SynQuestion plain = Easy with { Syncookies = 1, SynCount = 9, MaxSynBacklog = 8 };
        Assert.Equal(
            (SynAction.Cookie, new Verdict(RuleId.SynCookie, 9, 8)),
            (Plain22.Decide(plain).Action, Plain22.Decide(plain).Verdict));
        Assert.Equal(SynAction.Queue, Plain22.Decide(plain with { SynCount = 8 }).Action);
        SynQuestion backlog = Easy with { Syncookies = 1, SynCount = 5, SynLimit = 5 };
        Assert.Equal(SynAction.Cookie, Backlog44.Decide(backlog).Action);
        Assert.Equal(SynAction.Queue, Backlog44.Decide(backlog with { SynCount = 4 }).Action);
    }

    [Fact]
    public void A_full_accept_queue_beside_young_requests_keeps_cookies_back_under_4_4()
    {
        SynQuestion question = Easy with
        {
            Syncookies = 1,
            SynCount = 16,
            AcceptCount = 6,
            YoungCount = 2,
        };
        Assert.Equal(
            new SynDecision(
                SynAction.Drop, new Verdict(RuleId.SynAcceptQueueFullYoung, 6, 5, 2), Counter.TcpExtListenOverflows,
                Counter.TcpExtListenDrops, Counter.TcpExtTCPReqQFullDoCookies, SynQueueFull: true),
            Backlog44.Decide(question));
        Assert.Equal(SynAction.Cookie, Backlog44.Decide(question with { YoungCount = 1 }).Action);
        Assert.Equal(SynAction.Cookie, Backlog44.Decide(Easy with { ForcesCookies = true, Syncookies = 2 }).Action);
    }

    [Fact]
    public void Without_a_way_back_every_shape_drops_and_IP_counts_it()
    {
        SynQuestion lost = Easy with { HasRoute = false };
        ListenShapeRules[] shapes = [Counter20, Plain22, Table24, Backlog44, Bsd, Xnu, FreeBsd];
        Counter[] counted =
        [
            Counter.TcpAttemptFails, Counter.TcpAttemptFails, Counter.TcpAttemptFails, Counter.TcpExtListenDrops,
            Counter.None, Counter.TcpExtListenDrops, Counter.None,
        ];
        for (int i = 0; i < shapes.Length; i++)
        {
            Assert.Equal(
                new SynDecision(
                    SynAction.Drop, new Verdict(RuleId.SynNoRoute), Counter.IpOutNoRoutes, counted[i]),
                shapes[i].Decide(lost));
        }
    }

    [Fact]
    public void A_cookie_that_comes_back_is_let_in_as_the_release_lets_connections_in()
    {
        Assert.Equal(uint.MaxValue, Counter20.AcceptLimit(5));
        Assert.Equal(5u, Plain22.AcceptLimit(5));
        Assert.Equal(7u, FreeBsd.AcceptLimit(5));
        Assert.Equal(6u, new SynCacheShape(3, false, 30).AcceptLimit(5));
    }
}
