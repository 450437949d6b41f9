using System;
using System.Linq;
using Earshot.Monitor.Reading;
using Earshot.Monitor.Reports;
using Earshot.Monitor.Sampling;
using Earshot.Monitor.Verdicts;
using Earshot.Tests;
using Xunit;
using Over = Earshot.Monitor.Verdicts.Windows;

namespace Earshot.Monitor.Tests.Reading;

/// <summary>What the reader makes of a kernel that tells less, or of a table that changes while it is read.</summary>
public sealed class OtherKernelTests
{
    private const int Busy = 16, Denied = 1;

    [RootFact]
    public void A_kernel_before_4_9_tells_queues_and_no_drops_and_nothing_becomes_0()
    {
        using var kernel = new FakeKernel
        {
            Listeners = [FakeKernel.Listener(5, 80, 3, 4, FakeKernel.OldMemory())],
            Unix = [FakeKernel.UnixListener(6, "/run/x.sock", 1, 8)],
        };
        var history = new NamespaceHistory(kernel.Reader.Namespace, null);
        DateTimeOffset from = DateTimeOffset.UnixEpoch;
        history.Apply(kernel.Reader.Read(withSynRecv: false), from);
        history.Apply(kernel.Reader.Read(withSynRecv: false), from.AddSeconds(3));

        NamespaceWindow window = Over.Of(history, from, from.AddSeconds(3));
        ListenerLine tcp = ListenerLines.Of(window, history, from.AddSeconds(3)).First(one => one.Kind == "tcp");

        Assert.Equal((3u, 4u), (tcp.Queue, tcp.Limit));
        Assert.Null(tcp.Drops);
        Assert.Null(tcp.DropsPerSecond);
        Assert.Null(tcp.SynRecv);
        Assert.Contains("sk_drops, since Linux 4.9", string.Join('\n', VerdictEngine.Unknowable(window)));
        string row = ReportText.Table([tcp], false).Last();
        Assert.Equal(
            ["tcp", "3", "4", "3", "?", "?", "?", "0.0.0.0:80", "?", "?"],
            row.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.DoesNotContain(VerdictEngine.Judge(window), one => one.Severity == Severity.Critical);
    }

    [RootFact]
    public void A_full_queue_is_found_on_a_kernel_that_counts_no_drops()
    {
        using var kernel = new FakeKernel { Listeners = [FakeKernel.Listener(5, 80, 5, 4, FakeKernel.OldMemory())] };
        var history = new NamespaceHistory(kernel.Reader.Namespace, null);
        DateTimeOffset from = DateTimeOffset.UnixEpoch;
        for (int i = 0; i < 5; i++)
        {
            history.Apply(kernel.Reader.Read(withSynRecv: false), from.AddSeconds(i));
        }

        Finding found = VerdictEngine.Judge(Over.Of(history, from, from.AddSeconds(4)))
            .First(one => one.Rule == RuleNames.NotAccepting);

        Assert.Contains(found.Evidence, one => one is { Name: "drops", Value: "unknown" });
    }

    [RootFact]
    public void A_queue_that_is_full_and_was_seen_for_a_moment_only_is_called_neither_burst_nor_hang()
    {
        using var kernel = new FakeKernel { Listeners = [FakeKernel.Listener(5, 7006, 6, 5, FakeKernel.Drops(0))] };
        var history = new NamespaceHistory(kernel.Reader.Namespace, null);
        DateTimeOffset from = DateTimeOffset.UnixEpoch;
        for (int i = 0; i < 5; i++)
        {
            history.Apply(kernel.Reader.Read(withSynRecv: false), from.AddSeconds(0.1 * i));
        }

        Finding found = VerdictEngine.Judge(Over.Of(history, from, from.AddSeconds(0.4))).Single(
            one => one.Severity > Severity.Note);
        Assert.Equal(RuleNames.QueueFull, found.Rule);
        Assert.Equal("earshot check 7006 --for 10s", found.NextStep);

        // It drains, and is full again: a burst, and so it is called.
        kernel.Listeners = [FakeKernel.Listener(5, 7006, 0, 5, FakeKernel.Drops(0))];
        history.Apply(kernel.Reader.Read(withSynRecv: false), from.AddSeconds(0.5));
        kernel.Listeners = [FakeKernel.Listener(5, 7006, 6, 5, FakeKernel.Drops(3))];
        history.Apply(kernel.Reader.Read(withSynRecv: false), from.AddSeconds(0.6));
        Assert.Contains(
            VerdictEngine.Judge(Over.Of(history, from, from.AddSeconds(0.6))),
            one => one.Rule == RuleNames.AcceptBurst);
    }

    [RootFact]
    public void An_interrupted_dump_is_asked_for_again_and_three_in_a_row_are_told()
    {
        using var kernel = new FakeKernel { Listeners = [FakeKernel.Listener(5, 80, 0, 4)], InterruptedDumps = 2 };

        NamespaceDelta delta = kernel.Reader.Read(withSynRecv: false);
        Assert.Single(delta.Added);
        Assert.DoesNotContain(delta.Unknown, one => one.Contains("changed during"));

        kernel.InterruptedDumps = 3;
        delta = kernel.Reader.Read(withSynRecv: false);
        Assert.Contains(delta.Unknown, one => one.Contains("IPv4 listeners: the table changed during every try"));
        Assert.Empty(delta.Gone);
    }

    [RootFact]
    public void A_busy_socket_is_asked_again_and_a_refusal_is_told_and_ends_nobody()
    {
        using var kernel = new FakeKernel { Listeners = [FakeKernel.Listener(5, 80, 0, 4)] };
        kernel.Refusals.Enqueue(Busy);
        Assert.Single(kernel.Reader.Read(withSynRecv: false).Added);

        for (int i = 0; i < 3; i++)
        {
            kernel.Refusals.Enqueue(Denied);
            NamespaceDelta refused = kernel.Reader.Read(withSynRecv: false);
            Assert.Contains(refused.Unknown, one => one.Contains("refused the dump (EPERM)"));
            Assert.Empty(refused.Gone);
        }
    }

    [RootFact]
    public void A_listener_that_one_dump_misses_is_not_gone_while_somebody_answers_there()
    {
        byte[] first = FakeKernel.Listener(5, 80, 0, 4, FakeKernel.Drops(0));
        using var kernel = new FakeKernel { Listeners = [first], Exact = first };
        kernel.Reader.Read(withSynRecv: false);

        kernel.Listeners = [];
        Assert.Empty(kernel.Reader.Read(withSynRecv: false).Gone);

        kernel.Listeners = [first];
        NamespaceDelta again = kernel.Reader.Read(withSynRecv: false);
        Assert.Empty(again.Added);
        Assert.Empty(again.Gone);

        kernel.Listeners = [];
        Assert.Empty(kernel.Reader.Read(withSynRecv: false).Gone);
        Assert.Equal([5UL], kernel.Reader.Read(withSynRecv: false).Gone);
    }

    [RootFact]
    public void A_listener_that_a_dump_and_an_exact_query_miss_is_gone()
    {
        using var kernel = new FakeKernel { Listeners = [FakeKernel.Listener(5, 80, 0, 4, FakeKernel.Drops(0))] };
        kernel.Reader.Read(withSynRecv: false);

        kernel.Listeners = [];

        Assert.Equal([5UL], kernel.Reader.Read(withSynRecv: false).Gone);
    }

    [RootFact]
    public void Drops_go_on_where_their_32_bits_wrap()
    {
        using var kernel = new FakeKernel
        {
            Listeners = [FakeKernel.Listener(5, 80, 0, 4, FakeKernel.Drops(uint.MaxValue - 1))],
        };
        ulong before = kernel.Reader.Read(withSynRecv: false).Changed[0].Drops!.Value;

        kernel.Listeners = [FakeKernel.Listener(5, 80, 0, 4, FakeKernel.Drops(5))];

        Assert.Equal(before + 7, kernel.Reader.Read(withSynRecv: false).Changed[0].Drops);
    }

    [RootFact]
    public void Another_socket_on_the_same_port_and_inode_is_another_listener()
    {
        using var kernel = new FakeKernel
        {
            Listeners = [FakeKernel.Listener(5, 80, 0, 4, FakeKernel.Drops(900))],
            Exact = FakeKernel.Listener(9, 80, 0, 4),
        };
        var history = new NamespaceHistory(kernel.Reader.Namespace, null);
        DateTimeOffset from = DateTimeOffset.UnixEpoch;
        history.Apply(kernel.Reader.Read(withSynRecv: false), from);

        kernel.Listeners = [FakeKernel.Listener(9, 80, 0, 4, FakeKernel.Drops(2))];
        history.Apply(kernel.Reader.Read(withSynRecv: false), from.AddSeconds(1));
        history.Apply(kernel.Reader.Read(withSynRecv: false), from.AddSeconds(2));

        NamespaceWindow window = Over.Of(history, from, from.AddSeconds(2));
        Assert.Equal(2UL, window.Listeners.Single(one => !one.HasEnded).Drops);
        Assert.True(window.Listeners.Single(one => !one.HasEnded).IsNew);
        Assert.Equal(5UL, window.Listeners.Single(one => one.HasEnded).Facts.Cookie);
    }

    [Fact]
    public void A_counter_that_went_back_is_not_known_rather_than_negative()
    {
        var history = new NamespaceHistory(new NetNamespace(7, null, "fake", null), null);
        foreach (int value in (int[])[90, 3])
        {
            var delta = new NamespaceDelta
            {
                Namespace = history.Namespace,
                Counters = new System.Collections.Generic.Dictionary<string, long>
                {
                    [Names.ListenDrops] = value,
                    [Names.ListenOverflows] = 100 - value,
                },
            };
            history.Apply(delta, DateTimeOffset.UnixEpoch.AddSeconds(100 - value));
        }

        NamespaceWindow window = Over.Of(
            history, DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddSeconds(200));

        Assert.False(window.Knows(Names.ListenDrops));
        Assert.Equal(87, window.By(Names.ListenOverflows));
    }

    [Fact]
    public void A_look_asks_for_what_the_counters_say_may_have_moved_and_for_all_now_and_then()
    {
        var choice = new LookChoice();
        DateTimeOffset time = DateTimeOffset.UnixEpoch;
        LookDepth Next(LookSigns signs, bool queued = false, bool whole = false) =>
            choice.Choose(signs, queued, whole, time += TimeSpan.FromSeconds(1));
        var still = new LookSigns(10, 3, 0, 50);

        Assert.Equal(LookDepth.Everything, Next(still));
        Assert.Equal(LookDepth.Everything, Next(still)); // What the first counted may have come after it.
        Assert.Equal(LookDepth.Nothing, Next(still));
        Assert.Equal(LookDepth.Queues, Next(still, queued: true));
        Assert.Equal(LookDepth.Queues, Next(still with { Opens = 11 }));
        Assert.Equal(LookDepth.Queues, Next(still with { Opens = 11 }));
        Assert.Equal(LookDepth.Everything, Next(still with { Opens = 11 })); // The fifth second.
        Assert.Equal(LookDepth.Nothing, Next(still with { Opens = 11 }));
        Assert.Equal(LookDepth.Queues, Next(still with { Opens = 11, InUse = 49 }));
        Assert.Equal(LookDepth.Everything, Next(still with { Opens = 11, InUse = 49, Drops = 4 }));
        Assert.Equal(LookDepth.Everything, Next(still with { Opens = 11, InUse = 49, Drops = 4 }, whole: true));
        Assert.Equal(LookDepth.Everything, Next(new LookSigns(null, 4, null, 49)));
    }
}
