using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using Xunit;

namespace Earshot.Sockets.Tests;

public sealed class ListenerOptionTests
{
    [Fact]
    public async Task A_listener_on_the_IPv6_wildcard_serves_both_families()
    {
        using EarshotStack stack = Testbed.Loopback();
        using EarshotListener listener = stack.Listen(Testbed.At("::"));
        Assert.Equal(IPAddress.IPv6Any, listener.LocalEndPoint.Address);
        foreach (string address in new[] { "::1", "127.0.0.1", "::ffff:127.0.0.1" })
        {
            using EarshotSocket client = await stack
                .ConnectAsync(Testbed.At(address, listener.LocalEndPoint.Port)).Soon();
            using EarshotSocket server = await listener.AcceptAsync().Soon();
            Assert.Equal(client.LocalEndPoint, server.RemoteEndPoint);
        }
    }

    [Fact]
    public async Task An_IPv6_only_listener_leaves_IPv4_to_another()
    {
        using EarshotStack stack = Testbed.Loopback();
        using EarshotListener six = stack.Listen(Testbed.At("::"), new EarshotListenerOptions { IPv6Only = true });
        using EarshotListener four = stack.Listen(Testbed.At("0.0.0.0", six.LocalEndPoint.Port));
        using EarshotSocket client = await stack.ConnectAsync(four.LocalEndPoint).Soon();
        using EarshotSocket server = await four.AcceptAsync().Soon();
        Assert.Equal(client.LocalEndPoint, server.RemoteEndPoint);
    }

    [Fact]
    public async Task Listeners_with_ReusePort_share_a_port_as_the_program_chooses()
    {
        using EarshotStack stack = Testbed.Loopback();
        int next = 0;
        var options = new EarshotListenerOptions
        {
            ReusePort = true,
            ReusePortSelector = (in Core.ReusePortQuestion question) => next++ % question.Count,
        };
        using EarshotListener one = stack.Listen(Testbed.At("127.0.0.1"), options);
        using EarshotListener two = await stack.ListenAsync(
            one.LocalEndPoint, new EarshotListenerOptions { ReusePort = true });
        using EarshotSocket first = await stack.ConnectAsync(one.LocalEndPoint).Soon();
        using EarshotSocket second = await stack.ConnectAsync(one.LocalEndPoint).Soon();
        using EarshotSocket atOne = await one.AcceptAsync().Soon();
        using EarshotSocket atTwo = await two.AcceptAsync().Soon();
        Assert.Equal((first.LocalEndPoint, second.LocalEndPoint), (atOne.RemoteEndPoint, atTwo.RemoteEndPoint));
        SocketException refused = Assert.Throws<SocketException>(() => stack.Listen(one.LocalEndPoint));
        Assert.Equal(SocketError.AddressAlreadyInUse, refused.SocketErrorCode);
    }

    [Fact]
    public void A_selector_without_ReusePort_is_refused()
    {
        using EarshotStack stack = Testbed.Loopback();
        SocketException refused = Assert.Throws<SocketException>(() => stack.Listen(
            Testbed.At("127.0.0.1"),
            new EarshotListenerOptions { ReusePortSelector = (in Core.ReusePortQuestion _) => 0 }));
        Assert.Equal(SocketError.InvalidArgument, refused.SocketErrorCode);
    }

    [Fact]
    public void An_IPv4_socket_takes_no_IPv6_address()
    {
        using EarshotStack stack = Testbed.Loopback();
        using EarshotSocket four = stack.CreateSocket();
        using EarshotSocket six = stack.CreateSocket(AddressFamily.InterNetworkV6);
        SocketException refused = Assert.Throws<SocketException>(() => four.Bind(Testbed.At("::1", 80)));
        Assert.Equal(SocketError.AddressFamilyNotSupported, refused.SocketErrorCode);
        six.Bind(Testbed.At("::1", 80));
        Assert.Equal(Testbed.At("::1", 80), six.LocalEndPoint);
    }
}
