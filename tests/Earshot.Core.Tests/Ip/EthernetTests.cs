using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Sockets;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Ip;

/// <summary>ARP, neighbour discovery, duplicate addresses and routers. Expected times and frames: linux-sockets-ip.md
/// sections 17.3 and 18, seen on the host's kernel.</summary>
public sealed class EthernetTests : IDisposable
{
    private static readonly MacAddress Own = MacAddress.Parse("02:00:00:00:00:01");
    private static readonly MacAddress Other = MacAddress.Parse("02:00:00:00:00:02");
    private static readonly InetAddress OwnAddress = InetAddress.Parse("10.0.0.1");
    private static readonly InetAddress Peer = InetAddress.Parse("10.0.0.2");
    private static readonly InetAddress Own6 = InetAddress.Parse("2001:db8::1");
    private static readonly InetAddress Peer6 = InetAddress.Parse("2001:db8::2");
    private static readonly InetAddress OwnLink = InetAddress.Parse("fe80::ff:fe00:1");
    private static readonly InetAddress Router = InetAddress.Parse("fe80::99");
    private readonly PacketBatch _batch = new(1);
    private readonly List<(double At, byte[] Frame)> _sent = [];
    private NetworkStack _stack;
    private Instant _now = Instant.FromSeconds(10);

    public EthernetTests() => _stack = Make(new EthernetOptions
    {
        Address = Own,
        DetectsDuplicates = false,
        AcceptsRouters = false,
    });

    private double Elapsed => _now.Nanoseconds / 1e9;

    public void Dispose() => _stack.Dispose();

    [Theory]
    [InlineData("02:00:00:00:00:01", "fe80::ff:fe00:1")]
    [InlineData("52:54:00:12:34:56", "fe80::5054:ff:fe12:3456")]
    public void An_interface_identifier_follows_from_the_hardware_address(string mac, string address)
    {
        var made = new InetAddress(0xfe80_0000_0000_0000, MacAddress.Parse(mac).InterfaceIdentifier);
        Assert.Equal(address, made.ToString());
        Assert.Equal(mac, MacAddress.Parse(mac).ToString());
    }

    [Fact]
    [Trait("Linux", "neigh_timer_handler")]
    public void A_neighbor_that_does_not_answer_is_asked_three_times_and_a_connect_fails_with_EHOSTUNREACH()
    {
        int fd = Connect(Peer);
        Run(5);
        Assert.Equal([0, 1, 2], Arps().Select(arp => Math.Round(arp.At - 10, 1)));
        Assert.All(Arps(), arp =>
        {
            Assert.Equal((ArpPacket.Request, OwnAddress, Peer), (arp.Arp.Operation, arp.Arp.Sender, arp.Arp.Target));
            Assert.True(arp.Arp.TargetHardware.IsZero);
            Assert.Equal(MacAddress.Broadcast, arp.To);
        });
        Assert.Equal(NeighborState.Failed, State(Peer));
        _stack.Calls.GetOption(fd, SocketOption.Error, out int error);
        Assert.Equal(Errno.EHOSTUNREACH, error);
    }

    [Fact]
    [Trait("Linux", "arp_process")]
    public void An_answer_lets_go_what_waited()
    {
        Connect(Peer);
        Answer();
        byte[] syn = Assert.Single(Frames(EthernetFrame.TypeIPv4));
        Assert.True(EthernetFrame.TryParse(syn, out EthernetFrame frame));
        Assert.Equal((Other, Own), (frame.Destination, frame.Source));
        Assert.Equal(Peer, InetAddress.Read(frame.Payload[16..]));
        Assert.Equal(NeighborState.Reachable, State(Peer));
    }

