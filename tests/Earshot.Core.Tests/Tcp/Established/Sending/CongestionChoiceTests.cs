using System;
using System.Text;
using Earshot.Core.Congestion;
using Earshot.Core.Sockets;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Established.Sending;

public sealed class CongestionChoiceTests
{
    private const int Tcp = 6;
    private const int Congestion = 13;
    private const int CcInfo = 26;

    [Fact]
    [Trait("Linux", "tcp_set_congestion_control")]
    public void A_child_has_what_its_listener_chose_and_else_the_present_default()
    {
        using var pair = new Pair();
        int listener = pair.Listen();
        Assert.Equal(0, pair.B.Sysctls.Set("net.ipv4.tcp_congestion_control", "cubic"));
        (_, int first) = pair.Connect(listener);
        Assert.Equal("cubic", Name(pair.B, first));
        Assert.Equal(0, pair.B.Calls.SetSocketOption(listener, Tcp, Congestion, "bbr"u8));
        (_, int second) = pair.Connect(listener);
        Assert.Equal("bbr", Name(pair.B, second));
        Assert.Equal("cubic", Name(pair.B, first));
    }

    [Fact]
    [Trait("Linux", "tcp_set_congestion_control")]
    public void A_restricted_one_needs_CAP_NET_ADMIN()
    {
        using var pair = new Pair();
        int fd = pair.A.Calls.Socket(2, 1, 0);
        Assert.Equal(0, pair.A.Calls.SetSocketOption(fd, Tcp, Congestion, "dctcp"u8));
        pair.A.Calls.Credentials = new SocketCredentials(1000, SocketCapabilities.None);
        Assert.Equal(-Errno.EPERM, pair.A.Calls.SetSocketOption(fd, Tcp, Congestion, "dctcp"u8));
        Assert.Equal(0, pair.A.Calls.SetSocketOption(fd, Tcp, Congestion, "bbr"u8));
    }

    [Theory]
    [InlineData("reno", 0)]
    [InlineData("cubic", 0)]
    [InlineData("bbr", 20)]
    [Trait("Linux", "tcp_getsockopt")]
    public void TCP_CC_INFO_has_as_many_bytes_as_the_algorithm_tells(string name, int length)
    {
        // Seen on 6.18.44: 0 of reno and cubic, 20 of bbr.
        using var pair = new Pair();
        int listener = pair.Listen();
        (int a, _) = pair.Connect(listener);
        Assert.Equal(0, pair.A.Calls.SetSocketOption(a, Tcp, Congestion, Encoding.ASCII.GetBytes(name)));
        int room = 64;
        Assert.Equal(0, pair.A.Calls.GetSocketOption(a, Tcp, CcInfo, new byte[room], ref room));
        Assert.Equal(length, room);
    }

    [Fact]
    public void A_program_s_own_algorithm_is_chosen_by_name_and_sizes_the_window()
    {
        var own = new Fixed();
        using var stack = new NetworkStack(
            new StackOptions { CongestionControls = [own] }, Instant.FromSeconds(1));
        Assert.True(stack.Sysctls.TryGet("net.ipv4.tcp_available_congestion_control", out string all));
        Assert.Equal("reno cubic bbr dctcp fixed", all);
        int listener = stack.Calls.Socket(2, 1, 0);
        var address = new InetEndpoint(InetAddress.Loopback, 80);
        Assert.Equal(0, stack.Calls.Bind(listener, address));
        Assert.Equal(0, stack.Calls.Listen(listener, 1));
        int fd = stack.Calls.Socket(2, 1, 0);
        Assert.Equal(0, stack.Calls.SetSocketOption(fd, Tcp, Congestion, "fixed"u8));
        Assert.Equal(-Errno.EINPROGRESS, stack.Calls.Connect(fd, address));
        Assert.Equal(10, stack.Calls.Send(fd, new byte[10]));
        stack.OnTimer(Instant.FromSeconds(2));
        Assert.Equal(1, own.Begun);
        Assert.True(own.Acknowledged > 0);
    }

    [Fact]
    public void Two_algorithms_of_one_name_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new NetworkStack(
            new StackOptions { CongestionControls = [new Fixed(), new Fixed()] }, Instant.FromSeconds(1)));
    }

    private static string Name(NetworkStack stack, int fd)
    {
        byte[] name = new byte[16];
        int length = name.Length;
        Assert.Equal(0, stack.Calls.GetSocketOption(fd, Tcp, Congestion, name, ref length));
        return Encoding.ASCII.GetString(name).TrimEnd('\0');
    }

    private sealed class Fixed : ICongestionControl
    {
        internal int Begun { get; private set; }

        internal int Acknowledged { get; private set; }

        public string Name => "fixed";

        public void Initialize(in CongestionContext connection) => Begun++;

        public int Threshold(in CongestionContext connection) => 10;

        public void Grow(in CongestionContext connection, int acknowledged) => Acknowledged += acknowledged;
    }
}
