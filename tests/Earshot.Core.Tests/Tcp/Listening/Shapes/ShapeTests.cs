using Earshot.Core.Profiles;
using Earshot.Core.Tcp.Listening;
using Earshot.Core.Tcp.Listening.Shapes;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Listening.Shapes;

[Trait("Linux", "tcp_conn_request")]
public sealed class ShapeTests
{
    private const DroppedSynCounting Counted = DroppedSynCounting.ListenCounters;

    private static readonly ListenShapeRules Global = new GlobalTableShape(admitsOneMore: true, Counted);
    private static readonly ListenShapeRules Before618 = new GlobalTableShape(admitsOneMore: false, Counted);
    private static readonly ListenShapeRules Table = new ListenerTableShape(8, true, 1, Counted);
    private static readonly ListenShapeRules Uncounted = new ListenerTableShape(8, true, 1, DroppedSynCounting.Nothing);

    /// <summary>A question to which every shape answers with a SYN-ACK.</summary>
    private static readonly SynQuestion Easy = new(false, 0, 0, 16, 0, 5, 1, 2048);

    [Fact]
    public void An_empty_listener_queues_a_SYN_and_says_what_it_holds_then()
    {
        SynDecision decision = Global.Decide(Easy with { SynCount = 3, YoungCount = 2 });
        Assert.Equal(
            new SynDecision(SynAction.Queue, new Verdict(RuleId.SynQueued, 4, 3, 16)), decision);
        Assert.Equal(SynAction.Queue, Table.Decide(Easy).Action);
    }

    [Theory]
    [InlineData(5, 5u, false)]
    [InlineData(6, 5u, true)]
    [InlineData(0, 0u, false)]
    [InlineData(1, 0u, true)]
    public void Under_6_18_the_SYN_queue_is_full_above_the_backlog(int count, uint limit, bool full) =>
        Assert.Equal(full, Global.IsSynQueueFull(count, limit));

    [Theory]
    [InlineData(4, 5u, false)]
    [InlineData(5, 5u, true)]
    public void Before_6_18_and_under_el6_the_SYN_queue_is_full_at_its_limit(int count, uint limit, bool full)
    {
        Assert.Equal(full, Before618.IsSynQueueFull(count, limit));
        Assert.Equal(full, Table.IsSynQueueFull(count, limit));
    }

    [Theory]
    [InlineData(5, 5u, false)]
    [InlineData(6, 5u, true)]
    [InlineData(1, 0u, true)]
    public void The_accept_queue_is_full_above_the_backlog(int count, uint limit, bool full) =>
        Assert.Equal(full, AcceptQueue.Overflows(count, limit));

    [Fact]
    public void Of_all_full_queues_the_SYN_queue_is_named_first()
    {
        SynQuestion worst = Easy with
        {
            SynCount = 17,
            YoungCount = 17,
            AcceptCount = 6,
            Syncookies = 0,
            MaxSynBacklog = 16,
        };
        SynDecision decision = Global.Decide(worst);
        Assert.Equal(new Verdict(RuleId.SynQueueFull, 17, 16), decision.Verdict);
        Assert.Equal((Counter.TcpExtTCPReqQFullDrop, Counter.TcpExtListenDrops, Counter.None), Counters(decision));
        Assert.Equal(RuleId.SynQueueFull, Table.Decide(worst).Verdict.Rule);
    }

    [Fact]
    public void A_full_accept_queue_is_named_before_the_last_quarter()
    {
        SynQuestion both = Easy with
        {
            SynCount = 15,
            YoungCount = 2,
            AcceptCount = 6,
            Syncookies = 0,
            MaxSynBacklog = 16,
        };
        SynDecision decision = Global.Decide(both);
        Assert.Equal(new Verdict(RuleId.SynAcceptQueueFull, 6, 5), decision.Verdict);
        Assert.Equal((Counter.TcpExtListenOverflows, Counter.TcpExtListenDrops, Counter.None), Counters(decision));
        Assert.Equal(new Verdict(RuleId.SynAcceptQueueFullYoung, 6, 5, 2), Table.Decide(both).Verdict);
    }

