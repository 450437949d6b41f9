using System;
using System.Linq;
using Earshot.Core.Ip;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Ip;

/// <summary>Which way a packet takes, from which address, and how large it may be. Expected values:
/// linux-sockets-ip.md section 13, most of them seen on the host's kernel.</summary>
public sealed class RouteTableTests
{
    private readonly StackContext _context;
    private readonly RouteTable _routes;

    public RouteTableTests()
    {
        _context = new StackContext(Options(), Instant.FromSeconds(1));
        _routes = new RouteTable(_context);
    }

    [Theory]
    [Trait("Linux", "fib_table_lookup")]
    [InlineData("10.1.0.9", 2, "10.1.0.1", 1500)]
    [InlineData("10.2.0.9", 3, "10.2.0.1", 9000)]
    [InlineData("192.0.2.1", 2, "10.1.0.1", 1500)]
    [InlineData("172.16.5.5", 3, "10.2.0.1", 1400)]
    [InlineData("172.16.9.5", 2, "10.1.0.1", 1500)]
    [InlineData("172.18.0.1", 3, "10.2.0.7", 9000)]
    [InlineData("10.1.0.2", 1, "10.1.0.1", 65535)]
    [InlineData("10.2.0.7", 1, "10.2.0.1", 65535)]
    [InlineData("127.9.9.9", 1, "127.0.0.1", 65535)]
    [InlineData("10.2.0.255", 3, "10.2.0.1", 9000)]
    [InlineData("2001:db8:1::9", 2, "2001:db8:1::2", 1500)]
    [InlineData("2001:db8:1::1", 1, "2001:db8:1::1", 65536)]
    [InlineData("fd00::99", 3, "fd11::1", 9000)]
    [InlineData("2001:db8:99::1", 3, "2001:db8:2::1", 9000)]
    public void The_longest_prefix_decides_the_way_the_source_and_the_MTU(string to, int by, string from, int mtu)
    {
        Assert.True(_routes.TryRoute(InetAddress.Parse(to), out Route route));
        Assert.Equal((by, from, mtu), (route.Interface, route.Source.ToString(), route.Mtu));
    }

    [Theory]
    [Trait("Linux", "fib_props")]
    [InlineData("198.51.100.1", Errno.EHOSTUNREACH)]
    [InlineData("198.51.101.1", Errno.EACCES)]
    [InlineData("198.51.102.1", Errno.EINVAL)]
    [InlineData("198.51.103.1", Errno.ENETUNREACH)]
    public void A_route_may_refuse(string to, int errno) =>
        Assert.Equal(-errno, _routes.Resolve(InetAddress.Parse(to), out _));

    [Fact]
    [Trait("Linux", "ip_route_output_key_hash_rcu")]
    public void A_bound_device_takes_its_own_routes_and_else_holds_the_destination_to_be_on_its_link()
    {
        InetAddress far = InetAddress.Parse("172.16.5.5");
        Assert.Equal(0, _routes.Resolve(far, 2, direct: false, out Route route));
        Assert.Equal((2, "10.1.0.1", 12), (route.Interface, route.Source.ToString(), route.PrefixLength));
        Assert.Equal(0, _routes.Resolve(InetAddress.Parse("203.0.113.1"), 3, direct: false, out route));
        Assert.Equal((3, 0), (route.Interface, route.PrefixLength));
        Assert.Equal(0, _routes.Resolve(InetAddress.Parse("10.1.0.1"), 3, direct: false, out route));
        Assert.Equal(3, route.Interface);
        Assert.True(_routes.RemoveRoute(default, 3, InetAddress.Parse("10.2.0.254")));
        Assert.Equal(0, _routes.Resolve(InetAddress.Parse("203.0.113.1"), 3, direct: false, out route));
        Assert.Equal((3, 32), (route.Interface, route.PrefixLength));
    }

    [Fact]
    [Trait("Linux", "ip_route_output_key_hash_rcu")]
    public void Without_routing_only_hosts_on_a_link_are_reached()
    {
        Assert.Equal(0, _routes.Resolve(InetAddress.Parse("10.1.0.9"), 0, direct: true, out _));
        Assert.Equal(-Errno.ENETUNREACH, _routes.Resolve(InetAddress.Parse("192.0.2.1"), 0, direct: true, out _));
    }

