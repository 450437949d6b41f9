using System.Linq;
using Earshot.Core.Profiles;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Listening;

[Trait("Linux", "tcp_make_synack")]
public sealed class SynAckTests : HostTest
{
    private const string Mss = "020405b4";
    private static readonly byte[] MssOption = [2, 4, 5, 0xb4];
    private static readonly byte[] Scale = [1, 3, 3, 7];
    private static readonly byte[] Sack = [1, 1, 4, 2];

    [Fact]
    public void Without_options_the_SYN_ACK_has_the_MSS_and_a_window_of_64240()
    {
        Packet reply = Answer([]);
        Assert.Equal((Mss, 64240), (reply.OptionText, reply.Window));
        Assert.Equal(("SA", Peer.Isn + 1), (reply.Text, reply.Ack));
        Assert.Equal((0, true, 64, 0), (reply.Id, reply.DontFragment, reply.Ttl, reply.Tos));
    }

    [Fact]
    public void With_timestamps_the_window_is_65160_and_the_echo_is_the_SYNs()
    {
        Packet reply = Answer([.. MssOption, .. Packet.Timestamps(77, 0), .. Scale]);
        Assert.Equal(65160, reply.Window);
        Assert.StartsWith(Mss + "0101080a", reply.OptionText);
        Assert.EndsWith("0000004d" + "0103030a", reply.OptionText);
        Assert.Equal(4 + 12 + 4, reply.Options.Length);
        Assert.Equal(77u, reply.TsEcr);
    }

    [Fact]
    public void A_window_scale_is_answered_with_ten() =>
        Assert.Equal((Mss + "0103030a", 64240), Shown(Answer([.. MssOption, .. Scale])));

    [Fact]
    public void SACK_without_timestamps_comes_with_two_NOPs_before_the_scale() =>
        Assert.Equal((Mss + "01010402" + "0103030a", 64240), Shown(Answer([.. MssOption, .. Sack, .. Scale])));

    [Theory]
    [InlineData("net.ipv4.tcp_timestamps")]
    [InlineData("net.ipv4.tcp_window_scaling")]
    public void An_option_is_answered_only_while_its_sysctl_is_on(string sysctl)
    {
        Host.Set(sysctl, 0);
        Packet reply = Answer([.. MssOption, .. Packet.Timestamps(77, 0), .. Scale]);
        bool timestampsOff = sysctl.EndsWith("timestamps");
        Assert.Equal(timestampsOff ? Mss + "0103030a" : Mss + "0101080a", reply.OptionText[..16]);
        Assert.Equal(timestampsOff ? 8 : 16, reply.Options.Length);
    }

    [Fact]
    public void TCP_MAXSEG_is_announced_and_rounds_the_window()
    {
        Packet reply = Answer([.. MssOption, .. Packet.Timestamps(77, 0)], fd =>
            Host.Calls.SetOption(fd, SocketOption.MaximumSegment, 1000));
        Assert.StartsWith("020403e8", reply.OptionText);
        Assert.Equal(65208, reply.Window);
    }

    [Theory]
    [InlineData(2304, 1448, 0)]
    [InlineData(4096, 2896, 0)]
    [InlineData(65536, 65160, 1)]
    [InlineData(500_000, 65535, 3)]
    public void A_receive_buffer_of_the_users_gives_the_window_and_its_scale(int asked, int window, int scale)
    {
        Packet reply = Answer([.. MssOption, .. Packet.Timestamps(77, 0), .. Scale], fd =>
            Host.Calls.SetOption(fd, SocketOption.ReceiveBuffer, asked));
        Assert.Equal((window, scale), (reply.Window, reply.Options[^1]));
    }

    [Fact]
    public void Data_in_a_SYN_is_not_acknowledged()
    {
        Host.Listen();
        Packet reply = Assert.Single(Host.Send(new Peer(Host).SynPacket() with { Payload = [1, 2, 3] }));
        Assert.Equal(Peer.Isn + 1, reply.Ack);
    }

    [Fact]
    public void A_retransmitted_SYN_ACK_differs_in_its_timestamp_only()
    {
        Packet first = Answer([.. MssOption, .. Packet.Timestamps(77, 0), .. Scale]);
        Packet second = Assert.Single(Host.Run(1.2));
        Assert.InRange(second.TsVal - first.TsVal, 1000u, 1100u);
        Assert.Equal(
            (first.Seq, first.Ack, first.Window, first.Id, first.Tos),
            (second.Seq, second.Ack, second.Window, second.Id, second.Tos));
        Assert.Equal(first.OptionText[..16], second.OptionText[..16]);
    }

    [Fact]
    [Trait("Linux", "secure_tcp_seq_and_ts_off")]
    public void The_initial_number_moves_on_by_one_each_64_ns_and_the_offset_stays()
    {
        Packet first = Answer(Packet.Timestamps(77, 0));
        Host.Send(new Packet { SourcePort = 40000, Seq = Peer.Isn + 1, Flags = TcpFlags.Rst });
        Host.Run(0.0213);
        Packet second = Assert.Single(Host.Send(
            new Peer(Host).SynPacket() with { Options = Packet.Timestamps(78, 0) }));
        Assert.Equal(21_300_000u / 64, second.Seq - first.Seq, 1u);
        Assert.Equal(21u, second.TsVal - first.TsVal, 1u);
    }

    [Fact]
    public void With_tcp_timestamps_2_the_timestamp_is_the_clock()
    {
        Host.Set("net.ipv4.tcp_timestamps", 2);
        Assert.Equal(1_000_000u, Answer(Packet.Timestamps(77, 0)).TsVal);
    }