    [Fact]
    public void The_last_quarter_counts_a_drop_and_nothing_else()
    {
        SynQuestion question = Easy with { SynCount = 13, Syncookies = 0, MaxSynBacklog = 16 };
        SynDecision decision = Global.Decide(question);
        Assert.Equal(new Verdict(RuleId.SynLastQuarter, 13, 16), decision.Verdict);
        Assert.Equal((Counter.TcpExtListenDrops, Counter.None, Counter.None), Counters(decision));
        Assert.Equal(RuleId.SynLastQuarter, Table.Decide(question).Verdict.Rule);
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 3)]
    [InlineData(3, 4)]
    [InlineData(4, 4)]
    [InlineData(8, 7)]
    [InlineData(16, 13)]
    [InlineData(128, 97)]
    [InlineData(1024, 769)]
    public void Without_cookies_so_many_SYNs_find_room_before_the_last_quarter(int max, int admitted)
    {
        foreach (ListenShapeRules shape in new[] { Global, Table })
        {
            int count = 0;
            SynQuestion question = Easy with { Syncookies = 0, MaxSynBacklog = max, SynLimit = 4096, Backlog = 4096 };
            while (shape.Decide(question with { SynCount = count }).Action == SynAction.Queue)
            {
                count++;
            }

            Assert.Equal(admitted, count);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void With_cookies_there_is_no_last_quarter(int syncookies) =>
        Assert.Equal(
            SynAction.Queue,
            Global.Decide(Easy with { SynCount = 16, Syncookies = syncookies, MaxSynBacklog = 1 }).Action);

    [Fact]
    public void A_queue_that_has_outgrown_the_sysctl_is_refused()
    {
        SynQuestion question = Easy with { SynCount = 15, Syncookies = 0, MaxSynBacklog = 4 };
        Assert.Equal(RuleId.SynLastQuarter, Global.Decide(question).Verdict.Rule);
    }

    [Fact]
    public void A_SYN_that_takes_over_a_TIME_WAIT_is_asked_about_the_accept_queue_only()
    {
        SynQuestion forced = Easy with
        {
            HasForcedIsn = true,
            SynCount = 1000,
            YoungCount = 1000,
            Syncookies = 0,
            MaxSynBacklog = 1,
        };
        Assert.Equal(SynAction.Queue, Global.Decide(forced).Action);
        Assert.Equal(SynAction.Queue, Table.Decide(forced).Action);
        Assert.Equal(RuleId.SynAcceptQueueFull, Global.Decide(forced with { AcceptCount = 6 }).Verdict.Rule);
        Assert.Equal(RuleId.SynAcceptQueueFullYoung, Table.Decide(forced with { AcceptCount = 6 }).Verdict.Rule);
    }

    [Theory]
    [InlineData(6, 0, SynAction.Queue)]
    [InlineData(6, 1, SynAction.Queue)]
    [InlineData(6, 2, SynAction.Drop)]
    [InlineData(5, 9, SynAction.Queue)]
    public void Under_el6_a_full_accept_queue_tolerates_one_young_request(int accepted, int young, object action) =>
        Assert.Equal(
            action, Table.Decide(Easy with { AcceptCount = accepted, YoungCount = young, SynCount = 9 }).Action);

    [Theory]
    [InlineData(6, 0)]
    [InlineData(6, 1)]
    public void Under_6_18_young_requests_do_not_matter(int accepted, int young) =>
        Assert.Equal(
            RuleId.SynAcceptQueueFull,
            Global.Decide(Easy with { AcceptCount = accepted, YoungCount = young, SynCount = young }).Verdict.Rule);

    [Fact]
    public void Under_el6_a_dropped_SYN_moves_no_counter_and_later_kernels_count_it()
    {
        SynQuestion full = Easy with { SynCount = 16, Syncookies = 0 };
        SynQuestion overflow = Easy with { AcceptCount = 6, YoungCount = 2, SynCount = 2 };
        Assert.Equal((Counter.None, Counter.None, Counter.None), Counters(Uncounted.Decide(full)));
        Assert.Equal((Counter.None, Counter.None, Counter.None), Counters(Uncounted.Decide(overflow)));
        Assert.Equal(
            (Counter.TcpExtListenOverflows, Counter.TcpExtListenDrops, Counter.None), Counters(Table.Decide(overflow)));
    }

    [Theory]
    [Trait("Linux", "reqsk_queue_alloc")]
    [InlineData(0u, 16u)]
    [InlineData(5u, 16u)]
    [InlineData(15u, 16u)]
    [InlineData(16u, 32u)]
    [InlineData(128u, 256u)]
    [InlineData(4096u, 4096u)]
    public void A_SYN_table_has_the_power_of_two_above_the_backlog(uint backlog, uint size) =>
        Assert.Equal(size, Table.SynLimit(backlog, 2048, 0));

    [Fact]
    [Trait("Linux", "reqsk_queue_alloc")]
    public void A_later_listen_does_not_resize_a_SYN_table_and_changes_the_limit_of_6_18()
    {
        Assert.Equal(16u, Table.SynLimit(128, 2048, 16));
        Assert.Equal(128u, Global.SynLimit(128, 1, 16));
        Assert.Equal(0u, Global.SynLimit(0, 2048, 16));
    }

    [Fact]
    [Trait("Linux", "tcp_v4_syn_recv_sock")]
    public void A_third_ACK_with_room_makes_a_connection_and_moves_no_counter()
    {
        AckDecision decision = Global.Decide(new AckQuestion(5, 5, 1, 3));
        Assert.Equal(AckAction.Promote, decision.Action);
        Assert.Equal(new Verdict(RuleId.RequestPromoted, 6, 5), decision.Verdict);
        Assert.Equal((Counter.None, Counter.None, Counter.None), (decision.First, decision.Second, decision.Third));
    }

    [Fact]
    [Trait("Linux", "tcp_check_req")]
    public void A_third_ACK_on_a_full_accept_queue_is_ignored_and_counted_twice()
    {
        AckDecision decision = Global.Decide(new AckQuestion(6, 5, 0, 3));
        Assert.Equal(AckAction.Ignore, decision.Action);
        Assert.Equal(new Verdict(RuleId.RequestOverflow, 6, 5, 3), decision.Verdict);
        Assert.Equal(
            (Counter.TcpExtListenOverflows, Counter.TcpExtListenDrops, Counter.None),
            (decision.First, decision.Second, decision.Third));
    }

    [Fact]
    [Trait("Linux", "tcp_check_req")]
    public void With_abort_on_overflow_a_third_ACK_on_a_full_accept_queue_is_reset()
    {
        AckDecision decision = Table.Decide(new AckQuestion(6, 5, 1, 0));
        Assert.Equal(AckAction.Abort, decision.Action);
        Assert.Equal(RuleId.RequestOverflowAbort, decision.Verdict.Rule);
        Assert.Equal(
            (Counter.TcpExtListenOverflows, Counter.TcpExtListenDrops, Counter.TcpExtEmbryonicRsts),
            (decision.First, decision.Second, decision.Third));
    }

    private static (Counter First, Counter Second, Counter Third) Counters(SynDecision decision) =>
        (decision.First, decision.Second, decision.Third);
}
