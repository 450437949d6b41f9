using System;
using System.Linq;
using System.Runtime.CompilerServices;
using Earshot.Core.Tests.Memory;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Ip;

/// <summary>What routers are told of groups of IPv6 (MLD) on Ethernet. Bytes and pauses are the host kernel's
/// (docs/linux-facts.md); the same of a raw link is held to it by ListenerReportTests of the host tests.</summary>
/// <remarks>Alone: one of them measures the memory of the whole process.</remarks>
[Collection(nameof(AloneCollection))]
public sealed class ListenerReportTests : IDisposable
{
    private const string Link = "fe80::ff:fe00:1";
    private const string None = "::";
    private const string Own = "ff0200000000000000000001ff000001";
    private const string First = "ff150000000000000000000000010003";
    private const string Second = "ff150000000000000000000000020004";
    private const string ToExclude = "04000000";
    private const string ToInclude = "03000000";
    private const string IsExclude = "02000000";
    private LoneStack _stack = Make(detects: false);

    public void Dispose() => _stack.Dispose();

    [Fact]
    public void The_group_of_an_address_is_told_of_at_once_and_three_times_more()
    {
        Seen[] seen = Run(2.5);
        Assert.Equal([.. Enumerable.Repeat("1" + ToExclude + Own, 4)], seen.Select(s => s.Records));
        Assert.All(seen, s => Assert.Equal((Link, "ff02::16"), (s.From, s.To)));
    }

    [Fact]
    public void As_long_as_the_address_is_looked_at_reports_come_from_nobody()
    {
        _stack.Dispose();
        _stack = Make(detects: true);
        Seen[] seen = Run(5);
        Assert.Equal([None, None, Link, Link], seen.Select(s => s.From));
        Assert.InRange(seen[0].At, 0.004, 0.02);
        Assert.InRange(seen[3].At - seen[2].At, 0.008, 1.02);
    }

    [Fact]
    public void A_group_is_told_of_twice_when_it_is_joined_and_when_it_is_left()
    {
        Run(3);
        int fd = Join("ff15::1:3");
        Assert.Equal(["1" + ToExclude + First, "1" + ToExclude + First], Run(1.1).Select(s => s.Records));
        Assert.Equal(0, Membership(fd, 21, "ff15::1:3"));
        Assert.Equal(["1" + ToInclude + First, "1" + ToInclude + First], Run(1.1).Select(s => s.Records));
    }

    [Fact]
    public void A_question_for_all_is_answered_in_one_report_the_newest_group_first()
    {
        Join("ff15::1:3");
        Join("ff15::2:4");
        Run(3);
        Ask("ff02::1", 1000, "::", [2, 125, 0, 0]);
        Seen seen = Assert.Single(Run(2));
        Assert.InRange(seen.At, 0.004, 1.02);
        Assert.Equal("3" + IsExclude + Second + IsExclude + First + IsExclude + Own, seen.Records);
    }

    [Fact]
    public void A_router_of_version_1_is_spoken_to_in_its_words_for_as_long_as_it_is_thought_to_be_there()
    {
        int fd = Join("ff15::1:3");
        Run(3);
        Ask("ff02::1", 1000, "::", []);
        Assert.Equal([(131, First), (131, Own)], Run(2).Select(s => (s.Type, s.Group)).OrderBy(s => s.Group == Own));
        Assert.Equal(0, Membership(fd, 21, "ff15::1:3"));
        Assert.Equal((132, "ff02::2", First), Assert.Single(Run(1)) is var s ? (s.Type, s.To, s.Group) : default);
        Join("ff15::1:3");
        Assert.Equal([(131, First), (131, First)], Run(10.1).Select(s => (s.Type, s.Group)));

        // Two questions and an answer: 2 * 125 + 10 s.
        Run(250);
        Ask("ff15::1:3", 10, "ff15::1:3", [2, 125, 0, 0]);
        Assert.Equal("1" + IsExclude + First, Assert.Single(Run(2)).Records);
    }

