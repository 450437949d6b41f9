using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests;

/// <summary>What sockets and listeners tell of themselves, and what an observer is told.</summary>
public sealed class SocketReportTests : HostTest
{
    [Fact]
    [Trait("Linux", "sk_drops")]
    public void A_listener_counts_the_segments_that_it_dropped_as_the_kernel_does()
    {
        Host.Listen(backlog: 0);
        new Peer(Host, port: 2001).Syn();
        var late = new Peer(Host, port: 2002);
        Assert.Equal(0, Drops());
        var first = new Peer(Host, port: 2003);
        Host.Run(70);
        Assert.Equal(0, Drops());

        first.Connect();
        late.Syn();
        Assert.Equal(1, Drops());
        new Peer(Host, port: 2004).Syn();
        Assert.Equal(2, Drops());
        Host.Send(late.Segment(TcpFlags.Rst));
        Assert.Equal(3, Drops());
    }

    [Fact]
    [Trait("Linux", "sk_drops")]
    public void A_third_ACK_that_meets_a_full_queue_is_two_drops()
    {
        Host.Listen(backlog: 1);
        new Peer(Host, port: 2001).Connect();
        var second = new Peer(Host, port: 2002);
        var third = new Peer(Host, port: 2003);
        second.Syn();
        third.Syn();
        second.Ack();
        Assert.Equal(0, Drops());
        third.Ack();
        Assert.Equal(2, Drops());
    }

