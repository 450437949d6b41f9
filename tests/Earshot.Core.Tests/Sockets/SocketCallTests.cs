using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Sockets;

public sealed class SocketCallTests : HostTest
{
    [Theory]
    [Trait("Linux", "__sock_create")]
    [InlineData(2, 1, 0, 0)]
    [InlineData(2, 1, 6, 0)]
    [InlineData(2, 2, 0, 0)]
    [InlineData(2, 2, 17, 0)]
    [InlineData(10, 1, 6, 0)]
    [InlineData(10, 2, 17, 0)]
    [InlineData(2, 1 | 0x800 | 0x80000, 0, 0)]
    [InlineData(2, 1, 17, -Errno.EPROTONOSUPPORT)]
    [InlineData(2, 2, 6, -Errno.EPROTONOSUPPORT)]
    [InlineData(2, 1, 256, -Errno.EPROTONOSUPPORT)]
    [InlineData(2, 1, 132, -Errno.EPROTONOSUPPORT)]
    [InlineData(2, 3, 0, -Errno.EPROTONOSUPPORT)]
    [InlineData(2, 0, 0, -Errno.ESOCKTNOSUPPORT)]
    [InlineData(2, 5, 0, -Errno.ESOCKTNOSUPPORT)]
    [InlineData(2, 6, 0, -Errno.ESOCKTNOSUPPORT)]
    [InlineData(2, 11, 0, -Errno.EINVAL)]
    [InlineData(2, -1, 0, -Errno.EINVAL)]
    [InlineData(2, 17, 0, -Errno.EINVAL)]
    [InlineData(2, 257, 0, -Errno.EINVAL)]
    [InlineData(2, 1, -1, -Errno.EINVAL)]
    [InlineData(0, 1, 0, -Errno.EAFNOSUPPORT)]
    [InlineData(99, 1, 0, -Errno.EAFNOSUPPORT)]
    [InlineData(-1, 1, 0, -Errno.EAFNOSUPPORT)]
    public void Socket_asks_for_flags_family_type_and_protocol_in_Linuxs_order(
        int domain, int type, int protocol, int result)
    {
        int fd = Host.Calls.Socket(domain, type, protocol);
        Assert.Equal(result, result < 0 ? fd : 0);
        Assert.Equal(result < 0, fd < 0);
    }

    [Fact]
    [Trait("Linux", "tcp_poll")]
    public void Fresh_sockets_are_ready_for_what_Linux_says()
    {
        Assert.Equal(0x114, Host.Calls.Poll(Host.Calls.Socket(2, 1, 0)));
        Assert.Equal(0x304, Host.Calls.Poll(Host.Calls.Socket(2, 2, 0)));
    }