    [Fact]
    public void A_flood_of_questions_for_sources_costs_no_memory()
    {
        const int Sources = 80, Questions = 2000, Limit = 1_000_000;
        Run(3);
        Join("ff15::1:3");
        Run(3);
        var random = new Random(618);
        byte[] rest = [2, 125, 0, Sources, .. new byte[Sources * InetAddress.IPv6Length]];
        long before = GC.GetTotalMemory(forceFullCollection: true);
        for (int i = 0; i < Questions; i++)
        {
            random.NextBytes(rest.AsSpan(4));
            Ask("ff15::1:3", ushort.MaxValue, "ff15::1:3", rest);
        }

        long grown = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.True(grown < Limit, $"{grown} bytes for {Questions} questions");
        Assert.Equal("1" + IsExclude + First, Assert.Single(Run(8400)).Records);
    }

    [Fact]
    public void What_another_host_tells_is_not_told_again()
    {
        int fd = Join("ff15::1:3");
        Run(3);
        Ask("ff02::1", 10000, "::", []);
        Give("ff15::1:3", 131, 0, "ff15::1:3", []);
        Assert.DoesNotContain(Run(11), s => s.Group == First);
        Assert.Equal(0, Membership(fd, 21, "ff15::1:3"));
        Assert.Empty(Run(2));
    }

    private static LoneStack Make(bool detects) => new(new InterfaceOptions
    {
        Addresses = [InterfaceAddress.Parse("2001:db8::1/64")],
        Ethernet = new EthernetOptions
        {
            Address = MacAddress.Parse("02:00:00:00:00:01"),
            DetectsDuplicates = detects,
            AcceptsRouters = false,
        },
    });

    private int Join(string group)
    {
        int fd = _stack.Calls.Socket(10, 2, 0);
        Assert.Equal(0, Membership(fd, 20, group));
        return fd;
    }

    private int Membership(int fd, int option, string group)
    {
        byte[] request = new byte[20];
        InetAddress.Parse(group).WriteIPv6(request);
        request[16] = 2;
        return _stack.Calls.SetSocketOption(fd, 41, option, request);
    }

    private void Ask(string to, ushort code, string group, byte[] rest) => Give(to, 130, code, group, rest);

    private void Give(string to, byte type, ushort code, string group, byte[] rest)
    {
        const int Header = 40, Alert = 8;
        byte[] message = [type, 0, 0, 0, (byte)(code >> 8), (byte)code, 0, 0, .. new byte[16], .. rest];
        InetAddress.Parse(group).WriteIPv6(message.AsSpan(8));
        InetAddress from = InetAddress.Parse("fe80::9");
        InetAddress group6 = InetAddress.Parse(to);
        ulong pseudo = Checksum.PseudoHeader(from, group6, 58, message.Length);
        Unsafe.WriteUnaligned(ref message[2], Checksum.Finish(Checksum.Add(message, pseudo)));
        byte[] packet = new byte[Header + Alert + message.Length];
        IpPacket.WriteHeader(
            packet, new IpFields(from, group6, 0, 0, 0, 1, DontFragment: false), Alert + message.Length);
        byte[] alert = [58, 0, 5, 2, 0, 0, 1, 0];
        alert.CopyTo(packet, Header);
        message.CopyTo(packet, Header + Alert);
        byte[] frame = new byte[14 + packet.Length];
        EthernetFrame.WriteHeader(
            frame, MacAddress.ForGroup(group6), MacAddress.Parse("02:00:00:00:00:02"), EthernetFrame.TypeIPv6);
        packet.CopyTo(frame, 14);
        _stack.Give(frame);
    }

    private Seen[] Run(double seconds) =>
    [
        .. _stack.Run(seconds).Where(s => s.Frame[12] == 0x86 && s.Frame[14 + 6] == 0)
            .Select(s => Seen.Of(s.At, s.Frame)),
    ];

    // A report of version 2 as the number of its records and their bytes, one of version 1 as its group.
    private sealed record Seen(double At, string From, string To, int Type, string Group, string Records)
    {
        internal static Seen Of(double at, byte[] frame)
        {
            const int Source = 14 + 8, Destination = 14 + 24, Message = 14 + 40 + 8;
            string body = Convert.ToHexStringLower(frame.AsSpan(Message + 8));
            return new Seen(
                at, InetAddress.ReadIPv6(frame.AsSpan(Source)).ToString(),
                InetAddress.ReadIPv6(frame.AsSpan(Destination)).ToString(), frame[Message], body,
                frame[Message + 7] + body);
        }
    }
}
