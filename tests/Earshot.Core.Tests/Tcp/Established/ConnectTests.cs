using System.Linq;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Established;

public sealed class ConnectTests : HostTest
{
    private static readonly InetEndpoint Remote = new(TestHost.PeerAddress, 9);

    [Theory]
    [Trait("Linux", "tcp_retransmit_timer")]
    [InlineData("linux-6.18", new double[] { 1, 2, 3, 4, 5, 7, 11, 19, 35, 67 }, 131)]
    [InlineData("linux-el6", new double[] { 1, 3, 7, 15, 31 }, 63)]
    public void A_SYN_is_sent_again_at_its_times_and_then_given_up(string profile, double[] times, double end)
    {
        using var host = new TestHost(TestHost.Profile(profile));
        int fd = Connect(host);
        host.Take();
        double start = host.Now.Seconds;
        Packet[] again = host.Run(end - 0.1);
        Assert.Equal(times.Length, again.Length);
        for (int i = 0; i < times.Length; i++)
        {
            Assert.InRange(again[i].Time.Seconds - start, times[i] - 0.004, (times[i] * 1.125) + 0.1);
        }

        Assert.Equal(-Errno.EALREADY, host.Calls.Connect(fd, Remote));
        host.Run(end / 8);
        Assert.Equal(-Errno.ETIMEDOUT, host.Calls.Connect(fd, Remote));
        Assert.Equal(1, host.Stack.Mib[Counter.TcpExtTCPAbortOnTimeout]);
        Assert.Equal(1, host.Stack.Mib[Counter.TcpAttemptFails]);
    }

    [Fact]
    public void The_SYN_has_its_options_in_order_and_the_window_without_timestamps()
    {
        Connect(Host);
        Packet syn = Assert.Single(Host.Take());
        Assert.Equal(("S", 64240, true), (syn.Text, syn.Window, syn.DontFragment));
        Assert.StartsWith("020405b40402080a", syn.OptionText);
        Assert.EndsWith("000000000103030a", syn.OptionText);
        Assert.Equal(0u, syn.Ack);
    }

    [Fact]
    public void A_handshake_tells_EINPROGRESS_EALREADY_0_and_EISCONN()
    {
        int fd = Connect(Host);
        Packet syn = Assert.Single(Host.Take());
        Assert.Equal(-Errno.EALREADY, Host.Calls.Connect(fd, Remote));
        Assert.Equal(-Errno.EAGAIN, Host.Calls.Send(fd, [1]));
        Packet ack = Assert.Single(Host.Send(Reply(syn, TcpFlags.Syn | TcpFlags.Ack)));
        Assert.Equal(("A", syn.Seq + 1, 5001u), (ack.Text, ack.Seq, ack.Ack));
        Assert.Equal(0, Host.Calls.Connect(fd, Remote));
        Assert.Equal(-Errno.EISCONN, Host.Calls.Connect(fd, Remote));
    }

    [Fact]
    [Trait("Linux", "tcp_reset")]
    public void A_RST_refuses_the_connection_once()
    {
        int fd = Connect(Host);
        Packet syn = Assert.Single(Host.Take());
        Host.Mark();
        Host.Send(Reply(syn, TcpFlags.Rst | TcpFlags.Ack));
        Host.Moves("AttemptFails+1");
        Assert.Equal(-Errno.ECONNREFUSED, Host.Calls.Connect(fd, Remote));
        Assert.Equal(-Errno.EINPROGRESS, Host.Calls.Connect(fd, Remote));
    }

    [Fact]
    [Trait("Linux", "tcp_rcv_synsent_state_process")]
    public void A_RST_that_acknowledges_nothing_and_a_wrong_SYN_ACK_do_not_end_connecting()
    {
        int fd = Connect(Host);
        Packet syn = Assert.Single(Host.Take());
        Assert.Empty(Host.Send(Reply(syn, TcpFlags.Rst) with { Ack = 0 }));
        Packet reset = Assert.Single(Host.Send(Reply(syn, TcpFlags.Syn | TcpFlags.Ack) with { Ack = syn.Seq }));
        Assert.Equal(("R", syn.Seq), (reset.Text, reset.Seq));
        Assert.Equal(-Errno.EALREADY, Host.Calls.Connect(fd, Remote));
    }