    [Theory]
    [InlineData("192.0.2.1", 2, "10.1.0.254")]
    [InlineData("10.1.0.77", 2, "10.1.0.77")]
    [InlineData("2001:db8:99::1", 3, "fe80::1")]
    public void The_next_hop_is_the_router_or_the_host_itself(string to, int by, string hop) =>
        Assert.Equal(hop, _routes.NextHop(InetAddress.Parse(to), by).ToString());

    [Theory]
    [Trait("Linux", "__ip_rt_update_pmtu")]
    [InlineData("10.1.0.9", 1300, 1300, false)]
    [InlineData("10.1.0.9", 1501, 1500, false)]
    [InlineData("10.1.0.9", 552, 552, false)]
    [InlineData("10.1.0.9", 551, 552, true)]
    [InlineData("10.1.0.9", 0, 552, true)]
    [InlineData("2001:db8:1::9", 1300, 1300, false)]
    [InlineData("2001:db8:1::9", 1280, 1280, false)]
    [InlineData("2001:db8:1::9", 1279, 1500, false)]
    public void An_ICMP_error_lowers_the_MTU_of_the_way_to_one_host(string host, int told, int mtu, bool locked)
    {
        InetAddress to = InetAddress.Parse(host);
        Assert.Equal(mtu, _routes.LearnMtu(to, told));
        Assert.True(_routes.TryRoute(to, out Route route));
        Assert.Equal((mtu, locked), (route.Mtu, route.IsMtuLocked));
        Assert.True(_routes.TryRoute(InetAddress.Parse(to.IsIPv4 ? "10.1.0.8" : "2001:db8:1::8"), out route));
        Assert.Equal(1500, route.Mtu);
    }

    [Fact]
    [Trait("Linux", "__ip_rt_update_pmtu")]
    public void A_learned_MTU_is_forgotten_after_ten_minutes_and_a_repeat_counts_after_half_of_them()
    {
        InetAddress host = InetAddress.Parse("10.1.0.9");
        _routes.LearnMtu(host, 1300);
        Pass(200);
        _routes.LearnMtu(host, 1400);
        _routes.LearnMtu(host, 1300);
        Assert.Equal((1300, 400.0), Known());
        Pass(150);
        _routes.LearnMtu(host, 1300);
        Assert.Equal((1300, 600.0), Known());
        Pass(600);
        Assert.True(_routes.TryRoute(host, out Route route));
        Assert.Equal((1500, false), (route.Mtu, route.IsMtuLocked));

        (int Mtu, double Left) Known()
        {
            Assert.True(_routes.TryRoute(host, out Route way));
            return (way.Mtu, (_routes.LearnedUntil(host) - _context.Now).TotalSeconds);
        }
    }

    [Fact]
    public void What_is_learned_of_hosts_is_bounded_and_the_oldest_makes_room()
    {
        for (uint i = 0; i < PathExceptions.Limit + 10; i++)
        {
            _context.Now += TimeSpan.FromMilliseconds(1);
            _routes.LearnMtu(new InetAddress(0xac100000 + i), 1300);
        }

        Assert.True(_routes.TryRoute(new InetAddress(0xac100000 + 3), out Route first));
        Assert.True(_routes.TryRoute(new InetAddress(0xac100000 + PathExceptions.Limit), out Route last));
        Assert.Equal((1500, 1300), (first.Mtu, last.Mtu));
    }

    [Fact]
    [Trait("Linux", "__ip_do_redirect")]
    public void Only_the_router_in_use_can_redirect_and_not_to_ourselves()
    {
        InetAddress to = InetAddress.Parse("192.0.2.1");
        InetAddress router = InetAddress.Parse("10.1.0.254");
        InetAddress better = InetAddress.Parse("10.1.0.253");
        Assert.False(_routes.LearnGateway(to, better, InetAddress.Parse("10.1.0.252"), 2));
        Assert.False(_routes.LearnGateway(to, router, InetAddress.Parse("10.1.0.1"), 2));
        Assert.False(_routes.LearnGateway(InetAddress.Parse("10.1.0.9"), router, better, 2));
        Assert.True(_routes.LearnGateway(to, router, better, 2));
        Assert.Equal(better, _routes.NextHop(to, 2));
        Pass(301);
        Assert.Equal(router, _routes.NextHop(to, 2));
    }

