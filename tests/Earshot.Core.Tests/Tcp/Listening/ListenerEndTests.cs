using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Sockets;
using Earshot.Core.Tcp.Listening;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Listening;

/// <summary>What is left of a listener that stops, of a request that ends, and of a SYN for which there is no
/// room.</summary>
public sealed class ListenerEndTests : HostTest
{
    // The sheet: a request that cannot be allocated is a dropped SYN.
    [Theory]
    [Trait("Linux", "inet_reqsk_alloc")]
    [InlineData(false)]
    [InlineData(true)]
    public void A_SYN_for_which_there_is_no_room_is_dropped(bool ipv6)
    {
        using var host = new TestHost(requestLimit: 1);
        host.Listen(address: ipv6 ? InetAddress.IPv6Any : default);
        var first = new Peer(host, 1, ipv6: ipv6);
        first.Syn();
        host.Mark();
        var second = new Peer(host, 2, ipv6: ipv6);
        Assert.Empty(second.Syn());
        host.Moves("ListenDrops+1");
        Assert.Equal(RuleId.SynNoRoom, host.Rule(second));
        Assert.Equal(1, host.Listener.SynCount);
        first.Ack();
        Assert.Single(second.Syn());
    }

    // Seen on the host kernel 6.18: tcp_syncookies set to 2 for the first SYN, and back to 1 for the second.
    [Fact]
    [Trait("Linux", "tcp_get_cookie_sock")]
    public void A_cookie_that_comes_back_beside_a_request_is_good_and_makes_no_connection()
    {
        Host.Set("net.ipv4.tcp_syncookies", 2);
        Host.Listen();
        var peer = new Peer(Host);
        peer.Syn();
        uint cookie = peer.Expected;
        Host.Set("net.ipv4.tcp_syncookies", 1);
        peer.Next = Peer.Isn;
        peer.Syn();
        Assert.NotEqual(cookie, peer.Expected);
        Host.Mark();
        Assert.Empty(Host.Send(peer.Segment(TcpFlags.Ack) with { Ack = cookie }));
        Host.Moves("SyncookiesRecv+1", "PassiveOpens+1");
        Assert.Equal(RuleId.CookieTwice, Host.Rule(peer));
        Assert.Equal(TcpState.SynRecv, Host.State(peer));
        Assert.Equal(0, Host.Listener.AcceptCount);
        peer.Ack();
        Assert.Equal(1, Host.Listener.AcceptCount);
        Assert.Equal(TcpState.Established, Host.State(peer));
    }

    // Seen on the host kernel 6.18: timestamps that were not agreed on are not looked at.
    [Fact]
    [Trait("Linux", "tcp_check_req")]
    public void A_timestamp_that_nobody_asked_for_does_not_harm_a_third_ACK()
    {
        Host.Listen();
        var peer = new Peer(Host);
        peer.Syn();
        Host.Send(peer.Segment(TcpFlags.Ack) with { Options = Packet.Timestamps(5, 123456) });
        Assert.Equal(TcpState.Established, Host.State(peer));
    }

    // The history, section 3: 3.10 names the protocol, "TCP" or "TCPv6".
    [Fact]
    [Trait("Linux", "tcp_syn_flood_action")]
    public void The_line_of_3_10_about_a_flood_names_the_protocol()
    {
        using var host = new TestHost(TestHost.Profile("linux-3.10"));
        host.Listen(0, address: InetAddress.IPv6Any);
        for (ushort port = 1; host.Stack.Log.Lines.Count == 0 && port < 100; port++)
        {
            new Peer(host, port, ipv6: true).Syn();
        }

        Assert.Equal(
            "TCP: TCPv6: Possible SYN flooding on port 80. Sending cookies.  Check SNMP counters.",
            Assert.Single(host.Stack.Log.Lines).Text);
    }

    [Theory]
    [Trait("Linux", "inet_csk_listen_stop")]
    [InlineData(false)]
    [InlineData(true)]
    public void An_observer_is_told_that_a_listener_stops(bool closes)
    {
        int fd = Host.Listen();
        ushort id = Host.Listener.Id;
        var changes = new List<StateChange>();
        Host.Stack.Observer = (in StateChange change) => changes.Add(change);
        Assert.Equal(0, closes ? Host.Calls.Close(fd) : Host.Calls.Shutdown(fd, 0));
        StateChange change = Assert.Single(changes);
        Assert.Equal((TcpState.Listen, TcpState.Close, id), (change.Old, change.New, change.Listener));
        Assert.Equal(new InetEndpoint(InetAddress.Any, TestHost.Port), change.Local);
    }

    [Fact]
    [Trait("Linux", "inet_csk_listen_stop")]
    public void A_socket_that_listens_again_is_listed_once()
    {
        int fd = Host.Listen();
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(0, Host.Calls.Shutdown(fd, 0));
            Assert.Equal(0, Host.Calls.Listen(fd, 5));
        }

