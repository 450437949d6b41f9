using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Profiles;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Listening;

public sealed class SynAckTimerTests : HostTest
{
    private static readonly double[] Schedule = [1, 3, 7, 15, 31];

    [Fact]
    [Trait("Linux", "reqsk_timer_handler")]
    public void SYN_ACKs_leave_at_0_1_3_7_15_31_and_the_request_ends_at_63()
    {
        Host.Listen();
        var peer = new Peer(Host);
        peer.Syn();
        Host.Mark();
        double start = Host.Now.Seconds;
        Packet[] again = Host.Run(62.9);
        AssertTimes(Schedule, [.. again.Select(packet => packet.Time.Seconds - start)], slack: 0.125);
        Assert.Equal(TcpState.SynRecv, Host.State(peer));
        Assert.Empty(Host.Run(8));
        Assert.Equal(TcpState.None, Host.State(peer));
        Host.Moves("TCPTimeouts+6", "TCPSynRetrans+5", "RetransSegs+5");
    }

    [Theory]
    [Trait("Linux", "reqsk_timer_handler")]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    public void tcp_synack_retries_is_read_at_each_firing(int retries, int sent)
    {
        Host.Listen();
        new Peer(Host).Syn();
        Host.Set("net.ipv4.tcp_synack_retries", retries);
        Assert.Equal(sent, Host.Run(30).Length);
        Assert.Equal(0, Host.Listener.SynCount);
    }

    [Fact]
    [Trait("Linux", "reqsk_timer_handler")]
    public void TCP_SYNCNT_of_the_listener_comes_before_the_sysctl()
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        Host.Calls.SetOption(fd, SocketOption.SynCount, 1);
        Host.Calls.Bind(fd, new InetEndpoint(InetAddress.Any, TestHost.Port));
        Host.Calls.Listen(fd, 5);
        new Peer(Host).Syn();
        Assert.Single(Host.Run(30));
    }

    [Fact]
    [Trait("Linux", "reqsk_timer_handler")]
    public void Under_pressure_requests_end_at_7_s_until_half_the_backlog_is_left()
    {
        Host.Listen(16);
        for (ushort port = 1; port <= 17; port++)
        {
            Assert.Single(new Peer(Host, port).Syn());
        }

        Assert.Equal(34, Host.Run(6).Length);
        Assert.Equal(17, Host.Listener.SynCount);
        Assert.Equal(8, Host.Run(4).Length);
        Assert.Equal((8, 0), (Host.Listener.SynCount, Host.Listener.YoungCount));
        Assert.Equal(16, Host.Run(50).Length);
        Assert.Equal(8, Host.Listener.SynCount);
        Assert.Empty(Host.Run(10));
        Assert.Equal(0, Host.Listener.SynCount);
    }

    [Fact]
    [Trait("Linux", "reqsk_timer_handler")]
    public void Young_requests_hold_the_pressure_off_the_old_ones()
    {
        // qlen 10 of backlog 16: 2*10 > 16, but young 6 gives y = 12 > 10, so all retries stay.
        Host.Listen(16);
        for (ushort port = 1; port <= 4; port++)
        {
            new Peer(Host, port).Syn();
        }

        Host.Run(6.5);
        for (ushort port = 5; port <= 10; port++)
        {
            new Peer(Host, port).Syn();
        }

        Assert.Equal((10, 6), (Host.Listener.SynCount, Host.Listener.YoungCount));
        Host.Run(0.95);
        Assert.Equal(10, Host.Listener.SynCount);
    }

    [Fact]
    [Trait("Linux", "reqsk_timer_handler")]
    public void A_small_queue_knows_no_pressure()
    {
        Host.Listen(3);
        for (ushort port = 1; port <= 4; port++)
        {
            new Peer(Host, port).Syn();
        }

        Assert.Equal(4 * 5, Host.Run(62).Length);
        Assert.Equal(4, Host.Listener.SynCount);
    }

    [Fact]
    [Trait("Linux", "inet_csk_reqsk_queue_prune")]
    public void Under_el6_a_sweep_serves_each_request_up_to_one_lap_late_and_ends_it_at_63()
    {
        // Sixteen buckets, six a sweep, five sweeps a second: a lap is three sweeps, 0.6 s.
        foreach (ulong seed in Enumerable.Range(1, 20).Select(i => (ulong)i))
        {
            using var host = new TestHost(KernelProfile.LinuxEl6, seed);
            host.Listen(5);
            var peer = new Peer(host);
            peer.Syn();
            double start = host.Now.Seconds;
            double[] times = [.. host.Run(70).Select(packet => packet.Time.Seconds - start)];
            Assert.Equal(5, times.Length);
            double before = 0;
            for (int i = 0; i < times.Length; i++)
            {
                Assert.InRange(times[i] - before, (1 << i) - 0.002, (1 << i) + 0.602);
                before = times[i];
            }

            Assert.Equal(TcpState.None, host.State(peer));
        }
    }

    [Fact]
    [Trait("Linux", "inet_csk_reqsk_queue_prune")]
    public void Under_el6_ten_requests_of_a_table_of_sixteen_are_pruned_at_7_s()
    {
        using var host = new TestHost(KernelProfile.LinuxEl6);
        host.Listen(10);
        for (ushort port = 1; port <= 10; port++)
        {
            Assert.Single(new Peer(host, port).Syn());
        }

        host.Run(5.5);
        Assert.Equal(10, host.Listener.SynCount);
        host.Run(5);

        // Half the table is 8: a sweep that begins with 8 or more ends what is due; one that begins with 7 does not.
        Assert.InRange(host.Listener.SynCount, 1, 7);
    }

    [Fact]
    [Trait("Linux", "inet_csk_listen_stop")]
    public void Under_el6_closing_the_listener_empties_its_table_at_once()
    {
        using var host = new TestHost(KernelProfile.LinuxEl6);
        int fd = host.Listen(5);
        var peer = new Peer(host);
        peer.Syn();
        host.Calls.Close(fd);
        Assert.Equal(TcpState.None, host.State(peer));
        Assert.Empty(host.Run(70));
    }

    private static void AssertTimes(double[] expected, double[] actual, double slack)
    {
        Assert.Equal(expected.Length, actual.Length);
        var wrong = new List<string>();
        double drift = 0;
        double before = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            // Every wait counts from the firing before, and each is late by an eighth at most.
            double wait = expected[i] - before;
            double real = actual[i] - (i == 0 ? 0 : actual[i - 1]);
            before = expected[i];
            drift += real - wait;
            if (real < wait - 0.004 || real > (wait * (1 + slack)) + 0.008)
            {
                wrong.Add($"{i}: {real:F3} instead of {wait:F3}");
            }
        }

        Assert.True(wrong.Count == 0, string.Join(", ", wrong) + $" (drift {drift:F3} s, {Math.Round(slack, 3)})");
    }
}
