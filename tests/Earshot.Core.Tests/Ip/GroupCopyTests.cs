using System;
using System.Collections.Generic;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Ip;

/// <summary>Copies for the sender's own host of what goes to several, on a link with frames. Of a raw link the host
/// tests ask the kernel the same (SourceMembershipTests).</summary>
public sealed class GroupCopyTests : IDisposable
{
    private const ushort Port = 5000;
    private readonly NetworkStack _stack = new(
        new StackOptions
        {
            Interfaces =
            [
                new InterfaceOptions
                {
                    Addresses = [InterfaceAddress.Parse("10.9.0.1/24"), InterfaceAddress.Parse("2001:db8::1/64")],
                    Ethernet = new EthernetOptions
                    {
                        Address = MacAddress.Parse("02:00:00:00:00:01"),
                        DetectsDuplicates = false,
                        AcceptsRouters = false,
                    },
                },
            ],
        },
        Instant.FromSeconds(10));

    public void Dispose() => _stack.Dispose();

    [Theory]
    [InlineData("239.1.2.3", 2)]
    [InlineData("224.0.0.1", 2)]
    [InlineData("10.9.0.255", 2)]
    [InlineData("255.255.255.255", 2)]
    [InlineData("ff15::1:3", 10)]
    [InlineData("ff02::1", 10)]
    public void A_copy_comes_in_by_the_link_and_the_frame_leaves_all_the_same(string to, int family)
    {
        InetAddress group = InetAddress.Parse(to);
        int fd = Bound(family);
        if (group.IsMulticast)
        {
            Assert.Equal(0, Join(fd, group));
        }

        Assert.Equal(0, Set(fd, 1, 6, 1));
        Drain();
        Assert.Equal(3, _stack.Calls.SendTo(fd, "abc"u8, 0, Name(group, family)));
        byte[] frame = Assert.Single(Drain());
        Assert.Equal(frame.AsSpan()[^3..], "abc"u8);
        byte[] data = new byte[9];
        Assert.Equal(3, _stack.Calls.Receive(fd, data));
        Assert.Equal(-Errno.EAGAIN, _stack.Calls.Receive(fd, data));
    }

    [Fact]
    public void A_copy_that_nobody_takes_is_answered_by_nobody()
    {
        int fd = Bound(2);
        Join(fd, InetAddress.Parse("239.1.2.3"));
        Drain();
        Assert.Equal(3, _stack.Calls.SendTo(fd, "abc"u8, 0, Name(InetAddress.Parse("239.1.2.3"), 2, Port + 1)));
        Assert.Single(Drain());
        Assert.Equal(1, _stack.Mib[Counter.UdpIgnoredMulti]);
        Assert.Equal(0, _stack.Mib[Counter.IcmpOutMsgs]);
    }

    [Fact]
    public void What_is_cut_on_its_way_out_comes_back_whole()
    {
        int fd = Bound(2);
        Join(fd, InetAddress.Parse("239.1.2.3"));
        Drain();
        Assert.Equal(4000, _stack.Calls.SendTo(fd, new byte[4000], 0, Name(InetAddress.Parse("239.1.2.3"), 2)));
        Assert.Equal(3, Drain().Count);
        Assert.Equal(4000, _stack.Calls.Receive(fd, new byte[5000]));
    }

    private int Bound(int family)
    {
        int fd = _stack.Calls.Socket(family, 2, 0);
        InetAddress any = family == 2 ? InetAddress.Any : InetAddress.IPv6Any;
        Assert.Equal(0, _stack.Calls.Bind(fd, new InetEndpoint(any, Port)));

        // SO_BINDTOIFINDEX: there is no route to groups.
        Assert.Equal(0, Set(fd, 1, 62, 2));
        return fd;
    }

    private int Join(int fd, InetAddress group)
    {
        byte[] request = new byte[136];
        request[0] = 2;
        Name(group, group.IsIPv4 ? 2 : 10).CopyTo(request, 8);
        return _stack.Calls.SetSocketOption(fd, group.IsIPv4 ? 0 : 41, 42, request);
    }

    private int Set(int fd, int level, int name, byte value) =>
        _stack.Calls.SetSocketOption(fd, level, name, [value, 0, 0, 0]);

    private static byte[] Name(InetAddress address, int family, int port = Port)
    {
        byte[] name = new byte[family == 2 ? 16 : 28];
        name[0] = (byte)family;
        name[2] = (byte)(port >> 8);
        name[3] = (byte)port;
        if (family == 2)
        {
            address.Write(name.AsSpan(4));
        }
        else
        {
            address.WriteIPv6(name.AsSpan(8));
        }

        return name;
    }

    private List<byte[]> Drain()
    {
        var frames = new List<byte[]>();
        while (_stack.TryTransmit(out OutboundPacket packet))
        {
            frames.Add(packet.Bytes.ToArray());
        }

        return frames;
    }
}
