using System;
using System.Linq;
using Earshot.Core.Profiles;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Listening;

/// <summary>SYN-ACK timers of other eras and systems.</summary>
public sealed class OldTimerTests
{
    [Theory]
    [InlineData("linux-6.12", new double[] { 1, 3, 7, 15, 31 }, 63, 1.06)]
    [InlineData("linux-4.4", new double[] { 1, 3, 7, 15, 31 }, 63, 1)]
    [InlineData("linux-2.2", new double[] { 3, 9, 21, 45, 93, 189, 309 }, 429, 1)]
    [InlineData("linux-2.0", new double[] { 3, 9, 21, 45, 93, 189 }, 309, 1)]
    [InlineData("bsd-4.4", new double[] { 6, 18, 42 }, 75, 1)]
    [InlineData("xnu", new double[] { 1, 3, 7, 15, 31, 63 }, 75, 1)]
    [InlineData("freebsd", new double[] { 1, 3, 7 }, 15, 1)]
    public void SYN_ACKs_leave_at_the_release_s_times_and_the_request_ends_in_silence(
        string name, double[] times, double end, double slack)
    {
        using var host = new TestHost(TestHost.Profile(name));
        host.Listen();
        var peer = new Peer(host);
        peer.Syn();
        double start = host.Now.Seconds;
        Packet[] again = host.Run(end - 0.55);
        Assert.Equal(times.Length, again.Length);
        for (int i = 0; i < times.Length; i++)
        {
            // A slow clock ends a wait up to one of its ticks too early.
            Assert.InRange(again[i].Time.Seconds - start, times[i] - 0.55, (times[i] * slack) + 0.55);
        }

        Assert.Equal(TcpState.SynRecv, host.State(peer));
        Assert.Empty(host.Run(1.1 + (end * (slack - 1))));
        Assert.Equal(TcpState.None, host.State(peer));
    }