        var rows = new List<ListenerRow>();
        Host.Stack.CopyListeners(rows);
        Assert.Single(rows);
    }

    [Fact]
    [Trait("Linux", "reuseport_stop_listen_sock")]
    public void A_group_keeps_a_stopped_member_until_it_is_closed_and_its_requests_are_gone()
    {
        Host.Set("net.ipv4.tcp_migrate_req", 1);
        int one = Member();
        new Peer(Host).Syn();
        int two = Member();
        ReusePortGroup group = Group(two);
        Host.Calls.Shutdown(two, 0);
        Assert.Equal((1, 1), (group.Count, group.ClosedCount));
        Assert.Equal(0, Host.Calls.Listen(two, 5));
        Assert.Equal((2, 0), (group.Count, group.ClosedCount));
        int three = Member();
        Host.Calls.Close(three);
        Assert.Equal((2, 0), (group.Count, group.ClosedCount));
        Host.Calls.Shutdown(two, 0);
        Host.Calls.Close(two);
        Assert.Equal((1, 0), (group.Count, group.ClosedCount));
        int four = Member();

        // The half-open one stays with the first until its timer.
        Host.Calls.Close(one);
        Assert.Equal((1, 1), (group.Count, group.ClosedCount));
        Host.Mark();
        Host.Run(1.2);
        Assert.Equal((1, 0), (group.Count, group.ClosedCount));
        Assert.Equal((1, 0), (Row(four).SynCount, Row(four).YoungCount));
        Host.Moves("TCPMigrateReqSuccess+1", "TCPTimeouts+1", "TCPSynRetrans+1", "RetransSegs+1");
        Assert.Contains(Host.Stack.Ledger.Tallies, tally => tally.Rule == RuleId.RequestMigrated && tally.Count == 1);
    }

    [Fact]
    [Trait("Linux", "reqsk_timer_handler")]
    public void A_request_that_goes_over_with_its_last_timer_or_its_ACK_is_told_as_such()
    {
        Host.Set("net.ipv4.tcp_migrate_req", 1);
        Host.Set("net.ipv4.tcp_synack_retries", 1);
        int one = Member();
        var late = new Peer(Host, 1);
        late.Syn();
        Host.Run(1.2);
        var soon = new Peer(Host, 2);
        soon.Syn();
        Member();
        Host.Calls.Close(one);
        soon.Ack();
        Assert.Contains(Host.Stack.Ledger.Tallies, tally => tally.Rule == RuleId.RequestMigrated && tally.Count == 1);
        Host.Mark();
        Host.Run(3);
        Host.Moves("TCPMigrateReqFailure+1", "TCPTimeouts+1");
        Assert.Equal(TcpState.None, Host.State(late));
    }

    // The sheet: a program of the other kind does not migrate; with tcp_migrate_req the hash chooses.
    [Fact]
    [Trait("Linux", "reuseport_migrate_sock")]
    public void A_chooser_of_connections_alone_is_not_asked_who_takes_over()
    {
        Host.Set("net.ipv4.tcp_migrate_req", 1);
        int asked = 0;
        int one = Member(selector: (in ReusePortQuestion question) =>
        {
            asked += question.IsMigration ? 1 : 0;
            return 0;
        });
        int two = Member();
        new Peer(Host, 1).Connect();
        Host.Calls.Close(one);
        Assert.Equal(0, asked);
        Assert.Equal(1, Row(two).AcceptCount);
    }

    [Theory]
    [Trait("Linux", "reuseport_add_sock")]
    [InlineData(-1)]
    [InlineData(3)]
    public void A_processor_that_was_chosen_before_listen_counts_in_the_group(int other)
    {
        Member(cpu: other);
        int own = Member(cpu: 0);
        for (ushort port = 1; port <= 20; port++)
        {
            new Peer(Host, port).Connect();
        }

        Assert.Equal(20, Row(own).AcceptCount);
    }

    // The history, section 3: the shared timer of 2.2 and the sweep run only while there are requests.
    [Theory]
    [Trait("Linux", "inet_csk_delete_keepalive_timer")]
    [InlineData("linux-2.2", false, RuleId.RequestTimer)]
    [InlineData("linux-2.2", true, RuleId.RequestTimer)]
    [InlineData("linux-2.6.32", false, RuleId.RequestSweep)]
    [InlineData("linux-2.6.32", true, RuleId.RequestSweep)]
    public void No_timer_runs_once_the_last_request_is_gone(string profile, bool resets, RuleId rule)
    {
        using var host = new TestHost(TestHost.Profile(profile));
        host.Listen();
        Assert.Null(host.Stack.NextTimer);
        var peer = new Peer(host);
        peer.Syn();
        host.Run(4);
        Assert.Equal(rule, host.Rule(peer));
        Assert.NotNull(host.Stack.NextTimer);
        if (resets)
        {
            host.Send(peer.Segment(TcpFlags.Rst));
        }
        else
        {
            host.Run(600);
        }

        Assert.Equal(0, host.Listener.SynCount);
        Assert.Null(host.Stack.NextTimer);
    }

    private int Member(ReusePortSelector? selector = null, int cpu = -1)
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        Assert.Equal(0, Host.Calls.SetOption(fd, SocketOption.ReusePort, 1));
        Assert.Equal(0, Host.Calls.SetOption(fd, SocketOption.IncomingCpu, cpu));
        Assert.Equal(0, Host.Calls.Bind(fd, new InetEndpoint(InetAddress.Parse("0.0.0.0"), TestHost.Port)));
        if (selector is not null)
        {
            Assert.Equal(0, Host.Calls.SetReusePortSelector(fd, selector));
        }

        Assert.Equal(0, Host.Calls.Listen(fd, 50));
        return fd;
    }

    private ReusePortGroup Group(int fd)
    {
        Assert.True(Host.Calls.Descriptors.TryGet(fd, out Core.Sockets.Socket socket));
        return socket.Group!;
    }

    private ListenerRow Row(int fd)
    {
        var rows = new List<ListenerRow>();
        Host.Stack.CopyListeners(rows);
        return rows.Single(row => row.Descriptor == fd);
    }
}
