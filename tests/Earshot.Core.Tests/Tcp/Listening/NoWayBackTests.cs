using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Listening;

/// <summary>A handshake whose way back is lost in between; what is counted was seen on the host kernel 6.18, in a
/// network namespace whose prefix route was deleted.</summary>
public sealed class NoWayBackTests : HostTest
{
    private const ushort Port = 40000;
    private uint _isn;

    [Theory]
    [Trait("Linux", "tcp_v4_syn_recv_sock, tcp_v6_syn_recv_sock")]
    [InlineData(false, "PassiveOpens+1", "AttemptFails+1", "ListenDrops+1")]
    [InlineData(true, "ListenDrops+1")]
    public void A_third_ACK_without_a_way_back_leaves_the_request_as_one_that_is_acknowledged(
        bool ipv6, params string[] moved)
    {
        Half(ipv6);
        Host.Send(Segment(ipv6, TcpFlags.Ack));
        Host.Moves(moved);
        Assert.Equal(1, Host.Moved(ipv6 ? Counter.Ip6OutNoRoutes : Counter.IpOutNoRoutes));
        Assert.Equal(RuleId.RequestNoRoute, Last(ipv6));

        // It outlives timers that cannot send, and the next ACK finds it.
        Assert.Empty(Host.Run(3.4));
        Assert.Equal(2, Host.Moved(Counter.TcpExtTCPTimeouts));
        Assert.Equal(3, Host.Moved(ipv6 ? Counter.Ip6OutNoRoutes : Counter.IpOutNoRoutes));
        Host.Stack.Routes.AddRoute(Route(ipv6));
        Host.Send(Segment(ipv6, TcpFlags.Ack));
        Assert.Equal(1, Host.Listener.AcceptCount);
    }

    [Theory]
    [Trait("Linux", "reqsk_timer_handler")]
    [InlineData(false)]
    [InlineData(true)]
    public void A_timer_without_a_way_back_ends_a_request(bool ipv6)
    {
        Half(ipv6);
        Assert.Empty(Host.Run(1.2));
        Host.Moves("TCPTimeouts+1");
        Assert.Equal(1, Host.Moved(ipv6 ? Counter.Ip6OutNoRoutes : Counter.IpOutNoRoutes));
        Assert.Equal(0, Host.Listener.SynCount);
        Assert.Equal(RuleId.RequestNotSent, Last(ipv6));
    }

    // The sheet: a failed SYN-ACK with acked = 0 deletes the request at once; with acked = 1 it goes on.
    [Theory]
    [Trait("Linux", "inet_csk_reqsk_queue_prune")]
    [InlineData("linux-2.2")]
    [InlineData("linux-2.6.32")]
    [InlineData("linux-3.10")]
    public void A_sweep_without_a_way_back_ends_a_request_as_well(string profile)
    {
        using var host = new TestHost(TestHost.Profile(profile));
        host.Listen();
        host.Stack.Routes.AddRoute(Route(false));
        host.Send(Segment(false, TcpFlags.Syn));
        Assert.Equal(1, host.Listener.SynCount);
        Assert.True(Remove(host, false));
        Assert.Empty(host.Run(8));
        Assert.Equal(0, host.Listener.SynCount);
        Assert.Equal(RuleId.RequestNotSent, Last(false, host));
    }

    [Theory]
    [Trait("Linux", "tcp_check_req")]
    [InlineData(1)]
    [InlineData(2)]
    public void A_third_ACK_that_met_a_full_queue_keeps_its_request_alive_without_a_way_back(int times)
    {
        Host.Listen(0);
        Host.Stack.Routes.AddRoute(Route(false));
        _isn = Assert.Single(Host.Send(Segment(false, TcpFlags.Syn))).Seq;
        new Peer(Host, 1).Connect();
        Host.Mark();
        for (int i = 0; i < times; i++)
        {
            Host.Send(Segment(false, TcpFlags.Ack));
        }

        Host.Moves($"ListenOverflows+{times}", $"ListenDrops+{times}");
        Assert.True(Remove(Host, false));
        Assert.Empty(Host.Run(1.2));
        Assert.Equal(1, Host.Listener.SynCount);
    }