    [Fact]
    [Trait("Linux", "neigh_timer_handler")]
    public void A_neighbor_goes_stale_is_doubted_when_used_and_asked_itself_before_it_fails()
    {
        Receive(Arp(new ArpPacket(ArpPacket.Request, Other, Peer, default, OwnAddress), MacAddress.Broadcast));
        _sent.Clear();
        Assert.Equal(NeighborState.Stale, State(Peer));
        Connect(Peer);
        double start = Elapsed;
        Assert.Equal(NeighborState.Delay, State(Peer));
        Run(5.5);
        Assert.Equal(NeighborState.Probe, State(Peer));
        Run(2.4);
        (double At, ArpPacket Arp, MacAddress To)[] arps = Arps();
        Assert.All(arps, arp => Assert.Equal(Other, arp.To));
        Assert.Equal([5, 6, 7], arps.Select(arp => Math.Round(arp.At - start)));
        Run(0.8);
        Assert.Equal(NeighborState.Failed, State(Peer));
    }

    [Fact]
    [Trait("Linux", "arp_process")]
    public void A_question_for_our_address_is_answered_and_its_asker_known_as_stale()
    {
        Receive(Arp(new ArpPacket(ArpPacket.Request, Other, Peer, default, OwnAddress), MacAddress.Broadcast));
        (_, ArpPacket reply, MacAddress to) = Assert.Single(Arps());
        Assert.Equal(new ArpPacket(ArpPacket.Reply, Own, OwnAddress, Other, Peer), reply);
        Assert.Equal(Other, to);
        Assert.Equal(42, _sent[^1].Frame.Length);
        Assert.Equal(NeighborState.Stale, State(Peer));
    }

    [Theory]
    [Trait("Linux", "arp_process")]
    [InlineData("0.0.0.0", "10.0.0.1", 1, 1, false)]
    [InlineData("10.0.0.2", "10.0.0.3", 1, 0, false)]
    [InlineData("10.0.0.1", "10.0.0.1", 1, 0, false)]
    [InlineData("10.0.0.2", "127.0.0.1", 1, 0, false)]
    [InlineData("10.0.0.2", "10.0.0.2", 2, 0, false)]
    [InlineData("10.9.9.9", "10.0.0.1", 1, 1, true)]
    public void Other_messages_are_answered_and_believed_as_Linux_does(
        string sender, string target, ushort operation, int replies, bool known)
    {
        InetAddress from = InetAddress.Parse(sender);
        Receive(Arp(new ArpPacket(operation, Other, from, default, InetAddress.Parse(target)), MacAddress.Broadcast));
        Assert.Equal(replies, Arps().Length);
        Assert.Equal(known, Rows().Any(row => row.Address == from));
    }

    [Fact]
    [Trait("Linux", "arp_process")]
    public void A_gratuitous_message_moves_a_known_neighbor()
    {
        Connect(Peer);
        Answer();
        MacAddress moved = MacAddress.Parse("02:00:00:00:00:77");
        Receive(Arp(new ArpPacket(ArpPacket.Request, moved, Peer, default, Peer), MacAddress.Broadcast));
        Assert.Equal((moved, NeighborState.Stale), (Row(Peer).Hardware, State(Peer)));
    }

    [Fact]
    [Trait("Linux", "__neigh_event_send")]
    public void What_waits_for_a_neighbor_is_bounded_and_the_oldest_goes()
    {
        for (int i = 0; i < 300; i++)
        {
            Connect(Peer);
        }

        Assert.InRange(Row(Peer).Waiting, 150, 250);
        Answer();
        Assert.InRange(Frames(EthernetFrame.TypeIPv4).Count, 150, 250);
    }

    [Fact]
    [Trait("Linux", "eth_type_trans")]
    public void Frames_to_other_stations_are_not_looked_at()
    {
        byte[] arp = Arp(new ArpPacket(ArpPacket.Request, Other, Peer, default, OwnAddress), Other);
        Receive(arp);
        Receive(new byte[5]);
        Assert.Empty(Arps());
        Assert.Equal(0, _stack.Mib[Counter.IpInReceives]);
    }