    [Fact]
    public void Many_routes_give_the_same_answers_as_few()
    {
        var few = new RouteTable(_context);
        for (int i = 0; i < 300; i++)
        {
            _routes.AddRoute(new RouteOptions(InterfaceAddress.Parse($"100.{i % 250}.{i / 250}.0/24"), 3));
        }

        foreach (int round in (int[])[1, 2])
        {
            foreach (string to in (string[])["10.1.0.9", "10.1.0.1", "172.16.5.5", "9.9.9.9", "fd00::99", "127.0.0.1"])
            {
                InetAddress address = InetAddress.Parse(to);
                Assert.Equal(few.Resolve(address, out Route expected), _routes.Resolve(address, out Route route));
                Assert.Equal(expected, route);
                Assert.Equal(few.Classify(address), _routes.Classify(address));
            }
        }

        Assert.True(_routes.TryRoute(InetAddress.Parse("100.7.1.9"), out Route added));
        Assert.Equal(3, added.Interface);
    }

    [Theory]
    [Trait("Linux", "ipv6_dev_get_saddr")]
    [InlineData("2001:db8:1::9", "2001:db8:1::1 2001:db8:1::2", "2001:db8:1::2")]
    [InlineData("fe80::9", "2001:db8::1 fe80::5", "fe80::5")]
    [InlineData("2001:db8::9", "fe80::5 2001:db8::1", "2001:db8::1")]
    [InlineData("fd00::9", "fd11::1 2001:db8::1", "fd11::1")]
    [InlineData("2002:909::1", "2001:db8::1 2002:808::1", "2002:808::1")]
    [InlineData("2001:db8:ffff::1", "2001:db8:8000::1 2001:db8:1::1", "2001:db8:8000::1")]
    [InlineData("2001:db8::1", "2001:db8::2! 2001:db8:5::1", "2001:db8:5::1")]
    public void The_source_of_IPv6_follows_RFC_6724(string to, string candidates, string chosen)
    {
        OwnAddress[] own =
        [
            .. candidates.Split(' ').Select(text => new OwnAddress(
                InetAddress.Parse(text.TrimEnd('!')), 64, 2,
                text.EndsWith('!') ? AddressFlags.Deprecated : AddressFlags.None)),
        ];
        Assert.Equal(chosen, SourceSelection.IPv6(own, 2, InetAddress.Parse(to)).ToString());
    }

    private static StackOptions Options() => new()
    {
        Interfaces =
        [
            new InterfaceOptions
            {
                Name = "a",
                Addresses =
                [
                    InterfaceAddress.Parse("10.1.0.1/24"), InterfaceAddress.Parse("10.1.0.2/24"),
                    InterfaceAddress.Parse("2001:db8:1::1/64"), InterfaceAddress.Parse("2001:db8:1::2/64"),
                ],
            },
            new InterfaceOptions
            {
                Name = "b",
                Mtu = 9000,
                Addresses =
                [
                    InterfaceAddress.Parse("10.2.0.1/24"), InterfaceAddress.Parse("10.2.0.7/24"),
                    InterfaceAddress.Parse("2001:db8:2::1/64"), InterfaceAddress.Parse("fd11::1/64"),
                ],
            },
        ],
        Routes =
        [
            new RouteOptions(default, 2, InetAddress.Parse("10.1.0.254")),
            new RouteOptions(default, 3, InetAddress.Parse("10.2.0.254")) { Metric = 10 },
            new RouteOptions(InterfaceAddress.Parse("172.16.0.0/12"), 2, InetAddress.Parse("10.1.0.254")),
            new RouteOptions(InterfaceAddress.Parse("172.16.4.0/22"), 3) { Mtu = 1400, Metric = 99 },
            new RouteOptions(InterfaceAddress.Parse("172.18.0.0/16"), 3) { Source = InetAddress.Parse("10.2.0.7") },
            new RouteOptions(InterfaceAddress.Parse("198.51.100.0/24")) { Kind = RouteKind.Unreachable },
            new RouteOptions(InterfaceAddress.Parse("198.51.101.0/24")) { Kind = RouteKind.Prohibit },
            new RouteOptions(InterfaceAddress.Parse("198.51.102.0/24")) { Kind = RouteKind.Blackhole },
            new RouteOptions(InterfaceAddress.Parse("198.51.103.0/24")) { Kind = RouteKind.Throw },
            new RouteOptions(InterfaceAddress.Parse("::/0"), 3, InetAddress.Parse("fe80::1")),
        ],
    };

    private void Pass(int seconds) => _context.Now += TimeSpan.FromSeconds(seconds);
}