    [Fact]
    public void A_listener_remembers_the_most_of_both_queues_and_how_long_it_was_full()
    {
        int listener = Host.Listen(backlog: 1);
        new Peer(Host, port: 2001).Connect();
        new Peer(Host, port: 2002).Connect();
        Host.Run(3);
        Assert.Equal((2, 1, 2), (Host.Listener.MostAccept, Host.Listener.MostSyn, Host.Listener.AcceptCount));
        Assert.Equal(TimeSpan.FromSeconds(3), Host.Listener.FullTime);

        Assert.True(Host.Calls.Accept(listener, out _) > 0);
        Host.Run(5);
        Assert.Equal(TimeSpan.FromSeconds(3), Host.Listener.FullTime);
        Assert.Equal((2, 1), (Host.Listener.MostAccept, Host.Listener.AcceptCount));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.000001, 1)]
    [InlineData(0.001, 10)]
    [InlineData(3, 22)]
    public void Accepted_connections_are_counted_by_their_wait(double seconds, int bucket)
    {
        int listener = Host.Listen();
        new Peer(Host).Connect();
        Host.Run(seconds);
        Assert.Equal(0, Host.Listener.AcceptWaits.Sum());
        Assert.True(Host.Calls.Accept(listener, out _) > 0);
        Assert.Equal(1, Host.Listener.AcceptWaits.Sum());
        Assert.Equal(1, Host.Listener.AcceptWaits[bucket]);
    }

    [Fact]
    public void A_backlog_that_is_raised_ends_the_time_at_the_limit()
    {
        int listener = Host.Listen(backlog: 0);
        new Peer(Host).Connect();
        Host.Run(2);
        Assert.Equal(0, Host.Calls.Listen(listener, 5));
        Host.Run(2);
        Assert.Equal(TimeSpan.FromSeconds(2), Host.Listener.FullTime);
    }

    [Fact]
    public void Connections_that_wait_are_listed_with_their_age_and_bytes()
    {
        Host.Listen();
        var first = new Peer(Host, port: 2001).Connect();
        Host.Run(1);
        first.Data(7);
        new Peer(Host, port: 2002).Connect();
        Host.Run(1);
        var queue = new List<QueuedConnection>();
        Host.Stack.CopyAcceptQueue(Host.Listener.Id, queue);
        Assert.Equal(
            [(2001, 2.0, 7L, TcpState.Established), (2002, 1.0, 0L, TcpState.Established)],
            queue.Select(q => ((int)q.Remote.Port, q.Age.TotalSeconds, q.BytesWaiting, q.State)));
    }

    [Fact]
    [Trait("Linux", "get_tcp4_sock")]
    public void A_FIN_counts_as_a_byte_to_be_read_until_the_reader_has_met_it()
    {
        Peer peer = new Peer(Host).CloseWait(Host.Listen());
        Assert.Equal(1, Row(peer).ReceiveQueue);
        Assert.Equal(0, Host.Calls.Receive(peer.Fd, new byte[10]));
        Assert.Equal(0, Row(peer).ReceiveQueue);
    }

    // Found by `lab fuzz --established --seed 140002404`: the host shows it of the orphan too.
    [Fact]
    [Trait("Linux", "get_tcp4_sock")]
    public void A_second_FIN_counts_as_a_byte_that_nobody_reads_any_more()
    {
        Peer peer = new Peer(Host).CloseWait(Host.Listen());
        Assert.Equal(0, Host.Calls.Receive(peer.Fd, new byte[10]));
        Host.Send(peer.Segment(TcpFlags.Ack | TcpFlags.Fin, Peer.Bytes(10)) with { Seq = peer.Next - 10 });
        Assert.Equal(1, Row(peer).ReceiveQueue);
        Assert.Equal(0, Host.Calls.Close(peer.Fd));
        Assert.Equal((TcpState.LastAck, 1), (Row(peer).State, Row(peer).ReceiveQueue));
    }

    [Fact]
    [Trait("Linux", "inet_csk_clear_xmit_timer")]
    public void A_timer_that_was_cleared_is_a_reference_until_it_would_have_fired()
    {
        Peer peer = new Peer(Host).Establish(Host.Listen());
        Assert.Equal(1, Row(peer).Detail!.References);
        Assert.Equal(5, Host.Calls.Send(peer.Fd, new byte[5]));
        Host.Take();
        Assert.Equal(2, Row(peer).Detail!.References);
        peer.Expected += 5;
        peer.Ack();
        Assert.Equal(2, Row(peer).Detail!.References);
        Host.Run(1);
        Assert.Equal(1, Row(peer).Detail!.References);
    }

    [Fact]
    [Trait("Linux", "tcp_get_info")]
    public void A_connection_counts_its_segments_and_bytes()
    {
        Peer peer = new Peer(Host).Establish(Host.Listen());
        peer.Data(100);
        Assert.Equal(5, Host.Calls.Send(peer.Fd, new byte[5]));
        Host.Take();
        peer.Expected += 5;
        peer.Ack();
        TcpInfo info = Row(peer).Detail!.Info;
        Assert.Equal((4, 1, 100), (info.SegmentsIn, info.DataSegmentsIn, info.BytesReceived));
        Assert.Equal((1, 5, 5), (info.DataSegmentsOut, info.BytesSent, info.BytesAcked));
        Assert.Equal(2, info.Delivered);
    }

    [Fact]
    [Trait("Linux", "inet_sock_set_state")]
    public void An_observer_is_told_each_state_of_a_connection_with_the_rule_behind_it()
    {
        var changes = new List<StateChange>();
        Host.Stack.Observer = (in StateChange change) => changes.Add(change);
        Peer peer = new Peer(Host).TimeWait(Host.Listen());
        Host.Run(61);

        ushort id = Host.Listener.Id;
        Assert.Equal(
            [
                (TcpState.Close, TcpState.Listen, id, RuleId.ListenStarted),
                (TcpState.None, TcpState.SynRecv, id, RuleId.SynQueued),
                (TcpState.SynRecv, TcpState.Established, id, RuleId.RequestPromoted),
                (TcpState.Established, TcpState.FinWait1, id, RuleId.None),
                (TcpState.FinWait1, TcpState.FinWait2, id, RuleId.None),
                (TcpState.FinWait2, TcpState.TimeWait, (ushort)0, RuleId.TimeWaitEntered),
                (TcpState.TimeWait, TcpState.Close, (ushort)0, RuleId.None),
            ],
            changes.Select(change => (change.Old, change.New, change.Listener, change.Rule)));
        Assert.All(changes.Skip(1), change => Assert.Equal(peer.Endpoint, change.Remote));
    }

    [Fact]
    public void A_request_that_expires_is_told_to_the_observer()
    {
        Host.Listen();
        var changes = new List<StateChange>();
        Host.Stack.Observer = (in StateChange change) => changes.Add(change);
        new Peer(Host).Syn();
        Host.Run(70);
        Assert.Equal(
            [(TcpState.None, TcpState.SynRecv), (TcpState.SynRecv, TcpState.Close)],
            changes.Select(change => (change.Old, change.New)));
        Assert.Equal(RuleId.RequestExpired, changes[1].Rule);
    }

    private long Drops() =>
        Host.Rows().Single(row => row.State == TcpState.Listen).Detail!.Memory.Drops;

    private SocketRow Row(Peer peer) => Host.Rows().Single(row => row.Remote == peer.Endpoint);
}
