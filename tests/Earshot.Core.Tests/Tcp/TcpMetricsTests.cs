using System.Collections.Generic;
using Earshot.Core.Tcp;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp;

/// <summary>What connections leave behind for the next ones. Facts: docs/linux-facts.md, "What tcp_metrics
/// keeps".</summary>
[Trait("Linux", "tcp_update_metrics")]
public sealed class TcpMetricsTests : HostTest
{
    private List<TcpMetricsRow> Rows
    {
        get
        {
            var rows = new List<TcpMetricsRow>();
            Host.Stack.CopyMetrics(rows);
            return rows;
        }
    }

    [Fact]
    public void A_connection_that_ends_in_order_leaves_its_round_trip()
    {
        int listener = Host.Listen();
        Close(new Peer(Host), listener, 0.08);
        TcpMetricsRow row = Assert.Single(Rows);
        Assert.Equal((TestHost.Address, TestHost.PeerAddress), (row.Local, row.Remote));
        Assert.Equal(80_000u, row.RttMicroseconds);

        // Two equal samples: twice the first, less a quarter.
        Assert.Equal(120_000u, row.RttVarMicroseconds);
        Assert.True(row.CongestionWindow >= 10);
    }

    [Fact]
    public void A_larger_round_trip_is_taken_at_once_and_a_smaller_one_by_an_eighth()
    {
        int listener = Host.Listen();
        Close(new Peer(Host), listener, 0.08);
        Close(new Peer(Host, 40001), listener, 0.16);
        Assert.Equal(160_000u, Assert.Single(Rows).RttMicroseconds);
        Close(new Peer(Host, 40002), listener, 0.08);
        Assert.Equal(150_000u, Assert.Single(Rows).RttMicroseconds);
    }

    [Fact]
    public void A_reset_connection_leaves_nothing_and_the_sysctl_keeps_all_from_it()
    {
        int listener = Host.Listen();
        var peer = new Peer(Host);
        peer.Establish(listener);
        Host.Send(peer.Segment(TcpFlags.Rst));
        Assert.Empty(Rows);
        Host.Set("net.ipv4.tcp_no_metrics_save", 1);
        Close(new Peer(Host, 40001), listener, 0.08);
        Assert.Empty(Rows);
    }

    [Fact]
    [Trait("Linux", "tcp_peer_is_proven")]
    public void The_last_quarter_is_open_to_a_proven_peer_alone()
    {
        int listener = Host.Listen(100);
        Close(new Peer(Host), listener, 0.08);
        Host.Set("net.ipv4.tcp_syncookies", 0);
        Host.Set("net.ipv4.tcp_max_syn_backlog", 4);
        for (ushort port = 1; port <= 4; port++)
        {
            Assert.Single(Host.Send(new Peer(Host, port).SynPacket() with { From = InetAddress.Parse("10.0.0.3") }));
        }

        Packet stranger = new Peer(Host, 5).SynPacket() with { From = InetAddress.Parse("10.0.0.4") };
        Assert.Empty(Host.Send(stranger));
        Assert.Equal("SA", Assert.Single(new Peer(Host, 6).Syn()).Text);
    }

    [Fact]
    [Trait("Linux", "tcp_init_metrics")]
    public void A_slower_way_than_the_handshake_showed_sets_the_first_timeout()
    {
        int listener = Host.Listen();
        Close(new Peer(Host), listener, 0.2);
        Peer second = new Peer(Host, 40001).Establish(listener);
        Host.Calls.Send(second.Fd, new byte[10]);
        Host.Take();
        Assert.Empty(Host.Run(0.55));
        Assert.Single(Host.Run(0.15));
    }

    // The numbers are those of ip tcp_metrics on the host's kernel after the same.
    [Fact]
    public void A_connection_that_ends_in_slow_start_after_a_timeout_leaves_half_its_threshold_as_a_window()
    {
        int listener = Host.Listen();
        Assert.Equal(0, Host.Stack.Sysctls.Set("net.ipv4.tcp_congestion_control", "reno"));
        Host.Set("net.ipv4.tcp_no_ssthresh_metrics_save", 0);
        Assert.Equal((2u, 0u), TimeOut(40000));
        Assert.Equal((3u, 0u), TimeOut(40001));

        (uint Window, uint Threshold) TimeOut(ushort port)
        {
            Peer peer = new Peer(Host, port).Establish(listener);
            Host.Calls.Send(peer.Fd, new byte[1000]);
            Host.Run(0.5);
            peer.Expected += 1000;
            peer.Ack();
            peer.Fin();
            Host.Calls.Close(peer.Fd);
            peer.Expected++;
            peer.Ack();
            Host.Take();
            TcpMetricsRow row = Assert.Single(Rows);
            return (row.CongestionWindow, row.SlowStartThreshold);
        }
    }

    private void Close(Peer peer, int listener, double roundTrip)
    {
        peer.Syn();
        Host.Run(roundTrip);
        peer.Ack();
        int fd = Host.Calls.Accept(listener, out _);
        Assert.True(fd > 0);
        peer.Fin();
        Host.Calls.Close(fd);
        Host.Run(roundTrip);
        peer.Expected++;
        peer.Ack();
        Host.Take();
    }
}