    [Theory]
    [InlineData("linux-2.6.32", 2, 1.6)]
    [InlineData("linux-3.10", 6, 0.6)]
    [InlineData("linux-2.4", 68, 1.6)]
    [InlineData("linux-2.6.11", 68, 1.6)]
    public void A_sweep_serves_its_share_of_the_buckets_and_is_late_by_a_lap_at_most(
        string name, int share, double lap)
    {
        KernelProfile profile = TestHost.Profile(name);
        double rto = profile.InitialRto.TotalSeconds;
        int buckets = profile.SynTableBuckets ?? 16;
        Assert.Equal(share, 2 * (buckets / (int)(profile.InitialRto / profile.SynAckTick!.Value)));
        double latest = 0;
        int atOnce = 0;
        for (ulong seed = 1; seed <= 60; seed++)
        {
            using var host = new TestHost(profile, seed);
            host.Listen(5);
            new Peer(host).Syn();
            double start = host.Now.Seconds;
            double first = host.Run(rto + 2)[0].Time.Seconds - start;
            Assert.InRange(first, rto - 0.02, rto + lap + 0.02);
            latest = Math.Max(latest, first);
            atOnce += first < rto + 0.1 ? 1 : 0;
        }

        Assert.True(latest > rto + (lap / 2), $"the latest came at {latest}");
        Assert.InRange(atOnce, 1, 40);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Under_2_4_a_request_whose_ACK_came_is_not_pruned_under_pressure(bool spared)
    {
        int pruned = 0;
        for (ulong seed = 1; seed <= 12; seed++)
        {
            KernelProfile profile = TestHost.Profile("linux-2.4") with { SparesAcknowledgedRequests = spared };
            using var host = new TestHost(profile, seed);
            host.Set("net.ipv4.tcp_syncookies", 1);
            host.Set("net.ipv4.tcp_max_syn_backlog", 64);
            host.Listen(0);
            for (ushort port = 100; port < 158; port++)
            {
                new Peer(host, port).Syn();
            }

            var acknowledged = new Peer(host, 2);
            acknowledged.Syn();
            new Peer(host, 1).Connect();
            acknowledged.Ack();
            Assert.Equal(59, host.Listener.SynCount);

            // At the third firing, 21 s and a lap, half of the table goes.
            host.Run(28);
            Assert.InRange(host.Listener.SynCount, 16, 31);
            pruned += host.State(acknowledged) == TcpState.None ? 1 : 0;
        }

        Assert.Equal(!spared, pruned > 0);
        Assert.True(pruned < 12);
    }

    [Fact]
    public void Under_2_2_1_ignored_ACKs_stop_the_timer_that_all_requests_share()
    {
        KernelProfile profile = TestHost.Profile("linux-2.2");
        foreach (bool loses in new[] { true, false })
        {
            using var host = new TestHost(profile with { OverflowLosesTimerUser = loses });
            host.Listen(1);
            new Peer(host, 1).Connect();
            new Peer(host, 2).Connect();
            var third = new Peer(host, 3);
            third.Syn();
            third.Ack();
            Assert.Equal(1, host.Listener.SynCount);
            Assert.Equal(loses ? 0 : 7, host.Run(500).Length);
            Assert.Equal(loses ? 1 : 0, host.Listener.SynCount);

            // Another SYN starts it again, and what was due long ago is served.
            var fourth = new Peer(host, 4);
            fourth.Syn();
            Assert.Equal(loses ? 1 : 0, host.Run(0.6).Length);
        }
    }

    [Fact]
    public void Under_2_2_the_shared_timer_serves_every_listener_of_its_kind()
    {
        using var host = new TestHost(TestHost.Profile("linux-2.2"));
        host.Listen(5);
        int second = host.Listen(5, 81);
        new Peer(host, 1).Syn();
        new Peer(host, 2, hostPort: 81).Syn();
        Assert.Equal(2, host.Run(3.6).Length);
        host.Calls.Close(second);
        Assert.Single(host.Run(6));
    }

    [Theory]
    [InlineData("linux-3.10", true)]
    [InlineData("linux-el6", false)]
    public void From_3_10_on_an_answered_duplicate_SYN_puts_the_request_off(string name, bool rearms)
    {
        int served = 0;
        for (ulong seed = 1; seed <= 20; seed++)
        {
            using var host = new TestHost(TestHost.Profile(name), seed);
            host.Listen(5);
            var peer = new Peer(host);
            peer.Syn();
            host.Run(0.9);
            Assert.Single(host.Send(peer.SynPacket() with { Seq = Peer.Isn }));
            served += host.Run(0.95).Length;
        }

        Assert.Equal(rearms ? 0 : 20, served);
    }

    [Fact]
    public void Under_XNU_a_new_SYN_pushes_out_one_unfinished_connection_by_chance()
    {
        var gone = Enumerable.Range(1, 40).Select(seed =>
        {
            using var host = new TestHost(TestHost.Profile("xnu"), (ulong)seed);
            host.Listen(3);
            Peer[] peers = [.. Enumerable.Range(1, 4).Select(port => new Peer(host, (ushort)port))];
            Assert.All(peers, peer => Assert.Equal("SA", Assert.Single(peer.Syn()).Text));
            Assert.Equal(3, host.Listener.SynCount);
            Assert.Equal(TcpState.SynRecv, host.State(peers[3]));
            Assert.Equal(RuleId.SynQueuedForAnother, host.Rule(peers[3]));
            Peer victim = Assert.Single(peers, peer => host.State(peer) == TcpState.None);
            Assert.Equal(RuleId.RequestPushedOut, host.Rule(victim));
            return victim.Port;
        }).ToHashSet();
        Assert.Equal([1, 2, 3], gone.Select(port => (int)port).Order());
    }

    [Fact]
    public void Under_FreeBSD_a_full_bucket_loses_its_oldest_of_whatever_listener()
    {
        KernelProfile profile = TestHost.Profile("freebsd") with { SynCacheBuckets = 1, SynCacheBucketLimit = 3 };
        using var host = new TestHost(profile);
        host.Listen(1);
        host.Listen(1, 81);
        Peer[] peers =
        [
            new Peer(host, 1, hostPort: 81), new Peer(host, 2), new Peer(host, 3), new Peer(host, 4),
            new Peer(host, 5, hostPort: 81),
        ];
        Assert.All(peers, peer => Assert.Equal("SA", Assert.Single(peer.Syn()).Text));
        Assert.Equal([false, false, true, true, true], peers.Select(p => host.State(p) == TcpState.SynRecv));
        host.Run(16);
        Assert.All(peers, peer => Assert.Equal(TcpState.None, host.State(peer)));
    }

    [Fact]
    public void Under_FreeBSD_the_ninth_client_of_a_backlog_of_five_is_reset_at_its_third_ACK()
    {
        using var host = new TestHost(TestHost.Profile("freebsd"));
        int fd = host.Listen(5);
        for (ushort port = 1; port <= 8; port++)
        {
            new Peer(host, port).Connect();
        }

        var ninth = new Peer(host, 9);
        Assert.Equal("SA", Assert.Single(ninth.Syn()).Text);
        host.Mark();
        Assert.Equal("R", Assert.Single(ninth.Ack()).Text);
        host.Moves("ListenDrops+1", "OutRsts+1");
        Assert.Equal((8, 0), (host.Listener.AcceptCount, host.Listener.SynCount));

        host.Set("net.inet.tcp.syncache.rst_on_sock_fail", 0);
        var tenth = new Peer(host, 10);
        tenth.Syn();
        Assert.Empty(tenth.Ack());
        Assert.Equal(0, host.Listener.SynCount);
        host.Calls.Close(fd);
    }

    [Theory]
    [InlineData("linux-2.0")]
    [InlineData("bsd-4.4")]
    [InlineData("linux-2.2")]
    public void Where_requests_hang_on_the_listener_they_go_with_it(string name)
    {
        using var host = new TestHost(TestHost.Profile(name));
        int fd = host.Listen(5);
        var peer = new Peer(host);
        peer.Syn();
        host.Calls.Close(fd);
        Assert.Equal(TcpState.None, host.State(peer));
        Assert.Empty(host.Run(400));
    }

    [Fact]
    public void A_listener_may_go_by_another_kernel_than_its_stack()
    {
        using var host = new TestHost();
        int old = host.Calls.Socket(2, 1, 0);
        Assert.Equal(-Errno.EBADF, host.Calls.SetListenProfile(99, null));
        Assert.Equal(0, host.Calls.SetListenProfile(old, KernelProfile.LinuxEl6));
        Assert.Equal(0, host.Calls.Bind(old, new Core.Wire.InetEndpoint(TestHost.Address, 81)));
        Assert.Equal(0, host.Calls.Listen(old, 5));
        Assert.Equal(-Errno.EINVAL, host.Calls.SetListenProfile(old, null));
        host.Listen(5);
        foreach (ushort served in new ushort[] { 80, 81 })
        {
            for (ushort port = 1; port <= 6; port++)
            {
                new Peer(host, port, hostPort: served).Connect();
            }
        }

        Assert.Empty(new Peer(host, 7).Syn());
        var seventh = new Peer(host, 7, hostPort: 81);
        Assert.Equal("SA", Assert.Single(seventh.Syn()).Text);
        new Peer(host, 8, hostPort: 81).Syn();
        Assert.Empty(new Peer(host, 9, hostPort: 81).Syn());

        // Swept, not timed: el6's clock hand needs up to 0.6 s.
        Assert.Equal(2, host.Run(1.7).Length);
        Assert.Equal(RuleId.RequestSweep, host.Rule(seventh));
    }
}
