using System.Linq;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Listening;

/// <summary>What is left of a SYN that is not remembered, and who is told of a connection that came of it.</summary>
public sealed class CacheAndCookieTests : HostTest
{
    // The history, section 1: cookies are always encoded in the number, so a peer that was thrown out can still finish.
    [Theory]
    [InlineData(1, TcpState.Established)]
    [InlineData(0, TcpState.None)]
    public void Under_FreeBSD_whoever_was_pushed_out_finishes_only_with_cookies(int syncookies, TcpState left)
    {
        using TestHost host = OneEntry();
        host.Set("net.inet.tcp.syncookies", syncookies);
        host.Listen();
        var first = new Peer(host, 1);
        first.Syn();
        new Peer(host, 2).Syn();
        Assert.Equal(1, host.Listener.SynCount);
        first.Ack();
        Assert.Equal(left, host.State(first));
    }

    [Fact]
    public void Under_FreeBSD_a_place_that_was_given_up_can_be_taken_without_pushing_anybody_out()
    {
        using TestHost host = OneEntry();
        host.Listen();
        var first = new Peer(host, 1);
        first.Syn();
        host.Send(first.Segment(TcpFlags.Rst));
        Assert.Single(new Peer(host, 2).Syn());
        Assert.DoesNotContain(host.Stack.Ledger.Tallies, tally => tally.Rule == RuleId.RequestPushedOut);
        Assert.Equal(1, host.Listener.SynCount);
    }

    // The history, section 3: 2.6.32 keeps both window scales and SACK in nine bits, later releases scale, SACK and
    // ECN in six; fifteen says that windows are not scaled.
    [Theory]
    [InlineData("linux-2.6.32", 0x1ffu, 0x1ffu)]
    [InlineData("linux-3.10", 0x3fu, 0x1fu)]
    [InlineData("linux-6.18", 0x3fu, 0x1fu)]
    [Trait("Linux", "cookie_init_timestamp")]
    public void SACK_without_a_window_scale_comes_back_from_a_cookie(string name, uint mask, uint bits)
    {
        using var host = new TestHost(TestHost.Profile(name) with { TimestampOffsets = false });
        host.Set("net.ipv4.tcp_syncookies", 1);
        host.Listen(0);
        uint port = 1;
        Packet reply;
        do
        {
            reply = Assert.Single(host.Send(new Peer(host, (ushort)port++).SynPacket() with
            {
                Options = [2, 4, 5, 0xb4, .. Packet.Timestamps(77, 0), 1, 1, 4, 2],
            }));
        }
        while (host.Moved(Counter.TcpExtSyncookiesSent) == 0);

        Assert.Equal(bits, reply.TsVal & mask);
        host.Send(new Packet
        {
            SourcePort = (ushort)(port - 1),
            Seq = Peer.Isn + 1,
            Ack = reply.Seq + 1,
            Flags = TcpFlags.Ack,
            Options = Packet.Timestamps(78, reply.TsVal),
        });
        SocketRow row = host.Rows().Single(row => row.Remote.Port == port - 1);
        Assert.Equal(new CookieRemains(1460, true, false, true, false), row.SynCookie);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Linux", "sk_data_ready")]
    public void Whoever_waits_at_the_listener_is_told_of_a_connection(bool fast)
    {
        Host.Set("net.ipv4.tcp_fastopen", 0x202);
        int listener = Host.Listen();
        Host.Options(listener).FastOpenLimit = 5;
        Host.Calls.Wait(listener, PollMask.In, 7, exclusive: true);
        var peer = new Peer(Host);
        Packet reply = Assert.Single(Host.Send(peer.SynPacket() with { Payload = fast ? Peer.Bytes(3) : [] }));
        if (!fast)
        {
            Assert.False(Host.Stack.TryTakeEvent(out _));
            peer.Next = Peer.Isn + 1;
            peer.Expected = reply.Seq + 1;
            peer.Ack();
        }

        Assert.True(Host.Stack.TryTakeEvent(out StackEvent woken));
        Assert.Equal(7, woken.Waiter);
    }

    // RFC 7413 s4.2: data without the option is no attempt; it is not taken, and no cookie is offered.
    [Fact]
    [Trait("Linux", "tcp_try_fastopen")]
    public void Data_in_a_SYN_without_the_option_is_no_attempt_to_open_fast()
    {
        Host.Set("net.ipv4.tcp_fastopen", 2);
        Host.Options(Host.Listen()).FastOpenLimit = 5;
        Host.Mark();
        Packet reply = Assert.Single(Host.Send(new Peer(Host).SynPacket() with { Payload = Peer.Bytes(10) }));
        Assert.Equal((Peer.Isn + 1, "020405b4"), (reply.Ack, reply.OptionText));
        Host.Moves();
    }

    [Fact]
    [Trait("Linux", "TCP_SAVED_SYN")]
    public void The_headers_of_a_SYN_that_opens_fast_are_kept_too()
    {
        Host.Set("net.ipv4.tcp_fastopen", 0x202);
        int listener = Host.Listen();
        Host.Options(listener).FastOpenLimit = 5;
        for (int keeps = 0; keeps <= 1; keeps++)
        {
            Host.Options(listener).SaveSyn = (byte)keeps;
            byte[] syn = (new Peer(Host, (ushort)(5 + keeps)).SynPacket() with { Payload = [1, 2, 3] }).ToBytes();
            Host.Send(syn);
            int fd = Host.Calls.Accept(listener, out _);
            Assert.True(Host.Calls.Descriptors.TryGet(fd, out Core.Sockets.Socket socket));
            Assert.Equal(keeps == 1 ? syn[..^3] : null, socket.Connection!.SavedSyn);
        }
    }

    // The sheet: a connection that was accepted and then reset counts for 60 s; forgetting it makes room for one.
    [Fact]
    [Trait("Linux", "fastopenq")]
    public void A_reset_that_is_forgotten_makes_room_for_one_connection()
    {
        Host.Set("net.ipv4.tcp_fastopen", 0x202);
        int listener = Host.Listen();
        Host.Options(listener).FastOpenLimit = 1;
        Packet reply = Fast(1);
        Assert.True(Host.Calls.Accept(listener, out _) > 0);
        Host.Send(new Packet { SourcePort = 1, Seq = reply.Ack, Flags = TcpFlags.Rst });
        Assert.Equal(Peer.Isn + 1, Fast(2).Ack);
        Host.Run(60.1);
        Assert.Equal(Peer.Isn + 4, Fast(3).Ack);
        Assert.Equal(Peer.Isn + 1, Fast(4).Ack);

        Packet Fast(ushort port) =>
            Assert.Single(Host.Send(new Peer(Host, port).SynPacket() with { Payload = Peer.Bytes(3) }));
    }

    private static TestHost OneEntry() =>
        new(TestHost.Profile("freebsd") with { SynCacheBuckets = 1, SynCacheBucketLimit = 1 });
}