    [Fact]
    public void A_RST_of_loopback_refuses_at_once_and_0_0_0_0_is_loopback()
    {
        int listener = Host.Listen(port: 7);
        int fd = Host.Calls.Socket(2, 1, 0);
        Assert.Equal(-Errno.EINPROGRESS, Host.Calls.Connect(fd, new InetEndpoint(InetAddress.Any, 7)));
        Assert.Equal(0, Host.Calls.Connect(fd, new InetEndpoint(InetAddress.Any, 7)));
        Host.Calls.GetPeerName(fd, out InetEndpoint peer);
        Assert.Equal(new InetEndpoint(InetAddress.Loopback, 7), peer);
        Assert.True(Host.Calls.Accept(listener, out _) > 0);

        int refused = Host.Calls.Socket(2, 1, 0);
        Host.Calls.Connect(refused, new InetEndpoint(InetAddress.Loopback, 8));
        Assert.Equal(-Errno.ECONNREFUSED, Host.Calls.Connect(refused, new InetEndpoint(InetAddress.Loopback, 8)));
        Assert.Empty(Host.Take());
    }

    [Theory]
    [InlineData("192.0.2.1", -Errno.ENETUNREACH)]
    [InlineData("224.0.0.1", -Errno.ENETUNREACH)]
    [InlineData("10.0.0.255", -Errno.ENETUNREACH)]
    public void Where_there_is_no_way_connect_fails_at_once(string address, int errno)
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        Assert.Equal(errno, Host.Calls.Connect(fd, new InetEndpoint(InetAddress.Parse(address), 9)));
        Assert.Empty(Host.Take());
    }

    [Theory]
    [Trait("Linux", "tcp_v4_err")]
    [InlineData(3, 0, Errno.ENETUNREACH)]
    [InlineData(3, 1, Errno.EHOSTUNREACH)]
    [InlineData(3, 3, Errno.ECONNREFUSED)]
    [InlineData(3, 13, Errno.EHOSTUNREACH)]
    [InlineData(11, 0, Errno.EHOSTUNREACH)]
    [InlineData(12, 0, Errno.EPROTO)]
    public void An_ICMP_error_ends_connecting_with_its_errno(byte type, byte code, int errno)
    {
        int fd = Connect(Host);
        Packet syn = Assert.Single(Host.Take());
        Host.Send(Icmp(type, code, syn));
        Assert.Equal(-errno, Host.Calls.Connect(fd, Remote));
    }

    [Fact]
    [Trait("Linux", "tcp_v4_err")]
    public void An_ICMP_error_that_quotes_another_number_is_counted_and_ignored()
    {
        int fd = Connect(Host);
        Packet syn = Assert.Single(Host.Take());
        Host.Mark();
        Host.Send(Icmp(3, 1, syn with { Seq = syn.Seq + 100 }));
        Host.Moves("OutOfWindowIcmps+1");
        Assert.Equal(-Errno.EALREADY, Host.Calls.Connect(fd, Remote));
    }

    [Theory]
    [Trait("Linux", "tcp_req_err")]
    [InlineData(3, 0, 0u, true)]
    [InlineData(3, 1, 0u, true)]
    [InlineData(11, 0, 0u, true)]
    [InlineData(3, 3, 0u, false)]
    [InlineData(3, 13, 0u, false)]
    [InlineData(3, 1, 1u, false)]
    public void Of_ICMP_errors_only_some_end_a_request(byte type, byte code, uint off, bool ends)
    {
        Host.Listen();
        var peer = new Peer(Host);
        Packet synAck = Assert.Single(peer.Syn());
        Host.Mark();
        Host.Send(Icmp(type, code, synAck with { Seq = synAck.Seq + off }));
        Assert.Equal(ends ? TcpState.None : TcpState.SynRecv, Host.State(peer));
        Host.Moves(off != 0 ? ["OutOfWindowIcmps+1"] : ends ? ["ListenDrops+1"] : []);
    }

    [Fact]
    [Trait("RFC", "9293 3.5")]
    public void A_SYN_that_crosses_ours_is_answered_and_the_ACK_establishes()
    {
        int fd = Connect(Host);
        Packet syn = Assert.Single(Host.Take());
        Packet answer = Assert.Single(Host.Send(Reply(syn, TcpFlags.Syn) with { Ack = 0 }));
        Assert.Equal(("SA", syn.Seq, 5001u), (answer.Text, answer.Seq, answer.Ack));
        Host.Send(Reply(syn, TcpFlags.Ack) with { Seq = 5001 });
        Assert.Equal(0, Host.Calls.Connect(fd, Remote));
    }

    [Theory]
    [Trait("Linux", "__inet_hash_connect")]
    [InlineData("linux-6.18")]
    [InlineData("linux-el6")]
    public void Connect_takes_ports_of_the_parity_of_the_low_end(string profile)
    {
        using var host = new TestHost(TestHost.Profile(profile));
        for (int i = 0; i < 50; i++)
        {
            int fd = Connect(host);
            host.Calls.GetSocketName(fd, out InetEndpoint local);
            Assert.Equal(0, local.Port % 2);
            Assert.InRange(local.Port, 32768, 61000);
        }

        Assert.Equal(50, host.Rows().Select(row => row.Local.Port).Distinct().Count());
    }

    [Fact]
    [Trait("Linux", "__inet_hash_connect")]
    public void Without_a_free_port_connect_says_EADDRNOTAVAIL()
    {
        Assert.Equal(0, Host.Stack.Sysctls.Set("net.ipv4.ip_local_port_range", "40000 40003"));
        for (int i = 0; i < 4; i++)
        {
            Connect(Host);
        }

        int fd = Host.Calls.Socket(2, 1, 0);
        Assert.Equal(-Errno.EADDRNOTAVAIL, Host.Calls.Connect(fd, Remote));
        Assert.Equal(-Errno.EINPROGRESS, Host.Calls.Connect(fd, Remote with { Port = 10 }));
    }

    [Fact]
    [Trait("Linux", "tcp_write_timeout")]
    public void TCP_USER_TIMEOUT_ends_connecting()
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        Host.Calls.SetOption(fd, SocketOption.UserTimeout, 3500);
        Host.Calls.Connect(fd, Remote);
        Host.Run(3.4);
        Assert.Equal(-Errno.EALREADY, Host.Calls.Connect(fd, Remote));
        Host.Run(0.3);
        Assert.Equal(-Errno.ETIMEDOUT, Host.Calls.Connect(fd, Remote));
    }

    [Fact]
    [Trait("Linux", "inet_shutdown")]
    public void Shutting_down_while_connecting_disconnects_with_ECONNRESET()
    {
        int fd = Connect(Host);
        Host.Take();
        Host.Mark();
        Assert.Equal(0, Host.Calls.Shutdown(fd, 1));
        Assert.Empty(Host.Take());
        Host.Calls.GetOption(fd, SocketOption.Error, out int error);
        Assert.Equal(Errno.ECONNRESET, error);
        Host.Moves();
    }

    [Theory]
    [Trait("Linux", "inet_csk_bind_conflict")]
    [InlineData(false, -Errno.EADDRINUSE)]
    [InlineData(true, 0)]
    public void A_bound_port_stays_taken_in_TIME_WAIT_unless_both_had_SO_REUSEADDR(bool reuse, int bind)
    {
        BoundTimeWait(5000, reuse, timestamps: true);
        int fd = Host.Calls.Socket(2, 1, 0);
        Host.Calls.SetOption(fd, SocketOption.ReuseAddress, reuse ? 1 : 0);
        Assert.Equal(bind, Host.Calls.Bind(fd, new InetEndpoint(InetAddress.Any, 5000)));
        Host.Run(70);
        int later = Host.Calls.Socket(2, 1, 0);
        var again = new InetEndpoint(InetAddress.Any, 5000);
        Assert.Equal(reuse ? -Errno.EADDRINUSE : 0, Host.Calls.Bind(later, again));
    }

    [Theory]
    [Trait("Linux", "tcp_twsk_unique")]
    [InlineData(true)]
    [InlineData(false)]
    public void A_bound_port_takes_its_TIME_WAIT_over_if_there_were_timestamps(bool timestamps)
    {
        uint next = BoundTimeWait(5000, reuse: true, timestamps);
        int fd = Host.Calls.Socket(2, 1, 0);
        Host.Calls.SetOption(fd, SocketOption.ReuseAddress, 1);
        Assert.Equal(0, Host.Calls.Bind(fd, new InetEndpoint(InetAddress.Any, 5000)));
        Assert.Equal(timestamps ? -Errno.EINPROGRESS : -Errno.EADDRNOTAVAIL, Host.Calls.Connect(fd, Remote));
        if (timestamps)
        {
            Packet syn = Assert.Single(Host.Take());
            Assert.Equal((next + 65537, 77u), (syn.Seq, syn.TsEcr));
            Assert.Equal(1, Host.Stack.Mib[Counter.TcpExtTWRecycled]);
        }
    }

    /// <summary>Connects from a port, closes first and leaves TIME_WAIT behind; gives the host's next number.</summary>
    private uint BoundTimeWait(ushort port, bool reuse, bool timestamps)
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        Host.Calls.SetOption(fd, SocketOption.ReuseAddress, reuse ? 1 : 0);
        Assert.Equal(0, Host.Calls.Bind(fd, new InetEndpoint(InetAddress.Any, port)));
        Assert.Equal(-Errno.EINPROGRESS, Host.Calls.Connect(fd, Remote));
        Packet syn = Assert.Single(Host.Take());
        byte[] options = timestamps ? Packet.Timestamps(77, syn.TsVal) : [];
        Host.Send(Reply(syn, TcpFlags.Syn | TcpFlags.Ack) with { Options = options });
        Host.Calls.Close(fd);
        Packet fin = Host.Take()[^1];
        Assert.Equal("FA", fin.Text);
        Host.Send(Reply(syn, TcpFlags.Ack | TcpFlags.Fin) with
        {
            Seq = 5001,
            Ack = fin.End,
            Options = options,
        });
        Assert.Equal(TcpState.TimeWait, Assert.Single(Host.Rows()).State);
        Host.Take();
        return fin.End;
    }

    private static int Connect(TestHost host)
    {
        int fd = host.Calls.Socket(2, 1, 0);
        Assert.Equal(-Errno.EINPROGRESS, host.Calls.Connect(fd, Remote));
        return fd;
    }

    private static Packet Reply(Packet syn, TcpFlags flags) => new()
    {
        SourcePort = syn.DestinationPort,
        DestinationPort = syn.SourcePort,
        Seq = 5000,
        Ack = flags.HasFlag(TcpFlags.Ack) ? syn.Seq + 1 : 0,
        Flags = flags,
    };

    internal static byte[] Icmp(byte type, byte code, Packet about, ushort mtu = 0)
    {
        byte[] quoted = about.ToBytes()[..28];
        byte[] message = [type, code, 0, 0, 0, 0, (byte)(mtu >> 8), (byte)mtu, .. quoted];
        int sum = (ushort)~Packet.Sum(message, 0);
        (message[2], message[3]) = ((byte)(sum >> 8), (byte)sum);
        byte[] bytes = [.. new Packet().ToBytes()[..20], .. message];
        (bytes[2], bytes[3], bytes[9]) = (0, (byte)bytes.Length, 1);
        Packet.Finish(bytes);
        return bytes;
    }
}
