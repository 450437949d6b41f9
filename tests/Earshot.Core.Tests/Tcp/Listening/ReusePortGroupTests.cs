using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Listening;

public sealed class ReusePortGroupTests : HostTest
{
    private int _port = 30000;

    [Fact]
    [Trait("Linux", "reuseport_select_sock_by_hash")]
    public void Members_of_a_group_share_the_connections_by_hash()
    {
        int[] fds = [.. Enumerable.Range(0, 4).Select(_ => Member(backlog: 100))];
        for (int i = 0; i < 100; i++)
        {
            new Peer(Host, NextPort()).Connect();
        }

        int[] counts = [.. fds.Select(fd => Info(fd).Queued)];
        Assert.Equal(100, counts.Sum());
        Assert.All(counts, count => Assert.InRange(count, 10, 40));
    }

    [Fact]
    [Trait("Linux", "__reuseport_detach_sock")]
    public void Members_stand_in_the_order_of_their_listen_and_the_last_takes_the_place_of_one_that_leaves()
    {
        int choice = 0;
        int count = 0;
        int first = Member(selector: (in ReusePortQuestion question) =>
        {
            count = question.Count;
            return choice;
        });
        int[] fds = [first, Member(), Member(), Member()];
        Assert.Equal(fds, Enumerable.Range(0, 4).Select(Chosen));
        Assert.Equal(4, count);
        Host.Calls.Close(fds[1]);
        Assert.Equal([fds[0], fds[3], fds[2]], Enumerable.Range(0, 3).Select(Chosen));
        Host.Calls.Shutdown(fds[0], 0);
        Assert.Equal([fds[2], fds[3]], Enumerable.Range(0, 2).Select(Chosen));
        Assert.Equal(0, Host.Calls.Listen(fds[0], 5));
        Assert.Equal([fds[2], fds[3], fds[0]], Enumerable.Range(0, 3).Select(Chosen));

        int Chosen(int index)
        {
            choice = index;
            return Receiver();
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(2)]
    [Trait("Linux", "reuseport_select_sock")]
    public void A_choice_that_is_none_is_left_to_the_hash(int choice)
    {
        int[] fds = [Member(selector: (in ReusePortQuestion _) => choice), Member()];
        Assert.Equal(fds, Enumerable.Range(0, 30).Select(_ => Receiver()).Distinct().Order());
    }

    [Fact]
    [Trait("Linux", "reuseport_attach_prog")]
    public void A_chooser_wants_a_socket_with_SO_REUSEPORT()
    {
        Assert.Equal(-Errno.EBADF, Host.Calls.SetReusePortSelector(99, null));
        Assert.Equal(-Errno.EINVAL, Host.Calls.SetReusePortSelector(Host.Calls.Socket(2, 1, 0), null));
        Assert.Equal(-Errno.EINVAL, Host.Calls.SetReusePortSelector(Host.Listen(), null));
    }

    [Fact]
    [Trait("Linux", "reuseport_update_incoming_cpu")]
    public void A_member_of_this_core_comes_before_others()
    {
        int[] fds = [Member(), Member(), Member()];
        Host.Calls.SetOption(fds[0], SocketOption.IncomingCpu, 3);
        Host.Calls.SetOption(fds[1], SocketOption.IncomingCpu, 0);
        Assert.Equal([fds[1]], Enumerable.Range(0, 20).Select(_ => Receiver()).Distinct());
        Host.Calls.SetOption(fds[1], SocketOption.IncomingCpu, 4);
        Assert.Equal(fds, Enumerable.Range(0, 40).Select(_ => Receiver()).Distinct().Order());
    }

    [Theory]
    [Trait("Linux", "compute_score")]
    [InlineData("0.0.0.0", 0, "10.0.0.1", 0, 1)]
    [InlineData("10.0.0.1", 0, "0.0.0.0", 2, 0)]
    [InlineData("::", 0, "0.0.0.0", 0, 1)]
    [InlineData("0.0.0.0", 0, "::", 0, 0)]
    [InlineData("0.0.0.0", 2, "0.0.0.0", 0, 1)]
    [InlineData("::", 2, "::", 0, 0)]
    [InlineData("::", 0, "::", 2, 0)]
    [InlineData("0.0.0.0", 0, "0.0.0.0", 2, 1)]
    [InlineData("0.0.0.0", 3, "0.0.0.0", 0, 1)]
    [InlineData("0.0.0.0", 3, "::", 0, 1)]
    [InlineData("::", 2, "0.0.0.0", 0, 1)]
    [InlineData("::ffff:10.0.0.1", 0, "0.0.0.0", 0, 0)]
    public void The_first_group_met_with_a_better_score_wins(
        string first, int firstDevice, string second, int secondDevice, int winner)
    {
        int[] fds = [Open(first, firstDevice), Open(second, secondDevice)];
        Assert.Equal(fds[winner], Receiver());
    }

    [Fact]
    [Trait("Linux", "inet_reuseport_add_sock")]
    public void Of_IPv4_and_IPv6_members_those_of_IPv4_get_IPv4_and_each_family_is_a_group()
    {
        int four = Open("0.0.0.0", 0);
        int six = Open("::", 0);
        Assert.Equal([four], Enumerable.Range(0, 10).Select(_ => Receiver()).Distinct());
        Host.Calls.Close(four);
        Assert.Equal(six, Receiver());
    }

    [Theory]
    [Trait("Linux", "inet_csk_listen_stop")]
    [InlineData(false)]
    [InlineData(true)]
    public void With_tcp_migrate_req_what_a_stopping_member_holds_goes_over_to_another(bool migrates)
    {
        Host.Set("net.ipv4.tcp_migrate_req", migrates ? 1 : 0);
        int choice = 0;
        int one = Member(selector: (in ReusePortQuestion question) => question.IsMigration ? -1 : choice);
        int two = Member(backlog: 0);
        Peer[] queued = [.. Enumerable.Range(0, 3).Select(_ => new Peer(Host, NextPort()).Connect())];
        Peer half = new(Host, NextPort());
        half.Syn();
        Host.Calls.Wait(two, PollMask.In, 7, exclusive: true);
        Host.Mark();
        Host.Calls.Close(one);
        if (!migrates)
        {
            Host.Moves("OutRsts+3", "EstabResets+3", "CurrEstab-3");
            Assert.Equal(TcpState.SynRecv, Host.State(half));
            Assert.Equal("R", Assert.Single(half.Ack()).Text);
            return;
        }

        // Its backlog is not asked; whoever waits there is told.
        Host.Moves("TCPMigrateReqSuccess+3");
        Assert.Equal(3, Info(two).Queued);
        Assert.True(Host.Stack.TryTakeEvent(out StackEvent woken) && woken.Waiter == 7);
        Assert.Equal(RuleId.ChildMigrated, Host.Rule(queued[0]));
        foreach (Peer peer in queued)
        {
            Assert.True(Host.Calls.Accept(two, out InetEndpoint from) > 0);
            Assert.Equal(peer.Endpoint, from);
        }

        Host.Mark();
        half.Ack();
        Host.Moves("TCPMigrateReqSuccess+1", "PassiveOpens+1", "CurrEstab+1", "TCPPureAcks+1");
        Assert.True(Host.Calls.Accept(two, out _) > 0);
        Host.Stack.CheckInvariants();
    }

    [Fact]
    [Trait("Linux", "reqsk_timer_handler")]
    public void A_half_open_request_goes_over_at_its_timer_with_its_age()
    {
        Host.Set("net.ipv4.tcp_migrate_req", 1);
        int one = Member();
        Peer half = new(Host, NextPort());
        half.Syn();
        Host.Run(2);
        int two = Member();
        Host.Calls.Close(one);
        Assert.Equal((0, 0), Info(two).Half);
        Host.Mark();
        Host.Run(3);
        Host.Moves("TCPMigrateReqSuccess+1", "TCPTimeouts+1", "TCPSynRetrans+1", "RetransSegs+1");
        Assert.Equal((1, 0), Info(two).Half);
        half.Ack();
        Assert.Equal(1, Info(two).Queued);
    }

    [Fact]
    [Trait("Linux", "reuseport_migrate_sock")]
    public void Alone_in_its_group_a_listener_fails_to_find_an_heir_and_its_children_are_reset()
    {
        Host.Set("net.ipv4.tcp_migrate_req", 1);
        int one = Member();
        new Peer(Host, NextPort()).Connect();
        Peer half = new(Host, NextPort());
        half.Syn();
        Host.Mark();
        Host.Calls.Close(one);
        Host.Moves("TCPMigrateReqFailure+1", "OutRsts+1", "EstabResets+1", "CurrEstab-1");
        Assert.Equal("R", Assert.Single(half.Ack()).Text);
        Assert.Equal(2, Host.Moved(Counter.TcpExtTCPMigrateReqFailure));
    }

    [Fact]
    [Trait("Linux", "tcp_synq_no_recent_overflow")]
    public void A_cookie_of_one_member_may_come_back_to_another()
    {
        Host.Set("net.ipv4.tcp_syncookies", 2);
        int choice = 0;
        Member(selector: (in ReusePortQuestion _) => choice);
        int two = Member();
        Peer peer = new(Host, NextPort());
        peer.Syn();
        choice = 1;
        peer.Ack();
        Assert.Equal(1, Info(two).Queued);
        Host.Moves(
            "SyncookiesSent+1", "SyncookiesRecv+1", "TCPReqQFullDoCookies+1", "PassiveOpens+1", "CurrEstab+1",
            "TCPPureAcks+1");
    }

    [Fact]
    [Trait("Linux", "inet_csk_listen_start")]
    public void Half_open_requests_are_a_listeners_own_again_when_it_listens_again()
    {
        int fd = Host.Listen();
        Peer half = new(Host, NextPort());
        half.Syn();
        Host.Calls.Shutdown(fd, 0);
        Assert.Equal(0, Host.Calls.Listen(fd, 5));
        half.Ack();
        Assert.True(Host.Calls.Accept(fd, out _) > 0);
    }

    private ushort NextPort() => (ushort)_port++;

    private int Member(int backlog = 50, ReusePortSelector? selector = null) => Open("0.0.0.0", 0, backlog, selector);

    private int Open(string address, int device, int backlog = 50, ReusePortSelector? selector = null)
    {
        int fd = Host.Calls.Socket(address.Contains(':') ? 10 : 2, 1, 0);
        Assert.Equal(0, Host.Calls.SetOption(fd, SocketOption.ReusePort, 1));
        Assert.Equal(0, Host.Calls.SetOption(fd, SocketOption.BindToInterface, device));
        Assert.Equal(0, Host.Calls.Bind(fd, new InetEndpoint(InetAddress.Parse(address), TestHost.Port)));
        if (selector is not null)
        {
            Assert.Equal(0, Host.Calls.SetReusePortSelector(fd, selector));
        }

        Assert.Equal(0, Host.Calls.Listen(fd, backlog));
        return fd;
    }

    /// <summary>Connects once and tells whose queue the connection is in, which is then empty again.</summary>
    private int Receiver()
    {
        new Peer(Host, NextPort()).Connect();
        foreach (ListenerRow row in Rows())
        {
            if (row.AcceptCount > 0)
            {
                Host.Calls.Close(Host.Calls.Accept(row.Descriptor, out _));
                Host.Take();
                return row.Descriptor;
            }
        }

        return -1;
    }

    private (int Queued, (int Count, int Young) Half) Info(int fd)
    {
        ListenerRow row = Rows().Single(row => row.Descriptor == fd);
        return (row.AcceptCount, (row.SynCount, row.YoungCount));
    }

    private List<ListenerRow> Rows()
    {
        var rows = new List<ListenerRow>();
        Host.Stack.CopyListeners(rows);
        return rows;
    }
}