    [Theory]
    [Trait("Linux", "tcp_rtx_synack")]
    [InlineData(false)]
    [InlineData(true)]
    public void A_SYN_that_comes_again_without_a_way_back_is_not_answered(bool ipv6)
    {
        Half(ipv6);
        Host.Run(0.5);
        Assert.Empty(Host.Send(Segment(ipv6, TcpFlags.Syn)));
        Host.Moves();
        Assert.Equal(1, Host.Moved(ipv6 ? Counter.Ip6OutNoRoutes : Counter.IpOutNoRoutes));
        Assert.NotEqual(RuleId.RequestSynAgain, Last(ipv6));
        Assert.Equal(1, Host.Listener.SynCount);

        // Nor does its timer start anew.
        Host.Run(0.7);
        Assert.Equal(0, Host.Listener.SynCount);
    }

    [Theory]
    [Trait("Linux", "tcp_send_challenge_ack")]
    [InlineData(false)]
    [InlineData(true)]
    public void A_challenge_without_a_way_back_is_counted_all_the_same(bool ipv6)
    {
        Half(ipv6);
        Packet reset = Segment(ipv6, TcpFlags.Rst);
        Assert.Empty(Host.Send(reset with { Seq = reset.Seq + 4 }));
        Host.Moves("TCPChallengeACK+1");
        Assert.Equal(ipv6 ? 0 : 1, Host.Moved(Counter.TcpOutSegs));
        Assert.Equal(ipv6 ? 1 : 0, Host.Moved(Counter.Ip6OutNoRoutes));
        Assert.Equal(0, Host.Moved(Counter.IpOutNoRoutes));
        Assert.Equal(RuleId.RequestChallenge, Last(ipv6));
    }

    [Fact]
    [Trait("Linux", "tcp_conn_request")]
    public void A_SYN_without_a_way_back_is_dropped_and_counted_over_IPv6_too()
    {
        Host.Listen(address: InetAddress.IPv6Any);
        Host.Mark();
        Assert.Empty(Host.Send(Segment(true, TcpFlags.Syn)));
        Host.Moves("ListenDrops+1");
        Assert.Equal(1, Host.Moved(Counter.Ip6OutNoRoutes));
        Assert.Equal(RuleId.SynNoRoute, Last(true));
    }

    /// <summary>A request of a peer beyond the own network, whose route is then taken away.</summary>
    private void Half(bool ipv6)
    {
        Host.Listen(address: ipv6 ? InetAddress.IPv6Any : default);
        Host.Stack.Routes.AddRoute(Route(ipv6));
        _isn = Assert.Single(Host.Send(Segment(ipv6, TcpFlags.Syn))).Seq;
        Assert.True(Remove(Host, ipv6));
        Host.Mark();
    }

    private RuleId Last(bool ipv6, TestHost? host = null)
    {
        var remote = new InetEndpoint(Segment(ipv6, TcpFlags.Syn).From, Port);
        Assert.True((host ?? Host).Stack.Ledger.TryFindLast(TestHost.Port, remote, out LedgerEntry entry));
        return entry.Rule;
    }

    private Packet Segment(bool ipv6, TcpFlags flags) => new()
    {
        From = InetAddress.Parse(ipv6 ? "2001:db9::2" : "192.0.2.2"),
        To = ipv6 ? TestHost.Address6 : TestHost.Address,
        SourcePort = Port,
        Seq = flags == TcpFlags.Syn ? Peer.Isn : Peer.Isn + 1,
        Ack = flags == TcpFlags.Ack ? _isn + 1 : 0,
        Flags = flags,
        Options = flags == TcpFlags.Syn ? [2, 4, 5, 0xb4] : [],
    };

    private static RouteOptions Route(bool ipv6) =>
        new(InterfaceAddress.Parse(ipv6 ? "2001:db9::/64" : "192.0.2.0/24"));

    private static bool Remove(TestHost host, bool ipv6) =>
        host.Stack.Routes.RemoveRoute(Route(ipv6).Destination, 2, null);
}