    [Theory]
    [Trait("Linux", "tcp_ecn_create_request")]
    [InlineData(TcpFlags.Ece | TcpFlags.Cwr, 0, 0, true)]
    [InlineData(TcpFlags.Ece | TcpFlags.Cwr, 2, 0, false)]
    [InlineData(TcpFlags.Ece | TcpFlags.Cwr, 2, 1, true)]
    [InlineData(TcpFlags.Ece | TcpFlags.Cwr, 3, 8, true)]
    [InlineData(TcpFlags.Ece, 0, 0, false)]
    [InlineData(TcpFlags.Cwr, 0, 1, false)]
    public void ECN_is_granted_to_a_SYN_with_both_bits_that_is_not_marked_unless_it_speaks_AccECN(
        TcpFlags flags, byte ecn, int reserved, bool granted)
    {
        Host.Listen();
        byte[] syn = (new Peer(Host).SynPacket() with { Flags = TcpFlags.Syn | flags, Tos = ecn }).ToBytes();
        syn[32] |= (byte)reserved;
        Packet.Finish(syn);
        Packet reply = Assert.Single(Host.Send(syn));
        TcpFlags expected = TcpFlags.Syn | TcpFlags.Ack | (granted ? TcpFlags.Ece : TcpFlags.None);
        Assert.Equal((expected, 0), (reply.Flags, reply.Tos));
        Assert.All(Host.Run(40), again => Assert.Equal(expected, again.Flags));
    }

    [Fact]
    public void Without_tcp_ecn_there_is_no_ECN()
    {
        Host.Set("net.ipv4.tcp_ecn", 0);
        Host.Listen();
        Packet reply = Assert.Single(Host.Send(
            new Peer(Host).SynPacket() with { Flags = TcpFlags.Syn | TcpFlags.Ece | TcpFlags.Cwr }));
        Assert.Equal(TcpFlags.Syn | TcpFlags.Ack, reply.Flags);
    }

    [Fact]
    [Trait("Linux", "tcp_reflect_tos")]
    public void The_SYNs_service_is_reflected_without_its_ECN_bits_if_asked_for()
    {
        Host.Set("net.ipv4.tcp_reflect_tos", 1);
        int listener = Host.Listen();
        var peer = new Peer(Host);
        Packet reply = Assert.Single(Host.Send(peer.SynPacket() with { Tos = 0x2b }));
        Assert.Equal(0x28, reply.Tos);
        peer.Next = Peer.Isn + 1;
        peer.Expected = reply.Seq + 1;
        peer.Ack();
        int fd = Host.Calls.Accept(listener, out _);
        Host.Calls.Send(fd, [1]);
        Assert.Equal(0x28, Assert.Single(Host.Take(), packet => packet.Payload.Length == 1).Tos);
    }

    [Theory]
    [Trait("Linux", "TCP_WINDOW_CLAMP")]
    [InlineData(10000, 0, 8688, 0)]
    [InlineData(100_000, 0, 65160, 1)]
    [InlineData(1000, 0, 1000, 0)]
    [InlineData(100_000, 4096, 2896, 0)]
    public void A_window_clamp_limits_the_window_and_the_scale(int clamp, int buffer, int window, int scale)
    {
        Packet reply = Answer([.. MssOption, .. Packet.Timestamps(77, 0), .. Scale], fd =>
        {
            Host.Options(fd).WindowClamp = clamp;
            if (buffer != 0)
            {
                Host.Calls.SetOption(fd, SocketOption.ReceiveBuffer, buffer);
            }
        });
        Assert.Equal((window, scale), (reply.Window, reply.Options[^1]));
    }

    [Fact]
    public void For_old_peers_that_take_windows_as_signed_they_can_be_cut()
    {
        Host.Set("net.ipv4.tcp_workaround_signed_windows", 1);
        Assert.Equal(32767, Answer(MssOption).Window);
    }

    [Fact]
    [Trait("Linux", "tcp_parse_options")]
    public void A_window_scale_above_14_is_14_and_told_to_the_log()
    {
        Answer([.. MssOption, 1, 3, 3, 200]);
        Assert.Equal(
            "TCP: tcp_parse_options: Illegal window scaling value 200 > 14 received",
            Assert.Single(Host.Stack.Log.Lines).Text);
    }

    [Fact]
    public void Under_el6_the_window_is_ten_segments()
    {
        using var host = new TestHost(KernelProfile.LinuxEl6);
        host.Listen();
        Packet reply = Assert.Single(host.Send(new Peer(host).SynPacket()));
        Assert.Equal(14600, reply.Window);
    }

    [Fact]
    [Trait("Linux", "tcp_parse_options")]
    public void An_unsound_option_list_is_taken_as_far_as_it_is_sound()
    {
        Packet reply = Answer([.. MssOption, 3, 3, 200, 1, 8, 3, 0, 0, 99, 50, 1, 1]);
        Assert.Equal(Mss + "0103030a", reply.OptionText);
        Assert.Equal(TcpState.SynRecv, Host.Rows().Single(row => row.Remote.Port == 40000).State);
    }

    private static (string Options, int Window) Shown(Packet reply) => (reply.OptionText, reply.Window);

    private Packet Answer(byte[] options, System.Action<int>? configure = null)
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        configure?.Invoke(fd);
        Host.Calls.Bind(fd, new InetEndpoint(InetAddress.Any, TestHost.Port));
        Assert.Equal(0, Host.Calls.Listen(fd, 5));
        return Assert.Single(Host.Send(new Peer(Host).SynPacket() with { Options = options }));
    }
}