    [Fact]
    [Trait("Linux", "ndisc_recv_ns")]
    public void A_question_for_an_IPv6_address_is_answered_with_our_hardware_address()
    {
        Receive(Solicit(Peer6, Own6, withSource: true));
        byte[] advert = Assert.Single(Discovery(136));
        Assert.Equal(Other, MacAddress.Read(advert));
        Assert.Equal(0x60, advert[14 + 40 + 4]);
        Assert.Equal(Own, MacAddress.Read(advert.AsSpan(14 + 40 + 26)));
        Assert.Equal((255, Own6), (advert[14 + 7], InetAddress.ReadIPv6(advert.AsSpan(14 + 48))));
        Assert.Equal(1, _stack.Mib[Counter.Icmp6OutNeighborAdvertisements]);
    }

    [Fact]
    [Trait("Linux", "ndisc_recv_ns")]
    public void Who_looks_whether_our_address_is_free_is_told_with_everybody()
    {
        Receive(Solicit(InetAddress.IPv6Any, Own6, withSource: false));
        byte[] advert = Assert.Single(Discovery(136));
        Assert.Equal("ff02::1", InetAddress.ReadIPv6(advert.AsSpan(14 + 24)).ToString());
        Assert.Equal(0x20, advert[14 + 40 + 4]);
        Receive(Solicit(Peer6, Peer6, withSource: true));
        Assert.Single(Discovery(136));
    }

    [Fact]
    [Trait("Linux", "ndisc_solicit")]
    public void An_IPv6_neighbor_is_asked_for_and_its_answer_lets_go_what_waited()
    {
        Connect(Peer6);
        byte[] question = Assert.Single(Discovery(135));
        Assert.Equal("33:33:ff:00:00:02", MacAddress.Read(question).ToString());
        Assert.Equal(Own, MacAddress.Read(question.AsSpan(14 + 40 + 26)));
        Receive(Advert(Peer6, 0x60));
        byte[] syn = Frames(EthernetFrame.TypeIPv6).Single(frame => frame[14 + 6] == 6);
        Assert.Equal(Other, MacAddress.Read(syn));
        Assert.Equal(NeighborState.Reachable, State(Peer6));
    }

    [Fact]
    [Trait("Linux", "addrconf_dad_work")]
    public void An_address_is_used_a_second_after_nobody_claimed_it_and_then_routers_are_asked()
    {
        Again(new EthernetOptions { Address = Own });
        Assert.Equal(-Errno.EADDRNOTAVAIL, Bind(Own6));
        Run(2.5);
        Assert.Equal(0, Bind(Own6));
        byte[][] questions = [.. Discovery(135).Where(frame => InetAddress.ReadIPv6(frame.AsSpan(14 + 8)).IsAny)];
        Assert.Equal(2, questions.Length);
        Assert.All(questions, frame => Assert.Equal((14, 1), (frame[14 + 40 + 24], frame[14 + 40 + 25])));
        Run(40);
        Assert.Equal(4, Discovery(133).Count);
        Assert.All(Discovery(133), frame => Assert.Equal(OwnLink, InetAddress.ReadIPv6(frame.AsSpan(14 + 8))));
        Assert.NotEmpty(Discovery(143));
    }

    [Fact]
    [Trait("Linux", "addrconf_dad_failure")]
    public void An_address_that_another_host_claims_is_never_used()
    {
        Again(new EthernetOptions { Address = Own });
        Run(0.2);
        Receive(Advert(Own6, 0x20));
        Run(3);
        Assert.Equal(-Errno.EADDRNOTAVAIL, Bind(Own6));
        Assert.Equal(0, Bind(OwnLink, 2));
        Assert.Contains(_stack.Log.Lines, line => line.Text.Contains("duplicate address 2001:db8::1"));
    }

