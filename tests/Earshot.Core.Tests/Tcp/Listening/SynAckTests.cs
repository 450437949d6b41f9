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
    public void SACK_is_not_answered_before_there_is_SACK() =>
        Assert.Equal((Mss, 64240), Shown(Answer([.. MssOption, .. Sack])));

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
