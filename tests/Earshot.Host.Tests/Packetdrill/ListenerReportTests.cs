using System;
using System.Buffers.Binary;
using System.Net;
using System.Threading.Tasks;
using Earshot.Lab.Packetdrill;
using Earshot.Lab.Targets;
using Earshot.Tests;
using Xunit;

namespace Earshot.Host.Tests.Packetdrill;

/// <summary>What routers are told of groups of IPv6, by the stack and by the host kernel: the bytes of each report in
/// their order. When they leave is drawn; the test asks for times that leave it no choice.</summary>
public sealed class ListenerReportTests
{
    private const byte Icmp = 58;
    private const byte Query = 130;
    private const byte Report = 131;
    private const int Level = 41;
    private const int Join = 20;
    private const int Leave = 21;
    private static readonly IPAddress First = IPAddress.Parse("ff15::1:3");
    private static readonly IPAddress Second = IPAddress.Parse("ff15::2:4");
    private static readonly IPAddress Router = IPAddress.Parse("fe80::9");
    private static readonly IPAddress AllNodes = IPAddress.Parse("ff02::1");

    [SlowFact(Needs = Needs.Tun)]
    public async Task Joins_leaves_and_questions_bring_the_same_reports()
    {
        (string[] stack, string[] host) = await OwnThread.AskBoth(Tell);
        Assert.NotEmpty(host);
        Assert.Equal(host, stack);
    }

    private static string[] Tell(IPacketTarget target)
    {
        ISocketCalls calls = target.Calls;
        int one = calls.Socket(SocketAddressBytes.Inet6, 2, 0);
        int two = calls.Socket(SocketAddressBytes.Inet6, 2, 0);
        var log = new ReportLog(target, static packet => packet[0] >> 4 == 6 && packet[6] == 0);
        log.Do("join", () => calls.SetOption(one, Level, Join, Request(First)), 1.3);
        log.Do("another joins it", () => calls.SetOption(two, Level, Join, Request(First)), 0.2);
        log.Do("all nodes", () => calls.SetOption(two, Level, Join, Request(AllNodes)), 0.2);
        log.Do("within the host", () => calls.SetOption(two, Level, Join, Request(IPAddress.Parse("ff01::5"))), 0.2);
        log.Do("a second group", () => calls.SetOption(two, Level, Join, Request(Second)), 1.3);
        log.Do("a question", () => Ask(AllNodes, null, [2, 125, 0, 0]), 0.3);
        log.Do("without alert", () => Give(Query, AllNodes, null, [2, 125, 0, 0], alert: false), 0.3);
        log.Do("from afar", () => Give(Query, AllNodes, null, [2, 125, 0, 0], hops: 64), 0.3);
        log.Do("from no link", () => Give(Query, AllNodes, null, [2, 125, 0, 0], IPAddress.Parse("fd00:168::9")), 0.3);
        log.Do("a question for one", () => Ask(Second, Second, [2, 125, 0, 0]), 0.3);
        log.Do("one for a group, asked of all", () => Ask(AllNodes, First, [2, 125, 0, 0]), 0.3);
        log.Do("a question with sources", () => Ask(AllNodes, null, [2, 125, 0, 1, .. Router.GetAddressBytes()]), 0.3);
        log.Do("half a question", () => Ask(AllNodes, null, [2]), 0.3);
        log.Do("one leaves", () => calls.SetOption(one, Level, Leave, Request(First)), 0.3);
        log.Do("the other leaves", () => calls.SetOption(two, Level, Leave, Request(First)), 1.3);
        log.Do("a question of version 1", () => Ask(AllNodes, null, []), 0.3);
        log.Do("one for a group that nobody is in", () => Ask(First, First, []), 0.3);
        log.Do("leaving under version 1", () => calls.SetOption(two, Level, Leave, Request(Second)), 0.3);
        log.Do("joining under version 1", () => calls.SetOption(two, Level, Join, Request(Second)), 10.2);
        log.Do("another host tells of it", () => Give(Report, Second, Second, []), 0.3);
        log.Do("leaving again", () => calls.SetOption(two, Level, Leave, Request(Second)), 0.3);
        return log.Lines;

        int Ask(IPAddress to, IPAddress? group, byte[] rest) => Give(Query, to, group, rest);

        int Give(
            byte type, IPAddress to, IPAddress? group, byte[] rest, IPAddress? from = null, bool alert = true,
            byte hops = 1)
        {
            byte[] message = [type, 0, 0, 0, 0, 1, 0, 0, .. (group ?? IPAddress.IPv6Any).GetAddressBytes(), .. rest];
            target.Inject(Packet(from ?? Router, to, message, alert, hops));
            return 0;
        }
    }

    // Interface 2 is the device, on the stack and in a namespace of its own.
    private static byte[] Request(IPAddress group) => [.. group.GetAddressBytes(), 2, 0, 0, 0];

    private static byte[] Packet(IPAddress from, IPAddress to, byte[] message, bool alert, byte hops)
    {
        byte[] option = alert ? [Icmp, 0, 5, 2, 0, 0, 1, 0] : [];
        byte[] addresses = [.. from.GetAddressBytes(), .. to.GetAddressBytes()];
        byte[] pseudo = [.. addresses, 0, 0, 0, (byte)message.Length, 0, 0, 0, Icmp, .. message];
        BinaryPrimitives.WriteUInt16BigEndian(
            message.AsSpan(2), SegmentBytes.Finish(SegmentBytes.Sum(pseudo, 0)));
        byte first = alert ? (byte)0 : Icmp;
        return
        [
            0x60, 0, 0, 0, 0, (byte)(option.Length + message.Length), first, hops, .. addresses, .. option, .. message,
        ];
    }
}