    // The host answers so while no interface has an address that may be used (docs/linux-facts.md).
    [Fact]
    [Trait("Linux", "ipv6_dev_get_saddr")]
    public void What_has_no_address_to_use_yet_sends_nothing()
    {
        Again(new EthernetOptions { Address = Own });
        int datagrams = _stack.Calls.Socket(10, 2, 0);
        var peer = new InetEndpoint(Peer6, 99);
        Assert.True(_stack.IsCheckingAddresses);
        Assert.Equal(-Errno.EADDRNOTAVAIL, TryConnect(Peer6));
        Assert.Equal(-Errno.EADDRNOTAVAIL, _stack.Calls.Connect(datagrams, peer));
        Run(3);
        Assert.False(_stack.IsCheckingAddresses);
        Assert.Equal(-Errno.EINPROGRESS, TryConnect(Peer6));
        Assert.Equal(0, _stack.Calls.Connect(datagrams, peer));
    }

    [Fact]
    [Trait("Linux", "ndisc_router_discovery")]
    public void A_router_gives_a_way_an_address_and_an_MTU_until_they_are_over()
    {
        Again(new EthernetOptions { Address = Own });
        Run(3);
        Receive(Advertisement(lifetime: 100, valid: 300, preferred: 200, mtu: 1400));
        Run(3);
        InetAddress made = InetAddress.Parse("2001:db8:5::ff:fe00:1");
        Assert.Equal(0, Bind(made));
        int fd = Connect(InetAddress.Parse("2001:db8:77::1"));
        Assert.Equal(Other, MacAddress.Read(Frames(EthernetFrame.TypeIPv6).Last(frame => frame[14 + 6] == 6)));
        byte[] syn = Frames(EthernetFrame.TypeIPv6).Last(frame => frame[14 + 6] == 6);
        Assert.Equal("053c", Convert.ToHexStringLower(syn.AsSpan(14 + 40 + 22, 2)));
        Run(110);
        Assert.Equal(-Errno.ENETUNREACH, TryConnect(InetAddress.Parse("2001:db8:77::1")));
        Run(250);
        Assert.Equal(-Errno.EADDRNOTAVAIL, Bind(made));
        Assert.True(fd > 0);
    }

    [Theory]
    [Trait("Linux", "addrconf_prefix_rcv")]
    [InlineData(false)]
    [InlineData(true)]
    public void An_address_that_has_ended_comes_back_when_a_router_tells_of_it_again(bool detects)
    {
        Again(new EthernetOptions { Address = Own, DetectsDuplicates = detects });
        var made = InetAddress.Parse("2001:db8:5::ff:fe00:1");
        Run(5);
        Receive(Advertisement(lifetime: 100, valid: 30, preferred: 20, mtu: 1400));
        Run(5);
        Assert.Equal(0, Bind(made));
        Run(40);
        Assert.Equal(-Errno.EADDRNOTAVAIL, Bind(made));
        Receive(Advertisement(lifetime: 100, valid: 0, preferred: 0, mtu: 1400));
        Assert.Equal(-Errno.EADDRNOTAVAIL, Bind(made));

        _sent.Clear();
        Receive(Advertisement(lifetime: 100, valid: 30, preferred: 20, mtu: 1400));
        Run(5);
        Assert.Equal(0, Bind(made));
        Assert.Equal(detects, _sent.Any(one => one.Frame.Length > 62 && one.Frame[54] == 135
            && InetAddress.ReadIPv6(one.Frame.AsSpan(62)) == made));
        Run(40);
        Assert.Equal(-Errno.EADDRNOTAVAIL, Bind(made));
    }

    [Fact]
    public void Two_stacks_find_each_other_and_shake_hands()
    {
        using NetworkStack server = new(
            new StackOptions
            {
                Interfaces =
                [
                    new InterfaceOptions
                    {
                        Addresses = [InterfaceAddress.Parse("10.0.0.2/24")],
                        Ethernet = new EthernetOptions { Address = Other, DetectsDuplicates = false },
                    },
                ],
            },
            _now);
        int listener = server.Calls.Socket(2, 1, 0);
        Assert.Equal(0, server.Calls.Bind(listener, new InetEndpoint(Peer, 80)));
        Assert.Equal(0, server.Calls.Listen(listener, 5));
        Connect(Peer, 80);
        var batch = new PacketBatch(1);
        for (int round = 0; round < 10; round++)
        {
            foreach ((_, byte[] frame) in _sent.ToArray())
            {
                batch.Clear();
                batch.TryAdd(frame, 2);
                server.OnPackets(batch, _now);
            }

            _sent.Clear();
            while (server.TryTransmit(out OutboundPacket packet))
            {
                Receive(packet.Bytes.ToArray());
            }
        }

        Assert.True(server.Calls.Accept(listener, out InetEndpoint name) >= 0);
        Assert.Equal(OwnAddress, name.Address);
    }