    [Fact]
    [Trait("Linux", "inet_shutdown")]
    public void A_socket_without_a_peer_reads_an_end_after_a_shutdown_that_failed()
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        Assert.Equal(-Errno.ENOTCONN, Host.Calls.Receive(fd, new byte[5]));
        Assert.Equal(-Errno.ENOTCONN, Host.Calls.Shutdown(fd, 1));
        Assert.Equal(0x114, (int)Host.Calls.Poll(fd));
        Assert.Equal(-Errno.ENOTCONN, Host.Calls.Shutdown(fd, 0));
        Assert.Equal(0, Host.Calls.Receive(fd, new byte[5]));
        Assert.Equal(0x2155, (int)Host.Calls.Poll(fd));
        Assert.Equal(0, Host.Calls.Listen(fd, 1));
        Assert.Equal(-Errno.ENOTCONN, Host.Calls.Receive(fd, new byte[5]));
    }

    [Fact]
    public void A_datagram_socket_can_be_bound_and_neither_listens_nor_accepts()
    {
        int fd = Host.Calls.Socket(2, 2, 0);
        Assert.Equal(-Errno.EOPNOTSUPP, Host.Calls.Listen(fd, 1));
        Assert.Equal(0, Host.Calls.Bind(fd, InetEndpoint.Parse("10.0.0.1:53")));
        Assert.Equal(-Errno.EINVAL, Host.Calls.Bind(fd, InetEndpoint.Parse("10.0.0.1:54")));
        Assert.Equal(-Errno.EOPNOTSUPP, Host.Calls.Listen(fd, -1));
        Assert.Equal(-Errno.EOPNOTSUPP, Host.Calls.Accept(fd, out _));
        Assert.Equal(-Errno.ENOTCONN, Host.Calls.Shutdown(fd, 0));
        Assert.Equal(-Errno.ENOTCONN, Host.Calls.GetPeerName(fd, out _));
        Assert.Equal(-Errno.EDESTADDRREQ, Host.Calls.Send(fd, [1]));
        Assert.Equal(-Errno.EAGAIN, Host.Calls.Receive(fd, new byte[1]));
        int other = Host.Calls.Socket(2, 2, 0);
        Assert.Equal(-Errno.EADDRINUSE, Host.Calls.Bind(other, InetEndpoint.Parse("0.0.0.0:53")));
        Assert.Equal(0, Host.Calls.Bind(Host.Calls.Socket(2, 1, 0), InetEndpoint.Parse("10.0.0.1:53")));
        Host.Calls.Close(fd);
        Assert.Equal(0, Host.Calls.Bind(other, InetEndpoint.Parse("0.0.0.0:53")));
    }

    [Fact]
    [Trait("Linux", "__udp4_lib_rcv")]
    public void A_datagram_to_a_bound_port_is_taken_and_to_another_one_answered()
    {
        int fd = Host.Calls.Socket(10, 2, 0);
        Assert.Equal(0, Host.Calls.Bind(fd, InetEndpoint.Parse("[::]:53")));
        Host.Mark();
        Host.Send(Datagram(53));
        Assert.Equal(0, Host.Moved(Counter.IcmpOutDestUnreachs));
        Host.Send(Datagram(54));
        Assert.Equal(1, Host.Moved(Counter.IcmpOutDestUnreachs));
        Host.Calls.Close(fd);
        Host.Send(Datagram(53));
        Assert.Equal(2, Host.Moved(Counter.IcmpOutDestUnreachs));
    }

    [Theory]
    [Trait("Linux", "inet_bind")]
    [InlineData("10.0.0.9:80", -Errno.EADDRNOTAVAIL)]
    [InlineData("[2001:db8::1]:80", -Errno.EAFNOSUPPORT)]
    [InlineData("255.255.255.255:80", 0)]
    [InlineData("10.0.0.255:80", 0)]
    [InlineData("224.0.0.1:80", 0)]
    [InlineData("127.9.9.9:80", 0)]
    public void Bind_wants_an_address_of_its_own(string local, int result) =>
        Assert.Equal(result, Host.Calls.Bind(Host.Calls.Socket(2, 1, 0), InetEndpoint.Parse(local)));

    [Theory]
    [Trait("Linux", "inet6_bind")]
    [InlineData("[ff02::1]:80", -Errno.EINVAL)]
    [InlineData("[fe80::1]:80", -Errno.EINVAL)]
    [InlineData("[2001:db8::9]:80", -Errno.EADDRNOTAVAIL)]
    [InlineData("[::ffff:10.0.0.9]:80", -Errno.EADDRNOTAVAIL)]
    [InlineData("[::10.0.0.1]:80", -Errno.EADDRNOTAVAIL)]
    [InlineData("[::ffff:10.0.0.1]:80", 0)]
    [InlineData("[::1]:80", 0)]
    public void An_IPv6_bind_wants_one_too(string local, int result) =>
        Assert.Equal(result, Host.Calls.Bind(Host.Calls.Socket(10, 1, 0), InetEndpoint.Parse(local)));

    [Fact]
    [Trait("Linux", "inet_bind")]
    public void Where_bind_asks_for_the_address_first_its_error_comes_before_that_of_a_bound_socket()
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        int fd6 = Host.Calls.Socket(10, 1, 0);
        Assert.Equal(0, Host.Calls.Bind(fd, InetEndpoint.Parse("10.0.0.1:8000")));
        Assert.Equal(0, Host.Calls.Bind(fd6, InetEndpoint.Parse("[::1]:8001")));
        Assert.Equal(-Errno.EADDRNOTAVAIL, Host.Calls.Bind(fd, InetEndpoint.Parse("10.0.0.9:8000")));
        Assert.Equal(-Errno.EINVAL, Host.Calls.Bind(fd6, InetEndpoint.Parse("[2001:db8::9]:8000")));
        Assert.Equal(-Errno.EINVAL, Host.Calls.Bind(fd, InetEndpoint.Parse("10.0.0.1:8002")));
    }

    [Fact]
    [Trait("Linux", "inet_bind")]
    public void A_port_below_ip_unprivileged_port_start_needs_a_privilege()
    {
        Host.Calls.Credentials = new SocketCredentials(1000, SocketCapabilities.None);
        int fd = Host.Calls.Socket(2, 1, 0);
        int fd6 = Host.Calls.Socket(10, 1, 0);
        Assert.Equal(-Errno.EACCES, Host.Calls.Bind(fd, InetEndpoint.Parse("10.0.0.1:1023")));
        Assert.Equal(-Errno.EADDRNOTAVAIL, Host.Calls.Bind(fd, InetEndpoint.Parse("10.0.0.9:1023")));
        Assert.Equal(-Errno.EACCES, Host.Calls.Bind(fd6, InetEndpoint.Parse("[2001:db8::9]:1023")));
        Assert.Equal(0, Host.Calls.Bind(fd, InetEndpoint.Parse("10.0.0.1:1024")));
        Host.Set("net.ipv4.ip_unprivileged_port_start", 80);
        Assert.Equal(0, Host.Calls.Bind(fd6, InetEndpoint.Parse("[::1]:80")));
        Host.Calls.Credentials = new SocketCredentials(1000, SocketCapabilities.BindService);
        Assert.Equal(0, Host.Calls.Bind(Host.Calls.Socket(2, 1, 0), InetEndpoint.Parse("10.0.0.1:79")));
    }

    [Fact]
    [Trait("Linux", "inet_can_nonlocal_bind")]
    public void Foreign_addresses_can_be_bound_by_a_sysctl_or_an_option()
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        Assert.Equal(0, Host.Calls.SetOption(fd, SocketOption.FreeBind, 1));
        Assert.Equal(0, Host.Calls.Bind(fd, InetEndpoint.Parse("10.9.9.9:80")));
        fd = Host.Calls.Socket(2, 1, 0);
        Assert.Equal(0, Host.Calls.SetOption(fd, SocketOption.Transparent, 1));
        Assert.Equal(0, Host.Calls.Bind(fd, InetEndpoint.Parse("10.9.9.9:81")));
        Host.Set("net.ipv4.ip_nonlocal_bind", 1);
        Assert.Equal(0, Host.Calls.Bind(Host.Calls.Socket(2, 1, 0), InetEndpoint.Parse("10.9.9.9:82")));
        int fd6 = Host.Calls.Socket(10, 1, 0);
        Assert.Equal(-Errno.EADDRNOTAVAIL, Host.Calls.Bind(fd6, InetEndpoint.Parse("[2001:db8::9]:82")));
        Host.Set("net.ipv6.ip_nonlocal_bind", 1);
        Assert.Equal(0, Host.Calls.Bind(fd6, InetEndpoint.Parse("[2001:db8::9]:82")));
    }

    [Fact]
    [Trait("Linux", "inet_csk_listen_start")]
    public void A_failed_bind_leaves_a_socket_that_listens_on_another_port()
    {
        Host.Listen();
        int fd = Host.Calls.Socket(2, 1, 0);
        Assert.Equal(-Errno.EADDRINUSE, Host.Calls.Bind(fd, InetEndpoint.Parse("10.0.0.1:80")));
        Host.Calls.GetSocketName(fd, out InetEndpoint name);
        Assert.Equal(InetEndpoint.None, name);
        Assert.Equal(0, Host.Calls.Listen(fd, 1));
        Host.Calls.GetSocketName(fd, out name);
        Assert.Equal((InetAddress.Any, 1), (name.Address, name.Port % 2));
    }

    [Fact]
    [Trait("Linux", "tcp_disconnect")]
    public void What_bind_named_stays_bound_after_a_stop_and_what_it_chose_does_not()
    {
        int named = Host.Calls.Socket(2, 1, 0);
        int chosen = Host.Calls.Socket(2, 1, 0);
        Assert.Equal(0, Host.Calls.Bind(named, InetEndpoint.Parse("10.0.0.1:7000")));
        Assert.Equal(0, Host.Calls.Bind(chosen, InetEndpoint.Parse("10.0.0.1:0")));
        foreach (int fd in new[] { named, chosen })
        {
            Assert.Equal(0, Host.Calls.Listen(fd, 1));
            Assert.Equal(0, Host.Calls.Disconnect(fd));
        }

        Host.Calls.GetSocketName(chosen, out InetEndpoint shown);
        Assert.NotEqual(0, shown.Port);
        Assert.Equal(0, Host.Calls.Bind(Host.Calls.Socket(2, 1, 0), shown));
        Assert.Equal(0, Host.Calls.Bind(chosen, InetEndpoint.Parse("10.0.0.1:7001")));
        Assert.Equal(-Errno.EINVAL, Host.Calls.Bind(named, InetEndpoint.Parse("10.0.0.1:7002")));
        Assert.Equal(0, Host.Calls.Listen(named, 1));
        Host.Calls.GetSocketName(named, out shown);
        Assert.Equal(7000, shown.Port);
    }

    [Fact]
    [Trait("Linux", "inet_bind")]
    public void IP_BIND_ADDRESS_NO_PORT_leaves_the_port_to_listen()
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        Host.Calls.SetOption(fd, SocketOption.BindAddressNoPort, 1);
        Assert.Equal(0, Host.Calls.Bind(fd, InetEndpoint.Parse("127.0.0.1:0")));
        Host.Calls.GetSocketName(fd, out InetEndpoint name);
        Assert.Equal(InetEndpoint.Parse("127.0.0.1:0"), name);
        Assert.Equal(0, Host.Calls.Bind(fd, InetEndpoint.Parse("10.0.0.1:0")));
        Assert.Equal(0, Host.Calls.Listen(fd, 1));
        Host.Calls.GetSocketName(fd, out name);
        Assert.True(name.Address == TestHost.Address && name.Port != 0);
    }

    [Fact]
    [Trait("Linux", "inet_csk_accept")]
    public void Accept_asks_for_flags_descriptor_number_and_state_in_this_order()
    {
        using var host = new TestHost(descriptorLimit: 4);
        int fd = host.Calls.Socket(2, 1, 0);
        Assert.Equal(-Errno.EINVAL, host.Calls.Accept(-1, out _, 1));
        Assert.Equal(-Errno.EBADF, host.Calls.Accept(-1, out _, 0x800));
        Assert.Equal(-Errno.EMFILE, host.Calls.Accept(fd, out _));
        Assert.Equal(-Errno.EMFILE, host.Calls.Socket(2, 1, 0));
        Assert.Equal(-Errno.EPROTONOSUPPORT, host.Calls.Socket(2, 1, 17));
    }

    private static byte[] Datagram(ushort port)
    {
        byte[] udp = [0, 9, (byte)(port >> 8), (byte)port, 0, 8, 0, 0];
        byte[] packet = new byte[28];
        IpPacket.WriteHeader(
            packet,
            new IpFields(TestHost.PeerAddress, TestHost.Address, IpPacket.ProtocolUdp, 0, 0, 64, DontFragment: true),
            udp.Length);
        udp.CopyTo(packet, 20);
        return packet;
    }
}