    [Fact]
    public void A_storm_of_frames_breaks_nothing()
    {
        var chance = new Chance(Chance.Spread(3), ChanceStream.Program);
        byte[][] seeds =
        [
            Arp(new ArpPacket(ArpPacket.Request, Other, Peer, default, OwnAddress), MacAddress.Broadcast),
            Solicit(Peer6, Own6, withSource: true), Advert(Peer6, 0x60),
            Advertisement(100, 300, 200, 1400),
        ];
        Again(new EthernetOptions { Address = Own });
        for (int i = 0; i < 20_000; i++)
        {
            byte[] frame = [.. seeds[chance.Below((uint)seeds.Length)]];
            for (int flips = (int)chance.Below(4); flips > 0; flips--)
            {
                frame[chance.Below((uint)frame.Length)] = (byte)chance.NextUInt32();
            }

            Receive(frame[..(int)chance.Below((uint)frame.Length + 1)]);
            Receive(frame);
            _sent.Clear();
        }

        _stack.CheckInvariants();
        Assert.InRange(Rows().Length, 0, 1024);
    }

    private static NetworkStack Make(EthernetOptions ethernet) => new(
        new StackOptions
        {
            Interfaces =
            [
                new InterfaceOptions
                {
                    Name = "eth0",
                    Addresses = [InterfaceAddress.Parse("10.0.0.1/24"), InterfaceAddress.Parse("2001:db8::1/64")],
                    Ethernet = ethernet,
                },
            ],
        },
        Instant.FromSeconds(10));

    private static byte[] Framed(MacAddress to, ushort type, byte[] payload)
    {
        byte[] frame = new byte[14 + payload.Length];
        EthernetFrame.WriteHeader(frame, to, Other, type);
        payload.CopyTo(frame, 14);
        return frame;
    }

    private static byte[] Arp(ArpPacket arp, MacAddress to)
    {
        byte[] payload = new byte[46];
        arp.Write(payload);
        return Framed(to, EthernetFrame.TypeArp, payload);
    }

    private static byte[] Solicit(InetAddress from, InetAddress target, bool withSource)
    {
        InetAddress to = new(0xff02_0000_0000_0000, 0x0000_0001_ff00_0000 | (target.Low & 0xffffff));
        byte[] message = new byte[withSource ? 32 : 24];
        message[0] = 135;
        target.WriteIPv6(message.AsSpan(8));
        if (withSource)
        {
            DiscoveryOptions.WriteLinkLayer(message.AsSpan(24), 1, Other);
        }

        return Framed(
            MacAddress.ForGroup(to), EthernetFrame.TypeIPv6, Packet.Datagram6(from, to, 58, message, ttl: 255));
    }

    private static byte[] Advert(InetAddress target, byte flags)
    {
        byte[] message = new byte[32];
        message[0] = 136;
        message[4] = flags;
        target.WriteIPv6(message.AsSpan(8));
        DiscoveryOptions.WriteLinkLayer(message.AsSpan(24), 2, Other);
        InetAddress to = (flags & 0x40) != 0 ? Own6 : InetAddress.Parse("ff02::1");
        MacAddress hardware = to.IsMulticast ? MacAddress.ForGroup(to) : Own;
        return Framed(hardware, EthernetFrame.TypeIPv6, Packet.Datagram6(target, to, 58, message, ttl: 255));
    }

    private static byte[] Advertisement(ushort lifetime, uint valid, uint preferred, uint mtu)
    {
        byte[] message =
        [
            134, 0, 0, 0, 64, 0, (byte)(lifetime >> 8), (byte)lifetime, 0, 0, 0, 0, 0, 0, 0, 0,
            1, 1, 2, 0, 0, 0, 0, 2,
            5, 1, 0, 0, 0, 0, (byte)(mtu >> 8), (byte)mtu,
            3, 4, 64, 0xc0, 0, 0, (byte)(valid >> 8), (byte)valid, 0, 0, (byte)(preferred >> 8), (byte)preferred,
            0, 0, 0, 0, 0x20, 0x01, 0x0d, 0xb8, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        InetAddress to = InetAddress.Parse("ff02::1");
        return Framed(
            MacAddress.ForGroup(to), EthernetFrame.TypeIPv6, Packet.Datagram6(Router, to, 58, message, ttl: 255));
    }

    private void Again(EthernetOptions options)
    {
        _stack.Dispose();
        _sent.Clear();
        _now = Instant.FromSeconds(10);
        _stack = Make(options);
        Collect();
    }

    private int Connect(InetAddress to, ushort port = 99)
    {
        int fd = Socket(to);
        Assert.Equal(-Errno.EINPROGRESS, _stack.Calls.Connect(fd, new InetEndpoint(to, port)));
        Collect();
        return fd;
    }

    private int TryConnect(InetAddress to) => _stack.Calls.Connect(Socket(to), new InetEndpoint(to, 99));

    private int Bind(InetAddress address, int device = 0)
    {
        int fd = Socket(address);
        if (device != 0)
        {
            Assert.Equal(0, _stack.Calls.SetOption(fd, SocketOption.BindToInterface, device));
        }

        return _stack.Calls.Bind(fd, new InetEndpoint(address, 0));
    }

    private int Socket(InetAddress address) => _stack.Calls.Socket(
        address.IsIPv4 ? 2 : 10, 1, 0);

    private void Answer()
    {
        ArpPacket ask = Arps()[^1].Arp;
        Receive(Arp(new ArpPacket(ArpPacket.Reply, Other, ask.Target, Own, ask.Sender), Own));
    }

    private NeighborRow[] Rows()
    {
        List<NeighborRow> rows = [];
        _stack.CopyNeighbors(rows);
        return [.. rows];
    }

    private NeighborRow Row(InetAddress address) => Rows().Single(row => row.Address == address);

    private NeighborState State(InetAddress address) => Row(address).State;

    private void Receive(byte[] frame)
    {
        _batch.Clear();
        Assert.True(_batch.TryAdd(frame, 2));
        _stack.OnPackets(_batch, _now);
        Collect();
    }

    private void Run(double seconds)
    {
        Instant end = _now + TimeSpan.FromSeconds(seconds);
        while (_stack.NextTimer is { } next && next <= end)
        {
            _now = next;
            _stack.OnTimer(_now);
            Collect();
        }

        _now = end;
        _stack.OnTimer(_now);
        Collect();
    }

    private void Collect()
    {
        while (_stack.TryTransmit(out OutboundPacket packet))
        {
            _sent.Add((Elapsed, packet.Bytes.ToArray()));
        }
    }

    private List<byte[]> Frames(ushort type) => [.. _sent.Select(sent => sent.Frame).Where(frame =>
        EthernetFrame.TryParse(frame, out EthernetFrame view) && view.Type == type)];

    private List<byte[]> Discovery(byte type) => [.. Frames(EthernetFrame.TypeIPv6).Where(frame =>
        (frame[14 + 6] == 58 && frame[14 + 40] == type) || (frame[14 + 6] == 0 && frame[14 + 48] == type))];

    private (double At, ArpPacket Arp, MacAddress To)[] Arps() =>
    [
        .. _sent.Where(sent => EthernetFrame.TryParse(sent.Frame, out EthernetFrame view)
            && view.Type == EthernetFrame.TypeArp).Select(sent =>
            {
                Assert.True(ArpPacket.TryParse(sent.Frame.AsSpan(14), out ArpPacket arp));
                return (sent.At, arp, MacAddress.Read(sent.Frame));
            }),
    ];
}
